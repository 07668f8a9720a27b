//! Truncated sources are refused before anything is sent, and the message explains how to import a complete one.

use std::io::Write as _;

use crate::harness::World;

const HEADER: &str = "id,name,responsible_user_id,uri,whatsapp\n";

fn row(number: u32) -> String {
    format!("{number},Ann,107,https://crm.example.com/{number},7999000000{number}\n")
}

#[test]
fn a_source_without_its_end_is_refused_in_every_format() {
    let world = World::new();
    let text = format!("{HEADER}{}{}", row(1), row(2));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let mut workbook = rust_xlsxwriter::Workbook::new();
    workbook
        .add_worksheet()
        .write_row(0, 0, ["id", "name"])
        .unwrap();
    let workbook = workbook.save_to_buffer().unwrap();
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    for (name, bytes, seen) in [
        (
            "short.csv",
            format!("{HEADER}{}2,Bo", row(1)).into(),
            "row 3: seems to be cut off: the last row has fewer cells",
        ),
        (
            "quote.csv",
            format!("{HEADER}{}2,\"Bo\n", row(1)).into(),
            "is never closed",
        ),
        (
            "lines.jsonl",
            b"{\"id\":1}\n{\"id\":2,\"na".to_vec(),
            "row 2: seems to be cut off: the last line",
        ),
        (
            "packed.csv.gz",
            half(&gzip),
            "seems to be cut off: the compressed data is incomplete",
        ),
        (
            "packed.csv.zst",
            half(&zstd),
            "seems to be cut off: the compressed data is incomplete",
        ),
        (
            "book.xlsx",
            half(&workbook),
            "seems to be cut off: the directory at the end",
        ),
    ] {
        world.write(name, bytes);
        for command in ["check", "plan", "import"] {
            world.run([command, name]).ends_with(5).tells(seen);
        }
    }
    assert_eq!(world.sandbox.count("POST"), 0);
    world.write("short.csv", format!("{HEADER}{}2,Bo\n", row(1)));
    let ran = world.run(["check", "short.csv", "--json"]).ends_with(3);
    assert_eq!(ran.json()["rows"]["rejected"], 1);
    world.write("whole.csv", text.trim_end());
    world.run(["import", "whole.csv"]).ends_with(0);
}

#[test]
fn a_broken_line_of_json_is_a_reject_and_the_others_are_sent() {
    let world = World::new();
    let line = |id: u32| {
        format!(
            "{{\"id\":{id},\"name\":\"Ann\",\"responsible_user_id\":\"107\",\"uri\":\"https://crm.example.com/{id}\",\"whatsapp\":\"7999000000{id}\"}}\n"
        )
    };
    let broken = line(2).replace("\"Ann\"", "NaN");
    let object = line(3).replace("\"Ann\"", "{\"first\":\"Ann\"}");
    world.write(
        "contacts.jsonl",
        [line(1), broken.clone(), object, line(4)].concat(),
    );
    world
        .run(["import", "contacts.jsonl", "--rejects", "rejects.csv"])
        .ends_with(3);
    assert_eq!(world.sandbox.contact_count(), 2);
    let rejects = world.read("rejects.csv");
    assert_eq!(rejects.matches("json_invalid").count(), 2, "{rejects}");
    assert!(rejects.contains("is not valid JSON"), "{rejects}");
    let kept = broken.trim().replace('"', "\"\"");
    assert!(rejects.contains(&kept), "{rejects}");
}

/// The rows after it would be read with the columns of the first header.
#[test]
fn another_header_in_the_middle_is_refused() {
    let world = World::new();
    let more = |header: &str| format!("{HEADER}{}{header}\n{}", row(1), row(2));
    for header in [
        "id,responsible_user_id,name,uri,whatsapp",
        "\u{feff}id,name,uri,whatsapp,responsible_user_id",
        "whatsapp,id,name,responsible_user_id,uri",
        "name,id",
        "ID,responsible_user_id,Name,URI,WhatsApp",
        " Id ,Name,URI,WhatsApp",
    ] {
        world.write("joined.csv", more(header));
        for command in ["import", "check"] {
            let ran = world.run([command, "joined.csv"]).ends_with(5);
            assert!(
                ran.stderr.contains("`joined.csv`, row 3"),
                "{}",
                ran.shown()
            );
        }
    }
    assert_eq!(world.sandbox.contact_count(), 0);
    for header in [HEADER.trim_end(), &HEADER.trim_end().to_uppercase()] {
        world.write("joined.csv", more(header));
        world.run(["import", "joined.csv"]).ends_with(0);
        assert_eq!(world.sandbox.contact_count(), 2);
    }
    let two_rows = "id,Name,Phone,\n,,Mobile,Work\n";
    let rows = |id, phone| format!("{two_rows}{id},Ann,{phone},\n");
    let pages = rows(1, "79161112235") + &rows(2, "79161112236");
    world.write("pages.csv", pages);
    world.run(["import", "pages.csv"]).ends_with(0);
    // A person may have the name of a column.
    let named = row(3).replace("Ann", "name").replace("107", "uri");
    world.write("named.csv", format!("{HEADER}{named}"));
    world.run(["import", "named.csv"]).ends_with(0);
    world.write(
        "grades.csv",
        "id,name,1,2,3,4,5\n1,Ann,5,4,3,,5\n2,2,5,4,3,,5\n",
    );
    world.run(["import", "grades.csv"]).ends_with(0);
}
