//! Malicious run files.

use std::{
    fs,
    io::Read as _,
    os::unix::fs::symlink,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use wazzup_contacts::sandbox::Options;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    harness::{Ran, World},
    model::{contact, csv, quick},
};

/// Every command that opens a run file by its name.
const OPENERS: [&[&str]; 4] = [
    &["runs", "show", "x.run"],
    &["verify", "x.run"],
    &["undo", "x.run", "--yes"],
    &["apply", "x.run", "--yes"],
];

/// Longer than a refusal takes in a debug build on a busy machine, but far from endless.
const SOON: Duration = Duration::from_secs(20);

/// A planned run with creates, updates, deletes, unchanged and rejected rows, and its bytes.
fn planned() -> (World, Vec<u8>) {
    let world = quick(Options::default());
    for number in (1..=9).chain(901..=904) {
        world.sandbox.put_contact(&contact(number, "old"));
    }
    let rows = csv((1..=20).map(|n| contact(n, if n < 4 { "old" } else { "new" })));
    let rejected = "bad,,,,x\n";
    world.write("a.csv", [rows, rejected.to_owned()].concat());
    let plan = "plan a.csv -o x.run --mode mirror --max-delete 100% --batch-size 5";
    world.run(plan.split_whitespace()).ends_with(3);
    let bytes = fs::read(world.path("x.run")).unwrap();
    (world, bytes)
}

fn put(world: &World, bytes: &[u8]) {
    for ending in ["-wal", "-shm", "-journal"] {
        // They may be left from the last time.
        let _ = fs::remove_file(world.path(format!("x.run{ending}")));
    }
    world.write("x.run", bytes);
}

fn altered(world: &World, bytes: &[u8], sql: &str) {
    put(world, bytes);
    let run = Connection::open(world.path("x.run")).unwrap();
    run.execute_batch(&["PRAGMA foreign_keys = OFF;", sql].concat())
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Runs a command with 1 GB of memory.
fn open(world: &World, command: &[&str]) -> Ran {
    let limited = "ulimit -v 1500000; exec \"$0\" \"$@\"";
    let binary = env!("CARGO_BIN_EXE_wazzup-contacts");
    let started = Instant::now();
    let args = [&["-c", limited, binary], command].concat();
    let ran = world.call_program("sh", args).run();
    let seconds = started.elapsed();
    assert!(seconds < SOON, "{seconds:?}: {}", ran.shown());
    assert!(!ran.stderr.contains("panicked"), "{}", ran.shown());
    ran
}

#[track_caller]
fn assert_refused(world: &World, words: &str, what: &str) {
    let before = world.sandbox.contacts();
    for command in OPENERS {
        let ran = open(world, command);
        assert_eq!(ran.code, Some(1), "{what}: {command:?}: {}", ran.shown());
        assert!(
            ran.stderr.contains(words),
            "{what}: {command:?}: {}",
            ran.shown()
        );
    }
    assert_eq!(world.sandbox.contacts(), before, "{what}");
}

#[test]
fn a_directory_is_not_opened_as_a_run_file() {
    let world = World::new();
    fs::create_dir(world.path("x.run")).unwrap();
    for command in OPENERS {
        let ran = world.run(command);
        assert!(matches!(ran.code, Some(1 | 2)), "{}", ran.shown());
    }
}

#[test]
fn a_schema_that_is_not_exactly_ours_is_refused_before_it_is_used() {
    const ENDLESS: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)";
    let (world, bytes) = planned();
    let many: Vec<_> = (0..3_000)
        .map(|n| format!("CREATE TABLE t{n}(x);"))
        .collect();
    let deep = format!(
        "CREATE VIEW deep AS SELECT {}1{};",
        "(".repeat(90),
        ")".repeat(90)
    );
    let long = format!("CREATE VIEW long AS SELECT '{}';", "x".repeat(100_000));
    let schemas = [
        format!(
            "ALTER TABLE fact RENAME TO f; CREATE VIEW fact AS {ENDLESS} SELECT 'state' AS name, x AS value FROM n WHERE x < 0;"
        ),
        format!("CREATE VIEW endless AS {ENDLESS} SELECT x FROM n;"),
        "CREATE VIEW contact AS SELECT no FROM block;".to_owned(),
        format!("CREATE VIEW contact AS {ENDLESS} SELECT x FROM n;"),
        "CREATE TRIGGER t AFTER UPDATE ON batch BEGIN UPDATE deletion SET id = '1'; END;".to_owned(),
        "CREATE TABLE other(x);".to_owned(),
        "CREATE TABLE o(x, y AS (x + 1));".to_owned(),
        "ALTER TABLE reject ADD COLUMN y AS (row + 1);".to_owned(),
        "ALTER TABLE deletion RENAME TO deletions;".to_owned(),
        "ALTER TABLE batch RENAME COLUMN attempts TO attempt;".to_owned(),
        "CREATE INDEX i ON fact(abs(length(value)));".to_owned(),
        "DROP INDEX snapshot_id; CREATE INDEX snapshot_id ON snapshot(lower(id));".to_owned(),
        "CREATE VIRTUAL TABLE v USING fts5(x);".to_owned(),
        "DROP TABLE reject; CREATE TABLE reject(no, source, row, seq, id, column, code, reason, at);".to_owned(),
        "ANALYZE;".to_owned(),
        many.concat(),
        deep,
        long,
    ];
    for schema in schemas {
        altered(&world, &bytes, &schema);
        let what = &schema[..schema.len().min(100)];
        assert_refused(&world, "not a run file of this tool", what);
    }
}

#[test]
fn pages_of_another_size_are_not_ours() {
    let (world, bytes) = planned();
    let smaller = "PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM;";
    altered(&world, &bytes, smaller);
    assert_refused(&world, "not a run file of this tool", "page size");
}

#[test]
fn a_value_that_is_impossible_is_damage() {
    let (world, bytes) = planned();
    let nested = format!(
        "UPDATE fact SET value = '{}' WHERE name = 'about';",
        "[".repeat(200_000)
    );
    for change in [
        "UPDATE batch SET count = 'many' WHERE no = 0;",
        "UPDATE batch SET count = -1 WHERE no = 0;",
        "UPDATE batch SET count = 9223372036854775807;",
        "UPDATE batch SET count = 4000000000 WHERE no = 0;",
        "UPDATE batch SET count = 2.5;",
        "UPDATE batch SET last_seq = 9223372036854775807;",
        "UPDATE batch SET first_seq = 0, last_seq = 19;",
        "UPDATE batch SET attempts = -9223372036854775808;",
        "UPDATE batch SET attempts = x'00';",
        "UPDATE block SET row_count = 4294967295;",
        "UPDATE block SET row_count = 9223372036854775807, blank_count = 9223372036854775807;",
        "UPDATE block SET first_seq = 9223372036854775800;",
        "UPDATE block SET first_seq = 5;",
        "UPDATE block SET first_row = -5;",
        "UPDATE block SET source = 4294967296;",
        "UPDATE block SET hash = 'x';",
        "UPDATE block SET contacts = zeroblob(200000000);",
        "UPDATE block SET contacts = '[]';",
        "UPDATE block SET contacts = x'5b5d';",
        "UPDATE decision SET codes = zeroblob(1000000);",
        "UPDATE reject SET row = 'x';",
        "UPDATE reject SET source = -1;",
        "UPDATE change SET snapshot = 1e300;",
        "UPDATE deletion SET seq = seq - 1;",
        "UPDATE deletion SET id = x'ff00ff';",
        "UPDATE snapshot SET json = zeroblob(9);",
        "UPDATE fact SET value = x'7b7d' WHERE name = 'about';",
        "UPDATE fact SET value = '{}' WHERE name = 'about';",
        "DELETE FROM fact WHERE name = 'about';",
        &nested,
    ] {
        altered(&world, &bytes, change);
        let what = &change[..change.len().min(100)];
        assert_refused(&world, "is damaged", what);
    }
}

/// Bytes of a text with their hash, as the tool itself stores them.
fn hashed(column: &str, text: &str) -> String {
    let hash = xxh3_64_with_seed(text.as_bytes(), 0).cast_signed();
    format!("UPDATE block SET {column} = '{text}', hash = {hash} WHERE no = 0;")
}

#[test]
fn texts_that_are_no_contacts_are_damage_even_with_the_right_hash() {
    let (world, bytes) = planned();
    let contacts: Vec<String> = (1..=20).map(|n| format!("{{\"id\":\"{n}\"}}")).collect();
    let nested = "[".repeat(100_000);
    let honest = format!("[{}]", contacts.join(",\n"));
    let smuggled = honest.replace("{\"id\":\"15\"}", "{\"id\":\"15\"},{\"id\":\"8\"}");
    for text in ["\n", "\n\n\n", "", "[", "]", "[\n]", &nested, &smuggled] {
        altered(&world, &bytes, &hashed("contacts", text));
        for command in [OPENERS[1], OPENERS[3]] {
            let ran = open(&world, command);
            assert_eq!(ran.code, Some(1), "{text:.50}: {}", ran.shown());
        }
    }
    for rows in [
        "[]",
        "[[0,18446744073709551615]]",
        "[[9,1],[0,2]]",
        "[[5,5]]",
    ] {
        altered(
            &world,
            &bytes,
            &format!("UPDATE block SET rows = '{rows}';"),
        );
        for command in OPENERS {
            open(&world, command);
        }
    }
    assert!(!world.sandbox.contact("7").unwrap().name.is_empty());
}

#[test]
fn rejects_that_point_nowhere_and_bombs_are_damage() {
    let (world, bytes) = planned();
    let bomb = zstd::encode_all(std::io::repeat(b'x').take(1 << 30), 1).unwrap();
    altered(&world, &bytes, "SELECT 1");
    let run = Connection::open(world.path("x.run")).unwrap();
    run.execute("UPDATE block SET cells = ?1", [bomb]).unwrap();
    drop(run);
    let ran = open(&world, &["apply", "x.run", "--yes"]);
    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    assert!(ran.stderr.contains("too long"), "{}", ran.shown());
    let many_columns = serde_json::to_string(&vec!["c"; 100_000]).unwrap();
    for change in [
        "UPDATE reject SET source = 7;",
        "UPDATE reject SET row = 70000;",
        "DELETE FROM source;",
        "UPDATE source SET columns = '[]';",
        &format!("UPDATE source SET columns = '{many_columns}';"),
    ] {
        altered(&world, &bytes, change);
        open(&world, &["apply", "x.run", "--yes"]);
    }
}

#[test]
fn a_rollback_journal_beside_a_run_file_is_neither_played_back_nor_followed() {
    let (world, bytes) = planned();
    let journal = world.path("x.run-journal");
    let elsewhere = world.path("elsewhere");
    let make_fifo = || {
        let made = std::process::Command::new("mkfifo").arg(&journal).status();
        assert!(made.unwrap().success());
    };
    let plants: [&dyn Fn(); 3] = [
        &|| fs::write(&journal, [0xd9; 600]).unwrap(),
        &|| symlink(&elsewhere, &journal).unwrap(),
        &make_fifo,
    ];
    for plant in plants {
        put(&world, &bytes);
        plant();
        assert_refused(&world, "x.run-journal beside it does not belong", "journal");
        assert!(journal.symlink_metadata().is_ok());
        assert!(!elsewhere.exists());
        assert_eq!(fs::read(world.path("x.run")).unwrap(), bytes);
    }
}

#[test]
fn the_other_files_of_a_run_are_its_own() {
    let (world, bytes) = planned();
    let precious = world.write("precious", "precious");
    for ending in ["-wal", "-shm"] {
        let side = world.path(format!("x.run{ending}"));
        let plants: [&dyn Fn(); 3] = [
            &|| fs::hard_link(&precious, &side).unwrap(),
            &|| symlink(&precious, &side).unwrap(),
            &|| symlink(world.path("elsewhere"), &side).unwrap(),
        ];
        for plant in plants {
            put(&world, &bytes);
            plant();
            assert_refused(&world, "beside it does not belong", ending);
            fs::remove_file(world.path("x.run")).unwrap();
            let ran = open(&world, &["import", "a.csv", "--run", "x.run"]);
            assert_eq!(ran.code, Some(1), "{}", ran.shown());
            assert!(!world.path("x.run").exists(), "{}", ran.shown());
            assert_eq!(world.read("precious"), "precious", "{}", ran.shown());
            assert!(!world.path("elsewhere").exists());
        }
    }
}
