//! A mapping written by `check --write-mapping` reproduces the result.

use crate::harness::World;

const BITRIX: &str = include_str!("golden/bitrix24.csv");
const URI: &str = "uri=https://example.com/c/{id}";

/// The mapping that `check` writes for a file, after checking that it yields the same contacts.
fn written(text: &str, flags: &[&str]) -> String {
    let world = World::new();
    world.write("contacts.csv", text);
    let check = [
        "check",
        "contacts.csv",
        "--json",
        "--write-mapping",
        "map.toml",
    ];
    let first = world.run(check.iter().chain(flags));
    let second = world.run(["check", "contacts.csv", "--mapping", "map.toml", "--json"]);
    let [first, second] = [first.json(), second.json()];
    let [first, second] = [&first["tables"][0], &second["tables"][0]];
    for key in ["rows", "codes", "changes", "hints"] {
        assert_eq!(first[key], second[key], "{key}");
    }
    assert_eq!(first["mapping"]["mapping"], second["mapping"]["mapping"]);
    world.read("map.toml")
}

#[test]
fn the_mapping_that_is_written_gives_the_same_contacts() {
    let with_ids = ["Иван Петров", "Мария Лопес", "Пётр Уволен"]
        .iter()
        .fold(BITRIX.to_owned(), |text, name| text.replace(name, "101"));
    insta::assert_snapshot!(written(&with_ids, &["--set", URI, "--region", "RU"]));
}

#[test]
fn the_mapping_that_is_written_leaves_googles_faxes_out_as_well() {
    for text in [
        include_str!("golden/google_old.csv"),
        include_str!("golden/google_new.csv"),
    ] {
        let flags = ["--set", URI, "--set", "id={phone}"];
        let mapping = written(text, &flags);
        assert!(mapping.contains("auto = false"), "{mapping}");
    }
}

#[test]
fn names_of_people_get_their_ids_and_those_without_are_listed_once() {
    let world = World::new();
    let row = |id: u32, owner: &str| format!("{id},Ann,7999000{id:04},{owner}\n");
    let owners = [
        "Ivan Petrov",
        "Olga Ray",
        "Olga Ray",
        "Sam Tor",
        "Ivan Petrov",
    ];
    let rows: String = (1..)
        .zip(owners)
        .map(|(id, owner)| row(id, owner))
        .collect();
    world.write(
        "contacts.csv",
        format!("ID,Name,WhatsApp,Responsible\n{rows}"),
    );
    let table = "[values.responsible_user_id]\n\"ivan petrov\" = \"user-1\"\n";
    world.write(
        "owners.toml",
        format!("[set]\nuri = \"https://example.com/c/{{id}}\"\n{table}"),
    );
    let checked = world
        .run(["check", "contacts.csv", "--mapping", "owners.toml"])
        .ends_with(3);
    insta::assert_snapshot!(checked.said());
    let imported = world
        .run([
            "import",
            "contacts.csv",
            "--mapping",
            "owners.toml",
            "--max-rejects",
            "100%",
        ])
        .ends_with(3);
    assert!(
        imported
            .said()
            .contains("\"Olga Ray\" (2), \"Sam Tor\" (1)"),
        "{}",
        imported.said()
    );
    assert_eq!(
        world.sandbox.contact("1").unwrap().responsible_user_id,
        "user-1"
    );
    assert_eq!(world.sandbox.contact_count(), 2);
}

#[test]
fn what_the_deals_error_advises_works() {
    let world = World::new();
    world.write("leads.csv", include_str!("golden/amocrm_leads.csv"));
    let refused = world
        .run(["import", "leads.csv", "--set", URI])
        .ends_with(2);
    let advice = "--set id='{phone}' --map ignore='ID', and import with --on-duplicate merge";
    assert!(refused.said().contains(advice), "{}", refused.shown());
    let id = "id={phone}";
    let advised = [
        "--set",
        id,
        "--map",
        "ignore=ID",
        "--on-duplicate",
        "merge",
        "--owners",
        "as-written",
    ];
    world
        .run(["import", "leads.csv", "--set", URI].iter().chain(&advised))
        .ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 1);
    assert_eq!(
        world.sandbox.contact("77010000001").unwrap().name,
        "Жанна Су"
    );
}

#[test]
fn templates_that_need_each_other_are_refused() {
    let world = World::new();
    world.write("contacts.csv", "Phone\n79990000001\n");
    let ran = world.run([
        "check",
        "contacts.csv",
        "--set",
        "id={name}",
        "--set",
        "name={id}",
    ]);
    assert!(ran.ends_with(2).said().contains("has no `{name}`"));
}

/// A file in windows-1251 with a title, semicolons and the header in row 3; its second row is rejected.
fn titled() -> Vec<u8> {
    let text = "Выгрузка;за;ноябрь;;\n\nid;name;whatsapp;responsible_user_id;uri\n\
                1;Жанна Ёлкина;79990000001;u1;https://crm.example.com/1\n2;Щукин Олег;12;u1;https://crm.example.com/2\n";
    encoding_rs::WINDOWS_1251.encode(text).0.into_owned()
}

#[test]
fn a_written_mapping_file_holds_how_the_source_is_read_and_reads_its_rejects_too() {
    let world = World::new();
    world.write("contacts.csv", titled());
    world
        .run(["check", "contacts.csv", "--write-mapping", "map.toml"])
        .ends_with(3);
    let written = world.read("map.toml");
    let keys = "encoding = \"windows-1251\"\ndelimiter = \";\"\nheader_row = 3\n";
    assert!(written.contains(keys), "{written}");
    let import = |name| world.run(["import", name, "--mapping", "map.toml"]);
    import("contacts.csv").ends_with(3);
    assert_eq!(world.sandbox.contact("1").unwrap().name, "Жанна Ёлкина");
    let rejects = std::fs::read(world.path("contacts.rejected.csv")).unwrap();
    let fixed = encoding_rs::WINDOWS_1251
        .decode(&rejects)
        .0
        .replace(";12;", ";79990000002;");
    world.write("fixed.csv", encoding_rs::WINDOWS_1251.encode(&fixed).0);
    import("fixed.csv").ends_with(0);
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Щукин Олег");
    // Saved by another program, as Unicode with commas.
    let saved = fixed.replace(';', ",").replace("Щукин", "Щукина");
    world.write("saved.csv", format!("\u{feff}{saved}"));
    import("saved.csv").ends_with(0);
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Щукина Олег");
    // As editors save UTF-8.
    world.write("edited.csv", fixed.replace("Щукин", "Щуков"));
    import("edited.csv").ends_with(0);
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Щуков Олег");
    world
        .run(["check", "edited.csv", "--encoding", "windows-1251"])
        .tells("the text is valid UTF-8, but is read as windows-1251");
}

#[test]
fn a_missing_column_names_the_header_row_of_the_mapping_file() {
    let world = World::new();
    world.write("contacts.csv", "id,ФИО\n1,Анна\n2,Олег\n");
    let map = "header_row = 2\n[columns]\n";
    world.write("map.toml", map);
    let check = ["check", "contacts.csv", "--mapping", "map.toml"];
    let ran = world.run(check.iter().chain(&["--map", "name=ФИО"]));
    ran.ends_with(2)
        .tells("in row 2, because of `header_row = 2` in the mapping file")
        .tells("pass --header-row N or remove the key");
    let flag = ["--map", "name=ФИО", "--header-row", "3"];
    let ran = world.run(check.iter().chain(&flag)).ends_with(2);
    assert!(!ran.stderr.contains("mapping file"), "{}", ran.shown());
}

#[test]
fn a_missing_column_names_its_table_if_there_are_several() {
    let world = World::new();
    let table = |rows: &[[&str; 2]]| {
        let cell = |cell: &&str| format!("<td>{cell}</td>");
        let row =
            |row: &[&str; 2]| format!("<tr>{}</tr>", row.iter().map(cell).collect::<String>());
        format!(
            "<table>{}</table>",
            rows.iter().map(row).collect::<String>()
        )
    };
    let contacts = table(&[["id", "Link"], ["1", "https://crm.example.com/1"]]);
    let notes = table(&[["Remarks", "Date"], ["Fill in carefully", "1 May"]]);
    world.write("contacts.html", contacts + &notes);
    let check = "check contacts.html --map uri=Link --sheet all";
    world
        .run(check.split(' '))
        .ends_with(2)
        .tells("`contacts.html`, sheet `table 2`: the file has no column `Link` for uri")
        .tells("read the others one at a time: --sheet NAME");
    let check = check.replace(" --sheet all", "");
    world
        .run(check.split(' '))
        .tells("choose another with --sheet: `table 2`; --sheet all reads every visible one");
    world.write("a.csv", "id,Link\n1,https://crm.example.com/1\n");
    world.write(
        "c.csv",
        encoding_rs::WINDOWS_1251.encode("id,Имя\n1,Жанна\n").0,
    );
    world
        .run("check a.csv c.csv".split(' '))
        .tells("`c.csv`: detected encoding windows-1251");
    world.write("b.csv", "id,Address\n1,https://crm.example.com/1\n");
    let check = "check a.csv b.csv --map uri=Link";
    let ran = world.run(check.split(' ')).ends_with(2);
    let ran = ran.tells("`b.csv`: the file has no column `Link`");
    assert!(!ran.stderr.contains("--sheet"), "{}", ran.shown());
}

#[test]
fn the_keys_of_a_source_are_used_unless_a_flag_says_otherwise() {
    let world = World::new();
    // Without the keys, the first row is the header and the text is in windows-1252.
    let text = "id;name;whatsapp;responsible_user_id;uri\nid|name|whatsapp|responsible_user_id|uri\n7|Jos\u{8e}|79990000007|u1|https://crm.example.com/7\n";
    let bytes: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    world.write("contacts.csv", bytes);
    world.write(
        "map.toml",
        "encoding = \"macintosh\"\ndelimiter = \"|\"\nheader_row = 2\n",
    );
    let check = |flags: &[&str]| {
        let check = ["check", "contacts.csv", "--mapping", "map.toml"];
        world.run(check.iter().chain(flags))
    };
    check(&[]).ends_with(0).tells("\"name\":\"José\"");
    check(&["--encoding", "windows-1252"]).tells("\"name\":\"JosŽ\"");
    check(&["--header-row", "1"]).ends_with(3);
    check(&["--delimiter", ";"]).ends_with(3);
    for (key, words) in [
        (
            "encoding = \"latin-99\"",
            "the mapping file's encoding: unknown encoding `latin-99`",
        ),
        (
            "delimiter = \";;\"",
            "the mapping file's delimiter: `;;` is not one character",
        ),
        ("header_row = 0", "expected a nonzero u32"),
        ("sheet = 1.5", "a sheet is a name, a number or `all`"),
    ] {
        world.write("map.toml", format!("{key}\n"));
        check(&[]).ends_with(2).tells(words);
    }
}

#[test]
fn the_sheet_of_a_mapping_file_is_read_if_the_workbook_has_it() {
    let world = World::new();
    let book = |sheets: &[(&str, &str)], name: &str| {
        let mut book = rust_xlsxwriter::Workbook::new();
        for (sheet, id) in sheets {
            let sheet = book.add_worksheet().set_name(*sheet).unwrap();
            let row = ["Ann", "79990000001", "u1", "https://crm.example.com/1", id];
            for (column, (name, value)) in (0..).zip(
                ["name", "whatsapp", "responsible_user_id", "uri", "id"]
                    .iter()
                    .zip(row),
            ) {
                sheet.write(0, column, *name).unwrap();
                sheet.write(1, column, value).unwrap();
            }
        }
        world.write(name, book.save_to_buffer().unwrap());
    };
    book(&[("Old", "1"), ("2026", "2")], "two.xlsx");
    book(&[("Rejected", "3")], "one.xlsx");
    world.write("plain.csv", "id,name,whatsapp,responsible_user_id,uri\n4,Ann,79990000001,u1,https://crm.example.com/1\n");
    world
        .run([
            "check",
            "two.xlsx",
            "--sheet",
            "2",
            "--write-mapping",
            "map.toml",
        ])
        .ends_with(0);
    assert!(world.read("map.toml").contains("sheet = \"2026\"\n"));
    for (name, flags, id) in [
        ("two.xlsx", &[][..], "2"),
        ("two.xlsx", &["--sheet", "Old"], "1"),
        ("one.xlsx", &[], "3"),
        ("plain.csv", &[], "4"),
    ] {
        let check = ["check", name, "--mapping", "map.toml"];
        let ran = world.run(check.iter().chain(flags)).ends_with(0);
        assert!(!ran.said().contains("warnings"), "{}", ran.shown());
        ran.tells(&format!("{{\"id\":\"{id}\""));
    }
    world.write("map.toml", "sheet = 3\n");
    world
        .run(["check", "two.xlsx", "--mapping", "map.toml"])
        .ends_with(1);
}
