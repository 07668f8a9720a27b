//! Which row holds the column names.
//!
//! Exports put titles above it, people merge cells, some tables have two rows of names. The row with the
//! most names that are known wins, within the first [`HEADER_ROWS`]; where none is known, the first row
//! that has content. `--header-row` decides where this is wrong.

use super::Recognise;

/// Rows in which the column names are looked for.
pub(super) const HEADER_ROWS: u32 = 20;

/// A row as it is seen before anything is known about it.
#[derive(Clone, Debug)]
pub(super) struct PreviewRow {
    /// Number of the row, from 1.
    pub(super) number: u32,
    pub(super) cells: Vec<String>,
    /// For text: where the next row begins.
    pub(super) next: usize,
}

/// The column names and where they were found.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) columns: Vec<String>,
    /// The last row that belongs to it.
    pub(super) row: u32,
    /// Rows that it was put together from.
    pub(super) rows: u32,
    /// For text: where the data begins.
    pub(super) data_at: usize,
    /// Column names that are known.
    pub(super) known: usize,
}

impl Header {
    /// For files that have names, but no row of them.
    pub(super) fn of_keys(columns: Vec<String>) -> Self {
        Self {
            columns,
            row: 0,
            rows: 0,
            data_at: 0,
            known: 0,
        }
    }
}

/// Finds the header among the first rows.
pub(super) fn find(
    rows: &[PreviewRow],
    recognise: &Recognise<'_>,
    asked: Option<u32>,
) -> Option<Header> {
    if let Some(number) = asked {
        let row = rows.iter().find(|row| row.number == number)?;
        return Some(single(row, recognise));
    }
    let early = || {
        rows.iter()
            .enumerate()
            .filter(|(_, row)| row.number <= HEADER_ROWS && !is_blank(&row.cells))
    };
    // Of equals the first.
    let best = early()
        .rev()
        .max_by_key(|(_, row)| recognise(&row.cells))
        .map(|(index, _)| index)?;
    let header = single(&rows[best], recognise);
    if header.known == 0 {
        let first = early().next().map_or(best, |(index, _)| index);
        return Some(single(&rows[first], recognise));
    }
    let above = best
        .checked_sub(1)
        .and_then(|top| joined(&rows[top], &rows[best], recognise));
    let below = rows
        .get(best + 1)
        .and_then(|row| joined(&rows[best], row, recognise));
    [above, below]
        .into_iter()
        .flatten()
        .filter(|joined| joined.known > header.known)
        .max_by_key(|joined| joined.known)
        .or(Some(header))
}

fn single(row: &PreviewRow, recognise: &Recognise<'_>) -> Header {
    let columns = names(row.cells.clone());
    Header {
        known: recognise(&columns),
        columns,
        row: row.number,
        rows: 1,
        data_at: row.next,
    }
}

/// Two rows of names, one below the other, read as one: `Phone | Mobile`, or `Name` above nothing. A name in the
/// upper row stands for the empty cells to its right as well: that is how merged cells are stored.
fn joined(top: &PreviewRow, bottom: &PreviewRow, recognise: &Recognise<'_>) -> Option<Header> {
    if top.number + 1 != bottom.number {
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
            (false, false) => known_of(&over, below, recognise),
        }
    });
    let columns = names(columns.collect());
    Some(Header {
        known: recognise(&columns),
        columns,
        row: bottom.number,
        rows: 2,
        data_at: bottom.next,
    })
}

/// The two as one name, in whichever way it is known: `Teléfono móvil`, `Mobile Phone`, or the lower one alone.
fn known_of(above: &str, below: String, recognise: &Recognise<'_>) -> String {
    let both = [format!("{above} {below}"), format!("{below} {above}")];
    let is_known = |name: &String| recognise(std::slice::from_ref(name)) > 0;
    both.into_iter().find(is_known).unwrap_or(below)
}

/// The cells as names: trimmed, without the nameless empty columns that some exporters add at the end.
fn names(cells: Vec<String>) -> Vec<String> {
    let mut names: Vec<String> = cells
        .into_iter()
        .map(|cell| {
            cell.trim_matches(|char: char| char.is_whitespace() || char == '\u{FEFF}')
                .to_owned()
        })
        .collect();
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    names
}

pub(super) fn is_blank(cells: &[String]) -> bool {
    cells.iter().all(|cell| cell.trim().is_empty())
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
            .map(|(cells, number)| PreviewRow {
                number,
                cells: cells.iter().map(|&cell| cell.to_owned()).collect(),
                next: 0,
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
    fn unknown_names_are_still_names_and_a_given_row_is_obeyed() {
        let rows = rows(&[&["", ""], &["eins", "zwei"], &["1", "2"]]);
        assert_eq!(find(&rows, &known, None).unwrap().row, 2);
        assert_eq!(find(&rows, &known, Some(3)).unwrap().columns, ["1", "2"]);
        assert!(find(&rows, &known, Some(9)).is_none());
    }
}
