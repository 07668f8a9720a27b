//! Several values in one cell: `79991112233; 79992223344`.
//!
//! `;`, `|`, line breaks and Google's ` ::: ` always separate, a comma separates handles, and in front of
//! phones a comma or a slash does where each side is a number of its own: `+49 123 / 42 42 42` is one.

use smallvec::SmallVec;

use super::phone::Phones;
use crate::source::is_blank;

/// The values of a cell; usually one.
pub(super) type Values<'r> = SmallVec<[&'r str; 2]>;

/// Does the cell hold anything that could separate values? Almost none does, and then it is one value.
pub(super) fn may_hold_several(cell: &str) -> bool {
    let separates = |byte: &u8| {
        matches!(
            byte,
            b';' | b'|' | b'\n' | b'\r' | b',' | b':' | b'/' | b'+'
        )
    };
    // A `+` separates only what stands before it.
    cell.as_bytes().iter().skip(1).any(separates) || cell.starts_with([';', '|', ',', '\n', '\r'])
}

/// Could they be numbers in a column of accounts? Then a comma separates only where numbers end.
pub(super) fn may_be_numbers(cell: &str) -> bool {
    !cell.contains(|c: char| c.is_alphabetic() || matches!(c, '@' | '_'))
}

/// Handles, ids and links.
pub(super) fn handles(cell: &str) -> Values<'_> {
    sure(cell)
        .flat_map(|piece| piece.split(','))
        .filter(filled)
        .collect()
}

/// Telephone numbers.
pub(super) fn numbers<'r>(cell: &'r str, phones: &Phones) -> Values<'r> {
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

/// The piece as it is, or its parts where each is a number.
fn parts<'r>(piece: &'r str, phones: &Phones) -> Values<'r> {
    let whole = SmallVec::from_slice(&[piece]);
    if piece.contains("://") {
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
            // Said of each by itself, what is missing is clear: a region.
            || (!phones.is_phone(piece) && all_are(Phones::would_be_phone))
    };
    if parts.len() > 1 && several() {
        parts
    } else {
        whole
    }
}

/// `+7999… +7998…`: a `+` begins a number.
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
    fn numbers_are_cut_at_commas_and_slashes_only_where_each_part_is_one() {
        let phones = Phones::new(None);
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
}
