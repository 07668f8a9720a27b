//! Compares two contacts and computes updates, with pure functions.
//!
//! Nothing is erased by omission. A field that is empty in the source keeps the account's value. A chat is
//! removed only if a new one of its type replaces it. A `uri` in the API's own form is not the stored link: it is
//! never sent back, and a difference only with `--mode update`. \[doc\] Undocumented members are not a difference
//! either, and are not sent. A `WhatsApp` number in its other spelling is not a difference, and keeps the account's
//! spelling, because only `WhatsApp` knows the right one.

use std::borrow::Cow;

use super::chats::{self, Replaced, describe};
use crate::{
    contact::{ChatType, Contact, ContactField, UnknownFields},
    run::FieldChange,
};

/// Replaces a link that the API does not return. Every update includes a link, so it is listed with the other
/// changes, but is a change by itself only with `--mode update`.
pub(crate) const NOT_SHOWN: &str = "(not shown)";

/// Replaces an account's value that was not read before it was overwritten.
pub(crate) const NOT_READ: &str = "(not read)";

/// The difference between a contact of the source and the account's contact.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Difference<'a> {
    /// The account already has everything in the source.
    Unchanged,
    /// The account needs an update.
    Changed {
        fields: Vec<FieldChange>,
        /// The contact to send. Fields that are missing from the source come from the account.
        merged: Contact<'a>,
    },
}

/// Compares a contact of the source with the account's.
pub(crate) fn difference<'a>(
    local: &Contact<'a>,
    account: &Contact<'a>,
    replaced: Replaced<'_>,
) -> Difference<'a> {
    if chats::respelt(&local.contact_data, &account.contact_data).is_none() {
        return compare(local, account, replaced, false);
    }
    let local = Contact {
        contact_data: chats::spelled_as(&account.contact_data, &local.contact_data),
        ..local.clone()
    };
    compare(&local, account, replaced, false)
}

/// Compares like [`difference`], except that a `WhatsApp` number in its other spelling is a difference, and so is a
/// link of the source if the account does not show its own.
pub(super) fn exact_difference<'a>(
    local: &Contact<'a>,
    account: &Contact<'a>,
    replaced: Replaced<'_>,
) -> Difference<'a> {
    compare(local, account, replaced, true)
}

fn compare<'a>(
    local: &Contact<'a>,
    account: &Contact<'a>,
    replaced: Replaced<'_>,
    are_links_sent: bool,
) -> Difference<'a> {
    let mut fields = Vec::new();
    let mut text = |field: ContactField, local: &Cow<'a, str>, account: &Cow<'a, str>| {
        if local.is_empty() || local == account {
            return account.clone();
        }
        fields.push(change(field, account, local));
        local.clone()
    };
    let responsible_user_id = text(
        ContactField::ResponsibleUserId,
        &local.responsible_user_id,
        &account.responsible_user_id,
    );
    let name = text(ContactField::Name, &local.name, &account.name);
    let uri = if account.uri_is_unknown() {
        local.uri.clone()
    } else {
        text(ContactField::Uri, &local.uri, &account.uri)
    };
    let (contact_data, chats_differ) =
        chats::merge(&local.contact_data, &account.contact_data, replaced);
    if chats_differ {
        let (old, new) = (describe(&account.contact_data), describe(&contact_data));
        fields.push(change(ContactField::ContactData, &old, &new));
    }
    let has_unseen_link = account.uri_is_unknown() && !local.uri.is_empty();
    if fields.is_empty() && !(are_links_sent && has_unseen_link) {
        return Difference::Unchanged;
    }
    if has_unseen_link {
        fields.push(change(ContactField::Uri, NOT_SHOWN, &local.uri));
    }
    let merged = Contact {
        id: local.id.clone(),
        responsible_user_id,
        name,
        contact_data,
        uri,
        unknown: UnknownFields::default(),
    };
    Difference::Changed { fields, merged }
}

/// The differences between two states of a contact in the account, ignoring the order of chats.
pub(crate) fn changes(old: &Contact<'_>, new: &Contact<'_>) -> Vec<FieldChange> {
    let texts = [
        (
            ContactField::ResponsibleUserId,
            &old.responsible_user_id,
            &new.responsible_user_id,
        ),
        (ContactField::Name, &old.name, &new.name),
        (ContactField::Uri, &old.uri, &new.uri),
    ];
    let mut changes: Vec<_> = texts
        .into_iter()
        .filter(|(_, old, new)| old != new)
        .map(|(field, old, new)| change(field, old, new))
        .collect();
    if !chats::same(&old.contact_data, &new.contact_data) {
        let (old, new) = (&old.contact_data, &new.contact_data);
        let field = ContactField::ContactData;
        changes.push(change(field, &describe(old), &describe(new)));
    }
    changes
}

/// The fields that an update overwrites without reading the account.
pub(super) fn unread(contact: &Contact<'_>) -> Vec<FieldChange> {
    let chats = describe(&contact.contact_data);
    let fields = [
        (
            ContactField::ResponsibleUserId,
            &*contact.responsible_user_id,
        ),
        (ContactField::Name, &*contact.name),
        (ContactField::Uri, &*contact.uri),
        (ContactField::ContactData, &*chats),
    ];
    let written = fields.into_iter().filter(|(_, new)| !new.is_empty());
    written
        .map(|(field, new)| change(field, NOT_READ, new))
        .collect()
}

/// The changes that restore a contact, except a link that the API never returned.
pub(crate) fn to_restore(was: &Contact<'_>, now: &Contact<'_>) -> Vec<FieldChange> {
    let mut changes = changes(now, was);
    if was.uri_is_unknown() {
        changes.retain(|change| change.field != ContactField::Uri.as_str());
    }
    changes
}

pub(crate) fn is_as_before(before: &Contact<'_>, now: &Contact<'_>) -> bool {
    changes(before, now).is_empty()
}

fn change(field: ContactField, old: &str, new: &str) -> FieldChange {
    FieldChange {
        field: field.as_str().into(),
        old: old.into(),
        new: new.into(),
    }
}

/// True if the contact is as it was sent. All chat types count, even those that were not sent, because a chat
/// added since is a change.
pub(crate) fn is_as_sent(sent: &Contact<'_>, now: &Contact<'_>) -> bool {
    difference(sent, now, Replaced::OfTypes(&ChatType::ALL)) == Difference::Unchanged
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn contact(json: &str) -> Contact<'_> {
        serde_json::from_str(json).unwrap()
    }

    const ACCOUNT: &str = r#"{"id":"1","responsible_user_id":"u1","name":"Ann","uri":"/api/v2/contacts/1","contact_data":[
        {"chat_type":"whatsapp","chat_id":"79991112233"},{"chat_type":"telegram","chat_id":"5","username":"ann"}]}"#;

    #[test]
    fn order_of_chats_an_unknown_uri_and_absent_fields_are_not_a_difference() {
        let local = contact(
            r#"{"id":"1","uri":"https://crm/1","contact_data":[
                {"chat_type":"telegram","username":"ann"},{"chat_type":"whatsapp","chat_id":"79991112233"}]}"#,
        );
        assert_eq!(
            difference(&local, &contact(ACCOUNT), Replaced::OfTypes(&[])),
            Difference::Unchanged
        );
        assert_eq!(
            difference(
                &contact(r#"{"id":"1"}"#),
                &contact(ACCOUNT),
                Replaced::OfTypes(&[])
            ),
            Difference::Unchanged
        );
    }

    #[test]
    fn a_chat_is_replaced_by_a_new_one_of_its_type_and_others_stay() {
        let local = contact(
            r#"{"id":"1","contact_data":[{"chat_type":"whatsapp","chat_id":"79990000000"}]}"#,
        );
        let account = contact(ACCOUNT);
        let Difference::Changed { fields, merged } =
            difference(&local, &account, Replaced::OfTypes(&[]))
        else {
            panic!("no difference")
        };
        assert_eq!(fields.len(), 1);
        assert_eq!(fields[0].old, "whatsapp 79991112233, telegram 5 @ann");
        assert_eq!(fields[0].new, "whatsapp 79990000000, telegram 5 @ann");
        assert_eq!(merged.name, "Ann");
        assert_eq!(
            merged.uri, "",
            "a uri in the API's own form is never sent back"
        );
    }

    #[test]
    fn a_whatsapp_number_in_its_other_spelling_keeps_that_of_the_account() {
        let local = |chats: &str| {
            let chats = chats.replace('(', r#"{"chat_type":"whatsapp","chat_id":""#);
            format!(
                r#"{{"id":"1","name":"Ann","contact_data":[{}]}}"#,
                chats.replace(')', "\"}")
            )
        };
        let short = local("(525512345678)");
        let (short, long) = (contact(&short), &local("(5215512345678)"));
        let long = contact(long);
        assert_eq!(
            difference(&short, &long, Replaced::OfTypes(&[])),
            Difference::Unchanged
        );
        assert_eq!(
            difference(&long, &short, Replaced::OfTypes(&[])),
            Difference::Unchanged
        );
        assert_ne!(
            exact_difference(&long, &short, Replaced::OfTypes(&[])),
            Difference::Unchanged
        );
        let both = local("(525512345678),(5215512345678)");
        let both = contact(&both);
        assert_ne!(
            difference(&both, &long, Replaced::OfTypes(&[])),
            Difference::Unchanged
        );
        assert_eq!(
            difference(&both, &both, Replaced::OfTypes(&[])),
            Difference::Unchanged
        );
        let renamed = Contact {
            name: "Anna".into(),
            ..short
        };
        let Difference::Changed { fields, merged } =
            difference(&renamed, &long, Replaced::OfTypes(&[]))
        else {
            panic!("no difference")
        };
        assert_eq!(fields.len(), 1);
        assert_eq!(merged.contact_data[0].chat_id, "5215512345678");
    }

    #[test]
    fn an_empty_cell_clears_a_chat_type_only_if_that_was_asked_for() {
        let local = contact(
            r#"{"id":"1","contact_data":[{"chat_type":"whatsapp","chat_id":"79991112233"}]}"#,
        );
        let account = contact(ACCOUNT);
        assert_eq!(
            difference(&local, &account, Replaced::OfTypes(&[])),
            Difference::Unchanged
        );
        let Difference::Changed { merged, .. } =
            difference(&local, &account, Replaced::OfTypes(&[ChatType::Telegram]))
        else {
            panic!("no difference")
        };
        assert_eq!(merged.contact_data.len(), 1);
    }

    #[test]
    fn a_known_uri_is_compared() {
        let account = contact(r#"{"id":"1","name":"A","uri":"https://crm/1"}"#);
        let Difference::Changed { fields, .. } = difference(
            &contact(r#"{"id":"1","uri":"https://crm/2"}"#),
            &account,
            Replaced::OfTypes(&[]),
        ) else {
            panic!("no difference")
        };
        assert_eq!(
            fields[0],
            FieldChange {
                field: "uri".into(),
                old: "https://crm/1".into(),
                new: "https://crm/2".into()
            }
        );
    }
}
