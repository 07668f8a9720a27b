//! The cells of a row as delivered by the source, and the problems found in them.

use std::borrow::Cow;

use super::{
    edits::{Edit, Edits},
    phone,
    rules::FileRules,
    text::tidy,
};
use crate::{
    contact::{Contact, ContactField},
    mapping,
    reject::{DroppedNumber, Fault, Problem, RejectCode},
    source::{CARRIAGE_RETURN, CellFaultKind, Row},
    wording::{counted, is_blank, shown},
};

#[derive(Clone, Copy)]
pub(super) struct Cells<'r> {
    pub(super) row: Row<'r>,
    /// True in a backup, where a word for a missing value or the name of an error is a value.
    pub(super) is_literal: bool,
    /// True if a cell of the row is a word for a missing value or the name of an error. [`Cells::report_faults`]
    /// checks this once for all fields.
    pub(super) has_words: bool,
}

impl<'r> Cells<'r> {
    /// The text of a readable cell; empty if the row is short or the cell is faulty.
    #[inline]
    pub(super) fn get(&self, column: usize) -> &'r str {
        let cell = self.raw(column);
        let is_empty = self.has_words && (is_error_value(cell) || is_empty_word(cell));
        if is_empty || self.is_faulty(column) {
            return "";
        }
        cell
    }

    /// Cleans up a cell of free text.
    pub(super) fn tidied(&self, cell: &'r str, edits: &mut Edits) -> Cow<'r, str> {
        let text = tidy(cell, edits);
        if self.row.has_carriage_returns && text.contains(CARRIAGE_RETURN) {
            return Cow::Owned(text.replace(CARRIAGE_RETURN, ""));
        }
        text
    }

    /// The cell's text, even if it is faulty.
    pub(super) fn raw(&self, column: usize) -> &'r str {
        self.row.cells.get(column).copied().unwrap_or_default()
    }

    /// True if the row could not be divided into cells.
    pub(super) fn is_not_a_row(&self) -> bool {
        let mut faults = self.row.faults.iter();
        faults.any(|fault| matches!(fault.kind, CellFaultKind::NotJson(_)))
    }

    fn is_faulty(&self, column: usize) -> bool {
        let mut faults = self.row.faults.iter();
        faults.any(|fault| {
            fault.column as usize == column && fault.kind != CellFaultKind::Uncalculated
        })
    }

    /// Counts rows that are not contacts, and phone numbers in columns with unknown names.
    pub(super) fn inspect_others(&self, file: &FileRules, edits: &mut Edits) {
        if let Some(column) = file.mapping.row_kind {
            let kind = self.raw(column);
            if mapping::is_not_contact(kind) {
                edits.count(Edit::NotContact, || kind.to_owned());
            }
        }
        let unmapped = file.mapping.unmapped_columns.iter().copied();
        for column in unmapped.take_while(|&column| column < self.row.cells.len()) {
            let cell = self.raw(column);
            if !is_blank(cell) {
                let is_phone = file.phones.looks_like_phone(cell);
                let name = || file.column_name(column).unwrap_or_default();
                edits.unmapped_cell(column, name, is_phone);
            }
        }
    }

    /// Reports the faults of the row and of its cells.
    pub(super) fn report_faults(
        &mut self,
        file: &FileRules,
        problems: &mut RowProblems<'r>,
        edits: &mut Edits,
    ) {
        if let Some(found) = self.row.ragged {
            let wanted = file.mapping.columns.len();
            let cells = counted(found as u64, "cell");
            problems.add(None, Fault::new(RejectCode::RowRagged, format!(
                "the row has {cells} and the header {wanted}: quote values that contain the delimiter, or set --delimiter"
            )));
        }
        for fault in self.row.faults {
            let column = fault.column as usize;
            let is_used = file.used.get(column).copied().unwrap_or(false);
            match &fault.kind {
                CellFaultKind::Undecodable => {
                    let reason = format!(
                        "{} has bytes that are invalid in the file's encoding: set --encoding, or correct the cell",
                        shown(self.raw(column))
                    );
                    let fault = Fault::new(RejectCode::BytesUndecodable, reason);
                    problems.add(Some(column), fault);
                }
                CellFaultKind::Error(text) if is_used => {
                    edits.missing_value(text);
                    report_error_value(column, text, file, problems);
                }
                CellFaultKind::DigitsLost if is_used => {
                    problems.add(Some(column), phone::digits_lost(self.raw(column)));
                }
                CellFaultKind::Object if is_used => {
                    let reason = format!(
                        "{} is an object, not a value: write the value itself",
                        shown(self.raw(column))
                    );
                    problems.add(Some(column), Fault::new(RejectCode::JsonInvalid, reason));
                }
                CellFaultKind::StrayQuote => {
                    let reason = format!(
                        "text follows a closing quote in {}: double the quotes within the cell (\"\")",
                        shown(self.raw(column))
                    );
                    problems.add(Some(column), Fault::new(RejectCode::RowRagged, reason));
                }
                CellFaultKind::NotJson(why) => {
                    let reason = format!("the line is not a JSON object: {why}");
                    problems.add(None, Fault::new(RejectCode::JsonInvalid, reason));
                }
                CellFaultKind::Uncalculated if is_used => problems.uncalculated.push(column),
                CellFaultKind::Error(_)
                | CellFaultKind::DigitsLost
                | CellFaultKind::Uncalculated
                | CellFaultKind::Object => {}
            }
        }
        if self.is_literal {
            return;
        }
        for (column, &cell) in self.row.cells.iter().enumerate() {
            if !may_be_word(cell) {
                continue;
            }
            let (is_error, is_empty) = (is_error_value(cell), is_empty_word(cell));
            if !is_error && !is_empty {
                continue;
            }
            self.has_words = true;
            if !file.used.get(column).copied().unwrap_or(false) {
                continue;
            }
            if is_error && !self.is_faulty(column) {
                edits.missing_value(cell);
                report_error_value(column, cell.trim(), file, problems);
            }
            if is_empty {
                edits.missing_value(cell);
                edits.count(Edit::EmptyWord, || cell.to_owned());
            }
        }
    }
}

/// Reports an error value. `#N/A` means a missing value: one of several numbers may be missing, and a name may be
/// in other columns. Other error values may hide a value, and an id from another column may be another contact's.
fn report_error_value(column: usize, text: &str, file: &FileRules, problems: &mut RowProblems<'_>) {
    let reason =
        format!("the cell contains the error value {text}: correct its formula, or empty it");
    let fault = Fault::new(RejectCode::CellError, reason);
    let mut fields = [
        ContactField::ContactData,
        ContactField::Name,
        ContactField::Uri,
        ContactField::ResponsibleUserId,
    ]
    .into_iter();
    let field = fields.find(|field| file.mapping.gives(column, *field));
    let no_value = NO_VALUE.into_iter().find(|word| *word == text);
    match (field, no_value) {
        (Some(field), Some(value)) => problems.doubts.push(Doubt {
            column,
            field,
            fault,
            value,
            is_dropped: false,
        }),
        _ => problems.add(Some(column), fault),
    }
}

/// Error values for a missing value.
const NO_VALUE: [&str; 3] = ["#N/A", "#Н/Д", "#N/D"];

/// Error values of formulas, as spreadsheets write them to text files.
const ERROR_VALUES: [&str; 31] = [
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
    "#SPILL!",
    "#GETTING_DATA",
    "#FIELD!",
    "#CALC!",
    "#BLOCKED!",
    "#CONNECT!",
    "#UNKNOWN!",
    "#BUSY!",
    "#PYTHON!",
    "#EXTERNAL!",
];

/// A fast path: false for most cells, because no error value or word for a missing value begins like them.
fn may_be_word(cell: &str) -> bool {
    cell.as_bytes().first().is_some_and(|first| {
        matches!(
            first,
            b'#' | b'N' | b'n' | b'u' | b'-' | b'\\' | b'(' | b' ' | 0xD0 | 0xE2
        )
    })
}

/// True for words that databases, programs and people write for a missing value.
fn is_empty_word(cell: &str) -> bool {
    if cell.len() > 12 || ends_in_digit(cell.as_bytes()) || !may_be_word(cell) {
        return false;
    }
    #[rustfmt::skip]
    let is_word = matches!(
        cell.trim(),
        "NULL" | "null" | "(null)" | "\\N" | "None" | "none" | "NONE" | "nan" | "NaN" | "NAN" | "n/a" | "N/A"
            | "undefined" | "-" | "–" | "—" | "нет" | "Нет" | "НЕТ"
    );
    is_word
}

/// True for an answer instead of an account or a number.
pub(super) fn is_yes_or_no(cell: &str) -> bool {
    #[rustfmt::skip]
    const ANSWERS: [&str; 12] =
        ["true", "false", "yes", "no", "да", "нет", "sí", "si", "sim", "não", "nao", "on"];
    if ends_in_digit(cell.as_bytes()) {
        return false;
    }
    let cell = cell.trim();
    cell.len() <= 6 && ANSWERS.contains(&&*cell.to_lowercase())
}

/// True for most ids, accounts and numbers, and for no word.
fn ends_in_digit(cell: &[u8]) -> bool {
    cell.last().is_some_and(u8::is_ascii_digit)
}

fn is_error_value(cell: &str) -> bool {
    cell.starts_with('#') && ERROR_VALUES.contains(&cell.trim())
}

/// The faults found in a row. Does not allocate for a valid row.
#[derive(Default)]
pub(super) struct RowProblems<'r> {
    /// Each with its column, or [`NO_COLUMN`].
    found: Vec<(usize, Fault)>,
    doubts: Vec<Doubt<'r>>,
    /// Columns with an uncalculated formula.
    uncalculated: Vec<usize>,
}

/// A cell without a usable value (`#N/A`; in a chat's column also `-` or `нет`). It is a problem only if no other
/// column provides a value, because a remark about one chat must not reject the contact.
struct Doubt<'r> {
    column: usize,
    field: ContactField,
    fault: Fault,
    value: &'r str,
    /// True if it is left out because of `--bad-numbers drop`.
    is_dropped: bool,
}

/// Sorts problems without a column last. (A wrong number of cells comes first, because it explains the others.)
const NO_COLUMN: usize = usize::MAX;

impl<'r> RowProblems<'r> {
    #[cold]
    pub(super) fn add(&mut self, column: Option<usize>, fault: Fault) {
        self.found.push((column.unwrap_or(NO_COLUMN), fault));
    }

    /// Adds the fault of a value in a chat's column.
    pub(super) fn add_of_chat(
        &mut self,
        column: usize,
        fault: Fault,
        value: &'r str,
        is_doubtful: bool,
        file: &FileRules,
    ) {
        let is_number = matches!(
            fault.code,
            RejectCode::PhoneInvalid | RejectCode::PhoneTruncated
        );
        let is_dropped = file.phones.drops_bad && is_number && !is_doubtful;
        if is_doubtful || is_dropped {
            self.doubts.push(Doubt {
                column,
                field: ContactField::ContactData,
                fault,
                value,
                is_dropped,
            });
        } else {
            self.add(Some(column), fault);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// True if a spreadsheet has rounded a value in a column of this field.
    pub(super) fn has_lost_digits(&self, field: ContactField, file: &FileRules) -> bool {
        self.found.iter().any(|(column, fault)| {
            fault.code == RejectCode::DigitsLost && file.mapping.gives(*column, field)
        })
    }

    /// Drops doubts about fields that have a value, and turns the others into problems.
    pub(super) fn settle_doubts(
        &mut self,
        contact: &Contact<'_>,
        file: &FileRules,
        edits: &mut Edits,
    ) {
        for doubt in std::mem::take(&mut self.doubts) {
            let edit = match doubt.field {
                ContactField::ContactData => Edit::PhoneLeftOut,
                _ => Edit::NoValue,
            };
            if contact.missing().any(|field| field == doubt.field) {
                self.add(Some(doubt.column), doubt.fault);
            } else if doubt.is_dropped {
                edits.dropped.push(DroppedNumber {
                    row: 0,
                    id: contact.id.to_string(),
                    value: doubt.value.to_owned(),
                    problem: doubt.fault.at(file.column_name(doubt.column)),
                });
            } else {
                edits.count(edit, || doubt.value.to_owned());
            }
        }
    }

    /// True if another problem already explains why the field is empty: one in a column of the field, or any
    /// problem if a template provides the field.
    pub(super) fn explain(&self, field: ContactField, file: &FileRules) -> bool {
        let mapping = &file.mapping;
        let mut templates = mapping.templates.iter();
        self.found.iter().any(|(column, fault)| {
            mapping.gives(*column, field)
                || match field {
                    ContactField::ResponsibleUserId => fault.code == RejectCode::ResponsibleUnknown,
                    ContactField::ContactData => is_about_chats(fault.code),
                    _ => false,
                }
        }) || (!self.found.is_empty()
            && templates.any(|template| template.field.contact_field() == Some(field)))
    }

    /// The problems in column order.
    pub(super) fn finish(mut self, file: &FileRules) -> Vec<Problem> {
        self.found
            .sort_by_key(|(column, fault)| (fault.code != RejectCode::RowRagged, *column));
        let problems = self.found.into_iter().map(|(column, mut fault)| {
            if self.uncalculated.contains(&column) {
                fault
                    .reason
                    .push_str(" (the cell contains a formula that was saved without its result)");
            }
            fault.at(file.column_name(column))
        });
        problems.collect()
    }
}

const fn is_about_chats(code: RejectCode) -> bool {
    matches!(
        code,
        RejectCode::PhoneInvalid
            | RejectCode::PhoneTruncated
            | RejectCode::UsernameInvalid
            | RejectCode::ContactDataInvalid
            | RejectCode::ChatTypeUnknown
            | RejectCode::ChatIdMissing
            | RejectCode::DigitsLost
            | RejectCode::CellError
    )
}
