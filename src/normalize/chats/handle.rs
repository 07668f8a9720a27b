//! Reads one value of a chat's column: a number, a handle, a link, or an opaque id.
//!
//! Ids are sent unchanged, and links are reduced to the account. A link to anything else (an invitation, a photo)
//! is rejected.

use std::borrow::Cow;

use super::link;
use crate::{
    characters::shown,
    contact::{Chat, ChatType},
    normalize::{
        edits::{Edit, Edits},
        phone::{self, Phones},
    },
    reject::{Fault, RejectCode},
};

/// Reads a cleaned-up value of a column of `chat_type`.
pub(super) fn read<'r>(
    chat_type: ChatType,
    value: &'r str,
    phones: &Phones,
    edits: &mut Edits,
) -> Result<Chat<'r>, Fault> {
    match chat_type {
        ChatType::Whatsapp | ChatType::Viber => {
            number(value, phones, edits).map(|number| Chat::by_phone(chat_type, number))
        }
        ChatType::Telegram => telegram(value, phones, edits),
        ChatType::Instagram => Ok(Chat::by_id(chat_type, instagram(value, edits)?)),
        ChatType::Vk => Ok(Chat::by_id(chat_type, vk(value, edits)?)),
        ChatType::Max => max(value, phones, edits),
        ChatType::Avito => Ok(Chat::by_id(
            chat_type,
            account(chat_type, value, link::avito(value), edits)?,
        )),
        ChatType::Whatsgroup | ChatType::Telegroup | ChatType::Maxgroup | ChatType::Other(_) => {
            Ok(Chat::by_id(chat_type, opaque(value)?))
        }
    }
}

/// The account of a reduced link. A link without an account is a fault.
fn reduced<'r>(
    value: &'r str,
    account: Option<&'r str>,
    edits: &mut Edits,
) -> Result<&'r str, Fault> {
    match account {
        Some("") => Err(no_account_in_link(value)),
        Some(account) => {
            edits.count(Edit::LinkReduced, || format!("{value} → {account}"));
            Ok(account)
        }
        None if link::is_link(value) => Err(no_account_in_link(value)),
        None => Ok(value),
    }
}

/// An opaque id, sent unchanged unless a spreadsheet has rounded it.
pub(super) fn opaque(value: &str) -> Result<&str, Fault> {
    if phone::has_lost_digits(value) {
        return Err(phone::digits_lost(value));
    }
    Ok(value)
}

/// A phone number, or the number in a link.
pub(in crate::normalize) fn number<'r>(
    value: &'r str,
    phones: &Phones,
    edits: &mut Edits,
) -> Result<Cow<'r, str>, Fault> {
    let read = |text: &'r str, edits: &mut Edits| {
        let number = phones.read(text, edits);
        number.map_err(|fault| fault.into_fault(value))
    };
    if !value.contains(['/', ':']) || value.contains('@') {
        return read(value, edits);
    }
    match link::number(value) {
        Some(inside) => linked_number(value, inside, phones, edits),
        None if link::is_link(value) => Err(no_number_in_link(value)),
        None => read(value, edits),
    }
}

/// The number `inside` a link, which is international, with or without `+`.
fn linked_number<'r>(
    link: &str,
    inside: &str,
    phones: &Phones,
    edits: &mut Edits,
) -> Result<Cow<'r, str>, Fault> {
    let digits = inside.trim_start_matches("%2B").trim_start_matches("%2b");
    let plus = format!("+{}", digits.trim_start_matches('+'));
    let number = phones.read(&plus, &mut Edits::default());
    let number = number.map_err(|fault| fault.into_fault(link))?.into_owned();
    edits.count(Edit::LinkReduced, || format!("{link} → {number}"));
    Ok(number.into())
}

/// True for a username that is sent unchanged.
pub(super) fn is_plain_username(value: &str) -> bool {
    is_username(value) && !is_account_number(value)
}

/// Digits are an id, `@name` and links a username, `+7 …` a phone.
fn telegram<'r>(value: &'r str, phones: &Phones, edits: &mut Edits) -> Result<Chat<'r>, Fault> {
    if let Some(id) = link::telegram_id(value) {
        return Ok(Chat::by_id(ChatType::Telegram, id));
    }
    match of_digits(ChatType::Telegram, value, phones, edits) {
        Some(chat) => chat,
        None => username(value, phones, edits),
    }
}

/// A Telegram username in any form. A link with a number returns the number.
pub(super) fn username<'r>(
    value: &'r str,
    phones: &Phones,
    edits: &mut Edits,
) -> Result<Chat<'r>, Fault> {
    if is_plain_username(value) {
        return Ok(by_username(value));
    }
    if let Some(inside) = link::telegram_number(value) {
        let number = linked_number(value, inside, phones, edits)?;
        return Ok(Chat::by_phone(ChatType::Telegram, number));
    }
    let account = link::telegram(value);
    if account.is_some_and(|account| account.starts_with('+')) {
        return Err(no_account_in_link(value));
    }
    let name = without_at(reduced(value, account, edits)?, edits);
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        let reason = format!(
            "{} is a number, not a Telegram username: read ids with --map telegram='…' and phones with --map telegram_phone='…'",
            shown(value)
        );
        return Err(Fault::new(RejectCode::UsernameInvalid, reason));
    }
    if !is_username(name) {
        return Err(not_an_account(ChatType::Telegram, value));
    }
    Ok(by_username(name))
}

pub(super) fn by_username(name: &str) -> Chat<'_> {
    Chat {
        username: name.into(),
        ..Chat::empty(ChatType::Telegram)
    }
}

fn without_at<'r>(name: &'r str, edits: &mut Edits) -> &'r str {
    let bare = name.trim_start_matches('@');
    if bare.len() < name.len() {
        edits.count(Edit::AtRemoved, || format!("{name} → {bare}"));
    }
    bare
}

/// True for letters, digits and `_`. Telegram requires five characters, but purchased names are shorter.
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

/// Counts ids that look like phone numbers. Account ids have at most ten digits so far, so eleven that fit a
/// country deserve a hint.
fn count_phone_like(value: &str, phones: &Phones, edits: &mut Edits) {
    let is_phone = || phone::is_plausible(value) || phones.would_be_phone(value);
    if value.len() >= 11 && !value.starts_with('-') && is_phone() {
        edits.count(Edit::LongIdInTelegram, || value.to_owned());
    }
}

/// True for digits with a `+` or phone punctuation, and nothing else.
fn looks_like_phone(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let others = |c: char| !c.is_alphabetic() && !matches!(c, '@' | '_' | '/');
    digits >= 7 && value.chars().all(others)
}

fn instagram<'r>(value: &'r str, edits: &mut Edits) -> Result<&'r str, Fault> {
    let name = without_at(reduced(value, link::instagram(value), edits)?, edits);
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
    if (1..=64).contains(&name.len()) && name.bytes().all(letters) {
        Ok(name)
    } else {
        Err(not_an_account(ChatType::Instagram, value))
    }
}

/// VK's pages write the account 123 as `id123`, and a community has a number below 0.
fn vk<'r>(value: &'r str, edits: &mut Edits) -> Result<&'r str, Fault> {
    let name = account(ChatType::Vk, value, link::vk(value), edits)?;
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    {
        return Err(not_an_account(ChatType::Vk, value));
    }
    let number = name
        .strip_prefix("id")
        .filter(|digits| is_account_number(digits));
    Ok(number.unwrap_or(name))
}

/// An id or a name without spaces, of ASCII characters, as the messengers use them.
fn account<'r>(
    chat_type: ChatType,
    value: &'r str,
    in_link: Option<&'r str>,
    edits: &mut Edits,
) -> Result<&'r str, Fault> {
    let name = without_at(reduced(opaque(value)?, in_link, edits)?, edits);
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(not_an_account(chat_type, value));
    }
    Ok(name)
}

/// Digits are an id, a formatted number is a phone, and everything else is an opaque id.
fn max<'r>(value: &'r str, phones: &Phones, edits: &mut Edits) -> Result<Chat<'r>, Fault> {
    if let Some(chat) = of_digits(ChatType::Max, value, phones, edits) {
        return chat;
    }
    let id = account(ChatType::Max, value, link::max(value), edits)?;
    Ok(Chat::by_id(ChatType::Max, id))
}

/// The chat of a value that is an id of digits, or a phone number.
fn of_digits<'r>(
    chat_type: ChatType,
    value: &'r str,
    phones: &Phones,
    edits: &mut Edits,
) -> Option<Result<Chat<'r>, Fault>> {
    if is_account_number(value) {
        count_phone_like(value, phones, edits);
        return Some(Ok(Chat::by_id(chat_type, value)));
    }
    let number = looks_like_phone(value).then(|| phones.read(value, edits))?;
    let chat = number.map(|number| Chat::by_phone(chat_type, number));
    Some(chat.map_err(|fault| fault.into_fault(value)))
}

fn not_an_account(chat_type: ChatType, value: &str) -> Fault {
    let text = shown(value);
    let parts = value.split([',', '/', '|', '&']);
    let several = if parts.filter(|part| !part.trim().is_empty()).count() > 1 {
        "; separate several values with `;`"
    } else {
        ""
    };
    let reason = match chat_type {
        ChatType::Telegram => format!(
            "{text} is not a Telegram username (letters, digits and _, at least three): write @name, a link t.me/name, or a number with +{several}"
        ),
        ChatType::Instagram => format!(
            "{text} is not an Instagram account (letters, digits, `.` and _): write the account's name or its link{several}"
        ),
        _ => {
            format!("{text} is not a valid {chat_type} account: write its id or its link{several}")
        }
    };
    Fault::new(RejectCode::UsernameInvalid, reason)
}

fn no_account_in_link(value: &str) -> Fault {
    if link::holds_more(value) {
        return more_than_a_link(value);
    }
    let reason = format!(
        "{} is a link that does not lead to an account (an invitation, a post, a conversation, another site): write the account's link or name",
        shown(value)
    );
    Fault::new(RejectCode::UsernameInvalid, reason)
}

fn more_than_a_link(value: &str) -> Fault {
    let reason = format!(
        "{} has text beside a link: separate several values with `;`, and move remarks to another column",
        shown(value)
    );
    Fault::new(RejectCode::UsernameInvalid, reason)
}

fn no_number_in_link(value: &str) -> Fault {
    if link::holds_more(value) {
        return more_than_a_link(value);
    }
    let reason = format!(
        "{} is a link without a phone number (an account, an invitation, another site): write the number, or move the link to another column",
        shown(value)
    );
    Fault::new(RejectCode::UsernameInvalid, reason)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::normalize::NumberRules;

    fn seen(chat_type: ChatType, value: &str) -> Result<String, Fault> {
        let chat = read(
            chat_type,
            value,
            &Phones::new(NumberRules::default()),
            &mut Edits::default(),
        )?;
        let parts = [
            ("id", chat.chat_id),
            ("name", chat.username),
            ("phone", chat.phone),
        ];
        let filled = parts.into_iter().filter(|(_, text)| !text.is_empty());
        let shown = filled.map(|(part, text)| format!("{part} {text}"));
        Ok(shown.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn values_get_the_form_of_their_messenger() {
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
            (Whatsapp, "79991112233@c.us", "id 79991112233"),
            (Whatsapp, "79991112233:5@s.whatsapp.net", "id 79991112233"),
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
            (Telegram, "t.me/79991112233", "phone 79991112233"),
            (
                Telegram,
                "tg://resolve?phone=79991112233",
                "phone 79991112233",
            ),
            (Viber, "https://t.me/+79991112233", "id 79991112233"),
            (Viber, "t.me/79991112233?text=hi", "id 79991112233"),
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
            (Instagram, "http://instagram.com/_u/ann.p", "id ann.p"),
            (Instagram, "https://ig.me/m/ann.p", "id ann.p"),
            (Instagram, "instagram://user?username=ann.p", "id ann.p"),
            (Vk, "https://vk.com/im?sel=123", "id 123"),
            (Vk, "https://vk.com/gim55?sel=123", "id 123"),
            (Vk, "https://vk.com/im/convo/123", "id 123"),
            (Vk, "https://vk.me/write123", "id 123"),
            (Vk, "vk.com/public_relations", "id public_relations"),
            (Avito, "https://avito.ru/user/ab12/", "id ab12"),
            (
                Avito,
                "https://www.avito.ru/user/ab12/profile?id=1",
                "id ab12",
            ),
            (Avito, "https://www.avito.ru/brands/i12/all", "id i12"),
            (Avito, "@ann", "id ann"),
            (Max, "@ann", "id ann"),
            (Vk, "vk.com/al_im.php?sel=5", "id 5"),
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
    fn values_that_are_not_accounts_are_rejected() {
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
            (Whatsapp, "41860913909960@lid", RejectCode::PhoneInvalid),
            (
                Whatsapp,
                "120363025246125486@g.us",
                RejectCode::PhoneInvalid,
            ),
            (Whatsapp, "79991112233@mail.ru", RejectCode::PhoneInvalid),
            (
                Instagram,
                "https://www.instagram.com/direct/t/12345",
                RejectCode::UsernameInvalid,
            ),
            (
                Instagram,
                "https://instagram.com/stories/highlights/123",
                RejectCode::UsernameInvalid,
            ),
            (
                Telegram,
                "https://t.me/c/1234/5",
                RejectCode::UsernameInvalid,
            ),
            (
                Telegram,
                "t.me/addstickers/Cats",
                RejectCode::UsernameInvalid,
            ),
            (
                Telegram,
                "https://t.me/share/url?url=x",
                RejectCode::UsernameInvalid,
            ),
            (Vk, "https://vk.com/im?sel=c5", RejectCode::UsernameInvalid),
            (Vk, "https://vk.com/im", RejectCode::UsernameInvalid),
            (Vk, "https://vk.com/wall-1_2", RejectCode::UsernameInvalid),
            (Vk, "https://vk.com/club123", RejectCode::UsernameInvalid),
            (Vk, "https://vk.me/join/AbC", RejectCode::UsernameInvalid),
            (Vk, "vk.com", RejectCode::UsernameInvalid),
            (Vk, "vk.com/search.php", RejectCode::UsernameInvalid),
            (Vk, "Страница", RejectCode::UsernameInvalid),
            (Vk, "ann@example.com", RejectCode::UsernameInvalid),
            (Vk, "+79161234567", RejectCode::UsernameInvalid),
            (Instagram, "www.instagram.com", RejectCode::UsernameInvalid),
            (Max, "max.ru", RejectCode::UsernameInvalid),
            (Max, "Анна", RejectCode::UsernameInvalid),
            (Avito, "ann p", RejectCode::UsernameInvalid),
            (Avito, "avito.ru", RejectCode::UsernameInvalid),
            (
                Avito,
                "https://www.avito.ru/user",
                RejectCode::UsernameInvalid,
            ),
            (Max, "https://max.ru/join/AbC", RejectCode::UsernameInvalid),
            (
                Avito,
                "https://www.avito.ru/moskva/telefony/iphone_123",
                RejectCode::UsernameInvalid,
            ),
            (Whatsgroup, "1.20363025246125E+17", RejectCode::DigitsLost),
        ] {
            let fault = seen(chat_type, value).expect_err(value);
            assert_eq!(fault.code, code, "{value}");
            assert!(fault.reason.contains(value), "{}", fault.reason);
        }
    }

    #[test]
    fn links_to_telegram_may_have_a_number() {
        use ChatType::*;
        for (chat_type, value, wanted) in [
            (Telegram, "t.me/79991112233", Ok("phone 79991112233")),
            (
                Telegram,
                "tg://resolve?phone=79991112233",
                Ok("phone 79991112233"),
            ),
            (Viber, "https://t.me/+79991112233", Ok("id 79991112233")),
            (Viber, "t.me/79991112233?text=hi", Ok("id 79991112233")),
            (Viber, "t.me/+AbCdEf", Err(RejectCode::UsernameInvalid)),
            (Viber, "t.me/ann", Err(RejectCode::UsernameInvalid)),
            (Viber, "t.me/+123", Err(RejectCode::PhoneInvalid)),
            (Telegram, "t.me/+123", Err(RejectCode::PhoneInvalid)),
        ] {
            let seen = seen(chat_type, value).map_err(|fault| fault.code);
            assert_eq!(seen.as_deref().map_err(|code| *code), wanted, "{value}");
        }
    }

    #[test]
    fn a_link_beside_another_value_is_rejected_with_advice() {
        use ChatType::*;
        for (chat_type, value) in [
            (
                Whatsapp,
                "https://wa.me/573001112233, https://wa.me/573001112234",
            ),
            (Whatsapp, "3001112243 viber://chat?number=573001112244"),
            (Telegram, "@user_a https://t.me/user_b"),
            (Instagram, "@user_c https://instagram.com/user_d"),
        ] {
            let fault = seen(chat_type, value).expect_err(value);
            assert!(
                fault.reason.contains("separate several values"),
                "{}",
                fault.reason
            );
        }
        for page in ["invites/contact/?i=1", "locations/123/place", "popular/x"] {
            let link = format!("https://www.instagram.com/{page}");
            seen(Instagram, &link).expect_err(&link);
        }
        let two = seen(Instagram, "lux.m / lux.n").expect_err("two accounts");
        assert!(
            two.reason.contains("not an Instagram account")
                && two.reason.ends_with("separate several values with `;`"),
            "{}",
            two.reason
        );
    }
}
