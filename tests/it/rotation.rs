//! Earlier backups: names with placeholders, `--keep` and `--max-shrink`.

use std::{fs, time::Duration};

use serde_json::json;
use wazzup_contacts::sandbox::Sandbox;

use crate::{csv_files::many, harness::World};

/// An account with the contacts `1` to `count`.
fn account(count: usize) -> World {
    let world = World::new();
    world.write("all.csv", many(count));
    world.run(["import", "all.csv", "-q"]).ends_with(0);
    world
}

fn leave(sandbox: &Sandbox, count: usize) {
    for contact in sandbox.contacts().iter().skip(count) {
        sandbox.remove_contact(&contact.id);
    }
}

/// The names of the backups.
fn backups(world: &World) -> Vec<String> {
    let files = fs::read_dir(world.dir()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("b-")).collect();
    names.sort();
    names
}

#[test]
fn keep_removes_older_backups_and_says_which() {
    let world = account(3);
    world.write("b-1999-01-01.csv", "not ours");
    let export = [
        "export",
        "-o",
        "b-{profile}-{date}T{time}.csv",
        "--keep",
        "1",
        "--json",
    ];
    let first = world.run(export).ends_with(0).json();
    let name = first["files"]["output"].as_str().unwrap().to_owned();
    assert!(
        name.starts_with("b-default-2") && !name.contains('{'),
        "{name}"
    );
    assert_eq!(first["files"]["removed"], json!([]));
    // The names are of different seconds.
    let mut second = world.run(export).ends_with(0).json();
    while second["files"]["output"] == name {
        second = world.run(export).ends_with(0).json();
    }
    let removed = second["files"]["removed"][0].as_str().unwrap();
    assert!(removed.ends_with(&name), "{removed}");
    let kept = second["files"]["output"].as_str().unwrap();
    assert_eq!(backups(&world), ["b-1999-01-01.csv", kept]);
}

#[test]
fn names_that_can_not_be_filled_in_are_wrong_arguments() {
    let world = World::new();
    let export = |args: &[&str], words: &str| {
        let ran = world.run(["export"].iter().chain(args)).ends_with(2);
        assert!(ran.stderr.contains(words), "{}", ran.shown());
    };
    export(&["-o", "b-{day}.csv"], "unknown placeholder `{day}`");
    export(
        &["-o", "b-{day}.csv"],
        "{date}, {time}, {account}, {profile}",
    );
    export(&["-o", "{date}/b.csv"], "only replaced in the file name");
    export(
        &["-o", "b.csv", "--keep", "2"],
        "--keep needs backups with different names",
    );
    export(
        &["-o", "b-{account}.csv", "--keep", "2"],
        "-o backup-{date}.csv",
    );
    export(&["--keep", "2"], "--keep needs");
    export(&["-o", "b-{date}.csv", "--keep", "0"], "--keep");
    export(
        &["-o", "b.csv", "--max-shrink", "7"],
        "`7` is not a percentage",
    );
    assert_eq!(world.sandbox.count("GET"), 0);
}

#[test]
fn a_backup_of_any_form_is_not_replaced_by_one_that_is_far_smaller() {
    for form in [
        &["-o", "b-1.csv", "--excel"][..],
        &["-o", "b-1.tsv.zst", "--layout", "long"],
        &["-o", "b-1.xlsx", "--layout", "columns"],
        &["-o", "b-1.jsonl.gz"],
    ] {
        let world = account(5);
        world.run(["export"].iter().chain(form)).ends_with(0);
        // The file decides, not the ledger.
        fs::remove_dir_all(world.path("home/state/wazzup-contacts/accounts")).unwrap();
        let before = fs::read(world.path(form[1])).unwrap();
        leave(&world.sandbox, 2);
        let ran = world.run(["export"].iter().chain(form)).ends_with(5);
        let words = format!(
            "nothing was written: the account has 2 contacts, and {}, which would be replaced, has 5, and at most 50% of them may be missing (--max-shrink)",
            form[1]
        );
        assert!(ran.stderr.contains(&words), "{}", ran.shown());
        assert!(ran.stderr.contains("--max-shrink 100%"), "{}", ran.shown());
        assert_eq!(fs::read(world.path(form[1])).unwrap(), before, "{form:?}");
        world
            .run(["export", "--max-shrink", "60%"].iter().chain(form))
            .ends_with(0);
        assert_ne!(fs::read(world.path(form[1])).unwrap(), before, "{form:?}");
    }
}

#[test]
fn a_backup_that_is_as_it_was_written_is_not_counted_again() {
    let world = account(5);
    world.run(["export", "-o", "b.csv"]).ends_with(0);
    let path = world.path("b.csv");
    let written = fs::metadata(&path).unwrap();
    let junk = "x".repeat(usize::try_from(written.len()).unwrap());
    world.write("b.csv", &junk);
    let file = fs::File::options().append(true).open(&path).unwrap();
    leave(&world.sandbox, 2);
    let modified = written.modified().unwrap();
    for (modified, code, words) in [
        (
            modified,
            5,
            "the account has 2 contacts, and b.csv, which would be replaced, has 5",
        ),
        (
            modified + Duration::from_secs(1),
            2,
            "b.csv exists and does not hold a backup of this tool",
        ),
    ] {
        file.set_modified(modified).unwrap();
        let ran = world.run(["export", "-o", "b.csv"]).ends_with(code);
        assert!(ran.stderr.contains(words), "{}", ran.shown());
    }
}

#[test]
fn an_unreadable_file_and_a_new_name_are_compared_with_the_last_backup() {
    let world = account(4);
    let refused = |args: &[&str], words: &str| {
        let ran = world.run(["export"].iter().chain(args)).ends_with(5);
        assert!(ran.stderr.contains(words), "{}", ran.shown());
    };
    for name in ["b-2.xlsx", "b-1.csv"] {
        world.run(["export", "-o", name]).ends_with(0);
    }
    leave(&world.sandbox, 0);
    let damaged = "PK\u{3}\u{4}junk";
    world.write("b-2.xlsx", damaged);
    let last = "the account has 0 contacts, and the last backup of this account, b-1.csv, has 4";
    refused(&["-o", "b-2.xlsx"], last);
    refused(&["-o", "b-{date}.csv", "--keep", "1"], last);
    assert_eq!(world.read("b-2.xlsx"), damaged);
    assert_eq!(backups(&world), ["b-1.csv", "b-2.xlsx"]);
    // Standard output replaces nothing.
    world.run(["export"]).ends_with(0);
    world
        .run(["export", "-o", "b-2.xlsx", "--max-shrink", "100%"])
        .ends_with(0);
    world.run(["export", "-o", "b-3.csv"]).ends_with(0);
}

#[test]
fn a_backup_of_any_form_is_verified_against_the_account() {
    let world = account(3);
    for form in [
        &["-o", "b-1.csv", "--excel"][..],
        &["-o", "b-1.csv", "--layout", "long"],
        &["-o", "b-1.tsv", "--layout", "columns"],
        &["-o", "b-1.xlsx"],
        &["-o", "b-1.jsonl.zst"],
    ] {
        world.run(["export"].iter().chain(form)).ends_with(0);
        let verified = world.run(["verify", form[1], "--json"]).ends_with(0).json();
        assert_eq!(verified["counts"]["same"], 3, "{form:?}: {verified}");
    }
}
