//! Links (`uri`): required by the API, returned as its own address, and written earlier by this tool.

use wazzup_contacts::{
    contact::{Chat, ChatType, Contact},
    sandbox::{Options, RequiredField, UriShown},
};

use crate::{
    csv_files::{csv, many},
    harness::World,
    shared::state,
};

/// A server that requires a link and returns its own address instead.
fn insistent() -> World {
    World::with(Options {
        uri: UriShown::ApiPath,
        required: vec![RequiredField::Uri],
        ..Options::default()
    })
}

/// Contacts 1 and 2, written by others.
fn put_theirs(world: &World) {
    for (id, phone) in [("1", "79990000001"), ("2", "79990000002")] {
        world.sandbox.put_contact(&Contact {
            id: id.into(),
            responsible_user_id: "user-1".into(),
            name: "Theirs".into(),
            contact_data: vec![Chat::by_id(ChatType::Whatsapp, phone)],
            uri: "https://theirs.example.com".into(),
            ..Contact::default()
        });
    }
}

#[test]
fn a_rename_keeps_the_links_that_an_import_wrote() {
    let world = insistent();
    world.write("contacts.csv", many(12));
    world.run(["import", "contacts.csv", "-q"]).ends_with(0);
    let before = state(&world.sandbox.contacts());
    world.write("names.csv", "id,name\n7,Ann\n12,Bob\n");
    let plan = world
        .run(["plan", "names.csv", "--json"])
        .ends_with(0)
        .json();
    assert!(plan["warnings"].is_null(), "{plan}");
    world
        .run(["import", "names.csv", "--run", "names.run", "-q"])
        .ends_with(0);
    let mut expected = before.clone();
    for (id, name) in [("7", "Ann"), ("12", "Bob")] {
        expected.get_mut(id).unwrap().name = name.into();
    }
    assert_eq!(state(&world.sandbox.contacts()), expected);

    world.run(["undo", "names.run", "--yes", "-q"]).ends_with(0);
    assert_eq!(state(&world.sandbox.contacts()), before);
}

#[test]
fn updates_without_a_known_link_are_counted_before_anything_is_sent() {
    let world = insistent();
    put_theirs(&world);
    world.write("names.csv", "id,name\n1,Ann\n2,Bob\n");
    let warning = "2 updates without a link (uri), because no known run of this tool wrote one; a server that requires links \
                   refuses them: pass --set uri='https://…/{id}'";
    world.run(["plan", "names.csv"]).ends_with(0).tells(warning);
    let import = [
        "import",
        "names.csv",
        "--set",
        "uri=https://crm.example.com/{id}",
    ];
    assert!(
        !world
            .run(import)
            .ends_with(0)
            .stderr
            .contains("without a link")
    );
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Bob");
}

#[test]
fn contacts_of_a_backup_without_links_are_created_with_those_that_were_written_before() {
    let world = insistent();
    world.write("contacts.csv", csv([("1", "Ann"), ("2", "Bob")]));
    world.run(["import", "contacts.csv", "-q"]).ends_with(0);
    let before = state(&world.sandbox.contacts());
    world.run(["export", "-o", "backup.csv", "-q"]).ends_with(0);
    world.run(["delete", "1", "2", "--yes", "-q"]).ends_with(0);
    world.run(["import", "backup.csv", "-q"]).ends_with(0);
    assert_eq!(state(&world.sandbox.contacts()), before);
}

#[test]
fn links_outlive_the_run_files_that_wrote_them() {
    let world = insistent();
    let import = |link: &str| {
        let set = format!("uri=https://{link}.example.com/{{id}}");
        let import = ["import", "contacts.csv", "--mode", "update", "--set", &set];
        world.run(import).ends_with(0);
    };
    put_theirs(&world);
    world.write(
        "contacts.csv",
        "id,responsible_user_id,name,whatsapp\n1,u,Ann,79990000001\n2,u,Bob,79990000002\n",
    );
    import("old");
    import("new");
    let before = state(&world.sandbox.contacts());
    let pruned = world.run(["runs", "prune", "--keep", "0", "--json"]);
    assert_eq!(pruned.json()["removed"].as_array().unwrap().len(), 2);
    world.write("names.csv", "id,name\n1,Anna\n");
    let renamed = world.run(["import", "names.csv", "--run", "names.run"]);
    assert!(!renamed.stderr.contains("without a link"), "{renamed:?}");
    assert_eq!(
        world.sandbox.contact("1").unwrap().uri,
        "https://new.example.com/1"
    );
    world.run(["undo", "names.run", "--yes", "-q"]).ends_with(0);
    world.run(["export", "-o", "backup.csv", "-q"]).ends_with(0);
    world.run(["delete", "2", "--yes", "-q"]).ends_with(0);
    world.run(["import", "backup.csv", "-q"]).ends_with(0);
    assert_eq!(state(&world.sandbox.contacts()), before);
}

#[test]
fn an_undo_restores_the_link_that_was_written_before_the_run() {
    let world = insistent();
    let row = |name: &str, link: &str| {
        format!(
            "id,responsible_user_id,name,uri,whatsapp\n1,u,{name},https://crm.example.com/{link},79991112233\n"
        )
    };
    world.write("a.csv", row("Ann", "old"));
    world.run(["import", "a.csv", "-q"]).ends_with(0);
    let before = state(&world.sandbox.contacts());
    world.write("b.csv", row("Anna", "new"));
    world
        .run(["import", "b.csv", "--run", "b.run", "-q"])
        .ends_with(0);
    assert_ne!(state(&world.sandbox.contacts()), before);
    let ran = world.run(["undo", "b.run", "--yes"]).ends_with(0);
    assert!(!ran.stderr.contains("can't be restored"), "{}", ran.shown());
    assert_eq!(state(&world.sandbox.contacts()), before);
}

#[test]
fn an_undo_sets_the_links_that_it_cannot_restore() {
    let world = insistent();
    put_theirs(&world);
    let before = state(&world.sandbox.contacts());
    let [kept, lost] = ["2", "1"].map(|id| before[id].clone());
    world.write("a.csv", format!("id,name\n{},{}\n", kept.id, kept.name));
    let mirror = "import a.csv --mode mirror --max-delete 1 --yes -q --run a.run";
    world.run(mirror.split(' ')).ends_with(0);
    let dry_run = world.run(["undo", "a.run", "--dry-run"]).ends_with(0);
    dry_run.tells("1 link (uri) can't be restored, because the API never returned the old value: pass --set uri=");
    world
        .run(["undo", "a.run", "--set", "name=Ann"])
        .ends_with(2);
    let set = format!("uri={}/{{id}}", lost.uri);
    let undone = world
        .run(["undo", "a.run", "--yes", "--set", &set])
        .ends_with(0);
    assert!(!undone.stderr.contains("uri"), "{}", undone.shown());
    let restored = world.sandbox.contact("1").unwrap();
    assert_eq!(restored.uri, format!("{}/1", lost.uri));
    assert_eq!(restored.contact_data, lost.contact_data);
}

#[test]
fn an_update_sends_links_also_from_a_file_without_the_other_fields() {
    let world = insistent();
    put_theirs(&world);
    world.write("links.csv", "id,uri\n1,https://crm.example.com/1\n");
    for (mode, updated) in [("upsert", 0), ("update", 1)] {
        let ran = world.run(["import", "links.csv", "--mode", mode, "--json"]);
        assert_eq!(ran.ends_with(0).json()["done"]["updated"], updated);
    }
    let contact = world.sandbox.contact("1").unwrap();
    assert_eq!(
        (&*contact.name, &*contact.uri),
        ("Theirs", "https://crm.example.com/1")
    );
}

#[test]
fn an_import_and_an_apply_show_the_warnings_of_the_plan() {
    let world = World::with(Options {
        uri: UriShown::ApiPath,
        ..Options::default()
    });
    put_theirs(&world);
    world.write("names.csv", "id,name\n1,Ann\n");
    let json = |command: &str| world.run([command, "names.csv", "--json", "-q"]).json();
    let planned = json("plan")["warnings"].clone();
    assert!(
        planned[0].as_str().unwrap().contains("without a link"),
        "{planned}"
    );
    world.run(["plan", "names.csv", "-o", "a.run", "-q"]);
    let applied = world.run(["apply", "a.run", "--json"]).ends_with(0);
    assert_eq!(applied.json()["warnings"], planned);
    applied.tells("without a link");
    world.write("names.csv", "id,name\n1,Bob\n");
    assert_eq!(json("import")["warnings"], planned);
}

#[test]
fn links_of_runs_outside_of_the_state_directory_are_known() {
    for commands in [
        &["import all.csv --run a.run"][..],
        &["plan all.csv -o a.run", "apply a.run"],
    ] {
        let world = insistent();
        world.write("all.csv", many(2));
        for command in commands {
            world.run(command.split(' ')).ends_with(0);
        }
        world.write("names.csv", "id,name\n1,Anna\n");
        let renamed = world.run(["import", "names.csv"]).ends_with(0);
        assert!(!renamed.stderr.contains("without a link"), "{renamed:?}");
        let contact = world.sandbox.contact("1").unwrap();
        assert_eq!(
            (&*contact.name, &*contact.uri),
            ("Anna", "https://crm.example.com/1")
        );
    }
}
