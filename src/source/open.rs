//! The way in: a path becomes tables.

use std::path::Path;

use super::{
    Kind, Origin, ReadOptions, SheetChoice, SourceError, SourceErrorKind, Table, book, dialect,
    file::SourceFile, html, input::Input, jsonl, ods, text,
};

/// Opens a file and finds out what it is; `-` is standard input. Several tables only for
/// [`SheetChoice::All`](super::SheetChoice::All).
pub fn open(path: &Path, options: &ReadOptions<'_>) -> Result<Vec<Table>, SourceError> {
    let origin = Origin {
        path: path.to_owned(),
        sheet: None,
    };
    tables(path, &origin, options).map_err(|kind| kind.at(&origin, None))
}

fn tables(
    path: &Path,
    origin: &Origin,
    options: &ReadOptions<'_>,
) -> Result<Vec<Table>, SourceErrorKind> {
    if let Some(delimiter) = options
        .delimiter
        .filter(|&byte| !dialect::is_delimiter(byte))
    {
        return Err(SourceErrorKind::BadDelimiter(char::from(delimiter)));
    }
    refuse_lock_file(path)?;
    let input = Input::new(SourceFile::open(path)?, origin, options)?;
    match input.kind {
        Kind::Text => text::table(&input.raw, input.compression, origin, options)
            .map(|table| without_sheets(table, options)),
        Kind::Xlsx | Kind::Xlsb | Kind::Xls => book::tables(&input),
        Kind::Ods => ods::tables(&input),
        Kind::Html => html::tables(&input),
        Kind::JsonLines => jsonl::table(&input).map(|table| without_sheets(table, options)),
    }
}

/// The one table of a file that has no sheets.
fn without_sheets(mut table: Table, options: &ReadOptions<'_>) -> Vec<Table> {
    let asked = match &options.sheet {
        SheetChoice::Auto | SheetChoice::All | SheetChoice::Number(1) => return vec![table],
        SheetChoice::Name(name) => format!("`{name}`"),
        SheetChoice::Number(number) => number.to_string(),
    };
    table.findings.notes.push(format!(
        "--sheet {asked} is passed over: only workbooks and web pages have sheets. Is it the right file?"
    ));
    vec![table]
}

/// `~$contacts.xlsx` is what Excel puts beside a workbook that is open.
fn refuse_lock_file(path: &Path) -> Result<(), SourceErrorKind> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with("~$") {
        return Err(SourceErrorKind::Foreign {
            what: "the mark that Excel leaves beside a workbook that is open",
            advice: "close the workbook, and give the file without `~$` in its name",
        });
    }
    Ok(())
}
