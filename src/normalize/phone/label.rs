//! The words beside a number: `tel. 2: …`, `… (Viber)`, `…@c.us`. Their digits never become part of the number,
//! and a messenger that they name is used for the number.

use smallvec::SmallVec;

use super::written::PhoneFault;
use crate::{contact::ChatType, mapping};

/// The distinct messengers named beside a number; usually none.
pub(in crate::normalize) fn chat_types(text: &str) -> SmallVec<[ChatType; 2]> {
    let mut named = SmallVec::new();
    // The words of a link are not a label.
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_alphabetic()) || is_link(text) {
        return named;
    }
    for chat_type in mapping::chat_types_in(text) {
        if (chat_type.id_is_phone() || chat_type.takes_phone()) && !named.contains(&chat_type) {
            named.push(chat_type);
        }
    }
    named
}

fn is_link(text: &str) -> bool {
    text.contains('/') && !text.trim().contains(char::is_whitespace)
}

/// True if the words negate the messenger: `нет WhatsApp`.
fn is_denial(text: &str) -> bool {
    const DENIALS: &str = "не нет без кроме no not without sin sem";
    mapping::words(text).any(|word| {
        DENIALS
            .split(' ')
            .any(|denial| denial == word.to_lowercase())
    })
}

/// The number without a leading label (`Phone 2: +7 …`, `1) 8 916 …`). A label whose digits can't be distinguished
/// from the number's is a fault, and so is one that negates a messenger.
pub(super) fn without_label(text: &str) -> Result<&str, PhoneFault> {
    if !chat_types(text).is_empty() && is_denial(text) {
        return Err(PhoneFault::Unreadable);
    }
    if let Some((label, number)) = text.rsplit_once(':')
        && label.contains(char::is_alphabetic)
        && label.bytes().filter(u8::is_ascii_digit).count() <= 2
        && number.bytes().any(|byte| byte.is_ascii_digit())
    {
        return Ok(number);
    }
    let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or_default();
    let (before, rest) = text.split_at(start);
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (counter, number) = rest.split_at(length);
    if length <= 2 && number.starts_with(')') && !before.contains('(') {
        return Ok(&number[1..]);
    }
    let is_of_label = |c: char| c.is_alphabetic() || matches!(c, '№' | '#');
    if (1..=2).contains(&length)
        && before.ends_with(is_of_label)
        // `тел8 916 …`: an 8, a 7 or a 9 begins a number.
        && counter.starts_with(['1', '2', '3', '4', '5', '6'])
        && !number.is_empty()
    {
        return Err(PhoneFault::Unreadable);
    }
    Ok(text)
}

/// The number in a `WhatsApp` address, `79991112233@c.us`; `None` if the text is not an address. The number may be
/// followed by a device: `79991112233:5@s.whatsapp.net`.
pub(super) fn of_address(text: &str) -> Option<Result<&str, PhoneFault>> {
    let (number, host) = text.trim().split_once('@')?;
    if text.trim().contains(char::is_whitespace)
        || !number.ends_with(|c: char| c.is_alphanumeric())
        || !host.starts_with(|c: char| c.is_alphanumeric())
    {
        return None;
    }
    let host = host.to_ascii_lowercase();
    Some(match host.as_str() {
        "c.us" | "s.whatsapp.net" => Ok(number.split(':').next().unwrap_or(number)),
        "lid" => Err(PhoneFault::Lid),
        _ => Err(PhoneFault::Address),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_name_messengers() {
        use ChatType::*;
        for (text, wanted) in [
            ("+7 999 000-00-01 (WhatsApp)", &[Whatsapp][..]),
            ("+7 999 000-00-01 (Viber)", &[Viber]),
            ("вайбер 8 999 000-00-01", &[Viber]),
            ("TG: +7 999 000-00-01", &[Telegram]),
            ("+34 600 123 456 wsp", &[Whatsapp]),
            ("+7 999 000-00-01 WhatsApp/Viber", &[Whatsapp, Viber]),
            ("79990000001@s.whatsapp.net", &[Whatsapp]),
            ("+7 999 000-00-01 MAX", &[Max]),
            ("+7 999 000-00-01 (Max)", &[]),
            ("+7 999 000-00-01 (Инста)", &[]),
            ("https://wa.me/79990000001", &[]),
            ("work: +7 999 000-00-01", &[]),
            ("+79990000001", &[]),
        ] {
            assert_eq!(chat_types(text).as_slice(), wanted, "{text}");
        }
    }

    #[test]
    fn a_label_before_the_number_is_cut_off_or_refused() {
        for (text, wanted) in [
            ("Phone 2: +7 999", Ok(" +7 999")),
            ("work: 8999", Ok(" 8999")),
            ("1) 8 999", Ok(" 8 999")),
            ("(1) 8 999", Ok("(1) 8 999")),
            ("тел. 8 999", Ok("тел. 8 999")),
            ("тел8 999", Ok("тел8 999")),
            ("+7 999", Ok("+7 999")),
            ("tel1 999", Err(PhoneFault::Unreadable)),
            ("№1 999", Err(PhoneFault::Unreadable)),
            ("+7 999 нет WhatsApp", Err(PhoneFault::Unreadable)),
        ] {
            assert_eq!(without_label(text), wanted, "{text}");
        }
    }
}
