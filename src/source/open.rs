//! Opens a path as tables.

use std::path::Path;

use super::{
    Kind, ReadOptions, SheetChoice, SourceError, SourceErrorKind, Table, TableOrigin,
    error::foreign,
    file::SourceFile,
    html,
    input::Input,
    jsonl, ods,
    text::{self, dialect},
    workbook,
};

/// Opens a file (`-` for standard input) and detects its kind. Only [`SheetChoice::All`]
/// returns several tables.
pub(crate) fn open(path: &Path, options: &ReadOptions<'_>) -> Result<Vec<Table>, SourceError> {
    let origin = TableOrigin {
        path: path.to_owned(),
        sheet: None,
    };
    tables(path, &origin, options).map_err(|kind| {
        let stopped = options.monitor.stop_requested();
        stopped
            .map_or(kind, SourceErrorKind::Interrupted)
            .at(&origin, None)
    })
}

fn tables(
    path: &Path,
    origin: &TableOrigin,
    options: &ReadOptions<'_>,
) -> Result<Vec<Table>, SourceErrorKind> {
    if let Some(delimiter) = options
        .delimiter
        .filter(|&byte| !dialect::is_delimiter(byte))
    {
        return Err(SourceErrorKind::BadDelimiter(char::from(delimiter)));
    }
    refuse_lock_file(path)?;
    let limit = options.limits.inflated_bytes;
    let file = SourceFile::open(path, limit, &options.monitor)?;
    let input = Input::new(file, origin, options)?;
    let mut tables = match input.kind {
        Kind::Text => return text::table(&input).map(|table| without_sheets(table, options)),
        Kind::Xlsx | Kind::Xlsb | Kind::Xls => workbook::tables(&input),
        Kind::Ods => ods::tables(&input),
        Kind::Html => html::tables(&input),
        Kind::JsonLines => jsonl::table(&input).map(|table| without_sheets(table, options)),
    }?;
    if let (Some(_), Some(first)) = (options.delimiter, tables.first_mut()) {
        let note = "--delimiter is ignored, because only text files have delimiters";
        first.notes.push(note.to_owned());
    }
    Ok(tables)
}

/// The table of a file without sheets.
fn without_sheets(mut table: Table, options: &ReadOptions<'_>) -> Vec<Table> {
    let asked = match &options.sheet {
        SheetChoice::Auto | SheetChoice::All | SheetChoice::Number(1) => return vec![table],
        SheetChoice::Name(name) => format!("`{name}`"),
        SheetChoice::Number(number) => number.to_string(),
    };
    table.notes.push(format!(
        "--sheet {asked} is ignored, because only workbooks and web pages have sheets: check that it is the right file"
    ));
    vec![table]
}

/// Refuses `~$contacts.xlsx`, which Excel creates next to an open workbook.
fn refuse_lock_file(path: &Path) -> Result<(), SourceErrorKind> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with("~$") {
        return Err(foreign(
            "the lock file that Excel creates next to an open workbook",
            "close the workbook, and use the file without `~$` in its name",
        ));
    }
    Ok(())
}
