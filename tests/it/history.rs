//! The history of runs: what `runs` lists, which run `apply` continues, and which run files are kept.

use serde_json::{Value, json};

use crate::{
    csv_files::{csv, many},
    harness::{Ran, World, faults},
};

const TWO_PROFILES: &str = "[profiles.shop]\n[profiles.depot]\nkeep_runs = 2\n";

fn world() -> World {
    let world = World::new();
    world.write("wazzup.toml", TWO_PROFILES);
    world.write("few.csv", many(3));
    world
}

fn runs(world: &World, flags: &[&str]) -> Vec<Value> {
    let ran = world
        .run([&["runs", "--json"], flags].concat())
        .ends_with(0);
    let lines = ran.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The name of the last run.
fn name(world: &World) -> String {
    runs(world, &[])[0]["run"].as_str().unwrap().to_owned()
}

fn import(world: &World, profile: &str, flags: &[&str]) -> Ran {
    world.run([&["import", "few.csv", "--profile", profile, "-q"], flags].concat())
}

#[test]
fn every_run_has_a_line_with_its_account_counts_and_exit_code() {
    let world = world();
    import(&world, "shop", &[]).ends_with(0);
    import(&world, "depot", &["--dry-run"]).ends_with(0);
    world.write("few.csv", many(3).replace("Name 2", "Ann"));
    import(&world, "depot", &[]).ends_with(0);
    world.write("few.csv", "id,name\n1,\n");
    import(&world, "depot", &["--mode", "create"]).ends_with(5);
    let listed = world.run(["runs"]).ends_with(0).shown();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b[0-9a-f]{16}\b", "[ACCOUNT]");
    settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d", "[MINUTE]");
    // Runs of the same minute have numbers behind their names.
    settings.add_filter(r"\[TIME\]-few +", "[RUN]  ");
    settings.add_filter(r"\brun +started\b", "run  started");
    settings.bind(|| insta::assert_snapshot!(listed));
    let all = runs(&world, &[]);
    assert_eq!(all.len(), 3, "a dry run has none: {all:?}");
    assert_eq!(
        (&all[0]["exit_code"], &all[0]["state"]),
        (&5.into(), &"stopped".into())
    );
    assert!(
        all[0]["error"]
            .as_str()
            .unwrap()
            .contains("none of the 1 rows"),
        "{}",
        all[0]
    );
    assert_eq!(all[1]["done"]["updated"], 1);
    assert_eq!(all[2]["profile"], "shop");
    assert_eq!(runs(&world, &["--profile", "depot"]).len(), 2);
    let account = all[2]["account"].as_str().unwrap();
    assert_eq!(
        runs(&world, &["--account", &account[..8]]),
        [all[2].clone()]
    );
    assert_eq!(runs(&world, &["--failed"]), [all[0].clone()]);
    assert_eq!(runs(&world, &["--since", "1h"]).len(), 3);
    assert_eq!(runs(&world, &["--since", "2099-01-01"]).len(), 0);
    world.run(["runs", "--since", "soon"]).ends_with(2);
    world.run(["runs", "--failed", "prune"]).ends_with(2);
    let name = all[0]["run"].as_str().unwrap();
    let shown = world.run(["runs", "show", name]).ends_with(0);
    assert!(shown.stdout.contains("error"), "{}", shown.shown());
}

#[test]
fn the_duration_of_a_run_contains_its_planning() {
    let world = world();
    let import = ["import", "few.csv", "--json", "-q"];
    let seconds = |object: &Value| object["seconds"].as_f64().unwrap();
    let imported = seconds(&world.run(import).ends_with(0).json());
    let listed = seconds(&runs(&world, &[])[0]);
    assert!(listed >= imported, "{listed} < {imported}");
    let undone = seconds(
        &world
            .run(["undo", &name(&world), "--yes", "--json", "-q"])
            .ends_with(0)
            .json(),
    );
    let listed = seconds(&runs(&world, &[])[0]);
    assert!(listed >= undone, "{listed} < {undone}");
}

#[test]
fn a_run_without_its_file_is_marked_and_named_by_every_command() {
    let world = world();
    world.run(["import", "few.csv", "-q"]).ends_with(0);
    let name = name(&world);
    world.run(["runs", "prune", "--keep", "0"]).ends_with(0);
    let path = format!("home/state/wazzup-contacts/runs/{name}.run");
    for run in [&name, &path] {
        for command in ["undo", "report", "apply", "verify", "runs show --contacts"] {
            let words = command.split(' ').chain([run.as_str()]);
            let refused = world.run(words).ends_with(1);
            let hint = format!("runs show {name}");
            assert!(refused.stderr.contains(&hint), "{}", refused.shown());
        }
    }
    world.run(["runs", "show", &name]).ends_with(0);
    world.run(["runs", "show", &path]).ends_with(0);
    for typo in ["undo last", "report last", "apply last"] {
        world.run(typo.split(' ')).ends_with(1);
    }
    world.run(["undo", "few.csv"]).ends_with(1);
    assert_eq!(runs(&world, &[]).len(), 1, "no failure adds a line");
    let listed = world.run(["runs"]).stdout;
    assert!(
        listed.contains("done, run file removed, 3 created"),
        "{listed}"
    );
}

#[test]
fn a_run_outside_the_state_directory_is_found_by_its_name() {
    let world = world();
    std::fs::create_dir(world.path("a")).unwrap();
    world
        .run(["plan", "few.csv", "-o", "a/few.run", "-q"])
        .ends_with(0);
    let shown = world.run(["runs", "show", "few"]).ends_with(0);
    assert!(shown.said().contains("3 to create"), "{}", shown.shown());
    world.run(["apply", "few", "-q"]).ends_with(0);
    world.run(["verify", "few"]).ends_with(0);
    std::fs::create_dir(world.path("b")).unwrap();
    world.write("few.csv", many(4));
    world
        .run(["plan", "few.csv", "-o", "b/few.run", "-q"])
        .ends_with(0);
    world.run(["apply", "few", "-q"]).ends_with(1);
}

#[test]
fn an_undo_that_was_not_planned_is_named_like_others() {
    let world = world();
    world.run(["import", "few.csv", "-q"]).ends_with(0);
    let undone = name(&world);
    let elsewhere = World::new();
    let call = world.call(["undo", &undone, "--yes"]);
    let call = call.env("WAZZUP_BASE_URL", elsewhere.sandbox.base_url());
    let call = call.env("WAZZUP_TOKEN", "0123456789abcdef0123456789abcdef");
    call.run().ends_with(5);
    assert!(
        name(&world).ends_with(&format!("undo-{undone}")),
        "{}",
        name(&world)
    );
}

#[test]
fn an_undo_that_can_not_read_the_account_says_that_nothing_was_sent() {
    let world = world();
    world.run(["import", "few.csv", "-q"]).ends_with(0);
    world.sandbox.set_faults(faults(["GET:400"]));
    world
        .run(["undo", &name(&world), "--yes"])
        .ends_with(1)
        .tells("no plan was made and nothing was sent");
}

#[test]
fn a_run_that_was_killed_is_not_lost() {
    let world = world();
    for (point, state) in [("planned", "stopped"), ("sealed", "sealed")] {
        let point = if point.contains('=') {
            point.to_owned()
        } else {
            format!("{point}=return")
        };
        let import = ["import", "few.csv", "--batch-size", "1"];
        let killed = world.call(import).env("FAILPOINTS", &point).run();
        assert_eq!(killed.code, None, "{}", killed.shown());
        let last = &runs(&world, &["--failed"])[0];
        assert_eq!(
            (&last["state"], &last["exit_code"]),
            (&state.into(), &Value::Null)
        );
        let shown = world.run(["runs"]).stdout;
        assert!(
            shown.contains("killed") && !shown.contains("s  killed"),
            "{shown}"
        );
        if state == "stopped" {
            world.run(["apply"]).ends_with(1).tells("import` again");
        }
    }
    world.run(["apply", "-q"]).ends_with(0);
    let last = &runs(&world, &[])[0];
    assert_eq!(
        (&last["state"], &last["exit_code"]),
        (&"done".into(), &0.into())
    );
    assert_eq!(last["done"]["created"], 3);
}

#[test]
fn apply_continues_the_run_of_its_profile_and_names_the_others() {
    let world = world();
    for profile in ["shop", "depot"] {
        world
            .run(["plan", "few.csv", "--profile", profile, "-q"])
            .ends_with(0);
    }
    let applied = world.run(["apply", "--profile", "shop"]).ends_with(0);
    assert!(
        applied.stderr.contains("profile depot"),
        "{}",
        applied.shown()
    );
    let left = runs(&world, &[]);
    assert_eq!(left[0]["state"], "sealed");
    assert_eq!(left[1]["state"], "done");
    let nothing = world.run(["apply", "--profile", "shop"]).ends_with(0);
    assert!(
        nothing.stderr.contains("has no unfinished run of account"),
        "{}",
        nothing.shown()
    );
}

#[test]
fn a_later_run_of_the_same_source_supersedes_an_unfinished_one() {
    let world = world();
    let plan = ["plan", "few.csv", "-q", "--json"];
    let old = world.run(plan).ends_with(0).json()["run"].clone();
    world.run(["import", "few.csv", "-q"]).ends_with(0);
    let listed = runs(&world, &[]);
    assert_eq!(listed[1]["run"], old);
    assert_eq!(listed[1]["superseded_by"], listed[0]["run"]);
    assert!(world.run(["runs"]).stdout.contains("superseded by"));
    let sent = world.sandbox.count("POST");
    let applied = world.run(["apply"]).ends_with(0);
    assert!(
        applied.stderr.contains("not continued"),
        "{}",
        applied.shown()
    );
    assert_eq!(world.sandbox.count("POST"), sent);
    world
        .run(["apply", old.as_str().unwrap(), "-q"])
        .ends_with(0);
}

#[test]
fn the_rest_of_an_undone_run_is_only_sent_with_force() {
    let world = world();
    world.sandbox.set_faults(faults(["POST:403@2+"]));
    import(&world, "shop", &["--batch-size", "1", "--concurrency", "1"]).ends_with(4);
    world.sandbox.set_faults(faults([""; 0]));
    let undone = name(&world);
    assert_eq!(world.sandbox.contact_count(), 1);
    let undo = ["undo", &undone, "--profile", "shop", "--yes"];
    world.run(undo).ends_with(0);
    world
        .run(["apply", "--profile", "shop"])
        .ends_with(0)
        .tells("because it was undone by");
    let apply = ["apply", &undone, "--profile", "shop"];
    world.run(apply).ends_with(2).tells("--force");
    let report = ["report", &undone];
    let page = world.run(report).ends_with(0).stdout;
    assert!(!page.contains("To continue:"));
    assert_eq!(world.sandbox.contact_count(), 0);
    let forced = world.run([&apply[..], &["--force"]].concat()).ends_with(0);
    forced.tells("so its counts include reverted contacts");
    assert_eq!(world.sandbox.contact_count(), 2);
}

#[test]
fn an_undo_that_found_nothing_to_revert_supersedes_its_run_too() {
    let world = world();
    world.sandbox.set_faults(faults(["POST:403"]));
    import(&world, "shop", &[]).ends_with(4);
    world.sandbox.set_faults(faults([""; 0]));
    let undo = ["undo", &name(&world), "--profile", "shop", "--yes"];
    world
        .run(undo)
        .ends_with(0)
        .tells("nothing is left to undo");
    world
        .run(["apply", "--profile", "shop"])
        .ends_with(0)
        .tells("because it was undone by");
    assert_eq!(world.sandbox.contact_count(), 0);
}

#[test]
fn nights_without_changes_evict_nothing_and_each_account_keeps_its_runs() {
    let world = world();
    import(&world, "shop", &[]).ends_with(0);
    let files = || {
        let runs = runs(&world, &[]).into_iter();
        runs.filter(|run| !run["file"].is_null())
            .collect::<Vec<_>>()
    };
    for night in 0..4 {
        world.write("few.csv", csv([("1", format!("Ann {night}").as_str())]));
        import(&world, "depot", &[]).ends_with(0);
        import(&world, "depot", &[]).ends_with(0);
    }
    let kept = files();
    let of = |profile: &str| kept.iter().filter(|run| run["profile"] == profile).count();
    // The last run of an account keeps its file until the next one.
    assert_eq!((of("shop"), of("depot")), (1, 3), "{kept:?}");
    world.write("few.csv", csv([("1", "Ann")]));
    import(&world, "depot", &[]).ends_with(0);
    assert_eq!(files().len(), 3, "two runs with changes of one profile");
    world.run(["runs", "prune"]).ends_with(0);
    assert_eq!(files().len(), 3);
    assert_eq!(runs(&world, &[]).len(), 10, "the lines stay");
    world.run(["runs", "prune", "--keep", "0"]).ends_with(0);
    assert_eq!(files().len(), 0);
}

#[test]
fn verify_and_apply_say_that_a_run_was_undone() {
    let world = world();
    world
        .run(["import", "few.csv", "--run", "a.run", "-q"])
        .ends_with(0);
    world.run(["undo", "a.run", "--yes", "-q"]).ends_with(0);
    for command in ["verify", "apply"] {
        let ran = world.run([command, "a.run"]);
        assert!(
            ran.stderr.contains("was undone by undo-a") || ran.stderr.contains("-undo-a on"),
            "{}",
            ran.shown()
        );
    }
}

#[test]
fn a_run_that_failed_is_listed_with_its_exit_code() {
    let world = world();
    world.sandbox.set_faults(faults(["400"]));
    world.run(["import", "few.csv", "-q"]).ends_with(1);
    let failed = runs(&world, &["--failed"]);
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["exit_code"], 1);
}

#[test]
fn runs_of_versions_without_a_history_are_listed_and_taken_over() {
    let world = world();
    world.run(["import", "few.csv", "-q"]).ends_with(0);
    let accounts = world.path("home/state/wazzup-contacts/accounts");
    let ledger = accounts.read_dir().unwrap().next().unwrap().unwrap().path();
    let execute = |sql: &str| {
        rusqlite::Connection::open(&ledger)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    };
    execute("DROP TABLE history");
    let listed = runs(&world, &[]);
    assert_eq!(
        (&listed[0]["state"], &listed[0]["exit_code"]),
        (&"done".into(), &0.into())
    );
    world.run(["import", "few.csv", "-q"]).ends_with(0);
    assert_eq!(runs(&world, &[]).len(), 2);
    execute("CREATE TABLE later(x); CREATE INDEX later_x ON later(x)");
    world.run(["import", "few.csv", "-q"]).ends_with(0);
    assert_eq!(runs(&world, &[]).len(), 3, "an added table does no harm");
    execute("PRAGMA user_version = 2");
    let refused = world.run(["import", "few.csv"]).ends_with(1);
    assert!(
        refused.stderr.contains("newer version"),
        "{}",
        refused.shown()
    );
    execute("PRAGMA user_version = 1");
    assert_eq!(runs(&world, &[]).len(), 3, "nothing was lost");
}

#[test]
fn a_run_whose_facts_are_damaged_is_listed_as_unreadable() {
    let world = world();
    let planned = world.run(["plan", "few.csv", "-q", "--json"]);
    let run = planned.ends_with(0).json()["files"]["run"].clone();
    let state = world.path("home/state/wazzup-contacts");
    std::fs::remove_dir_all(state.join("accounts")).unwrap();
    let damage = "UPDATE fact SET value = '{}' WHERE name = 'about'";
    rusqlite::Connection::open(world.path(run.as_str().unwrap()))
        .unwrap()
        .execute_batch(damage)
        .unwrap();
    let listed = runs(&world, &[]);
    assert_eq!(listed[0]["state"], "unreadable", "{listed:?}");
    world.run(["apply"]).ends_with(1).tells("missing field");
}

#[test]
fn a_source_that_lost_too_many_rows_since_its_last_run_is_stopped() {
    let world = world();
    let night = |name: &str, rows: usize, flags: &str, code: i32| {
        world.write(name, many(rows));
        let line = format!("import {name} --mode missing -q {flags}");
        world.run(line.split_whitespace()).ends_with(code)
    };
    let (shop, monday, tuesday) = (
        "--profile shop",
        "contacts-2026-11-28.csv",
        "d/contacts-2026-12-1.csv",
    );
    let guarded = "--profile shop --max-shrink 20%";
    night(monday, 10, guarded, 0);
    for _ in 0..2 {
        let stopped = night(tuesday, 7, guarded, 5);
        insta::allow_duplicates! { insta::assert_snapshot!(stopped.stderr); }
    }
    let ran = world.run([
        "plan",
        tuesday,
        "--profile",
        "shop",
        "--max-shrink",
        "20%",
        "--json",
    ]);
    let gate = ran.ends_with(5).json()["gate"].clone();
    assert_eq!(
        (&gate["reason"], &gate["rows"], &gate["before"]),
        (&"too_few_rows".into(), &7.into(), &10.into())
    );
    night(tuesday, 7, "--profile depot --max-shrink 20%", 0);
    night("companies.csv", 7, guarded, 0);
    world.write("ids.txt", "1\n");
    night(tuesday, 7, &format!("{guarded} --ids ids.txt"), 0);
    world.write(
        "contacts-1-1-1.csv",
        "id,name,_row,_column,_code,_reason\n1,Name 1,2,id,id_missing,x\n",
    );
    let import = format!("import contacts-1-1-1.csv -q {guarded}");
    world.run(import.split(' ')).ends_with(0);
    night(tuesday, 8, guarded, 0);
    night("contacts-2026-12-2.csv", 7, guarded, 0);
    // Sources whose numbers are not dates are compared with themselves.
    night("branch1.csv", 10, guarded, 0);
    night("branch2.csv", 3, "--profile shop --max-shrink 100%", 0);
    night("branch2.csv", 3, guarded, 0);
    night("branch1.csv", 5, guarded, 5);
    let profile = |value: &str| {
        world.write(
            "wazzup.toml",
            format!("[profiles.shop]\nmax_shrink = {value}\n"),
        );
    };
    profile("\"10%\"");
    night(tuesday, 6, shop, 5);
    night(tuesday, 0, shop, 5).tells("the source has no rows");
    night(tuesday, 6, "--profile shop --max-shrink 100%", 0);
    profile("\"5\"");
    let wrong = night(tuesday, 6, shop, 2);
    assert!(
        wrong.stderr.contains("not a percentage"),
        "{}",
        wrong.shown()
    );
}

#[test]
fn a_run_that_could_not_sign_in_is_listed_with_the_account_of_its_profile() {
    let world = world();
    let sign_in = |profile: &str| {
        let call = world.call(["import", "few.csv", "--profile", profile, "-q"]);
        call.without("WAZZUP_TOKEN").run().ends_with(4);
    };
    sign_in("shop");
    assert!(runs(&world, &[]).is_empty(), "the account is not known");
    import(&world, "shop", &[]).ends_with(0);
    sign_in("depot");
    sign_in("shop");
    let all = runs(&world, &[]);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[0]["account"], all[1]["account"]);
    assert_eq!(
        (&all[0]["exit_code"], &all[0]["source"]),
        (&4.into(), &"few.csv".into())
    );
    assert_ne!(all[0]["run"], all[1]["run"]);
}

#[test]
fn an_undo_that_could_not_sign_in_is_listed_with_the_account_of_its_run() {
    let world = world();
    import(&world, "shop", &[]).ends_with(0);
    let undone = name(&world);
    let undo = |flags: &[&str]| {
        let args = ["undo", &undone, "--profile", "depot"];
        let call = world.call([&args[..], flags].concat());
        call.without("WAZZUP_TOKEN").run().ends_with(4);
    };
    undo(&["--dry-run"]);
    assert_eq!(runs(&world, &[]).len(), 1, "a dry run is not recorded");
    undo(&["--yes"]);
    let all = runs(&world, &[]);
    assert_eq!(all[0]["account"], all[1]["account"]);
    assert_eq!(
        (&all[0]["command"], &all[0]["exit_code"]),
        (&"undo".into(), &4.into())
    );
    let run = all[0]["run"].as_str().unwrap();
    assert!(run.ends_with(&format!("undo-{undone}")), "{run}");
}

#[test]
fn an_apply_that_could_not_send_is_in_the_line_of_its_run() {
    let world = world();
    for (rows, apply) in [(3, &["apply", "few.run"][..]), (4, &["apply"])] {
        world.write("few.csv", many(rows));
        world
            .run(["plan", "few.csv", "-o", "few.run", "-q"])
            .ends_with(0);
        assert_eq!(runs(&world, &[])[0]["exit_code"], 0);
        world.call(apply).without("WAZZUP_TOKEN").run().ends_with(4);
        let line = &runs(&world, &[])[0];
        assert_eq!(
            (&line["exit_code"], &line["state"]),
            (&4.into(), &"sealed".into())
        );
        assert!(line["error"].as_str().unwrap().contains("token"), "{line}");
        world.run(apply).ends_with(0);
        let line = &runs(&world, &[])[0];
        assert_eq!(
            (&line["exit_code"], &line["state"]),
            (&0.into(), &"done".into())
        );
        std::fs::remove_file(world.path("few.run")).unwrap();
    }
}

#[test]
fn columns_that_the_last_run_of_a_source_read_and_that_are_missing_are_named() {
    let world = World::new();
    let night = |day: u8, header: &str, name: &str| {
        let file = format!("crm-{day}.csv");
        let rows = format!("{header}\n1,user-1,{name},https://crm.example.com/1,79990000001\n");
        world.write(&file, rows);
        world
            .run(["import", &file, "-q", "--json"])
            .ends_with(0)
            .json()
    };
    let header = "id,responsible_user_id,name,uri,whatsapp";
    assert_eq!(night(1, header, "Ann")["warnings"], json!(null));
    // A known name replaces another one.
    let renamed = header.replace("name", "Nombre");
    assert_eq!(night(2, &renamed, "Anna")["warnings"], json!(null));
    let lost = header
        .replace("name", "Kunde")
        .replace("whatsapp", "WA neu");
    let warning = "columns that an earlier run of this source read are missing: `Nombre`, `whatsapp`; check the export, or read its new columns (`Kunde`, `WA neu`) with --map FIELD=COLUMN";
    for day in 3..5 {
        assert_eq!(night(day, &lost, "Ann")["warnings"], json!([warning]));
    }
    // Rejects may be those of another table.
    let rejects = lost.clone() + ",_file,_row,_column,_code,_reason";
    assert_eq!(night(5, &rejects, "Ann")["warnings"], json!(null));
}
