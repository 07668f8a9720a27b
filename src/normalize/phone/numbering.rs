//! The numbering plan of each country: possible lengths, and the first digits of fixed and mobile numbers by
//! length.
//!
//! Most numbers in most files are already international, so this runs for every cell, and libphonenumber (regular
//! expressions for each number, 6 ms before the first) only for the rest. `numbering.txt` was sampled from
//! libphonenumber's metadata, and tests compare it with the library. It is intentionally narrow: unknown numbers
//! are not rejected but passed on.

use std::sync::LazyLock;

/// The numbers of a calling code. An unused code has no lengths.
#[derive(Clone, Copy, Default)]
struct NumberingPlan {
    /// Bit n: a number of n digits after the code is possible.
    lengths: u16,
    /// By the number of digits after the code; bit n: fixed or mobile numbers of this length begin with n.
    starts: [u16; LENGTHS],
}

const LENGTHS: usize = 16;

/// The fit of digits to the numbering plan of the country whose code they begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// No country has such a number.
    Impossible,
    /// The length is right, the first digits are unusual.
    Possible,
    /// Length and first digits are right.
    Plausible,
}

/// Rates the digits of an international number, without `+`.
pub(super) fn fit(digits: &[u8]) -> Fit {
    let Some((code, national)) = split(digits) else {
        return Fit::Impossible;
    };
    if !has_length(code, national.len()) {
        return Fit::Impossible;
    }
    let first = national[0] - b'0';
    if (plan(code).starts[national.len()] >> first) & 1 == 1 {
        Fit::Plausible
    } else {
        Fit::Possible
    }
}

/// True if the country has numbers with this many digits after the calling code.
pub(super) fn has_length(code: u16, digits: usize) -> bool {
    digits < LENGTHS && (plan(code).lengths >> digits) & 1 == 1
}

/// True if the digits after the calling code begin with 0, or in Belarus with 80.
pub(super) fn has_trunk_prefix(digits: &[u8]) -> bool {
    split(digits).is_some_and(|(code, national)| {
        national.first() == Some(&b'0') || (code == 375 && national.starts_with(b"80"))
    })
}

fn plan(code: u16) -> &'static NumberingPlan {
    static PLANS: LazyLock<Vec<NumberingPlan>> = LazyLock::new(plans);
    &PLANS[usize::from(code)]
}

/// The calling code and the digits after it. No code is a prefix of another.
pub(in crate::normalize) fn split(digits: &[u8]) -> Option<(u16, &[u8])> {
    if digits.first() == Some(&b'0') {
        return None;
    }
    let mut code = 0;
    for (at, digit) in digits.iter().take(3).enumerate() {
        code = code * 10 + u16::from(digit - b'0');
        if plan(code).lengths != 0 {
            return Some((code, &digits[at + 1..]));
        }
    }
    None
}

/// The plans by calling code.
fn plans() -> Vec<NumberingPlan> {
    let mut plans = vec![NumberingPlan::default(); 1000];
    for line in include_str!("numbering.txt").lines() {
        if let Some((code, plan)) = read_line(line) {
            plans[code] = plan;
        }
    }
    plans
}

/// Parses `20 | 8 9 10 | 8:135 9:1245689`; `None` for a comment.
fn read_line(line: &str) -> Option<(usize, NumberingPlan)> {
    let mut parts = line.split('|');
    let code = parts.next()?.trim().parse().ok()?;
    let mut plan = NumberingPlan::default();
    for length in parts.next()?.split_whitespace() {
        plan.lengths |= 1 << length.parse::<u8>().ok()?;
    }
    for starts in parts.next()?.split_whitespace() {
        let (length, firsts) = starts.split_once(':')?;
        let starts = plan.starts.get_mut(length.parse::<usize>().ok()?)?;
        *starts = firsts
            .bytes()
            .fold(0, |bits, first| bits | 1 << (first - b'0'));
    }
    Some((code, plan))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType};

    /// Mexican numbers with the 1 that was given up in 2019.
    const BY_HAND: (u16, usize) = (52, 11);

    #[test]
    fn libphonenumber_knows_every_length_in_the_table() {
        for code in PHONE_NUMBER_UTIL.get_supported_calling_codes() {
            for length in 2..LENGTHS {
                let number = PhoneNumber {
                    country_code: code,
                    national_number: "5".repeat(length).parse().unwrap(),
                    ..PhoneNumber::default()
                };
                let code = u16::try_from(code).unwrap();
                if has_length(code, length) && (code, length) != BY_HAND {
                    let is_possible = PHONE_NUMBER_UTIL.is_possible_number(&number);
                    assert!(is_possible, "{code} {length}");
                }
            }
        }
    }

    #[test]
    fn the_table_has_the_length_of_every_example_of_libphonenumber() {
        for region in PHONE_NUMBER_UTIL.get_supported_regions() {
            for kind in [PhoneNumberType::Mobile, PhoneNumberType::FixedLine] {
                let example =
                    PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind);
                if let Ok(number) = example {
                    let digits = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
                    let fit = fit(&digits.as_bytes()[1..]);
                    assert_ne!(fit, Fit::Impossible, "{region} {digits}");
                }
            }
        }
    }

    #[test]
    fn numbers_fit_by_length_and_first_digits() {
        for (digits, wanted) in [
            ("79161234567", Fit::Plausible),
            ("5215512345678", Fit::Plausible),
            ("5491123456789", Fit::Plausible),
            ("70001234567", Fit::Possible),
            ("11987654321", Fit::Possible),
            ("7916123456", Fit::Impossible),
            ("791612345678", Fit::Impossible),
            ("89161234567", Fit::Impossible),
            ("04520000000", Fit::Impossible),
            ("", Fit::Impossible),
            ("7", Fit::Impossible),
            ("999", Fit::Impossible),
        ] {
            assert_eq!(fit(digits.as_bytes()), wanted, "{digits}");
        }
    }
}
