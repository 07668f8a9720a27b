//! Ids that a server may treat as equal, because it folds letter case, Unicode normalization or leading zeros; and
//! the two spellings of a phone number in `WhatsApp`.

use unicode_normalization::UnicodeNormalization as _;

/// A difference in spelling that a server may fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Respelling {
    has_other_case: bool,
    has_other_normalization: bool,
    has_other_zeros: bool,
}

/// The common spelling of all ids that a server may treat as equal.
pub(crate) fn folded(id: &str) -> String {
    fold(id, true, true, true)
}

fn fold(id: &str, case: bool, normalization: bool, zeros: bool) -> String {
    let mut id = id.to_owned();
    if case {
        id = id.to_lowercase();
    }
    if normalization {
        id = id.trim().nfc().collect();
    }
    if zeros && id.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = id.trim_start_matches('0');
        // An id of zeros alone keeps one.
        id = id[id.len() - digits.len().max(1).min(id.len())..].to_owned();
    }
    id
}

/// The difference between two ids that a server may treat as equal; `None` if they are equal or no server would.
pub(crate) fn respelling(one: &str, other: &str) -> Option<Respelling> {
    if one == other || folded(one) != folded(other) {
        return None;
    }
    let differs = |case, normalization, zeros| {
        fold(one, case, normalization, zeros) != fold(other, case, normalization, zeros)
    };
    Some(Respelling {
        has_other_case: differs(false, true, true),
        has_other_normalization: differs(true, false, true),
        has_other_zeros: differs(true, true, false),
    })
}

/// The short spelling of a number in its long one; `None` for other numbers. `WhatsApp` has Mexican numbers with and
/// without a 1, Argentinian ones with and without a 9, and Brazilian mobiles of before 2016 with and without the ninth
/// digit. Brazilian landlines and newer mobiles have one spelling.
pub(crate) fn short_phone(digits: &str) -> Option<[u8; 12]> {
    let digits: &[u8; 13] = digits.as_bytes().try_into().ok()?;
    let inserted = match digits {
        [b'5', b'2', b'1', ..] | [b'5', b'4', b'9', ..] => 2,
        [b'5', b'5', _, _, b'9', b'6'..=b'9', ..] => 4,
        _ => return None,
    };
    let mut short = [0; 12];
    short[..inserted].copy_from_slice(&digits[..inserted]);
    short[inserted..].copy_from_slice(&digits[inserted + 1..]);
    Some(short)
}

/// True if the digits are different spellings of the same number.
pub(crate) fn is_respelt_phone(one: &str, other: &str) -> bool {
    let is_short_of =
        |short: &str, long| short_phone(long).is_some_and(|it| it == short.as_bytes());
    is_short_of(one, other) || is_short_of(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_three_countries_have_two_spellings() {
        for (long, short) in [
            ("5215512345678", "525512345678"),
            ("5491123456789", "541123456789"),
            ("5511987654321", "551187654321"),
        ] {
            assert!(is_respelt_phone(long, short) && is_respelt_phone(short, long));
            assert!(!is_respelt_phone(long, long) && !is_respelt_phone(short, short));
        }
        for (one, other) in [
            // A landline, and a mobile that never had eight digits.
            ("5511923456789", "551123456789"),
            ("5225512345678", "525512345678"),
            ("5491123456789", "541123456780"),
            ("79161234567", "9161234567"),
        ] {
            assert!(!is_respelt_phone(one, other), "{one} {other}");
        }
    }

    #[test]
    fn ids_differ_in_spelling_by_case_normalization_or_leading_zeros() {
        for (one, other, case, normalization, zeros) in [
            ("abc", "ABC", true, false, false),
            ("007", "7", false, false, true),
            ("000", "0", false, false, true),
            ("й", "и\u{306}", false, true, false),
            ("Й", "и\u{306}", true, true, false),
            ("7 ", "7", false, true, false),
        ] {
            let expected = Respelling {
                has_other_case: case,
                has_other_normalization: normalization,
                has_other_zeros: zeros,
            };
            assert_eq!(respelling(one, other), Some(expected), "{one} {other}");
        }
        for (one, other) in [("abc", "abc"), ("a07", "a7"), ("7", "8"), ("", "0")] {
            assert_eq!(respelling(one, other), None, "{one} {other}");
        }
    }
}
