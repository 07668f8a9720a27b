//! The original cells of refused contacts: determines which of several columns provided a value.

use std::path::PathBuf;

use parking_lot::Mutex;

use crate::run::{Contacts, OriginalCells, RunError, RunFile, StagedSource};

/// Number of digits at the end of a phone number that are compared with a cell, which may lack the country code.
const PHONE_DIGITS: usize = 7;

/// Reads a run file beside the connection of the thread that writes it.
#[derive(Debug, Default)]
pub(super) struct SourceCells {
    run: PathBuf,
    open: Mutex<Option<OpenRun>>,
}

#[derive(Debug)]
struct OpenRun {
    run: RunFile,
    contacts: Option<Contacts>,
    cells: Option<OriginalCells>,
}

impl SourceCells {
    pub(super) fn of(run: &RunFile) -> Self {
        Self {
            run: run.path().into(),
            open: Mutex::default(),
        }
    }

    /// The first of the columns whose cell in the contact's row has the value beside it. A file that can't be read
    /// leaves the choice to the caller: the refusal itself must not be lost.
    pub(super) fn holder<'a>(
        &self,
        sources: &[StagedSource],
        source: u32,
        seq: u64,
        columns: &[(&'a str, &'a str)],
    ) -> Option<(&'a str, &'a str)> {
        let names = &sources.get(source as usize)?.columns;
        let mut open = self.open.lock();
        let open = match &mut *open {
            Some(open) => open,
            closed => closed.insert(OpenRun {
                run: RunFile::open(&self.run).ok()?,
                contacts: None,
                cells: None,
            }),
        };
        let cells = open.cells(sources, source, seq).ok()?;
        let has_value = |(column, value): &&(&str, &str)| {
            let at = names.iter().position(|name| name == column);
            let cell = at.and_then(|at| cells.get(at));
            cell.is_some_and(|cell| provides(&String::from_utf8_lossy(cell), value))
        };
        columns.iter().find(has_value).copied()
    }
}

impl OpenRun {
    fn cells(
        &mut self,
        sources: &[StagedSource],
        source: u32,
        seq: u64,
    ) -> Result<&[Vec<u8>], RunError> {
        let contacts = Contacts::around(&self.run, self.contacts.take(), seq)?;
        let contacts = self.contacts.insert(contacts);
        let row = contacts.row(contacts.index(seq));
        let cells = OriginalCells::around(&self.run, sources, self.cells.take(), source, row)?;
        self.cells.insert(cells).of(&self.run, row)
    }
}

/// True if the value was probably read from the cell: one contains the other, apart from case, spaces and punctuation.
fn provides(cell: &str, value: &str) -> bool {
    if !value.is_empty() && cell.trim() == value {
        return true;
    }
    let (cell, value) = (plain(cell), plain(value));
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    let value_end = match value.len().checked_sub(PHONE_DIGITS) {
        Some(start) if is_number => &value[start..],
        _ => &value,
    };
    !cell.is_empty() && !value.is_empty() && (cell.contains(value_end) || value.contains(&cell))
}

/// The letters and digits of a text, in lower case.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_provides_a_value_that_was_normalized() {
        for (cell, value, expected) in [
            ("+34 600 123 456", "34600123456", true),
            ("600-12-34-56", "34600123456", true),
            ("8 (901) 111-22-33", "79011112233", true),
            ("https://t.me/Ann", "ann", true),
            ("Lee", "Ann Lee", true),
            ("600 123 457", "34600123456", false),
            (" ", "ann", false),
            (" \"", "\"", true),
            ("ann", "", false),
        ] {
            assert_eq!(provides(cell, value), expected, "{cell}, {value}");
        }
    }
}
