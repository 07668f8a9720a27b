//! Chooses the tables to read from files with several (workbooks, web pages).
//!
//! The default is the first visible sheet with known column names. A warning names the sheets that are left out, so
//! that contacts are not missing silently.

use std::sync::{Arc, atomic::AtomicU64};

use super::{
    Findings, Kind, Origin, SheetChoice, SourceErrorKind, Table,
    archive::SheetSurvey,
    encoding::{self, EncodingFinding},
    header::{self, Header, PreviewRow},
    input::Input,
    row_source::{self, RowSource},
    rows::RowsPlan,
};

/// The most rows of a sheet, its header included.
pub(crate) const SHEET_ROWS_MAX: u32 = 1 << 20;

/// A table in the file.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    /// Its name; `None` if the file has only one.
    pub(super) name: Option<String>,
    pub(super) visible: bool,
    pub(super) survey: SheetSurvey,
}

/// A sheet with its header and its rows.
struct Candidate {
    index: usize,
    header: Header,
    /// The cells of its first rows.
    sample: String,
    source: Box<dyn RowSource>,
    counter: Arc<AtomicU64>,
}

/// Creates the reader of a sheet, by its index; the counter counts the bytes that it reads.
pub(super) type MakeSource<'a> = dyn FnMut(usize, Arc<AtomicU64>) -> Box<dyn RowSource> + 'a;

/// The chosen table of a file, or all of them.
pub(super) fn tables(
    input: &Input<'_>,
    sheets: &[Sheet],
    make: &mut MakeSource<'_>,
) -> Result<Vec<Table>, SourceErrorKind> {
    let options = input.options;
    let mut found = Vec::new();
    for index in wanted(sheets, &options.sheet)? {
        let counter = Arc::default();
        let mut source = make(index, Arc::clone(&counter));
        let preview = row_source::preview(source.as_mut(), options.header_row)?;
        let header = header::find(&preview, options.recognise, options.header_row);
        let settled = header.as_ref().is_some_and(|header| header.known >= 2);
        found.extend(header.map(|header| Candidate {
            index,
            header,
            sample: sample(&preview),
            source,
            counter,
        }));
        if settled && options.sheet != SheetChoice::All {
            break;
        }
    }
    if options.sheet != SheetChoice::All {
        // On a tie, the first wins: `max_by_key` would take the last.
        found = found
            .into_iter()
            .rev()
            .max_by_key(|one| one.header.known)
            .into_iter()
            .collect();
    }
    if found.is_empty() {
        return Err(match options.header_row {
            Some(_) => SourceErrorKind::NoHeader,
            None => SourceErrorKind::NoData,
        });
    }
    let blake3 = input.raw.blake3()?;
    Ok(found
        .into_iter()
        .map(|one| table(input, sheets, one, &blake3))
        .collect())
}

fn table(input: &Input<'_>, sheets: &[Sheet], one: Candidate, blake3: &str) -> Table {
    let sheet = &sheets[one.index];
    let mut findings = Findings::new(input.kind);
    findings.known_columns = one.header.known;
    findings.hidden_rows = sheet.survey.hidden_rows;
    findings.other_sheets = others(sheets, one.index);
    findings.notes = notes(input, sheet, &findings, &one.header);
    // Other workbooks are Unicode.
    let is_ours = matches!(input.kind, Kind::Xls | Kind::Html);
    findings
        .notes
        .extend(encoding::misread_note(&one.sample, is_ours));
    one.counter.store(0, std::sync::atomic::Ordering::Relaxed);
    let origin = Origin {
        path: input.origin.path.clone(),
        sheet: sheet.name.clone(),
    };
    let rows = RowsPlan {
        source: one.source,
        columns: one.header.columns.len(),
        numbers: Vec::new(),
        header_row: one.header.row,
        limits: input.options.limits,
        bytes: input.raw.bytes,
        blake3: blake3.to_owned(),
        counter: one.counter,
    };
    rows.table(origin, one.header.columns, findings)
}

fn sample(rows: &[PreviewRow]) -> String {
    let cells: Vec<_> = rows
        .iter()
        .flat_map(|row| &row.cells)
        .map(String::as_str)
        .collect();
    cells.join(" ")
}

fn others(sheets: &[Sheet], chosen: usize) -> Vec<String> {
    sheets
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != chosen)
        .filter_map(|(_, sheet)| sheet.name.clone())
        .collect()
}

fn notes(input: &Input<'_>, sheet: &Sheet, findings: &Findings, header: &Header) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(name) = &sheet.name
        && input.options.sheet == SheetChoice::Auto
        && !findings.other_sheets.is_empty()
    {
        let others = findings.other_sheets.join("`, `");
        notes.push(format!(
            "reading sheet `{name}` (choose another with --sheet: `{others}`)"
        ));
    }
    notes.extend(header.notes());
    let encoding = findings.encoding.as_ref();
    notes.extend(encoding.and_then(EncodingFinding::doubt));
    if findings.hidden_rows > 0 {
        notes.push(format!(
            "hidden rows, which are read too: {}",
            findings.hidden_rows
        ));
    }
    if sheet.survey.empty_formulas > 0 {
        notes.push(format!(
            "formulas saved without a result, read as empty cells: {} (open the workbook in a spreadsheet program and save it again)",
            sheet.survey.empty_formulas
        ));
    }
    if sheet.survey.lost_errors > 0 {
        notes.push(format!(
            "formulas whose result is an error (such as #N/A), read as empty cells: {} (save the workbook as .xlsx to get such rows as rejects)",
            sheet.survey.lost_errors
        ));
    }
    notes
}

fn wanted(sheets: &[Sheet], choice: &SheetChoice) -> Result<Vec<usize>, SourceErrorKind> {
    let name = |sheet: &Sheet| sheet.name.clone().unwrap_or_default();
    let no_such = |wanted: String| SourceErrorKind::NoSuchSheet {
        wanted,
        there: sheets.iter().map(name).collect(),
    };
    let position =
        |wanted: &dyn Fn(&str) -> bool| sheets.iter().position(|sheet| wanted(&name(sheet)));
    match choice {
        SheetChoice::Auto | SheetChoice::All => Ok((0..sheets.len())
            .filter(|&index| sheets[index].visible)
            .collect()),
        SheetChoice::Name(wanted) => position(&|name| name == wanted)
            .or_else(|| position(&|name| name.to_lowercase() == wanted.to_lowercase()))
            .map(|index| vec![index])
            .ok_or_else(|| no_such(wanted.clone())),
        SheetChoice::Number(number) => (*number as usize)
            .checked_sub(1)
            .filter(|&index| index < sheets.len())
            .map(|index| vec![index])
            .ok_or_else(|| no_such(number.to_string())),
    }
}
