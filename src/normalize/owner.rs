//! Reads the owner of a contact: an employee's id, or a name that a mapping file or the account turns into one.

use std::borrow::Cow;

use super::{
    edits::{Edit, Edits},
    owner_notes::{OwnersKnownBy, TABLE},
    phone,
    rules::FileRules,
};
use crate::{
    characters::shown,
    employees::{OwnerLook, OwnerRule},
    mapping::{Field, name_key},
    reject::{Fault, RejectCode},
};

/// Reads the value of a column.
pub(super) fn read<'r>(
    value: Cow<'r, str>,
    file: &'r FileRules,
    edits: &mut Edits,
) -> Result<Cow<'r, str>, Fault> {
    if value.is_empty() {
        return Ok(value);
    }
    let table = file.table(Field::ResponsibleUserId);
    if let Some(id) = table.and_then(|table| table.get(&value)) {
        edits.replaced(&value, id);
        return Ok(id.into());
    }
    if file.owners.employees().is_some() {
        return employee(whole_id(value, file, edits), file, edits);
    }
    if file.mapping.backup.is_some() {
        return Ok(value);
    }
    let can_look_up = file.owners.can_look_up();
    let look = OwnerLook::of(&value);
    if table.is_some_and(|table| table.replaces_ids || look != OwnerLook::Id) {
        edits
            .owners
            .unknown(&value, OwnersKnownBy::Table, can_look_up);
        return Err(not_in_table(&value, can_look_up));
    }
    // Only the shortest placeholders consist of digits.
    if (look != OwnerLook::Id || value.len() <= 2) && is_placeholder(&value) {
        edits.owners.placeholder(&value);
    }
    let is_name = match look {
        OwnerLook::Id => false,
        OwnerLook::Name => true,
        OwnerLook::Unclear => {
            file.owners_are_names || !value.is_ascii() || is_capitalised_word(&value)
        }
    };
    if is_name && !matches!(file.owners, OwnerRule::AsWritten) {
        edits
            .owners
            .unknown(&value, OwnersKnownBy::Nothing, can_look_up);
    }
    Ok(whole_id(value, file, edits))
}

/// True for `Ana`, which is hardly an id, but not sure enough for the guard.
fn is_capitalised_word(value: &str) -> bool {
    let mut letters = value.bytes();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_uppercase())
        && letters.len() > 0
        && letters.all(|letter| letter.is_ascii_lowercase())
}

fn not_in_table(value: &str, can_look_up: bool) -> Fault {
    let look_up = if can_look_up {
        ", or look it up with --owners match"
    } else {
        ""
    };
    let reason = format!(
        "{} has no id in the mapping file: add it to {TABLE}{look_up}",
        shown(value)
    );
    Fault::new(RejectCode::ResponsibleUnknown, reason)
}

/// The employee's id for a value. A value that looks like an id is kept with a warning, because the account may
/// not list every employee.
pub(super) fn employee<'r>(
    value: Cow<'r, str>,
    file: &'r FileRules,
    edits: &mut Edits,
) -> Result<Cow<'r, str>, Fault> {
    let Some(employees) = file.owners.employees() else {
        return Ok(value);
    };
    if let Some(id) = employees.id_of(&value) {
        if value != id {
            edits.count(Edit::OwnerMatched, || format!("{value} → {id}"));
        }
        return Ok(id.into());
    }
    if OwnerLook::of(&value) == OwnerLook::Id {
        return Ok(value);
    }
    edits.owners.unknown(&value, OwnersKnownBy::Account, false);
    let reason = &*employees.reason(&value);
    Err(Fault::new(RejectCode::ResponsibleUnknown, reason))
}

/// Notes an owner that the guard counts or that the user is warned about.
pub(super) fn inspect(owner: &str, file: &FileRules, edits: &mut Edits) {
    if file.owners.is_name(owner) {
        edits.owners.named();
    }
    let employees = file.owners.employees();
    if employees.is_some_and(|employees| !owner.is_empty() && !employees.has(owner)) {
        edits.owners.unlisted(owner);
    }
}

/// An id without a numeric fraction or exponent.
#[inline]
pub(super) fn whole_id<'r>(id: Cow<'r, str>, file: &FileRules, edits: &mut Edits) -> Cow<'r, str> {
    match phone::whole_id(&id) {
        Some(whole) if file.mapping.backup.is_none() => {
            edits.count(Edit::WholeId, || format!("{id} → {whole}"));
            whole.into_owned().into()
        }
        _ => id,
    }
}

/// True for a value that programs and people write for a contact without an owner.
fn is_placeholder(value: &str) -> bool {
    // A fast path: the digits of almost every id rule it out.
    let is_id = || value.len() > 2 && value.bytes().any(|byte| byte.is_ascii_digit());
    value.len() <= 40 && !is_id() && PLACEHOLDERS.contains(&&*name_key(value))
}

/// Such values, normalized with [`name_key`]. Only the shortest have a digit.
#[rustfmt::skip]
const PLACEHOLDERS: [&str; 44] = [
    "0", "00", "1", "x", "xx", "xxx", "admin", "administrator", "root", "system", "user", "test", "demo",
    "default", "unknown", "unassigned", "notassigned", "noone", "noowner", "администратор", "админ",
    "система", "пользователь", "тест", "неизвестно", "неизвестен", "неназначен", "неназначена", "неназначено",
    "неуказан", "неуказано", "нетответственного", "безответственного", "отсутствует", "sinasignar",
    "sinresponsable", "desconocido", "administrador", "ninguno", "noasignado", "naoatribuido",
    "semresponsavel", "desconhecido", "nenhum",
];
