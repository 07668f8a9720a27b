//! One value of a messenger's column → what the API wants of that messenger.
//!
//! A value may be a number, a handle, a link, or an id that only the messenger understands. Ids are sent as
//! they are; links are reduced; a link that leads to no account (an invitation, a photo) is refused.

use std::borrow::Cow;

use super::{
    link,
    notes::{Note, Notes},
    phone::{PhoneFault, Phones},
    sheet_number,
};
use crate::{contact::ChatType, reject::RejectCode, wording::shown};

/// Which part of a chat a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'r> {
    ChatId(Cow<'r, str>),
    Username(Cow<'r, str>),
    Phone(Cow<'r, str>),
}

/// Why a value is no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Phone(PhoneFault),
    /// Not what an account of this messenger looks like.
    NotAnAccount(ChatType),
    /// A link, but not to an account.
    NoAccountInLink,
    /// A telegram name was wanted and this is a number.
    NumberForName,
    /// An id of which a spreadsheet has eaten the last digits.
    DigitsLost,
}

impl From<PhoneFault> for Fault {
    fn from(fault: PhoneFault) -> Self {
        Self::Phone(fault)
    }
}

type Read<'r> = Result<Part<'r>, Fault>;

/// Reads a tidy value of the column of `chat_type`.
pub(super) fn read<'r>(
    chat_type: ChatType,
    value: &'r str,
    phones: &Phones,
    notes: &mut Notes,
) -> Read<'r> {
    match chat_type {
        ChatType::Whatsapp | ChatType::Viber => Ok(Part::ChatId(number(value, phones, notes)?)),
        ChatType::Telegram => telegram(value, phones, notes),
        ChatType::Instagram => Ok(Part::ChatId(instagram(value, notes)?.into())),
        ChatType::Vk => Ok(Part::ChatId(vk(value, notes)?.into())),
        ChatType::Max => max(value, phones, notes),
        ChatType::Avito => Ok(Part::ChatId(opaque(reduced(
            value,
            link::path(value, &["avito.ru", "m.avito.ru"]).map(last),
            notes,
        )?)?)),
        ChatType::Whatsgroup | ChatType::Telegroup | ChatType::Maxgroup | ChatType::Other(_) => {
            Ok(Part::ChatId(opaque(value)?))
        }
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Takes what a link was reduced to, refuses a link that was not.
fn reduced<'r>(
    value: &'r str,
    account: Option<&'r str>,
    notes: &mut Notes,
) -> Result<&'r str, Fault> {
    match account {
        Some("") => Err(Fault::NoAccountInLink),
        Some(account) => {
            notes.count(Note::LinkReduced, || format!("{value} → {account}"));
            Ok(account)
        }
        None if link::is_link(value) => Err(Fault::NoAccountInLink),
        None => Ok(value),
    }
}

/// An id of the messenger: sent as it is, unless a spreadsheet has rounded it.
pub(super) fn opaque(value: &str) -> Result<Cow<'_, str>, Fault> {
    if sheet_number::has_lost_digits(value) {
        return Err(Fault::DigitsLost);
    }
    Ok(value.into())
}

/// A number, or a link with a number in it.
pub(super) fn number<'r>(
    value: &'r str,
    phones: &Phones,
    notes: &mut Notes,
) -> Result<Cow<'r, str>, Fault> {
    if !value.contains(['/', ':']) {
        return Ok(phones.read(value, notes)?);
    }
    let chat = link::path(
        value,
        &[
            "wa.me",
            "api.whatsapp.com",
            "web.whatsapp.com",
            "viber.click",
        ],
    );
    let inside = link::parameter(value, "phone")
        .or_else(|| link::parameter(value, "number"))
        .or(chat.map(last));
    match inside {
        // In a link every number is international, with or without its `+`.
        Some(inside) => {
            let digits = inside.trim_start_matches("%2B").trim_start_matches("%2b");
            let plus = format!("+{}", digits.trim_start_matches('+'));
            let number = phones.read(&plus, &mut Notes::default())?.into_owned();
            notes.count(Note::LinkReduced, || format!("{value} → {number}"));
            Ok(number.into())
        }
        None if link::is_link(value) => Err(Fault::NoAccountInLink),
        None => Ok(phones.read(value, notes)?),
    }
}

/// A name that is sent as it stands.
pub(super) fn is_plain_username(value: &str) -> bool {
    is_username(value) && !is_account_number(value)
}

/// Digits are an account's id, `@name` and links a username, `+7 …` a phone.
fn telegram<'r>(value: &'r str, phones: &Phones, notes: &mut Notes) -> Read<'r> {
    if is_account_number(value) {
        note_phone_like(value, notes);
        return Ok(Part::ChatId(value.into()));
    }
    if let Some(id) = link::parameter(value, "id").filter(|_| value.starts_with("tg://user")) {
        return Ok(Part::ChatId(id.into()));
    }
    if looks_like_phone(value) {
        return Ok(Part::Phone(phones.read(value, notes)?));
    }
    username(value, phones, notes)
}

/// A telegram name, however it is given. A link with a number in it gives the number.
pub(super) fn username<'r>(value: &'r str, phones: &Phones, notes: &mut Notes) -> Read<'r> {
    if is_plain_username(value) {
        return Ok(Part::Username(value.into()));
    }
    let account = link::path(value, &["t.me", "telegram.me", "telegram.dog"])
        .map(|path| link::first(path.strip_prefix("s/").unwrap_or(path)))
        .or_else(|| link::parameter(value, "domain").filter(|_| value.starts_with("tg://")));
    let name = reduced(value, account, notes)?;
    if account.is_some() && name.starts_with('+') {
        // t.me/+79991112233 is a number, t.me/+AbCdEf an invitation.
        let number = phones
            .read(name, notes)
            .map_err(|_| Fault::NoAccountInLink)?;
        return Ok(Part::Phone(number));
    }
    let name = without_at(name, notes);
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::NumberForName);
    }
    if !is_username(name) || (account.is_some() && name.eq_ignore_ascii_case("joinchat")) {
        return Err(Fault::NotAnAccount(ChatType::Telegram));
    }
    Ok(Part::Username(name.into()))
}

fn without_at<'r>(name: &'r str, notes: &mut Notes) -> &'r str {
    let bare = name.trim_start_matches('@');
    if bare.len() < name.len() {
        notes.count(Note::AtRemoved, || format!("{name} → {bare}"));
    }
    bare
}

/// Letters, digits and `_`. Telegram wants five, names that are bought have fewer.
pub(super) fn is_username(name: &str) -> bool {
    (3..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_account_number(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Account numbers have no more than ten digits so far: eleven that fit a country are worth a hint.
fn note_phone_like(value: &str, notes: &mut Notes) {
    if value.len() >= 11
        && !value.starts_with('-')
        && super::numbering::fit(value.as_bytes()) == super::numbering::Fit::Plausible
    {
        notes.count(Note::LongIdInTelegram, || value.to_owned());
    }
}

/// Digits with a `+` or with the punctuation of a phone number, and nothing else.
fn looks_like_phone(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let others = |c: char| !c.is_alphabetic() && !matches!(c, '@' | '_' | '/');
    digits >= 7 && value.chars().all(others)
}

fn instagram<'r>(value: &'r str, notes: &mut Notes) -> Result<&'r str, Fault> {
    let account = link::path(
        value,
        &["instagram.com", "instagr.am", "m.instagram.com", "ig.me"],
    )
    .map(|path| path.strip_prefix("stories/").unwrap_or(path))
    .map(|path| link::first(path.strip_prefix("m/").unwrap_or(path)));
    let name = without_at(reduced(value, account, notes)?, notes);
    let page = account.is_some() && matches!(name, "p" | "reel" | "reels" | "explore" | "tv");
    if page {
        return Err(Fault::NoAccountInLink);
    }
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
    if (1..=64).contains(&name.len()) && name.bytes().all(letters) {
        Ok(name)
    } else {
        Err(Fault::NotAnAccount(ChatType::Instagram))
    }
}

/// `id123` is how VK's pages write the account 123.
fn vk<'r>(value: &'r str, notes: &mut Notes) -> Result<&'r str, Fault> {
    const HOSTS: [&str; 6] = [
        "vk.com",
        "m.vk.com",
        "vk.ru",
        "m.vk.ru",
        "vk.me",
        "vkontakte.ru",
    ];
    let account = link::path(value, &HOSTS).map(link::first);
    let name = without_at(reduced(value, account, notes)?, notes);
    let number = name
        .strip_prefix("id")
        .filter(|digits| is_account_number(digits));
    let name = number.unwrap_or(name);
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(Fault::NotAnAccount(ChatType::Vk));
    }
    Ok(name)
}

/// Digits are an account's id, a written number is a phone, the rest is the messenger's own.
fn max<'r>(value: &'r str, phones: &Phones, notes: &mut Notes) -> Read<'r> {
    if is_account_number(value) {
        note_phone_like(value, notes);
        return Ok(Part::ChatId(value.into()));
    }
    if looks_like_phone(value) {
        return Ok(Part::Phone(phones.read(value, notes)?));
    }
    let account = link::path(value, &["max.ru", "web.max.ru"]).map(last);
    Ok(Part::ChatId(opaque(reduced(value, account, notes)?)?))
}

impl Fault {
    pub(super) const fn code(self) -> RejectCode {
        match self {
            Self::Phone(PhoneFault::Truncated) => RejectCode::PhoneTruncated,
            Self::Phone(_) => RejectCode::PhoneInvalid,
            Self::DigitsLost => RejectCode::DigitsLost,
            _ => RejectCode::UsernameInvalid,
        }
    }

    /// The sentence for the rejects file.
    pub(super) fn reason(self, value: &str) -> String {
        let text = shown(value);
        match self {
            Self::Phone(fault) => fault.reason(value),
            Self::NotAnAccount(ChatType::Telegram) => format!(
                "{text} is no telegram name (letters, digits and _, at least three): write @name, a link t.me/name, or a number with +"
            ),
            Self::NotAnAccount(ChatType::Instagram) => format!(
                "{text} is no instagram account (letters, digits, `.` and _): write the account's name or its link"
            ),
            Self::NotAnAccount(chat_type) => {
                format!("{text} is no account of {chat_type}: write its id or its link")
            }
            Self::NoAccountInLink => format!(
                "{text} is a link, but not to an account (an invitation, a post, another site): write the account's link or name"
            ),
            Self::NumberForName => format!(
                "{text} is a number, not a telegram name: ids belong in the column `telegram`, phones in `telegram_phone` \
                 (--map telegram='…' or --map telegram_phone='…')"
            ),
            Self::DigitsLost => format!(
                "{text} has lost its last digits in a spreadsheet: format the column as text and take the id from where it came"
            ),
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn seen(chat_type: ChatType, value: &str) -> Result<String, Fault> {
        let part = read(chat_type, value, &Phones::new(None), &mut Notes::default())?;
        Ok(match part {
            Part::ChatId(id) => format!("id {id}"),
            Part::Username(name) => format!("name {name}"),
            Part::Phone(phone) => format!("phone {phone}"),
        })
    }

    #[test]
    fn values_become_what_each_messenger_wants() {
        use ChatType::*;
        for (chat_type, value, wanted) in [
            (Whatsapp, "79991112233", "id 79991112233"),
            (
                Whatsapp,
                "https://wa.me/79991112233?text=hi",
                "id 79991112233",
            ),
            (Whatsapp, "https://wa.me/+79991112233", "id 79991112233"),
            (
                Whatsapp,
                "https://api.whatsapp.com/send?phone=79991112233&text=a",
                "id 79991112233",
            ),
            (Whatsapp, "tel:+79991112233", "id 79991112233"),
            (
                Viber,
                "viber://chat?number=%2B79991112233",
                "id 79991112233",
            ),
            (Telegram, "123456789", "id 123456789"),
            (Telegram, "-1001234567890", "id -1001234567890"),
            (Telegram, "@ann_p", "name ann_p"),
            (Telegram, "ann_p", "name ann_p"),
            (Telegram, "https://t.me/ann_p?start=x", "name ann_p"),
            (Telegram, "t.me/s/ann_p", "name ann_p"),
            (Telegram, "tg://resolve?domain=ann_p", "name ann_p"),
            (Telegram, "tg://user?id=55", "id 55"),
            (Telegram, "+7 999 111-22-33", "phone 79991112233"),
            (Telegram, "https://t.me/+79991112233", "phone 79991112233"),
            (Instagram, "@ann.p", "id ann.p"),
            (
                Instagram,
                "https://www.instagram.com/ann.p/?hl=ru",
                "id ann.p",
            ),
            (
                Instagram,
                "https://instagram.com/stories/ann.p/1",
                "id ann.p",
            ),
            (Vk, "https://vk.com/id123", "id 123"),
            (Vk, "vk.com/ann.p", "id ann.p"),
            (Vk, "@ann", "id ann"),
            (Vk, "123", "id 123"),
            (Avito, "u2i-abc~de", "id u2i-abc~de"),
            (
                Avito,
                "https://www.avito.ru/profile/messenger/channel/u2i-abc",
                "id u2i-abc",
            ),
            (Max, "12345", "id 12345"),
            (Max, "+7 (999) 111-22-33", "phone 79991112233"),
            (
                Whatsgroup,
                "120363025246125486@g.us",
                "id 120363025246125486@g.us",
            ),
        ] {
            assert_eq!(seen(chat_type, value).as_deref(), Ok(wanted), "{value}");
        }
    }

    #[test]
    fn what_is_no_account_is_refused() {
        use ChatType::*;
        for (chat_type, value, code) in [
            (Telegram, "Анна", RejectCode::UsernameInvalid),
            (Telegram, "a b", RejectCode::UsernameInvalid),
            (
                Telegram,
                "https://t.me/joinchat/AbC",
                RejectCode::UsernameInvalid,
            ),
            (
                Telegram,
                "https://t.me/+AbCdEf",
                RejectCode::UsernameInvalid,
            ),
            (
                Telegram,
                "https://example.com/ann",
                RejectCode::UsernameInvalid,
            ),
            (
                Instagram,
                "https://instagram.com/p/AbC",
                RejectCode::UsernameInvalid,
            ),
            (Instagram, "Анна", RejectCode::UsernameInvalid),
            (
                Whatsapp,
                "https://chat.whatsapp.com/AbC",
                RejectCode::UsernameInvalid,
            ),
            (
                Whatsapp,
                "https://wa.me/message/AbC",
                RejectCode::PhoneInvalid,
            ),
            (Whatsapp, "7,9991E+10", RejectCode::PhoneTruncated),
            (Whatsgroup, "1.20363025246125E+17", RejectCode::DigitsLost),
        ] {
            let fault = seen(chat_type, value).expect_err(value);
            assert_eq!(fault.code(), code, "{value}");
            assert!(
                fault.reason(value).contains(value),
                "{}",
                fault.reason(value)
            );
        }
    }
}
