//! Malicious files, read by the binary: an error that names the file, exit code 1, and no more memory than
//! allowed.
#![cfg(target_os = "linux")]

use std::{
    io::{Cursor, Write as _},
    process::Command,
};

use rust_xlsxwriter::Workbook;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{golden::books::archive, harness::World};

/// The memory limit of the process in KiB. A larger allocation kills it, which the test notices.
const MEMORY_KIB: u32 = 1_500_000;

/// `check` under that limit: its exit code and output.
fn check(world: &World, name: &str) -> (Option<i32>, String) {
    let limited = format!("ulimit -v {MEMORY_KIB} && exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args([
            "-c",
            &limited,
            env!("CARGO_BIN_EXE_wazzup-contacts"),
            "check",
            name,
        ])
        .current_dir(world.dir())
        .env("HOME", world.dir())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("panicked"), "{name}: {said}");
    (output.status.code(), said)
}

#[track_caller]
fn is_refused(world: &World, name: &str, bytes: &[u8], reason: &str) {
    world.write(name, bytes);
    let (code, said) = check(world, name);
    assert!(matches!(code, Some(1 | 5)), "{name}: {said}");
    assert!(
        said.contains(&format!("`{name}`")) && said.contains(reason),
        "{name}: {said}"
    );
}

const TYPES: &str = r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#;
const RELS: &str = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#;
const BOOK: &str = r#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#;

fn book(texts: &str, sheet: &str) -> Vec<u8> {
    archive(&[
        ("[Content_Types].xml", TYPES),
        ("xl/_rels/workbook.xml.rels", RELS),
        ("xl/workbook.xml", BOOK),
        ("xl/sharedStrings.xml", texts),
        ("xl/worksheets/sheet1.xml", sheet),
    ])
}

#[test]
fn two_cells_at_the_far_ends_of_a_sheet_cost_nothing() {
    let world = World::new();
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let names = ["id", "name", "whatsapp", "responsible_user_id", "uri"];
    sheet.write_row(0, 0, names).unwrap();
    sheet.write(1_048_575, 16_383, "far away").unwrap();
    workbook.save(world.path("far.xlsx")).unwrap();
    let (code, said) = check(&world, "far.xlsx");
    // The row that people see at the end has no contact in it.
    assert!(matches!(code, Some(0 | 1 | 3)), "{code:?} {said}");
}

#[test]
fn a_part_that_unpacks_to_hundreds_of_megabytes_is_refused() {
    let world = World::new();
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, part) in [
        ("[Content_Types].xml", TYPES),
        ("xl/_rels/workbook.xml.rels", RELS),
        ("xl/workbook.xml", BOOK),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(part.as_bytes()).unwrap();
    }
    let fast = SimpleFileOptions::default().compression_level(Some(1));
    zip.start_file("xl/sharedStrings.xml", fast).unwrap();
    let spaces = vec![b' '; 1 << 20];
    for _ in 0..300 {
        zip.write_all(&spaces).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    assert!(bytes.len() < 4 << 20);
    is_refused(&world, "bomb.xlsx", &bytes, "MiB");
}

#[test]
fn a_promise_of_many_texts_is_refused() {
    let texts = r#"<sst uniqueCount="18446744073709551615"><si><t>x</t></si></sst>"#;
    is_refused(
        &World::new(),
        "texts.xlsx",
        &book(texts, "<worksheet/>"),
        "",
    );
}

#[test]
fn entities_that_multiply_are_not_expanded() {
    let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>"#;
    let sheet = format!(
        r#"{bomb}<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&d;</t></is></c></row></sheetData></worksheet>"#
    );
    let world = World::new();
    world.write("entities.xlsx", book("<sst/>", &sheet));
    let (code, said) = check(&world, "entities.xlsx");
    assert!(
        matches!(code, Some(1 | 2)) && said.len() < 10_000,
        "{code:?} {said}"
    );
}

#[test]
fn a_workbook_that_was_cut_off_is_refused() {
    let world = World::new();
    let mut workbook = Workbook::new();
    workbook
        .add_worksheet()
        .write_row(0, 0, ["id", "name", "whatsapp"])
        .unwrap();
    let whole = workbook.save_to_buffer().unwrap();
    for length in [4, whole.len() / 2, whole.len() - 10] {
        is_refused(&world, "cut.xlsx", &whole[..length], "");
    }
}

#[test]
fn packed_text_that_was_cut_off_is_refused() {
    let text = "id,name\n1,Ann\n".repeat(1000);
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    is_refused(&World::new(), "cut.csv.zst", &zstd[..zstd.len() - 8], "");
}

#[test]
fn a_cell_that_never_ends_is_refused() {
    let text = format!("id,name,whatsapp\n1,\"{}", "Ann\n".repeat(9_000_000));
    is_refused(&World::new(), "endless.csv", text.as_bytes(), "row 2");
}
