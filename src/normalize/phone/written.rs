//! A number as written: its digits, a leading `+`, and the surrounding text; numbers in spreadsheet notation; and
//! the reasons why a text is not a number.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::home::Region;
use crate::{
    characters::{is_invisible, shown},
    normalize::edits::{Edit, Edits},
    reject::{Fault, RejectCode},
};

#[derive(Debug, Default)]
pub(super) struct NumberText {
    pub(super) digits: String,
    pub(super) plus: bool,
    /// True after words that follow the digits: no more digits may follow.
    interrupted: bool,
    /// The kinds of removed text.
    changes: SmallVec<[Edit; 4]>,
}

impl NumberText {
    pub(super) fn read(text: &str) -> Result<Self, PhoneFault> {
        let mut written = Self {
            digits: String::with_capacity(text.len().min(32)),
            ..Self::default()
        };
        for (at, c) in text.char_indices() {
            if written.ends_at(&text[at..], c) {
                break;
            }
            written.take(c)?;
        }
        if written.digits.is_empty() {
            return Err(PhoneFault::NoDigits);
        }
        Ok(written)
    }

    /// True if an extension begins here, which ends the number.
    fn ends_at(&mut self, rest: &str, c: char) -> bool {
        const ENOUGH: usize = 7;
        let starts = matches!(c, '#' | '*' | ';') || c.is_alphabetic();
        let ends = starts && self.digits.len() >= ENOUGH && is_extension(rest);
        if ends {
            self.changed(Edit::ExtensionDropped);
        }
        ends
    }

    fn take(&mut self, c: char) -> Result<(), PhoneFault> {
        if matches!(c, ' ' | '-' | '(' | ')' | '.') {
            self.changed(Edit::Punctuation);
        } else if let Some(digit) = digit(c) {
            // `+7 999 123-45-67 кв. 5`: the 5 is not part of the number.
            if self.interrupted {
                return Err(PhoneFault::Unreadable);
            }
            self.digits.push(digit);
        } else if matches!(c, '+' | '＋') {
            if self.plus || !self.digits.is_empty() {
                return Err(PhoneFault::Unreadable);
            }
            self.plus = true;
            self.changed(Edit::Punctuation);
        } else if is_invisible(c) {
            self.changed(Edit::Invisible);
        } else if c.is_numeric() {
            return Err(PhoneFault::Unreadable);
        } else if c.is_alphabetic() {
            self.interrupted |= !self.digits.is_empty();
            self.changed(Edit::TextDropped);
        } else {
            self.changed(Edit::Punctuation);
        }
        Ok(())
    }

    pub(super) fn changed(&mut self, change: Edit) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// Counts the removed text.
    pub(super) fn count(&self, text: &str, number: &str, edits: &mut Edits) {
        for change in &self.changes {
            edits.count(*change, || format!("{text} → {number}"));
        }
    }
}

/// Digits of the scripts in which people write phone numbers.
fn digit(c: char) -> Option<char> {
    let zero = match c {
        '0'..='9' => return Some(c),
        '\u{660}'..='\u{669}' => 0x660,
        '\u{6f0}'..='\u{6f9}' => 0x6f0,
        '\u{966}'..='\u{96f}' => 0x966,
        '\u{ff10}'..='\u{ff19}' => 0xff10,
        _ => return None,
    };
    char::from_digit(u32::from(c) - zero, 10)
}

/// True for `доб. 12`, `ext. 5`, `x5`, `#5`: a word for an extension, then only up to six digits.
fn is_extension(rest: &str) -> bool {
    const WORDS: &str = "\
        добавочный добав доб доп внутренний внутр вн extension extensión extn ext x х ramal anexo \
        interno int poste durchwahl wew # *";
    let rest = rest.trim_start_matches(';').to_lowercase();
    let number = WORDS.split(' ').find_map(|word| rest.strip_prefix(word));
    number.is_some_and(|number| {
        let number = number.trim_matches(|c: char| !c.is_alphanumeric());
        (1..=6).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A number that a spreadsheet may have changed: `7.9991E+10`, `3016572696.0`.
///
/// If the mantissa has as many digits as the exponent requires, nothing is lost and the number is expanded.
/// Otherwise digits are lost, and filling up with zeros would yield another person's number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SheetNumber<'r> {
    Untouched,
    /// The digits of a number in another notation.
    Whole(Cow<'r, str>),
    Truncated,
}

/// Recognizes exponents and a trailing `.0`.
pub(super) fn sheet_number(text: &str) -> SheetNumber<'_> {
    if !text.contains(['E', 'e', '.', ',']) || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return SheetNumber::Untouched;
    }
    match text.split_once(['E', 'e']) {
        Some((mantissa, exponent)) => short_form(mantissa, exponent),
        None => without_zeros(text),
    }
}

/// True for an id that a spreadsheet has rounded: `1.20363E+17`.
pub(crate) fn has_lost_digits(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        // A fast path: a search for two characters takes ten times as long.
        && text.contains('E')
        && text.contains("E+")
        && sheet_number(text) == SheetNumber::Truncated
}

/// The whole number that a program wrote as a fraction or with an exponent, as an id: `1001.0`, `1.006E+03`.
pub(crate) fn whole_id(text: &str) -> Option<Cow<'_, str>> {
    // A fast path: almost no id has either.
    if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.contains(['.', '+']) {
        return None;
    }
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(whole) = text.strip_suffix(".0") {
        return are_digits(whole).then_some(whole.into());
    }
    match sheet_number(text) {
        SheetNumber::Whole(whole) if text.contains("E+") => Some(whole),
        _ => None,
    }
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
    // Shorter numbers may be grouped with points: 3.016.572.00
    let zeros = matches!(fraction, "0" | "00");
    if zeros && whole.len() >= 7 && whole.bytes().all(|byte| byte.is_ascii_digit()) {
        SheetNumber::Whole(whole.into())
    } else {
        SheetNumber::Untouched
    }
}

/// The reason why a text is not a number that can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::normalize) enum PhoneFault {
    NoDigits,
    /// Too few digits for any number: `123`, `доб. 5`.
    Scrap,
    /// A spreadsheet has dropped the last digits.
    Truncated,
    /// Eleven digits that begin with 8: Russian, Kazakh or Vietnamese.
    Eight,
    /// Ten digits that may be a national number.
    Ten,
    /// A national number of an unknown country, or not a number.
    National,
    /// Begins with `+` or `00`, but no country has such a number.
    NotInternational,
    /// Not a number of the region or of any other country.
    NotInRegion(Region),
    /// Without a `+`, a number of the region with a mistake or of another country.
    HomeOrAbroad(Region),
    /// More than one number, digits after words, or digits of an unknown script.
    Unreadable,
    /// `41860913909960@lid`: a `WhatsApp` account with a hidden number.
    Lid,
    /// The address of something else: a group, an e-mail.
    Address,
}

impl PhoneFault {
    pub(in crate::normalize) fn into_fault(self, value: &str) -> Fault {
        let code = match self {
            Self::Truncated => RejectCode::PhoneTruncated,
            _ => RejectCode::PhoneInvalid,
        };
        Fault::new(code, self.reason(value))
    }

    fn reason(self, value: &str) -> String {
        let value = shown(value);
        match self {
            Self::NoDigits => {
                format!("{value} is not a phone number: write its digits, or empty the cell")
            }
            Self::Scrap => format!(
                "{value} has too few digits for a phone number: write the whole number with its country code"
            ),
            Self::Truncated => lost(&value, "number"),
            Self::Eight => format!(
                "{value} begins with 8 like national numbers of Russia and Kazakhstan: add --region RU (or KZ), or write it with 7; \
                 if it is a number of Vietnam, add --region VN or write it with +"
            ),
            Self::Ten => format!(
                "{value} has ten digits and no country code: add --region with the country's two letters (RU, MX, …), or write it with + and the country code"
            ),
            Self::National => format!(
                "{value} is not an international number: write it with + and the country code, or add --region with the country's two letters if it is a national one"
            ),
            Self::NotInternational => {
                format!("{value} is not a valid number of its country code: check the digits")
            }
            Self::NotInRegion(region) => format!(
                "{value} is neither a number of {region} (--region) nor an international one: check the digits, or write it with + and the country code"
            ),
            Self::HomeOrAbroad(region) => format!(
                "{value} may be a number of {region} (--region) with a mistake, or of another country: write +{} and the national number, or + before the other country's code",
                region.dialling().unwrap_or_default().0
            ),
            Self::Lid => format!(
                "{value} is a WhatsApp LID, not a phone number: write the contact's number instead"
            ),
            Self::Address => format!(
                "{value} is an address, not a phone number: write the number's digits, or move the address to another column"
            ),
            Self::Unreadable => format!(
                "{value} can't be read as one number: separate several numbers with `;`, and move remarks to another column"
            ),
        }
    }
}

/// The fault of an id or another value that a spreadsheet has rounded.
pub(in crate::normalize) fn digits_lost(value: &str) -> Fault {
    Fault::new(RejectCode::DigitsLost, lost(&shown(value), "value"))
}

fn lost(value: &str, what: &str) -> String {
    format!(
        "{value} has lost its last digits in a spreadsheet: format the column as text and copy the {what} from the original again"
    )
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
            assert_eq!(sheet_number(text), wanted, "{text}");
        }
    }
}
