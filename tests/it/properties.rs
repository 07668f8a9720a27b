//! Accepted rows follow the rules of the API, whatever the file contains.

use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    harness::World,
    shared::{csv_of, source_rows},
};

#[test]
fn what_is_accepted_keeps_the_rules_of_the_api() {
    // The sandbox checks every contact with rules of its own and refuses what breaks one.
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&source_rows(), |rows| {
        let world = World::new();
        world.write("rows.csv", csv_of(&rows));
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
