//! `check --write-mapping` writes what it would do, and what it writes does the same.

use crate::harness::World;

const BITRIX: &str = include_str!("golden/bitrix24.csv");
const URI: &str = "uri=https://example.com/c/{id}";

/// The mapping that `check` writes for a file, after a look at whether it gives the same contacts.
fn written(text: &str, flags: &[&str]) -> String {
    let world = World::new();
    world.write("contacts.csv", text);
    let check = [
        "check",
        "contacts.csv",
        "--json",
        "--write-mapping",
        "map.toml",
    ];
    let first = world.run(check.iter().chain(flags));
    let second = world.run(["check", "contacts.csv", "--mapping", "map.toml", "--json"]);
    let [first, second] = [first.json(), second.json()];
    let [first, second] = [&first["tables"][0], &second["tables"][0]];
    for key in ["rows", "codes", "changes", "hints"] {
        assert_eq!(first[key], second[key], "{key}");
    }
    assert_eq!(first["mapping"]["mapping"], second["mapping"]["mapping"]);
    world.read("map.toml")
}

#[test]
fn the_mapping_that_is_written_gives_the_same_contacts() {
    insta::assert_snapshot!(written(BITRIX, &["--set", URI, "--region", "RU"]));
}

#[test]
fn the_mapping_that_is_written_leaves_googles_faxes_out_as_well() {
    for text in [
        include_str!("golden/google_old.csv"),
        include_str!("golden/google_new.csv"),
    ] {
        let flags = ["--set", URI, "--set", "id={phone}"];
        let mapping = written(text, &flags);
        assert!(mapping.contains("auto = false"), "{mapping}");
    }
}

#[test]
fn names_of_people_get_their_ids_and_those_without_are_listed_once() {
    let world = World::new();
    let row = |id: u32, owner: &str| format!("{id},Ann,7999000{id:04},{owner}\n");
    let owners = [
        "Ivan Petrov",
        "Olga Ray",
        "Olga Ray",
        "Sam Tor",
        "Ivan Petrov",
    ];
    let rows: String = (1..)
        .zip(owners)
        .map(|(id, owner)| row(id, owner))
        .collect();
    world.write(
        "contacts.csv",
        format!("ID,Name,WhatsApp,Responsible\n{rows}"),
    );
    let table = "[values.responsible_user_id]\n\"ivan petrov\" = \"user-1\"\n";
    world.write(
        "owners.toml",
        format!("[set]\nuri = \"https://example.com/c/{{id}}\"\n{table}"),
    );
    let checked = world
        .run(["check", "contacts.csv", "--mapping", "owners.toml"])
        .ends_with(3);
    insta::assert_snapshot!(checked.stderr);
    let imported = world
        .run([
            "import",
            "contacts.csv",
            "--mapping",
            "owners.toml",
            "--max-rejects",
            "100%",
        ])
        .ends_with(3);
    assert!(
        imported
            .stderr
            .contains("\"Olga Ray\" (2), \"Sam Tor\" (1)"),
        "{}",
        imported.stderr
    );
    assert_eq!(
        world.sandbox.contact("1").unwrap().responsible_user_id,
        "user-1"
    );
    assert_eq!(world.sandbox.contact_count(), 2);
}

#[test]
fn what_the_deals_error_advises_works() {
    let world = World::new();
    world.write("leads.csv", include_str!("golden/amocrm_leads.csv"));
    let refused = world
        .run(["import", "leads.csv", "--set", URI])
        .ends_with(2);
    let advice = "--set id='{phone}' --map ignore='ID', and import with --on-duplicate merge";
    assert!(refused.stderr.contains(advice), "{}", refused.shown());
    let id = "id={phone}";
    let advised = [
        "--set",
        id,
        "--map",
        "ignore=ID",
        "--on-duplicate",
        "merge",
        "--owners",
        "as-written",
    ];
    world
        .run(["import", "leads.csv", "--set", URI].iter().chain(&advised))
        .ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 1);
    assert_eq!(
        world.sandbox.contact("77010000001").unwrap().name,
        "Жанна Су"
    );
}

#[test]
fn templates_that_need_each_other_are_refused() {
    let world = World::new();
    world.write("contacts.csv", "Phone\n79990000001\n");
    let ran = world.run([
        "check",
        "contacts.csv",
        "--set",
        "id={name}",
        "--set",
        "name={id}",
    ]);
    assert!(ran.ends_with(2).stderr.contains("from each other"));
}
