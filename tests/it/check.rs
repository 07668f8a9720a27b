//! `check`: offline, and with everything that is needed before an import.

use serde_json::json;

use crate::{csv_files, harness::World, samples::bring};

#[test]
fn nothing_is_asked_of_anybody() {
    let world = World::new();
    let ran = world
        .call(["check", bring(&world, "contacts.csv")])
        .without("WAZZUP_TOKEN")
        .run();
    ran.ends_with(0);
    assert_eq!(world.sandbox.request_count(), 0);
    assert!(!world.path("home/state").exists());
}

#[test]
fn what_people_read_about_good_contacts() {
    let world = World::new();
    let ran = world.run(["check", bring(&world, "contacts.xlsx")]);
    insta::assert_snapshot!(ran.ends_with(0).shown());
}

#[test]
fn what_people_read_about_mistakes() {
    let world = World::new();
    bring(&world, "mapping.toml");
    let file = bring(&world, "contacts-with-mistakes.csv");
    let ran = world.run(["check", file, "--mapping", "mapping.toml"]);
    insta::assert_snapshot!(ran.ends_with(3).shown());
}

#[test]
fn a_mode_decides_what_a_row_must_have() {
    let world = World::new();
    world.write("names.csv", "id,name\n1,Ann\n");
    let ran = world.run(["check", "names.csv", "--json"]).ends_with(3);
    let summary = ran.json();
    assert_eq!(summary["source"]["path"], "names.csv");
    assert_eq!(summary["source"]["blake3"], summary["tables"][0]["blake3"]);
    assert!(summary["started_at"].is_string() && summary["mode"] == "create");
    let codes = summary["tables"][0]["codes"].clone();
    assert_eq!(
        codes,
        serde_json::json!({ "no_chat": 1, "responsible_user_id_missing": 1, "uri_missing": 1 })
    );
    world
        .run(["check", "names.csv", "--mode", "update"])
        .ends_with(0);
}

#[test]
fn one_mistake_of_all_rows_is_not_told_of_each() {
    let world = World::new();
    let rows: Vec<_> = (1..=12).map(|n| format!("{n},Ann,u,7{n}")).collect();
    let rows = rows.join("\n");
    let text = format!("id,name,responsible_user_id,whatsapp\n{rows}\n,Bob,u,79990000001\n");
    world.write("no-uri.csv", text);
    let ran = world.run(["check", "no-uri.csv"]).ends_with(3);
    insta::assert_snapshot!(ran.shown());
}

#[test]
fn as_many_contacts_are_shown_as_asked_for() {
    let world = World::new();
    let file = bring(&world, "contacts.csv");
    for (show, shown) in [("0", 0), ("2", 2), ("5", 5)] {
        let ran = world.run(["check", file, "--show", show]).ends_with(0);
        assert_eq!(ran.said().matches("{\"id\":").count(), shown);
    }
}

#[test]
fn the_mapping_that_is_written_reads_the_file_the_same_way() {
    let world = World::new();
    world.write(
        "crm.csv",
        "ID;ФИО;Мобильный телефон;Ссылка на карточку;Ответственный;Комментарий\n1;Анна;8 (999) 000-00-01;x;101;-\n",
    );
    let args = ["check", "crm.csv", "--region", "RU"];
    let written = [
        &args[..],
        &["--write-mapping", "crm.toml", "--phone-as", "viber"],
    ]
    .concat();
    let first = world.run(&written).ends_with(0);
    assert!(world.read("crm.toml").contains("Мобильный телефон"));
    let second = world.run([&args[..], &["--mapping", "crm.toml"]].concat());
    let sent = |text: &str| {
        text.lines()
            .find(|line| line.contains("{\"id\""))
            .map(String::from)
    };
    let second = second.ends_with(0);
    assert!(sent(&first.said()).unwrap().contains("viber"));
    assert_eq!(sent(&first.said()), sent(&second.said()));
}

#[test]
fn a_mapping_is_written_for_one_table_and_replaces_no_other() {
    let world = World::new();
    for name in ["a.csv", "b.csv"] {
        world.write(name, csv_files::csv([("1", "Ann")]));
    }
    let both = ["check", "a.csv", "b.csv", "--write-mapping", "crm.toml"];
    let ran = world.run(both).ends_with(2);
    assert!(ran.said().contains("--sheet"), "{}", ran.shown());
    assert!(!world.path("crm.toml").exists());
    let one = ["check", "a.csv", "--write-mapping", "crm.toml"];
    for _ in 0..2 {
        world.run(one).ends_with(0);
    }
    let edited = world.read("crm.toml") + "# mine\n";
    world.write("crm.toml", &edited);
    let ran = world.run(one).ends_with(2);
    assert!(ran.said().contains("crm.toml exists"), "{}", ran.shown());
    assert_eq!(world.read("crm.toml"), edited);
}

#[test]
fn how_the_file_is_read_can_be_said() {
    let world = World::new();
    let row = "1,u,Ann,x,79990000001\n";
    let header = "id,responsible_user_id,name,uri,whatsapp\n";
    world.write("title.csv", format!("id,name\n\n{header}{row}"));
    world
        .run(["check", "title.csv", "--header-row", "3"])
        .ends_with(0);
    world
        .run(["check", "title.csv", "--header-row", "1"])
        .ends_with(3);
    world.write("odd.csv", format!("{header}{row}").replace(',', "~"));
    world
        .run(["check", "odd.csv", "--delimiter", "~"])
        .ends_with(0);
    world
        .run(["check", "odd.csv", "--delimiter", "tab"])
        .ends_with(3);
    // In windows-1251 this is `Анна`; in windows-1252 it is not.
    world.write(
        "old.csv",
        [header.as_bytes(), b"1,u,\xc0\xed\xed\xe0,x,79990000001\n"].concat(),
    );
    for (encoding, name) in [("windows-1251", "Анна"), ("windows-1252", "Àííà")] {
        let ran = world
            .run(["check", "old.csv", "--encoding", encoding])
            .ends_with(0);
        assert!(ran.said().contains(name), "{}", ran.shown());
    }
    world.write("ru.csv", format!("{header}{row}").replace("7999", "8 999 "));
    world
        .run(["check", "ru.csv", "--region", "RU"])
        .ends_with(0);
    world.run(["check", "ru.csv"]).ends_with(3);
}

#[test]
fn a_sheet_is_chosen_by_name_number_or_all() {
    use rust_xlsxwriter::Workbook;
    let world = World::new();
    let mut book = Workbook::new();
    for (name, id) in [("North", "n"), ("South", "s")] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        let rows = [
            ["id", "responsible_user_id", "name", "uri", "whatsapp"],
            [id, "u", "Ann", "x", "79990000001"],
        ];
        for (number, row) in (0..).zip(rows) {
            sheet.write_row(number, 0, row).unwrap();
        }
    }
    book.save(world.path("two.xlsx")).unwrap();
    for (sheet, ids) in [
        ("South", vec!["s"]),
        ("1", vec!["n"]),
        ("all", vec!["n", "s"]),
    ] {
        let ran = world
            .run(["check", "two.xlsx", "--sheet", sheet])
            .ends_with(0);
        for id in ["n", "s"] {
            let is_there = ran.said().contains(&format!("{{\"id\":\"{id}\""));
            assert_eq!(is_there, ids.contains(&id), "--sheet {sheet}");
        }
    }
    let ran = world
        .run(["check", "two.xlsx", "--sheet", "West"])
        .ends_with(1);
    assert!(ran.said().contains("North, South"), "{}", ran.shown());
}

#[test]
fn columns_with_the_name_of_a_messenger_are_not_left_out_silently() {
    let world = World::new();
    let names = ["Ник Telegram", "Usuario de Instagram", "IG", "Ссылка VK"];
    let row = "1,u1,Ann,https://crm/1,79990000001,a,b,c,d";
    let file = format!(
        "id,responsible_user_id,name,uri,whatsapp,{}\n{row}\n",
        names.join(",")
    );
    world.write("a.csv", file);
    for command in ["check a.csv", "import a.csv --dry-run"] {
        let ran = world.run(command.split(' ')).ends_with(0);
        for (name, field) in names
            .into_iter()
            .zip(["telegram", "instagram", "instagram", "vk"])
        {
            let words = format!(
                "the column `{name}` is not read, but it has values and the name of a messenger: read it with --map {field}="
            );
            assert!(ran.said().contains(&words), "{}", ran.shown());
        }
    }
}

#[test]
fn rows_that_are_not_what_they_seem_are_skipped_emptied_or_rejected() {
    let world = World::new();
    let uri = "https://crm.example.com/c/";
    for (text, created, words) in [
        (
            format!(
                "id,name,responsible_user_id,uri,instagram\n1,A,7,{uri}1,anna_a\n\u{FEFF}id,name,responsible_user_id,uri,instagram\n2,B,7,{uri}2,boris_b\n"
            ),
            2,
            "1 row: the column names again, skipped",
        ),
        (
            format!(
                "ID;name;responsible_user_id;uri;whatsapp;Реквизит: ИНН\n1;A;7;{uri}1;79990000001;123\n;;;;;456\n;;; ;;789\n2;B;7;{uri}2;79990000002;\n"
            ),
            2,
            "2 rows: without a value in the columns that are read, skipped",
        ),
        (
            format!(
                "id;whatsapp;name;responsible_user_id;uri;notes\n1;79990000001;Petrov; Ivan;7;{uri}1;\n2;79990000002;Anna;7;{uri}2;vip\n3;79990000003;Bo;7;{uri}3;\n"
            ),
            2,
            "row_ragged",
        ),
        (
            format!(
                "id,name,responsible_user_id,uri,whatsapp\n1,A,7,{uri}1,79990000001,\n2,B,7,{uri}2,79990000002,\n"
            ),
            2,
            "",
        ),
        (
            format!(
                "id,name,responsible_user_id,uri,whatsapp,telegram,viber\n1,A,7,{uri}1,79990000001,yes,FALSE\n\\N,B,NULL,{uri}2,79990000002,none,\n"
            ),
            1,
            "2 values: yes or no in a column of accounts or numbers",
        ),
    ] {
        world.write("contacts.csv", &text);
        let ran = world.run(["check", "contacts.csv"]);
        assert!(ran.said().contains(words), "{}", ran.shown());
        let counts = world.run(["check", "contacts.csv", "--json"]).json();
        assert_eq!(counts["rows"]["contacts"], created, "{}", ran.shown());
        assert!(!ran.said().contains("\"id\":\"id\""), "{}", ran.shown());
    }
}

#[test]
fn words_for_missing_values_are_counted_in_the_object() {
    let world = World::new();
    world.write(
        "a.csv",
        "id,name,whatsapp,telegram,responsible_user_id,uri,notes\n1,Ann,79990000001,yes,NULL,-,NULL\n2,NULL,79990000002,none,#N/A, - ,x\n",
    );
    world.write("b.csv", "id,name,viber\n3,\\N,79990000003\n");
    let object = world.run(["check", "a.csv", "b.csv", "--json"]).json();
    let words = json!({"#N/A": 1, "-": 2, "NULL": 2, "\\N": 1, "none": 1, "yes": 1});
    assert_eq!(object["missing_values"], words);
    assert_eq!(object["tables"][1]["missing_values"], json!({"\\N": 1}));
}

/// Warnings about owners and links that are sent although they are hardly meaningful.
#[test]
fn owners_that_look_like_placeholders_are_warned_about_if_rows_share_them() {
    let world = World::new();
    let rows = |owners: &[&str]| {
        let row = |(at, owner): (usize, &&str)| {
            format!("{at},Ann,7999000000{at},{owner},https://crm.example.com/{at}\n")
        };
        let head = "id,name,whatsapp,responsible_user_id,uri\n".to_owned();
        head + &owners.iter().enumerate().map(row).collect::<String>()
    };
    let looks = "with an owner that looks like a placeholder";
    for owners in [&["0", "7"][..], &["77", "77"], &["Anna", "Anna"]] {
        world.write("new.csv", rows(owners));
        let ran = world.run(["check", "new.csv"]);
        assert!(!ran.stderr.contains(looks), "{}", ran.shown());
    }
    world.write(
        "new.csv",
        rows(&["0", "Не назначен", "7", "0", "admin", "не  назначен"]),
    );
    world.write(
        "owners.toml",
        "[values.responsible_user_id]\n0 = \"1\"\n\"*\" = \"1\"\n",
    );
    for command in ["check", "plan"] {
        let ran = world.run([command, "new.csv"]);
        assert!(
            ran.stderr.contains(&format!("2 rows {looks}: \"0\" (2)")),
            "{}",
            ran.shown()
        );
        let mapped = world
            .run([command, "new.csv", "--mapping", "owners.toml"])
            .ends_with(0);
        assert!(!mapped.stderr.contains(looks), "{}", mapped.shown());
    }
}

#[test]
fn names_and_owners_that_were_damaged_before_are_named_once() {
    let world = World::new();
    let rows = "1,u1,Ann,https://crm.example.com/1,79990000001\n\
                2,u1,???? ??????,https://crm.example.com/2,79990000002\n\
                3,Mar\u{c3}\u{ad}a P,JosÃ© PeÃ±a,https://crm.example.com/3,79990000003\n";
    world.write(
        "a.csv",
        format!("id,responsible_user_id,Nombre,uri,whatsapp\n{rows}"),
    );
    let warning = "3 texts: damaged before the file was read, or in another encoding, in names, owners or column names (such as `???? ??????` in row 3): export again as UTF-8";
    for command in [&["check", "a.csv"][..], &["plan", "a.csv"]] {
        let ran = world.run(command).ends_with(0).tells(warning);
        assert_eq!(
            ran.said().matches("damaged before").count(),
            1,
            "{}",
            ran.shown()
        );
    }
    // A backup, too: a spreadsheet program may have saved it again.
    let columns = "id,responsible_user_id,name,uri,whatsapp_chats,viber_chats,instagram_chats,telegram_chats,vk_chats,avito_chats,max_chats";
    world.write(
        "b.csv",
        format!("{columns}\n1,u1,??????? ?????,https://crm.example.com/1,79990000001,,,,,,\n"),
    );
    world
        .run(["plan", "b.csv"])
        .ends_with(0)
        .tells("(such as `??????? ?????` in row 2)");
    // Column names: Cyrillic that was read as a Western code page, and bytes that are invalid in the encoding.
    world.write("c.csv", "id,Îòâåòñòâåííûé,name,a\u{fffd}o\n1,u1,Ann,2026\n");
    world
        .run(["check", "c.csv"])
        .tells("2 texts: damaged before the file was read, or in another encoding, in names, owners or column names (such as `Îòâåòñòâåííûé` in row 1)");
}

#[test]
fn an_unknown_column_of_links_is_named() {
    let world = World::new();
    let file = "id,name,whatsapp,responsible_user_id,URL 2\n1,Ann,79990000001,u1,https://crm.example.com/1\n";
    world.write("a.csv", file);
    let hint = "the column `URL 2` is not read, but most of its values are links, and no link is read: read it with --map uri='URL 2'";
    world.run(["check", "a.csv"]).ends_with(3).tells(hint);
    world
        .run(["check", "a.csv", "--map", "uri=URL 2"])
        .ends_with(0);
    let other = world.run([
        "check",
        "a.csv",
        "--set",
        "uri=https://crm.example.com/{id}",
    ]);
    assert!(!other.ends_with(0).said().contains("URL 2` is not read"));
}
