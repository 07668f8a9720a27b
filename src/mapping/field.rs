//! What a column can become: the names that `--map`, `--set` and mapping files use.
//!
//! A field is not yet a part of the contact: several fields may feed one part (`first_name` and
//! `last_name` make the name, `telegram` and `telegram_username` make one chat), and a number in a
//! `phone` column becomes a chat of every type that `--phone-as` names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::contact::{ChatType, ContactField};

/// What the cells of a column mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Field {
    /// The contact's id in the CRM.
    Id,
    /// The employee's id.
    ResponsibleUserId,
    /// The full name.
    Name,
    /// The first name, for a row without a full one.
    FirstName,
    /// The middle name or patronymic.
    MiddleName,
    /// The last name.
    LastName,
    /// Link to the contact's card.
    Uri,
    /// All chats at once: the API's array as JSON.
    ContactData,
    /// Accounts in a messenger: numbers, handles or links.
    Messenger(ChatType),
    /// Telegram names, with or without `@`.
    TelegramUsername,
    /// Numbers that are known to Telegram.
    TelegramPhone,
    /// Numbers that are known to Max.
    MaxPhone,
    /// Numbers of no messenger in particular: they become the chat types of `--phone-as`.
    Phone,
    /// A part of a chat that is spread over several columns: `chat_type_1`, `chat_id_1`, …
    Group {
        /// The number at the end of the column's name; 0 for `chat_type`, `chat_id`, … without one.
        number: u16,
        /// Which part.
        part: GroupPart,
    },
    /// Nothing: the column is left out although its name is known.
    Ignored,
}

/// A part of a chat that has several columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupPart {
    ChatType,
    ChatId,
    Username,
    Phone,
}

/// The fields with a name of their own; the numbered ones are infinite.
const NAMED: [Field; 13] = [
    Field::Id,
    Field::ResponsibleUserId,
    Field::Name,
    Field::FirstName,
    Field::MiddleName,
    Field::LastName,
    Field::Uri,
    Field::ContactData,
    Field::TelegramUsername,
    Field::TelegramPhone,
    Field::MaxPhone,
    Field::Phone,
    Field::Ignored,
];

const PARTS: [GroupPart; 4] = [
    GroupPart::ChatType,
    GroupPart::ChatId,
    GroupPart::Username,
    GroupPart::Phone,
];

impl Field {
    /// Every field but the numbered ones.
    pub fn all() -> impl Iterator<Item = Self> {
        let messengers = ChatType::ALL.into_iter().map(Self::Messenger);
        let group = PARTS.map(|part| Self::Group { number: 0, part });
        NAMED.into_iter().chain(messengers).chain(group)
    }

    /// Can a contact have only one of it?
    #[must_use]
    pub(crate) const fn is_single(self) -> bool {
        matches!(
            self,
            Self::Id
                | Self::ResponsibleUserId
                | Self::Name
                | Self::FirstName
                | Self::MiddleName
                | Self::LastName
                | Self::Uri
        )
    }

    /// Is it an id, a number or an account, never words and never a date?
    pub(super) fn is_code(self) -> bool {
        use ContactField::{ContactData, Id, ResponsibleUserId};
        matches!(
            self.contact_field(),
            Some(Id | ResponsibleUserId | ContactData)
        )
    }

    /// The part of the contact that it feeds.
    #[must_use]
    pub(crate) const fn contact_field(self) -> Option<ContactField> {
        Some(match self {
            Self::Id => ContactField::Id,
            Self::ResponsibleUserId => ContactField::ResponsibleUserId,
            Self::Name | Self::FirstName | Self::MiddleName | Self::LastName => ContactField::Name,
            Self::Uri => ContactField::Uri,
            Self::Ignored => return None,
            _ => ContactField::ContactData,
        })
    }
}

impl GroupPart {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ChatType => "chat_type",
            Self::ChatId => "chat_id",
            Self::Username => "username",
            Self::Phone => "phone",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Id => "id",
            Self::ResponsibleUserId => "responsible_user_id",
            Self::Name => "name",
            Self::FirstName => "first_name",
            Self::MiddleName => "middle_name",
            Self::LastName => "last_name",
            Self::Uri => "uri",
            Self::ContactData => "contact_data",
            Self::Messenger(chat_type) => chat_type.as_str(),
            Self::TelegramUsername => "telegram_username",
            Self::TelegramPhone => "telegram_phone",
            Self::MaxPhone => "max_phone",
            Self::Phone => "phone",
            Self::Ignored => "ignore",
            // `phone` alone is the phone of no messenger, so that of a chat needs another name.
            Self::Group {
                number: 0,
                part: GroupPart::Phone,
            } => "chat_phone",
            Self::Group { number: 0, part } => part.as_str(),
            Self::Group { number, part } => return f.pad(&format!("{}_{number}", part.as_str())),
        })
    }
}

/// A word that is not the name of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no field; the fields are id, responsible_user_id, name, first_name, middle_name, last_name, uri, \
     contact_data, whatsapp, whatsgroup, viber, instagram, telegram, telegroup, vk, avito, max, maxgroup, \
     telegram_username, telegram_phone, max_phone, phone, chat_type, chat_id, username, chat_phone, ignore, \
     and chat_type_1, chat_id_1, username_1, phone_1 and so on"
)]
pub struct UnknownField(pub String);

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let name = word.trim().to_ascii_lowercase();
        Self::all()
            .find(|field| field.to_string() == name)
            .or_else(|| numbered(&name))
            .ok_or_else(|| UnknownField(word.trim().to_owned()))
    }
}

/// `chat_id_2` and its like. Leading zeros are refused: the name must come back as it was.
fn numbered(name: &str) -> Option<Field> {
    let (part, digits) = name.rsplit_once('_')?;
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    let part = PARTS.into_iter().find(|known| known.as_str() == part)?;
    (!digits.starts_with(['0', '+'])).then_some(Field::Group { number, part })
}

impl TryFrom<String> for Field {
    type Error = UnknownField;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.to_string()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_read_back_from_its_name() {
        let numbered = PARTS.map(|part| Field::Group { number: 12, part });
        for field in Field::all().chain(numbered) {
            assert_eq!(field.to_string().parse::<Field>().unwrap(), field);
        }
        assert_eq!(
            " WhatsApp ".parse(),
            Ok(Field::Messenger(ChatType::Whatsapp))
        );
    }

    #[test]
    fn other_words_are_refused_with_the_list() {
        for word in [
            "",
            "phone_0",
            "phone_01",
            "chat_id_+1",
            "chat_id_99999",
            "fax",
        ] {
            let error = word.parse::<Field>().unwrap_err().to_string();
            assert!(error.contains("telegram_username"), "{error}");
        }
    }
}
