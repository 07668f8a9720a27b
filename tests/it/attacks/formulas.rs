//! Cells that a spreadsheet program would calculate, in the rejects that people open.

use std::{fs, io::Read as _};

use zip::ZipArchive;

use crate::{harness::World, odd_server::OddServer};

/// Malicious names and handles, and those that a workbook could change.
const CELLS: [&str; 20] = [
    "=1+1",
    "=cmd|'/C calc'!A0",
    "=HYPERLINK(\"https://example.com/?\"&A1,\"x\")",
    "+1-1",
    "-1+1",
    "@SUM(1)",
    "'=1+1",
    "''=1",
    "{=1+1}",
    "=\"007\"",
    "00012345678901234567890",
    "1e5",
    "TRUE",
    "#N/A",
    "https://example.com/x",
    "\\\\server\\share",
    "_x0041_",
    "a\nb",
    "<b>&amp;</b>",
    "mailto:x@example.com",
];

/// A file whose rows are all rejected for an invalid link.
fn source() -> String {
    let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
    let rows = CELLS.iter().enumerate().map(|(at, cell)| {
        let cell = quoted(cell);
        format!("{at},{cell},{cell},no link\n")
    });
    let header = "id,name,Comment =1+1,uri\n".to_owned();
    rows.fold(header, |text, row| text + &row)
}

/// Writes the rejects of a file; nothing is sent, because it has no valid contact.
fn reject(world: &World, file: &str, rejects: &str) {
    let ran = world
        .run(["import", file, "--rejects", rejects])
        .ends_with(5);
    assert!(world.path(rejects).exists(), "{}", ran.shown());
}

fn cells(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let records = reader.records().map(Result::unwrap);
    // The columns behind those of the source are the reasons.
    let own = |record: csv::StringRecord| record.iter().take(4).map(str::to_owned).collect();
    records.map(own).collect()
}

#[test]
fn rejects_in_a_workbook_hold_texts_and_no_formula() {
    let world = World::new();
    world.write("c.csv", source());
    reject(&world, "c.csv", "r.xlsx");
    let mut book = ZipArchive::new(fs::File::open(world.path("r.xlsx")).unwrap()).unwrap();
    for part in 0..book.len() {
        let mut part = book.by_index(part).unwrap();
        let (name, mut text) = (part.name().unwrap().into_owned(), String::new());
        part.read_to_string(&mut text).unwrap();
        let part = text;
        for harm in [
            "<f>",
            "<f ",
            "<hyperlink",
            "externalLink",
            "ddeLink",
            "connections",
        ] {
            assert!(!part.contains(harm), "{name} has {harm}");
        }
        if name.contains("worksheets/sheet") {
            let cells: Vec<&str> = part.split("<c ").skip(1).collect();
            assert!(cells.len() > CELLS.len());
            for cell in cells {
                let tag = cell.split('>').next().unwrap();
                let is_text = tag.contains("t=\"inlineStr\"");
                assert!(is_text || tag.ends_with('/'), "{tag}");
            }
        }
    }
}

#[test]
fn rejects_come_back_from_a_workbook_and_from_text_as_they_stood() {
    let world = World::new();
    let text = source();
    world.write("c.csv", &text);
    let through_a_workbook = ["c.csv", "r.xlsx", "s.csv"];
    let through_both = ["c.csv", "r.csv", "t.xlsx", "t.csv"];
    for way in [&through_a_workbook[..], &through_both] {
        for step in way.windows(2) {
            reject(&world, step[0], step[1]);
        }
        let last = world.read(way[way.len() - 1]);
        assert_eq!(cells(&last), cells(&text), "{way:?}");
    }
    let kept = world.read("r.csv");
    assert_eq!(cells(&kept), cells(&text));
    assert!(kept.contains("\n0,=1+1,=1+1,no link,"), "{kept}");
}

/// The first cells of the rows are formulas, and import reads the written file like the source.
#[test]
fn rejects_for_excel_hold_no_formula_and_are_read_as_the_source() {
    let world = World::new();
    let header = "id,responsible_user_id,name,=1+1,uri\n".to_owned();
    let rows = CELLS.iter().enumerate().map(|(at, cell)| {
        let name = cell.replace('"', "\"\"");
        format!("{at},,\"{name}\",\"120363025246125486\",https://x.example/1\n")
    });
    let text = rows.fold(header, |text, row| text + &row);
    world.write("c.csv", text);
    let map = ["--map", "instagram==1+1"];
    for (command, file) in [("import", "a.csv"), ("check", "b.csv")] {
        let rejects = [command, "c.csv", "--rejects", file, "--excel"];
        let ran = world.run(rejects.into_iter().chain(map));
        assert!(world.path(file).exists(), "{}", ran.shown());
        let text = world.read(file);
        let rest = text.strip_prefix('\u{feff}').expect("a BOM");
        let mut reader = csv::ReaderBuilder::new();
        let reader = reader.delimiter(b';').has_headers(false).flexible(true);
        let mut reader = reader.from_reader(rest.as_bytes());
        let mut records = 0;
        for record in reader.records().map(Result::unwrap) {
            records += 1;
            for cell in &record {
                let is_text = cell
                    .strip_prefix("=\"")
                    .is_some_and(|text| !text[..text.len() - 1].contains('"'));
                assert!(
                    is_text || !cell.starts_with(['=', '+', '-', '@']),
                    "{cell}: {text}"
                );
            }
        }
        assert!(records > CELLS.len(), "{text}");
        assert!(rest.contains("\"=\"\"120363025246125486\"\"\""), "{text}");
    }
    // Only the owner is missing: with one, they are the contacts of the source.
    let check = |file: &str| {
        let set = ["--set", "responsible_user_id=107", "--show", "50"];
        let ran = world.run(["check", file].into_iter().chain(set).chain(map));
        let shown = ran.shown();
        let lines = shown.lines().map(str::to_owned);
        let contacts: Vec<_> = lines.filter(|line| line.starts_with("  {\"id\"")).collect();
        assert!(contacts.len() > 15, "{shown}");
        contacts
    };
    assert_eq!(check("a.csv"), check("c.csv"));
}

/// The reason is a message of the server, and the column name comes from the source.
#[test]
fn what_the_tool_adds_to_rejects_is_never_a_formula() {
    let world = World::new();
    let server = OddServer::start(Vec::new(), |request, _| {
        let refusal = r#"{"message":"=cmd|'/C calc'!A0"}"#;
        (request.method == "POST").then(|| (400, "application/json", refusal.to_owned()))
    });
    let header = "id,name,=1+1,uri,responsible_user_id\n";
    world.write(
        "=a.csv",
        format!("{header}1,Ann,+34600123456,https://x.y/1,u\n"),
    );
    world.write("=b.csv", format!("{header}2,Bob,bad,https://x.y/1,u\n"));
    let import = "import =a.csv =b.csv --rejects r.csv --map whatsapp==1+1 --max-rejects 100%";
    server.call(&world, import).run().ends_with(3);
    let text = world.read("r.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 2, "{text}");
    for record in records {
        for cell in record.iter().skip(5) {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}: {text}");
        }
    }
    assert!(text.contains("'=cmd") && text.contains("'=b.csv"), "{text}");
}
