//! The problems of one row, collected with their columns.

use super::{
    edits::{Edit, Edits},
    rules::FileRules,
};
use crate::{
    contact::{Contact, ContactField},
    reject::{Fault, Problem, RejectCode},
};

/// The faults found in a row. A good row has none, so this allocates nothing.
#[derive(Default)]
pub(super) struct RowProblems<'r> {
    /// Each with its column, or [`NO_COLUMN`].
    found: Vec<(usize, Fault)>,
    doubts: Vec<Doubt<'r>>,
}

/// A cell without a usable value (`#N/A`; in a chat's column also `-` or `нет`). It is a problem only if the field gets no
/// value from elsewhere: a remark about one chat must not cost the contact.
pub(super) struct Doubt<'r> {
    pub(super) column: usize,
    pub(super) field: ContactField,
    pub(super) fault: Fault,
    pub(super) value: &'r str,
}

/// Problems without a column come after all others.
const NO_COLUMN: usize = usize::MAX;

impl<'r> RowProblems<'r> {
    #[cold]
    pub(super) fn add(&mut self, column: Option<usize>, fault: Fault) {
        self.found.push((column.unwrap_or(NO_COLUMN), fault));
    }

    pub(super) fn doubt(&mut self, doubt: Doubt<'r>) {
        self.doubts.push(doubt);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn has(&self, code: RejectCode) -> bool {
        self.found.iter().any(|(_, fault)| fault.code == code)
    }

    /// Drops the doubts about fields that have a value, and turns the others into problems.
    pub(super) fn settle_doubts(&mut self, contact: &Contact<'_>, edits: &mut Edits) {
        for doubt in std::mem::take(&mut self.doubts) {
            let edit = match doubt.field {
                ContactField::ContactData => Edit::PhoneLeftOut,
                _ => Edit::NoValue,
            };
            if contact.missing().any(|field| field == doubt.field) {
                self.add(Some(doubt.column), doubt.fault);
            } else {
                edits.count(edit, || doubt.value.to_owned());
            }
        }
    }

    /// True if another problem already explains why the field is empty: one in a column of the field, or any at all if a
    /// template gives the field.
    pub(super) fn explain(&self, field: ContactField, file: &FileRules) -> bool {
        let mapping = &file.mapping;
        let mut templates = mapping.templates().iter();
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

    /// The problems in the order of the columns.
    pub(super) fn finish(mut self, file: &FileRules) -> Vec<Problem> {
        self.found.sort_by_key(|(column, _)| *column);
        let problems = self.found.into_iter();
        problems
            .map(|(column, fault)| fault.at(file.column_name(column)))
            .collect()
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
