//! Detects the kind of a file by its content, because extensions are unreliable (`.xls` files that are web pages,
//! `.csv` files that are workbooks).
//!
//! If the kind is not supported, the error names it and suggests another format, because usually the right
//! contacts were exported in the wrong format.

use std::{
    borrow::Cow,
    io::{Read, Seek},
};

use memchr::{memchr, memmem};

use super::{
    SourceErrorKind,
    error::{SAVE_AS, foreign},
    workbook::{archive, package},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub(crate) enum Kind {
    /// Delimited text such as CSV.
    #[strum(to_string = "CSV")]
    Text,
    /// An Excel workbook since 2007 (.xlsx, .xlsm).
    #[strum(to_string = "Excel workbook")]
    Xlsx,
    /// A binary Excel workbook since 2007 (.xlsb).
    #[strum(to_string = "binary Excel workbook")]
    Xlsb,
    /// An Excel workbook before 2007 (.xls).
    #[strum(to_string = "old Excel workbook")]
    Xls,
    /// An `OpenDocument` spreadsheet (.ods).
    #[strum(to_string = "OpenDocument spreadsheet")]
    Ods,
    /// A web page with a table.
    #[strum(to_string = "HTML table")]
    Html,
    /// A JSON object per line, as `export` writes it.
    #[strum(to_string = "JSON lines")]
    JsonLines,
}

/// Enough bytes to detect the kind of a file.
pub(super) const HEAD_BYTES: usize = 1 << 13;

const SAVE_AS_XLSX: &str = "open it in a spreadsheet program and save it as .xlsx";

const UNPACK: &str = "unpack it and import the file in it";

/// Magic numbers of unsupported formats.
const FOREIGN: [(&[u8], &str, &str); 16] = [
    (b"%PDF", "a PDF document", SAVE_AS),
    (b"\x89PNG", "a picture (PNG)", SAVE_AS),
    (b"\xFF\xD8\xFF", "a picture (JPEG)", SAVE_AS),
    (b"GIF8", "a picture (GIF)", SAVE_AS),
    (
        b"SQLite format 3\0",
        "an SQLite database",
        "pass a run file to `apply`; export a table of another database as CSV",
    ),
    (b"{\\rtf", "a text document (RTF)", SAVE_AS),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive", UNPACK),
    (b"Rar!", "a RAR archive", UNPACK),
    (b"BZh", "a bzip2 file", UNPACK),
    (b"\xFD7zXZ\0", "an xz file", UNPACK),
    (b"\x09\0\x04\0", "a worksheet of Excel 2", SAVE_AS_XLSX),
    (b"\x09\x02\x06\0", "a worksheet of Excel 3", SAVE_AS_XLSX),
    (b"\x09\x04\x06\0", "a workbook of Excel 4", SAVE_AS_XLSX),
    (
        b"\x09\x08\x08\0\0\x05",
        "a workbook of Excel 5 without its container",
        SAVE_AS_XLSX,
    ),
    (b"PAR1", "a Parquet file", SAVE_AS),
    (b"\x7FELF", "a program", "check that it is the right file"),
];

/// The kind by the first bytes; `None` for a zip archive, whose parts determine it.
pub(super) fn of_head(head: &[u8]) -> Result<Option<Kind>, SourceErrorKind> {
    if head.is_empty() {
        return Err(SourceErrorKind::Empty);
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(None);
    }
    if head.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        return Ok(Some(Kind::Xls));
    }
    if let Some(&(_, what, advice)) = FOREIGN.iter().find(|foreign| head.starts_with(foreign.0)) {
        return Err(foreign(what, advice));
    }
    of_text(head).map(Some)
}

fn of_text(head: &[u8]) -> Result<Kind, SourceErrorKind> {
    let text = start_of_text(head);
    let starts = |with: &str| {
        text.get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    if starts("BEGIN:VCARD") {
        return Err(foreign(
            "a vCard file (.vcf)",
            "export the contacts as CSV or XLSX instead; every program that writes vCards writes CSV too",
        ));
    }
    if starts("BEGIN:VCALENDAR") {
        return Err(foreign("a calendar", SAVE_AS));
    }
    if text.starts_with('{') {
        return Ok(Kind::JsonLines);
    }
    if text.starts_with('[') && text[1..].trim_start().starts_with(['{', ']']) {
        return Err(foreign(
            "a JSON array",
            "write one object per line instead (`jq -c '.[]' FILE`)",
        ));
    }
    let lower = text.to_ascii_lowercase();
    if is_web_archive(&lower) {
        return Err(foreign("a web archive (MHTML)", SAVE_AS_XLSX));
    }
    if let Some(what) = of_old_text(&text) {
        return Err(foreign(what, SAVE_AS_XLSX));
    }
    if text.starts_with('<') {
        return of_markup(&lower);
    }
    Ok(if holds_page(&lower) {
        Kind::Html
    } else {
        Kind::Text
    })
}

/// The name of an early spreadsheet exchange format.
fn of_old_text(text: &str) -> Option<&'static str> {
    let mut lines = text.lines();
    let first = lines.next()?;
    // A CSV table may also have a column `ID` followed by one that begins with P.
    let records = [
        "P;P", "P;F", "P;E", "B;Y", "B;X", "C;Y", "C;X", "F;P", "F;W", "F;D", "F;S", "F;Y", "F;X",
        "O;",
    ];
    let has_records = |line: &str| records.iter().any(|record| line.starts_with(record));
    if first.starts_with("ID;P") && lines.clone().next().is_some_and(has_records) {
        return Some("a SYLK spreadsheet (.slk)");
    }
    let is_interchange = first == "TABLE" && lines.next() == Some("0,1");
    is_interchange.then_some("a data interchange file (.dif)")
}

/// True for the header of a MIME multipart message, in which Excel and browsers save web pages.
fn is_web_archive(text: &str) -> bool {
    let mut fields = text.lines().take_while(|line| !line.is_empty());
    fields.any(|line| line.starts_with("content-type:") && line.contains("multipart/"))
}

/// True if a web page with a table begins after other text, such as a warning of the program that wrote it. A page
/// in a CSV cell does not begin a line outside quotes.
fn holds_page(text: &str) -> bool {
    let tags = ["<!doctype html", "<html", "<table", "<head>", "<body"];
    let find = |tag: &&str| memmem::find(text.as_bytes(), tag.as_bytes());
    let Some(start) = tags.iter().filter_map(find).min() else {
        return false;
    };
    let (before, page) = text.split_at(start);
    let begins_line = before.trim_end_matches([' ', '\t']).ends_with(['\n', '\r']);
    let is_quoted = before.matches('"').count() % 2 == 1;
    let is_cell = !begins_line && before.contains([',', ';', '\t', '|', '"', '\n', '\r']);
    !is_quoted && !is_cell && (page.contains("<tr") || !page.starts_with("<table"))
}

fn of_markup(text: &str) -> Result<Kind, SourceErrorKind> {
    let xml = [
        (
            "urn:schemas-microsoft-com:office:spreadsheet",
            "an XML spreadsheet of Excel 2003",
        ),
        (
            "application/vnd.oasis.opendocument.spreadsheet",
            "an OpenDocument spreadsheet in one XML file (.fods)",
        ),
        ("http://www.gnumeric.org/", "a Gnumeric spreadsheet"),
    ];
    if text.starts_with("<?xml")
        && let Some((_, what)) = xml.iter().find(|(mark, _)| text.contains(mark))
    {
        return Err(foreign(what, SAVE_AS_XLSX));
    }
    let page = [
        "<!doctype html",
        "<html",
        "<meta",
        "<table",
        "<head",
        "<body",
        "<style",
        "<div",
    ];
    if page.iter().any(|tag| text.contains(tag)) {
        return Ok(Kind::Html);
    }
    if text.starts_with("<?xml") {
        return Err(foreign("an XML document", SAVE_AS));
    }
    Ok(Kind::Text)
}

/// The beginning as text, without BOM, white space and NULs of UTF-16.
fn start_of_text(head: &[u8]) -> String {
    let bytes = match memchr(0, head) {
        Some(_) => head.iter().copied().filter(|&byte| byte != 0).collect(),
        None => Cow::Borrowed(head),
    };
    let text = String::from_utf8_lossy(&bytes);
    text.trim_start_matches(|char: char| {
        char.is_whitespace() || matches!(char, '\u{FEFF}' | '\u{FFFD}')
    })
    .to_owned()
}

/// The kind of a zip archive by the names of its parts.
pub(super) fn of_archive(file: impl Read + Seek) -> Result<Kind, SourceErrorKind> {
    let mut archive = zip::ZipArchive::new(file).map_err(|error| match error {
        zip::result::ZipError::InvalidArchive(_) => SourceErrorKind::CutOff {
            seen: "the directory at the end of the zip archive (workbooks are zip archives) is missing",
            row: None,
        },
        error => SourceErrorKind::Damaged {
            what: "workbook or zip archive",
            why: error.to_string(),
        },
    })?;
    let names: Vec<_> = package::names(&archive).collect();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let has_folder = |folder: &str| names.iter().any(|name| name.starts_with(folder));
    if has_folder("word/") {
        return Err(foreign("a text document (Word)", SAVE_AS));
    }
    if has_folder("ppt/") {
        return Err(foreign("a presentation (PowerPoint)", SAVE_AS));
    }
    match package::workbook_part(&mut archive) {
        Some(part) if package::is_binary(&part) => Ok(Kind::Xlsb),
        Some(_) => Ok(Kind::Xlsx),
        None if has_folder("xl/worksheets/") => Ok(Kind::Xlsx),
        None if has("content.xml") && has("mimetype") => of_open_document(&mut archive),
        None if has("index/document.iwa") || has("index.zip") => Err(foreign(
            "an Apple iWork document",
            "export it as CSV or Excel from Numbers",
        )),
        None => Err(foreign("a zip archive without a workbook", UNPACK)),
    }
}

/// The kind of an `OpenDocument` file by its declared type.
fn of_open_document<R: Read + Seek>(
    archive: &mut zip::ZipArchive<R>,
) -> Result<Kind, SourceErrorKind> {
    let declared = package::content(archive, "mimetype").unwrap_or_default();
    let declared = String::from_utf8_lossy(&declared).into_owned();
    let mut is_encrypted = false;
    package::each_tag(archive, "meta-inf/manifest.xml", |tag| {
        is_encrypted |= tag.local_name().as_ref() == "encryption-data";
    });
    if is_encrypted {
        return Err(archive::password());
    }
    let documents = [
        ("opendocument.text", "a text document (OpenDocument)"),
        ("opendocument.presentation", "a presentation (OpenDocument)"),
        ("opendocument.graphics", "a drawing (OpenDocument)"),
    ];
    match documents.iter().find(|(kind, _)| declared.contains(kind)) {
        Some((_, what)) => Err(foreign(what, SAVE_AS)),
        None => Ok(Kind::Ods),
    }
}
