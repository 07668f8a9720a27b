//! Rejects come back in a file that opens like the source and, once corrected, can be imported directly.

use calamine::{Data, Reader as _};
use rust_xlsxwriter::Workbook;

use crate::{
    golden::{encoded, utf_16le},
    harness::World,
};

const SHEET: &str = "ID;ФИО;WhatsApp;Ответственный;Ссылка\r\n\
                     1;Анна Бел;79990000001;user-1;https://example.com/c/1\r\n\
                     2;\"Борис; \"\"Боб\"\"\r\nКим\";12-34;user-1;https://example.com/c/2\r\n\
                     3;Вера Гай;79990000003;user-1;https://example.com/c/3\r\n\
                     4;Глеб Дар;7,9991E+10;user-1;https://example.com/c/4\r\n";

const FLAGS: [&str; 4] = ["--map", "uri=Ссылка", "--max-rejects", "100%"];

fn import(world: &World, name: &str, more: &[&str]) -> crate::harness::Ran {
    let base = ["import", name];
    world.run(base.iter().chain(&FLAGS).chain(more))
}

/// Imports the sheet in this encoding, corrects the rejects as in an editor, and imports them.
#[track_caller]
fn mended_it_imports(bytes: &[u8], encode: impl Fn(&str) -> Vec<u8>) {
    let world = World::new();
    world.write("contacts.csv", bytes);
    import(&world, "contacts.csv", &[]).ends_with(3);
    assert_eq!(world.sandbox.contact_count(), 2);
    let mut rejects = std::fs::read(world.path("contacts.rejected.csv")).unwrap();
    for (wrong, right) in [
        (";12-34;", ";79990000002;"),
        (";7,9991E+10;", ";79990000004;"),
    ] {
        let (wrong, right) = (encode(wrong), encode(right));
        let at = rejects
            .windows(wrong.len())
            .position(|window| window == wrong)
            .expect("the cell as it was written in the source");
        rejects.splice(at..at + wrong.len(), right);
    }
    world.write("mended.csv", rejects);
    import(&world, "mended.csv", &[]).ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 4);
    let boris = world.sandbox.contact("2").unwrap();
    assert_eq!(boris.name, "Борис; \"Боб\"\r\nКим");
    assert!(!world.path("mended.rejected.csv").exists());
}

#[test]
fn rejects_in_cp1251_are_mended_and_imported() {
    mended_it_imports(&encoded(SHEET, "windows-1251"), |text| {
        encoded(text, "windows-1251")
    });
}

#[test]
fn rejects_in_utf_16_are_mended_and_imported() {
    mended_it_imports(&utf_16le(&format!("\u{feff}{SHEET}")), utf_16le);
}

#[test]
fn rejects_in_utf_8_are_mended_and_imported() {
    mended_it_imports(SHEET.as_bytes(), |text| text.as_bytes().to_vec());
}

#[test]
fn the_mark_the_separator_line_and_the_line_ends_are_the_sources() {
    for (before, line_end) in [
        ("\u{feff}", "\n"),
        ("", "\r\n"),
        ("sep=;\r\n", "\r\n"),
        ("", "\n"),
    ] {
        let world = World::new();
        let text = SHEET.replace("\r\nКим", "").replace("\r\n", line_end);
        world.write("contacts.csv", format!("{before}{text}"));
        import(&world, "contacts.csv", &[]).ends_with(3);
        let rejects = world.read("contacts.rejected.csv");
        let wanted = format!(
            "{before}ID;ФИО;WhatsApp;Ответственный;Ссылка;_row;_column;_code;_reason{line_end}2;"
        );
        assert!(
            rejects.starts_with(&wanted),
            "{before:?} {line_end:?} {rejects:?}"
        );
        assert_eq!(rejects.contains('\r'), line_end == "\r\n");
    }
}

#[test]
fn surplus_cells_and_bytes_that_are_no_text_come_back_as_they_were() {
    let world = World::new();
    let rows = "id,name,whatsapp,responsible_user_id,uri\n\
                1,Ann,79990000001,user-1,https://example.com/1,left over\n\
                2,Jos?,79990000002,user-1,https://example.com/2\n";
    let mut bytes = rows.as_bytes().to_vec();
    let at = bytes.iter().position(|&byte| byte == b'?').unwrap();
    bytes[at] = 0xe9;
    // So much of it is UTF-8 that it stays UTF-8.
    bytes.extend("3,Añó Ñuñéz Ýñigó,79990000003,user-1,https://example.com/3\n".as_bytes());
    world.write("contacts.csv", bytes);
    world
        .run([
            "import",
            "contacts.csv",
            "--max-rejects",
            "100%",
            "--encoding",
            "utf-8",
        ])
        .ends_with(3);
    let rejects = std::fs::read(world.path("contacts.rejected.csv")).unwrap();
    let holds = |part: &[u8]| rejects.windows(part.len()).any(|window| window == part);
    assert!(holds(b"row_ragged") && holds(b",left over\n"));
    assert!(holds(b"bytes_undecodable") && holds(b"2,Jos\xe9,7999"));
}

#[test]
fn quotes_that_close_too_early_come_back() {
    let world = World::new();
    let rows = "id;name;whatsapp\n1;\"Pepe\" García;79990000001\n";
    world.write("contacts.csv", rows);
    let flags = ["--rejects", "bad.csv"];
    world
        .run([&["check", "contacts.csv"], &flags[..]].concat())
        .ends_with(3);
    let rejects = world.read("bad.csv");
    assert!(rejects.contains(";\"\"\"Pepe\"\" García\";"), "{rejects}");
}

/// The message of `chat_type_unknown` lists more messengers than the source has columns.
#[test]
fn rejects_whose_reasons_list_messengers_are_mended_and_imported() {
    let world = World::new();
    let rows = "id;name;chat_type;chat_id\n1;Ann;icq;79990000001\n2;Bob;msn;79990000002\n";
    world.write("contacts.csv", rows);
    let flags = [
        "--set",
        "uri=https://x.io/{id}",
        "--set",
        "responsible_user_id=u1",
        "--max-rejects",
        "100%",
    ];
    let import = |name| world.run(["import", name].iter().chain(&flags));
    import("contacts.csv").ends_with(5);
    let rejects = world.read("contacts.rejected.csv");
    let mended = rejects
        .replace(";icq;", ";whatsapp;")
        .replace(";msn;", ";viber;");
    world.write("mended.csv", mended);
    import("mended.csv").ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 2);
}

/// A number that a workbook has rounded stays invalid after it was saved as text.
#[test]
fn numbers_that_lost_digits_are_rejected_again_until_they_are_mended() {
    let world = World::new();
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let names = ["id", "name", "whatsgroup", "whatsapp"];
    sheet.write_row(0, 0, names).unwrap();
    sheet.write(1, 0, 120_363_025_246_125_486.0).unwrap();
    sheet.write_row(1, 1, ["Ann", "", "79990000001"]).unwrap();
    sheet.write_row(2, 0, ["2", "Bob"]).unwrap();
    sheet.write(2, 2, 1_234_567_890_123_456.0).unwrap();
    workbook.save(world.path("people.xlsx")).unwrap();
    let flags = [
        "--set",
        "uri=https://x.io/{id}",
        "--set",
        "responsible_user_id=u1",
    ];
    for rejects in ["bad.csv", "bad.xlsx"] {
        let import = ["import", "people.xlsx", "--rejects", rejects];
        world.run(import.iter().chain(&flags)).ends_with(5);
        let check = ["check", rejects];
        let again = world.run(check.iter().chain(&flags)).ends_with(3);
        let counted = "digits_lost                 2";
        assert!(again.said().contains(counted), "{}", again.said());
    }
}

#[test]
fn a_workbook_of_rejects_has_the_bad_cells_marked_and_imports_when_mended() {
    let world = World::new();
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let names = ["id", "name", "whatsapp", "responsible_user_id", "uri"];
    sheet.write_row(0, 0, names).unwrap();
    sheet
        .write_row(
            1,
            0,
            ["001", "Ann", "12-34", "user-1", "https://example.com/1"],
        )
        .unwrap();
    sheet
        .write_row(2, 0, ["2", "Bob", "", "user-1", "https://example.com/2"])
        .unwrap();
    sheet.write(2, 2, 79_990_000_002.0).unwrap();
    workbook.save(world.path("people.xlsx")).unwrap();
    let flags = ["--max-rejects", "100%", "--rejects", "bad.xlsx"];
    world
        .run(["import", "people.xlsx"].iter().chain(&flags))
        .ends_with(3);

    let mut bad: calamine::Xlsx<_> = calamine::open_workbook(world.path("bad.xlsx")).unwrap();
    let cells = bad.worksheet_range("Sheet1").unwrap();
    let rows: Vec<_> = cells.rows().collect();
    let string = |text: &str| Data::String(text.into());
    assert_eq!(rows.len(), 2);
    assert_eq!(
        rows[0][..4],
        ["_row", "_column", "_code", "_reason"].map(string)
    );
    assert_eq!(rows[1][4], string("001"));
    assert_eq!(rows[1][2], string("phone_invalid"));
    let archive = std::fs::read(world.path("bad.xlsx")).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    let comments = std::io::read_to_string(archive.by_name("xl/comments1.xml").unwrap()).unwrap();
    assert!(
        comments.contains("ref=\"G2\"") && comments.contains("12-34"),
        "{comments}"
    );
    let sheet =
        std::io::read_to_string(archive.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
    for part in [
        "<pane ySplit=\"1\"",
        "<autoFilter ref=\"A1:I2\"",
        "<col min=\"4\" max=\"4\" width=\"60.7",
    ] {
        assert!(sheet.contains(part), "{part} is not in {sheet}");
    }

    // Somebody types the right number over the wrong one.
    let mut mended = Workbook::new();
    let sheet = mended.add_worksheet();
    for (at, row) in (0..).zip(&rows) {
        let cells = row.iter().map(ToString::to_string);
        let cells = cells.map(|cell| {
            if cell == "12-34" {
                "79990000001".into()
            } else {
                cell
            }
        });
        sheet.write_row(at, 0, cells.collect::<Vec<_>>()).unwrap();
    }
    mended.save(world.path("mended.xlsx")).unwrap();
    world.run(["import", "mended.xlsx"]).ends_with(0);
    assert_eq!(world.sandbox.contact("001").unwrap().name, "Ann");
}

#[test]
fn a_rejects_file_is_not_held_to_the_limit_of_rejects() {
    let world = World::new();
    let row = |id: &str, phone: &str| format!("{id},Ann,{phone},user-1,https://example.com/{id}\n");
    let head = "id,name,phone,responsible_user_id,uri\n";
    let rows = [
        row("1", "12"),
        row("2", "13"),
        row("3", "14"),
        row("4", "79990000004"),
    ];
    world.write("people.csv", format!("{head}{}", rows.concat()));
    world.run(["import", "people.csv"]).ends_with(5);
    let all = ["import", "people.csv", "--max-rejects", "3"];
    world.run(all).ends_with(3);
    // One of three rows is corrected, and the file is imported into another account.
    let rejects = world.read("people.rejected.csv");
    let corrected = rejects.replacen(",12,", ",79990000001,", 1);
    world.write("corrected.csv", corrected.replace(",13,", ",15,"));
    let other = World::new();
    std::fs::copy(world.path("corrected.csv"), other.path("corrected.csv")).unwrap();
    for world in [world, other] {
        let ran = world.run(["import", "corrected.csv"]).ends_with(3);
        assert!(ran.said().contains("(limit 100%)"), "{}", ran.shown());
        assert_eq!(world.sandbox.contact("1").unwrap().name, "Ann");
    }
}

#[test]
fn check_writes_the_rejects_without_an_account() {
    let world = World::new();
    world.write(
        "people.csv",
        "id,name,phone,responsible_user_id,uri\n\
         1,Ann,12,user-1,https://example.com/1\n\
         2,Bob,79990000002,user-1,https://example.com/2\n\
         3,Cid,79990000003,user-1,https://example.com/3\n\
         3,Dan,79990000003,user-1,https://example.com/3\n",
    );
    let check = ["check", "people.csv", "--rejects", "bad.csv"];
    let ran = world.call(check).without("WAZZUP_TOKEN").run().ends_with(3);
    assert!(ran.said().contains("rejects   bad.csv"), "{}", ran.shown());
    let import = [
        "import",
        "people.csv",
        "--mode",
        "create",
        "--max-rejects",
        "3",
    ];
    world.run(import).ends_with(3);
    assert_eq!(world.read("bad.csv"), world.read("people.rejected.csv"));
    // The tool's own file is replaced, one that was edited is not.
    world.run(check).ends_with(3);
    assert!(!world.path("bad-2.csv").exists());
    world.write("bad.csv", "edited");
    let object = world
        .run(check.iter().chain(&["--json"]))
        .ends_with(3)
        .json();
    assert_eq!(object["files"]["rejects"], "bad-2.csv");
    assert_eq!(world.read("bad.csv"), "edited");
    let sheet = ["check", "people.csv", "--rejects", "bad.xlsx"];
    world.run(sheet).ends_with(3);
    world.run(["import", "bad.xlsx"]).ends_with(5);
    let twice = world.call(["check", "-", "--rejects", "x.csv"]);
    let ran = twice.stdin("id,name\n1,Ann\n").run().ends_with(2);
    assert!(ran.stderr.contains("save it to a file"), "{}", ran.shown());
}

#[test]
fn check_lists_every_shared_phone_in_its_object() {
    let world = World::new();
    let row = |id: u32, phone: u32| {
        format!("{id},Ann,799900000{phone:02},user-1,https://example.com/{id}\n")
    };
    let head = "id,name,phone,responsible_user_id,uri\n";
    let rows = |from: u32| (0..15).map(|n| row(from + n, n)).collect::<String>();
    world.write("a.csv", format!("{head}{}", rows(100)));
    world.write("b.csv", format!("{head}{}", rows(200)));
    let object = world.run(["check", "a.csv", "b.csv", "--json"]).json();
    let shared = object["shared_phones"].as_array().unwrap();
    assert_eq!(shared.len(), 15);
    assert!(
        shared.contains(&serde_json::json!([[0, 4], [1, 4]])),
        "{shared:?}"
    );
}

#[test]
fn rejects_of_several_files_share_one_file_with_all_columns() {
    let world = World::new();
    let uri = "https://example.com/1";
    world.write(
        "a.csv",
        format!("id,name,whatsapp,responsible_user_id,uri\n1,Ann,no,user-1,{uri}\n"),
    );
    world.write(
        "b.csv",
        format!("name;viber;id;responsible_user_id;uri\nBob;no;2;user-1;{uri}\n"),
    );
    world
        .run(["import", "a.csv", "b.csv", "--max-rejects", "100%"])
        .ends_with(5);
    let rejects = world.read("a.rejected.csv");
    let lines: Vec<_> = rejects.lines().collect();
    assert_eq!(
        lines[0],
        "id,name,whatsapp,responsible_user_id,uri,viber,_file,_row,_column,_code,_reason"
    );
    assert!(
        lines[1].starts_with("1,Ann,no,user-1,https://example.com/1,,a.csv,2,whatsapp,"),
        "{rejects}"
    );
    assert!(
        lines[2].starts_with("2,Bob,,user-1,https://example.com/1,no,b.csv,2,viber,"),
        "{rejects}"
    );
}

#[test]
fn rejects_of_files_with_different_column_names_can_be_imported() {
    let world = World::new();
    let link = "https://example.com";
    world.write(
        "one.csv",
        format!("id,name,responsible_user_id,uri,whatsapp\n1,Ann,u1,{link}/1,bad\n"),
    );
    world.write(
        "two.csv",
        format!(
            "Идентификатор,ФИО,Ответственный,Ссылка на контакт,Телефон\n2,Боб,107,{link}/2,bad\n"
        ),
    );
    world.run(["import", "one.csv", "two.csv"]).ends_with(5);
    let rejects = world.read("one.rejected.csv");
    assert!(
        rejects.starts_with("id,name,responsible_user_id,uri,whatsapp,ФИО,Телефон,_file,"),
        "{rejects}"
    );
    let fixed = rejects.replace(",bad,", ",79990000001,");
    world.write("fixed.csv", fixed);
    world.run(["import", "fixed.csv"]).ends_with(0);
    let bob = world.sandbox.contact("2").unwrap();
    let said = [&*bob.name, &*bob.responsible_user_id, &*bob.uri];
    assert_eq!(said, ["Боб", "107", &*format!("{link}/2")]);
}

#[test]
fn rejects_of_files_in_several_encodings_lose_no_character() {
    let world = World::new();
    let header = "id,name,whatsapp,responsible_user_id,uri";
    let russian = format!("{header}\n1,Анна Белова,no,user-1,https://example.com/1\n");
    world.write("a.csv", encoded(&russian, "windows-1251"));
    let rest = "no,user-1,https://example.com/2";
    world.write("b.csv", format!("{header}\n2,Noël 株式会社,{rest}\n"));
    world
        .run(["import", "a.csv", "b.csv", "--max-rejects", "100%"])
        .ends_with(5);
    let rejects = world.read("a.rejected.csv");
    assert!(rejects.starts_with("\u{feff}id,"), "{rejects}");
    assert!(rejects.contains("\n1,Анна Белова,no,"), "{rejects}");
    assert!(rejects.contains("\n2,Noël 株式会社,no,"), "{rejects}");
}

#[test]
fn a_byte_that_a_code_page_lacks_does_not_come_back_as_a_question_mark() {
    let world = World::new();
    let sheet = "id,name,whatsapp,responsible_user_id,uri\n1,Άννα?,79990000001,user-1,https://example.com/1\n";
    let mut bytes = encoded(sheet, "windows-1253");
    let at = bytes.iter().position(|&byte| byte == b'?').unwrap();
    bytes[at] = 0xaa;
    world.write("a.csv", bytes);
    let import = "import a.csv --max-rejects 100% --encoding windows-1253";
    world.run(import.split(' ')).ends_with(5);
    let rejects = std::fs::read(world.path("a.rejected.csv")).unwrap();
    let holds = |part: &[u8]| rejects.windows(part.len()).any(|window| window == part);
    assert!(holds("1,Άννα".as_bytes()) && !holds(b"?,7999"));
}

#[test]
fn a_cell_that_no_workbook_holds_is_not_cut() {
    let world = World::new();
    let note = "x".repeat(40_000);
    world.write("a.csv", format!("id,name,whatsapp,note\n1,Ann,no,{note}\n"));
    let import = |rejects: &str| {
        let flags = ["--max-rejects", "100%", "--rejects", rejects];
        world.run(["import", "a.csv"].iter().chain(&flags))
    };
    let ran = import("bad.xlsx").ends_with(1);
    assert!(ran.stderr.contains("--rejects FILE.csv"), "{}", ran.shown());
    assert!(!world.path("bad.xlsx").exists());
    import("bad.csv").ends_with(5);
    assert!(world.read("bad.csv").contains(&note));
}

#[test]
fn a_rejects_file_that_is_being_mended_stays_when_the_plan_is_sent() {
    let world = World::new();
    let good = "1,Ann,79990000001,user-1,https://example.com/1";
    let bad = "2,Bob,no,user-1,https://example.com/2";
    let header = "id,name,whatsapp,responsible_user_id,uri";
    world.write("d.csv", format!("{header}\n{good}\n{bad}\n"));
    world.run("plan d.csv -o d.run".split(' ')).ends_with(3);
    let mended = world
        .read("d.rejected.csv")
        .replace(",no,", ",79990000002,");
    world.write("d.rejected.csv", &mended);
    world.write("d.rejected-2.csv", "somebody else's");
    let ran = world.run("apply d.run".split(' ')).ends_with(3);
    assert!(ran.said().contains("d.rejected-3.csv"), "{}", ran.shown());
    assert_eq!(world.read("d.rejected.csv"), mended);
    assert_eq!(world.read("d.rejected-2.csv"), "somebody else's");
    assert!(world.read("d.rejected-3.csv").contains("2,Bob,no,"));
    let again = world.run("apply d.run --json".split(' ')).ends_with(3);
    assert_eq!(again.json()["files"]["rejects"], "d.rejected-3.csv");
    world.run("import d.rejected.csv".split(' ')).ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 2);
}

#[test]
fn a_rejects_file_that_nobody_touched_is_replaced_by_a_later_one_of_the_run() {
    let world = World::new();
    let rows = "1,Ann,no,u,https://example.com/1\n2,Bob,79990000002,u,https://example.com/2\n";
    world.write(
        "d.csv",
        format!("id,name,whatsapp,responsible_user_id,uri\n{rows}"),
    );
    world.run("plan d.csv -o d.run".split(' ')).ends_with(3);
    let before = world.read("d.rejected.csv");
    world.run("apply d.run".split(' ')).ends_with(3);
    assert_eq!(world.read("d.rejected.csv"), before);
    assert!(!world.path("d.rejected-2.csv").exists());
}

/// Two rows, of which the second has this number.
fn with_number(number: &str) -> String {
    let header = "id,name,whatsapp,responsible_user_id,uri";
    let ann = "1,Ann,79990000001,u,https://example.com/1";
    format!("{header}\n{ann}\n2,Bob,{number},u,https://example.com/2\n")
}

/// The path of the rejects in the summary, within the world's directory.
fn rejects_of(world: &World, command: &str, number: &str) -> String {
    world.write("d.csv", with_number(number));
    let ran = world.run(command.split(' ')).ends_with(3);
    let name = ran.json()["files"]["rejects"].as_str().unwrap().to_owned();
    assert!(
        world.read(&name).contains(&format!("2,Bob,{number},")),
        "{name}"
    );
    name
}

#[test]
fn rejects_of_last_night_are_replaced_unless_somebody_mends_them() {
    let world = World::new();
    for command in ["import d.csv --json", "import d.csv --json --dry-run"] {
        for number in ["monday", "tuesday"] {
            assert_eq!(rejects_of(&world, command, number), "d.rejected.csv");
        }
    }
    let mended = world.read("d.rejected.csv") + "3,Cid,no,u,https://example.com/3\n";
    world.write("d.rejected.csv", &mended);
    // The nights after that go on beside it, and replace each other there.
    for (number, command) in [
        ("wednesday", "import d.csv --json"),
        ("thursday", "plan d.csv --json"),
        ("friday", "import d.csv --json"),
    ] {
        assert_eq!(rejects_of(&world, command, number), "d.rejected-2.csv");
        assert_eq!(world.read("d.rejected.csv"), mended);
    }
    assert!(!world.path("d.rejected-3.csv").exists());
    // Mended and taken away: there is room again.
    std::fs::remove_file(world.path("d.rejected.csv")).unwrap();
    let place = rejects_of(&world, "import d.csv --json", "saturday");
    assert_eq!(place, "d.rejected.csv");
}

#[test]
fn a_file_that_is_no_rejects_file_is_never_replaced_by_one() {
    let world = World::new();
    world.write("notes.txt", "what I know about Bob");
    world.write("empty.txt", "");
    let command = |place: &str| format!("import d.csv --json --rejects {place}");
    assert_eq!(
        rejects_of(&world, &command("notes.txt"), "x"),
        "notes-2.txt"
    );
    assert_eq!(world.read("notes.txt"), "what I know about Bob");
    assert_eq!(rejects_of(&world, &command("empty.txt"), "x"), "empty.txt");
    world.write("d.csv", with_number("x"));
    let ran = world.run(command("notes.txt").split(' ')).ends_with(3);
    let words = "notes.txt was edited or was not written by this tool, so it was left alone; the rejects are in notes-2.txt";
    assert!(ran.said().contains(words), "{}", ran.shown());
}

#[test]
fn rejects_that_are_imported_as_they_are_are_not_written_over() {
    let world = World::new();
    rejects_of(&world, "import d.csv --json", "x");
    world.write("d.rejected.csv", "mine");
    assert_eq!(
        rejects_of(&world, "import d.csv --json", "y"),
        "d.rejected-2.csv"
    );
    let source = world.read("d.rejected-2.csv");
    let import = "import d.rejected-2.csv --json --rejects d.rejected.csv --max-rejects 100%";
    let ran = world.run(import.split(' ')).ends_with(5);
    assert_eq!(ran.json()["files"]["rejects"], "d.rejected-3.csv");
    assert_eq!(world.read("d.rejected-2.csv"), source);
}

#[test]
fn a_cell_of_a_backup_that_lost_its_digits_is_rejected_and_stays_so() {
    let world = World::new();
    let fields = "id,responsible_user_id,name,uri";
    let wide = "chat_type_1,chat_id_1,username_1,phone_1";
    for (header, row) in [
        (wide, "7.9991E+10,u,Ann,https://x.y/1,instagram,ann,,"),
        (wide, "1,u,Ann,https://x.y/1,whatsapp,7.9991E+10,,"),
        (wide, "1,u,Ann,https://x.y/1,telegram,,ann,7.9991E+10"),
        (
            "whatsapp_chats,viber_chats",
            "1,u,Ann,https://x.y/1,7.9991E+10,",
        ),
    ] {
        world.write("backup.csv", format!("{fields},{header}\n{row}\n"));
        for (file, flags) in [
            ("backup.csv", "--rejects r.csv --excel"),
            ("r.csv", "--rejects again.csv"),
        ] {
            let check = format!("check {file} {flags}");
            let ran = world.run(check.split(' ')).ends_with(3);
            ran.tells("digits_lost                 1");
        }
    }
}

/// They may not be corrected yet.
#[test]
fn rejects_of_another_source_or_profile_are_not_replaced() {
    let world = World::new();
    let row = |id: u32| format!("id,name,whatsapp\n{id},Ann,12-34\n");
    for (directory, id) in [("a", 1), ("b", 2)] {
        std::fs::create_dir(world.path(directory)).unwrap();
        world.write(&format!("{directory}/contacts-7.csv"), row(id));
        world.write(&format!("{directory}/contacts-8.csv"), row(id + 10));
    }
    let import = |source: &str, profile: &str| {
        let flags = ["--rejects", "bad.csv", "--profile", profile, "--json"];
        let ran = world.run(["import", source].iter().chain(&flags));
        ran.ends_with(5).json()["files"]["rejects"].clone()
    };
    world.write("wazzup.toml", "[profiles.main]\n[profiles.depot]\n");
    for (source, profile, rejects) in [
        ("a/contacts-7.csv", "main", "bad.csv"),
        ("b/contacts-7.csv", "main", "bad-2.csv"),
        ("a/contacts-8.csv", "main", "bad.csv"),
        ("a/contacts-8.csv", "depot", "bad-3.csv"),
        ("b/contacts-8.csv", "main", "bad-2.csv"),
    ] {
        assert_eq!(import(source, profile), rejects, "{source} {profile}");
    }
    let ids = ["bad.csv", "bad-2.csv", "bad-3.csv"].map(|name| {
        let text = world.read(name);
        let row = text.lines().nth(1).unwrap();
        row.split(',').next().unwrap().to_owned()
    });
    assert_eq!(ids, ["11", "12", "11"]);
}
