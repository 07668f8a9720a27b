//! The content of a plan, and that it matches what is sent.

use wazzup_contacts::{
    contact::{Chat, ChatType, Contact},
    sandbox::{Existing, Options},
};

use crate::{
    csv_files::{csv, many},
    harness::World,
    shared::rows,
};

/// An account with three contacts, of which a file changes one, keeps one, lacks one and adds one.
fn changed() -> World {
    let world = World::new();
    world.write("old.csv", csv([("1", "Ann"), ("2", "Bob"), ("3", "Cid")]));
    world.run(["import", "old.csv", "-q"]).ends_with(0);
    world.write("new.csv", csv([("1", "Ann"), ("2", "Bobby"), ("4", "Dan")]));
    world.sandbox.clear_log();
    world
}

#[test]
fn a_dry_run_shows_what_will_be_done_and_sends_nothing() {
    let world = changed();
    let ran = world.run(["import", "new.csv", "--dry-run"]).ends_with(0);
    insta::assert_snapshot!(ran.shown());
    assert_eq!(
        world.sandbox.count("POST") + world.sandbox.count("PATCH"),
        0
    );
}

#[test]
fn a_plan_is_shown_saved_and_shown_again_as_lines_and_as_json() {
    let world = changed();
    insta::assert_snapshot!(
        world
            .run(["plan", "new.csv", "-o", "new.run"])
            .ends_with(0)
            .shown()
    );
    insta::assert_snapshot!(world.run(["runs", "show", "new.run"]).ends_with(0).shown());
    let shown = world
        .run(["runs", "show", "new.run", "--json"])
        .ends_with(0);
    let change = r#"{"change":{"field":"name","new":"Bobby","old":"Bob"},"id":"2"}"#;
    assert!(
        shown.stdout.lines().any(|line| line == change),
        "{}",
        shown.shown()
    );
    for _ in ["the plan is sent", "nothing is left"] {
        let applied = world
            .run(["apply", "new.run", "--json"])
            .ends_with(0)
            .json();
        assert_eq!(
            (&applied["command"], &applied["planned_by"]),
            (&"apply".into(), &"plan".into())
        );
    }
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Bobby");
}

#[test]
fn a_plan_hands_back_the_rows_that_it_leaves_out() {
    let world = changed();
    world.write(
        "new.csv",
        csv([("1", "Ann"), ("2", "Bob")]) + "3,u,Cid,https://x/3,12\n",
    );
    let plan = world
        .run(["plan", "new.csv", "-o", "new.run", "--json"])
        .ends_with(3)
        .json();
    assert_eq!(plan["files"]["rejects"], "new.rejected.csv");
    assert!(world.read("new.rejected.csv").contains("phone_invalid"));
    assert_eq!(plan["requests"]["sent"], world.sandbox.count("GET"));
}

#[test]
fn a_plan_ends_with_6_when_there_are_changes_and_that_is_asked_for() {
    let world = changed();
    world
        .run(["plan", "new.csv", "-o", "a.run", "--exit-code"])
        .ends_with(6);
    world
        .run(["plan", "old.csv", "-o", "b.run", "--exit-code"])
        .ends_with(0);
    world.run(["plan", "new.csv", "-o", "c.run"]).ends_with(0);
}

#[test]
fn twenty_updates_are_shown_in_full_and_the_others_are_counted() {
    let world = World::new();
    world.write("old.csv", many(30));
    world.run(["import", "old.csv", "-q"]).ends_with(0);
    world.write("new.csv", many(30).replace("Name", "Nome"));
    let ran = world.run(["plan", "new.csv", "-o", "new.run"]).ends_with(0);
    assert_eq!(ran.said().matches(" → ").count(), 20);
    assert!(
        ran.said()
            .contains("… and 10 more: wazzup-contacts runs show new.run\n"),
        "{}",
        ran.shown()
    );
    let dry = world.run(["import", "new.csv", "--dry-run"]).ends_with(0);
    assert!(
        dry.said().contains("… and 10 more: `plan` with -o"),
        "there is no run to look into: {}",
        dry.shown()
    );
    let shown = world.run(["runs", "show", "new.run"]).ends_with(0);
    assert_eq!(shown.stdout.matches(" → ").count(), 30);
}

#[test]
fn contacts_that_changed_since_the_plan_are_left_out_unless_forced() {
    let world = changed();
    world
        .run(["plan", "new.csv", "-o", "new.run", "-q"])
        .ends_with(0);
    let mut bob = world.sandbox.contact("2").unwrap();
    bob.name = "Robert".into();
    world.sandbox.put_contact(&bob);
    let stale = world
        .run(["apply", "new.run", "--stale-after", "0s"])
        .ends_with(3);
    insta::assert_snapshot!(stale.shown());
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Robert");
    assert!(world.read("new.rejected.csv").contains("changed_since"));

    world
        .run(["plan", "new.csv", "-o", "again.run", "-q"])
        .ends_with(0);
    bob.name = "Rob".into();
    world.sandbox.put_contact(&bob);
    world
        .run(["apply", "again.run", "--stale-after", "0s", "--force", "-q"])
        .ends_with(0);
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Bobby");
}

#[test]
fn a_chat_that_could_not_be_read_does_not_stop_the_apply_of_an_older_plan() {
    const HEADER: &str = "id,name,responsible_user_id,uri,whatsapp";
    let world = World::new();
    let ann = "1,Ann,u1,https://x.io/1";
    world.write("old.csv", format!("{HEADER}\n{ann},79990000001\n"));
    world.run(["import", "old.csv", "-q"]).ends_with(0);
    let bob = "2,Bob,u1,https://x.io/2,79990000002";
    world.write("new.csv", format!("{HEADER}\n{ann},да\n{bob}\n"));
    let plan = "plan new.csv -o new.run --bad-numbers drop -q";
    world.run(plan.split(' ')).ends_with(0);
    world
        .run(["apply", "new.run", "--stale-after", "0s", "-q"])
        .ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 2);
}

#[test]
fn a_contact_that_others_created_since_the_plan_is_left_to_them() {
    let world = World::new();
    world.write("new.csv", csv([("1", "Ann"), ("2", "Bob")]));
    world.run(["plan", "new.csv", "-o", "new.run"]).ends_with(0);
    world.sandbox.put_contact(&theirs());
    world
        .run(["apply", "new.run", "--stale-after", "0s", "-q"])
        .ends_with(3);
    assert_eq!(world.sandbox.contact("1"), Some(theirs()));
    let rejected = world.read("new.rejected.csv");
    assert!(
        rejected.contains("it was created in the account"),
        "{rejected}"
    );
    world.run(["undo", "new.run", "--yes", "-q"]).ends_with(0);
    assert_eq!(world.sandbox.contact("1"), Some(theirs()));
    assert_eq!(world.sandbox.contact_count(), 1);
}

#[test]
fn a_create_of_what_is_there_already_erases_nothing_of_it() {
    let world = World::with(Options {
        existing: Existing::Conflict,
        ..Options::default()
    });
    world.write("new.csv", csv([("1", "Ann"), ("2", "Bob")]));
    world.sandbox.put_contact(&theirs());
    world
        .run(["import", "new.csv", "--mode", "create", "-q"])
        .ends_with(0);
    let both = world.sandbox.contact("1").unwrap();
    assert_eq!((&*both.name, both.contact_data.len()), ("Ann", 2));
}

/// A contact with the id `1`, created by others.
fn theirs() -> Contact<'static> {
    Contact {
        id: "1".into(),
        responsible_user_id: "user-9".into(),
        name: "Theirs".into(),
        contact_data: vec![Chat::by_id(ChatType::Telegram, "7")],
        uri: "https://crm.example.com/theirs".into(),
        ..Contact::default()
    }
}

#[test]
fn contacts_that_changed_since_the_plan_are_not_deleted() {
    let world = changed();
    let mirror = [
        "plan",
        "new.csv",
        "-o",
        "new.run",
        "--mode",
        "mirror",
        "--max-delete",
        "1",
    ];
    world.run(mirror).ends_with(0);
    let mut cid = world.sandbox.contact("3").unwrap();
    cid.name = "Cyd".into();
    world.sandbox.put_contact(&cid);
    world
        .run("apply new.run --stale-after 0s --yes --report a.html".split(' '))
        .ends_with(3)
        .tells(
            "not deleted\n  3  it was changed in the account since the plan was made: make a new plan",
        );
    let page = world.read("a.html");
    assert!(page.contains("Contacts that were not deleted"), "{page}");
    assert!(!page.contains("They are in"), "{page}");
    assert_eq!(world.sandbox.contact("3").unwrap().name, "Cyd");
}

#[test]
fn a_deletion_by_others_since_the_plan_is_neither_counted_nor_undone() {
    let world = changed();
    world.write("few.csv", csv([("1", "Ann")]));
    world
        .run("plan few.csv -o few.run --mode mirror --max-delete 2 -q".split(' '))
        .ends_with(0);
    world.run(["delete", "3", "--yes", "-q"]).ends_with(0);
    let apply = "apply few.run --stale-after 0s --yes --json";
    let done = world.run(apply.split(' ')).ends_with(3).json()["done"].clone();
    assert_eq!(
        (&done["deleted"], &done["stale"]),
        (&1.into(), &1.into()),
        "{done}"
    );
    world.run(["undo", "few.run", "--yes", "-q"]).ends_with(0);
    assert!(world.sandbox.contact("2").is_some());
    assert_eq!(world.sandbox.contact("3"), None);
}

#[test]
fn a_stored_plan_that_never_looked_says_so() {
    let world = changed();
    world
        .run(["plan", "new.csv", "-o", "new.run", "--mode", "update", "-q"])
        .ends_with(0);
    world
        .run(["apply", "new.run", "--stale-after", "0s"])
        .tells("planned without reading the account");
}

#[test]
fn a_source_that_changed_since_the_plan_is_told_and_the_plan_is_sent() {
    let world = changed();
    world
        .run(["plan", "new.csv", "-o", "new.run", "-q"])
        .ends_with(0);
    world.write("new.csv", csv([("1", "Zoe")]));
    let ran = world.run(["apply", "new.run"]).ends_with(0);
    assert!(
        ran.stderr.contains("new.csv changed since it was planned"),
        "{}",
        ran.shown()
    );
    assert_eq!(world.sandbox.contact("1").unwrap().name, "Ann");
}

#[test]
fn a_plan_belongs_to_its_account() {
    let world = changed();
    world
        .run(["plan", "new.csv", "-o", "new.run", "-q"])
        .ends_with(0);
    let other = World::with(Options::default());
    world
        .call(["apply", "new.run"])
        .env("WAZZUP_BASE_URL", other.sandbox.base_url())
        .run()
        .ends_with(5);
    assert_eq!(other.sandbox.request_count(), 0);
}

#[test]
fn the_same_file_gives_the_same_plan_at_one_thread_and_at_four() {
    let world = World::new();
    world.write("many.csv", many(30_000));
    let decisions = |threads: &str| {
        let name = format!("{threads}.run");
        let args = [
            "plan",
            "many.csv",
            "--mode",
            "create",
            "-q",
            "--threads",
            threads,
            "-o",
            &name,
        ];
        world.run(args).ends_with(0);
        let rows = |query: &str| rows(&world.path(&name), query);
        let blocks =
            rows("SELECT codes, contacts FROM decision JOIN block ON no = block ORDER BY no");
        let batches =
            rows("SELECT no, operation, first_seq, last_seq, count FROM batch ORDER BY no");
        (blocks, batches)
    };
    let (blocks, batches) = decisions("1");
    assert!(blocks.len() > 1 && batches.len() == 300);
    assert!((blocks, batches) == decisions("4"));
}

#[test]
fn the_json_of_a_plan_says_what_it_takes_and_what_the_gate_says() {
    let world = changed();
    let plan = ["import", "new.csv", "--dry-run", "--json"];
    let shown = world.run(plan).ends_with(0).json();
    assert_eq!(shown["forecast"]["requests"], 2);
    let mirror = [&plan[..], &["--mode", "mirror", "--max-delete", "0"]].concat();
    let stopped = world.run(mirror).ends_with(5).json();
    assert_eq!(stopped["gate"]["reason"], "too_many_deletes");
    assert_eq!(
        (&stopped["plan"]["delete"], &stopped["exit_code"]),
        (&1.into(), &5.into())
    );
}
