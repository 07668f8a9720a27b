//! Turns phone numbers as people write them into international ones, as digits.
//!
//! There are three stages, the cheapest first. Digits that fit a country's numbering plan are borrowed unchanged.
//! Numbers with `+` or `00`, and the Russian and Kazakh 8, need only the table of [`numbering`]. Only the rest is
//! passed to libphonenumber.
//!
//! The digits of an international number are sent as given: `WhatsApp` has Mexican numbers with and without the 1,
//! Argentinian ones with the 9 and Brazilian ones without it, so a "better" form would be a wrong number. A
//! national number is only completed for the country of `--region`; nothing is guessed. Without a region, digits
//! that may be national (`8 495 …`, ten digits, an area code in brackets) are rejected even if another country has
//! such numbers: a `+` makes them unambiguous.

mod home;
mod label;
pub(super) mod numbering;
mod split;
mod written;

use std::{borrow::Cow, net::Ipv4Addr};

pub(crate) use self::{
    home::NationalNumbers,
    written::{has_lost_digits, whole_id},
};
use self::{
    home::{DIGITS_MAX, Home, valid},
    numbering::Fit,
    written::{NumberText, SheetNumber},
};
pub(super) use self::{
    label::chat_types,
    split::{numbers, of_several, values},
    written::{PhoneFault, digits_lost},
};
use super::{
    edits::{Edit, Edits},
    text::tidy_code,
};

/// The rules for phone numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberRules {
    /// The treatment of national numbers.
    pub national: NationalNumbers,
    /// True if an invalid number is left out of a contact with other chats: `--bad-numbers drop`.
    pub drops_bad: bool,
}

#[derive(Debug)]
pub(super) struct Phones {
    home: Option<Home>,
    /// True if national numbers are sent as written.
    as_written: bool,
    /// True if an invalid number is left out of a contact with other chats: `--bad-numbers drop`.
    pub(super) drops_bad: bool,
}

/// No messenger has shorter numbers.
const DIGITS_MIN: usize = 7;

impl Phones {
    pub(super) fn new(rules: NumberRules) -> Self {
        let NumberRules {
            national,
            drops_bad,
        } = rules;
        Self {
            home: match national {
                NationalNumbers::Of(region) => Some(Home::new(region)),
                NationalNumbers::Reject | NationalNumbers::AsWritten => None,
            },
            as_written: national == NationalNumbers::AsWritten,
            drops_bad,
        }
    }

    /// The number, international and digits only.
    pub(super) fn read<'r>(
        &self,
        cell: &'r str,
        edits: &mut Edits,
    ) -> Result<Cow<'r, str>, PhoneFault> {
        if self.is_international(cell.as_bytes()) {
            edits.numbers.sent(cell, true);
            return Ok(Cow::Borrowed(cell));
        }
        let text = tidy_code(cell, edits);
        match written::sheet_number(text) {
            SheetNumber::Untouched => self.read_text(text, edits),
            SheetNumber::Truncated => Err(PhoneFault::Truncated),
            SheetNumber::Whole(digits) => {
                edits.count(Edit::Expanded, || format!("{text} → {digits}"));
                let number = self.read_digits(&digits, &digits, edits)?;
                edits.numbers.sent(&number, true);
                Ok(Cow::Owned(number.into_owned()))
            }
        }
    }

    /// True if the number can be read. Counts nothing.
    pub(super) fn is_phone(&self, text: &str) -> bool {
        self.read(text, &mut Edits::default()).is_ok()
    }

    /// True for a number, including one that only lacks a `--region`.
    pub(super) fn would_be_phone(&self, text: &str) -> bool {
        matches!(
            self.read(text, &mut Edits::default()),
            Ok(_) | Err(PhoneFault::Eight | PhoneFault::Ten)
        )
    }

    /// True if a cell of an unknown column looks like a phone number. Most cells fail the first check.
    pub(super) fn looks_like_phone(&self, cell: &str) -> bool {
        let bytes = cell.as_bytes();
        let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
        let is_of_phones = |byte: &u8| byte.is_ascii_digit() || b"+ ()-./".contains(byte);
        (10..=15).contains(&digits)
            && bytes.len() <= 30
            && bytes.iter().all(is_of_phones)
            && cell.parse::<Ipv4Addr>().is_err()
            && self.would_be_phone(cell)
    }

    /// The fast path: an unambiguous international number.
    pub(super) fn is_international(&self, digits: &[u8]) -> bool {
        (11..=DIGITS_MAX).contains(&digits.len())
            && digits.iter().all(u8::is_ascii_digit)
            && !self.may_be_national(digits)
            && numbering::fit(digits) == Fit::Plausible
    }

    fn may_be_national(&self, digits: &[u8]) -> bool {
        match &self.home {
            Some(home) => home.may_be_national(digits) || home.has_long_forms(digits),
            None => looks_like_eight(digits),
        }
    }

    fn read_text<'r>(&self, text: &'r str, edits: &mut Edits) -> Result<Cow<'r, str>, PhoneFault> {
        if let Some(number) = label::of_address(text) {
            let number = international(number?)?;
            edits.numbers.sent(&number, false);
            edits.count(Edit::TextDropped, || format!("{text} → {number}"));
            return Ok(number);
        }
        let number = label::without_label(text)?;
        let mut written = NumberText::read(number)?;
        if number.len() < text.len() {
            written.changed(Edit::TextDropped);
        }
        if written.digits.len() < DIGITS_MIN {
            return Err(PhoneFault::Scrap);
        }
        let digits = written.digits.as_str();
        let number = if written.plus {
            international(digits)?
        } else if self.home.is_none()
            && !self.as_written
            && text.starts_with('(')
            && !digits.starts_with("00")
        {
            // `(51) 98765-4321`: an area code, though the digits may be another country's number.
            return Err(unknown_country(digits, edits));
        } else {
            self.read_digits(number, digits, edits)?
        };
        edits.numbers.sent(&number, !written.plus);
        // Unchanged text is borrowed.
        if number == text {
            return Ok(Cow::Borrowed(text));
        }
        let number = number.into_owned();
        written.count(text, &number, edits);
        Ok(Cow::Owned(number))
    }

    /// Digits without a `+`: international, with 00, or national. The text is the number with its punctuation.
    fn read_digits<'d>(
        &self,
        text: &str,
        digits: &'d str,
        edits: &mut Edits,
    ) -> Result<Cow<'d, str>, PhoneFault> {
        if let Some(rest) = digits.strip_prefix("00") {
            let number = international(rest)?;
            edits.count(Edit::DoubleZero, || format!("{digits} → {number}"));
            return Ok(number);
        }
        match &self.home {
            Some(home) => match home.complete(digits, edits) {
                Some(number) => Ok(number),
                None => from_abroad(home, text, digits),
            },
            None if self.as_written && digits.len() <= DIGITS_MAX && !digits.starts_with('0') => {
                Ok(Cow::Borrowed(digits))
            }
            None => without_region(digits, edits),
        }
    }
}

/// Reads a number with `+`, so its country is certain. A possible length suffices, because people get numbers of
/// new ranges before libphonenumber knows these. Short numbers are checked, because they may be national ones with
/// a `+` in front. So are numbers with a trunk prefix after the country code, `+49 (0) 151 …`: the prefix is
/// removed, except in Italy, where it is also dialled from abroad.
fn international(digits: &str) -> Result<Cow<'_, str>, PhoneFault> {
    if digits.len() > DIGITS_MAX {
        return with_plus(digits);
    }
    match numbering::fit(digits.as_bytes()) {
        Fit::Plausible => Ok(Cow::Borrowed(digits)),
        Fit::Possible if digits.len() > 10 && !numbering::has_trunk_prefix(digits.as_bytes()) => {
            Ok(Cow::Borrowed(digits))
        }
        Fit::Possible | Fit::Impossible => with_plus(digits),
    }
}

/// Digits without `+` that are not a valid national number.
fn from_abroad<'d>(home: &Home, text: &str, digits: &'d str) -> Result<Cow<'d, str>, PhoneFault> {
    let number = bare_international(digits).filter(|_| !home.dials_eight(digits));
    match number {
        None => Err(PhoneFault::NotInRegion(home.region)),
        Some(_) if home.may_be_mistaken(text, digits) => Err(PhoneFault::HomeOrAbroad(home.region)),
        Some(number) => Ok(number),
    }
}

/// The number as parsed by libphonenumber.
fn with_plus(digits: &str) -> Result<Cow<'_, str>, PhoneFault> {
    valid(&format!("+{digits}"), None)
        .map(Cow::Owned)
        .ok_or(PhoneFault::NotInternational)
}

/// A number without `+`. The digits alone must be convincing.
fn bare_international(digits: &str) -> Option<Cow<'_, str>> {
    if digits.len() > DIGITS_MAX {
        return None;
    }
    let convincing = match numbering::fit(digits.as_bytes()) {
        Fit::Impossible => false,
        Fit::Plausible if digits.len() >= 11 => true,
        _ => valid(&format!("+{digits}"), None).is_some_and(|number| number == digits),
    };
    convincing.then_some(Cow::Borrowed(digits))
}

/// Ten digits never count as an international number: `495 123-45-67` is a number of Moscow, but `49…` is also one
/// of Germany.
fn without_region<'d>(digits: &'d str, edits: &mut Edits) -> Result<Cow<'d, str>, PhoneFault> {
    if digits.len() != 10
        && !looks_like_eight(digits.as_bytes())
        && let Some(number) = bare_international(digits)
    {
        return Ok(number);
    }
    Err(unknown_country(digits, edits))
}

/// The fault of digits that may be a national number of an unknown country.
fn unknown_country(digits: &str, edits: &mut Edits) -> PhoneFault {
    let (edit, fault) = if looks_like_eight(digits.as_bytes()) {
        (Edit::EightWithoutRegion, PhoneFault::Eight)
    } else if digits.len() == 10 {
        (Edit::TenWithoutRegion, PhoneFault::Ten)
    } else {
        (Edit::OtherNational, PhoneFault::National)
    };
    edits.count(edit, || digits.to_owned());
    edits.numbers.rejected(digits);
    fault
}

/// `8 916 123-45-67`: only Vietnam has such international numbers of eleven digits.
fn looks_like_eight(digits: &[u8]) -> bool {
    digits.len() == 11 && digits[0] == b'8' && matches!(digits[1], b'3' | b'4' | b'6'..=b'9')
}

/// True for text with too few digits for any number: a remark such as `нет` or `доб. 5`.
pub(super) fn is_remark(text: &str) -> bool {
    match NumberText::read(text) {
        Ok(written) => written.digits.len() < DIGITS_MIN,
        Err(fault) => fault == PhoneFault::NoDigits,
    }
}

/// True if the digits fit the numbering plan of a country.
pub(super) fn is_plausible(digits: &str) -> bool {
    numbering::fit(digits.as_bytes()) == Fit::Plausible
}

/// True if the kind of a number (Google's `Phone 2 - Type`) is a fax or a pager.
pub(super) fn is_fax(kind: &str) -> bool {
    let kind = kind.to_lowercase();
    let words = ["fax", "pager", "факс", "пейджер"];
    words.iter().any(|word| kind.contains(word))
}

#[cfg(test)]
mod tests;
