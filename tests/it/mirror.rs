//! Deletions by a mirror, and every way in which the gate stops them before anything is sent.

use wazzup_contacts::sandbox::{Options, RequiredField};

use crate::{
    csv_files::{csv, many},
    harness::{Ran, World},
    shared::make_restless,
};

/// An account with the contacts `1` to `40`.
fn forty() -> World {
    let world = World::new();
    world.write("all.csv", many(40));
    world.run(["import", "all.csv", "-q"]).ends_with(0);
    world.sandbox.clear_log();
    world
}

/// The file of forty without its last contacts.
fn all_but(last: usize) -> String {
    many(40 - last)
}

fn mirror(world: &World, file: &str, flags: &[&str]) -> Ran {
    world.run([&["import", file, "--mode", "mirror", "--yes"], flags].concat())
}

#[track_caller]
fn is_stopped(world: &World, ran: Ran, words: &str) {
    let ran = ran.ends_with(5);
    assert!(ran.stderr.contains(words), "{}", ran.shown());
    for method in ["POST", "PATCH", "DELETE"] {
        assert_eq!(world.sandbox.count(method), 0, "{method}");
    }
    assert_eq!(world.sandbox.contact_count(), 40);
}

#[test]
fn what_the_source_no_longer_has_goes() {
    let world = forty();
    world.write("new.csv", all_but(2));
    insta::assert_snapshot!(mirror(&world, "new.csv", &[]).ends_with(0).shown());
    assert_eq!(world.sandbox.contact_count(), 38);
}

#[test]
fn more_deletes_than_allowed_are_stopped_with_the_numbers_and_the_flag() {
    let world = forty();
    world.write("new.csv", all_but(3));
    let ran = mirror(&world, "new.csv", &[]);
    insta::assert_snapshot!(ran.shown());
    is_stopped(&world, ran, "--max-delete 3");
    mirror(&world, "new.csv", &["--max-delete", "3"]).ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 37);
}

#[test]
fn nobody_said_yes_so_nothing_is_deleted() {
    let world = forty();
    world.write("new.csv", all_but(1));
    let ran = world
        .run(["import", "new.csv", "--mode", "mirror"])
        .ends_with(2);
    assert!(ran.stderr.contains("--yes"), "{}", ran.shown());
    assert_eq!(world.sandbox.count("DELETE"), 0);
    // Of many only the first are shown, and nobody is sent to a run that is not there any more.
    let many = [
        "import",
        "new.csv",
        "--mode",
        "mirror",
        "--max-delete",
        "40",
    ];
    world.write("new.csv", all_but(30));
    let ran = world.run(many).ends_with(2);
    assert!(
        ran.stderr.contains("… and 10 more: `plan` with -o"),
        "{}",
        ran.shown()
    );
    // Nor later: what was refused is not what `apply` goes on with.
    world.run(["apply", "--yes"]);
    assert_eq!(world.sandbox.count("DELETE"), 0);
}

#[test]
fn an_account_that_never_stands_still_is_not_mirrored() {
    let world = World::with(Options {
        contacts: 250,
        ..Options::default()
    });
    world.run(["export", "-o", "all.csv"]).ends_with(0);
    make_restless(&world.sandbox);
    let ran = mirror(&world, "all.csv", &["--max-delete", "100%"]).ends_with(5);
    assert!(
        ran.stderr.contains("while no other program writes"),
        "{}",
        ran.shown()
    );
    assert!(
        ran.stderr.contains("import with --mode upsert"),
        "{}",
        ran.shown()
    );
    world.run(["import", "all.csv"]).ends_with(0);
    assert_eq!(world.sandbox.count("DELETE"), 0);
    assert_eq!(world.sandbox.contact_count(), 250);
}

#[test]
fn an_empty_source_deletes_nothing_whatever_is_allowed() {
    let world = forty();
    world.write("empty.csv", csv([]));
    let ran = mirror(&world, "empty.csv", &["--max-delete", "100%"]);
    is_stopped(&world, ran, "the source has no rows");
}

#[test]
fn a_source_without_a_valid_contact_deletes_nothing_whatever_is_allowed() {
    let world = forty();
    world.write("bad.csv", "id,name,whatsapp\n1,Ann,12\n");
    let flags = ["--max-delete", "100%", "--max-rejects", "100%"];
    is_stopped(
        &world,
        mirror(&world, "bad.csv", &flags),
        "none of the 1 rows is a valid contact",
    );
}

#[test]
fn a_rejected_row_protects_the_contact_that_it_names() {
    let world = forty();
    let rows = all_but(2) + "40,user-1,Name 40,https://crm.example.com/40,12\n";
    world.write("new.csv", rows);
    mirror(&world, "new.csv", &[]).ends_with(3);
    assert!(world.sandbox.contact("40").is_some());
    assert!(world.sandbox.contact("39").is_none());
}

#[test]
fn a_rejected_row_without_an_id_protects_every_contact() {
    let world = forty();
    let rows = all_but(1) + ",user-1,Name 40,https://crm.example.com/40,79990000040\n";
    world.write("new.csv", rows);
    is_stopped(
        &world,
        mirror(&world, "new.csv", &[]),
        "rejected rows without a readable id: 1;",
    );
}

#[test]
fn rows_that_stray_quotes_swallow_protect_every_contact() {
    let world = forty();
    let rows = many(40).replace(",Name 7,", ",\"Name 7,");
    world.write("new.csv", rows.replace(",Name 9,", ",Name 9\","));
    is_stopped(
        &world,
        mirror(&world, "new.csv", &["--max-delete", "100%"]),
        "rejected rows without a readable id: 1;",
    );
}

#[test]
fn rows_between_stray_quotes_in_different_columns_protect_every_contact() {
    let world = forty();
    let rows = many(40).replace(",Name 7,", ",\"Name 7,");
    world.write(
        "new.csv",
        rows.replace(",79990000009\n", ",79990000009\"\n"),
    );
    is_stopped(
        &world,
        mirror(&world, "new.csv", &["--max-delete", "100%"]),
        "rejected rows without a readable id: 1;",
    );
}

/// Otherwise the first contact would get a name of several rows, and the phone number of the last one.
#[test]
fn a_row_with_swallowed_rows_changes_no_contact_and_comes_back_as_it_was() {
    let world = forty();
    let rows = many(40).replace(",Name 7,", ",\"Name seven,");
    world.write("new.csv", rows.replace(",Name 9,", ",Name 9\","));
    let ran = world.run(["import", "new.csv", "--rejects", "bad.csv"]);
    let ran = ran.ends_with(3);
    assert!(ran.stderr.contains("rows_in_cell"), "{}", ran.shown());
    let kept = world
        .sandbox
        .contact("7")
        .map(|contact| contact.name.clone());
    assert_eq!(kept.as_deref(), Some("Name 7"));
    let rejects = world.read("bad.csv");
    let row = "7,user-1,\"Name seven,https://crm.example.com/7,79990000007\n8,user-1,Name 8,";
    assert!(rejects.replace("\r\n", "\n").contains(row), "{rejects}");
    world.run(["import", "bad.csv"]).ends_with(5);
    assert_eq!(world.sandbox.writes("7").updated, 0);
}

/// A note has as many commas as a row.
#[test]
fn a_note_with_line_breaks_and_commas_stops_no_mirror() {
    let world = forty();
    let note = ",\"Milk, bread, eggs, rice\nNo sugar, coffee, tea\"";
    let rows = all_but(1).replace(",79990000007\n", &format!(",79990000007{note}\n"));
    world.write("new.csv", rows.replacen('\n', ",note\n", 1));
    mirror(&world, "new.csv", &[]).ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 39);
}

#[test]
fn nuls_in_the_place_of_rows_protect_every_contact_in_every_text_format() {
    let world = forty();
    let nuls = "\0".repeat(300);
    let rows = many(40);
    let rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split(',').collect()).collect();
    let object = |row: &Vec<&str>| {
        let members = rows[0]
            .iter()
            .zip(row)
            .map(|(key, cell)| format!("\"{key}\":\"{cell}\""));
        format!("{{{}}}\n", members.collect::<Vec<_>>().join(","))
    };
    let tag = |row: &Vec<&str>| format!("<tr><td>{}</td></tr>\n", row.join("</td><td>"));
    let csv = |row: &Vec<&str>| row.join(",") + "\n";
    let lines = |line: &dyn Fn(&Vec<&str>) -> String, rows: &[Vec<&str>]| -> String {
        rows.iter().map(line).collect()
    };
    let objects = lines(&object, &rows[1..38]);
    for (name, text) in [
        ("new.csv", format!("{}{nuls}\n", lines(&csv, &rows[..38]))),
        ("new.jsonl", format!("{objects}{nuls}\n")),
        ("end.jsonl", format!("{objects}{nuls}")),
        (
            "new.xls",
            format!("<table>{}{nuls}</table>", lines(&tag, &rows[..38])),
        ),
    ] {
        world.write(name, text);
        let ran = mirror(&world, name, &[]);
        assert!(
            ran.stderr.contains("NUL characters removed: 300"),
            "{}",
            ran.shown()
        );
        is_stopped(
            &world,
            ran,
            "rows of the source may be missing (see the warnings);",
        );
    }
    let hole = objects.replace("\"Name 7\"", &format!("\"Na{nuls}me 7\""));
    world.write("hole.jsonl", hole);
    let ran = mirror(&world, "hole.jsonl", &[]).ends_with(5);
    assert!(ran.stderr.contains("row 7"), "{}", ran.shown());
    assert_eq!(world.sandbox.contact_count(), 40);
}

#[test]
fn a_row_whose_id_can_be_no_contacts_protects_every_contact() {
    let world = forty();
    let long = "40".repeat(51);
    let row = format!("{long},user-1,Name 40,https://crm.example.com/40,79990000040\n");
    world.write("new.csv", all_but(1) + &row);
    is_stopped(
        &world,
        mirror(&world, "new.csv", &[]),
        "rejected rows without a readable id: 1;",
    );
}

/// An extra delimiter has shifted the cells, so the row's contact is unknown.
#[test]
fn a_ragged_row_protects_every_contact() {
    let world = forty();
    let rows = all_but(1) + "40,user-1,Name, 40,https://crm.example.com/40,79990000040\n";
    world.write("new.csv", rows);
    is_stopped(
        &world,
        mirror(&world, "new.csv", &[]),
        "rejected rows without a readable id: 1;",
    );
}

#[test]
fn too_many_rejects_are_stopped_with_the_numbers_and_the_flag() {
    let world = forty();
    let rows = many(1) + "2,u,N,https://x/2,12\n3,u,N,https://x/3,12\n";
    world.write("new.csv", rows);
    let ran = mirror(&world, "new.csv", &["--max-delete", "100%"]);
    is_stopped(&world, ran, "--max-rejects 2");
}

#[test]
fn another_account_than_the_profile_used_last_time_is_stopped() {
    let world = forty();
    let other = World::with(Options {
        contacts: 3,
        ..Options::default()
    });
    let mirror_there = |flags: &[&str]| {
        let args = [
            "import",
            "all.csv",
            "--mode",
            "mirror",
            "--yes",
            "--max-delete",
            "100%",
        ];
        world
            .call([&args, flags].concat())
            .env("WAZZUP_BASE_URL", other.sandbox.base_url())
            .run()
    };
    let ran = mirror_there(&[]).ends_with(5);
    assert!(ran.stderr.contains("--other-account"), "{}", ran.shown());
    assert_eq!(other.sandbox.request_count(), 0);
    mirror_there(&["--other-account"]).ends_with(0);
    assert_eq!(other.sandbox.contact_count(), 40);
    mirror_there(&[]).ends_with(0);
}

#[test]
fn nothing_is_deleted_if_the_server_refuses_too_many_of_the_creates() {
    let world = World::with(Options {
        contacts: 50,
        required: vec![RequiredField::ChatId],
        ..Options::default()
    });
    let rows = (1..=150).map(|n| format!("{n},u,Name {n},https://crm.example.com/{n},name_{n}\n"));
    let header = "id,responsible_user_id,name,uri,telegram_username\n".to_owned();
    world.write("contacts.csv", header + &rows.collect::<String>());
    let mirror =
        "import contacts.csv --mode mirror --max-delete 100% --max-refused 10 --yes --json";
    let ran = world.run(mirror.split(' ')).ends_with(8).json();
    assert_eq!(ran["done"]["deleted"], 0);
    assert_eq!(
        (world.sandbox.count("DELETE"), world.sandbox.contact_count()),
        (0, 50)
    );
}

#[test]
fn an_id_that_reading_respells_is_not_deleted_and_created_again() {
    let ids = ["2.0", "'5", "1.10"];
    let lines = ids.map(|id| {
        let chats = r#"[{"chat_type":"vk","chat_id":"5"}]"#;
        format!(r#"{{"id":"{id}","responsible_user_id":"u","name":"A","uri":"https://e/1","contact_data":{chats}}}"#)
    });
    let world = World::new();
    world.write("all.jsonl", lines.join("\n") + "\n");
    world.run(["import", "all.jsonl", "-q"]).ends_with(0);
    world.write("new.csv", csv(ids.map(|id| (id, "A"))));
    mirror(&world, "new.csv", &["--max-delete", "100%"])
        .ends_with(5)
        .tells("2 contacts would be created and deleted again");
    assert_eq!(world.sandbox.contact_count(), 3);
}

#[test]
fn a_table_without_rows_beside_others_deletes_nothing() {
    let world = forty();
    world.write("new.csv", all_but(2));
    let header = many(0);
    for rest in ["", ",,,,\n"] {
        world.write("empty.csv", format!("{header}{rest}"));
        let ran = mirror(&world, "new.csv", &["empty.csv"]);
        is_stopped(&world, ran, "no rows in `empty.csv`");
    }
    let import = ["import", "new.csv", "empty.csv", "--json"];
    let warnings = &world.run(import).ends_with(0).json()["warnings"];
    assert_eq!(warnings.as_array().map(Vec::len), Some(1), "{warnings}");
}

#[test]
fn a_sheet_of_contacts_that_is_not_read_stops_a_mirror_unless_the_sheet_is_chosen() {
    let world = forty();
    let mut book = rust_xlsxwriter::Workbook::new();
    let mut add = |name: &str, rows: &str| {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        for (row, line) in (0..).zip(rows.lines()) {
            sheet.write_row(row, 0, line.split(',')).unwrap();
        }
    };
    add("Notes", "old ones are in Archive\nbe careful");
    add("Main", &all_but(1));
    add("Archive", &many(40));
    book.save(world.path("book.xlsx")).unwrap();
    let ran = mirror(&world, "book.xlsx", &[]);
    assert!(
        ran.stderr.contains("not read: `Archive`"),
        "{}",
        ran.shown()
    );
    is_stopped(&world, ran, "rows of the source may be missing");
    world.run(["import", "book.xlsx"]).ends_with(0);
    mirror(&world, "book.xlsx", &["--sheet", "Main"]).ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 39);
}

#[test]
fn contacts_above_the_header_stop_a_mirror() {
    let world = forty();
    let all = all_but(0);
    let (header, rows) = all.split_once('\n').unwrap();
    let mut rows: Vec<_> = rows.lines().collect();
    rows.insert(2, header);
    world.write("sorted.csv", rows.join("\n") + "\n");
    let ran = mirror(&world, "sorted.csv", &["--max-delete", "100%"]);
    is_stopped(&world, ran, "rows of the source may be missing");
    // A title is not a contact.
    world.write("titled.csv", format!("Export,2026-11-28\n{}", all_but(1)));
    mirror(&world, "titled.csv", &["--max-delete", "100%"]).ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 39);
}
