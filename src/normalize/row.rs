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

pub(crate) use self::rules::missing;
use super::{
    Normalizer, RowFaults,
    handle::Fault,
    notes::{Note, Notes},
};
use crate::{
    contact::{Contact, ContactField},
    mapping,
    reject::{Problem, RejectCode},
    source::{CellFault, CellFaultKind, is_blank},
    wording::counted,
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
    /// What is wrong, and counts only where the field gets no value from elsewhere.
    scraps: Vec<Scrap<'r>>,
    notes: &'n mut Notes,
}

/// A cell that says nothing: `#N/A`, and of a chat also `-`, `нет`.
struct Scrap<'r> {
    column: usize,
    field: ContactField,
    code: RejectCode,
    reason: String,
    value: &'r str,
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
            scraps: Vec::new(),
            notes,
        }
    }

    pub(super) fn read(mut self) -> Result<Contact<'r>, Vec<Problem>> {
        self.report_faults();
        self.read_singles();
        self.read_chats();
        self.read_numbers();
        self.look_at_kind();
        self.look_at_strangers();
        for setting in self.plan.mapping.settings() {
            self.apply(setting);
        }
        self.settle_scraps();
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

    /// The contact's id, whatever else is wrong with the row. Where a delimiter stands too much, nobody knows
    /// which cell it is.
    pub(super) fn id(mut self) -> Option<String> {
        if self.faults.ragged.is_some() {
            return None;
        }
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

    /// Scraps are left out where the row has other chats, or the value from elsewhere: a remark about one must not
    /// cost the contact.
    fn settle_scraps(&mut self) {
        for scrap in std::mem::take(&mut self.scraps) {
            let note = match scrap.field {
                ContactField::ContactData => Note::PhoneLeftOut,
                _ => Note::NoValue,
            };
            if self.contact.missing().any(|field| field == scrap.field) {
                self.problem(Some(scrap.column), scrap.code, scrap.reason);
            } else {
                self.notes.count(note, || scrap.value.to_owned());
            }
        }
    }

    /// A file with contacts and companies has rows that nobody wants to write to by mistake.
    fn look_at_kind(&mut self) {
        let Some(column) = self.plan.mapping.row_kind() else {
            return;
        };
        let kind = self.cells.get(column).unwrap_or_default();
        if mapping::is_no_contact(kind) {
            self.notes.count(Note::NoContact, || kind.to_owned());
        }
    }

    /// Columns whose names say nothing: do they hold numbers?
    fn look_at_strangers(&mut self) {
        for column in self.plan.mapping.strangers() {
            let cell = self.cells.get(*column).unwrap_or_default();
            if !is_blank(cell) {
                let is_phone = may_be_phone(cell) && self.plan.phones.would_be_phone(cell);
                let name = || self.plan.column_name(*column).unwrap_or_default();
                self.notes.stranger(*column, name, is_phone);
            }
        }
    }

    fn report_faults(&mut self) {
        if let Some(found) = self.faults.ragged {
            let wanted = self.plan.mapping.columns().len();
            let cells = counted(found as u64, "cell");
            self.problem(None, RejectCode::RowRagged, format!(
                "the row has {cells} and the header {wanted}: put quotes around a value that holds the delimiter, or see --delimiter"
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
            CellFaultKind::Error(text) => return self.report_error_word(column, text),
            CellFaultKind::DigitsLost => (
                RejectCode::DigitsLost,
                Fault::DigitsLost.reason(self.cells.get(column).unwrap_or_default()),
            ),
        };
        self.problem(Some(column), code, reason);
    }

    /// `#N/A` says that there is no value: of several numbers one may be missing, and a name may stand in other
    /// columns. Other errors may hide one. An id from elsewhere may be somebody else's.
    fn report_error_word(&mut self, column: usize, text: &str) {
        let code = RejectCode::CellError;
        let reason =
            format!("the cell holds the error value {text}: correct its formula, or empty it");
        let mut fields = [
            ContactField::ContactData,
            ContactField::Name,
            ContactField::Uri,
            ContactField::ResponsibleUserId,
        ]
        .into_iter();
        let field = fields.find(|&field| self.plan.column_is_of(column, field));
        let word = NO_VALUE.into_iter().find(|word| *word == text);
        let (Some(field), Some(value)) = (field, word) else {
            return self.problem(Some(column), code, reason);
        };
        self.scraps.push(Scrap {
            column,
            field,
            code,
            reason,
            value,
        });
    }
}

/// Could it be a telephone number, at a glance? Most cells are not.
fn may_be_phone(cell: &str) -> bool {
    let bytes = cell.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_of_phones = |byte: &u8| byte.is_ascii_digit() || b"+ ()-./".contains(byte);
    (10..=15).contains(&digits) && bytes.len() <= 30 && bytes.iter().all(is_of_phones)
}

/// The error values that stand for a value that is not there.
const NO_VALUE: [&str; 3] = ["#N/A", "#Н/Д", "#N/D"];

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
