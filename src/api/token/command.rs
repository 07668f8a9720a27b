//! Runs the command that prints a token or a password: a password manager, a vault, a script.
//!
//! The shell runs it, so pipes work. It gets no input and none of the secrets in the environment, inherits
//! standard error, and its output is never shown. Its background processes are not awaited, although they keep the
//! pipe open.

use std::{
    io::{ErrorKind, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use secrecy::SecretString;

use super::SECRET_VARIABLES;
use crate::{
    api::{clock::Waiter, error::ApiErrorKind},
    progress::{StopReason, WaitFor},
};

/// Timeout. A command may prompt for a password.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

/// Time to read the output after the command ended.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(2);
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// Runs the command under this key of the profile, and returns its trimmed output.
pub(crate) fn run(
    key: &'static str,
    command: &str,
    waiter: &Waiter,
) -> Result<SecretString, ApiErrorKind> {
    let failed = |detail: String| ApiErrorKind::SecretCommand { key, detail };
    let mut child = shell(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("it can't be started: {error}")))?;
    let output = CommandOutput::from(child.stdout.take());
    let _waiting = waiter.waiting(WaitFor::SecretCommand);
    let status = wait(&mut child, waiter)?.map_err(failed)?;
    if !status.success() {
        return Err(failed(format!("it ended with {status}")));
    }
    match output.text(waiter)?.trim() {
        "" => Err(failed("it printed nothing".to_owned())),
        token => Ok(token.into()),
    }
}

fn shell(command: &str) -> Command {
    let (shell, option) = if cfg!(windows) {
        ("cmd", "/C")
    } else {
        ("sh", "-c")
    };
    let mut run = Command::new(shell);
    run.arg(option).arg(command);
    for name in SECRET_VARIABLES {
        run.env_remove(name);
    }
    run
}

/// The output of a command so far.
struct CommandOutput {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl CommandOutput {
    fn from(output: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            if let Some(output) = output {
                read(output.take(OUTPUT_BYTES_MAX), &into);
            }
        });
        Self { bytes, reader }
    }

    /// The whole output, once the command has ended. Uses the system's clock, like the reader thread.
    fn text(&self, waiter: &Waiter) -> Result<String, StopReason> {
        let begun = Instant::now();
        while !self.reader.is_finished() && begun.elapsed() < OUTPUT_TIMEOUT {
            waiter.check()?;
            thread::sleep(POLL);
        }
        let bytes = self.bytes.lock();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Read errors are ignored: the server will reject an incomplete secret.
fn read(mut output: impl Read, into: &Mutex<Vec<u8>>) {
    let mut chunk = [0; 4096];
    loop {
        match output.read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
            Ok(count) => {
                let mut bytes = into.lock();
                bytes.extend_from_slice(&chunk[..count]);
            }
        }
    }
}

/// Waits for the end of the command, or says why it did not end well.
fn wait(child: &mut Child, waiter: &Waiter) -> Result<Result<ExitStatus, String>, StopReason> {
    let deadline = waiter.now() + COMMAND_TIMEOUT;
    loop {
        if let Some(ended) = child.try_wait().transpose() {
            return Ok(ended.map_err(|error| error.to_string()));
        }
        let now = waiter.now();
        let stopped = waiter.until(now + POLL);
        if stopped.is_err() || now >= deadline {
            // An error means that it has already ended.
            let _ = child.kill();
            let _ = child.wait();
            stopped?;
            let limit = COMMAND_TIMEOUT.as_secs();
            return Ok(Err(format!("it did not end within {limit} s")));
        }
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use secrecy::ExposeSecret;

    use super::*;
    use crate::{
        api::{
            ApiError,
            clock::{FakeClock, SystemClock},
        },
        progress::Silent,
    };

    fn waiter() -> Waiter {
        Waiter::new(Arc::new(SystemClock::default()), Arc::new(Silent))
    }

    #[test]
    fn what_the_command_prints_is_the_token() {
        let token = run("token_command", "printf ' abc\\n' | tr b x", &waiter()).unwrap();
        assert_eq!(token.expose_secret(), "axc");
    }

    #[test]
    fn a_command_gets_no_secret_of_the_environment() {
        let command = shell("true");
        let removed = command.get_envs().filter(|(_, value)| value.is_none());
        let mut removed: Vec<_> = removed.map(|(name, _)| name).collect();
        removed.sort_unstable();
        let mut secrets = SECRET_VARIABLES;
        secrets.sort_unstable();
        assert_eq!(removed, secrets);
    }

    #[test]
    fn background_processes_of_the_command_are_not_waited_for() {
        let token = run("token_command", "sleep 600 & echo $!", &waiter()).unwrap();
        let id = token.expose_secret();
        let ended = Command::new("kill").arg(id).status().unwrap();
        assert!(ended.success(), "it still ran");
    }

    #[test]
    fn a_command_that_fails_or_prints_nothing_is_an_error_that_says_so() {
        for (command, words) in [
            ("exit 3", "3"),
            ("true", "nothing"),
            ("/no/such/thing 2>/dev/null", "127"),
        ] {
            let error = ApiError::from(run("token_command", command, &waiter()).unwrap_err());
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.hint().unwrap().contains("token_command"));
        }
    }

    #[test]
    fn a_command_without_end_is_ended() {
        let hasty = Waiter::new(Arc::new(FakeClock::default()), Arc::new(Silent));
        let error = run("token_command", "exec sleep 30", &hasty).unwrap_err();
        assert!(error.to_string().contains("did not end"), "{error}");
    }
}
