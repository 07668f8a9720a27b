//! Numbers as spreadsheets spoil them: `7.9991E+10`, `3016572696.0`.
//!
//! The short form keeps only some digits. Where the mantissa carries as many as the exponent says, nothing
//! is lost and the number is written out; else the digits are gone for good, and to fill them with zeros
//! would reach a stranger.

use std::borrow::Cow;

/// What a spreadsheet has done to a number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SheetNumber<'r> {
    /// Nothing that we know of.
    Untouched,
    /// It was spelt otherwise; these are its digits.
    Whole(Cow<'r, str>),
    /// Its last digits are gone.
    Truncated,
}

/// Looks for the short form and for a needless `.0`.
pub(super) fn read(text: &str) -> SheetNumber<'_> {
    if !text.contains(['E', 'e', '.', ',']) || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return SheetNumber::Untouched;
    }
    match text.split_once(['E', 'e']) {
        Some((mantissa, exponent)) => short_form(mantissa, exponent),
        None => without_zeros(text),
    }
}

/// Is it an id that a spreadsheet has rounded: `1.20363E+17`? Nobody writes an id like that.
pub(super) fn has_lost_digits(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.contains("E+")
        && read(text) == SheetNumber::Truncated
}

fn short_form<'r>(mantissa: &str, exponent: &str) -> SheetNumber<'r> {
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) || !are_digits(exponent) {
        return SheetNumber::Untouched;
    }
    let Ok(exponent) = exponent.parse::<usize>() else {
        return SheetNumber::Untouched;
    };
    let (kept, beyond) = fraction.split_at(exponent.min(fraction.len()));
    if kept.len() < exponent || beyond.bytes().any(|byte| byte != b'0') {
        return SheetNumber::Truncated;
    }
    SheetNumber::Whole(format!("{whole}{kept}").into())
}

fn without_zeros(text: &str) -> SheetNumber<'_> {
    let Some((whole, fraction)) = text.split_once(['.', ',']) else {
        return SheetNumber::Untouched;
    };
    // Shorter ones may be written with points: 3.016.572.00
    let zeros = matches!(fraction, "0" | "00");
    if zeros && whole.len() >= 7 && whole.bytes().all(|byte| byte.is_ascii_digit()) {
        SheetNumber::Whole(whole.into())
    } else {
        SheetNumber::Untouched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_written_out_and_shortened_ones_found() {
        let whole = |text: &'static str| SheetNumber::Whole(text.into());
        for (text, wanted) in [
            ("7,9991E+10", SheetNumber::Truncated),
            ("7.9991E+10", SheetNumber::Truncated),
            ("7.999123456E10", SheetNumber::Truncated),
            ("3.016572696E9", whole("3016572696")),
            ("7.9991234567e+10", whole("79991234567")),
            ("7.99912345670E+10", whole("79991234567")),
            ("3016572696.0", whole("3016572696")),
            ("3016572696,00", whole("3016572696")),
            ("79991234567", SheetNumber::Untouched),
            ("8.999.123.45.67", SheetNumber::Untouched),
            ("1E", SheetNumber::Untouched),
            ("E5", SheetNumber::Untouched),
            ("7e-5", SheetNumber::Untouched),
            ("12 ext. 5", SheetNumber::Untouched),
            ("1E99999999999999999999", SheetNumber::Untouched),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }
}
