//! Finds the row with the column names.
//!
//! Exports have titles above it, people merge cells, and some tables have two rows of names. The header is the
//! first row within the first [`HEADER_ROWS`] that is full or has two known names, unless a later one has at least
//! two more known names: a row of data may contain one by chance (`Max`, `Mobile`, `Name`). After a row with two
//! known names, the search ends at the first row of data, because a file may contain two exports; the row with the
//! most known names wins. `--header-row` overrides all this.

use std::{cell::OnceCell, cmp::Reverse, collections::HashMap};

use super::Recognize;
use crate::{
    characters::{is_blank, shown},
    formula::unguarded,
    reject::ADDED_COLUMNS,
    wording::looks_like_number,
};

/// Rows that are searched for column names, counted from the first with content.
pub(super) const HEADER_ROWS: u32 = 20;

/// Rows above the header that a warning quotes.
const PASSED_SHOWN: usize = 3;

/// One of the first rows of a file.
#[derive(Clone, Debug)]
pub(super) struct PreviewRow {
    /// Number of the row, from 1.
    pub(super) number: u32,
    pub(super) cells: Vec<String>,
    /// For text: the offset of the next row.
    pub(super) next: usize,
    /// The number of known names, once counted.
    known: OnceCell<usize>,
}

impl PreviewRow {
    pub(super) fn new(number: u32, cells: Vec<String>, next: usize) -> Self {
        let known = OnceCell::new();
        Self {
            number,
            cells,
            next,
            known,
        }
    }

    /// The number of cells that are known names.
    pub(super) fn known(&self, recognize: &Recognize<'_>) -> usize {
        *self.known.get_or_init(|| recognize(&self.cells))
    }
}

/// The column names and their position.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) columns: Vec<String>,
    /// The last row of the header.
    pub(super) row: u32,
    pub(super) rows: u32,
    /// For text: the offset of the data.
    pub(super) data_at: usize,
    pub(super) known: usize,
    /// Rows above it that are not read but may be data: set if one of them has at least two cells.
    pub(super) passed: Vec<String>,
    /// True if one of these rows has so many cells that it may be a contact, as in a sheet that was sorted with its header.
    pub(super) may_follow_contacts: bool,
}

impl Header {
    pub(super) fn notes(&self) -> Vec<String> {
        let two_rows = (self.rows > 1).then(|| {
            let (above, row) = (self.row - 1, self.row);
            format!("the column names are in two rows, {above} and {row}")
        });
        let passed = (!self.passed.is_empty()).then(|| {
            let (rows, were) = match self.passed.len() {
                1 => ("1 row".to_owned(), "was"),
                count => (format!("{count} rows"), "were"),
            };
            let shown = self.passed[..self.passed.len().min(PASSED_SHOWN)].join(", ");
            let more = if self.passed.len() > PASSED_SHOWN { ", …" } else { "" };
            format!(
                "{rows} above the header in row {} {were} skipped: {shown}{more} (choose the header with --header-row N)",
                self.row
            )
        });
        let is_data = self.known == 0 && self.columns.iter().any(|name| looks_like_number(name));
        let data = is_data.then(|| {
            let row = self.row;
            format!(
                "row {row} is used as the column names but looks like data: add a row of names above it"
            )
        });
        two_rows.into_iter().chain(passed).chain(data).collect()
    }
}

/// Finds the header among the first rows.
pub(super) fn find(
    rows: &[PreviewRow],
    recognize: &Recognize<'_>,
    asked: Option<u32>,
) -> Option<Header> {
    if let Some(number) = asked {
        // The header of a rejects file is its first row, wherever it was in the source.
        let first = rows.iter().find(|row| filled(&row.cells) > 0)?;
        if is_of_rejects(&first.cells) {
            return Some(single(first, recognize));
        }
        let row = rows.iter().find(|row| row.number == number)?;
        return Some(single(row, recognize));
    }
    let best = row_of_names(rows, recognize)?;
    let header = single(&rows[best], recognize);
    let above = best
        .checked_sub(1)
        .and_then(|top| joined(&rows[top], &rows[best], recognize));
    let below = rows
        .get(best + 1)
        .and_then(|row| joined(&rows[best], row, recognize));
    let header = [above, below]
        .into_iter()
        .flatten()
        .filter(|joined| {
            joined.known > header.known.max(1)
                || joined.known == header.known && distinguishes(joined, &header)
        })
        .max_by_key(|joined| joined.known)
        .unwrap_or(header);
    let is_above = |row: &&PreviewRow| row.number + header.rows <= header.row;
    let above = rows.iter().take_while(is_above);
    let above: Vec<_> = above.filter(|row| filled(&row.cells) > 0).collect();
    let is_silent = above.iter().all(|row| filled(&row.cells) == 1);
    let passed = if is_silent { Vec::new() } else { above };
    let names = filled(&header.columns);
    Some(Header {
        may_follow_contacts: passed.iter().any(|row| filled(&row.cells) * 2 > names),
        passed: passed.into_iter().map(in_words).collect(),
        ..header
    })
}

fn is_of_rejects(cells: &[String]) -> bool {
    let [_, added @ ..] = ADDED_COLUMNS;
    added
        .iter()
        .all(|name| cells.iter().any(|cell| cell == name))
}

/// The cells of a row, for a message.
fn in_words(row: &PreviewRow) -> String {
    let cells = row.cells.iter().filter(|cell| !is_blank(cell));
    let cells: Vec<_> = cells.map(|cell| cell.trim()).collect();
    shown(&cells.join(" | "))
}

fn row_of_names(rows: &[PreviewRow], recognize: &Recognize<'_>) -> Option<usize> {
    let last = rows.iter().find(|row| filled(&row.cells) > 0)?.number + HEADER_ROWS;
    let searched = rows.iter().take_while(|row| row.number < last);
    let known: Vec<usize> = searched.clone().map(|row| row.known(recognize)).collect();
    let widest = searched.map(|row| filled(&row.cells)).max()?;
    let is_full = |index: &usize| filled(&rows[*index].cells) * 2 > widest || known[*index] > 1;
    let first = (0..known.len()).find(is_full)?;
    // In a file with one column, every row is full, so a title has as many cells as the header.
    let enough = known[first] + if widest == 1 { 1 } else { 2 };
    let is_better = |index: &usize| known[*index] >= enough && !is_data(&rows[*index].cells, 2);
    let first = match known[first] {
        0 | 1 => (first..known.len()).find(is_better).unwrap_or(first),
        _ => first,
    };
    // On a tie, the first wins.
    (first..known.len())
        .take_while(|&index| index == first || !is_data(&rows[index].cells, known[index]))
        .min_by_key(|&index| Reverse(known[index]))
}

/// True for a row of data rather than names or a title.
fn is_data(cells: &[String], known: usize) -> bool {
    filled(cells) > 1 && (known < 2 || cells.iter().any(|cell| looks_like_number(cell)))
}

fn single(row: &PreviewRow, recognize: &Recognize<'_>) -> Header {
    let columns = names(row.cells.clone());
    Header {
        known: recognize(&columns),
        columns,
        row: row.number,
        rows: 1,
        data_at: row.next,
        passed: Vec::new(),
        may_follow_contacts: false,
    }
}

/// Combines two rows of names: `Phone | Mobile`, or `Name` above an empty cell. A name in the upper row also
/// applies to the empty cells to its right, because merged cells are stored that way. A row with a single cell is
/// a title, and one with a number is data.
fn joined(top: &PreviewRow, bottom: &PreviewRow, recognize: &Recognize<'_>) -> Option<Header> {
    let is_data = bottom.cells.iter().any(|cell| looks_like_number(cell));
    if top.number + 1 != bottom.number || top.cells.len() < 2 || is_data {
        return None;
    }
    let width = top.cells.len().max(bottom.cells.len());
    let cell = |row: &PreviewRow, column: usize| {
        row.cells
            .get(column)
            .map_or("", |cell| cell.trim())
            .to_owned()
    };
    let mut over = String::new();
    let columns = (0..width).map(|column| {
        let (above, below) = (cell(top, column), cell(bottom, column));
        if !above.is_empty() {
            over.clone_from(&above);
        }
        match (below.is_empty(), above.is_empty() && over.is_empty()) {
            (true, _) => above,
            (false, true) => below,
            (false, false) => known_of(&over, below, recognize),
        }
    });
    let columns = names(columns.collect());
    Some(Header {
        known: recognize(&columns),
        columns,
        row: bottom.number,
        rows: 2,
        data_at: bottom.next,
        passed: Vec::new(),
        may_follow_contacts: false,
    })
}

/// True if the lower row distinguishes equal names of the upper one: `Phone | Phone` above `Work | Mobile`.
fn distinguishes(joined: &Header, upper: &Header) -> bool {
    let mut first_of = HashMap::new();
    let differs = |(at, name)| {
        let joined = joined.columns.get(at);
        *first_of.entry(name).or_insert(joined) != joined
    };
    let names = upper.columns.iter().enumerate();
    joined.row > upper.row && names.filter(|(_, name)| !name.is_empty()).any(differs)
}

/// The combination of both that is a known name (`Teléfono móvil`, `Mobile Phone`), or the lower one alone.
fn known_of(above: &str, below: String, recognize: &Recognize<'_>) -> String {
    let both = [format!("{above} {below}"), format!("{below} {above}")];
    let is_known = |name: &String| recognize(std::slice::from_ref(name)) > 0;
    both.into_iter().find(is_known).unwrap_or(below)
}

/// True for characters around a column name that are not part of it.
pub(super) fn is_padding(char: char) -> bool {
    char.is_whitespace() || char == '\u{FEFF}'
}

/// The cells as names: trimmed, unguarded, and without the empty columns that some exporters add at the end.
fn names(cells: Vec<String>) -> Vec<String> {
    let mut names: Vec<String> = cells
        .into_iter()
        .map(|cell| unguarded(cell.trim_matches(is_padding)).to_owned())
        .collect();
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    names
}

/// Number of cells with content.
pub(super) fn filled(cells: &[String]) -> usize {
    cells.iter().filter(|cell| !is_blank(cell)).count()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn known(cells: &[String]) -> usize {
        cells
            .iter()
            .filter(|cell| {
                ["id", "name", "mobile", "phone work"].contains(&cell.to_lowercase().as_str())
            })
            .count()
    }

    fn rows(rows: &[&[&str]]) -> Vec<PreviewRow> {
        rows.iter()
            .zip(1..)
            .map(|(cells, number)| {
                let cells = cells.iter().map(|&cell| cell.to_owned());
                PreviewRow::new(number, cells.collect(), 0)
            })
            .collect()
    }

    #[test]
    fn titles_above_the_names_are_passed_over() {
        let rows = rows(&[
            &["Contacts of 2026"],
            &[""],
            &["ID", "Name", ""],
            &["1", "Name"],
        ]);
        let header = find(&rows, &known, None).unwrap();
        assert_eq!(
            (header.row, header.columns),
            (3, vec!["ID".into(), "Name".into()])
        );
    }

    #[test]
    fn names_further_down_are_data_and_rows_above_the_names_are_counted() {
        let rows = rows(&[
            &["by", "Ann"],
            &["id", "name"],
            &["1", "Bob"],
            &["id", "name", "mobile"],
            &["2", "Kay", "7"],
        ]);
        let header = find(&rows, &known, None).unwrap();
        assert_eq!(header.row, 2);
        let note = "1 row above the header in row 2 was skipped: `by | Ann` (";
        assert!(header.notes()[0].starts_with(note), "{:?}", header.notes());
        let header = find(&rows[3..], &known, None).unwrap();
        assert_eq!((header.row, header.passed.len()), (4, 0));
    }

    #[test]
    fn a_known_name_in_the_data_does_not_make_its_row_the_header() {
        for data in [
            &["Name", "Bonn", "7 999"][..],
            &["Kay", "Mobile", ""],
            &["name", "id", "79991112233"],
        ] {
            let rows = rows(&[&["Kunde", "Ort", "Nummer"], &["Ann", "Ulm", "7"], data]);
            let header = find(&rows, &known, None).unwrap();
            assert_eq!((header.row, header.passed.len()), (1, 0), "{data:?}");
        }
        let rows = rows(&[
            &["Report"],
            &["by", "Ann"],
            &["id", "x", "y", "z"],
            &["1", "2", "3", "4"],
        ]);
        let header = find(&rows, &known, None).unwrap();
        assert_eq!((header.row, header.passed.len()), (3, 2));
    }

    #[test]
    fn a_title_above_a_single_column_is_not_its_name() {
        let rows = rows(&[&["Our list"], &["mobile"], &["79991112233"]]);
        assert_eq!(find(&rows, &known, None).unwrap().row, 2);
    }

    #[test]
    fn of_several_rows_of_names_the_one_with_most_wins() {
        let rows = rows(&[&["name", "id"], &[""], &["id", "name", "mobile"]]);
        assert_eq!(find(&rows, &known, None).unwrap().row, 3);
    }

    #[test]
    fn two_rows_of_names_are_one_header() {
        let rows = rows(&[
            &["id", "name", "phone", ""],
            &["", "", "mobile", "work"],
            &["1", "Ann", "7", "8"],
        ]);
        let header = find(&rows, &known, None).unwrap();
        assert_eq!((header.row, header.rows), (2, 2));
        assert_eq!(header.columns, ["id", "name", "mobile", "phone work"]);
        assert_eq!(header.known, 4);
    }

    #[test]
    fn a_second_row_that_tells_repeated_names_apart_belongs_to_the_header() {
        let known = |cells: &[String]| {
            let names = ["name", "phone", "work phone", "mobile phone"];
            let is_known = |cell: &&String| names.contains(&cell.to_lowercase().as_str());
            cells.iter().filter(is_known).count()
        };
        let head: &[&str] = &["Name", "Phone", "Phone"];
        let distinct = rows(&[head, &["", "Work", "Mobile"], &["Ann", "7", "8"]]);
        let header = find(&distinct, &known, None).unwrap();
        assert_eq!((header.row, header.rows), (2, 2));
        assert_eq!(header.columns, ["Name", "Work Phone", "Mobile Phone"]);
        for data in [&["Ann", "Work", "Mobile"], &["", "none", "none"], &[""; 3]] {
            let header = find(&rows(&[head, data]), &known, None).unwrap();
            assert_eq!((header.row, header.rows), (1, 1), "{data:?}");
        }
    }

    #[test]
    fn unknown_names_are_still_names_and_a_given_row_is_obeyed() {
        let rows = rows(&[&["", ""], &["eins", "zwei"], &["1", "2"]]);
        assert_eq!(find(&rows, &known, None).unwrap().row, 2);
        assert_eq!(find(&rows, &known, Some(3)).unwrap().columns, ["1", "2"]);
        assert!(find(&rows, &known, Some(9)).is_none());
    }
}
