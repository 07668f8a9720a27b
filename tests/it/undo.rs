//! Reverting a run: it is previewed, is a run itself, and preserves later changes by others.

use wazzup_contacts::{
    contact::{Chat, ChatType, Contact},
    sandbox::{Faults, Options, UriShown},
};

use crate::{
    csv_files::csv,
    harness::{World, faults},
    shared::state,
};

/// An account before and after a mirror that created, updated and deleted; the run is `new.run`.
fn mirrored(options: Options) -> (World, crate::shared::State) {
    let world = World::with(options);
    world.write("old.csv", csv([("1", "Ann"), ("2", "Bob"), ("3", "Cid")]));
    world.run(["import", "old.csv", "-q"]).ends_with(0);
    let before = state(&world.sandbox.contacts());
    mirror(&world);
    (world, before)
}

/// Updates 2, deletes 3 and creates 4, as the run `new.run`.
fn mirror(world: &World) {
    world.write("new.csv", csv([("1", "Ann"), ("2", "Bobby"), ("4", "Dan")]));
    let mirror = [
        "import",
        "new.csv",
        "--run",
        "new.run",
        "--mode",
        "mirror",
        "--max-delete",
        "1",
        "--yes",
        "-q",
    ];
    world.run(mirror).ends_with(0);
    world.sandbox.clear_log();
}

#[test]
fn an_undo_restores_the_account_and_can_be_undone_itself() {
    let (world, before) = mirrored(Options::default());
    let after = state(&world.sandbox.contacts());
    let ran = world.run(["undo", "new.run", "--yes"]).ends_with(0);
    insta::assert_snapshot!(ran.shown());
    assert_eq!(state(&world.sandbox.contacts()), before);

    let undone = world
        .run(["undo", "new.run", "--yes", "--json"])
        .ends_with(0)
        .json();
    assert_eq!(
        undone["done"]["updated"], 0,
        "there is nothing left to undo: {undone}"
    );
    let files = || {
        let listed = world.run(["runs", "--json"]).ends_with(0).stdout;
        listed.matches("\"file\":\"").count()
    };
    let kept = files();
    let again = world.run(["undo", "new.run"]).ends_with(0);
    assert_eq!(again.stderr, "nothing is left to undo\n");
    assert_eq!(files(), kept);

    let said = ran.said();
    let run = said
        .lines()
        .find_map(|line| line.strip_prefix("run "))
        .unwrap()
        .trim();
    world.run(["undo", run, "--yes", "-q"]).ends_with(0);
    assert_eq!(state(&world.sandbox.contacts()), after);
}

#[test]
fn a_dry_run_shows_the_undo_and_sends_nothing_and_so_does_no_answer() {
    let (world, _) = mirrored(Options::default());
    let ran = world.run(["undo", "new.run", "--dry-run"]).ends_with(0);
    insta::assert_snapshot!(ran.shown());
    world.run(["undo", "new.run"]).ends_with(2);
    for method in ["POST", "PATCH", "DELETE"] {
        assert_eq!(world.sandbox.count(method), 0, "{method}");
    }
}

#[test]
fn what_others_changed_since_is_left_alone_and_listed_unless_forced() {
    let (world, before) = mirrored(Options::default());
    for id in ["2", "4"] {
        let mut contact = world.sandbox.contact(id).unwrap();
        contact.name = "Theirs".into();
        world.sandbox.put_contact(&contact);
    }
    world.sandbox.put_contact(&before["3"]);
    let ran = world.run(["undo", "new.run", "--yes"]).ends_with(3);
    insta::assert_snapshot!(ran.shown());
    insta::assert_snapshot!(world.read("undo-new.rejected.csv"));
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Theirs");
    assert_eq!(world.sandbox.contact("4").unwrap().name, "Theirs");

    world
        .run([
            "undo",
            "new.run",
            "--dry-run",
            "--rejects",
            "left.csv",
            "-q",
        ])
        .ends_with(3);
    assert!(world.read("left.csv").contains("changed_since"));

    world
        .run(["undo", "new.run", "--yes", "--force", "-q"])
        .ends_with(0);
    assert_eq!(state(&world.sandbox.contacts()), before);
}

#[test]
fn links_that_no_run_wrote_and_the_api_never_showed_are_said_to_be_lost_beforehand() {
    let world = World::with(Options {
        uri: UriShown::ApiPath,
        ..Options::default()
    });
    for (number, (id, name)) in [("1", "Ann"), ("2", "Bob"), ("3", "Cid")]
        .into_iter()
        .enumerate()
    {
        let phone = (79_990_000_000 + number).to_string();
        world.sandbox.put_contact(&Contact {
            id: id.into(),
            responsible_user_id: "user-1".into(),
            name: name.into(),
            contact_data: vec![Chat::by_id(ChatType::Whatsapp, phone)],
            uri: "https://theirs.example.com".into(),
            ..Contact::default()
        });
    }
    let before = state(&world.sandbox.contacts());
    mirror(&world);
    let ran = world.run(["undo", "new.run", "--yes"]).ends_with(0);
    assert!(
        ran.stderr.contains("2 links (uri) can't be restored"),
        "{}",
        ran.shown()
    );
    assert!(before.keys().eq(state(&world.sandbox.contacts()).keys()));
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Bob");
}

#[test]
fn what_was_written_without_looking_is_left_alone() {
    let world = World::new();
    world.write("new.csv", csv([("1", "Ann")]));
    world
        .run([
            "import",
            "new.csv",
            "--mode",
            "create",
            "--run",
            "create.run",
            "-q",
        ])
        .ends_with(0);
    world
        .run(["undo", "create.run", "--yes", "--rejects", "left.csv"])
        .ends_with(3);
    assert_eq!(world.sandbox.contact_count(), 1);
    let left = world.read("left.csv");
    assert!(left.contains(",not_read,\"the run created it"), "{left}");
    // Otherwise, the contact would be restored from it.
    std::fs::rename(world.path("create.run"), world.path("moved.run")).unwrap();
    world.write("new.csv", csv([("1", "Anna")]));
    world
        .run([
            "import",
            "new.csv",
            "--mode",
            "update",
            "--run",
            "update.run",
            "-q",
        ])
        .ends_with(0);
    world
        .run("undo update.run --yes --force --rejects left-2.csv".split(' '))
        .ends_with(3);
    let left = world.read("left-2.csv");
    assert!(left.contains(",not_read,\"the run updated it"), "{left}");
    assert_eq!(world.sandbox.contact("1").unwrap().name, "Anna");
    world
        .run(["undo", "moved.run", "--yes", "--force", "-q"])
        .ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 0);
}

#[test]
fn an_undo_that_was_interrupted_goes_on_with_apply() {
    let (world, before) = mirrored(Options::default());
    world.sandbox.set_faults(faults(["PATCH:403"]));
    world.run(["undo", "new.run", "--yes", "-q"]).ends_with(4);
    world.sandbox.set_faults(Faults::default());
    world.run(["apply", "--yes", "-q"]).ends_with(0);
    assert_eq!(state(&world.sandbox.contacts()), before);
}

#[test]
fn a_run_of_another_account_is_not_undone() {
    let (world, _) = mirrored(Options::default());
    let other = World::new();
    world
        .call(["undo", "new.run", "--yes"])
        .env("WAZZUP_BASE_URL", other.sandbox.base_url())
        .run()
        .ends_with(5);
    assert_eq!(other.sandbox.request_count(), 0);
}

#[test]
fn an_undo_that_is_gone_on_with_elsewhere_writes_its_rejects_where_they_were_named() {
    let (world, _) = mirrored(Options::default());
    world.sandbox.set_faults(faults(["poison=2"]));
    let undo = [
        "undo",
        "new.run",
        "--yes",
        "--rejects",
        "left.csv",
        "--json",
    ];
    let killed = world.call(undo).env("FAILPOINTS", "rejects=return").run();
    assert_eq!(killed.code, None, "{}", killed.shown());
    let elsewhere = world.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let apply = world.call(["apply", "--yes"]).within(&elsewhere);
    apply.run().ends_with(3);
    assert!(world.read("left.csv").contains("refused_by_server"));
    assert!(!elsewhere.join("left.csv").exists());
}
