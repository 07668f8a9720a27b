//! `get` and `delete`: contacts by id, with any characters.

use serde_json::Value;
use wazzup_contacts::{
    contact::Contact,
    sandbox::{Options, UriShown, people},
};

use crate::harness::{World, faults};

/// Ids with characters that are special in a path, a query, a shell or a terminal.
const ODD: [&str; 8] = [
    "a/b?c#d",
    "50% off",
    "..",
    "a+b&c=d",
    "Иванов №7",
    "👩🏽‍🚀",
    "\"quoted\" 'id'",
    "%2F",
];

fn with_odd_ids() -> World {
    let world = World::with(Options {
        contacts: 1,
        ..Options::default()
    });
    for id in ODD {
        world.sandbox.put_contact(&Contact {
            id: id.into(),
            ..people::contact(5)
        });
    }
    world
}

#[test]
fn contacts_of_any_id_are_shown_in_the_order_asked_for() {
    let world = with_odd_ids();
    let ran = world.run(["get"].iter().chain(&ODD)).ends_with(0);
    let shown: Vec<String> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].to_string())
        .collect();
    assert_eq!(shown, ODD.map(|id| Value::from(id).to_string()));
}

#[test]
fn a_contact_that_was_read_and_edited_is_written_with_the_link_that_it_has() {
    let world = World::with(Options {
        uri: UriShown::ApiPath,
        contacts: 1,
        ..Options::default()
    });
    let (before, shown) = (people::contact(1), world.run(["get", "C-000001"]));
    let edited = shown.stdout.replace(&*before.name, "Edited");
    assert!(edited.contains("/api/v2/contacts/"), "{edited}");
    world.write("edited.jsonl", edited);
    let ran = world.run(["import", "edited.jsonl"]).ends_with(0);
    assert!(ran.stderr.contains("1 link: left out"), "{}", ran.shown());
    let after = Contact {
        name: "Edited".into(),
        ..before
    };
    assert_eq!(world.sandbox.contact("C-000001").unwrap(), after);
}

#[test]
fn an_id_that_is_not_there_is_named_and_the_others_are_shown() {
    let world = with_odd_ids();
    let ran = world.run(["get", "nobody", "C-000001"]).ends_with(3);
    assert_eq!(ran.stdout.lines().count(), 1);
    assert!(ran.stderr.contains("nobody"), "{}", ran.shown());
}

#[test]
fn contacts_of_any_id_are_deleted() {
    let world = with_odd_ids();
    let ran = world.run(["delete", "--yes", "--json"].iter().chain(&ODD));
    assert_eq!(ran.ends_with(0).json()["deleted"], ODD.len());
    assert_eq!(world.sandbox.contact_count(), 1);
    assert_eq!(world.sandbox.count("DELETE"), 1);
}

#[test]
fn an_id_that_the_account_does_not_have_is_reported_and_the_others_are_deleted() {
    let world = with_odd_ids();
    let ran = world
        .run(["delete", "--yes", "C-000001", "nobody"])
        .ends_with(3);
    ran.tells("1 contact deleted")
        .tells("not in the account\n  nobody");
    assert!(world.sandbox.contact("C-000001").is_none());
    // Nothing is asked and sent if there is nothing to delete.
    let ran = world.run(["delete", "nobody", "--json"]).ends_with(3);
    let summary = ran.json();
    assert_eq!(
        (&summary["deleted"], &summary["absent"][0]),
        (&0.into(), &"nobody".into()),
        "{summary}"
    );
    assert_eq!(world.sandbox.count("DELETE"), 1);
}

#[test]
fn the_name_of_a_file_is_not_taken_for_an_id() {
    let world = with_odd_ids();
    world.write("contacts.csv", "id,name\n1,Ann\n");
    let ran = world.run(["delete", "contacts.csv", "--yes"]).ends_with(2);
    ran.tells("contacts.csv is a file").tells("--mode mirror");
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn without_a_terminal_nothing_is_deleted_unless_yes_was_said() {
    let world = with_odd_ids();
    let ran = world.run(["delete", "C-000001"]).ends_with(2);
    assert!(ran.stderr.contains("--yes"), "{}", ran.shown());
    assert_eq!(world.sandbox.count("DELETE"), 0);
    assert!(world.sandbox.contact("C-000001").is_some());
}

#[test]
fn more_ids_than_a_request_holds_make_several() {
    let world = World::with(Options {
        contacts: 250,
        ..Options::default()
    });
    let ids: Vec<String> = (1..=250).map(|n| people::contact(n).id.into()).collect();
    let args = ["delete", "-y"].map(String::from).into_iter().chain(ids);
    world.run(args).ends_with(0);
    assert_eq!(world.sandbox.count("DELETE"), 3);
    assert_eq!(world.sandbox.contact_count(), 0);
}

#[test]
fn an_id_that_the_server_refuses_is_named_and_the_others_are_deleted() {
    let world = World::with(Options {
        contacts: 3,
        ..Options::default()
    });
    world.sandbox.put_contact(&Contact {
        id: "nope".into(),
        ..people::contact(5)
    });
    world.sandbox.set_faults(faults(["poison-400=nope"]));
    let args = ["delete", "-y", "--json", "C-000001", "nope", "C-000002"];
    let ran = world.run(args).ends_with(3);
    assert_eq!(ran.json()["deleted"], 2);
    assert!(
        ran.stderr
            .contains("nope: the contact is refused by an injected fault"),
        "{}",
        ran.shown()
    );
    assert_eq!(world.sandbox.contact_count(), 2);
}

#[test]
fn what_was_deleted_before_an_error_is_counted() {
    let world = World::with(Options {
        contacts: 150,
        ..Options::default()
    });
    let ids: Vec<String> = (1..=150).map(|n| people::contact(n).id.into()).collect();
    // One request at a time, so that the second one is the second batch.
    let args = ["delete", "-y", "--json", "--concurrency", "1"].map(String::from);
    world.sandbox.set_faults(faults(["DELETE:405@2"]));
    let ran = world.run(args.into_iter().chain(ids)).ends_with(1);
    assert_eq!(ran.json()["deleted"], 100);
    assert_eq!(ran.json()["exit_code"], 1);
    assert_eq!(world.sandbox.contact_count(), 50);
}

#[test]
fn a_deletion_that_is_not_acknowledged_is_looked_up() {
    for (rule, code, deleted) in [("DELETE:200-after=empty", 0, 1), ("DELETE:200=empty", 1, 0)] {
        let world = with_odd_ids();
        world.sandbox.set_faults(faults([rule]));
        let ran = world.run(["delete", "-y", "--json", "C-000001"]);
        assert_eq!(ran.ends_with(code).json()["deleted"], deleted, "{rule}");
    }
}

#[test]
fn a_deletion_that_the_server_counts_as_none_is_not_said_to_be_one() {
    let world = World::with(Options {
        contacts: 3,
        ..Options::default()
    });
    world.sandbox.set_faults(faults(["unstored=C-000002"]));
    let ids = ["C-000001", "C-000002", "C-000003"];
    let delete = ["delete", "--yes", "--json"].iter().chain(&ids);
    let ran = world.run(delete).ends_with(3);
    assert_eq!(ran.json()["deleted"], 2);
    assert!(ran.stderr.contains("C-000002"), "{}", ran.shown());
    assert_eq!(world.sandbox.contact_count(), 1);
}

#[test]
fn a_run_whose_deletion_is_not_carried_out_says_so() {
    let world = World::with(Options {
        contacts: 3,
        ..Options::default()
    });
    world.write(
        "none.csv",
        "id,responsible_user_id,name,uri,whatsapp\nC-000001,u,N,https://x.y/1,79990000001\n",
    );
    world.sandbox.set_faults(faults(["unstored=C-000002"]));
    let mirror = "import none.csv --mode mirror --max-delete 100% --yes --json";
    let ran = world.run(mirror.split(' ')).ends_with(3);
    let done = &ran.json()["done"];
    assert_eq!((&done["deleted"], &done["failed"]), (&1.into(), &1.into()));
    assert_eq!(world.sandbox.contact_count(), 2);
}

#[test]
fn a_contact_with_an_unknown_messenger_is_read_shown_and_sent_back_as_it_is() {
    let world = World::new();
    let before: Contact<'static> = serde_json::from_str(
        r#"{"id":"1","responsible_user_id":"u","name":"Ann","uri":"https://crm/1","contact_data":[
            {"chat_type":"whatsapp","chat_id":"79991112233"},{"chat_type":"tiktok","chat_id":"5"}]}"#,
    )
    .unwrap();
    world.sandbox.put_contact(&before);
    world.write("contacts.csv", "id,name,whatsapp\n1,Anna,79991112233\n");
    world
        .run(["import", "contacts.csv", "--run", "x.run"])
        .ends_with(0);
    let after = world.sandbox.contact("1").unwrap();
    assert_eq!(after.name, "Anna");
    assert_eq!(after.contact_data, before.contact_data);
    world.run(["verify", "x.run"]).ends_with(0);
    assert!(
        world
            .run(["get", "1"])
            .ends_with(0)
            .stdout
            .contains("tiktok")
    );
    assert!(
        world
            .run(["export"])
            .ends_with(0)
            .stdout
            .contains("tiktok,5")
    );
    world.run(["undo", "x.run", "--yes"]).ends_with(0);
    assert_eq!(world.sandbox.contact("1").unwrap(), before);
}
