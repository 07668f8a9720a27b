//! What a contact is: the API's shapes and limits, in one place.
//!
//! A [`Contact`] borrows where it can: a million rows go through this type, and most cells are sent as
//! they stand in the file. Every field but the id is optional here, because a file may hold only some of
//! the columns (`id,name` renames and erases nothing); [`Contact::missing`] says what a *new* contact lacks.
//!
//! Facts about the API carry their source, here and elsewhere: \[doc\] is Wazzup's page on contacts, \[pub\] are its
//! other public pages.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Characters (Unicode scalar values) in an id at most. \[pub\]
pub(crate) const ID_CHARS_MAX: usize = 100;
/// Characters in a `responsible_user_id` at most. \[pub\]
pub(crate) const RESPONSIBLE_CHARS_MAX: usize = 100;
/// Characters in a name at most. \[pub\]
pub(crate) const NAME_CHARS_MAX: usize = 200;
/// Characters in a `uri` at most. \[pub\]
pub(crate) const URI_CHARS_MAX: usize = 200;
/// Contacts in one POST, PATCH or DELETE at most. \[pub\]
pub(crate) const BATCH_MAX: usize = 100;

/// A messenger, by the name that the API uses for it. \[pub\]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each variant is the messenger of that name")]
pub enum ChatType {
    Whatsapp,
    Whatsgroup,
    Viber,
    Instagram,
    Telegram,
    Telegroup,
    Vk,
    Avito,
    Max,
    Maxgroup,
    /// One that the account knows and this tool does not: read, shown and sent back, never made.
    #[serde(skip)]
    Other(MessengerName),
}

/// The name of a messenger that the documentation does not have. Short, so that a [`ChatType`] can be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessengerName {
    bytes: [u8; Self::BYTES_MAX],
    len: usize,
}

impl MessengerName {
    const BYTES_MAX: usize = 32;

    fn new(name: &str) -> Option<Self> {
        let mut bytes = [0; Self::BYTES_MAX];
        bytes
            .get_mut(..name.len())?
            .copy_from_slice(name.as_bytes());
        let len = name.len();
        (len > 0).then_some(Self { bytes, len })
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl ChatType {
    /// Every messenger of the documentation, in its order.
    pub(crate) const ALL: [Self; 10] = [
        Self::Whatsapp,
        Self::Whatsgroup,
        Self::Viber,
        Self::Instagram,
        Self::Telegram,
        Self::Telegroup,
        Self::Vk,
        Self::Avito,
        Self::Max,
        Self::Maxgroup,
    ];

    /// The name in the API's JSON.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Whatsgroup => "whatsgroup",
            Self::Viber => "viber",
            Self::Instagram => "instagram",
            Self::Telegram => "telegram",
            Self::Telegroup => "telegroup",
            Self::Vk => "vk",
            Self::Avito => "avito",
            Self::Max => "max",
            Self::Maxgroup => "maxgroup",
            Self::Other(name) => name.as_str(),
        }
    }

    /// The messenger of this name in an account, where any name is one; `None` if it is too long for a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == name);
        known.or_else(|| MessengerName::new(name).map(Self::Other))
    }

    /// Is `chat_id` a phone number, digits only? \[pub\]
    #[must_use]
    pub(crate) const fn id_is_phone(self) -> bool {
        matches!(self, Self::Whatsapp | Self::Viber)
    }

    /// May a chat be known by `phone` alone? \[pub\]
    #[must_use]
    pub(crate) const fn takes_phone(self) -> bool {
        matches!(self, Self::Telegram | Self::Max)
    }

    /// May a chat be known by `username` alone? \[doc\]
    #[must_use]
    pub(crate) const fn takes_username(self) -> bool {
        matches!(self, Self::Telegram)
    }
}

impl fmt::Display for ChatType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is not the name of a messenger.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no messenger that the API knows (whatsapp, whatsgroup, viber, instagram, telegram, telegroup, vk, avito, max, maxgroup)"
)]
pub struct UnknownChatType(pub String);

impl FromStr for ChatType {
    type Err = UnknownChatType;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|chat_type| word.trim().eq_ignore_ascii_case(chat_type.as_str()))
            .ok_or_else(|| UnknownChatType(word.trim().to_owned()))
    }
}

/// One way to reach a contact: an entry of `contact_data`.
///
/// An absent field and an empty one are the same thing to the API, so empty ones are never kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Chat<'a> {
    /// The messenger.
    #[serde(with = "any_messenger")]
    pub chat_type: ChatType,
    /// The account in the messenger.
    #[serde(
        default,
        borrow,
        skip_serializing_if = "is_blank",
        deserialize_with = "lenient"
    )]
    pub chat_id: Cow<'a, str>,
    /// Telegram only, without `@`.
    #[serde(
        default,
        borrow,
        skip_serializing_if = "is_blank",
        deserialize_with = "lenient"
    )]
    pub username: Cow<'a, str>,
    /// Telegram and Max only: international, digits only.
    #[serde(
        default,
        borrow,
        skip_serializing_if = "is_blank",
        deserialize_with = "lenient"
    )]
    pub phone: Cow<'a, str>,
}

impl<'a> Chat<'a> {
    /// A chat known by its `chat_id`.
    #[must_use]
    pub fn by_id(chat_type: ChatType, chat_id: impl Into<Cow<'a, str>>) -> Self {
        Self {
            chat_id: chat_id.into(),
            ..Self::empty(chat_type)
        }
    }

    /// A chat of which nothing but the messenger is known yet.
    #[must_use]
    pub(crate) fn empty(chat_type: ChatType) -> Self {
        Self {
            chat_type,
            chat_id: "".into(),
            username: "".into(),
            phone: "".into(),
        }
    }

    /// Does it say whom to reach, as the API wants it?
    #[must_use]
    pub(crate) fn is_identified(&self) -> bool {
        !self.chat_id.is_empty()
            || (self.chat_type.takes_username() && !self.username.is_empty())
            || (self.chat_type.takes_phone() && !self.phone.is_empty())
    }

    /// The same chat, owning its text.
    #[must_use]
    pub(crate) fn into_owned(self) -> Chat<'static> {
        Chat {
            chat_type: self.chat_type,
            chat_id: self.chat_id.into_owned().into(),
            username: self.username.into_owned().into(),
            phone: self.phone.into_owned().into(),
        }
    }
}

/// A contact as it is sent and received. An empty text field is an absent one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact<'a> {
    /// The contact's id in the CRM, chosen by the caller.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// The employee's id, not a name.
    #[serde(
        default,
        borrow,
        skip_serializing_if = "is_blank",
        deserialize_with = "lenient"
    )]
    pub responsible_user_id: Cow<'a, str>,
    /// The customer's name.
    #[serde(
        default,
        borrow,
        skip_serializing_if = "is_blank",
        deserialize_with = "lenient"
    )]
    pub name: Cow<'a, str>,
    /// The ways to reach the customer, in the order of the file.
    #[serde(default, borrow, skip_serializing_if = "Vec::is_empty")]
    pub contact_data: Vec<Chat<'a>>,
    /// Link to the contact's card in the CRM.
    #[serde(
        default,
        borrow,
        skip_serializing_if = "is_blank",
        deserialize_with = "lenient"
    )]
    pub uri: Cow<'a, str>,
}

/// What is to be done with a contact that needs a request. The order is the order of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is not there yet: POST `{"contacts":[…]}`. \[doc\]
    Create,
    /// It is there otherwise: PATCH `{"contacts":[…]}`. \[doc\]
    Update,
    /// It is to go: DELETE `{"contact_ids":["…"]}`. \[doc\]
    Delete,
}

impl Action {
    /// Every action, in the order of sending.
    pub(crate) const ALL: [Self; 3] = [Self::Create, Self::Update, Self::Delete];

    /// The word in the run file and in messages.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A field of a contact, as differences and messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is the field of that name")]
pub enum ContactField {
    Id,
    ResponsibleUserId,
    Name,
    ContactData,
    Uri,
}

impl ContactField {
    /// The name in the API's JSON.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::ResponsibleUserId => "responsible_user_id",
            Self::Name => "name",
            Self::ContactData => "contact_data",
            Self::Uri => "uri",
        }
    }
}

/// Is a link the API's own address of a contact? It shows that in place of the link that it was given. \[doc\]
#[must_use]
pub(crate) fn is_own_address(uri: &str) -> bool {
    uri.starts_with("/api/v2/contacts/")
}

impl Contact<'_> {
    /// The required fields that this contact lacks, for one that is to be created. \[doc\]
    pub fn missing(&self) -> impl Iterator<Item = ContactField> {
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

    /// The telephone numbers that the contact is known by.
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

    /// Is the `uri` the API's own address of the contact rather than a link that somebody wrote? The API
    /// shows that form when a contact is read, so it says nothing about the link that is stored. \[doc\]
    #[must_use]
    pub(crate) fn uri_is_unknown(&self) -> bool {
        self.uri.is_empty() || is_own_address(&self.uri)
    }

    /// The same contact, owning its text.
    #[must_use]
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
        }
    }
}

#[expect(clippy::ptr_arg, reason = "serde calls it with the field as it is")]
fn is_blank(text: &Cow<'_, str>) -> bool {
    text.is_empty()
}

/// Text that is borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads text that the API may also give as `null`.
fn lenient<'de: 'a, 'a, D>(deserializer: D) -> Result<Cow<'a, str>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    Ok(Option::<Text<'de>>::deserialize(deserializer)?.map_or(Cow::Borrowed(""), |text| text.0))
}

/// The messenger of a chat as an account has it: known or not. What people write is read elsewhere, and strictly.
mod any_messenger {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::{ChatType, Text};

    pub(super) fn serialize<S: Serializer>(
        chat_type: &ChatType,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(chat_type.as_str())
    }

    pub(super) fn deserialize<'de, D>(deserializer: D) -> Result<ChatType, D::Error>
    where
        D: Deserializer<'de>,
    {
        let name = Text::deserialize(deserializer)?.0;
        let no_name = || D::Error::custom(format!("`{name}` is no name of a messenger"));
        ChatType::named(&name).ok_or_else(no_name)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn empty_and_null_fields_are_absent_ones() {
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

    #[test]
    fn a_chat_needs_an_id_unless_its_messenger_takes_something_else() {
        let with = |chat_type, username: &'static str, phone: &'static str| Chat {
            username: username.into(),
            phone: phone.into(),
            ..Chat::empty(chat_type)
        };
        assert!(with(ChatType::Telegram, "ann", "").is_identified());
        assert!(with(ChatType::Telegram, "", "79991112233").is_identified());
        assert!(with(ChatType::Max, "", "79991112233").is_identified());
        assert!(!with(ChatType::Max, "ann", "").is_identified());
        assert!(!with(ChatType::Whatsapp, "ann", "79991112233").is_identified());
    }

    #[test]
    fn a_messenger_that_nobody_knows_is_read_and_written_as_it_is_and_is_none_of_ours() {
        let json = r#"{"id":"1","contact_data":[{"chat_type":"tiktok","chat_id":"5"}]}"#;
        let read: Contact<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
        assert_eq!(read.contact_data[0].chat_type.to_string(), "tiktok");
        assert!("tiktok".parse::<ChatType>().is_err());
        assert!(serde_json::from_str::<ChatType>("\"tiktok\"").is_err());
        for name in ["", &"x".repeat(MessengerName::BYTES_MAX + 1)] {
            assert_eq!(ChatType::named(name), None);
        }
    }
}
