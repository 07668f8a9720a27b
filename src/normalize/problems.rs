//! The problems found in a row.

use super::{
    edits::{Edit, Edits},
    rules::FileRules,
};
use crate::{
    contact::{Contact, ContactField},
    reject::{DroppedNumber, Fault, Problem, RejectCode},
};

/// Error values for a missing value.
const NO_VALUE: [&str; 3] = ["#N/A", "#Н/Д", "#N/D"];

/// The faults found in a row. Does not allocate for a valid row.
#[derive(Default)]
pub(super) struct RowProblems<'r> {
    /// Each with its column, or [`NO_COLUMN`].
    found: Vec<(usize, Fault)>,
    possible: Vec<PossibleFault<'r>>,
    /// Columns with an uncalculated formula.
    pub(super) uncalculated: Vec<usize>,
    /// True if a value of a chat's column was left out because it can't be read.
    pub(super) has_unread_chat: bool,
}

/// A cell without a usable value (`#N/A`; in a chat's column also `-` or `нет`). It is a problem only if no other
/// column provides a value, because a remark about one chat must not reject the contact.
struct PossibleFault<'r> {
    column: usize,
    field: ContactField,
    fault: Fault,
    value: &'r str,
    /// True if it is listed, because of `--bad-numbers drop`.
    is_dropped: bool,
}

/// Sorts problems without a column last. (A wrong number of cells comes first, because it explains the others.)
const NO_COLUMN: usize = usize::MAX;

impl<'r> RowProblems<'r> {
    #[cold]
    pub(super) fn add(&mut self, column: Option<usize>, fault: Fault) {
        self.found.push((column.unwrap_or(NO_COLUMN), fault));
    }

    /// Reports an error value. `#N/A` means a missing value: one of several numbers may be missing, and a name may be
    /// in other columns. Other error values may hide a value, and an id from another column may be another contact's.
    /// In a backup, each hides a value of the account: export guards values that look like one.
    pub(super) fn add_error_value(&mut self, column: usize, text: &str, file: &FileRules) {
        let is_backup = file.mapping.backup.is_some();
        let advice = if is_backup {
            format!("write the original value, or =\"{text}\" if it is this text")
        } else {
            "correct its formula, or empty it".to_owned()
        };
        let reason = format!("the cell contains the error value {text}: {advice}");
        let fault = Fault::new(RejectCode::CellError, reason);
        if is_backup {
            return self.add(Some(column), fault);
        }
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
            (Some(field), Some(value)) => self.possible.push(PossibleFault {
                column,
                field,
                fault,
                value,
                is_dropped: false,
            }),
            _ => self.add(Some(column), fault),
        }
    }

    /// Adds the fault of a value in a chat's column.
    pub(super) fn add_of_chat(
        &mut self,
        column: usize,
        fault: Fault,
        value: &'r str,
        is_possible: bool,
        file: &FileRules,
    ) {
        let is_number = matches!(
            fault.code,
            RejectCode::PhoneInvalid | RejectCode::PhoneTruncated
        );
        let is_dropped = file.phones.drops_bad && is_number;
        if is_possible || is_dropped {
            self.possible.push(PossibleFault {
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

    /// Drops possible faults of fields that have a value, and turns the others into problems.
    pub(super) fn settle_possible_faults(
        &mut self,
        contact: &Contact<'_>,
        file: &FileRules,
        edits: &mut Edits,
    ) {
        for possible in std::mem::take(&mut self.possible) {
            let edit = match possible.field {
                ContactField::ContactData => {
                    self.has_unread_chat = true;
                    Edit::PhoneLeftOut
                }
                _ => Edit::NoValue,
            };
            if contact.missing().any(|field| field == possible.field) {
                self.add(Some(possible.column), possible.fault);
            } else if possible.is_dropped {
                edits.dropped.push(DroppedNumber {
                    row: 0,
                    id: contact.id.to_string(),
                    value: possible.value.to_owned(),
                    problem: possible.fault.at(file.column_name(possible.column)),
                });
            } else {
                edits.count(edit, || possible.value.to_owned());
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
