//! Resolves conflicts: several columns for one field, the `ID` of an export of deals, and parts of chats.

use super::{
    Field, GroupPart, MappingError,
    alias::{LAST_RESORT, STAND_IN, Weight},
    names::{Subject, is_anyones_id, key, marks_deals, subject},
    resolved::{Assignment, How, Mapping},
};
use crate::wording::shell_quoted;

pub(super) fn settle(mapping: &mut Mapping, auto: bool) -> Result<(), MappingError> {
    refuse_deals(mapping, auto)?;
    settle_stand_ins(mapping);
    for field in [
        Field::Id,
        Field::ResponsibleUserId,
        Field::Uri,
        Field::FirstName,
        Field::MiddleName,
        Field::LastName,
        Field::SecondLastName,
    ] {
        settle_field(mapping, field)?;
    }
    settle_phones(mapping);
    Ok(())
}

/// In an export of deals, an id belongs to the deal unless its name says that it is the contact's. `--map`
/// overrides this silently; a mapping file that names every column overrides it with a warning.
fn refuse_deals(mapping: &mut Mapping, auto: bool) -> Result<(), MappingError> {
    let (anyones, others): (Vec<Assignment>, Vec<Assignment>) = mapping
        .of_field(Field::Id)
        .partition(|it| it.how != How::Flag && is_anyones_id(mapping.name(it)));
    let (Some(first), Some(mark)) = (anyones.first(), deal_mark(&mapping.columns)) else {
        return Ok(());
    };
    if !others.is_empty() {
        mapping.leave_out("its name does not say that it is the contact's", |it| {
            anyones.contains(it)
        });
        return Ok(());
    }
    let error = MappingError::Deals {
        column: mapping.name(first).to_owned(),
        mark,
        has_phones: mapping.of_field(Field::Phone).next().is_some(),
        preset: None,
    };
    if auto {
        return Err(error);
    }
    let warning = format!("{error}; it is used because the mapping file names it");
    mapping.warnings.push(warning);
    Ok(())
}

/// The column that identifies the file as an export of deals. A column that is marked as the contact's also does,
/// because then the row itself is something else.
fn deal_mark(columns: &[String]) -> Option<String> {
    let is_contacts = |name: &&String| matches!(subject(name), Subject::Contact(_));
    let mark = columns.iter().find(|name| marks_deals(name));
    mark.or_else(|| columns.iter().find(is_contacts)).cloned()
}

/// Uses a company's name or a nickname as the person's name only in Google's exports.
fn settle_stand_ins(mapping: &mut Mapping) {
    let is_googles = |it: &Assignment| it.weight == LAST_RESORT;
    if !mapping.of_field(Field::Name).any(is_googles) {
        mapping.leave_out("not the contact's own name", |it| {
            it.field == Field::Name && it.weight >= STAND_IN
        });
    }
}

/// Chooses one column name for a field. Columns with the same name stay together; the first with a value is used.
fn settle_field(mapping: &mut Mapping, field: Field) -> Result<(), MappingError> {
    let claims = mapping.of_field(field);
    let best = match claims.clone().map(strength).min() {
        None | Some(USERS) => return Ok(()),
        Some(best) => best,
    };
    let mut names: Vec<String> = Vec::new();
    for it in claims.filter(|it| strength(it) == best) {
        let name = mapping.name(it);
        if !names.iter().any(|known| key(known) == key(name)) {
            names.push(name.to_owned());
        }
    }
    if names.len() > 1 && must_be_sure(field) {
        let columns = names;
        return Err(MappingError::Ambiguous { field, columns });
    }
    let reason = format!("{field} is read from {}", shell_quoted(&names[0]));
    let winner = key(&names[0]);
    let columns = mapping.columns.clone();
    mapping.leave_out(&reason, |it| {
        it.field == field && key(&columns[it.column]) != winner
    });
    Ok(())
}

/// Smaller is stronger. The user's choice is strongest.
type Strength = (bool, bool, bool, Weight);
const USERS: Strength = (false, false, false, 0);

fn strength(it: &Assignment) -> Strength {
    // The weight never decides about an id: a wrong id overwrites other contacts.
    let weight = if it.field == Field::Id { 0 } else { it.weight };
    match it.how {
        How::Flag | How::File => USERS,
        How::Exact => (true, false, false, 0),
        How::Alias => (true, true, !it.of_contact, weight),
    }
}

/// True for fields in which a wrong choice does damage, so the user must choose.
const fn must_be_sure(field: Field) -> bool {
    matches!(field, Field::Id | Field::ResponsibleUserId | Field::Uri)
}

const fn group_part(it: &Assignment) -> Option<(u16, GroupPart)> {
    match it.field {
        Field::Group { number, part } => Some((number, part)),
        _ => None,
    }
}

/// The numbers of the groups with a part of this kind.
fn groups_with(mapping: &Mapping, is_wanted: impl Fn(GroupPart) -> bool) -> Vec<u16> {
    let parts = mapping.assignments.iter().filter_map(group_part);
    parts
        .filter(|(_, part)| is_wanted(*part))
        .map(|(number, _)| number)
        .collect()
}

/// Decides whether `phone` is a part of a chat (beside a `chat_type`) or a number without a chat type.
fn settle_phones(mapping: &mut Mapping) {
    let typed = groups_with(mapping, |part| part == GroupPart::ChatType);
    for it in &mut mapping.assignments {
        match it.field {
            // In the long layout, `phone` belongs to the chat, but a `Телефон` beside it does not.
            Field::Phone if it.how == How::Exact && typed.contains(&0) => {
                it.field = Field::Group {
                    number: 0,
                    part: GroupPart::Phone,
                };
            }
            Field::Group {
                number,
                part: GroupPart::Phone,
            } if !typed.contains(&number) => it.field = Field::Phone,
            _ => {}
        }
    }
}

/// Drops a `chat_type` without a `chat_id`, `username` or `phone`, and these without a `chat_type`.
pub(super) fn settle_groups(mapping: &mut Mapping) {
    let typed = groups_with(mapping, |part| part == GroupPart::ChatType);
    mapping.leave_out("there is no chat_type column beside it", |it| {
        group_part(it).is_some_and(|(number, _)| !typed.contains(&number))
    });
    let whole = groups_with(mapping, |part| part != GroupPart::ChatType);
    let is_lone =
        |it: &Assignment| group_part(it).is_some_and(|(number, _)| !whole.contains(&number));
    warn_of_chat_type(mapping, &whole);
    let reason = "there is no chat_id, username or phone column beside it";
    mapping.leave_out(reason, is_lone);
}

/// Warns if a column gives the chat type (`Telegram`) of a number that becomes the types of `--phone-as`.
fn warn_of_chat_type(mapping: &mut Mapping, whole: &[u16]) {
    let chat_type = Field::Group {
        number: 0,
        part: GroupPart::ChatType,
    };
    let phone = mapping.of_field(Field::Phone).min_by_key(|it| it.place());
    let types = mapping.of_field(chat_type).next();
    if let (Some(types), Some(phone), false) = (types, phone, whole.contains(&0)) {
        let (types, phone) = (
            shell_quoted(mapping.name(types)),
            shell_quoted(mapping.name(phone)),
        );
        mapping.warnings.push(format!(
            "{types} is not read, and numbers become chats of --phone-as whatever its value: if it names \
             the chat type of the number in {phone}, add --map chat_phone={phone}"
        ));
    }
}
