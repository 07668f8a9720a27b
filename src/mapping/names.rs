//! Looks up a column's name: first among the fields' own names, then in the tables of [`super::alias`], then
//! without an affix.
//!
//! An export of deals has columns of the deal, of its contact and of its company, which are only distinguished by
//! affixes: `Телефон (контакт)`, `Person - Phone`. A contact's affix is removed and the rest looked up; a column with
//! the affix of a company or a deal is left out.

use std::{collections::HashMap, sync::LazyLock};

use unicode_normalization::UnicodeNormalization;

use super::{
    alias::{
        ALIASES, DEAL_MARKS, EXACT, LAST_RESORT, NEVER, OF_ANYTHING, ROW_KINDS, SURE, USUAL, Weight,
    },
    backup,
    field::{Field, PARTS},
};
use crate::contact::ChatType;

/// The meaning of a column, from its name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownName {
    /// A name of the field.
    Named {
        field: Field,
        weight: Weight,
        /// The name says that the column belongs to the contact: `Person - ID`.
        of_contact: bool,
    },
    /// Resembles a field but means something else, for this reason.
    Never(&'static str),
    /// `Phone 2 - Type`: the kind of the number in `Phone 2 - Value`.
    PhoneKind(u16),
    /// The kind of the row: a contact or a company.
    RowKind,
    Unknown,
}

impl KnownName {
    pub(super) const fn of(field: Field, weight: Weight) -> Self {
        Self::Named {
            field,
            weight,
            of_contact: false,
        }
    }

    pub(super) const fn field(self) -> Option<Field> {
        match self {
            Self::Named { field, .. } => Some(field),
            _ => None,
        }
    }
}

/// A name without case, accents, spaces and punctuation, for comparing names; `ё` equals `е`.
pub(crate) fn key(name: &str) -> String {
    if name.is_ascii() {
        let letters = name.bytes().filter(u8::is_ascii_alphanumeric);
        return letters
            .map(|byte| char::from(byte.to_ascii_lowercase()))
            .collect();
    }
    name.nfkd()
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric())
        .collect()
}

/// A column name without white space and BOM at its ends.
pub(super) fn trimmed(name: &str) -> &str {
    name.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

pub(super) fn know(name: &str) -> KnownName {
    know_within(name, AFFIXES_MAX)
}

/// Dynamics writes two affixes. The limit bounds the recursion for names that consist of affixes.
const AFFIXES_MAX: u8 = 3;

fn know_within(name: &str, affixes: u8) -> KnownName {
    let name = trimmed(name);
    // A fast path for data: empty cells, ids and phones.
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return KnownName::Unknown;
    }
    if let Ok(field) = name.parse::<Field>()
        && field.to_string() == name
        && field != Field::Ignored
    {
        return KnownName::of(field, EXACT);
    }
    let named = by_key(&key(name));
    if named != KnownName::Unknown {
        return named;
    }
    if backup::chat_type_of(name).is_some_and(|chat_type| ChatType::ALL.contains(&chat_type)) {
        return KnownName::Never(
            "the chats of a backup: only read if the file has exactly the columns of `export --layout columns`",
        );
    }
    match subject(name) {
        Subject::Contact(rest) if affixes > 0 => of_contact(know_within(rest, affixes - 1)),
        Subject::Other => KnownName::Never("a column of the company or the deal"),
        Subject::Contact(_) | Subject::Unsaid => of_client(&key(name)),
    }
}

/// `Фамилия клиента`, `Customer phone`: the client's column means what it means without the word. Not ids: a `Client ID`
/// is often one of web analytics.
fn of_client(key: &str) -> KnownName {
    const AFTER: [&str; 6] = [
        "клиента",
        "контакта",
        "delcliente",
        "delcontacto",
        "docliente",
        "docontato",
    ];
    const BEFORE: [&str; 3] = ["customer", "client", "contact"];
    let rest = AFTER.iter().find_map(|word| key.strip_suffix(word));
    let rest = rest.or_else(|| BEFORE.iter().find_map(|word| key.strip_prefix(word)));
    match by_key(rest.unwrap_or_default()) {
        KnownName::Named {
            field: Field::Id, ..
        } => KnownName::Unknown,
        known @ (KnownName::Named { .. } | KnownName::Never(_)) => known,
        _ => KnownName::Unknown,
    }
}

/// The meaning of a name whose removed affix says that the column belongs to the contact.
fn of_contact(rest: KnownName) -> KnownName {
    match rest {
        KnownName::Named { field, weight, .. } => KnownName::Named {
            field,
            weight: weight.max(SURE),
            of_contact: true,
        },
        other => other,
    }
}

/// True if only an export of deals or leads has a column with this name.
pub(super) fn marks_deals(name: &str) -> bool {
    static MARKS: LazyLock<Vec<String>> =
        LazyLock::new(|| DEAL_MARKS.iter().map(|mark| key(mark)).collect());
    MARKS.contains(&key(name))
}

/// True for `ID` or `Record ID`: the id of the row's subject, not necessarily the contact.
pub(super) fn is_anyones_id(name: &str) -> bool {
    let known = know(name);
    [EXACT, OF_ANYTHING]
        .map(|weight| KnownName::of(Field::Id, weight))
        .contains(&known)
}

/// True for a full name that is used only if first and last name are empty.
pub(super) fn is_weak_name(name: &str) -> bool {
    matches!(know(name), KnownName::Named { field: Field::Name, weight, .. } if weight >= LAST_RESORT)
}

/// True if exporters write the employee's name into this column: `Contact owner` but not `Contact Owner.id`.
pub(super) fn holds_owner_names(name: &str) -> bool {
    let known = know(name);
    let is_owner = known.field() == Some(Field::ResponsibleUserId)
        && known != KnownName::of(Field::ResponsibleUserId, EXACT);
    let key = key(name);
    is_owner && !key.starts_with("id") && !key.ends_with("id")
}

fn by_key(key: &str) -> KnownName {
    static TABLE: LazyLock<HashMap<String, KnownName>> = LazyLock::new(table);
    if let Some(known) = TABLE.get(key) {
        return *known;
    }
    google_phone(key)
        .or_else(|| numbered_group(key))
        .unwrap_or_else(|| repeated(TABLE.get(key.trim_end_matches(|c: char| c.is_ascii_digit()))))
}

/// `Home Phone 2`: a number after the name is ignored for phones and for names that are never used.
fn repeated(known: Option<&KnownName>) -> KnownName {
    match known {
        Some(
            known @ (KnownName::Never(_)
            | KnownName::Named {
                field: Field::Phone,
                ..
            }),
        ) => *known,
        _ => KnownName::Unknown,
    }
}

fn table() -> HashMap<String, KnownName> {
    let canonical = Field::all()
        .filter(|field| *field != Field::Ignored)
        .map(|field| (key(&field.to_string()), KnownName::of(field, USUAL)));
    let others = ALIASES.iter().flat_map(|(field, weight, names)| {
        names
            .iter()
            .map(|name| (key(name), KnownName::of(*field, *weight)))
    });
    let never = NEVER
        .iter()
        .flat_map(|(why, names)| names.iter().map(|name| (key(name), KnownName::Never(why))));
    let kinds = ROW_KINDS.iter().map(|name| (key(name), KnownName::RowKind));
    never.chain(kinds).chain(others).chain(canonical).collect()
}

/// Google's `Phone 1 - Value`, `Phone 1 - Type`, `Phone 1 - Label`.
fn google_phone(key: &str) -> Option<KnownName> {
    let rest = key.strip_prefix("phone")?;
    let letters = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = rest[..rest.len() - letters.len()].parse().ok()?;
    match letters {
        "value" => Some(KnownName::of(Field::Phone, USUAL)),
        "type" | "label" => Some(KnownName::PhoneKind(number)),
        _ => None,
    }
}

/// `chatType1`, `Chat ID 2`: other spellings of the numbered groups.
fn numbered_group(key: &str) -> Option<KnownName> {
    let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = key[name.len()..]
        .parse()
        .ok()
        .filter(|number| *number > 0)?;
    let mut parts = PARTS.into_iter();
    let (part, _) = parts.find(|(_, word)| self::key(word) == name)?;
    Some(KnownName::of(Field::Group { number, part }, USUAL))
}

/// The subject of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject<'a> {
    /// The contact; the name without the affix.
    Contact(&'a str),
    /// The company or the deal.
    Other,
    /// The name does not say.
    Unsaid,
}

const CONTACT: &str = "контакт contacto contato contact person persona pessoa";
const OTHER: &str = "\
    компания empresa company compañía organization organización organização organisation сделка deal \
    лид lead negocio negócio trato организация";

pub(super) fn subject(name: &str) -> Subject<'_> {
    let Some((affix, rest)) = suffix(name).or_else(|| prefix(name)) else {
        return Subject::Unsaid;
    };
    if is_among(CONTACT, affix) {
        Subject::Contact(rest.trim())
    } else if is_other(affix) {
        Subject::Other
    } else {
        Subject::Unsaid
    }
}

/// True for a word that denotes a company or a deal.
pub(crate) fn is_other(word: &str) -> bool {
    is_among(OTHER, word)
}

fn is_among(words: &str, word: &str) -> bool {
    let word = word.trim().to_lowercase();
    words.split(' ').any(|known| known == word)
}

/// `Телефон (контакт)`.
fn suffix(name: &str) -> Option<(&str, &str)> {
    let (rest, affix) = name.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    (!rest.trim().is_empty()).then_some((affix, rest))
}

/// `Контакт: Телефон`, `Person - Phone`, but not `Контакт.Телефон`: Zoho's dots have another meaning.
fn prefix(name: &str) -> Option<(&str, &str)> {
    let (affix, rest) = name.split_once(':').or_else(|| name.split_once(" - "))?;
    (!rest.trim().is_empty()).then_some((affix, rest))
}

/// The number of cells with known column names. Used to detect the delimiter, the header row and the sheet.
pub(crate) fn recognize(cells: &[String]) -> usize {
    let known = |cell: &&String| know(cell) != KnownName::Unknown;
    cells.iter().filter(known).count()
}

/// The field for a column with this name: `Phone`, `Ссылка`.
pub(crate) fn field_called(name: &str) -> Option<Field> {
    know(name).field()
}

/// The chat type with this name in everyday language: `WhatsApp`, `Ватсап`, `ТГ`.
pub(crate) fn chat_type(name: &str) -> Option<ChatType> {
    name.parse().ok().or_else(|| match field_called(name) {
        Some(Field::Chat(chat_type)) => Some(chat_type),
        _ => None,
    })
}

/// The messengers that a text names in everyday language: `+7 999 (WhatsApp)`, `Ник в ТГ`.
pub(crate) fn chat_types_in(text: &str) -> impl Iterator<Item = ChatType> {
    words(text).filter_map(|word| {
        let lower = word.to_lowercase();
        match lower.as_str() {
            "wa" | "wapp" | "wsp" | "wpp" | "zap" | "whatsap" | "вотсапп" => {
                Some(ChatType::Whatsapp)
            }
            "вибер" => Some(ChatType::Viber),
            "tg" => Some(ChatType::Telegram),
            // Max is also a given name.
            "max" | "макс" => {
                (word != lower && word.to_uppercase() == word).then_some(ChatType::Max)
            }
            "ig" => Some(ChatType::Instagram),
            _ => chat_type(word),
        }
    })
}

pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_alphabetic());
    words.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{contact::ChatType, mapping::GroupPart};

    fn field(name: &str) -> Option<Field> {
        know(name).field()
    }

    #[test]
    fn names_are_known_without_regard_to_case_accents_spaces_and_punctuation() {
        for (name, wanted) in [
            ("id", Field::Id),
            ("ID", Field::Id),
            (" Record Id ", Field::Id),
            ("\u{feff}ID", Field::Id),
            ("ОТВЕТСТВЕННЫЙ", Field::ResponsibleUserId),
            ("Contact Owner.id", Field::ResponsibleUserId),
            ("lead usuario responsavel", Field::ResponsibleUserId),
            ("Имя, Фамилия", Field::Name),
            ("фамилия*", Field::LastName),
            ("Мобильный телефон (контакт)", Field::Phone),
            ("Teléfono celular (contacto)", Field::Phone),
            ("TELEFONO CELULAR", Field::Phone),
            ("Person - Phone - Work", Field::Phone),
            ("Person - ID", Field::Id),
            ("Persona - Nombre", Field::FirstName),
            ("Mobile Phone (Contact) (Contact)", Field::Phone),
            ("Phone 3 - Value", Field::Phone),
            ("Телефон раб. 2", Field::Phone),
            ("Контакт Viber", Field::Chat(ChatType::Viber)),
            ("WhatsApp:", Field::Chat(ChatType::Whatsapp)),
            ("Persona responsable", Field::ResponsibleUserId),
            ("Pessoa responsável", Field::ResponsibleUserId),
            ("Persona - Propietario", Field::ResponsibleUserId),
            ("Pessoa - Proprietário", Field::ResponsibleUserId),
            ("Контакт - Владелец", Field::ResponsibleUserId),
            ("Lead Owner.id", Field::ResponsibleUserId),
            ("ID de registro", Field::Id),
            ("ID do registro", Field::Id),
            ("ФИО клиента", Field::Name),
            ("Клиент", Field::Name),
            ("Фамилия клиента", Field::LastName),
            ("Отчество контакта", Field::MiddleName),
            ("Моб. телефон клиента", Field::Phone),
            ("Apellidos del cliente", Field::LastName),
            ("Celular do cliente", Field::Phone),
            ("client_first_name", Field::FirstName),
            ("Доп. телефон 2", Field::Phone),
            ("Contact WhatsApp", Field::Chat(ChatType::Whatsapp)),
            ("Apellido paterno", Field::LastName),
            ("Segundo apellido", Field::SecondLastName),
            ("Cliente", Field::Name),
            ("Customer name", Field::Name),
            ("Número de teléfono móvil", Field::Phone),
            ("Número de telefone celular", Field::Phone),
            ("Pessoa - Telefone - Trabalho", Field::Phone),
            ("Pessoa - Telefone - Outros", Field::Phone),
            ("Тел.", Field::Phone),
            ("Моб. тел.", Field::Phone),
            ("Контактный телефон", Field::Phone),
            ("Cel", Field::Phone),
            ("Phone no.", Field::Phone),
            ("Mobile no", Field::Phone),
            ("hs_whatsapp_phone_number", Field::Chat(ChatType::Whatsapp)),
            ("Cuenta de Telegram", Field::Chat(ChatType::Telegram)),
            ("Conta do Telegram", Field::Chat(ChatType::Telegram)),
            ("Cuenta de VK", Field::Chat(ChatType::Vk)),
            ("Contacto de Viber", Field::Chat(ChatType::Viber)),
            ("Comentarios de Instagram", Field::Chat(ChatType::Instagram)),
            ("tg_username (контакт)", Field::TelegramUsername),
            ("Telegram username", Field::TelegramUsername),
            (
                "chat_id_3",
                Field::Group {
                    number: 3,
                    part: GroupPart::ChatId,
                },
            ),
            (
                "chatId 3",
                Field::Group {
                    number: 3,
                    part: GroupPart::ChatId,
                },
            ),
        ] {
            assert_eq!(field(name), Some(wanted), "{name}");
        }
    }

    #[test]
    fn look_alikes_are_never_taken() {
        for name in [
            "Fax",
            "Факс (контакт)",
            "Faz (contato)",
            "Business Fax 2",
            "Номер пейджера",
            "Кем создан",
            "Название сделки",
            "Рабочий телефон (компания)",
            "Компания: Телефон",
            "Lead título",
            "Title",
            "Account Phone",
            "ASSISTANTPHONE",
            "Teléfono de la empresa",
            "Telefone (principal) da empresa",
            "Телефон организации",
            "Número de centralita de la organización",
            "Teléfono del ayudante",
            "Teléfono del automóvil",
            "Devolución de llamada",
            "Número de teletipo",
            "Radioteléfono",
            "Otro fax",
            "Outro fax",
            "Retorno de chamada",
            "Telefone do carro",
            "Deal - ID",
            "Контакт Открытая линия",
            "Факс клиента",
            "Client company",
        ] {
            assert!(
                matches!(know(name), KnownName::Never(_)),
                "{name}: {:?}",
                know(name)
            );
        }
        for name in [
            "",
            "Телефон (NEW)",
            "Source phone",
            "Примечание 1",
            "Client ID",
            "Тип клиента",
            "Notes",
            "ignore",
            "E-mail 1 - Value",
        ] {
            assert_eq!(know(name), KnownName::Unknown, "{name}");
        }
    }

    #[test]
    fn affixes_say_whose_the_column_is() {
        for (name, wanted) in [
            (
                "Рабочий телефон (контакт)",
                Subject::Contact("Рабочий телефон"),
            ),
            (
                "Teléfono celular (Contacto)",
                Subject::Contact("Teléfono celular"),
            ),
            ("Faz (contato)", Subject::Contact("Faz")),
            (
                "Mobile Phone (Contact) (Contact)",
                Subject::Contact("Mobile Phone (Contact)"),
            ),
            (
                "Контакт: Рабочий телефон",
                Subject::Contact("Рабочий телефон"),
            ),
            ("Person - Phone - Work", Subject::Contact("Phone - Work")),
            (
                "Persona - Teléfono - Otro",
                Subject::Contact("Teléfono - Otro"),
            ),
            ("Рабочий телефон (компания)", Subject::Other),
            ("Deal - Title", Subject::Other),
            ("Компания: Телефон", Subject::Other),
            ("Телефон (NEW)", Subject::Unsaid),
            ("Контакт", Subject::Unsaid),
            ("Контакт Viber", Subject::Unsaid),
            ("(контакт)", Subject::Unsaid),
            ("Phone 1 - Value", Subject::Unsaid),
        ] {
            assert_eq!(subject(name), wanted, "{name}");
        }
    }
}
