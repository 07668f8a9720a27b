//! Chats and their types.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer, de};
use serde_json::{Map, Value};

use crate::nearest::remark;

/// A chat type, named as in the API. \[pub\]
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[expect(missing_docs, reason = "each variant is the chat type of that name")]
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
    /// A chat type that the account has but this tool does not know: preserved, and read only from files of
    /// `export`.
    #[serde(skip)]
    Other(ChatTypeName),
}

/// The name of an undocumented chat type, stored inline to keep [`ChatType`] `Copy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatTypeName {
    bytes: [u8; Self::BYTES_MAX],
    /// Small, so that a [`Chat`] has 128 bytes: larger values are moved by a call.
    len: u8,
}

impl ChatTypeName {
    const BYTES_MAX: usize = 32;

    fn new(name: &str) -> Option<Self> {
        let mut bytes = [0; Self::BYTES_MAX];
        bytes
            .get_mut(..name.len())?
            .copy_from_slice(name.as_bytes());
        let len = u8::try_from(name.len()).ok()?;
        (len > 0).then_some(Self { bytes, len })
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl ChatType {
    /// Every documented chat type, in the order of the documentation.
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
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Other(name) => name.as_str(),
            known => known.into(),
        }
    }

    /// The documented chat type with this name in any case, or an undocumented one; `None` if the name is empty or
    /// too long.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let known = Self::deserialize(de::value::StrDeserializer::<de::value::Error>::new(name));
        known
            .ok()
            .or_else(|| name.parse().ok())
            .or_else(|| ChatTypeName::new(name).map(Self::Other))
    }

    /// True if `chat_id` is a phone number, digits only. \[pub\]
    pub(crate) const fn id_is_phone(self) -> bool {
        matches!(self, Self::Whatsapp | Self::Viber)
    }

    /// True if `phone` alone identifies a chat. \[pub\]
    pub(crate) const fn takes_phone(self) -> bool {
        matches!(self, Self::Telegram | Self::Max)
    }

    /// True if `username` alone identifies a chat. \[doc\]
    pub(crate) const fn takes_username(self) -> bool {
        matches!(self, Self::Telegram)
    }
}

impl fmt::Display for ChatType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a chat type of the API (whatsapp, whatsgroup, viber, instagram, telegram, telegroup, vk, avito, max, maxgroup){meant}",
    meant = remark(.0, ChatType::ALL.map(|chat_type| chat_type.to_string()))
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
/// The API does not distinguish absent from empty fields, so empty ones are never kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Chat<'a> {
    /// The chat type.
    #[serde(serialize_with = "by_name")]
    pub chat_type: ChatType,
    /// The id in the messenger.
    #[serde(skip_serializing_if = "is_blank")]
    pub chat_id: Cow<'a, str>,
    /// Telegram only, without `@`.
    #[serde(skip_serializing_if = "is_blank")]
    pub username: Cow<'a, str>,
    /// Telegram and Max only: international, digits only.
    #[serde(skip_serializing_if = "is_blank")]
    pub phone: Cow<'a, str>,
    /// Members that the API does not document.
    #[serde(flatten, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

fn by_name<S: Serializer>(chat_type: &ChatType, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(chat_type.as_str())
}

impl<'a> Chat<'a> {
    /// A chat identified by its `chat_id`.
    #[must_use]
    pub fn by_id(chat_type: ChatType, chat_id: impl Into<Cow<'a, str>>) -> Self {
        Self {
            chat_id: chat_id.into(),
            ..Self::empty(chat_type)
        }
    }

    /// The chat of a phone number, stored as `chat_id` or `phone` depending on the chat type.
    pub(crate) fn by_phone(chat_type: ChatType, phone: Cow<'a, str>) -> Self {
        if chat_type.id_is_phone() {
            return Self::by_id(chat_type, phone);
        }
        Self {
            phone,
            ..Self::empty(chat_type)
        }
    }

    /// Copies the identifiers that the other chat has.
    pub(crate) fn overwrite(&mut self, other: Self) {
        for (part, other) in [
            (&mut self.chat_id, other.chat_id),
            (&mut self.username, other.username),
            (&mut self.phone, other.phone),
        ] {
            if !other.is_empty() {
                *part = other;
            }
        }
    }

    /// The chat's first identifier, or an empty text.
    pub(crate) fn identifier(&self) -> &str {
        let parts = [&*self.chat_id, &*self.username, &*self.phone];
        let found = parts.into_iter().find(|part| !part.is_empty());
        found.unwrap_or_default()
    }

    /// A chat without any identifier.
    pub(crate) fn empty(chat_type: ChatType) -> Self {
        Self {
            chat_type,
            chat_id: "".into(),
            username: "".into(),
            phone: "".into(),
            unknown: UnknownFields::default(),
        }
    }

    /// True if the chat has an identifier that the API accepts for its type.
    pub(crate) fn is_identified(&self) -> bool {
        !self.chat_id.is_empty()
            || (self.chat_type.takes_username() && !self.username.is_empty())
            || (self.chat_type.takes_phone() && !self.phone.is_empty())
    }

    /// Copies borrowed text.
    pub(crate) fn into_owned(self) -> Chat<'static> {
        Chat {
            chat_type: self.chat_type,
            chat_id: self.chat_id.into_owned().into(),
            username: self.username.into_owned().into(),
            phone: self.phone.into_owned().into(),
            unknown: self.unknown,
        }
    }
}

#[expect(clippy::ptr_arg, reason = "serde passes a reference to the field")]
pub(super) fn is_blank(text: &Cow<'_, str>) -> bool {
    text.is_empty()
}

/// Undocumented members of a contact or a chat. They are shown and stored but never sent, because the API refuses
/// requests with unknown fields. \[seen\]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnknownFields {
    /// The JSON text of an object.
    members: Option<Box<str>>,
}

impl UnknownFields {
    pub(super) fn new(members: Map<String, Value>) -> Self {
        let has_some = !members.is_empty();
        Self {
            members: has_some.then(|| Value::Object(members).to_string().into()),
        }
    }

    fn members(&self) -> Map<String, Value> {
        let members = self.members.as_deref();
        // Can't fail: it was written by `new`.
        members.map_or_else(Map::new, |text| {
            serde_json::from_str(text).unwrap_or_default()
        })
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.members.is_none()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.members().into_iter().map(|(name, _)| name)
    }
}

impl Serialize for UnknownFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.members())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::contact::Contact;

    #[test]
    fn a_chat_needs_an_id_unless_its_type_accepts_another_identifier() {
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
    fn an_unknown_chat_type_is_read_and_written_unchanged_and_never_created() {
        let json = r#"{"id":"1","contact_data":[{"chat_type":"tiktok","chat_id":"5"}]}"#;
        let read: Contact<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
        assert_eq!(read.contact_data[0].chat_type.to_string(), "tiktok");
        assert!("tiktok".parse::<ChatType>().is_err());
        assert!(serde_json::from_str::<ChatType>("\"tiktok\"").is_err());
        let in_capitals = json.replace("tiktok", "WhatsApp");
        let read: Contact<'_> = serde_json::from_str(&in_capitals).unwrap();
        assert_eq!(read.contact_data[0].chat_type, ChatType::Whatsapp);
        for name in ["", &"x".repeat(ChatTypeName::BYTES_MAX + 1)] {
            assert_eq!(ChatType::named(name), None);
        }
    }
}
