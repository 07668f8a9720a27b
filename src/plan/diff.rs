//! What an update would change: pure functions over two contacts.
//!
//! Nothing is erased by omission. A field that the source leaves empty keeps what the account has. Chats of
//! a messenger that the source speaks for are replaced, those of other messengers stay. A remote `uri` of the
//! API's own form is not known: never a difference, never sent back. \[doc\]

use std::{borrow::Cow, fmt::Write as _};

use crate::{
    contact::{Chat, ChatType, Contact, ContactField},
    run::planning::FieldChange,
};

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
        fields.push(FieldChange {
            field: field.as_str().into(),
            old: remote.to_string(),
            new: local.to_string(),
        });
        local.clone()
    };
    let responsible_user_id = text(
        ContactField::ResponsibleUserId,
        &local.responsible_user_id,
        &remote.responsible_user_id,
    );
    let name = text(ContactField::Name, &local.name, &remote.name);
    let uri = match (remote.uri_is_unknown(), local.uri.is_empty()) {
        (true, _) => local.uri.clone(),
        (false, true) => remote.uri.clone(),
        (false, false) => text(ContactField::Uri, &local.uri, &remote.uri),
    };
    let (contact_data, chats_differ) = merge_chats(local, remote, cleared);
    if chats_differ {
        fields.push(FieldChange {
            field: ContactField::ContactData.as_str().into(),
            old: describe(&remote.contact_data),
            new: describe(&contact_data),
        });
    }
    if fields.is_empty() {
        return Difference::Unchanged;
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

/// Is the contact still what it was when somebody read it? Both are the API's own words, so nothing is
/// forgiven but the order of chats.
#[must_use]
pub fn is_as_before(before: &Contact<'_>, now: &Contact<'_>) -> bool {
    let sorted = |contact: &Contact<'_>| {
        let mut chats: Vec<Chat<'_>> = contact.contact_data.clone();
        chats.sort();
        chats.into_iter().map(Chat::into_owned).collect::<Vec<_>>()
    };
    before.name == now.name
        && before.responsible_user_id == now.responsible_user_id
        && before.uri == now.uri
        && sorted(before) == sorted(now)
}

type Chats<'a> = Vec<Chat<'a>>;

/// The chats that the contact is to have, and whether they are others than the account's.
fn merge_chats<'a>(
    local: &Contact<'a>,
    remote: &Contact<'a>,
    cleared: &[ChatType],
) -> (Chats<'a>, bool) {
    let spoken_for = |chat_type| {
        cleared.contains(&chat_type)
            || local
                .contact_data
                .iter()
                .any(|chat| chat.chat_type == chat_type)
    };
    let mut matched = vec![false; remote.contact_data.len()];
    let mut differ = false;
    let mut merged: Chats<'a> = Vec::new();
    for chat in &local.contact_data {
        let twin = (0..matched.len())
            .find(|&index| !matched[index] && agrees(chat, &remote.contact_data[index]));
        if let Some(index) = twin {
            matched[index] = true;
            merged.push(fill(chat, &remote.contact_data[index]));
        } else if !merged.contains(chat) {
            differ = true;
            merged.push(chat.clone());
        }
    }
    for (chat, matched) in remote.contact_data.iter().zip(matched) {
        if !spoken_for(chat.chat_type) {
            merged.push(chat.clone());
        } else if !matched {
            differ = true;
        }
    }
    (merged, differ)
}

/// Does the account's chat have everything that the source says of it? A messenger may have added what it
/// knows better (the chat id of a telegram name): that is no difference.
fn agrees(local: &Chat<'_>, remote: &Chat<'_>) -> bool {
    let field = |local: &str, remote: &str| local.is_empty() || local == remote;
    local.chat_type == remote.chat_type
        && field(&local.chat_id, &remote.chat_id)
        && field(&local.username, &remote.username)
        && field(&local.phone, &remote.phone)
}

fn fill<'a>(local: &Chat<'a>, remote: &Chat<'a>) -> Chat<'a> {
    let field = |local: &Cow<'a, str>, remote: &Cow<'a, str>| {
        if local.is_empty() {
            remote.clone()
        } else {
            local.clone()
        }
    };
    Chat {
        chat_type: local.chat_type,
        chat_id: field(&local.chat_id, &remote.chat_id),
        username: field(&local.username, &remote.username),
        phone: field(&local.phone, &remote.phone),
    }
}

/// Chats as people read them: `whatsapp 79991112233, telegram @ann`.
#[must_use]
pub fn describe(chats: &[Chat<'_>]) -> String {
    let mut text = String::new();
    for chat in chats {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(chat.chat_type.as_str());
        for (sign, value) in [
            ("", &chat.chat_id),
            ("@", &chat.username),
            ("+", &chat.phone),
        ] {
            if !value.is_empty() {
                // Writing into a String has nothing that could fail.
                let _ = write!(text, " {sign}{value}");
            }
        }
    }
    text
}

/// Is the contact what was sent? Every messenger counts, also those that the sender did not speak for: a chat that
/// somebody has added since is a change.
#[must_use]
pub fn is_as_sent(sent: &Contact<'_>, now: &Contact<'_>) -> bool {
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
