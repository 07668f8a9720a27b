//! Breaks golden files at random and reads them through the library: no input may cause a panic.
//!
//! `FUZZ_SECONDS=300 cargo test --lib -- --ignored fuzz` runs for this time; by default, for a second. The
//! seed of a failure is printed, and `FUZZ_SEED` reproduces it.

use std::{
    env, fs,
    io::{Cursor, Read as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use rust_xlsxwriter::Workbook;
use zip::write::SimpleFileOptions;

use crate::{
    employees::OwnerRule,
    mapping::{self, MappingOptions},
    normalize::{Edits, FileRules, NumberRules, Required, read_row},
    progress::silent,
    source::{Limits, ReadOptions, SheetChoice, SourceError, open},
};

#[path = "../../tests/it/golden/xlsb.rs"]
mod binary;
use binary::Cell;

/// xorshift64*: the same seed gives the same files.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let rolled = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(rolled).unwrap() % sides.max(1)
    }
}

/// Byte sequences that are significant to a reader.
const PIECES: [&[u8]; 24] = [
    b"\"",
    b"\"\"",
    b";",
    b",",
    b"\t",
    b"\r",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"sep=;\n",
    b"<table>",
    b"</td>",
    b"&#x110000;",
    b"&amp;",
    b"1E+400",
    b"=\"",
    b"\xd0",
    b"99999999999999999999",
    b"#N/A",
    b"://",
    b"@",
    b"::: +",
];

fn broken(good: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=dice.roll(6) {
        let at = dice.roll(bytes.len());
        let to = (at + dice.roll(40)).min(bytes.len());
        match dice.roll(6) {
            0 => drop(bytes.drain(at..to)),
            1 => bytes.truncate(at),
            2 => drop(bytes.splice(at..at, PIECES[dice.roll(PIECES.len())].iter().copied())),
            3 => drop(bytes.splice(at..to, PIECES[dice.roll(PIECES.len())].iter().copied())),
            4 => bytes.extend_from_within(at..to),
            _ if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
            _ => {}
        }
    }
    bytes
}

/// A workbook with a broken part, packed again with correct checksums. Other files are unchanged.
fn broken_inside(good: &[u8], dice: &mut Dice) -> Vec<u8> {
    let Ok(mut zip) = zip::ZipArchive::new(Cursor::new(good)) else {
        return good.to_vec();
    };
    let chosen = dice.roll(zip.len());
    let mut packed = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for at in 0..zip.len() {
        let mut part = zip.by_index(at).unwrap();
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).unwrap();
        packed
            .start_file(part.name().unwrap(), SimpleFileOptions::default())
            .unwrap();
        if at == chosen {
            bytes = broken(&bytes, dice);
        }
        packed.write_all(&bytes).unwrap();
    }
    packed.finish().unwrap().into_inner()
}

/// A panic in a reader is caught, and the file is reported as damaged. This is intended for calamine and workbooks:
/// in one of our own readers it is a bug.
fn must_not_give_up(path: &Path, error: &SourceError) {
    let bytes = fs::read(path).unwrap();
    let is_ours = !bytes.starts_with(b"PK") && !bytes.starts_with(b"\xd0\xcf");
    let gave_up = error
        .to_string()
        .contains("the reader for its format gave up");
    assert!(!(is_ours && gave_up), "{error}");
}

/// The complete path of a row, up to the contact.
fn read(path: &Path, dice: &mut Dice) {
    let mut options = ReadOptions::new(&silent(), &mapping::recognize);
    options.limits = Limits {
        block_bytes: [64, 512, 1 << 20][dice.roll(3)],
        held_bytes: 8 << 20,
        workbook_bytes: 16 << 20,
        inflated_bytes: 16 << 20,
        ..Limits::default()
    };
    if dice.roll(4) == 0 {
        options.sheet = SheetChoice::All;
    }
    let tables = match open(path, &options) {
        Ok(tables) => tables,
        Err(error) => return must_not_give_up(path, &error),
    };
    for mut table in tables {
        let set = [("id", "{phone}"), ("uri", "https://x.example/{id}")];
        let set = set.map(|(field, template)| (field.parse().unwrap(), template.parse().unwrap()));
        let set = MappingOptions {
            set: set.to_vec(),
            ..MappingOptions::default()
        };
        let plain = MappingOptions::default();
        let mapping = mapping::resolve(&table.columns, &set);
        let Ok(mapping) = mapping.or_else(|_| mapping::resolve(&table.columns, &plain)) else {
            continue;
        };
        let numbers = NumberRules {
            national: ["RU", "ES", "BR"][dice.roll(3)].parse().unwrap(),
            ..NumberRules::default()
        };
        let rules = FileRules::new(mapping, numbers, Required::All, OwnerRule::default());
        let (delimiter, widths) = (table.delimiter, table.widths());
        let mut notes = Edits::default();
        loop {
            let block = match table.next_block() {
                Ok(Some(block)) => block,
                Ok(None) => break,
                Err(error) => {
                    must_not_give_up(path, &error);
                    break;
                }
            };
            block.rows(delimiter, widths, |row| {
                match read_row(&rules, row, Vec::new(), &mut notes) {
                    Some(Ok(contact)) => assert!(!contact.contact_data.is_empty()),
                    Some(Err(rejection)) => assert!(!rejection.problems.is_empty()),
                    None => panic!("all rows are selected"),
                }
            });
        }
        let _ = (notes.lines(), notes.hints());
    }
}

fn good_files() -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut files = Vec::new();
    let folders = ["golden", "cases"].map(|name| fs::read_dir(tests.join(name)).unwrap());
    for entry in folders.into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| {
            ["csv", "html", "jsonl", "tsv", "xls", "xlsx"]
                .map(Some)
                .contains(&ending.to_str())
        }) {
            files.push(fs::read(path).unwrap());
        }
    }
    // The order of a directory listing is arbitrary.
    files.sort();
    let text = "id,name,whatsapp\n1,Ann,79990000001\n";
    files.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    let (cyrillic, ..) = encoding_rs::WINDOWS_1251.encode("ФИО;Телефон\nАнна;+79990000001\n");
    files.push(cyrillic.into_owned());
    files.push(zstd::encode_all(&files[0][..], 1).unwrap());
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    files.push(packed.finish().unwrap());
    files.push(xlsb());
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    files.push(fs::read(samples.join("contacts.xlsx")).unwrap());
    let mut workbook = Workbook::new();
    workbook
        .add_worksheet()
        .write_row(0, 0, ["id", "name", "whatsapp"])
        .unwrap();
    files.push(workbook.save_to_buffer().unwrap());
    files.push(ods());
    files
}

fn xlsb() -> Vec<u8> {
    let text = |column: u32, text| (column, Cell::Text(text));
    binary::workbook(&[
        vec![text(0, "id"), text(1, "name"), text(2, "whatsapp")],
        vec![
            (0, Cell::Number(1.0)),
            text(1, "Ann"),
            (2, Cell::Date(79_990_000_001.0)),
        ],
        vec![(0, Cell::Missing), (1, Cell::MissingByFormula)],
    ])
}

fn ods() -> Vec<u8> {
    let cell = |text: &str| {
        format!(
            r#"<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>"#
        )
    };
    let row = |cells: [&str; 3]| {
        let cells = cells.map(cell).concat();
        format!(r#"<table:table-row table:number-rows-repeated="1">{cells}</table:table-row>"#)
    };
    let rows = [
        row(["id", "name", "whatsapp"]),
        row(["1", "Ann", "79990000001"]),
    ]
    .concat();
    let content = format!(
        r#"<office:document-content><office:body><office:spreadsheet><table:table table:name="A">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"#
    );
    let mut packed = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let kind = "application/vnd.oasis.opendocument.spreadsheet";
    for (name, text) in [("mimetype", kind), ("content.xml", &content)] {
        packed
            .start_file(name, SimpleFileOptions::default())
            .unwrap();
        packed.write_all(text.as_bytes()).unwrap();
    }
    packed.finish().unwrap().into_inner()
}

/// The same files in every run, so that only a change of the code can cause a failure.
#[test]
fn files_broken_at_random_cause_no_panic() {
    let files = good_files();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for seed in 1..=(files.len() as u64 * 4) {
        run(seed, &files, &path);
    }
}

/// Breaks one of the files and reads it.
fn run(seed: u64, files: &[Vec<u8>], path: &Path) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let good = &files[dice.roll(files.len())];
    let file = match dice.roll(4) {
        0 => broken_inside(good, &mut dice),
        _ => broken(good, &mut dice),
    };
    fs::write(path, file).unwrap();
    let begun = Instant::now();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(path, &mut dice)));
    assert!(outcome.is_ok(), "FUZZ_SEED={seed} panics");
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "FUZZ_SEED={seed} takes very long"
    );
}

#[test]
#[ignore = "minutes of work; what it found has tests of its own"]
fn fuzz() {
    let number = |name: &str| {
        env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(1));
    let seeds = number("FUZZ_SEED").map_or(1..u64::MAX, |seed| seed..seed + 1);
    let files = good_files();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let mut runs = 0;
    for seed in seeds.take_while(|_| Instant::now() < end) {
        run(seed, &files, &path);
        runs += 1;
    }
    assert!(runs > 0);
    // Progress, shown with --nocapture.
    let _ = std::io::stderr().write_all(format!("{runs} files\n").as_bytes());
}
