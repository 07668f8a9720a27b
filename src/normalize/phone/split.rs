//! Splits several values in one cell: `79991112233; 79992223344`.
//!
//! `;`, `|`, line breaks and Google's ` ::: ` always separate. A comma separates handles. A comma or a slash
//! separates phone numbers only if each side is a number by itself: `+49 123 / 42 42 42` is one number. If invalid
//! numbers are left out, one valid side is enough, unless the whole is a number.

use smallvec::SmallVec;

use super::Phones;
use crate::{
    characters::is_blank,
    normalize::{
        chats::link,
        edits::{Edit, Edits},
        text::tidy_code,
    },
    reject::{Fault, RejectCode},
};

/// Minimum number of digits in a part of a cell that is meant as a number. Shorter parts are extensions.
const APPARENT_DIGITS: usize = 5;

/// The values of a cell; usually one.
pub(in crate::normalize) type Values<'r> = SmallVec<[&'r str; 2]>;

/// True if the cell contains a possible separator. Almost no cell does.
fn may_hold_several(cell: &str) -> bool {
    let separates = |byte: &u8| {
        matches!(
            byte,
            b';' | b'|' | b'\n' | b'\r' | b',' | b':' | b'/' | b'+'
        )
    };
    // A `+` at the start of the cell does not separate.
    cell.as_bytes().iter().skip(1).any(separates) || cell.starts_with([';', '|', ',', '\n', '\r'])
}

/// True if a cell of a chat's column may contain phone numbers, in which a comma does not always separate.
fn may_be_numbers(cell: &str) -> bool {
    !cell.contains(|c: char| c.is_alphabetic() || matches!(c, '@' | '_'))
}

/// Handles, ids and links.
fn handles(cell: &str) -> Values<'_> {
    sure(cell)
        .flat_map(|piece| piece.split(','))
        .filter(filled)
        .collect()
}

/// The values of a cell; an empty cell has none.
pub(in crate::normalize) fn values<'r>(
    cell: &'r str,
    are_numbers: bool,
    phones: &Phones,
    edits: &mut Edits,
) -> Values<'r> {
    // Excel's workarounds apply to the whole cell.
    let cell = tidy_code(cell, edits);
    if !may_hold_several(cell) {
        return (!cell.is_empty()).then_some(cell).into_iter().collect();
    }
    let values = if are_numbers || may_be_numbers(cell) {
        numbers(cell, phones)
    } else {
        handles(cell)
    };
    if values.len() > 1 {
        edits.count(Edit::Split, || cell.to_owned());
    }
    values
}

pub(in crate::normalize) fn numbers<'r>(cell: &'r str, phones: &Phones) -> Values<'r> {
    sure(cell)
        .filter(filled)
        .flat_map(|piece| parts(piece, phones))
        .collect()
}

fn sure(cell: &str) -> impl Iterator<Item = &str> {
    cell.split([';', '|', '\n', '\r'])
        .flat_map(|piece| piece.split(":::"))
}

fn filled(piece: &&str) -> bool {
    !is_blank(piece)
}

/// The whole piece, or its parts if each of them is a number. With `--bad-numbers drop`, one of them suffices.
fn parts<'r>(piece: &'r str, phones: &Phones) -> Values<'r> {
    let whole = SmallVec::from_slice(&[piece]);
    if link::is_link(piece) {
        return whole;
    }
    let parts: Values<'r> = piece
        .split([',', '/'])
        .flat_map(before_plus)
        .filter(filled)
        .collect();
    let all_are = |is: fn(&Phones, &str) -> bool| parts.iter().all(|part| is(phones, part));
    let several = || {
        all_are(Phones::is_phone)
            // If each part only lacks a region, the message about that is clearer than one about the whole cell.
            || (!phones.is_phone(piece) && all_are(Phones::would_be_phone))
            || (phones.drops_bad
                && !phones.would_be_phone(piece)
                && parts.iter().any(|part| phones.would_be_phone(part)))
    };
    if parts.len() > 1 && several() {
        parts
    } else {
        whole
    }
}

/// The fault of a number. Its reason mentions that the cell contains several, because the rejects show the whole
/// cell.
pub(in crate::normalize) fn of_several(fault: Fault, cell: &str) -> Fault {
    let is_of_number = matches!(
        fault.code,
        RejectCode::PhoneInvalid | RejectCode::PhoneTruncated
    );
    match apparent_count(cell) {
        count if is_of_number && count > 1 => {
            let reason = format!(
                "{} (the cell seems to contain {count} numbers: correct or remove invalid ones)",
                fault.reason
            );
            Fault::new(fault.code, reason)
        }
        _ => fault,
    }
}

/// The number of phone numbers that a cell seems to contain, valid or not.
fn apparent_count(cell: &str) -> usize {
    let parts = sure(cell)
        .flat_map(|piece| piece.split([',', '/']))
        .flat_map(before_plus);
    let digits = |part: &str| part.bytes().filter(u8::is_ascii_digit).count();
    parts.filter(|part| digits(part) >= APPARENT_DIGITS).count()
}

/// Splits before each `+`: `+7999… +7998…`.
fn before_plus(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let begins = text.trim_start_matches([' ', '+']);
        let skipped = text.len() - begins.len();
        let (part, after) = match begins.find('+') {
            Some(at) => text.split_at(skipped + at),
            None => (text, ""),
        };
        rest = (!after.is_empty()).then_some(after);
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize::NumberRules;

    #[test]
    fn handles_are_cut_at_every_separator() {
        for (cell, wanted) in [
            ("a", &["a"][..]),
            ("a;b|c\nd ::: e, f", &["a", "b", "c", "d ", " e", " f"]),
            (" ; ;", &[]),
            ("https://t.me/ann", &["https://t.me/ann"]),
        ] {
            assert_eq!(handles(cell).as_slice(), wanted, "{cell}");
        }
    }

    #[test]
    fn numbers_are_counted_even_if_they_are_not_valid() {
        for (cell, wanted) in [
            ("+79991112233", 1),
            ("+79991112233, 12345", 2),
            ("+7 495 123-45-67, 12", 1),
            ("+79991112233 +799", 1),
            ("79991112233; 7999111223399999999 | 12345", 3),
            ("нет", 0),
        ] {
            assert_eq!(apparent_count(cell), wanted, "{cell}");
        }
    }

    #[test]
    fn numbers_are_cut_at_commas_and_slashes_only_where_each_part_is_one() {
        let phones = Phones::new(NumberRules::default());
        for (cell, wanted) in [
            (
                "+79991112233, +79992223344",
                &["+79991112233", " +79992223344"][..],
            ),
            ("79991112233/79992223344", &["79991112233", "79992223344"]),
            (
                "+79991112233 +79992223344",
                &["+79991112233 ", "+79992223344"],
            ),
            (
                "79991112233 ::: 79992223344",
                &["79991112233 ", " 79992223344"],
            ),
            ("+49 123 / 42 42 42", &["+49 123 / 42 42 42"]),
            ("7,9991E+10", &["7,9991E+10"]),
            ("+7 495 123-45-67, 12", &["+7 495 123-45-67, 12"]),
            ("https://wa.me/79991112233", &["https://wa.me/79991112233"]),
            ("++", &["++"]),
        ] {
            assert_eq!(numbers(cell, &phones).as_slice(), wanted, "{cell}");
        }
    }

    #[test]
    fn a_valid_number_is_cut_off_from_invalid_ones_if_those_are_left_out() {
        let mut phones = Phones::new(NumberRules::default());
        phones.drops_bad = true;
        for (cell, wanted) in [
            (
                "+7 900 111-22-33, 12345",
                &["+7 900 111-22-33", " 12345"][..],
            ),
            ("12345/+79001112233", &["12345", "+79001112233"]),
            ("+79991112233 +799", &["+79991112233 ", "+799"]),
            ("8 900 111-22-33, 12345", &["8 900 111-22-33", " 12345"]),
            ("+49 123 / 42 42 42", &["+49 123 / 42 42 42"]),
            ("+7,900,111,22,33", &["+7,900,111,22,33"]),
            ("3016572696,00", &["3016572696,00"]),
            ("7,9991E+10", &["7,9991E+10"]),
            ("12, 13", &["12, 13"]),
            ("t.me/+79001112233", &["t.me/+79001112233"]),
            ("wa.me/79001112233", &["wa.me/79001112233"]),
        ] {
            assert_eq!(numbers(cell, &phones).as_slice(), wanted, "{cell}");
        }
    }
}
