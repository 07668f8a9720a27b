//! `get` and `delete`: contacts by id, whatever the id is made of.

use serde_json::Value;
use wazzup_contacts::{
    contact::Contact,
    sandbox::{Options, people},
};

use crate::harness::World;

/// Ids that mean something to a path, a query, a shell or a terminal.
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
