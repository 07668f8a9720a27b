//! The API's rules for the whole contact: what must be there, and how long it may be.

use smallvec::SmallVec;

use super::Row;
use crate::{
    contact::{ContactField, ID_CHARS_MAX, NAME_CHARS_MAX, RESPONSIBLE_CHARS_MAX, URI_CHARS_MAX},
    normalize::{Required, text::is_longer},
    reject::{Problem, RejectCode},
    wording::shown,
};

impl<'r> Row<'r, '_> {
    pub(super) fn check(&mut self) {
        let checks = [
            (ContactField::Id, ID_CHARS_MAX, RejectCode::IdTooLong),
            (
                ContactField::ResponsibleUserId,
                RESPONSIBLE_CHARS_MAX,
                RejectCode::ResponsibleUserIdTooLong,
            ),
            (ContactField::Name, NAME_CHARS_MAX, RejectCode::NameTooLong),
            (ContactField::Uri, URI_CHARS_MAX, RejectCode::UriTooLong),
        ];
        for (field, limit, code) in checks {
            let (value, columns) = self.single(field);
            if is_longer(value, limit) {
                let column = columns.first().copied();
                let reason = format!(
                    "{} has {} characters, and {} may have {limit}: shorten it",
                    shown(value),
                    value.chars().count(),
                    field.as_str()
                );
                self.problem(column, code, reason);
            }
        }
        if self.contact.missing().next().is_none() {
            return;
        }
        let missing: SmallVec<[ContactField; 5]> = self.contact.missing().collect();
        for field in missing {
            if field == ContactField::Id || self.plan.required == Required::All {
                self.report_missing(field);
            }
        }
    }

    fn single(&self, field: ContactField) -> (&str, &'r [usize]) {
        let (contact, singles) = (&self.contact, &self.plan.singles);
        match field {
            ContactField::Id => (&contact.id, &singles.id),
            ContactField::ResponsibleUserId => {
                (&contact.responsible_user_id, &singles.responsible_user_id)
            }
            ContactField::Name => (&contact.name, &singles.name),
            ContactField::Uri => (&contact.uri, &singles.uri),
            ContactField::ContactData => ("", &[]),
        }
    }

    #[cold]
    fn report_missing(&mut self, field: ContactField) {
        let (_, columns) = self.single(field);
        let code = missing_code(field);
        if self.is_explained(field) {
            return;
        }
        let column = columns.first().copied();
        let name = column.and_then(|column| self.plan.column_name(column));
        let reason = missing_reason(field, name.as_deref(), self.plan.mapping.has(field));
        self.problem(column, code, reason);
    }

    /// Does another problem of the row say already why the field is empty? One of its own columns, or anything
    /// that a template may have needed.
    fn is_explained(&self, field: ContactField) -> bool {
        let mut columns = self.problems.iter().map(|(column, _)| *column);
        let mut settings = self.plan.mapping.settings().iter();
        if columns.any(|column| self.plan.column_is_of(column, field))
            || settings
                .any(|it| it.field.contact_field() == Some(field) && !self.problems.is_empty())
        {
            return true;
        }
        let mut codes = self.problems.iter().map(|(_, problem)| problem.code);
        match field {
            ContactField::ResponsibleUserId => {
                codes.any(|code| code == RejectCode::ResponsibleUnknown)
            }
            ContactField::ContactData => codes.any(is_about_chats),
            _ => false,
        }
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

/// What a row is told that lacks a field, where only the account could have said so: the contact is not there
/// yet, so nothing can be filled in from it. `column` is the first that gives the field, where there is one.
#[must_use]
pub(crate) fn missing(field: ContactField, column: Option<&str>) -> Problem {
    let advice = match (column, field) {
        (Some(column), ContactField::ContactData) => {
            format!("fill {} or another messenger's column", shown(column))
        }
        (Some(column), _) => format!(
            "fill {}, or give a value for such rows with {}",
            shown(column),
            set_flag(field)
        ),
        (None, _) => format!(
            "no column is read as {}: add {}",
            field.as_str(),
            flags(field)
        ),
    };
    Problem {
        column: Some(column.unwrap_or(field.as_str()).to_owned()),
        code: missing_code(field),
        reason: format!(
            "the account has no contact with this id yet, and a new one needs {}: {advice}",
            field.as_str()
        ),
    }
}

const fn missing_code(field: ContactField) -> RejectCode {
    match field {
        ContactField::Id => RejectCode::IdMissing,
        ContactField::ResponsibleUserId => RejectCode::ResponsibleUserIdMissing,
        ContactField::Name => RejectCode::NameMissing,
        ContactField::Uri => RejectCode::UriMissing,
        ContactField::ContactData => RejectCode::NoChat,
    }
}

const fn flags(field: ContactField) -> &'static str {
    match field {
        ContactField::Id => "--map id='…' or --set id='{…}'",
        ContactField::ResponsibleUserId => {
            "--map responsible_user_id='…' or --set responsible_user_id='…'"
        }
        ContactField::Name => "--map name='…' or --set name='…'",
        ContactField::Uri => "--map uri='…' or --set uri='https://…/{id}'",
        ContactField::ContactData => "--map whatsapp='…' or --map phone='…'",
    }
}

/// The flag that gives a value to rows without one.
fn set_flag(field: ContactField) -> &'static str {
    let flags = flags(field);
    flags.rsplit(" or ").next().unwrap_or(flags)
}

fn missing_reason(field: ContactField, column: Option<&str>, is_mapped: bool) -> String {
    let flags = flags(field);
    match (field, column) {
        (ContactField::ContactData, _) if is_mapped => {
            "the row has no number and no account in a messenger: fill one in".to_owned()
        }
        (ContactField::ContactData, _) => {
            format!("no column holds numbers or accounts in messengers: name one with {flags}")
        }
        (_, Some(column)) => format!(
            "the cell for {} is empty: fill `{column}`, or give a value for such rows with {}",
            field.as_str(),
            set_flag(field)
        ),
        (_, None) if is_mapped => format!(
            "the row has no value for {}: fill the columns that it is made from",
            field.as_str()
        ),
        (_, None) => format!("no column is read as {}: add {flags}", field.as_str()),
    }
}
