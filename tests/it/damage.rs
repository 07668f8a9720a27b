//! Run files that were truncated, altered, made by another version or invented: refused with a clear message, and
//! never sent as wrong data.

use std::fs;

use rusqlite::Connection;
use wazzup_contacts::sandbox::Options;

use crate::{
    harness::{Ran, World},
    model::{assert_holds, contact, csv, quick},
};

const CONTACTS: usize = 200;

/// Updates, creates and deletes, planned and not sent.
fn planned() -> (World, Vec<u8>) {
    let world = quick(Options::default());
    put_back(&world);
    world.write(
        "contacts.csv",
        csv((1..=CONTACTS).map(|n| contact(n, "new"))),
    );
    let plan = "plan contacts.csv -o x.run --mode mirror --max-delete 100% --batch-size 20";
    world.run(plan.split_whitespace()).ends_with(0);
    let bytes = fs::read(world.path("x.run")).unwrap();
    (world, bytes)
}

fn put_back(world: &World) {
    for contact in world.sandbox.contacts() {
        world.sandbox.remove_contact(&contact.id);
    }
    for number in (1..=CONTACTS / 2).chain(901..=910) {
        world.sandbox.put_contact(&contact(number, "old"));
    }
}

fn apply(world: &World, bytes: &[u8]) -> Ran {
    for ending in ["", "-wal", "-shm"] {
        // They may be left from the last time.
        let _ = fs::remove_file(world.path(format!("x.run{ending}")));
    }
    world.write("x.run", bytes);
    world.run(["apply", "x.run", "--yes"])
}

/// What was sent is right, and if the tool reports completion, it is complete.
#[track_caller]
fn assert_harmless(world: &World, ran: &Ran, what: &str) {
    match ran.code {
        Some(0) => assert_holds(&world.sandbox, (1..=CONTACTS).map(|n| contact(n, "new"))),
        Some(1 | 5) => assert!(ran.stderr.contains("error:"), "{what}: {}", ran.shown()),
        _ => panic!("{what}: {}", ran.shown()),
    }
    assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.shown());
    for found in world.sandbox.contacts() {
        let number = found.id.parse().unwrap_or(0);
        let known = found == contact(number, "new") || found == contact(number, "old");
        assert!(known, "{what}: {found:?} is nobody's data");
    }
}

#[test]
fn a_run_file_that_was_cut_anywhere_is_refused() {
    let (world, bytes) = planned();
    for part in 0..24 {
        let length = bytes.len() * part / 24 + part % 3;
        let ran = apply(&world, &bytes[..length]);
        assert_harmless(&world, &ran, &format!("cut to {length}"));
        assert_eq!(ran.code, Some(1), "cut to {length}: {}", ran.shown());
        assert_eq!(
            world.sandbox.count("POST"),
            0,
            "cut to {length}: {}",
            ran.shown()
        );
    }
}

#[test]
fn a_flipped_byte_is_found_or_harmless() {
    let (world, bytes) = planned();
    let mut refused = 0;
    // Most of a small file is the empty part of its pages.
    let used: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
    for place in used.iter().copied().step_by(used.len() / 60) {
        let mut altered = bytes.clone();
        altered[place] ^= 1 << (place % 8);
        put_back(&world);
        let ran = apply(&world, &altered);
        assert_harmless(&world, &ran, &format!("byte {place} flipped"));
        refused += u32::from(ran.code != Some(0));
    }
    assert!(refused > 10, "{refused}");
}

/// A power cut damages at most the journal's last pages. A disk that loses synced data is worse, but costs at most
/// a look-up or a request, and no contact.
#[test]
fn a_journal_that_was_torn_anywhere_still_ends_in_the_right_state() {
    let (world, _) = planned();
    let killed = world
        .call(["apply", "x.run", "--yes", "--concurrency", "2"])
        .env("FAILPOINTS", "answer=7*off->return")
        .run();
    assert_eq!(killed.code, None, "{}", killed.shown());
    let (run, journal) = ["x.run", "x.run-wal"]
        .map(|name| fs::read(world.path(name)).unwrap())
        .into();
    let account = world.sandbox.contacts();
    let lengths = (0..=16).map(|part| journal.len() * part / 16 - part % 2);
    let flipped = (1..=8).map(|part| {
        let mut journal = journal.clone();
        let place = journal.len() * part / 9;
        journal[place] ^= 16;
        journal
    });
    let torn = lengths.map(|length| journal[..length].to_vec());
    for (number, journal) in torn.chain(flipped).enumerate() {
        for contact in world.sandbox.contacts() {
            world.sandbox.remove_contact(&contact.id);
        }
        for contact in &account {
            world.sandbox.put_contact(contact);
        }
        fs::remove_file(world.path("x.run-shm")).ok();
        world.write("x.run-wal", &journal);
        world.write("x.run", &run);
        let ran = world.run(["apply", "x.run", "--yes"]);
        let ran = ran.ends_with(0);
        assert!(!ran.stderr.contains("unknown"), "{number}: {}", ran.shown());
        assert_holds(&world.sandbox, (1..=CONTACTS).map(|n| contact(n, "new")));
    }
}

#[test]
fn a_byte_of_the_contacts_that_was_altered_is_never_sent() {
    let (world, bytes) = planned();
    let run = Connection::open(world.path("x.run")).unwrap();
    let select = "SELECT contacts FROM block WHERE length(contacts) > 30";
    let packed: Vec<u8> = run.query_row(select, [], |row| row.get(0)).unwrap();
    drop(run);
    // A block of this size lies in one page.
    let place = bytes
        .windows(packed.len())
        .position(|window| window == packed)
        .unwrap();
    let mut altered = bytes.clone();
    altered[place + packed.len() / 2] ^= 1;
    let ran = apply(&world, &altered).ends_with(1);
    assert!(ran.stderr.contains("is damaged"), "{}", ran.shown());
    assert!(
        ran.stderr.contains("import the source again"),
        "{}",
        ran.shown()
    );
    assert!(world.sandbox.contact("150").is_none());
}

#[test]
fn another_version_and_what_is_no_run_file_are_named_as_such() {
    let (world, bytes) = planned();
    apply(&world, &bytes).ends_with(0);
    for (version, reader) in [
        (99, "a newer version"),
        (3, "wazzup-contacts 0.2"),
        (2, "wazzup-contacts 0.2"),
        (1, "wazzup-contacts 0.1"),
    ] {
        let run = Connection::open(world.path("x.run")).unwrap();
        run.pragma_update(None, "user_version", version).unwrap();
        drop(run);
        let ran = world.run(["apply", "x.run"]).ends_with(1);
        let named = format!("schema version {version}");
        assert!(ran.stderr.contains(&named), "{}", ran.shown());
        assert!(ran.stderr.contains(reader), "{}", ran.shown());
    }
    world.write("empty.run", "");
    let ran = world.run(["apply", "empty.run"]).ends_with(1);
    assert!(ran.stderr.contains("never completed"), "{}", ran.shown());
    world.write("text.run", "id,name\n1,Ann\n".repeat(100));
    let ran = world.run(["apply", "text.run"]).ends_with(1);
    assert!(ran.stderr.contains("not a run file"), "{}", ran.shown());
    let other = Connection::open(world.path("other.run")).unwrap();
    other.execute_batch("CREATE TABLE t(x)").unwrap();
    drop(other);
    let ran = world.run(["apply", "other.run"]).ends_with(1);
    assert!(ran.stderr.contains("not a run file"), "{}", ran.shown());
    let ran = world.run(["apply", "nowhere.run"]).ends_with(1);
    assert!(
        ran.stderr.contains("wazzup-contacts runs"),
        "{}",
        ran.shown()
    );
    assert!(!world.path("nowhere.run-lock").exists());
}

#[test]
fn counts_that_stop_adding_up_meanwhile_are_a_defect_with_the_numbers() {
    let (world, _) = planned();
    let path = world.path("x.run");
    world
        .sandbox
        .after_request(world.sandbox.request_count() + 2, move |_| {
            let run = Connection::open(path).unwrap();
            run.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
            run.execute("UPDATE block SET blank_count = 5 WHERE no = 0", [])
                .unwrap();
        });
    let ran = world
        .run(["apply", "x.run", "--yes", "--json"])
        .ends_with(70);
    assert!(
        ran.stderr.contains("read = blank + merged"),
        "{}",
        ran.shown()
    );
    assert!(ran.stderr.contains("200 is not 205"), "{}", ran.shown());
    assert_eq!(ran.json()["exit_code"], 70);
}
