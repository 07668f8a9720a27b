//! The API's rules for a whole contact: length limits and required fields.

use super::{
    problems::RowProblems,
    rules::{FileRules, Required},
};
use crate::{
    characters::shown,
    contact::{
        Contact, ContactField, ID_CHARS_MAX, NAME_CHARS_MAX, RESPONSIBLE_CHARS_MAX, URI_CHARS_MAX,
    },
    mapping::{Field, Mapping},
    reject::{Fault, Problem, RejectCode},
};

/// Checks the API's rules for the whole contact.
pub(super) fn check(contact: &Contact<'_>, file: &FileRules, problems: &mut RowProblems<'_>) {
    let mapping = &file.mapping;
    // The values of a backup come from the account, so the server decides.
    if mapping.backup.is_none() && !fits_in_bytes(contact) {
        for (field, fault) in too_long(contact) {
            problems.add(mapping.column_of(field), fault);
        }
    }
    if contact.is_complete() {
        return;
    }
    for field in contact.missing() {
        let is_required = field == ContactField::Id || file.required == Required::All;
        if !is_required || problems.explain(field, file) {
            continue;
        }
        let column = match field {
            ContactField::Id => mapping.column_of(Field::Id),
            ContactField::ResponsibleUserId => mapping.column_of(Field::ResponsibleUserId),
            ContactField::Name => mapping.column_of(Field::Name),
            ContactField::Uri => mapping.column_of(Field::Uri),
            ContactField::ContactData => None,
        };
        let name = column.and_then(|column| file.column_name(column));
        let fault = missing_fault(field, name.as_deref(), mapping);
        problems.add(column, fault);
    }
}

/// A fast path: even in bytes, no value of most contacts is too long.
fn fits_in_bytes(contact: &Contact<'_>) -> bool {
    contact.id.len() <= ID_CHARS_MAX
        && contact.responsible_user_id.len() <= RESPONSIBLE_CHARS_MAX
        && contact.name.len() <= NAME_CHARS_MAX
        && contact.uri.len() <= URI_CHARS_MAX
}

/// The values that are longer than the API allows.
fn too_long(contact: &Contact<'_>) -> impl Iterator<Item = (Field, Fault)> {
    let limits: [(Field, &str, usize, RejectCode); 4] = [
        (Field::Id, &contact.id, ID_CHARS_MAX, RejectCode::IdTooLong),
        (
            Field::ResponsibleUserId,
            &contact.responsible_user_id,
            RESPONSIBLE_CHARS_MAX,
            RejectCode::ResponsibleUserIdTooLong,
        ),
        (
            Field::Name,
            &contact.name,
            NAME_CHARS_MAX,
            RejectCode::NameTooLong,
        ),
        (
            Field::Uri,
            &contact.uri,
            URI_CHARS_MAX,
            RejectCode::UriTooLong,
        ),
    ];
    let too_long = limits
        .into_iter()
        .filter(|(_, value, limit, _)| value.chars().count() > *limit);
    too_long.map(|(field, value, limit, code)| {
        let reason = format!(
            "{} has {} characters, but {field} is limited to {limit}: shorten it",
            shown(value),
            value.chars().count(),
        );
        (field, Fault::new(code, reason))
    })
}

/// The fault of a row without a required field. `column` is the first column that provides the field.
fn missing_fault(field: ContactField, column: Option<&str>, mapping: &Mapping) -> Fault {
    let name = field.as_str();
    let is_mapped = mapping.has(field);
    let flags = flags(field);
    let reason = match (field, column) {
        (ContactField::ContactData, _) if is_mapped => {
            "the row has no phone number and no chat: fill in one of them".to_owned()
        }
        (ContactField::ContactData, _) => {
            // With `--phone-as none`, a `phone` column would be left out.
            let or_phone = if mapping.phone_as.is_empty() {
                ""
            } else {
                " or --map phone='…'"
            };
            format!("no column holds phone numbers or chats: name one with {flags}{or_phone}")
        }
        (_, Some(column)) => format!(
            "the cell for {name} is empty: fill in `{column}`, or set a value for such rows with {}",
            set_flag(field)
        ),
        (_, None) if is_mapped => {
            format!("the row has no value for {name}: fill in the columns from which it is built")
        }
        (_, None) => format!("no column is read as {name}: add {flags}"),
    };
    Fault::new(missing_code(field), reason)
}

/// The problem of a row without a field that only an existing contact could have provided. `column` is the first
/// column that provides the field.
pub(crate) fn missing(field: ContactField, column: Option<&str>) -> Problem {
    let advice = match (column, field) {
        (Some(column), ContactField::ContactData) => {
            format!(
                "fill in a column of phone numbers or chats, such as {}",
                shown(column)
            )
        }
        (Some(column), _) => format!(
            "fill in {}, or set a value for such rows with {}",
            shown(column),
            set_flag(field)
        ),
        (None, _) => format!(
            "no column is read as {}: add {}",
            field.as_str(),
            flags(field)
        ),
    };
    let reason = format!(
        "the account has no contact with this id yet, and a new one needs {}: {advice}",
        field.as_str()
    );
    let column = column.unwrap_or(field.as_str()).to_owned();
    Fault::new(missing_code(field), reason).at(Some(column))
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
        ContactField::ContactData => "--map whatsapp='…'",
    }
}

/// The flag that sets a value for rows without one.
fn set_flag(field: ContactField) -> &'static str {
    let flags = flags(field);
    flags.rsplit(" or ").next().unwrap_or(flags)
}
