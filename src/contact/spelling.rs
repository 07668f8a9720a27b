//! Ids that a server may treat as equal, because it folds letter case, Unicode normalization or leading zeros.

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

#[cfg(test)]
mod tests {
    use super::*;

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
