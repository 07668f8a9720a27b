//! Accepted rows follow the rules of the API, whatever the file holds.

use proptest::{prelude::*, test_runner::TestRunner};

use crate::harness::World;

const HEADER: [&str; 12] = [
    "id",
    "responsible_user_id",
    "name",
    "uri",
    "whatsapp",
    "viber",
    "telegram",
    "instagram",
    "vk",
    "max",
    "chat_type_1",
    "chat_id_1",
];

/// A cell as people, spreadsheets and attackers fill it.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        3 => "[0-9]{9,13}".prop_map(|digits| digits),
        2 => "\\+?[78] ?\\(?9[0-9]{2}\\)? ?[0-9]{3}-[0-9]{2}-[0-9]{2}",
        2 => "[a-zA-Zа-яА-Я' ]{1,30}",
        1 => "@[a-z_]{1,12}",
        1 => "https://(t\\.me|vk\\.com|wa\\.me|instagram\\.com)/[a-z0-9+_/]{0,12}",
        1 => "(whatsapp|viber|telegram|telegroup|max|fax)",
        1 => ".{0,12}",
        1 => "[ж]{90,210}",
        1 => "[0-9],[0-9]{2,5}E\\+1[0-9]",
    ]
}

/// Rows whose first cells are mostly what they should be, so that many are accepted.
fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    let first = prop_oneof![4 => "[a-zA-Z0-9/?#%-]{1,20}", 1 => cell()];
    let text = || prop_oneof![4 => "[а-яa-z]{1,20}", 1 => cell()];
    let rest = prop::collection::vec(cell(), HEADER.len() - 4);
    let row = (first, text(), text(), text(), rest)
        .prop_map(|(id, user, name, uri, rest)| [vec![id, user, name, uri], rest].concat());
    prop::collection::vec(row, 1..40)
}

fn csv(rows: &[Vec<String>]) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(HEADER).unwrap();
    for row in rows {
        csv.write_record(row).unwrap();
    }
    csv.into_inner().unwrap()
}

#[test]
fn what_is_accepted_keeps_the_rules_of_the_api() {
    // The sandbox checks every contact with rules of its own and refuses what breaks one.
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&rows(), |rows| {
        let world = World::new();
        world.write("rows.csv", csv(&rows));
        let flags = [
            "--mode",
            "create",
            "--max-rejects",
            "100%",
            "--on-duplicate",
            "first",
        ];
        let ran = world.run([&["import", "rows.csv", "--json", "-q"], &flags[..]].concat());
        if ran.code == Some(5) {
            // Not one row was right.
            return Ok(());
        }
        let done = &ran.json()["done"];
        prop_assert_eq!(&done["failed"], 0, "{}", ran.shown());
        prop_assert_eq!(&done["unknown"], 0);
        prop_assert_eq!(&done["created"], world.sandbox.contact_count());
        Ok(())
    });
    outcome.unwrap();
}
