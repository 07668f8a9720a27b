//! `diff`: backups compared with each other and with the account.

use wazzup_contacts::sandbox::Options;

use crate::{csv_files::csv, harness::World};

/// An account with a backup `old.csv`, and one contact created, gone, renamed and moved since.
fn changed() -> World {
    let world = World::with(Options {
        contacts: 6,
        ..Options::default()
    });
    world.run(["export", "-o", "old.csv", "-q"]).ends_with(0);
    let mut contacts = world.sandbox.contacts();
    world.sandbox.remove_contact(&contacts[0].id);
    contacts[1].name = "=Renamed".into();
    contacts[2].responsible_user_id = "somebody-else".into();
    contacts[3].name = "Both".into();
    contacts[3].responsible_user_id = "somebody-else".into();
    contacts[4].id = "new".into();
    for contact in &contacts[1..5] {
        world.sandbox.put_contact(contact);
    }
    world
}

#[test]
fn what_was_created_removed_changed_and_moved_is_shown_and_counted() {
    let world = changed();
    let of_account = world.run(["diff", "old.csv"]).ends_with(0);
    insta::assert_snapshot!(of_account.shown());
    world.run(["export", "-o", "new.csv", "-q"]).ends_with(0);
    world.sandbox.kill_tokens();
    let of_files = world.run(["diff", "old.csv", "new.csv"]).ends_with(0);
    assert_eq!(of_files.stdout, of_account.stdout);
    let same = world.run(["diff", "new.csv", "new.csv"]).ends_with(0);
    assert!(
        same.stdout.contains("0 created, 0 gone, 0 changed"),
        "{}",
        same.shown()
    );
}

#[test]
fn warnings_are_in_every_object_and_left_out_values_are_among_them() {
    let world = World::new();
    world.write(
        "one.csv",
        "id,name,responsible_user_id,uri,whatsapp,telegram\n\
         1,Ann,u,https://crm.example.com/1,79990000001,yes\n2,Bob,u,https://crm.example.com/2,79990000001,\n",
    );
    let warnings = |words: &str| {
        let words = words.split(' ').chain(["--json", "-q"]);
        let warnings = world.run(words).json()["warnings"].clone();
        let warnings = warnings.as_array().into_iter().flatten();
        warnings
            .map(|it| it.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let expected = warnings("check one.csv");
    let [left_out, shared] = expected.as_slice() else {
        panic!("{expected:?}")
    };
    assert!(left_out.contains("yes or no"), "{left_out}");
    assert!(shared.contains("under different ids"), "{shared}");
    for command in [
        "import one.csv",
        "plan one.csv",
        "verify one.csv",
        "diff one.csv",
        "diff one.csv one.csv",
    ] {
        assert_eq!(warnings(command), expected, "{command}");
    }
}

#[test]
fn the_exit_code_tells_whether_anything_differs_if_that_is_asked_for() {
    let world = changed();
    world.run(["diff", "old.csv", "--exit-code"]).ends_with(3);
    world
        .run(["diff", "old.csv", "old.csv", "--exit-code"])
        .ends_with(0);
}

#[test]
fn the_object_has_counts_that_add_up_and_every_change() {
    let world = changed();
    let found = world.run(["diff", "old.csv", "--json"]).ends_with(0).json();
    let count = |name: &str| found["counts"][name].as_u64().unwrap();
    assert_eq!(
        count("before"),
        count("gone") + count("changed") + count("unchanged")
    );
    assert_eq!(
        count("after"),
        count("created") + count("changed") + count("unchanged")
    );
    assert_eq!(
        (
            count("gone"),
            count("created"),
            count("changed"),
            count("moved")
        ),
        (1, 1, 3, 2)
    );
    let changes = found["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 5);
    assert_eq!(changes[0]["change"], "gone");
    assert_eq!(changes[1]["fields"][0]["new"], "=Renamed");
}

#[test]
fn all_changes_go_to_a_file() {
    let world = changed();
    let rows = |name: &str| world.read(name).lines().count();
    for name in ["changes.csv", "changes.tsv"] {
        let compared = world.run(["diff", "old.csv", "-o", name]).ends_with(0);
        let written = format!("all changes written to {name}");
        assert!(compared.shown().contains(&written), "{}", compared.shown());
        // One contact has two rows, because two of its fields changed.
        assert_eq!(rows(name), 1 + 6, "{}", world.read(name));
    }
    assert!(
        world
            .read("changes.csv")
            .starts_with("change,id,name,field,old,new\n")
    );
    let excel = ["diff", "old.csv", "-o", "changes.csv", "--excel"];
    world.run(excel).ends_with(0);
    let text = world.read("changes.csv");
    assert!(text.contains(";'=Renamed;"), "{text}");
    world
        .run(["diff", "old.csv", "-o", "changes.xlsx"])
        .ends_with(0);
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(world.path("changes.xlsx")).unwrap();
    let sheet = calamine::Reader::worksheet_range_at(&mut book, 0)
        .unwrap()
        .unwrap();
    assert_eq!(sheet.height(), 1 + 6);
    let cell = sheet.get_value((2, 5)).unwrap().to_string();
    assert_eq!(cell, "=Renamed", "{sheet:?}");
    let ran = world
        .run(["diff", "old.csv", "-o", "changes.pdf"])
        .ends_with(2);
    assert!(
        ran.stderr.contains("changes.pdf") && ran.stderr.contains("xlsx"),
        "{}",
        ran.shown()
    );
}

#[test]
fn the_changes_do_not_replace_a_backup_that_is_compared() {
    let world = changed();
    world.run(["export", "-o", "new.csv", "-q"]).ends_with(0);
    let old = world.read("old.csv");
    for arguments in [
        ["diff", "old.csv", "new.csv", "-o", "./old.csv"],
        ["diff", "new.csv", "old.csv", "-o", "old.csv"],
        ["diff", "old.csv", "-q", "-o", "old.csv"],
    ] {
        let ran = world.run(arguments).ends_with(2);
        assert!(
            ran.stderr.contains("overwrite the backup"),
            "{}",
            ran.shown()
        );
        assert_eq!(world.read("old.csv"), old);
    }
}

#[test]
fn rows_that_cannot_be_compared_are_shown_and_the_exit_code_is_3() {
    let world = World::new();
    world.write("old.csv", csv([("1", "Ann"), ("2", "Bob"), ("2", "Rob")]));
    world.write("new.csv", csv([("1", "Anna"), ("3", "Cid")]));
    let first = ["diff", "old.csv", "new.csv", "--on-duplicate", "first"];
    world.run(first).ends_with(0);
    // A contact whose row was rejected is not gone.
    world.write("three.csv", csv([("1", "Ann"), ("2", "Bob"), ("3", "Cid")]));
    let ran = world
        .run(["diff", "three.csv", "old.csv", "--json"])
        .ends_with(3);
    let counts = &ran.json()["counts"];
    assert_eq!(
        (&counts["gone"], &counts["not_compared"]),
        (&1.into(), &1.into()),
        "{counts}"
    );
    let ran = world.run(["diff", "old.csv", "new.csv"]).ends_with(3);
    insta::assert_snapshot!(ran.shown());
}

#[test]
fn chats_of_a_type_for_which_a_backup_has_no_column_differ() {
    for layout in ["wide", "columns", "long"] {
        let world = World::new();
        let put = |more: &str| {
            let contact = format!(
                r#"{{"id":"1","responsible_user_id":"u","name":"Ann","uri":"https://x.example/1","contact_data":[{{"chat_type":"whatsapp","chat_id":"79990000001"}}{more}]}}"#
            );
            world
                .sandbox
                .put_contact(&serde_json::from_str(&contact).unwrap());
        };
        let export = |file| {
            world
                .run(["export", "-o", file, "--layout", layout])
                .ends_with(0)
        };
        put("");
        export("old.csv");
        put(r#",{"chat_type":"viber","chat_id":"79990000002"}"#);
        export("new.csv");
        for (command, code) in [
            ("diff old.csv new.csv --exit-code", 3),
            ("diff new.csv old.csv --exit-code", 3),
            ("diff old.csv --exit-code", 3),
            ("diff new.csv --exit-code", 0),
            ("verify old.csv", 3),
            ("verify new.csv", 0),
            ("import old.csv --blank clear", 0),
            ("verify old.csv", 0),
            ("diff old.csv --exit-code", 0),
        ] {
            world.run(command.split(' ')).ends_with(code);
        }
    }
}

/// A CRM's export has other columns than a backup: missing columns are not a difference.
#[test]
fn columns_that_only_one_file_has_are_not_compared() {
    let world = changed();
    let first = world.sandbox.contacts().remove(0);
    world.write(
        "names.csv",
        format!("id,name\n{},{}\n", first.id, first.name),
    );
    world.write("other.csv", format!("id,name\n{},Other\n", first.id));
    let same = world
        .run(["diff", "names.csv", "--json"])
        .ends_with(0)
        .json();
    assert_eq!(
        (&same["counts"]["unchanged"], &same["counts"]["changed"]),
        (&1.into(), &0.into()),
        "{same}"
    );
    let other = world
        .run(["diff", "other.csv", "--json"])
        .ends_with(0)
        .json();
    assert_eq!(
        other["changes"][0]["fields"].as_array().unwrap().len(),
        1,
        "{other}"
    );
}

/// JSON lines with `contact_data` can have every chat type, but still lack a field.
#[test]
fn a_field_that_no_line_of_json_has_is_not_compared() {
    let world = World::new();
    let whole = r#"{"id":"1","name":"Ann","uri":"https://x.example/1","contact_data":[{"chat_type":"vk","chat_id":"5"}],"responsible_user_id":"u"}"#;
    world
        .sandbox
        .put_contact(&serde_json::from_str(whole).unwrap());
    for (left_out, code) in [
        (r#","responsible_user_id":"u""#, 0),
        (r#""name":"Ann","#, 0),
        (r#""uri":"https://x.example/1","#, 0),
        (r#","chat_id":"5""#, 3),
    ] {
        world.write("part.jsonl", whole.replace(left_out, ""));
        world
            .run(["diff", "part.jsonl", "--exit-code"])
            .ends_with(code);
    }
    let some = format!(
        "{}\n{}\n",
        whole.replace("Ann", ""),
        whole.replace(r#""1""#, r#""2""#)
    );
    world.write("some.jsonl", some);
    let ran = world
        .run(["diff", "some.jsonl", "--json"])
        .ends_with(0)
        .json();
    assert_eq!(ran["counts"]["changed"], 1, "{ran}");
}

#[test]
fn two_files_need_no_account_and_three_are_refused() {
    let world = World::new();
    world.write("a.csv", csv([("1", "Ann")]));
    let call = world
        .call(["diff", "a.csv", "a.csv"])
        .without("WAZZUP_TOKEN");
    call.run().ends_with(0);
    world.run(["diff", "a.csv", "a.csv", "a.csv"]).ends_with(2);
    let ran = world.run(["diff"]).ends_with(2);
    assert!(ran.stderr.contains("<OLD> [NEW]"), "{}", ran.shown());
}
