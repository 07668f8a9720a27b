//! The account against a run or a file.

use crate::{
    csv_files::{csv, many},
    harness::World,
};

fn imported() -> World {
    let world = World::new();
    world.write("new.csv", csv([("1", "Ann"), ("2", "Bob"), ("3", "Cid")]));
    world
        .run(["import", "new.csv", "--run", "new.run", "-q"])
        .ends_with(0);
    world
}

fn disturbed() -> World {
    let world = imported();
    let mut bob = world.sandbox.contact("2").unwrap();
    bob.name = "Robert".into();
    world.sandbox.put_contact(&bob);
    world.sandbox.remove_contact("3");
    world
}

#[test]
fn a_run_that_arrived_is_the_same_by_run_and_by_file() {
    let world = imported();
    world.run(["verify", "new.run"]).ends_with(0);
    insta::assert_snapshot!(world.run(["verify", "new.csv"]).ends_with(0).shown());
}

#[test]
fn what_differs_and_what_is_missing_is_listed_and_the_exit_code_is_3() {
    let world = disturbed();
    let by_run = world.run(["verify", "new.run"]).ends_with(3);
    insta::assert_snapshot!(by_run.shown());
    let by_file = world.run(["verify", "new.csv"]).ends_with(3);
    assert_eq!(by_run.stdout, by_file.stdout);
}

#[test]
fn a_quiet_verification_only_has_an_exit_code() {
    let world = disturbed();
    for of in ["new.run", "new.csv"] {
        let ran = world.run(["verify", of, "-q"]).ends_with(3);
        assert_eq!(ran.said(), "");
    }
}

#[test]
fn the_findings_are_one_json_object_too() {
    let found = disturbed()
        .run(["verify", "new.run", "--json"])
        .ends_with(3)
        .json();
    assert_eq!(found["counts"]["same"], 1);
    assert_eq!(found["counts"]["differs"], 1);
    assert_eq!(found["counts"]["missing"], 1);
    assert_eq!(found["findings"][0]["fields"][0]["old"], "Robert");
}

#[test]
fn a_contact_that_was_to_be_deleted_and_is_there_is_found() {
    let world = imported();
    let cid = world.sandbox.contact("3").unwrap();
    world.write("less.csv", csv([("1", "Ann"), ("2", "Bob")]));
    let mirror = [
        "import",
        "less.csv",
        "--run",
        "less.run",
        "--mode",
        "mirror",
        "--max-delete",
        "1",
        "--yes",
        "-q",
    ];
    world.run(mirror).ends_with(0);
    world.run(["verify", "less.run"]).ends_with(0);
    world.sandbox.put_contact(&cid);
    let ran = world.run(["verify", "less.run"]).ends_with(3);
    assert_eq!(ran.stdout.lines().next(), Some("+ 3"));
}

#[test]
fn a_partial_file_is_compared_by_what_it_says() {
    let world = disturbed();
    world.write("names.csv", "id,name\n1,Ann\n2,Bob\n");
    let ran = world.run(["verify", "names.csv"]).ends_with(3);
    let first = ran.stdout.lines().next();
    assert_eq!(first, Some("~ 2  name: has Robert, expected Bob"));
}

#[test]
fn verifying_reads_pages_or_single_contacts_whichever_is_cheaper() {
    let world = World::new();
    world.write("all.csv", many(1_000));
    world.run(["import", "all.csv", "-q"]).ends_with(0);
    world.write("few.csv", many(3));
    world.sandbox.clear_log();
    world.run(["verify", "few.csv"]).ends_with(0);
    assert!(
        world.sandbox.count("GET") <= 4,
        "{:?}",
        world.sandbox.counts()
    );
    world.sandbox.clear_log();
    world.run(["verify", "all.csv"]).ends_with(0);
    assert!(
        world.sandbox.count("GET") <= 60,
        "{:?}",
        world.sandbox.counts()
    );
}

#[test]
fn a_file_with_rows_of_one_id_is_compared_as_it_would_be_imported() {
    let world = imported();
    world.write("twice.csv", csv([("1", "Ann"), ("1", "Anna")]));
    let ran = world.run(["verify", "twice.csv"]).ends_with(3);
    insta::assert_snapshot!(ran.shown());
    let last = ["verify", "twice.csv", "--on-duplicate", "last"];
    let ran = world.run(last).ends_with(3);
    assert!(
        ran.stdout.contains("~ 1  name: has Ann, expected Anna"),
        "{}",
        ran.shown()
    );
}
