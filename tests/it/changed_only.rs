//! Nightly imports that compare with the result of the last run.

use wazzup_contacts::{
    contact::{Chat, ChatType},
    sandbox::Faults,
};

use crate::{
    csv_files::{csv, many},
    harness::{Ran, World, faults},
};

fn nightly(world: &World, flags: &[&str]) -> Ran {
    world.sandbox.clear_log();
    world.run([&["import", "contacts.csv", "--changed-only"], flags].concat())
}

#[test]
fn one_change_in_5000_takes_a_look_up_and_an_update_and_no_listing() {
    let world = World::new();
    world.write("contacts.csv", many(5_000));
    nightly(&world, &["-q"]).ends_with(0);
    world.write("contacts.csv", many(5_000).replace("Name 4321,", "Ann,"));
    let before = world.sandbox.request_count();
    insta::assert_snapshot!(nightly(&world, &[]).ends_with(0).shown());
    assert_eq!(world.sandbox.request_count() - before, 2);
    assert_eq!(world.sandbox.contact("4321").unwrap().name, "Ann");
    nightly(&world, &["-q"]).ends_with(0);
    assert_eq!(
        world.sandbox.request_count() - before,
        2,
        "nothing changed, so nothing is asked"
    );
}

#[test]
fn a_new_contact_is_looked_up_before_it_is_created() {
    let world = World::new();
    world.write("contacts.csv", csv([("1", "Ann")]));
    nightly(&world, &["-q"]).ends_with(0);
    world.write("contacts.csv", csv([("1", "Ann"), ("2", "Bob")]));
    nightly(&world, &["-q"]).ends_with(0);
    assert_eq!(world.sandbox.count("GET"), 1);
    assert_eq!(world.sandbox.writes("2").created, 1);
}

#[test]
fn only_what_arrived_is_remembered() {
    let world = World::new();
    world.write("contacts.csv", csv([("1", "Ann"), ("2", "Bob")]));
    world.sandbox.set_faults(faults(["poison=2"]));
    nightly(&world, &["-q"]).ends_with(3);
    world.sandbox.set_faults(Faults::default());
    nightly(&world, &["-q"]).ends_with(0);
    assert_eq!(world.sandbox.writes("1").created, 1);
    assert_eq!(world.sandbox.writes("2").created, 1);
}

#[test]
fn a_contact_that_others_deleted_comes_back_once_its_row_changes() {
    let world = World::new();
    world.write("contacts.csv", csv([("1", "Ann"), ("2", "Bob")]));
    nightly(&world, &["-q"]).ends_with(0);
    world.sandbox.remove_contact("2");
    world.write("contacts.csv", csv([("1", "Ann"), ("2", "Bobby")]));
    nightly(&world, &["-q"]).ends_with(0);
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Bobby");
}

#[test]
fn a_run_without_the_flag_leaves_no_digest_that_is_wrong() {
    let world = World::new();
    let old = csv([("1", "Ann")]);
    world.write("contacts.csv", &old);
    nightly(&world, &["-q"]).ends_with(0);
    world.write("contacts.csv", csv([("1", "Anna")]));
    world
        .run(["import", "contacts.csv", "--run", "plain.run", "-q"])
        .ends_with(0);
    world.write("contacts.csv", &old);
    nightly(&world, &["-q"]).ends_with(0);
    assert_eq!(world.sandbox.contact("1").unwrap().name, "Ann");
    world
        .run(["undo", "plain.run", "--yes", "--force", "-q"])
        .ends_with(0);
    nightly(&world, &["-q"]).ends_with(0);
    assert_eq!(world.sandbox.contact("1").unwrap().name, "Ann");
}

#[test]
fn a_stored_plan_claims_nothing_of_what_it_did_not_write() {
    let world = World::new();
    let (old, new) = (csv([("1", "Ann")]), csv([("1", "Anna")]));
    world.write("contacts.csv", &old);
    nightly(&world, &["-q"]).ends_with(0);
    let plan = ["plan", "contacts.csv", "-o", "old.run", "-q"];
    world.run(plan).ends_with(0);
    world.write("contacts.csv", &new);
    nightly(&world, &["-q"]).ends_with(0);
    world.run(["apply", "old.run", "-q"]).ends_with(0);
    world.write("contacts.csv", &old);
    nightly(&world, &["-q"]).ends_with(0);
    assert_eq!(world.sandbox.contact("1").unwrap().name, "Ann");
}

#[test]
fn a_contact_that_was_deleted_by_hand_comes_back_the_night_after() {
    let world = World::new();
    world.write("contacts.csv", csv([("1", "Ann"), ("2", "Bob")]));
    nightly(&world, &["-q"]).ends_with(0);
    world.run(["delete", "2", "--yes", "-q"]).ends_with(0);
    nightly(&world, &["-q"]).ends_with(0);
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Bob");
}

#[test]
fn reset_and_every_nth_run_compare_with_the_account() {
    let world = World::new();
    world.write("contacts.csv", csv([("1", "Ann")]));
    nightly(&world, &["-q"]).ends_with(0);
    let disturb = || {
        let mut ann = world.sandbox.contact("1").unwrap();
        ann.name = "Theirs".into();
        world.sandbox.put_contact(&ann);
    };
    let name = || world.sandbox.contact("1").unwrap().name.into_owned();
    disturb();
    nightly(&world, &["--full-every", "2", "-q"]).ends_with(0);
    assert_eq!(name(), "Theirs", "the digests know nothing of others");
    nightly(&world, &["--full-every", "2", "-q"]).ends_with(0);
    assert_eq!(name(), "Ann");
    disturb();
    let reset = ["import", "contacts.csv", "--changed-only=reset", "-q"];
    let dry_run = world.run([&reset[..], &["--dry-run"]].concat());
    dry_run.ends_with(0);
    nightly(&world, &["-q"]).ends_with(0);
    assert_eq!(name(), "Theirs", "a dry run forgets nothing");
    world.run(reset).ends_with(0);
    assert_eq!(name(), "Ann");
}

#[test]
fn a_mirror_has_to_read_the_account() {
    let world = World::new();
    world.write("contacts.csv", csv([("1", "Ann")]));
    let ran = nightly(&world, &["--mode", "mirror"]).ends_with(2);
    assert!(
        ran.stderr
            .contains("--changed-only can't be combined with --mode mirror")
    );
    assert_eq!(world.sandbox.request_count(), 0);
}

/// The messengers of contact 1 in the account.
fn messengers(world: &World) -> Vec<String> {
    let contact = world.sandbox.contact("1").unwrap();
    let chats = contact.contact_data.iter();
    chats.map(|chat| chat.chat_type.to_string()).collect()
}

const BOTH: &str =
    "id,responsible_user_id,name,uri,whatsapp,telegram\n1,u,Ann,https://x/1,79990000001,51\n";

#[test]
fn an_undo_restores_what_a_night_changed() {
    let world = World::new();
    world.write("contacts.csv", csv([("1", "Ann"), ("2", "Bob")]));
    nightly(&world, &["-q"]).ends_with(0);
    world.write("contacts.csv", csv([("1", "Anna"), ("2", "Bob")]));
    nightly(&world, &["-q", "--run", "second.run"]).ends_with(0);
    std::fs::remove_dir_all(world.path("home/state/wazzup-contacts/runs")).unwrap();
    world.run(["undo", "second.run", "--yes"]).ends_with(0);
    assert_eq!(world.sandbox.contact("1").unwrap().name, "Ann");
}

#[test]
fn a_column_or_a_cell_that_is_missing_erases_no_chat() {
    for changed in [
        "id,responsible_user_id,name,uri,whatsapp\n1,u,Ann,https://x/1,79990000001\n",
        "id,responsible_user_id,name,uri,whatsapp,telegram\n1,u,Anna,https://x/1,79990000001,\n",
    ] {
        let world = World::new();
        world.write("contacts.csv", BOTH);
        nightly(&world, &["-q"]).ends_with(0);
        world.write("contacts.csv", changed);
        // The second night tells whether the first one remembered what it saw.
        for name in ["Ann", "Anne"] {
            world.write("contacts.csv", changed.replace("Ann,", &format!("{name},")));
            nightly(&world, &["-q"]).ends_with(0);
            assert_eq!(messengers(&world), ["whatsapp", "telegram"], "{changed}");
        }
    }
}

#[test]
fn chats_that_only_the_account_has_stay() {
    let world = World::new();
    world.write("contacts.csv", csv([("1", "Ann")]));
    nightly(&world, &["-q"]).ends_with(0);
    let mut ann = world.sandbox.contact("1").unwrap();
    ann.contact_data.push(Chat::by_id(ChatType::Vk, "7"));
    world.sandbox.put_contact(&ann);
    nightly(&world, &["--full-every", "1", "-q"]).ends_with(0);
    world.write("contacts.csv", csv([("1", "Anna")]));
    nightly(&world, &["-q"]).ends_with(0);
    assert_eq!(messengers(&world), ["whatsapp", "vk"]);
    assert_eq!(world.sandbox.contact("1").unwrap().name, "Anna");
}

#[test]
fn rows_of_one_id_that_change_places_or_are_settled_otherwise_are_a_change() {
    let name = |world: &World| world.sandbox.contact("1").unwrap().name.into_owned();
    let world = World::new();
    let rows =
        |names: [&str; 2]| csv(names.map(|name| ("1", name))).replace("79990000001", "79990000000");
    world.write("contacts.csv", rows(["Ann", "Bob"]));
    nightly(&world, &["--on-duplicate", "first", "-q"]).ends_with(0);
    assert_eq!(name(&world), "Ann");
    nightly(&world, &["--on-duplicate", "last", "-q"]).ends_with(0);
    assert_eq!(name(&world), "Bob");
    world.write("contacts.csv", rows(["Bob", "Ann"]));
    nightly(&world, &["--on-duplicate", "last", "-q"]).ends_with(0);
    assert_eq!(name(&world), "Ann");
    nightly(&world, &["--on-duplicate", "merge", "-q"]).ends_with(0);
    assert_eq!(name(&world), "Bob");
}

/// Two nights; the second one, `second.run`, updates contact 1 without reading it.
fn two_nights(world: &World) {
    world.write("contacts.csv", csv([("1", "Ann"), ("2", "Bob")]));
    nightly(world, &["-q"]).ends_with(0);
    world.write("contacts.csv", csv([("1", "Anna")]));
    let update = "import contacts.csv --mode update -q --run second.run";
    world.sandbox.clear_log();
    world.run(update.split(' ')).ends_with(0);
    assert_eq!(world.sandbox.count("GET"), 0);
}

#[test]
fn an_update_that_was_not_compared_is_listed_with_its_new_values() {
    let world = World::new();
    two_nights(&world);
    let shown = world.run(["runs", "show", "second.run"]).ends_with(0);
    insta::assert_snapshot!(shown.stdout);
    let lines = world.run(["runs", "show", "second.run", "--json"]);
    let lines = lines.ends_with(0).stdout;
    let name = r#"{"change":{"field":"name","new":"Anna","old":"(not read)"},"id":"1"}"#;
    assert!(lines.lines().any(|line| line == name), "{lines}");
    let page = world.run(["report", "second.run"]).ends_with(0).stdout;
    assert!(page.contains("The account was not read"), "{page}");
}

#[test]
fn an_undo_restores_what_an_earlier_run_wrote_or_read() {
    for is_read in [false, true] {
        let world = World::new();
        if is_read {
            world.write("contacts.csv", csv([("1", "Ann")]));
            let others = world.run(["import", "contacts.csv", "--run", "others.run", "-q"]);
            others.ends_with(0);
        }
        two_nights(&world);
        let before = world.sandbox.contact("2").unwrap();
        let undo = world.run(["undo", "second.run", "--yes"]).ends_with(0);
        undo.tells("1 contact updated without reading the account will be restored");
        assert_eq!(world.sandbox.contact("1").unwrap().name, "Ann");
        assert_eq!(world.sandbox.contact("2").unwrap(), before);
    }
}

#[test]
fn an_undo_lists_what_no_earlier_run_knows() {
    let world = World::new();
    two_nights(&world);
    std::fs::remove_dir_all(world.path("home/state/wazzup-contacts/runs")).unwrap();
    let undo = ["undo", "second.run", "--yes", "--rejects", "left.csv"];
    world.run(undo).ends_with(3).tells("1 contact left alone");
    assert!(world.read("left.csv").contains("no earlier run recorded"));
    assert_eq!(world.sandbox.contact("1").unwrap().name, "Anna");
}
