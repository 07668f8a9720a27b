//! Recreating contacts: `--mode missing` and `--ids`.

use serde_json::json;
use wazzup_contacts::{
    contact::Contact,
    sandbox::{Options, UriShown},
};

use crate::{
    csv_files::{csv, many},
    harness::World,
    shared::state,
};

/// An account that shows no links, into which these contacts were imported.
fn imported(count: usize) -> World {
    let world = World::with(Options {
        uri: UriShown::ApiPath,
        ..Options::default()
    });
    world.write("all.csv", many(count));
    world.run(["import", "all.csv", "-q"]).ends_with(0);
    world
}

fn rename(world: &World, id: &str, name: &str) {
    let contact = world.sandbox.contact(id).unwrap();
    world.sandbox.put_contact(&Contact {
        name: name.to_owned().into(),
        ..contact
    });
}

#[test]
fn what_was_deleted_comes_back_with_its_link_and_nothing_else_is_touched() {
    let world = imported(12);
    world.run(["export", "-o", "backup.csv"]).ends_with(0);
    let before = state(&world.sandbox.contacts());
    for id in ["3", "7", "8"] {
        world.sandbox.remove_contact(id);
    }
    rename(&world, "5", "Renamed since");
    let now = state(&world.sandbox.contacts());
    world.sandbox.clear_log();

    let import = ["import", "backup.csv", "--mode", "missing", "--json"];
    let object = world.run(import).ends_with(0).json();
    assert_eq!(object["mode"], "missing");
    assert_eq!(
        object["plan"],
        json!({ "create": 3, "update": 0, "unchanged": 9, "delete": 0 })
    );
    assert_eq!(object["done"]["created"], 3);
    assert_eq!(world.sandbox.count("POST"), 1);
    assert_eq!(world.sandbox.count("PATCH"), 0);
    let mut expected = now;
    for id in ["3", "7", "8"] {
        expected.insert(id.to_owned(), before[id].clone());
    }
    assert_eq!(state(&world.sandbox.contacts()), expected);

    let run = object["run"].as_str().unwrap();
    let verified = world.run(["verify", run, "--json"]).ends_with(0).json();
    assert_eq!(verified["counts"]["same"], 3, "{verified}");
    world.run(["undo", run, "--yes", "-q"]).ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 9);
}

#[test]
fn a_contact_without_a_known_link_needs_one_of_set() {
    let world = World::new();
    world.write(
        "backup.csv",
        "id,responsible_user_id,name,whatsapp\n1,user-1,Ann,79990000001\n",
    );
    let import = ["import", "backup.csv", "--mode", "missing"];
    world.run(import).ends_with(5);
    let rejects = world.read("backup.rejected.csv");
    assert!(rejects.contains("--set uri="), "{rejects}");
    let with_link = [&import[..], &["--set", "uri=https://crm.example.com/{id}"]].concat();
    world.run(with_link).ends_with(0);
    assert_eq!(
        world.sandbox.contact("1").unwrap().uri,
        "https://crm.example.com/1"
    );
}

/// `--changed-only` must not treat a contact that was left alone as compared.
#[test]
fn a_contact_that_was_left_alone_still_differs_afterwards() {
    let world = imported(2);
    let changed = ["import", "all.csv", "--changed-only", "-q"];
    world.run(changed).ends_with(0);
    world.write("all.csv", many(2).replace("Name 2", "New name"));
    world
        .run(["import", "all.csv", "--mode", "missing", "-q"])
        .ends_with(0);
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Name 2");
    world.run(changed).ends_with(0);
    assert_eq!(world.sandbox.contact("2").unwrap().name, "New name");
}

#[test]
fn a_contact_that_came_back_since_the_plan_is_left_alone() {
    let world = imported(2);
    let contact = world.sandbox.contact("2").unwrap();
    world.sandbox.remove_contact("2");
    let plan = ["plan", "all.csv", "--mode", "missing", "-o", "all.run"];
    world.run(plan).ends_with(0);
    world.sandbox.put_contact(&Contact {
        name: "Theirs".into(),
        ..contact
    });
    world
        .run(["apply", "all.run", "--stale-after", "0s"])
        .ends_with(3);
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Theirs");
}

#[test]
fn ids_restrict_an_import_and_the_other_rows_are_counted() {
    let world = World::new();
    world.write(
        "all.csv",
        format!("{}\n40,user-1,,,\n41,user-1,,,\n", many(9)),
    );
    world.write("ids.txt", "\u{feff}3\r\n\r\n 7 \n7\n41\n99\n98\n");
    for mode in ["upsert", "missing", "create", "update"] {
        let object = world
            .run([
                "plan", "all.csv", "--ids", "ids.txt", "--mode", mode, "--json",
            ])
            .ends_with(3)
            .json();
        assert_eq!(
            object["rows"],
            json!({ "read": 12, "blank": 1, "merged": 0, "rejected": 1, "not_selected": 8, "contacts": 2 }),
            "{mode}: {object}"
        );
    }
    let ran = world
        .run(["import", "all.csv", "--ids", "ids.txt"])
        .ends_with(3);
    for words in [
        "12 read · 1 blank · 8 not selected · 1 rejected · 2 contacts",
        "ids in ids.txt without a row: 2 of 5 (`99`, `98`)",
        "passed: 1 of 3 rows rejected (limit 100%)",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.shown());
    }
    let ids: Vec<String> = state(&world.sandbox.contacts()).into_keys().collect();
    assert_eq!(ids, ["3", "7"]);
    let rejects = world.read("all.rejected.csv");
    assert!(
        rejects.contains("\n41,") && !rejects.contains("\n40,"),
        "{rejects}"
    );
}

#[test]
fn what_is_not_selected_changes_nothing_and_is_not_told() {
    let world = World::new();
    world.write(
        "all.csv",
        "id,responsible_user_id,name,uri,whatsapp\n1,user-1,Ann,x,79990000001\n2,user-1,Bob,x,+7 (999) 000-00-02\n2,user-1,Bo,x,79990000003\n",
    );
    let ran = world
        .call(["import", "all.csv", "--ids", "-"])
        .stdin("1\n")
        .run()
        .ends_with(0);
    assert!(!ran.stderr.contains("punctuation"), "{}", ran.shown());
    assert_eq!(world.sandbox.contact_count(), 1);
}

#[test]
fn ids_that_select_nothing_stop_the_run() {
    let world = World::new();
    world.write("all.csv", many(3));
    world.write("ids.txt", "x\n");
    let import = ["import", "all.csv", "--ids", "ids.txt"];
    world
        .run(import)
        .ends_with(5)
        .tells("the source has 3 rows, but none with an id in --ids");
    world.write("ids.txt", "\n \n");
    world
        .run(import)
        .ends_with(2)
        .tells("--ids ids.txt: it contains no ids");
    world.write("ids.txt", b"1\n\xe9\n");
    world
        .run(import)
        .ends_with(2)
        .tells("line 2 is not UTF-8 text");
    let missing = ["import", "all.csv", "--ids", "missing.txt"];
    world.run(missing).ends_with(2).tells("--ids missing.txt");
    let twice = ["import", "-", "--ids", "-"];
    world.run(twice).ends_with(2).tells("standard input");
    assert_eq!(world.sandbox.contact_count(), 0);
}

#[test]
fn a_mirror_can_not_be_restricted() {
    let world = imported(3);
    world.write("ids.txt", "1\n");
    for command in ["import", "plan"] {
        world
            .run(
                [
                    command, "all.csv", "--mode", "mirror", "--ids", "ids.txt", "--yes",
                ]
                .iter()
                .filter(|word| command == "import" || **word != "--yes"),
            )
            .ends_with(2)
            .tells("it would delete all other contacts");
    }
    world.write("two.csv", many(2));
    let plan = [
        "plan",
        "two.csv",
        "--mode",
        "mirror",
        "--max-delete",
        "1",
        "-o",
        "mirror.run",
    ];
    world.run(plan).ends_with(0);
    world
        .run(["apply", "mirror.run", "--ids", "ids.txt", "--yes"])
        .ends_with(2)
        .tells("can't be combined with a mirror");
    assert_eq!(world.sandbox.contact_count(), 3);
}

#[test]
fn apply_sends_the_selected_contacts_of_a_plan_and_the_others_later() {
    let world = World::new();
    world.write("all.csv", many(250));
    world
        .run(["plan", "all.csv", "-o", "all.run", "-q"])
        .ends_with(0);
    world.write("ids.txt", "7\n8\n200\n999\n");
    let apply = ["apply", "all.run", "--ids", "ids.txt"];
    let ran = world.run(apply).ends_with(0);
    for words in [
        "ids in ids.txt with nothing left to send in this run: 1 of 4 (`999`)",
        "--ids left out 247 contacts of the run; to send them: wazzup-contacts apply all.run",
        "3 created · 0 updated · 247 not attempted",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.shown());
    }
    let ids: Vec<String> = state(&world.sandbox.contacts()).into_keys().collect();
    assert_eq!(ids, ["200", "7", "8"]);
    // Once more: nothing of it is left, and nothing else is sent.
    world
        .run(apply)
        .ends_with(0)
        .tells("with nothing left to send in this run: 4 of 4");
    assert_eq!(world.sandbox.contact_count(), 3);
    let object = world
        .run(["apply", "all.run", "--json"])
        .ends_with(0)
        .json();
    assert_eq!(object["done"]["created"], 250, "{object}");
    assert_eq!(object["done"]["not_attempted"], 0);
    assert_eq!(world.sandbox.contact_count(), 250);
    assert_eq!(world.sandbox.writes("7").created, 1);
    world.run(["verify", "all.run"]).ends_with(0);
}

#[test]
fn an_interrupted_apply_of_some_contacts_names_them_in_the_command_that_continues() {
    let world = World::with(Options {
        faults: crate::harness::faults(["POST:403"]),
        ..Options::default()
    });
    world.write("all.csv", csv([("a", "Ann"), ("b", "Bob")]));
    world
        .run(["plan", "all.csv", "-o", "all.run", "-q"])
        .ends_with(0);
    world.write("my ids.txt", "b\n");
    let ran = world.run(["apply", "all.run", "--ids", "my ids.txt"]);
    assert!(ran.stderr.contains("--ids 'my ids.txt'"), "{}", ran.shown());
    assert_eq!(world.sandbox.contact_count(), 0);
}
