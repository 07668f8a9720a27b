//! Faults of the network and of the server, individually and combined: import, then `apply` until nothing is left.
//! The account must match the model, whatever went wrong.

use strum::VariantArray as _;
use wazzup_contacts::sandbox::{ErrorShape, Existing, Faults, Options};

use crate::{
    harness::{Ran, World, faults},
    model::{assert_holds, contact, csv, quick},
    tokens::refreshing,
};

const CONTACTS: usize = 3_000;

/// Imports, and continues until nothing is left. A plan that failed is made again.
fn import_to_the_end(world: &World) -> Ran {
    let import = ["import", "contacts.csv", "--run", "x.run", "--json"];
    let mut ran = world.run(import);
    for _ in 0..50 {
        if ran.code != Some(1) {
            break;
        }
        let said = ran.json();
        ran = match said["resume"].as_str() {
            Some(resume) => world.run(resume.split_whitespace().skip(1).chain(["--json"])),
            None => world.run(import),
        };
    }
    ran
}

/// A third is in the account and outdated, a third is up to date, a third is new.
fn survives(faults: Faults) {
    let world = quick(Options::default());
    for number in 1..=CONTACTS / 3 {
        world.sandbox.put_contact(&contact(number, "old"));
        world
            .sandbox
            .put_contact(&contact(number + CONTACTS / 3, "new"));
    }
    world.write(
        "contacts.csv",
        csv((1..=CONTACTS).map(|n| contact(n, "new"))),
    );
    let words = format!("{faults:?}");
    world.sandbox.set_faults(faults);
    let ran = import_to_the_end(&world).ends_with(0);
    assert!(
        world.sandbox.faults_injected() > 0,
        "{words} never happened"
    );
    assert_holds(&world.sandbox, (1..=CONTACTS).map(|n| contact(n, "new")));
    let done = &ran.json()["done"];
    assert_eq!(done["created"], CONTACTS / 3, "{words}: {}", ran.shown());
    assert_eq!(done["updated"], CONTACTS / 3, "{words}: {}", ran.shown());
    for number in CONTACTS * 2 / 3 + 1..=CONTACTS {
        assert_eq!(
            world.sandbox.writes(&number.to_string()).created,
            1,
            "{words}"
        );
    }
}

fn each(rules: &[&str]) {
    for rule in rules {
        let mut faults = faults([rule]);
        faults.max_injected = Some(40);
        survives(faults);
    }
}

/// Every transient fault of the network and of the server, each with this probability.
fn random(seed: u64, percent: u32, most: u64, also: &[&str]) -> Faults {
    let transient = [
        "slow=5ms",
        "partial",
        "drop-before",
        "drop-after",
        "truncate",
        "503",
        "429",
        "500=empty",
        "502-after",
        "500-after",
    ];
    let transient = transient.map(|fault| format!("{fault}%{percent}"));
    let also = also.iter().map(ToString::to_string);
    let mut faults = faults(transient.into_iter().chain(also));
    (faults.seed, faults.max_injected) = (seed, Some(most));
    faults
}

#[test]
fn every_fault_of_the_network_is_survived() {
    each(&[
        "drop-before%30",
        "drop-after%30",
        "truncate%30",
        "slow=20ms%30",
    ]);
}

#[test]
fn every_fault_of_the_server_is_survived() {
    each(&[
        "503%30",
        "429%30",
        "500=empty%30",
        "500-after%30",
        "502-after%30",
        "partial%30",
    ]);
}

#[test]
fn all_faults_together_are_survived_whatever_the_seed() {
    for seed in 1..=6 {
        survives(random(seed, 5, 120, &[]));
    }
}

/// Additional permanent faults: contacts that are refused, contacts that are not stored, and tokens that expire.
#[test]
fn faults_that_stay_are_told_from_those_that_come_and_go() {
    let (refused, passed_over) = (["70", "71", "1500"], ["300", "1999"]);
    for seed in 1..=4 {
        let world = quick(Options {
            errors: ErrorShape::VARIANTS[seed % ErrorShape::VARIANTS.len()],
            ..Options::default()
        });
        let permanent = [
            "poison=70",
            "poison=71",
            "poison=1500",
            "unstored=300",
            "unstored=1999",
            "token-dies%4",
        ];
        world
            .sandbox
            .set_faults(random(seed as u64, 4, 60, &permanent));
        world.write("contacts.csv", csv((1..=2_000).map(|n| contact(n, "new"))));
        let mut ran = None;
        for _ in 0..50 {
            let command = if world.path("x.run").exists() {
                "apply x.run --json"
            } else {
                "import contacts.csv --mode create --run x.run --json"
            };
            let done = refreshing(world.call(command.split(' '))).run();
            let is_over = done.code != Some(1);
            ran = Some(done);
            if is_over {
                break;
            }
        }
        let ran = ran.unwrap().ends_with(3);
        let is_kept = |n: &usize| {
            let id = n.to_string();
            !refused.contains(&&*id) && !passed_over.contains(&&*id)
        };
        let kept = (1..=2_000).filter(is_kept);
        assert_holds(&world.sandbox, kept.map(|n| contact(n, "new")));
        assert_eq!(ran.json()["done"]["failed"], 5, "{seed}: {}", ran.shown());
        assert_eq!(world.read("contacts.rejected.csv").lines().count(), 6);
    }
}

#[test]
fn a_server_that_updates_one_that_refuses_and_one_that_breaks_end_in_the_same_state() {
    for existing in Existing::VARIANTS {
        for errors in ErrorShape::VARIANTS {
            let world = quick(Options {
                existing: *existing,
                errors: *errors,
                ..Options::default()
            });
            for number in 45..=60 {
                world.sandbox.put_contact(&contact(number, "old"));
            }
            world.write("contacts.csv", csv((1..=150).map(|n| contact(n, "new"))));
            let ran = world.run(["import", "contacts.csv", "--mode", "create", "--json"]);
            let ran = ran.ends_with(0);
            assert_holds(&world.sandbox, (1..=150).map(|n| contact(n, "new")));
            let done = &ran.json()["done"];
            let sum = done["created"].as_u64().unwrap() + done["updated"].as_u64().unwrap();
            assert_eq!(sum, 150, "{existing:?} {errors:?}");
        }
    }
}

#[test]
fn contacts_that_the_server_passes_over_are_sent_alone_and_then_rejected_with_a_reason() {
    let world = quick(Options::default());
    world
        .sandbox
        .set_faults(faults(["unstored=7", "unstored=30"]));
    world.write("contacts.csv", csv((1..=100).map(|n| contact(n, "new"))));
    let ran = world
        .run(["import", "contacts.csv", "--mode", "create", "--json"])
        .ends_with(3);
    let kept = (1..=100).filter(|n| ![7, 30].contains(n));
    assert_holds(&world.sandbox, kept.map(|n| contact(n, "new")));
    assert_eq!(ran.json()["done"]["failed"], 2);
    assert_eq!(
        world.sandbox.count("POST"),
        1 + 2,
        "the batch, then each alone"
    );
    assert_eq!(
        world.sandbox.count("GET"),
        100 + 2,
        "each is looked up, then each alone"
    );
    let rejects = world.read("contacts.rejected.csv");
    assert_eq!(rejects.matches("refused_by_server").count(), 2, "{rejects}");
}

/// 2xx answers that are undocumented for a write, which was carried out.
fn hollow(method: &str) -> [String; 2] {
    ["empty", "json"].map(|body| format!("{method}:200={body}"))
}

#[test]
fn a_success_that_does_not_say_what_was_done_is_not_believed() {
    for (mode, method) in [("create", "POST"), ("update", "PATCH")] {
        for rule in hollow(method) {
            let words = format!("{mode} {rule}");
            let world = quick(Options::default());
            if mode == "update" {
                for number in 1..=3 {
                    world.sandbox.put_contact(&contact(number, "old"));
                }
            }
            world.write("contacts.csv", csv((1..=3).map(|n| contact(n, "new"))));
            world.sandbox.set_faults(faults([rule]));
            let import = ["import", "contacts.csv", "--mode", mode, "--run", "x.run"];
            let ran = world.run(import.iter().chain(&["--json"])).ends_with(1);
            assert_eq!(ran.json()["done"]["unknown"], 3, "{words}: {}", ran.shown());
            world.sandbox.set_faults(Faults::default());
            world.run(["apply", "x.run"]).ends_with(0);
            assert_holds(&world.sandbox, (1..=3).map(|n| contact(n, "new")));
        }
    }
}

#[test]
fn what_was_carried_out_and_not_said_is_found_by_looking_it_up() {
    let world = quick(Options::default());
    world.write("contacts.csv", csv((1..=3).map(|n| contact(n, "new"))));
    let silent = ["POST", "PATCH", "DELETE"].map(|method| format!("{method}:200-after=empty"));
    world.sandbox.set_faults(faults(silent));
    world
        .run(["import", "contacts.csv", "--run", "x.run"])
        .ends_with(0);
    assert_holds(&world.sandbox, (1..=3).map(|n| contact(n, "new")));
    world.run(["undo", "x.run", "--yes"]).ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 0);
    assert_eq!(
        (world.sandbox.count("POST"), world.sandbox.count("DELETE")),
        (1, 1)
    );
}

#[test]
fn an_update_that_may_have_arrived_is_unknown_although_nobody_can_look() {
    let world = quick(Options::default());
    for number in 1..=2 {
        world.sandbox.put_contact(&contact(number, "old"));
    }
    world.write("contacts.csv", csv((1..=2).map(|n| contact(n, "new"))));
    world
        .sandbox
        .set_faults(faults(["PATCH:drop-after", "GET:503"]));
    let import = [
        "import",
        "contacts.csv",
        "--mode",
        "update",
        "--run",
        "x.run",
    ];
    let ran = world.run(import.iter().chain(&["--json"])).ends_with(1);
    let done = &ran.json()["done"];
    assert_eq!(
        (&done["unknown"], &done["not_attempted"]),
        (&2.into(), &0.into())
    );
    world.sandbox.set_faults(Faults::default());
    world.run(["apply", "x.run"]).ends_with(0);
    assert_holds(&world.sandbox, (1..=2).map(|n| contact(n, "new")));
}

#[test]
fn an_update_that_was_carried_out_is_unknown_whatever_the_next_answer_is() {
    for end in ["PATCH:302@2", "PATCH:405@2"] {
        let world = quick(Options::default());
        for number in 1..=3 {
            world.sandbox.put_contact(&contact(number, "old"));
        }
        world.write("contacts.csv", csv((1..=3).map(|n| contact(n, "new"))));
        world.sandbox.set_faults(faults(["PATCH:500-after@1", end]));
        let import = "import contacts.csv --mode update --run x.run --json";
        let ran = world.run(import.split(' ')).ends_with(1);
        assert_eq!(ran.json()["done"]["unknown"], 3, "{end}: {}", ran.shown());
        world.run(["apply", "x.run"]).ends_with(0);
        assert_holds(&world.sandbox, (1..=3).map(|n| contact(n, "new")));
    }
}

#[test]
fn a_dead_server_ends_the_run_with_the_command_that_goes_on() {
    let world = quick(Options::default());
    world.write("contacts.csv", csv((1..=10_000).map(|n| contact(n, "new"))));
    world.sandbox.set_faults(faults(["drop-before@6+"]));
    let import = "import contacts.csv --run x.run --json --concurrency 8";
    let ran = world.run(import.split(' ')).ends_with(1);
    assert!(
        ran.stderr
            .contains("to continue: wazzup-contacts apply x.run"),
        "{}",
        ran.shown()
    );
    assert_eq!(ran.json()["exit_code"], 1);
    assert!(ran.json()["done"]["not_attempted"].as_u64().unwrap() > 0);
    let quiet = world.run(["apply", "x.run", "-q"]).ends_with(1);
    assert!(
        quiet.stderr.contains("to continue: wazzup-contacts apply"),
        "{}",
        quiet.shown()
    );
    world.sandbox.set_faults(Faults::default());
    world.run(["apply", "x.run"]).ends_with(0);
    assert_holds(&world.sandbox, (1..=10_000).map(|n| contact(n, "new")));
}
