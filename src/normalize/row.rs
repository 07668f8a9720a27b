//! The walk over one row: single fields, chats, loose numbers, templates, and at the end the rules.
//!
//! Templates come after the columns because they may use any of them and only fill what is still empty.
//! Problems are collected with their column and sorted when there are any; a good row never gets there.

mod chats;
mod numbers;
mod rules;
mod singles;
mod templates;

use std::borrow::Cow;

use csv::StringRecord;

pub use self::rules::missing;
use super::{Normalizer, RowFaults, handle::Fault, notes::Notes};
use crate::{
    contact::Contact,
    reject::{Problem, RejectCode},
    source::{CellFault, CellFaultKind},
};

/// A row that is being read.
pub(super) struct Row<'r, 'n> {
    plan: &'r Normalizer,
    cells: &'r StringRecord,
    faults: RowFaults<'n>,
    pub(super) contact: Contact<'r>,
    /// The first loose number, for templates.
    pub(super) first_number: Option<Cow<'r, str>>,
    /// With the column that each belongs to, or where it would stand.
    problems: Vec<(usize, Problem)>,
    notes: &'n mut Notes,
}

/// Where problems of no column stand: behind all others.
const NOWHERE: usize = usize::MAX;

impl<'r, 'n> Row<'r, 'n> {
    pub(super) fn new(
        plan: &'r Normalizer,
        cells: &'r StringRecord,
        faults: RowFaults<'n>,
        notes: &'n mut Notes,
    ) -> Self {
        Self {
            plan,
            cells,
            faults,
            contact: Contact::default(),
            first_number: None,
            problems: Vec::new(),
            notes,
        }
    }

    pub(super) fn read(mut self) -> Result<Contact<'r>, Vec<Problem>> {
        self.report_faults();
        self.read_singles();
        self.read_chats();
        self.read_numbers();
        for setting in self.plan.mapping.settings() {
            self.apply(setting);
        }
        self.check();
        if self.problems.is_empty() {
            return Ok(self.contact);
        }
        self.problems.sort_by_key(|(column, _)| *column);
        Err(self
            .problems
            .into_iter()
            .map(|(_, problem)| problem)
            .collect())
    }

    /// The contact's id, whatever else is wrong with the row.
    pub(super) fn id(mut self) -> Option<String> {
        self.read_singles();
        for setting in self.plan.mapping.settings() {
            self.apply(setting);
        }
        let is_sure = !self
            .problems
            .iter()
            .any(|(_, problem)| problem.code == RejectCode::DigitsLost);
        (is_sure && !self.contact.id.is_empty()).then(|| self.contact.id.into_owned())
    }

    /// The cell's text; empty where the row is short or the source could not read the cell.
    pub(super) fn cell(&self, column: usize) -> &'r str {
        if self.is_faulty(column) {
            return "";
        }
        let cell = self.cells.get(column).unwrap_or_default();
        if is_error_word(cell) { "" } else { cell }
    }

    fn is_faulty(&self, column: usize) -> bool {
        let faults = self.faults.cells.iter();
        !self.faults.cells.is_empty() && faults.clone().any(|fault| fault.column as usize == column)
    }

    #[cold]
    fn problem(&mut self, column: Option<usize>, code: RejectCode, reason: String) {
        let problem = Problem {
            column: column.and_then(|column| self.plan.column_name(column)),
            code,
            reason,
        };
        self.problems.push((column.unwrap_or(NOWHERE), problem));
    }

    fn report_faults(&mut self) {
        if let Some(found) = self.faults.ragged {
            let wanted = self.plan.mapping.columns().len();
            self.problem(None, RejectCode::RowRagged, format!(
                "the row has {found} cells and the header {wanted}: put quotes around a value that holds the delimiter, or see --delimiter"
            ));
        }
        let cells = self.faults.cells;
        for fault in cells {
            self.report_fault(fault);
        }
        for (column, cell) in self.cells.iter().enumerate() {
            if is_error_word(cell) && !self.is_faulty(column) {
                self.report_fault(&CellFault {
                    record: 0,
                    column: u32::try_from(column).unwrap_or(u32::MAX),
                    kind: CellFaultKind::Error(cell.trim().to_owned()),
                });
            }
        }
    }

    fn report_fault(&mut self, fault: &CellFault) {
        let column = fault.column as usize;
        let used = self.plan.used.get(column).copied().unwrap_or(false);
        let (code, reason) = match &fault.kind {
            CellFaultKind::Undecodable { offset } => (
                RejectCode::BytesUndecodable,
                format!(
                    "the byte at offset {offset} of the file does not fit its encoding: see --encoding, or correct the cell"
                ),
            ),
            CellFaultKind::Error(_) | CellFaultKind::DigitsLost if !used => return,
            CellFaultKind::Error(text) => (
                RejectCode::CellError,
                format!("the cell holds the error value {text}: correct its formula, or empty it"),
            ),
            CellFaultKind::DigitsLost => (
                RejectCode::DigitsLost,
                Fault::DigitsLost.reason(self.cells.get(column).unwrap_or_default()),
            ),
        };
        self.problem(Some(column), code, reason);
    }
}

/// What spreadsheets write into text files where a formula has failed; nobody is called so.
const ERROR_WORDS: [&str; 21] = [
    "#N/A",
    "#NULL!",
    "#DIV/0!",
    "#VALUE!",
    "#REF!",
    "#NAME?",
    "#NUM!",
    "#Н/Д",
    "#ПУСТО!",
    "#ДЕЛ/0!",
    "#ЗНАЧ!",
    "#ССЫЛКА!",
    "#ИМЯ?",
    "#ЧИСЛО!",
    "#N/D",
    "#¡VALOR!",
    "#¡REF!",
    "#¿NOMBRE?",
    "#VALOR!",
    "#NOME?",
    "#ERROR!",
];

fn is_error_word(cell: &str) -> bool {
    cell.starts_with('#') && ERROR_WORDS.contains(&cell.trim())
}
