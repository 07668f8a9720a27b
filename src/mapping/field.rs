//! The fields that columns are mapped to: the names in `--map`, `--set` and mapping files.
//!
//! Several fields may provide one field of the contact (`first_name` and `last_name` form the name, `telegram` and
//! `telegram_username` form one chat), and a number in a `phone` column becomes a chat of every type in
//! `--phone-as`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    contact::{ChatType, ContactField},
    nearest::remark,
};

/// The meaning of a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Field {
    /// The contact's id in the CRM.
    Id,
    /// The employee's id.
    ResponsibleUserId,
    /// The full name.
    Name,
    /// The first name, for a row without a full name.
    FirstName,
    /// The middle name or patronymic.
    MiddleName,
    /// The last name, or the first of two.
    LastName,
    /// The second of two surnames: `Apellido materno`.
    SecondLastName,
    /// Link to the contact's card.
    Uri,
    /// All chats at once: the API's array as JSON.
    ContactData,
    /// Chats of one type: numbers, handles or links.
    Chat(ChatType),
    /// Telegram usernames, with or without `@`.
    TelegramUsername,
    /// Phone numbers of Telegram accounts.
    TelegramPhone,
    /// Phone numbers of Max accounts.
    MaxPhone,
    /// Phone numbers without a chat type: they become chats of the types of `--phone-as`.
    Phone,
    /// A part of a chat that is spread over several columns: `chat_type_1`, `chat_id_1`, …
    Group {
        /// The number at the end of the column's name; 0 if it has none.
        number: u16,
        /// The part of the chat.
        part: GroupPart,
    },
    /// A column with a known name that is left out.
    Ignored,
}

/// A part of a chat that is spread over several columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupPart {
    ChatType,
    ChatId,
    Username,
    Phone,
}

/// The fields without a payload, by name.
const NAMED: [(Field, &str); 14] = [
    (Field::Id, "id"),
    (Field::ResponsibleUserId, "responsible_user_id"),
    (Field::Name, "name"),
    (Field::FirstName, "first_name"),
    (Field::MiddleName, "middle_name"),
    (Field::LastName, "last_name"),
    (Field::SecondLastName, "second_last_name"),
    (Field::Uri, "uri"),
    (Field::ContactData, "contact_data"),
    (Field::TelegramUsername, "telegram_username"),
    (Field::TelegramPhone, "telegram_phone"),
    (Field::MaxPhone, "max_phone"),
    (Field::Phone, "phone"),
    (Field::Ignored, "ignore"),
];

impl GroupPart {
    fn name(self) -> &'static str {
        let part = PARTS.iter().find(|(part, _)| *part == self);
        part.map_or("", |(_, name)| name)
    }

    /// The name of the column without a number. Not `phone`, a number without a chat type.
    fn unnumbered(self) -> &'static str {
        match self {
            Self::Phone => "chat_phone",
            part => part.name(),
        }
    }
}

pub(super) const PARTS: [(GroupPart, &str); 4] = [
    (GroupPart::ChatType, "chat_type"),
    (GroupPart::ChatId, "chat_id"),
    (GroupPart::Username, "username"),
    (GroupPart::Phone, "phone"),
];

impl Field {
    /// Every field except the numbered ones.
    pub fn all() -> impl Iterator<Item = Self> {
        let chats = ChatType::ALL.into_iter().map(Self::Chat);
        let group = PARTS.map(|(part, _)| Self::Group { number: 0, part });
        let named = NAMED.map(|(field, _)| field);
        named.into_iter().chain(chats).chain(group)
    }

    /// True if a contact can have only one value of this field.
    pub(crate) const fn is_single(self) -> bool {
        matches!(
            self,
            Self::Id
                | Self::ResponsibleUserId
                | Self::Name
                | Self::FirstName
                | Self::MiddleName
                | Self::LastName
                | Self::SecondLastName
                | Self::Uri
        )
    }

    /// True for the first, middle and last names.
    pub(super) const fn is_part_of_name(self) -> bool {
        matches!(self.contact_field(), Some(ContactField::Name)) && !matches!(self, Self::Name)
    }

    /// True for ids, numbers and accounts, as opposed to text and dates.
    pub(super) fn is_code(self) -> bool {
        use ContactField::{ContactData, Id, ResponsibleUserId};
        matches!(
            self.contact_field(),
            Some(Id | ResponsibleUserId | ContactData)
        )
    }

    /// The field of the contact that this field provides.
    pub(crate) const fn contact_field(self) -> Option<ContactField> {
        Some(match self {
            Self::Id => ContactField::Id,
            Self::ResponsibleUserId => ContactField::ResponsibleUserId,
            Self::Name
            | Self::FirstName
            | Self::MiddleName
            | Self::LastName
            | Self::SecondLastName => ContactField::Name,
            Self::Uri => ContactField::Uri,
            Self::Ignored => return None,
            _ => ContactField::ContactData,
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chat(chat_type) => f.pad(chat_type.as_str()),
            Self::Group { number: 0, part } => f.pad(part.unnumbered()),
            Self::Group { number, part } => f.pad(&format!("{}_{number}", part.name())),
            named => match NAMED.iter().find(|(field, _)| field == named) {
                Some((_, name)) => f.pad(name),
                None => Ok(()),
            },
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a field{meant}; the fields are {list}, and chat_type_1, chat_id_1, username_1, phone_1 and so on",
    meant = remark(.0, Field::all().map(|field| field.to_string())),
    list = Field::all().map(|field| field.to_string()).collect::<Vec<_>>().join(", ")
)]
pub struct UnknownField(pub String);

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let name = word.trim().to_ascii_lowercase();
        named(&name)
            .or_else(|| numbered(&name))
            .ok_or_else(|| UnknownField(word.trim().to_owned()))
    }
}

/// A field without a number. Each cell of the first rows of a file is tried as a name, so nothing is built to compare
/// with.
fn named(name: &str) -> Option<Field> {
    let field = NAMED.iter().find(|(_, known)| *known == name);
    let of_type = |chat_type: &ChatType| chat_type.as_str() == name;
    let chat = || ChatType::ALL.into_iter().find(of_type).map(Field::Chat);
    let part = || PARTS.iter().find(|(part, _)| part.unnumbered() == name);
    let group = || {
        part().map(|(part, _)| Field::Group {
            number: 0,
            part: *part,
        })
    };
    field.map(|(field, _)| *field).or_else(chat).or_else(group)
}

/// Parses `chat_id_2` and so on. Leading zeros are refused, so that each field has a single name.
fn numbered(name: &str) -> Option<Field> {
    let (part, digits) = name.rsplit_once('_')?;
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    let (part, _) = PARTS.into_iter().find(|(_, name)| *name == part)?;
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
        let numbered = PARTS.map(|(part, _)| Field::Group { number: 12, part });
        for field in Field::all().chain(numbered) {
            assert_eq!(field.to_string().parse::<Field>().unwrap(), field);
        }
        assert_eq!(" WhatsApp ".parse(), Ok(Field::Chat(ChatType::Whatsapp)));
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
