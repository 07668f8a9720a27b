//! A world for one test: a directory, an environment, a sandbox, and a way to run the binary in them.
//!
//! The harness isolates tests from the machine: the environment is emptied, the home and all XDG directories are
//! inside the world's own directory, and the only server is the sandbox in this process. Values that vary (paths,
//! ports, times, names of runs, durations, rates) are masked in every `insta` assertion that a test makes while
//! its world exists.
#![allow(
    dead_code,
    reason = "a harness is complete before every part of it has a user"
)]

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use wazzup_contacts::sandbox::{Faults, Options, Sandbox};

/// Longer than any test's command takes on a busy machine, so that a hang becomes a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// Variables that processes need to start and to be measured, without effect on behaviour.
const KEPT: [&str; 3] = ["PATH", "SystemRoot", "LLVM_PROFILE_FILE"];

/// Patterns of values that vary, and their replacements.
const MASKS: [(&str, &str); 11] = [
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
    (
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
        "[TIME]",
    ),
    // A second run of the same minute has a number behind its name.
    (
        r"\b\d{4}-\d\d-\d\dT\d{4}-([a-z]+(?:-[a-z]+)*)(-\d+)?",
        "[TIME]-$1",
    ),
    (r#""seconds":\s*[\d.]+"#, r#""seconds":[SECONDS]"#),
    (r#""(p50|p99)":\s*[\d.]+"#, r#""$1":[MS]"#),
    (
        r"\b[\d,.]+ ?((contacts|rows|requests)/s\b|/s\b|per second\b)",
        "[RATE] $1",
    ),
    (r"\b(\d+(\.\d+)? ?(ms|µs)|\d+\.\d+ ?s)\b", "[DURATION]"),
    // On a slow machine.
    (r"time      \d+ (s|min \d+ s)\b", "time      [DURATION]"),
    (r"\bin \d+ ?s\b", "in [DURATION]"),
    // How far a listing reads beyond the end depends on which of its threads is first.
    (r"requests  [\d,]+ sent", "requests  [N] sent"),
    (r"at most [\d,]+ in", "at most [N] in"),
];

/// A directory, an environment and a sandbox, which end with the test.
pub(crate) struct World {
    /// The server.
    pub(crate) sandbox: Sandbox,
    dir: tempfile::TempDir,
    _masks: insta::internals::SettingsBindDropGuard,
}

impl World {
    /// A world with an empty account and a documented API.
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    /// A world whose API behaves as the options say.
    pub(crate) fn with(options: Options) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("wazzup-it-")
            .tempdir()
            .expect("a temporary directory");
        let masks = masks(dir.path()).bind_to_scope();
        Self {
            sandbox: Sandbox::start(options).expect("a sandbox on loopback"),
            dir,
            _masks: masks,
        }
    }

    /// The working directory of every command.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A path inside the working directory.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir().join(name)
    }

    /// Writes a file into the working directory.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is inside the directory")).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    /// The text of a file in the working directory.
    pub(crate) fn read(&self, name: impl AsRef<Path>) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Runs the binary with these arguments to its end.
    pub(crate) fn run<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Ran {
        self.call(args).run()
    }

    /// A run of the binary that can still be changed. By default, it uses the sandbox and its token.
    pub(crate) fn call<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Call {
        self.call_program(env!("CARGO_BIN_EXE_wazzup-contacts"), args)
    }

    /// Like [`World::call`], for another program, such as a shell that restricts the binary.
    pub(crate) fn call_program<I: AsRef<OsStr>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = I>,
    ) -> Call {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.dir()).env_clear();
        let kept = KEPT.map(|name| (name, std::env::var_os(name)));
        command.envs(
            kept.into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let home = self.path("home");
        let homes = [
            ("HOME", ""),
            ("USERPROFILE", ""),
            ("APPDATA", "config"),
            ("LOCALAPPDATA", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CACHE_HOME", "cache"),
        ];
        command
            .envs(homes.map(|(name, folder)| (name, home.join(folder))))
            .env("TZ", "UTC")
            .env("LANG", "C.UTF-8")
            .env("WAZZUP_BASE_URL", self.sandbox.base_url())
            .env("WAZZUP_TOKEN", self.sandbox.token());
        Call {
            command,
            stdin: Vec::new(),
        }
    }

    /// Notifies when request `number` has been carried out, which is the moment to kill or to change something.
    pub(crate) fn when_request(&self, number: u64) -> Receiver<()> {
        let (tell, told) = mpsc::channel();
        self.sandbox.after_request(number, move |_| {
            // A test that no longer listens is not interested.
            let _ = tell.send(());
        });
        told
    }
}

/// A server for pings: records the path of each request and answers with a status.
pub(crate) struct PingServer {
    url: String,
    paths: Receiver<String>,
}

impl PingServer {
    /// A server that answers the requests with these statuses in turn, and all others with 200.
    pub(crate) fn start(statuses: impl IntoIterator<Item = u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let url = format!("http://{}/s3cret-uuid", listener.local_addr().unwrap());
        let mut statuses: Vec<u16> = statuses.into_iter().collect();
        statuses.reverse();
        let (tell, paths) = mpsc::channel();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let mut lines = BufReader::new(&connection).lines();
                let head = lines.next().and_then(Result::ok).unwrap_or_default();
                let _ = lines.find(|line| line.as_ref().map_or(true, String::is_empty));
                drop(lines);
                let status = statuses.pop().unwrap_or(200);
                // Before the answer, after which the command may end.
                if tell.send(head).is_err() {
                    return;
                }
                // The command may have given up.
                let _ = write!(
                    connection,
                    "HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
            }
        });
        Self { url, paths }
    }

    /// The URL to ping, which has a secret in it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The pings so far, each without the secret: `/start`, `/0`.
    pub(crate) fn pings(&self) -> Vec<String> {
        let event = |head: String| {
            let path = head.split(' ').nth(1).expect("a request has a path");
            path.trim_start_matches("/s3cret-uuid").to_owned()
        };
        self.paths.try_iter().map(event).collect()
    }
}

/// Faults in the syntax of `sandbox --fault`.
pub(crate) fn faults<R: AsRef<str>>(rules: impl IntoIterator<Item = R>) -> Faults {
    Faults::new(rules).expect("rules are well-formed")
}

/// True if a program can be started. Otherwise the checks that need it are skipped with a message.
#[expect(clippy::print_stderr, reason = "the message of a skipped check")]
pub(crate) fn is_installed(program: &str) -> bool {
    let version = Command::new(program).arg("--version").output();
    if version.is_err() {
        eprintln!("{program} is not installed: what it would check is skipped");
    }
    version.is_ok()
}

/// A file that is distributed with the tool.
pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(name)
}

fn masks(dir: &Path) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    let literal = |path: &Path| {
        path.display()
            .to_string()
            .replace('\\', r"\\")
            .replace('.', r"\.")
    };
    // Where the temporary directory is reached through a link, the tool may show either path.
    if let Ok(real) = dir.canonicalize() {
        settings.add_filter(&literal(&real), "[DIR]");
    }
    settings.add_filter(&literal(dir), "[DIR]");
    for (pattern, shown) in MASKS {
        settings.add_filter(pattern, shown);
    }
    settings
}

/// A command that has not started yet.
pub(crate) struct Call {
    command: Command,
    stdin: Vec<u8>,
}

impl Call {
    /// Sets this variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes this variable, such as `WAZZUP_TOKEN`.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Sets another working directory.
    pub(crate) fn within(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Sets standard input, which is empty by default.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Runs to the end. Fails the test if that takes too long.
    pub(crate) fn run(self) -> Ran {
        let mut command = assert_cmd::Command::from_std(self.command);
        let output = command.write_stdin(self.stdin).timeout(PATIENCE).output();
        Ran::new(&output.expect("the binary starts"))
    }

    /// Like [`Call::run`], with one pipe for both streams, as on a terminal. Returns the output.
    pub(crate) fn merged(mut self) -> String {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let both = writer.try_clone().expect("a second end");
        self.command
            .stdin(Stdio::null())
            .stdout(both)
            .stderr(writer);
        let mut child = self.command.spawn().expect("the binary starts");
        // The command holds the ends of the pipe, too.
        drop(self.command);
        let mut printed = String::new();
        reader
            .read_to_string(&mut printed)
            .expect("output is UTF-8");
        child.wait().expect("it ends");
        printed
    }

    /// Like [`Call::run`], with a pipe without a reader as standard error.
    pub(crate) fn unheard(mut self) -> Ran {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = self.command.stdin(Stdio::null()).stderr(writer).output();
        Ran::new(&output.expect("the binary starts"))
    }

    /// Like [`Call::run`], with a pipe without a reader as standard output.
    pub(crate) fn unread(mut self) -> Ran {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = self.command.stdin(Stdio::null()).stdout(writer).output();
        Ran::new(&output.expect("the binary starts"))
    }

    /// Like [`Call::run`], on a terminal with this many columns and `typed` as input. Returns the exit code and
    /// the output of the terminal.
    #[cfg(unix)]
    pub(crate) fn on_terminal(self, columns: u16, typed: &str) -> (Option<i32>, String) {
        self.watched_on_terminal(columns, typed, &[], || {})
    }

    /// Like [`Call::on_terminal`] without input. Calls `then` once all these words were shown, which must happen for
    /// the command to end.
    #[cfg(unix)]
    pub(crate) fn on_terminal_until(
        self,
        words: &[&str],
        then: impl FnOnce(),
    ) -> (Option<i32>, String) {
        self.watched_on_terminal(100, "", words, then)
    }

    #[cfg(unix)]
    fn watched_on_terminal(
        mut self,
        columns: u16,
        typed: &str,
        words: &[&str],
        then: impl FnOnce(),
    ) -> (Option<i32>, String) {
        use rustix::{pty, termios};

        let terminal = pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).unwrap();
        pty::grantpt(&terminal).unwrap();
        pty::unlockpt(&terminal).unwrap();
        let size = termios::Winsize {
            ws_row: 40,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let path = pty::ptsname(&terminal, Vec::new()).unwrap();
        let mut options = fs::OpenOptions::new();
        let end = options.read(true).write(true);
        let end = end.open(path.to_str().unwrap()).unwrap();
        termios::tcsetwinsize(&end, size).unwrap();
        let mut terminal = fs::File::from(terminal);
        terminal.write_all(typed.as_bytes()).unwrap();
        self.command
            .env("TERM", "xterm")
            .stdin(end.try_clone().unwrap())
            .stdout(end.try_clone().unwrap())
            .stderr(end);
        let mut child = self.command.spawn().expect("the binary starts");
        // The command holds the other end of the terminal, too.
        drop(self.command);
        let (mut sent, mut then) = (Vec::new(), Some(then));
        let mut buffer = [0; 4096];
        // Reading fails once the other end is closed.
        while let Ok(length @ 1..) = terminal.read(&mut buffer) {
            sent.extend_from_slice(&buffer[..length]);
            let shown = String::from_utf8_lossy(&sent);
            if words.iter().all(|word| shown.contains(word))
                && let Some(then) = then.take()
            {
                then();
            }
        }
        let code = child.wait().expect("it ends").code();
        (code, String::from_utf8(sent).expect("output is UTF-8"))
    }

    /// Starts the command and returns immediately. Standard input is empty.
    pub(crate) fn start(self) -> Running {
        self.start_reading(Stdio::null())
    }

    /// Like [`Call::start`], with this as standard input.
    pub(crate) fn start_reading(mut self, stdin: impl Into<Stdio>) -> Running {
        let mut child = self
            .command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        Running {
            stdout: Heard::from(child.stdout.take().expect("it is piped")),
            stderr: Heard::from(child.stderr.take().expect("it is piped")),
            child,
        }
    }
}

/// One of a command's outputs, read line by line.
struct Heard {
    lines: Receiver<String>,
    text: String,
}

impl Heard {
    fn from(output: impl Read + Send + 'static) -> Self {
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = String::new();
            while output.read_line(&mut line).expect("output is UTF-8") > 0 {
                // A test that has ended is not interested.
                let _ = tell.send(std::mem::take(&mut line));
            }
        });
        let text = String::new();
        Self { lines, text }
    }

    /// The next line with these words.
    #[track_caller]
    fn line_with(&mut self, words: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("`{words}` was not said:\n{}", self.text);
            };
            self.text.push_str(&line);
            if line.contains(words) {
                return line;
            }
        }
    }

    fn everything(&mut self) -> String {
        self.text.extend(self.lines.iter());
        std::mem::take(&mut self.text)
    }
}

/// A running command, which is killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Heard,
    stderr: Heard,
}

impl Running {
    /// SIGKILL.
    pub(crate) fn kill(mut self) -> Ran {
        self.child.kill().unwrap();
        self.wait()
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name without `SIG`: `INT`, `TERM`.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success(), "SIG{name} was not delivered");
    }

    /// Waits for these words on standard error, and returns the line.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) -> String {
        self.stderr.line_with(words)
    }

    /// Waits for these words on standard output, and returns the line.
    #[track_caller]
    pub(crate) fn prints(&mut self, words: &str) -> String {
        self.stdout.line_with(words)
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> Ran {
        let ended = self.child.wait().unwrap();
        Ran {
            code: ended.code(),
            stdout: self.stdout.everything(),
            stderr: self.stderr.everything(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The output of a command and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    /// The result.
    pub(crate) stdout: String,
    /// Progress, warnings and errors.
    pub(crate) stderr: String,
}

impl Ran {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Fails the test, with all output, unless the messages contain these words.
    #[track_caller]
    pub(crate) fn tells(self, words: &str) -> Self {
        assert!(self.said().contains(words), "{}", self.shown());
        self
    }

    /// All output, standard error first.
    pub(crate) fn said(&self) -> String {
        [&*self.stderr, &*self.stdout].concat()
    }

    /// Fails the test, with all output, unless it ended with this code.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.shown());
        self
    }

    /// Standard output as a single JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\n{}", self.shown()))
    }

    /// All output, for a snapshot.
    pub(crate) fn shown(&self) -> String {
        let code = self
            .code
            .map_or("by a signal".to_owned(), |code| code.to_string());
        let Self { stdout, stderr, .. } = self;
        format!("exit: {code}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}
