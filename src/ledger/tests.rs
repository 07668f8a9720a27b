#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use super::*;
use crate::run::Tally;

fn ledger(state: &Path, account: &str) -> Ledger {
    Ledger::open(state, account)
}

#[test]
fn another_account_of_the_same_profile_is_noticed_in_the_next_process() {
    let state = tempfile::tempdir().unwrap();
    let open = |account| ledger(state.path(), account);
    assert!(!open("a").may_differ("shop"));
    open("a").record_writer("shop", "1.run").unwrap();
    assert!(!open("a").may_differ("shop"));
    assert!(open("b").may_differ("shop"));
    assert!(!open("b").may_differ("other"));
    open("b").record_writer("shop", "2.run").unwrap();
    assert!(open("a").may_differ("shop"));
    assert!(!open("b").may_differ("shop"));
}

#[test]
fn ledgers_that_are_created_at_the_moment_are_not_in_doubt() {
    let state = tempfile::tempdir().unwrap();
    let work = |thread: u32| {
        for number in 0..10 {
            let mut own = ledger(state.path(), &format!("{thread}-{number}"));
            let profile = format!("shop {thread} {number}");
            assert!(!own.may_differ(&profile));
            own.record_writer(&profile, "1.run").unwrap();
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || work(thread));
        }
    });
    let all = Ledger::all(state.path()).unwrap();
    assert!(all.map(|ledger| ledger.writes()).eq([1; 40]));
}

#[test]
fn writers_are_counted_for_each_account() {
    let state = tempfile::tempdir().unwrap();
    ledger(state.path(), "a")
        .record_writer("shop", "1.run")
        .unwrap();
    let a = ledger(state.path(), "a");
    assert!(a.may_be_written_since(0, "2.run"));
    assert!(!a.may_be_written_since(0, "1.run"));
    assert!(!a.may_be_written_since(a.writes(), "2.run"));
    assert!(!ledger(state.path(), "b").may_be_written_since(0, "2.run"));
}

#[test]
fn an_unreadable_ledger_may_hold_anything_and_is_replaced_by_the_first_write() {
    let state = tempfile::tempdir().unwrap();
    fs::create_dir(directory(state.path())).unwrap();
    fs::write(directory(state.path()).join("a.db"), [b'x'; 5_000]).unwrap();
    let mut a = ledger(state.path(), "a");
    assert!(a.may_differ("shop"));
    assert!(a.may_be_written_since(9, "1.run"));
    assert!(ledger(state.path(), "b").may_differ("shop"));
    assert!(!ContactRecords::open(state.path(), "a", "shop").is_found());
    a.record_writer("shop", "1.run").unwrap();
    let a = ledger(state.path(), "a");
    assert!(!a.may_differ("shop"));
    assert!(a.may_be_written_since(9, "2.run"));
}

#[test]
fn a_rejects_file_is_untouched_until_it_is_edited() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("contacts.rejected.csv");
    fs::write(&path, "a").unwrap();
    let origin = RejectsOrigin::new(&["/data/contacts.csv".into()], "shop");
    assert!(!may_replace_rejects(
        &ledger(state.path(), "a"),
        &path,
        &origin
    ));
    record_rejects(&mut ledger(state.path(), "a"), &path, &origin).unwrap();
    for account in ["a", "b"] {
        assert!(
            may_replace_rejects(&ledger(state.path(), account), &path, &origin),
            "{account}"
        );
    }
    fs::write(&path, "ab").unwrap();
    assert!(!may_replace_rejects(
        &ledger(state.path(), "a"),
        &path,
        &origin
    ));
}

#[test]
fn rejects_are_replaced_by_those_of_their_source_and_profile() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("contacts.rejected.csv");
    fs::write(&path, "a").unwrap();
    let origin = |source: &str, profile| RejectsOrigin::new(&[source.into()], profile);
    let mut recorded = ledger(state.path(), "a");
    let night = origin("/a/contacts-2026-11-28.csv", "shop");
    record_rejects(&mut recorded, &path, &night).unwrap();
    for (source, profile, may_replace) in [
        ("/a/contacts-2026-11-29.csv", "shop", true),
        ("/b/contacts-2026-11-28.csv", "shop", false),
        ("/a/contacts-2026-11-28.csv", "depot", false),
        ("/a/contacts-2026-11-28.csv", "", true),
        ("/b/contacts-2026-11-28.csv", "", false),
    ] {
        assert_eq!(
            may_replace_rejects(&recorded, &path, &origin(source, profile)),
            may_replace,
            "{source} {profile}"
        );
    }
}

fn store(state: &Path, id: u128, digest: u128) {
    let mut records = ContactRecords::open(state, "account", "shop");
    records.runs_since_full = 3;
    records
        .write::<IoError>(|writer| writer.insert(id, digest))
        .unwrap();
}

#[test]
fn records_come_back_for_their_account_and_profile_only() {
    let state = tempfile::tempdir().unwrap();
    assert!(!ContactRecords::open(state.path(), "account", "shop").is_found());
    store(state.path(), u128::MAX, 7);
    let records = ContactRecords::open(state.path(), "account", "shop");
    assert!(records.is_found());
    assert_eq!(records.runs_since_full, 3);
    assert_eq!(records.get(u128::MAX).unwrap(), Some(7));
    assert_eq!(records.get(1).unwrap(), None);
    assert!(!ContactRecords::open(state.path(), "other", "shop").is_found());
    assert!(!ContactRecords::open(state.path(), "account", "other").is_found());
}

#[test]
fn reset_forgets_on_disk() {
    let state = tempfile::tempdir().unwrap();
    store(state.path(), 1, 2);
    let mut records = ContactRecords::open(state.path(), "account", "shop");
    records.reset().unwrap();
    records.reset().unwrap();
    let records = ContactRecords::open(state.path(), "account", "shop");
    assert!(!records.is_found());
    assert_eq!(records.get(1).unwrap(), None);
}

#[test]
fn damaged_records_count_as_missing() {
    let state = tempfile::tempdir().unwrap();
    let mut records = ContactRecords::open(state.path(), "account", "shop");
    let fill =
        |writer: &records::RecordWriter<'_>| (0..2_000).try_for_each(|id| writer.insert(id, id));
    records.write::<IoError>(fill).unwrap();
    drop(records);
    let path = directory(state.path()).join("account.db");
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 4_000..].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    assert!(!ContactRecords::open(state.path(), "account", "shop").is_found());
    store(state.path(), 1, 2);
    assert!(ContactRecords::open(state.path(), "account", "shop").is_found());
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_a_ledger() {
    use std::os::unix::fs::PermissionsExt as _;
    let state = tempfile::tempdir().unwrap();
    store(state.path(), 1, 2);
    for (path, mode) in [("accounts", 0o700), ("accounts/account.db", 0o600)] {
        let data = fs::metadata(state.path().join(path)).unwrap();
        assert_eq!(data.permissions().mode() & 0o777, mode, "{path}");
    }
}

#[test]
fn exports_are_recorded_in_ledgers_of_before_and_not_read_from_newer_ones() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("b.csv");
    fs::write(&file, "x").unwrap();
    ledger(state.path(), "a")
        .record_writer("shop", "1.run")
        .unwrap();
    let execute = |sql: &str| {
        let database = rusqlite::Connection::open(ledger(state.path(), "a").path()).unwrap();
        database.execute_batch(sql).unwrap();
    };
    execute("DROP TABLE export");
    let mut old = ledger(state.path(), "a");
    assert_eq!((old.writes(), last_export(&old).unwrap()), (1, None));
    record_export(&mut old, "b-{date}.csv", &file, 7).unwrap();
    let last = last_export(&ledger(state.path(), "a")).unwrap().unwrap();
    assert_eq!((last.contacts, last.is_untouched()), (7, true));
    assert_eq!(exports_to(&old, "b-{date}.csv").unwrap(), [last]);
    execute("PRAGMA user_version = 99");
    assert_eq!(last_export(&ledger(state.path(), "a")).unwrap(), None);
}

#[test]
fn a_sound_ledger_that_can_not_be_opened_is_not_replaced() {
    let state = tempfile::tempdir().unwrap();
    let mut own = ledger(state.path(), "a");
    own.record_writer("shop", "1.run").unwrap();
    let obstacle = crate::sqlite::beside(own.path(), "-wal");
    drop(own);
    fs::create_dir(&obstacle).unwrap();
    let mut own = ledger(state.path(), "a");
    let error = own.record_writer("shop", "2.run").unwrap_err();
    assert!(error.to_string().contains("disk has room"), "{error}");
    fs::remove_dir(&obstacle).unwrap();
    assert_eq!(ledger(state.path(), "a").writes(), 1);
}

fn run_of(status: RunStatus, created: u64, minute: i64) -> HistoryEntry {
    let mut entry = HistoryEntry {
        number: 0,
        account: "a".into(),
        run: minute.to_string(),
        file: Some(format!("{minute}.run").into()),
        started_at: Timestamp::from_second(minute * 60).unwrap(),
        seconds: 1.5,
        profile: Some("shop".into()),
        command: "import".into(),
        mode: "upsert".into(),
        source: "c.csv".into(),
        directory: "/srv".into(),
        status,
        exit_code: Some(0),
        error: None,
        tally: Tally::default(),
    };
    entry.tally.done.created = created;
    entry
}

#[test]
fn a_line_comes_back_as_it_was_and_is_forgotten_after_400_days_without_a_file() {
    const DAY: i64 = 24 * 60;
    let state = tempfile::tempdir().unwrap();
    let mut a = ledger(state.path(), "a");
    let mut old = run_of(RunStatus::Done, 3, 0);
    let mut new = run_of(RunStatus::Running, 0, DAY);
    new.file = None;
    record_run(&mut a, &mut old).unwrap();
    record_run(&mut a, &mut new).unwrap();
    assert_eq!(lines(&a).unwrap(), [new.clone(), old.clone()]);
    (new.status, new.exit_code) = (RunStatus::Stopped, Some(7));
    record_run(&mut a, &mut new).unwrap();
    let after = |days: i64| Timestamp::from_second((days * DAY + 1) * 60).unwrap();
    forget_old_runs(&mut a, after(400)).unwrap();
    assert_eq!(lines(&a).unwrap(), [new, old.clone()]);
    forget_old_runs(&mut a, after(401)).unwrap();
    assert_eq!(lines(&a).unwrap(), [old.clone()], "it has a file");
    let mut again = run_of(RunStatus::Done, 1, 2 * DAY);
    again.file.clone_from(&old.file);
    record_run(&mut a, &mut again).unwrap();
    assert_eq!(lines(&a).unwrap()[1].file, None, "a file has one line");
}

#[test]
fn only_a_later_whole_run_of_the_same_source_supersedes_an_unfinished_one() {
    let old = run_of(RunStatus::Unfinished, 0, 1);
    let new = || run_of(RunStatus::Done, 3, 2);
    assert!(new().supersedes(&old));
    let others: [fn(&mut HistoryEntry); 8] = [
        |it| it.started_at = Timestamp::UNIX_EPOCH,
        |it| it.status = RunStatus::Unfinished,
        |it| it.account = "b".into(),
        |it| it.profile = Some("depot".into()),
        |it| it.mode = "mirror".into(),
        |it| it.source = "d.csv".into(),
        |it| it.directory = "/home".into(),
        |it| it.tally.rows.not_selected = 1,
    ];
    for change in others {
        let mut other = new();
        change(&mut other);
        assert!(!other.supersedes(&old), "{other:?}");
    }
    assert!(!new().supersedes(&run_of(RunStatus::Done, 3, 1)));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn unfinished_runs_and_the_last_ones_with_changes_keep_their_file(
        runs in proptest::collection::vec((0..4_u8, 0..2_u64, proptest::bool::ANY), 0..40),
        keep in 0..8_usize,
    ) {
        let status = |n| match n {
            0 => RunStatus::Unfinished,
            1 => RunStatus::Running,
            _ => RunStatus::Done,
        };
        let runs: Vec<_> = runs
            .into_iter()
            .zip((0..100).rev())
            .map(|((n, created, has_file), minute)| {
                let mut run = run_of(status(n), created, minute);
                run.file.take_if(|_| !has_file);
                run
            })
            .collect();
        let removed: Vec<_> = without_claim(&runs, keep).cloned().collect();
        proptest::prop_assert!(removed.iter().all(|run| run.status == RunStatus::Done && run.file.is_some()));
        let kept = runs.iter().filter(|run| run.file.is_some() && !removed.contains(run));
        let done: Vec<_> = kept.filter(|run| run.status == RunStatus::Done).collect();
        let changed: Vec<_> = runs
            .iter()
            .filter(|run| run.status == RunStatus::Done && run.has_sent() && run.file.is_some())
            .take(keep)
            .collect();
        proptest::prop_assert_eq!(done, changed);
    }
}

#[test]
fn only_writes_that_say_so_wait_for_a_later_sync() {
    let state = tempfile::tempdir().unwrap();
    let mut ledger = ledger(state.path(), "a");
    ledger.record_writer("shop", "1.run").unwrap();
    drop(ledger);
    for is_new in [true, false] {
        let account = if is_new { "b" } else { "a" };
        let mut ledger = Ledger::open(state.path(), account);
        let database = ledger.database().unwrap();
        let synchronous = || {
            let value =
                database.with(|connection| crate::sqlite::pragma(connection, "synchronous"));
            value.map(|value: i32| value)
        };
        let [normal, full] = [1, 2];
        assert_eq!(synchronous().unwrap(), full);
        assert_eq!(database.transaction(synchronous).unwrap(), full);
        let unsynced = database::write_unsynced(database, synchronous);
        assert_eq!((unsynced.unwrap(), synchronous().unwrap()), (normal, full));
    }
}

#[test]
fn the_link_of_the_later_run_is_kept_whichever_file_is_removed_first() {
    let state = tempfile::tempdir().unwrap();
    let mut own = ledger(state.path(), "a");
    assert!(last_kept_link(&own).is_none());
    let at = |second| Timestamp::from_second(second).unwrap();
    for (second, id, uri) in [(2, "1", "later"), (1, "1", "earlier"), (1, "2", "other")] {
        keep_links::<IoError>(&mut own, at(second), |writer| writer.add(id, uri)).unwrap();
    }
    let failed = keep_links(&mut own, at(3), |writer| {
        writer.add("1", "of a damaged file")?;
        Err(IoError::at(state.path())(io::Error::other("damaged")))
    });
    failed.unwrap_err();
    let link = |id| kept_link(&own, id).map(|link| (link.uri, link.planned_at));
    assert_eq!(link("1"), Some(("later".to_owned(), at(2))));
    assert_eq!(link("2"), Some(("other".to_owned(), at(1))));
    assert_eq!(link("3"), None);
    assert_eq!(last_kept_link(&own), Some(at(2)));
}
