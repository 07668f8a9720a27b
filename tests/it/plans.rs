//! `plan`, `apply`, `runs` and `auth` without failures; crashes have their own modules.

use wazzup_contacts::sandbox::{Options, PartnerAccount};

use crate::{csv_files, harness::World};

#[test]
fn a_run_file_is_where_it_was_asked_for() {
    let world = World::new();
    world.write("few.csv", csv_files::many(3));
    let plan = world
        .run(["plan", "few.csv", "-o", "a.run", "--json"])
        .ends_with(0)
        .json();
    assert_eq!(plan["files"]["run"], "a.run");
    assert!(world.path("a.run").exists());
    assert_eq!(world.sandbox.count("POST"), 0);
    world
        .run(["import", "few.csv", "--run", "b.run"])
        .ends_with(0);
    assert!(world.path("b.run").exists());
    world
        .run(["import", "few.csv", "--run", "b.run"])
        .ends_with(1);
    let default = world
        .run(["import", "few.csv", "--json"])
        .ends_with(0)
        .json();
    let run = default["files"]["run"].as_str().unwrap();
    assert!(run.contains("home") && run.ends_with("-few.run"), "{run}");
}

#[test]
fn a_plan_is_applied_later_with_its_rejects_where_they_are_wanted() {
    let world = World::new();
    world.write("few.csv", format!("{}bad,u,,x,1\n", csv_files::many(3)));
    world.run(["plan", "few.csv", "-o", "a.run"]).ends_with(3);
    world
        .run(["apply", "a.run", "--rejects", "later.csv"])
        .ends_with(3);
    assert_eq!(world.sandbox.contact_count(), 3);
    assert_eq!(world.read("later.csv").lines().count(), 2);
    world.sandbox.clear_log();
    world.run(["apply", "a.run"]).ends_with(3);
    assert_eq!(world.sandbox.count("POST"), 0);
}

#[test]
fn a_plan_that_is_fresh_enough_is_not_looked_at_again() {
    let world = World::new();
    world.write("a.csv", csv_files::many(1));
    world.run(["import", "a.csv"]).ends_with(0);
    world.write(
        "a.csv",
        csv_files::many(1).replace("Name 1", "From the file"),
    );
    world.run(["plan", "a.csv", "-o", "a.run"]).ends_with(0);
    let mut contact = world.sandbox.contact("1").unwrap();
    contact.name = "From elsewhere".into();
    world.sandbox.put_contact(&contact);
    let apply = ["apply", "a.run", "--stale-after", "10m"];
    world.run(apply).ends_with(0);
    assert_eq!(world.sandbox.contact("1").unwrap().name, "From the file");
}

#[test]
fn a_plan_with_deletes_is_sent_only_after_a_yes() {
    let world = World::with(Options {
        contacts: 10,
        ..Options::default()
    });
    world.run(["export", "-o", "all.csv"]).ends_with(0);
    let text = world.read("all.csv");
    let kept: Vec<&str> = text.lines().take(10).collect();
    world.write("nine.csv", kept.join("\n"));
    let mirror = ["--mode", "mirror", "--max-delete", "1", "-o", "a.run"];
    world
        .run([&["plan", "nine.csv"], &mirror[..]].concat())
        .ends_with(0);
    let ran = world.run(["apply", "a.run"]).ends_with(2);
    assert!(ran.stderr.contains("--yes"), "{}", ran.shown());
    assert_eq!(world.sandbox.contact_count(), 10);
    world.run(["apply", "a.run", "--yes"]).ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 9);
}

#[test]
fn apply_says_which_run_it_takes_and_passes_over_plans_without_a_change() {
    let world = World::new();
    world.write("few.csv", csv_files::many(3));
    let planned = world.run(["plan", "few.csv", "--json"]).ends_with(0).json();
    let name = planned["run"].as_str().unwrap();
    world.run(["import", "few.csv", "-q"]).ends_with(0);
    world
        .run(["plan", "few.csv"])
        .tells("3 unchanged")
        .ends_with(0);
    let listed = world.run(["runs"]).ends_with(0).stdout;
    assert_eq!(listed.matches("unfinished").count(), 1, "{listed}");
    world
        .run(["apply"])
        .tells(&format!("not continued: run {name}"));
    world.write("few.csv", csv_files::many(4));
    let planned = world.run(["plan", "few.csv", "--json"]).ends_with(0).json();
    let name = planned["run"].as_str().unwrap();
    world
        .run(["apply"])
        .tells(&format!("continuing run {name} (few.csv)\n"))
        .ends_with(0);
    world
        .run(["apply"])
        .tells("has no unfinished run")
        .ends_with(0);
    let pruned = world.run(["runs", "prune", "--keep", "0"]).ends_with(0);
    assert!(pruned.stdout.contains("2 runs removed"), "{pruned:?}");
}

#[test]
fn old_runs_are_removed_and_as_many_kept_as_asked_for() {
    let world = World::new();
    world.write("few.csv", csv_files::many(1));
    for _ in 0..3 {
        world.run(["import", "few.csv"]).ends_with(0);
    }
    let listed = || world.run(["runs", "--json"]).ends_with(0).stdout;
    assert_eq!(listed().lines().count(), 3);
    world.run(["runs", "prune", "--keep", "1"]).ends_with(0);
    let left = listed();
    assert_eq!(left.matches(".run\"").count(), 1, "{left}");
    let first: serde_json::Value = serde_json::from_str(left.lines().last().unwrap()).unwrap();
    let name = first["run"].as_str().unwrap();
    let shown = world.run(["runs", "show", name]).ends_with(0);
    assert!(shown.stdout.contains("1 created"), "{}", shown.shown());
}

#[test]
fn a_token_is_renewed_when_asked_to() {
    let world = World::new();
    let partner = PartnerAccount::default();
    let auth = |args: &[&str]| {
        world
            .call(["auth", "--json"].iter().chain(args))
            .without("WAZZUP_TOKEN")
            .env("WAZZUP_ACCOUNT_ID", &partner.account_id)
            .env("WAZZUP_PARTNER_EMAIL", &partner.email)
            .env("WAZZUP_PARTNER_PASSWORD", &partner.password)
            .run()
            .ends_with(0)
    };
    auth(&[]);
    let without = world.sandbox.issued_tokens().len();
    let ran = auth(&["--refresh"]);
    assert_eq!(ran.json()["good"], true);
    let issued = world.sandbox.issued_tokens();
    assert!(
        issued.len() > without + 1,
        "renewed, and not only taken once"
    );
    assert!(
        issued
            .iter()
            .all(|token| !ran.shown().contains(token.as_str()))
    );
}

#[test]
fn what_an_undo_leaves_alone_is_written_where_it_was_asked_for() {
    let world = World::new();
    world.write("a.csv", csv_files::many(2));
    world
        .run(["import", "a.csv", "--run", "a.run"])
        .ends_with(0);
    let mut contact = world.sandbox.contact("1").unwrap();
    contact.name = "From elsewhere".into();
    world.sandbox.put_contact(&contact);
    let undo = ["undo", "a.run", "--yes", "--rejects", "alone.csv"];
    world.run(undo).ends_with(3);
    assert!(world.read("alone.csv").contains("changed_since"));
    assert_eq!(world.sandbox.contact_count(), 1);
}

#[test]
fn a_run_file_may_have_a_name_that_means_something_else_elsewhere() {
    for run in [":memory:", "file:u.run", "-e.run"] {
        let world = World::new();
        world.write("few.csv", csv_files::many(3));
        let output = format!("--output={run}");
        let plan = ["plan", "few.csv", "--mode", "create", &output];
        let ran = world.run(plan).ends_with(0);
        assert!(world.path(run).exists(), "{run}");
        let (_, apply) = ran.stderr.split_once("wazzup-contacts apply ").unwrap();
        let (apply, _) = apply.split_once(' ').unwrap();
        world.run(["apply", apply]).ends_with(0);
        assert_eq!(world.sandbox.count("POST"), 1, "{run}");
        assert!(
            world
                .run(["apply", apply])
                .ends_with(0)
                .said()
                .contains("nothing is left")
        );
    }
}

#[test]
fn a_plan_that_another_run_has_overtaken_is_looked_at_again() {
    let world = World::new();
    let named = |name| csv_files::csv([("1", name), ("2", "Bob")]);
    world.write("plan.csv", named("From the plan"));
    world.write("newer.csv", named("Newer"));
    world.run(["plan", "plan.csv", "-o", "a.run"]).ends_with(0);
    world.run(["import", "newer.csv"]).ends_with(0);
    world
        .run(["apply", "a.run"])
        .tells("another run has written to this account since the plan was made")
        .ends_with(3);
    assert_eq!(world.sandbox.contact("1").unwrap().name, "Newer");
    assert_eq!(world.sandbox.writes("2").updated, 0);
}

/// Staging on several threads and parallel listing of many pages yield the same plan as one thread.
#[test]
fn a_plan_is_the_same_however_many_threads_read_the_file_and_the_account() {
    let world = World::with(Options {
        page_max: 10,
        ..Options::default()
    });
    world.write("old.csv", csv_files::many(1_200));
    world.run(["import", "old.csv", "-q"]).ends_with(0);
    let new = csv_files::many(1_500).replace("Name 7", "Ann ");
    let without_some = |line: &&str| !line.starts_with("11");
    let new: Vec<_> = new.lines().filter(without_some).collect();
    world.write("new.csv", new.join("\n"));
    let plan = |threads: &str, concurrency: &str| {
        let run = format!("{threads}.run");
        let mirror = ["--mode", "mirror", "--max-delete", "100%", "-q"];
        let threads = ["--threads", threads, "--concurrency", concurrency];
        let command = [&["plan", "new.csv", "-o", &run][..], &mirror, &threads].concat();
        world.run(command).ends_with(0);
        let shown = world.run(["runs", "show", &run, "--json"]).ends_with(0);
        let (about, changes) = shown.stdout.split_once('\n').unwrap();
        let about: serde_json::Value = serde_json::from_str(about).unwrap();
        (about["tally"].clone(), changes.to_owned())
    };
    let (one, many) = (plan("1", "1"), plan("4", "8"));
    assert_eq!(one, many);
    let planned = &one.0["plan"];
    for action in ["create", "update", "delete"] {
        assert!(planned[action].as_u64() > Some(100), "{planned}");
    }
}
