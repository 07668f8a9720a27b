//! Tests of the harness, not of the binary.

use wazzup_contacts::sandbox::{Options, people};

use crate::harness::{Ran, World};

#[test]
fn what_differs_from_run_to_run_is_masked_in_snapshots() {
    let world = World::new();
    let ran = Ran {
        code: Some(0),
        stdout: format!(
            "{{\"seconds\":1.25,\"started_at\":\"2026-11-22T08:55:20Z\",\"p50\":3,\"run\":\"{}\"}}\n",
            world.path("2026-11-22T0855-contacts.run").display()
        ),
        stderr: format!(
            "sandbox at {}, 1,250 rows/s, 12 ms, done in 3 s, 490 requests per 5 s\n",
            world.sandbox.base_url()
        ),
    };
    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 0
    --- stdout
    {"seconds":[SECONDS],"started_at":"[TIME]","p50":[MS],"run":"[DIR]/[TIME]-contacts.run"}
    --- stderr
    sandbox at http://127.0.0.1:[PORT], [RATE] rows/s, [DURATION], done in [DURATION], 490 requests per 5 s
    "#);
}

#[test]
fn a_world_holds_files_and_contacts() {
    let world = World::with(Options {
        contacts: 2,
        ..Options::default()
    });
    world.write("in/contacts.csv", "id,name\n1,Ann\n");
    assert_eq!(world.read("in/contacts.csv"), "id,name\n1,Ann\n");
    assert_eq!(world.sandbox.contact("C-000002"), Some(people::contact(2)));
}

#[test]
fn the_binary_runs_in_the_world() {
    let world = World::new();
    world.run(["--version"]).ends_with(0);
    world.call(["--version"]).start().wait().ends_with(0);
}
