//! Chooses the tables to read from files with several (workbooks, web pages).
//!
//! The default is the first visible sheet with known column names, or for a backup all sheets with its columns. A
//! warning names the other sheets, so that contacts are not silently missing.

use std::sync::Arc;

use super::{
    ReadOptions, SheetChoice, SourceErrorKind, Table, TableOrigin,
    cell::{self, RowSource},
    header::{self, Header},
    input::Input,
    rows::RowsLayout,
    workbook::facts::SheetFacts,
};
use crate::wording::{looks_like_number, shortened};

/// Maximum number of rows of a sheet, header included.
pub(crate) const SHEET_ROWS_MAX: u32 = 1 << 20;

/// The number of known columns with which a sheet seems to have contacts.
const KNOWN_MIN: usize = 2;

/// Maximum number of sheets in which contacts are searched that are not read.
const SEARCHED_MAX: usize = 20;

/// A table in the file.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    /// Its name; `None` if it is the only one.
    pub(super) name: Option<String>,
    pub(super) visible: bool,
    pub(super) facts: Arc<SheetFacts>,
}

/// Creates the reader of a sheet by index.
pub(super) type MakeSource<'a> = dyn Fn(usize) -> Box<dyn RowSource> + 'a;

/// The chosen table of a file, or all of them.
pub(super) fn tables(
    input: &Input<'_>,
    sheets: &[Sheet],
    make: &MakeSource<'_>,
) -> Result<Vec<Table>, SourceErrorKind> {
    let options = input.options;
    let choice = choice(sheets, options);
    let is_all = *choice == SheetChoice::All;
    let mut indexes = wanted(sheets, choice)?.into_iter();
    let mut found = Vec::new();
    for index in &mut indexes {
        let Some((known, layout)) = layout_of(input, sheets, index, make)? else {
            continue;
        };
        found.push((known, layout));
        if known >= KNOWN_MIN && !is_all {
            break;
        }
    }
    if !is_all {
        // On a tie, the first wins; `max_by_key` would return the last.
        let best = found.into_iter().rev().max_by_key(|(known, _)| *known);
        found = best.into_iter().collect();
    }
    let skipped = take_texts(&mut found);
    let mut layouts: Vec<_> = found.into_iter().map(|(_, layout)| layout).collect();
    if layouts.is_empty() {
        return Err(match options.header_row {
            Some(_) => SourceErrorKind::NoHeader,
            None => SourceErrorKind::NoData,
        });
    }
    if *choice == SheetChoice::Auto && (options.is_backup)(&layouts[0].columns) {
        continue_backup(
            &mut layouts,
            |index| layout_of(input, sheets, index, make),
            indexes,
        )?;
    }
    if is_all {
        layouts[0].notes.extend(hidden_sheets_note(sheets));
        layouts[0].notes.extend(skipped);
    }
    if *choice == SheetChoice::Auto {
        let unread = unread_sheets(input, sheets, &layouts, make)?;
        layouts[0].may_lack_rows |= !unread.is_empty();
        layouts[0].notes.extend(unread_note(&unread));
    }
    let blake3 = input.raw.file.blake3()?;
    let tables = layouts.into_iter();
    Ok(tables
        .map(|layout| layout.table(input, blake3.clone()))
        .collect())
}

/// Removes sheets of text, such as instructions: of one column with an unknown name and without numbers, beside sheets
/// with known names. Returns a note with their names.
fn take_texts(found: &mut Vec<(usize, RowsLayout)>) -> Option<String> {
    if !found.iter().any(|(known, _)| *known > 1) {
        return None;
    }
    let is_text = |(known, layout): &mut (usize, RowsLayout)| {
        *known == 0 && layout.columns.len() == 1 && !has_numbers(layout)
    };
    let texts = found
        .extract_if(.., is_text)
        .filter_map(|(_, layout)| layout.origin.sheet);
    let texts = texts.collect::<Vec<_>>().join("`, `");
    (!texts.is_empty()).then(|| format!("sheets of text in one column, not read: `{texts}`"))
}

/// True if one of the first rows has a number, such as a phone number.
fn has_numbers(layout: &mut RowsLayout) -> bool {
    let preview = cell::preview(layout.source.as_mut(), None);
    preview.map_or(true, |rows| {
        let mut cells = rows.iter().flat_map(|row| &row.cells);
        cells.any(|cell| looks_like_number(cell))
    })
}

/// Adds the following sheets with the columns of the first.
fn continue_backup(
    layouts: &mut Vec<RowsLayout>,
    mut layout_of: impl FnMut(usize) -> Result<Option<(usize, RowsLayout)>, SourceErrorKind>,
    indexes: impl Iterator<Item = usize>,
) -> Result<(), SourceErrorKind> {
    for index in indexes {
        match layout_of(index)? {
            Some((_, layout)) if layout.columns == layouts[0].columns => {
                if let Some(last) = layouts.last_mut() {
                    last.is_continued = true;
                }
                layouts.push(layout);
            }
            _ => break,
        }
    }
    Ok(())
}

/// The names of sheets that seem to have contacts and are not read.
fn unread_sheets<'s>(
    input: &Input<'_>,
    sheets: &'s [Sheet],
    read: &[RowsLayout],
    make: &MakeSource<'_>,
) -> Result<Vec<&'s str>, SourceErrorKind> {
    let is_read = |name: &str| {
        let mut names = read.iter().filter_map(|it| it.origin.sheet.as_deref());
        names.any(|read| read == name)
    };
    let named = sheets.iter().enumerate();
    let named = named.filter_map(|(index, sheet)| Some((index, sheet.name.as_deref()?)));
    let mut unread = Vec::new();
    for (index, name) in named.filter(|(_, name)| !is_read(name)).take(SEARCHED_MAX) {
        let layout = layout_of(input, sheets, index, make)?;
        if layout.is_some_and(|(known, _)| known >= KNOWN_MIN) {
            unread.push(name);
        }
    }
    Ok(unread)
}

fn unread_note(unread: &[&str]) -> Option<String> {
    let [_, ..] = unread else {
        return None;
    };
    Some(format!(
        "sheets with columns of contacts that are not read: `{}` (choose with --sheet NAME, or read all visible ones with --sheet all)",
        unread.join("`, `")
    ))
}

/// The layout to read a sheet, and the number of its known columns; `None` without a header.
fn layout_of(
    input: &Input<'_>,
    sheets: &[Sheet],
    index: usize,
    make: &MakeSource<'_>,
) -> Result<Option<(usize, RowsLayout)>, SourceErrorKind> {
    let options = input.options;
    let mut source = make(index);
    let preview = cell::preview(source.as_mut(), options.header_row)?;
    let Some(header) = header::find(&preview, options.recognize, options.header_row) else {
        return Ok(None);
    };
    let layout = RowsLayout {
        source,
        origin: TableOrigin {
            path: input.origin.path.clone(),
            sheet: sheets[index].name.clone(),
        },
        notes: notes(input, sheets, index, &header),
        columns: header.columns,
        header_row: header.row,
        header_rows: header.rows,
        is_continued: false,
        may_lack_rows: header.may_follow_contacts,
    };
    Ok(Some((header.known, layout)))
}

fn notes(input: &Input<'_>, sheets: &[Sheet], chosen: usize, header: &Header) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(name) = &sheets[chosen].name
        && *choice(sheets, input.options) == SheetChoice::Auto
        && sheets.len() > 1
        && !(input.options.is_backup)(&header.columns)
    {
        let others = sheets.iter().enumerate().filter(|(at, _)| *at != chosen);
        let others = shortened(others.filter_map(|(_, sheet)| quoted(sheet)));
        let has_other_visible = sheets.iter().filter(|sheet| sheet.visible).count() > 1;
        let all = if has_other_visible {
            "; --sheet all reads every visible one"
        } else {
            ""
        };
        notes.push(format!(
            "reading sheet `{name}` (choose another with --sheet: {others}{all})"
        ));
    }
    notes.extend(header.notes());
    let facts = &sheets[chosen].facts;
    if facts.hidden_rows > 0 {
        notes.push(format!("hidden rows, also read: {}", facts.hidden_rows));
    }
    notes
}

/// Names the sheets that `--sheet all` leaves out.
fn hidden_sheets_note(sheets: &[Sheet]) -> Option<String> {
    let hidden = sheets.iter().filter(|sheet| !sheet.visible);
    let hidden = shortened(hidden.filter_map(quoted));
    (!hidden.is_empty())
        .then(|| format!("hidden sheets, not read: {hidden} (read one with --sheet NAME)"))
}

fn quoted(sheet: &Sheet) -> Option<String> {
    Some(format!("`{}`", sheet.name.as_deref()?))
}

/// The requested sheet, otherwise the mapping file's sheet unless it is missing: the rejects of a workbook have a
/// single sheet.
fn choice<'o>(sheets: &[Sheet], options: &'o ReadOptions<'_>) -> &'o SheetChoice {
    let usual = &options.usual.sheet;
    let is_usable = sheets.len() > 1 || wanted(sheets, usual).is_ok();
    match options.sheet {
        SheetChoice::Auto if is_usable => usual,
        _ => &options.sheet,
    }
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
