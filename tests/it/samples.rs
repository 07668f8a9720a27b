//! The files in `samples/`: they match the README, and each is used here.

use std::{collections::BTreeSet, fs};

use wazzup_contacts::reject::RejectCode;

use crate::{
    harness::{World, sample},
    people,
};

/// Copies a sample to the world's directory, and returns its name.
pub(crate) fn bring<'a>(world: &World, name: &'a str) -> &'a str {
    world.write(name, fs::read(sample(name)).unwrap());
    name
}

/// Regenerates the samples: `cargo test --test it -- --ignored write_the_samples`.
#[test]
#[ignore = "it writes into samples/"]
fn write_the_samples() {
    fs::write(sample("contacts.csv"), people::csv()).unwrap();
    fs::write(sample("contacts.xlsx"), people::xlsx()).unwrap();
    fs::write(
        sample("contacts-with-mistakes.csv"),
        people::with_mistakes(),
    )
    .unwrap();
}

#[test]
fn the_samples_are_what_the_generator_writes() {
    assert_eq!(fs::read(sample("contacts.csv")).unwrap(), people::csv());
    assert_eq!(
        fs::read(sample("contacts-with-mistakes.csv")).unwrap(),
        people::with_mistakes()
    );
}

#[test]
fn the_workbook_and_the_csv_hold_the_same_people() {
    let world = World::new();
    let people = people::COUNT;
    let ran = world.run(["import", "--json", bring(&world, "contacts.csv")]);
    assert_eq!(ran.ends_with(0).json()["done"]["created"], people);
    let ran = world.run(["import", "--json", bring(&world, "contacts.xlsx")]);
    assert_eq!(ran.ends_with(0).json()["plan"]["unchanged"], people);
}

/// The codes that a check of the sample finds.
fn codes(args: &[&str]) -> BTreeSet<String> {
    let world = World::new();
    bring(&world, "mapping.toml");
    let file = bring(&world, "contacts-with-mistakes.csv");
    let always = ["check", "--json", "-q", file];
    let ran = world.run(always.iter().chain(args)).ends_with(3);
    let table = &ran.json()["tables"][0];
    let found = table["codes"].as_object().unwrap();
    found.keys().cloned().collect()
}

#[test]
fn the_mistakes_are_one_of_each_that_a_row_of_csv_can_have() {
    let mut found = codes(&[]);
    found.extend(codes(&["--mapping", "mapping.toml"]));
    let elsewhere = [
        RejectCode::RowsInCell,        // that of several rows
        RejectCode::JsonInvalid,       // that of JSON lines
        RejectCode::ContactUnreadable, // the account's
        RejectCode::RefusedByServer,   // the server's
        RejectCode::NotFound,          // the account's
        RejectCode::ChangedSince,      // the account's
        RejectCode::NotRead,           // an undo's
    ];
    let expected: BTreeSet<String> = RejectCode::ALL
        .iter()
        .filter(|code| !elsewhere.contains(code))
        .map(ToString::to_string)
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_configuration_sample_is_read_and_shows_every_key() {
    let world = World::new();
    let people = bring(&world, "contacts.csv");
    // The name that is found without a flag.
    bring(&world, "wazzup.toml");
    let ran = world.run(["check", "-q", "--profile", "simplified", people]);
    assert_eq!(ran.ends_with(0).stderr, "");
    let text = world.read("wazzup.toml");
    let source = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/settings/config.rs"
    ))
    .unwrap();
    let (_, profile) = source.split_once(" struct Profile {").unwrap();
    let (profile, _) = profile.split_once("\n}").unwrap();
    let keys: Vec<&str> = profile
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next())
        .collect();
    assert!(keys.len() >= 10, "{keys:?}");
    for key in keys {
        assert!(
            text.lines().any(|line| line
                .trim_start_matches("# ")
                .starts_with(&format!("{key} ="))
                || line.ends_with(&format!(".{key}]"))),
            "samples/wazzup.toml does not show `{key}`"
        );
    }
}
