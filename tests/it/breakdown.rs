//! Contacts on which the server fails, or that are forbidden, are distinguished from a server that is down and
//! from a token without permissions. None is rejected unless the server accepts others afterwards.

use wazzup_contacts::sandbox::{Existing, Faults, Options};

use crate::{
    harness::{World, faults},
    isolation::most,
    model::{assert_holds, contact, csv, quick},
};

#[test]
fn a_contact_on_which_the_server_breaks_down_does_not_take_its_neighbours() {
    for mode in ["create", "update"] {
        let world = quick(Options::default());
        if mode == "update" {
            for number in (1..=250).filter(|n| *n != 37) {
                world.sandbox.put_contact(&contact(number, "old"));
            }
        }
        world.sandbox.set_faults(faults(["poison-500=37"]));
        world.write("contacts.csv", csv((1..=250).map(|n| contact(n, "new"))));
        let ran = world
            .run(["import", "contacts.csv", "--mode", mode, "--json"])
            .ends_with(3);
        assert_eq!(ran.json()["done"]["failed"], 1, "{mode}: {}", ran.shown());
        let kept = (1..=250).filter(|n| *n != 37);
        assert_holds(&world.sandbox, kept.map(|n| contact(n, "new")));
        let rejects = world.read("contacts.rejected.csv");
        assert!(rejects.contains("the server fails whenever"), "{rejects}");
    }
}

#[test]
fn a_contact_that_a_firewall_forbids_does_not_block_its_neighbours() {
    // First, in the middle, and alone in the last batch.
    for forbidden in ["1", "37", "101"] {
        let world = quick(Options::default());
        let firewall = format!("POST:poison-403-html={forbidden}");
        world.sandbox.set_faults(faults([firewall]));
        world.write("contacts.csv", csv((1..=101).map(|n| contact(n, "new"))));
        let import = "import contacts.csv --mode create --concurrency 1 --run x.run";
        let is_last = forbidden == "101";
        // Nothing is accepted after the last batch, so the token may have lost its permissions.
        world
            .run(import.split(' '))
            .ends_with(if is_last { 4 } else { 3 });
        if is_last {
            world.run(["apply", "x.run"]).ends_with(3);
        }
        let kept = (1..=101).filter(|n: &usize| n.to_string() != forbidden);
        assert_holds(&world.sandbox, kept.map(|n| contact(n, "new")));
        let rejects = world.read("contacts.rejected.csv");
        assert!(
            rejects.contains(&format!("\n{forbidden},user-")),
            "{rejects}"
        );
        assert!(rejects.contains("403"), "{rejects}");
    }
}

#[test]
fn a_token_that_may_do_nothing_ends_the_run_whatever_the_answer_looks_like() {
    for body in ["json", "html", "empty"] {
        let world = quick(Options::default());
        world
            .sandbox
            .set_faults(faults([format!("POST:403={body}")]));
        world.write("contacts.csv", csv((1..=100).map(|n| contact(n, "new"))));
        let import = ["import", "contacts.csv", "--mode", "create"];
        world.run(import).ends_with(4);
        let most = if body == "html" { 20 } else { 1 };
        assert!(world.sandbox.count("POST") <= most, "{body}");
        assert!(!world.path("contacts.rejected.csv").exists(), "{body}");
    }
}

/// Sets faults after which the first of two contacts is accepted alone, and the last request for the second is
/// carried out without an answer.
fn lose_the_last_answer(world: &World, rules: &[&str]) {
    world.sandbox.set_faults(faults(rules));
}

#[test]
fn a_contact_whose_last_request_was_carried_out_is_not_handed_back() {
    let world = quick(Options::default());
    let import = |word, run| {
        world.write("contacts.csv", csv((1..=2).map(|n| contact(n, word))));
        let args = ["import", "contacts.csv", "--run", run];
        world.run(args).ends_with(0);
        assert_holds(&world.sandbox, (1..=2).map(|n| contact(n, word)));
    };
    lose_the_last_answer(&world, &["POST:500@1-5", "POST:500@7", "POST:drop-after@8"]);
    import("old", "1.run");
    // What may be sent twice is, eight times.
    lose_the_last_answer(
        &world,
        &["DELETE:500@1-8", "DELETE:500@10-16", "DELETE:drop-after@17"],
    );
    world.run(["undo", "1.run", "--yes"]).ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 0);
    import("old", "2.run");
    lose_the_last_answer(
        &world,
        &["PATCH:500@1-8", "PATCH:500@10-16", "PATCH:drop-after@17"],
    );
    import("new", "3.run");
}

#[test]
fn if_nothing_is_accepted_no_contact_is_rejected() {
    let world = quick(Options::default());
    world.sandbox.set_faults(faults(["POST:500"]));
    world.write("contacts.csv", csv((1..=100).map(|n| contact(n, "new"))));
    let ran = world
        .run(["import", "contacts.csv", "--mode", "create", "--json"])
        .ends_with(1);
    let done = &ran.json()["done"];
    assert_eq!(
        (&done["failed"], &done["unknown"]),
        (&0.into(), &100.into())
    );
    assert!(!world.dir().join("contacts.rejected.csv").exists());
}

#[test]
fn permissions_that_are_lost_in_the_middle_of_a_run_reject_no_contact() {
    for (contacts, size, arrived) in [(305, "100", 300), (100, "5", 15)] {
        for body in ["json", "empty"] {
            let world = quick(Options::default());
            let lost = format!("POST:403={body}@4+");
            world.sandbox.set_faults(faults([lost]));
            world.write(
                "contacts.csv",
                csv((1..=contacts).map(|n| contact(n, "new"))),
            );
            let import = "import contacts.csv --mode create --run x.run --concurrency 1";
            let import = import.split(' ').chain(["--batch-size", size]);
            let ran = world.run(import.chain(["--json"])).ends_with(4);
            assert_eq!(world.sandbox.contact_count(), arrived, "{body}");
            assert!(!world.path("contacts.rejected.csv").exists(), "{body}");
            // The answers prove that nothing was carried out, so nothing is looked up.
            let done = &ran.json()["done"];
            let left = contacts - arrived;
            assert_eq!(
                (&done["unknown"], &done["not_attempted"]),
                (&0.into(), &left.into())
            );
            world.sandbox.set_faults(Faults::default());
            let reads = world.sandbox.count("GET");
            world.run(["apply", "x.run"]).ends_with(0);
            assert_eq!(world.sandbox.count("GET"), reads);
            assert_holds(&world.sandbox, (1..=contacts).map(|n| contact(n, "new")));
        }
    }
}

#[test]
fn batches_that_wait_for_a_second_attempt_while_the_api_forbids_writes_are_unsent() {
    let world = quick(Options::default());
    world.sandbox.set_faults(faults(["POST:403=json@20+"]));
    world.write("contacts.csv", csv((1..=400).map(|n| contact(n, "new"))));
    let import =
        "import contacts.csv --mode create --run x.run --batch-size 5 --concurrency 8 --json";
    let ran = world.run(import.split(' ')).ends_with(4);
    let done = &ran.json()["done"];
    assert_eq!((&done["unknown"], &done["failed"]), (&0.into(), &0.into()));
    world.sandbox.set_faults(Faults::default());
    world.run(["apply", "x.run"]).ends_with(0);
    assert_holds(&world.sandbox, (1..=400).map(|n| contact(n, "new")));
}

#[test]
fn a_firewall_that_blocks_everything_rejects_no_contact() {
    let world = quick(Options::default());
    world.sandbox.set_faults(faults(["POST:403=html@4+"]));
    world.write("contacts.csv", csv((1..=20).map(|n| contact(n, "new"))));
    let import = "import contacts.csv --mode create --concurrency 1 --batch-size 1";
    world.run(import.split(' ')).ends_with(4);
    assert_eq!(world.sandbox.contact_count(), 3);
    assert!(!world.path("contacts.rejected.csv").exists());
}

/// The number of POSTs for an import of 300 contacts, some of which a firewall's page forbids.
fn posts_past_a_firewall(forbidden: std::ops::RangeInclusive<usize>) -> u64 {
    let world = quick(Options::default());
    let firewall = forbidden
        .clone()
        .map(|id| format!("POST:poison-403-html={id}"));
    world.sandbox.set_faults(faults(firewall));
    world.write("contacts.csv", csv((1..=300).map(|n| contact(n, "new"))));
    let import = "import contacts.csv --mode create --concurrency 1 --json";
    let ran = world.run(import.split(' ')).ends_with(3);
    assert_eq!(ran.json()["done"]["failed"], forbidden.clone().count());
    let kept = (1..=300).filter(|n: &usize| !forbidden.contains(n));
    assert_holds(&world.sandbox, kept.map(|n| contact(n, "new")));
    world.sandbox.count("POST")
}

#[test]
fn many_contacts_in_a_row_that_a_firewall_forbids_are_found_at_the_price_of_halving() {
    for forbidden in [1..=10, 101..=112, 289..=300, 41..=60, 201..=230] {
        let all: Vec<_> = forbidden.clone().collect();
        let (posts, most) = (posts_past_a_firewall(forbidden.clone()), most(&all));
        assert!(posts - 3 <= most, "{forbidden:?}: {posts} requests");
    }
}

#[test]
fn many_contacts_in_a_row_on_which_the_server_breaks_down_do_not_take_their_neighbours() {
    for poisoned in [1..=6, 1..=20, 86..=100] {
        let world = quick(Options::default());
        let poison = poisoned.clone().map(|n: usize| format!("poison-500={n}"));
        world.sandbox.set_faults(faults(poison));
        world.write("contacts.csv", csv((1..=100).map(|n| contact(n, "new"))));
        let import = ["import", "contacts.csv", "--mode", "create", "--json"];
        let ran = world.run(import).ends_with(3);
        assert_eq!(ran.json()["done"]["failed"], poisoned.clone().count());
        let kept = (1..=100).filter(|n| !poisoned.contains(n));
        assert_holds(&world.sandbox, kept.map(|n| contact(n, "new")));
    }
}

/// Imports as creates with one sender; the server fails on these ids.
fn import_broken(contacts: usize, size: &str, broken: &[&str]) -> World {
    let world = quick(Options::default());
    let poison = broken.iter().map(|id| format!("poison-500={id}"));
    world.sandbox.set_faults(faults(poison));
    world.write(
        "contacts.csv",
        csv((1..=contacts).map(|n| contact(n, "new"))),
    );
    world
        .run([
            "plan",
            "contacts.csv",
            "--mode",
            "create",
            "-o",
            "x.run",
            "--batch-size",
            size,
        ])
        .ends_with(0);
    world
}

#[test]
fn a_contact_alone_in_its_batch_is_rejected_if_later_batches_are_accepted() {
    let broken = ["3", "4"];
    let world = import_broken(10, "1", &broken);
    let ran = world
        .run(["apply", "x.run", "--concurrency", "1"])
        .ends_with(3);
    let kept = (1..=10).filter(|n: &usize| !broken.contains(&n.to_string().as_str()));
    assert_holds(&world.sandbox, kept.map(|n| contact(n, "new")));
    let rejects = world.read("contacts.rejected.csv");
    assert_eq!(rejects.lines().count(), 3, "{}", ran.shown());
}

#[test]
fn the_rest_of_a_run_is_not_unknown_for_ever() {
    for broken in [&["101"][..], &["101", "102", "103"]] {
        let world = import_broken(100 + broken.len(), "100", broken);
        let apply = "apply x.run --concurrency 1 --json";
        let ran = world.run(apply.split(' ')).ends_with(1);
        assert_eq!(ran.json()["done"]["unknown"], broken.len());
        assert!(!world.path("contacts.rejected.csv").exists());
        world.run(apply.split(' ')).ends_with(3);
        assert_holds(&world.sandbox, (1..=100).map(|n| contact(n, "new")));
        let rejects = world.read("contacts.rejected.csv");
        assert_eq!(rejects.lines().count(), 1 + broken.len(), "{rejects}");
    }
}

#[test]
fn a_server_that_breaks_down_on_everything_in_the_middle_of_a_run_rejects_no_contact() {
    let world = import_broken(40, "2", &[]);
    world.sandbox.set_faults(faults(["POST:500@6+"]));
    let apply = ["apply", "x.run", "--concurrency", "1"];
    for _ in 0..2 {
        world.run(apply).ends_with(1);
        assert!(!world.path("contacts.rejected.csv").exists());
    }
    world.sandbox.set_faults(Faults::default());
    world.run(apply).ends_with(0);
    assert_holds(&world.sandbox, (1..=40).map(|n| contact(n, "new")));
}

#[test]
fn a_batch_that_a_kill_left_undivided_is_compared_with_its_neighbours_in_the_account() {
    let ids: Vec<_> = (1..=12).map(|n| n.to_string()).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let world = import_broken(100, "100", &ids);
    let killed = world.call(["apply", "x.run"]);
    let killed = killed.env("FAILPOINTS", "split=7*off->return").run();
    assert_eq!(killed.code, None);
    assert!(world.sandbox.contact_count() > 0);
    world.run(["apply", "x.run"]).ends_with(3);
    assert_holds(&world.sandbox, (13..=100).map(|n| contact(n, "new")));
    assert_eq!(world.read("contacts.rejected.csv").lines().count(), 13);
}

#[test]
fn a_create_for_which_the_server_is_never_available_does_not_take_its_neighbours() {
    let world = quick(Options::default());
    world.sandbox.set_faults(faults(["poison-503=37"]));
    world.write("contacts.csv", csv((1..=250).map(|n| contact(n, "new"))));
    let import = ["import", "contacts.csv", "--mode", "create", "--json"];
    let ran = world.run(import).ends_with(3);
    assert_eq!(ran.json()["done"]["failed"], 1, "{}", ran.shown());
    let kept = (1..=250).filter(|n| *n != 37);
    assert_holds(&world.sandbox, kept.map(|n| contact(n, "new")));
}

#[test]
fn a_create_that_a_proxy_handed_on_and_said_503_of_is_not_handed_back() {
    let world = quick(Options {
        existing: Existing::ServerError,
        ..Options::default()
    });
    world.write("contacts.csv", csv((1..=4).map(|n| contact(n, "new"))));
    world.sandbox.set_faults(faults(["POST:503-after"]));
    let import = "import contacts.csv --mode create --run x.run";
    world.run(import.split(' ')).ends_with(0);
    assert_holds(&world.sandbox, (1..=4).map(|n| contact(n, "new")));
    assert!((1..=4).all(|n| world.sandbox.writes(&n.to_string()).created == 1));
}

#[test]
fn a_create_that_was_carried_out_before_a_503_is_not_taken_for_the_contact_of_others() {
    let world = quick(Options {
        existing: Existing::Conflict,
        ..Options::default()
    });
    world.write("contacts.csv", csv((1..=150).map(|n| contact(n, "new"))));
    world.sandbox.set_faults(faults(["POST:503-after@1"]));
    let ran = world.run(["import", "contacts.csv", "--run", "x.run", "--json"]);
    assert_eq!(ran.ends_with(0).json()["done"]["created"], 150);
    world.run(["undo", "x.run", "--yes"]).ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 0);
}

#[test]
fn creates_that_were_carried_out_before_a_redirect_or_a_page_are_looked_up() {
    for (fault, code, unknown) in [("302-after", 1, 100), ("403-after=html", 0, 0)] {
        let world = quick(Options::default());
        world.write("contacts.csv", csv((1..=300).map(|n| contact(n, "new"))));
        world
            .sandbox
            .set_faults(faults([format!("POST:{fault}@2")]));
        let import = "import contacts.csv --mode create --run x.run --concurrency 1 --json";
        let ran = world.run(import.split(' ')).ends_with(code);
        assert_eq!(ran.json()["done"]["unknown"], unknown, "{}", ran.shown());
        if code > 0 {
            world.run(["apply", "x.run"]).ends_with(0);
        }
        assert_holds(&world.sandbox, (1..=300).map(|n| contact(n, "new")));
        assert_eq!(world.sandbox.count("POST"), 3, "{fault}");
    }
}

#[test]
fn refusals_in_a_batch_that_breaks_down_are_kept() {
    let world = quick(Options::default());
    for number in 4..=100 {
        world.sandbox.put_contact(&contact(number, "old"));
    }
    world.write("contacts.csv", csv((1..=100).map(|n| contact(n, "new"))));
    // Each of three answers names a missing contact, which is then refused alone.
    world.sandbox.set_faults(faults(["PATCH:500@7+"]));
    let import = "import contacts.csv --mode update --run x.run --json";
    let done = &world.run(import.split(' ')).ends_with(1).json()["done"];
    assert_eq!(
        (&done["failed"], &done["unknown"]),
        (&3.into(), &97.into()),
        "{done}"
    );
    assert_eq!(world.read("contacts.rejected.csv").lines().count(), 4);
    world.sandbox.set_faults(Faults::default());
    world.sandbox.clear_log();
    let done = &world.run(["apply", "x.run", "--json"]).ends_with(3).json()["done"];
    assert_eq!(
        (&done["failed"], &done["updated"]),
        (&3.into(), &97.into()),
        "{done}"
    );
    assert_eq!(world.sandbox.count("PATCH"), 1);
    assert_eq!(world.read("contacts.rejected.csv").lines().count(), 4);
}

#[test]
fn creates_that_lose_their_answers_at_the_same_time_are_looked_up_one_after_another() {
    let world = quick(Options::default());
    world.write("contacts.csv", csv((1..=2_000).map(|n| contact(n, "new"))));
    world.sandbox.set_faults(faults(["POST:drop-after@1-6"]));
    let import = "import contacts.csv --mode create";
    world.run(import.split(' ')).ends_with(0);
    assert_holds(&world.sandbox, (1..=2_000).map(|n| contact(n, "new")));
    assert!((1..=2_000).all(|n| world.sandbox.writes(&n.to_string()).created == 1));
}
