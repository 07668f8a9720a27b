//! A contact in the API's shape, and the API's limits.
//!
//! A [`Contact`] borrows its text if it can: most of a million cells are sent unchanged. Every field but the id is
//! optional, because a file may have only some of the columns (`id,name` renames and erases nothing).
//! [`Contact::missing`] lists the fields that a *new* contact lacks.
//!
//! Facts about the API carry their source: \[doc\] is Wazzup's page on contacts, \[pub\] are its other public
//! pages, \[seen\] was observed.

pub(crate) mod cell;
mod chat;
pub(crate) mod plain;
pub(crate) mod reading;
pub(crate) mod spelling;
mod writing;

use std::{borrow::Cow, collections::BTreeSet};

use serde::Serialize;

pub(crate) use self::chat::UnknownChatType;
pub(crate) use self::writing::{leading_id, write_contact};
pub use {self::chat::Chat, self::chat::ChatType, self::chat::UnknownFields};

/// Maximum length of an id in characters (Unicode scalar values). \[pub\]
pub(crate) const ID_CHARS_MAX: usize = 100;
/// Maximum length of a `responsible_user_id` in characters. \[pub\]
pub(crate) const RESPONSIBLE_CHARS_MAX: usize = 100;
/// Maximum length of a name in characters. \[pub\]
pub(crate) const NAME_CHARS_MAX: usize = 200;
/// Maximum length of a `uri` in characters. \[pub\]
pub(crate) const URI_CHARS_MAX: usize = 200;
/// Maximum number of contacts in one POST, PATCH or DELETE. \[pub\]
pub(crate) const BATCH_MAX: usize = 100;

/// A contact as it is sent and received. An empty text field counts as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Contact<'a> {
    /// The id in the CRM, chosen by the caller.
    pub id: Cow<'a, str>,
    /// The employee's id, not a name.
    #[serde(skip_serializing_if = "chat::is_blank")]
    pub responsible_user_id: Cow<'a, str>,
    /// The customer's name.
    #[serde(skip_serializing_if = "chat::is_blank")]
    pub name: Cow<'a, str>,
    /// The ways to reach the customer, in the order of the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contact_data: Vec<Chat<'a>>,
    /// Link to the contact's card in the CRM.
    #[serde(skip_serializing_if = "chat::is_blank")]
    pub uri: Cow<'a, str>,
    /// Members that the API does not document.
    #[serde(flatten, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A change to a contact of the account, and its request. The variants are in sending order.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Operation {
    /// POST `{"contacts":[…]}`. \[doc\]
    Create,
    /// PATCH `{"contacts":[…]}`. \[doc\]
    Update,
    /// DELETE `{"contact_ids":["…"]}`. \[doc\]
    Delete,
}

impl Operation {
    /// The word in the run file and in messages.
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A field of a contact, as diffs and messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum ContactField {
    Id,
    ResponsibleUserId,
    Name,
    ContactData,
    Uri,
}

impl ContactField {
    /// The name in the API's JSON.
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }
}

/// True for a link that opens in a browser.
pub(crate) fn is_web_address(link: &str) -> bool {
    let begins = |with: &str| {
        let start = link.get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    begins("https://") || begins("http://")
}

/// True for the API's own address of a contact, which it returns in place of the stored link. \[doc\]
pub(crate) fn is_own_address(uri: &str) -> bool {
    uri.starts_with("/api/v2/contacts/")
}

impl Contact<'_> {
    /// True if no required field of a new contact is missing.
    pub(crate) fn is_complete(&self) -> bool {
        !(self.id.is_empty()
            || self.responsible_user_id.is_empty()
            || self.name.is_empty()
            || self.contact_data.is_empty()
            || self.uri.is_empty())
    }

    /// The required fields of a new contact that this one lacks. \[doc\]
    pub(crate) fn missing(&self) -> impl Iterator<Item = ContactField> {
        [
            (self.id.is_empty(), ContactField::Id),
            (
                self.responsible_user_id.is_empty(),
                ContactField::ResponsibleUserId,
            ),
            (self.name.is_empty(), ContactField::Name),
            (self.contact_data.is_empty(), ContactField::ContactData),
            (self.uri.is_empty(), ContactField::Uri),
        ]
        .into_iter()
        .filter_map(|(missing, field)| missing.then_some(field))
    }

    /// The phone numbers of the chats.
    pub(crate) fn phones(&self) -> impl Iterator<Item = &str> {
        self.contact_data.iter().filter_map(|chat| {
            let phone = if chat.chat_type.id_is_phone() {
                &chat.chat_id
            } else {
                &chat.phone
            };
            (!phone.is_empty()).then_some(&**phone)
        })
    }

    /// The messenger accounts of the contact other than phone numbers, in lower case: names are not
    /// case-sensitive.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = (ChatType, Cow<'_, str>)> {
        let chats = self.contact_data.iter();
        let chats = chats.filter(|chat| !chat.chat_type.id_is_phone());
        let parts = chats
            .flat_map(|chat| [&chat.chat_id, &chat.username].map(|part| (chat.chat_type, part)));
        let parts = parts.filter(|(_, account)| !account.is_empty());
        parts.map(|(chat_type, account)| {
            let is_small = !account.bytes().any(|byte| byte.is_ascii_uppercase());
            let small = if is_small {
                Cow::Borrowed(&**account)
            } else {
                Cow::Owned(account.to_ascii_lowercase())
            };
            (chat_type, small)
        })
    }

    /// True if this contact does not reveal its stored link, because the API returned its own address. \[doc\]
    pub(crate) fn uri_is_unknown(&self) -> bool {
        self.uri.is_empty() || is_own_address(&self.uri)
    }

    /// Copies borrowed text.
    pub(crate) fn into_owned(self) -> Contact<'static> {
        Contact {
            id: self.id.into_owned().into(),
            responsible_user_id: self.responsible_user_id.into_owned().into(),
            name: self.name.into_owned().into(),
            contact_data: self
                .contact_data
                .into_iter()
                .map(Chat::into_owned)
                .collect(),
            uri: self.uri.into_owned().into(),
            unknown: self.unknown,
        }
    }

    /// The names of undocumented members of the contact and its chats.
    pub(crate) fn unknown_names(&self) -> BTreeSet<String> {
        let chats = self
            .contact_data
            .iter()
            .flat_map(|chat| chat.unknown.names());
        let of_chats = chats.map(|name| format!("contact_data.{name}"));
        self.unknown.names().chain(of_chats).collect()
    }

    /// The contact without undocumented members, as it can be sent.
    pub(crate) fn without_unknown(mut self) -> Self {
        self.unknown = UnknownFields::default();
        for chat in &mut self.contact_data {
            chat.unknown = UnknownFields::default();
        }
        self
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn empty_and_null_fields_are_absent() {
        let read: Contact<'_> = serde_json::from_str(
            r#"{"id":"1","name":"Ann","responsible_user_id":null,"uri":"",
                "contact_data":[{"chat_type":"telegram","chat_id":"5","username":"","phone":""}]}"#,
        )
        .unwrap();
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            r#"{"id":"1","name":"Ann","contact_data":[{"chat_type":"telegram","chat_id":"5"}]}"#
        );
        assert_eq!(
            read.missing().collect::<Vec<_>>(),
            [ContactField::ResponsibleUserId, ContactField::Uri]
        );
    }
}
