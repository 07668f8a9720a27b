//! A signal ends every wait: for standard input, pipes, devices, endless and huge sources, and silent servers.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    io::Write as _,
    net::TcpListener,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use wazzup_contacts::sandbox::Options;

use crate::{
    harness::{Call, Running, World},
    model::{contact, csv, quick},
};

/// Much longer than a wait after a signal (a tenth of a second), and much shorter than any wait without one.
const SOON: Duration = Duration::from_secs(8);

/// Waits until the process has installed its handler of SIGINT.
fn is_listening(running: &Running) {
    let status = format!("/proc/{}/status", running.id());
    let begun = Instant::now();
    loop {
        let status = fs::read_to_string(&status).unwrap();
        let caught = status.lines().find_map(|it| it.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
        if caught >> 1 & 1 == 1 {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60));
        thread::yield_now();
    }
}

#[track_caller]
fn ends_soon(what: &str, running: Running) {
    is_listening(&running);
    let begun = Instant::now();
    running.signal("INT");
    let ran = running.wait().ends_with(130);
    let took = begun.elapsed();
    assert!(took < SOON, "{what}: {took:?}\n{}", ran.shown());
}

fn fifo(world: &World) -> String {
    let path = world.path("contacts.fifo").display().to_string();
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    path
}

#[test]
fn a_silent_pipe_is_not_waited_for() {
    let world = quick(Options::default());
    for command in [
        &["check", "-"][..],
        &["plan", "-"],
        &["import", "-", "--run", "x.run"],
    ] {
        let (reader, _writer) = std::io::pipe().unwrap();
        ends_soon(command[0], world.call(command).start_reading(reader));
    }
    assert!(!world.path("x.run").exists());
    assert_eq!(world.sandbox.count("POST"), 0);
}

#[test]
fn a_fifo_is_not_waited_for_with_or_without_a_writer() {
    let world = quick(Options::default());
    let path = fifo(&world);
    ends_soon("no writer", world.call(["check", &path]).start());
    let running = world.call(["import", &path]).start();
    let mut writer = File::options().write(true).open(&path).unwrap();
    writer.write_all(b"id,name\n1,Ann\n").unwrap();
    ends_soon("a writer that stays", running);
}

#[test]
fn an_endless_source_is_not_read_to_its_end() {
    let world = quick(Options::default());
    ends_soon("/dev/zero", world.call(["check", "/dev/zero"]).start());
    let (reader, mut writer) = std::io::pipe().unwrap();
    let running = world.call(["plan", "-"]).start_reading(reader);
    // It ends with the command, which closes the pipe.
    let endless =
        thread::spawn(move || while writer.write_all(&b"id,name\n".repeat(1 << 10)).is_ok() {});
    ends_soon("an endless pipe", running);
    endless.join().unwrap();
}

#[test]
fn a_file_that_unpacks_to_gigabytes_is_not_read_to_its_end() {
    let world = quick(Options::default());
    let mut packed = zstd::Encoder::new(Vec::new(), 1).unwrap();
    packed.write_all(b"id,name\n").unwrap();
    let rows = b"1,Ann\n".repeat(1 << 16);
    for _ in 0..4_000 {
        packed.write_all(&rows).unwrap();
    }
    let path = world.write("contacts.csv.zst", packed.finish().unwrap());
    let path = path.to_str().unwrap();
    for command in [&["check", path][..], &["plan", path, "--mode", "create"]] {
        ends_soon(command[0], world.call(command).start());
    }
}

#[test]
fn a_web_page_that_is_wide_and_long_is_not_read_to_its_end() {
    let world = quick(Options::default());
    let page = format!("<table>{}", "<tr><td>id<td>name<td>".repeat(2_000_000));
    let path = world.write("contacts.xls", page);
    ends_soon(
        "HTML",
        world.call(["check", path.to_str().unwrap()]).start(),
    );
}

/// A call to a server that accepts connections and never answers.
fn to_silence(world: &World, listener: &TcpListener, args: &[&str]) -> Call {
    let url = format!("http://{}", listener.local_addr().unwrap());
    world.call(args).env("WAZZUP_BASE_URL", url)
}

#[test]
fn a_silent_server_is_not_waited_for_as_long_as_nothing_was_sent() {
    let world = quick(Options::default());
    world.write("contacts.csv", csv((1..=20).map(|n| contact(n, "new"))));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for args in [
        &["auth"][..],
        &["export", "-o", "all.csv"],
        &["get", "1"],
        &["verify", "contacts.csv"],
        &["plan", "contacts.csv"],
        &["import", "contacts.csv", "--run", "x.run"],
    ] {
        let running = to_silence(&world, &silent, args).start();
        let _connection = silent.accept().unwrap();
        ends_soon(args[0], running);
    }
    assert!(!world.path("x.run").exists());
    assert!(!world.path("all.csv").exists());
}

/// A token call may use up the refresh token, so its answer is awaited a little longer, and the loss is reported.
#[test]
fn a_silent_token_server_is_not_waited_for() {
    let world = quick(Options::default());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let partner = |call: Call| {
        call.without("WAZZUP_TOKEN")
            .env("WAZZUP_PARTNER_EMAIL", "partner@example.com")
            .env("WAZZUP_PARTNER_PASSWORD", "p4ssw0rd")
    };
    let simplified = to_silence(&world, &silent, &["auth"]);
    let running = partner(simplified)
        .env("WAZZUP_ACCOUNT_ID", "7204-2419")
        .start();
    let _connection = silent.accept().unwrap();
    ends_soon("simplified authorization", running);

    let refreshing = to_silence(&world, &silent, &["auth"]);
    let mut running = partner(refreshing)
        .env("WAZZUP_CLIENT_ID", "app")
        .env("WAZZUP_REFRESH_TOKEN", "r3fresh")
        .start();
    let _connection = silent.accept().unwrap();
    is_listening(&running);
    running.signal("INT");
    running.says("this call used it up");
    running.wait().ends_with(130);
}

#[test]
fn retries_and_a_slow_token_command_are_not_waited_for() {
    let world = World::new();
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let running = to_silence(&world, &closing, &["export", "-o", "all.csv"]).start();
    for _ in 0..3 {
        drop(closing.accept().unwrap());
    }
    ends_soon("retries", running);
    let command = "profile = \"slow\"\n[profiles.slow]\ntoken_command = \"echo running >&2; exec sleep 1000\"\n";
    world.write("slow.toml", command);
    let mut running = world
        .call(["export", "-o", "all.csv", "--config", "slow.toml"])
        .without("WAZZUP_TOKEN")
        .start();
    running.says("running");
    ends_soon("a token command", running);
}

/// Waits until the main thread waits for the reader of a pipe or to write more. Not every kernel tells.
fn waits_for_reader(running: &Running) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        let place = fs::read_to_string(format!("/proc/{}/wchan", running.id())).unwrap_or_default();
        if ["partner", "fifo", "pipe"]
            .iter()
            .any(|words| place.contains(words))
        {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_output_pipe_without_a_reader_is_not_waited_for() {
    let world = World::new();
    let pipe = fifo(&world);
    world.write("c.csv", csv((1..=3).map(|n| contact(n, "new"))));
    world.write(
        "bad.csv",
        "id,name,whatsapp\n1,Ann,call\n2,Bob,79001112233\n",
    );
    for command in [
        "export -o",
        "export --format xlsx -o",
        "import c.csv --report",
        "import c.csv --metrics",
        "import bad.csv --max-rejects 100% --rejects",
        "report x.run -o",
    ] {
        if command.starts_with("report") {
            world.run(["plan", "c.csv", "-o", "x.run"]).ends_with(0);
        }
        let words = command.split(' ').chain([&*pipe]);
        let running = world.call(words).start();
        waits_for_reader(&running);
        let begun = Instant::now();
        running.signal("TERM");
        let ran = running.wait().ends_with(143);
        assert!(begun.elapsed() < SOON, "{command}");
        assert_eq!(ran.stdout, "", "{command}");
    }
}

#[test]
fn a_reader_that_reads_nothing_is_not_waited_for() {
    let world = quick(Options {
        contacts: 2_000,
        ..Options::default()
    });
    let pipe = fifo(&world);
    let _reader = File::options().read(true).write(true).open(&pipe).unwrap();
    let export = format!(
        "exec {} export > {pipe}",
        env!("CARGO_BIN_EXE_wazzup-contacts")
    );
    let running = world.call_program("sh", ["-c", &export]).start();
    waits_for_reader(&running);
    let begun = Instant::now();
    running.signal("TERM");
    running.wait().ends_with(143);
    assert!(begun.elapsed() < SOON);
}

#[test]
fn the_reader_of_a_requested_pipe_gets_the_whole_file() {
    let world = World::new();
    let pipe = fifo(&world);
    world.write("c.csv", csv((1..=3).map(|n| contact(n, "new"))));
    for (command, words) in [("--report", "</html>"), ("--metrics", "run_exit_code")] {
        let import = world.call(["import", "c.csv", command, &pipe]).start();
        let text = fs::read_to_string(&pipe).unwrap();
        import.wait().ends_with(0);
        assert!(text.contains(words), "{text}");
    }
}

/// The work has not begun, so the first signal exits immediately.
#[test]
fn a_signal_ends_the_wait_for_a_configuration_a_mapping_and_a_token() {
    let world = World::new();
    let pipe = fifo(&world);
    world.write("c.csv", csv((1..=3).map(|n| contact(n, "new"))));
    for command in [
        ["auth", "--config"],
        ["auth", "--token-file"],
        ["check c.csv", "--mapping"],
        ["import c.csv", "--mapping"],
        ["verify c.csv", "--mapping"],
    ] {
        let words = command[0].split(' ').chain([command[1], &pipe]);
        ends_soon(command[1], world.call(words).start());
    }
}
