//! What a crash must not undo.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn pragma(run: &RunFile, name: &str) -> String {
    let value = run.with(|connection| {
        connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
    });
    format!("{:?}", value.unwrap())
}

#[test]
fn every_transaction_of_a_sealed_run_is_synced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.run");
    let run = RunFile::create(&path).unwrap();
    run.seal().unwrap();
    let synced = || ["Integer(2)", "Text(\"wal\")"].map(str::to_owned);
    let of = |run: &RunFile| ["synchronous", "journal_mode"].map(|name| pragma(run, name));
    assert_eq!(of(&run), synced(), "sealed");
    drop(run);
    let run = RunFile::open(&path).unwrap();
    assert_eq!(of(&run), synced(), "opened");
}

#[test]
fn a_file_in_a_place_that_is_only_to_be_read_has_a_hint() {
    for code in [
        rusqlite::ffi::SQLITE_CANTOPEN,
        rusqlite::ffi::SQLITE_READONLY,
    ] {
        let source = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        let path = PathBuf::from("x.run");
        let hint = RunError::Sqlite { path, source }.hint().unwrap();
        assert!(hint.contains("must be writable"), "{hint}");
    }
}
