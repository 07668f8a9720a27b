//! What an update would change: pure functions over two contacts.
//!
//! Nothing is erased by omission. A field that the source leaves empty keeps what the account has. Chats of
//! a messenger that the source speaks for are replaced, those of other messengers stay. A remote `uri` of the
//! API's own form is not known: never a difference, never sent back. \[doc\]

use std::borrow::Cow;

use super::chats::{self, describe};
use crate::{
    contact::{ChatType, Contact, ContactField},
    run::FieldChange,
};

/// What stands for a link that the API has and does not show. It is sent with every update, so it is named with
/// the other changes, but is none by itself.
const NOT_SHOWN: &str = "(not shown)";

/// What is to be done with a contact that is in the source and in the account.
#[derive(Debug, PartialEq, Eq)]
pub enum Difference<'a> {
    /// The account has it as the source wants it.
    Unchanged,
    /// The account is to have `merged`.
    Changed {
        /// The fields that differ.
        fields: Vec<FieldChange>,
        /// The contact as it is to be, filled from the account where the source says nothing.
        merged: Contact<'a>,
    },
}

/// Compares a contact of the source with the account's. `cleared` are the messengers whose empty cells mean
/// that the account is to have none (`--blank clear`).
#[must_use]
pub fn difference<'a>(
    local: &Contact<'a>,
    remote: &Contact<'a>,
    cleared: &[ChatType],
) -> Difference<'a> {
    let mut fields = Vec::new();
    let mut text = |field: ContactField, local: &Cow<'a, str>, remote: &Cow<'a, str>| {
        if local.is_empty() || local == remote {
            return remote.clone();
        }
        fields.push(change(field, remote, local));
        local.clone()
    };
    let responsible_user_id = text(
        ContactField::ResponsibleUserId,
        &local.responsible_user_id,
        &remote.responsible_user_id,
    );
    let name = text(ContactField::Name, &local.name, &remote.name);
    let uri = if remote.uri_is_unknown() {
        local.uri.clone()
    } else {
        text(ContactField::Uri, &local.uri, &remote.uri)
    };
    let (contact_data, chats_differ) =
        chats::merge(&local.contact_data, &remote.contact_data, cleared);
    if chats_differ {
        let (old, new) = (describe(&remote.contact_data), describe(&contact_data));
        fields.push(change(ContactField::ContactData, &old, &new));
    }
    if fields.is_empty() {
        return Difference::Unchanged;
    }
    if remote.uri_is_unknown() && !local.uri.is_empty() {
        fields.push(change(ContactField::Uri, NOT_SHOWN, &local.uri));
    }
    let merged = Contact {
        id: local.id.clone(),
        responsible_user_id,
        name,
        contact_data,
        uri,
    };
    Difference::Changed { fields, merged }
}

/// What differs between two states of a contact, both in the API's own words: nothing is forgiven but the order
/// of chats.
#[must_use]
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

/// What has to change so that a contact becomes what it was; a link that was never shown can't.
#[must_use]
pub(crate) fn to_restore(was: &Contact<'_>, now: &Contact<'_>) -> Vec<FieldChange> {
    let mut changes = changes(now, was);
    if was.uri_is_unknown() {
        changes.retain(|change| change.field != ContactField::Uri.as_str());
    }
    changes
}

/// Is the contact still what it was when somebody read it?
#[must_use]
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

/// Is the contact what was sent? Every messenger counts, also those that the sender did not speak for: a chat that
/// somebody has added since is a change.
#[must_use]
pub(crate) fn is_as_sent(sent: &Contact<'_>, now: &Contact<'_>) -> bool {
    difference(sent, now, &ChatType::ALL) == Difference::Unchanged
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn contact(json: &str) -> Contact<'_> {
        serde_json::from_str(json).unwrap()
    }

    const REMOTE: &str = r#"{"id":"1","responsible_user_id":"u1","name":"Ann","uri":"/api/v2/contacts/1","contact_data":[
        {"chat_type":"whatsapp","chat_id":"79991112233"},{"chat_type":"telegram","chat_id":"5","username":"ann"}]}"#;

    #[test]
    fn order_of_chats_an_unknown_uri_and_absent_fields_are_no_difference() {
        let local = contact(
            r#"{"id":"1","uri":"https://crm/1","contact_data":[
                {"chat_type":"telegram","username":"ann"},{"chat_type":"whatsapp","chat_id":"79991112233"}]}"#,
        );
        assert_eq!(
            difference(&local, &contact(REMOTE), &[]),
            Difference::Unchanged
        );
        assert_eq!(
            difference(&contact(r#"{"id":"1"}"#), &contact(REMOTE), &[]),
            Difference::Unchanged
        );
    }

    #[test]
    fn a_messenger_that_the_source_speaks_for_is_replaced_and_the_others_stay() {
        let local = contact(
            r#"{"id":"1","contact_data":[{"chat_type":"whatsapp","chat_id":"79990000000"}]}"#,
        );
        let remote = contact(REMOTE);
        let Difference::Changed { fields, merged } = difference(&local, &remote, &[]) else {
            panic!("no difference")
        };
        assert_eq!(fields.len(), 1);
        assert_eq!(fields[0].old, "whatsapp 79991112233, telegram 5 @ann");
        assert_eq!(fields[0].new, "whatsapp 79990000000, telegram 5 @ann");
        assert_eq!(merged.name, "Ann");
        assert_eq!(merged.uri, "", "a uri that is not known is never sent back");
    }

    #[test]
    fn an_empty_cell_clears_a_messenger_only_where_that_was_asked_for() {
        let local = contact(
            r#"{"id":"1","contact_data":[{"chat_type":"whatsapp","chat_id":"79991112233"}]}"#,
        );
        let remote = contact(REMOTE);
        assert_eq!(difference(&local, &remote, &[]), Difference::Unchanged);
        let Difference::Changed { merged, .. } = difference(&local, &remote, &[ChatType::Telegram])
        else {
            panic!("no difference")
        };
        assert_eq!(merged.contact_data.len(), 1);
    }

    #[test]
    fn a_known_uri_is_compared() {
        let remote = contact(r#"{"id":"1","name":"A","uri":"https://crm/1"}"#);
        let Difference::Changed { fields, .. } = difference(
            &contact(r#"{"id":"1","uri":"https://crm/2"}"#),
            &remote,
            &[],
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
