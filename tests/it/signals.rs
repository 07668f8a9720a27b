//! Ctrl-C and SIGTERM: the first one stops cleanly, a second Ctrl-C immediately, and neither loses anything.
#![cfg(unix)]

use std::time::{Duration, Instant};

use wazzup_contacts::sandbox::{Faults, Options};

use crate::{
    harness::{Running, World, faults},
    model::{assert_holds, contact, csv, quick},
};

const CONTACTS: usize = 2_000;

/// An import whose answers are held from the eighth on. Returns when the tenth request has arrived.
fn started() -> (World, Running) {
    let world = quick(Options::default());
    world.write(
        "contacts.csv",
        csv((1..=CONTACTS).map(|n| contact(n, "new"))),
    );
    world.sandbox.set_faults(faults(["slow=3600s@8+"]));
    let told = world.when_request(10);
    let import =
        "import contacts.csv --mode create --run x.run --json --concurrency 4 --batch-size 10";
    let running = world.call(import.split_whitespace()).start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    (world, running)
}

/// Waits until the first signal is reported, and returns the line.
fn stopping(running: &mut Running) -> String {
    running.says("requests in flight have 30 s to finish")
}

fn goes_on(world: &World) {
    world.sandbox.set_faults(Faults::default());
    world.run(["apply", "x.run"]).ends_with(0);
    assert_holds(&world.sandbox, (1..=CONTACTS).map(|n| contact(n, "new")));
    for number in 1..=CONTACTS {
        let writes = world.sandbox.writes(&number.to_string());
        assert_eq!((writes.created, writes.updated), (1, 0), "{number}");
    }
}

#[test]
fn the_first_signal_lets_end_what_is_in_flight_and_says_how_to_go_on() {
    let hang_up = cfg!(target_os = "linux").then_some(("HUP", 129));
    for (signal, code) in [("INT", 130), ("TERM", 143)].into_iter().chain(hang_up) {
        let (world, mut running) = started();
        running.signal(signal);
        stopping(&mut running);
        // Sends the answers that were held.
        world.sandbox.set_faults(Faults::default());
        let ran = running.wait().ends_with(code);
        let summary = ran.json();
        assert_eq!(summary["exit_code"], code);
        let resume = summary["resume"].as_str().unwrap();
        assert!(
            resume.starts_with("wazzup-contacts apply x.run"),
            "{resume}"
        );
        assert_eq!(summary["done"]["unknown"], 0, "{}", ran.shown());
        let created = summary["done"]["created"].as_u64().unwrap();
        assert_eq!(
            created,
            world.sandbox.contact_count() as u64,
            "{}",
            ran.shown()
        );
        assert!(created < CONTACTS as u64, "{}", ran.shown());
        assert!(
            ran.stderr
                .contains("to continue: wazzup-contacts apply x.run"),
            "{}",
            ran.shown()
        );
        goes_on(&world);
    }
}

#[test]
fn the_second_signal_ends_at_once_and_loses_nothing() {
    let (world, mut running) = started();
    running.signal("INT");
    let said = stopping(&mut running);
    assert!(said.contains("wazzup-contacts apply x.run"), "{said}");
    let begun = Instant::now();
    running.signal("INT");
    running.wait().ends_with(130);
    assert!(begun.elapsed() < Duration::from_secs(20));
    goes_on(&world);
}

/// `timeout` sends it to the process and to its group.
#[test]
fn a_second_sigterm_does_not_cut_the_end_short() {
    let (world, mut running) = started();
    running.signal("TERM");
    stopping(&mut running);
    running.signal("TERM");
    world.sandbox.set_faults(Faults::default());
    running
        .wait()
        .ends_with(143)
        .tells("to continue: wazzup-contacts apply x.run");
    goes_on(&world);
}

#[test]
fn what_is_in_flight_is_not_waited_for_without_end() {
    let world = quick(Options::default());
    let config = world.read("wazzup.toml");
    world.write("wazzup.toml", config + "grace_ms = 300\n");
    world.write(
        "contacts.csv",
        csv((1..=CONTACTS).map(|n| contact(n, "new"))),
    );
    world.sandbox.set_faults(faults(["slow=3600s"]));
    let told = world.when_request(1);
    let import = [
        "import",
        "contacts.csv",
        "--mode",
        "create",
        "--run",
        "x.run",
        "--json",
    ];
    let running = world.call(import).start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    let begun = Instant::now();
    running.signal("TERM");
    let ran = running.wait().ends_with(143);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(
        ran.json()["done"]["unknown"].as_u64().unwrap() > 0,
        "{}",
        ran.shown()
    );
    goes_on(&world);
}

#[test]
fn a_signal_while_planning_leaves_nothing_behind() {
    let world = quick(Options {
        contacts: 5_000,
        ..Options::default()
    });
    world.write(
        "contacts.csv",
        csv((1..=CONTACTS).map(|n| contact(n, "new"))),
    );
    world.sandbox.set_faults(faults(["slow=3600s@3+"]));
    let told = world.when_request(3);
    let running = world
        .call(["import", "contacts.csv", "--run", "x.run"])
        .start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    running.signal("INT");
    let ran = running.wait().ends_with(130);
    assert!(
        ran.stderr.contains("run the same command again"),
        "{}",
        ran.shown()
    );
    assert_eq!(world.sandbox.count("POST"), 0);
    assert!(!world.path("x.run").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_hang_up_is_ignored_under_nohup() {
    let world = quick(Options::default());
    world.write("contacts.csv", csv((1..=20).map(|n| contact(n, "new"))));
    world.sandbox.set_faults(faults(["slow=3600s@2+"]));
    let told = world.when_request(2);
    let script = format!(
        "trap '' HUP; exec {} import contacts.csv --batch-size 5 --concurrency 1 --run x.run",
        env!("CARGO_BIN_EXE_wazzup-contacts")
    );
    let running = world.call_program("sh", ["-c", &script]).start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    running.signal("HUP");
    world.sandbox.set_faults(Faults::default());
    running.wait().ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 20);
}
