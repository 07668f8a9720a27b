//! Telephone numbers: what people write → international, digits only.
//!
//! Three ways, the cheapest first. Digits that fit a country's plan pass at a glance and are borrowed.
//! Numbers with `+` or `00`, and the Russian and Kazakh 8, are settled with the table of
//! [`super::numbering`] alone. Only what is left asks libphonenumber.
//!
//! The digits of an international number are sent as they were given: `WhatsApp` knows Mexicans with and
//! without the 1, Argentinians with the 9 and Brazilians without it, so a "better" form reaches nobody.
//! A national number is only completed when `--region` says whose it is; nothing is guessed. Without a
//! region, digits that somebody would read as national (`8 495 …`, ten digits, an area code in brackets) are
//! refused although another country has such numbers too: the `+` that settles it costs one character.

use std::borrow::Cow;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

use super::{
    notes::{Note, Notes},
    numbering::{self, Fit},
    region::Region,
    sheet_number::{self, SheetNumber},
    text::tidy_code,
    written::{Unreadable, Written},
};
use crate::wording::shown;

/// Reads telephone numbers for one file.
#[derive(Debug)]
pub(super) struct Phones {
    home: Option<Home>,
}

/// The country that national numbers are from.
#[derive(Debug)]
struct Home {
    region: Region,
    code: u16,
    code_digits: Vec<u8>,
    /// What is dialled before a national number: 8, 0, or nothing.
    trunk: String,
}

/// Why text is no number that can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PhoneFault {
    /// Not a digit in it.
    NoDigits,
    /// Too few digits for any number: `123`, `доб. 5`.
    Scrap,
    /// A spreadsheet has eaten the last digits.
    Truncated,
    /// Eleven digits with an 8: Russian, Kazakh or Vietnamese.
    Eight,
    /// Ten digits that may be a national number.
    Ten,
    /// A national number of an unknown country, or nonsense.
    National,
    /// `+` or `00` and no country has such a number.
    NotInternational,
    /// Does not fit the region, nor any country.
    NotInRegion(Region),
    /// More than one number, or words with digits in them.
    Unreadable,
}

const DIGITS_MAX: usize = 15;
/// Less than this is no number that a messenger has.
const DIGITS_MIN: usize = 7;

impl Phones {
    pub(super) fn new(region: Option<Region>) -> Self {
        let home = region.map(|region| Home {
            region,
            code: region.calling_code(),
            code_digits: region.calling_code().to_string().into_bytes(),
            trunk: trunk(region),
        });
        Self { home }
    }

    /// The number, international and digits only.
    pub(super) fn read<'r>(
        &self,
        cell: &'r str,
        notes: &mut Notes,
    ) -> Result<Cow<'r, str>, PhoneFault> {
        if self.is_international(cell.as_bytes()) {
            return Ok(Cow::Borrowed(cell));
        }
        let text = tidy_code(cell, notes);
        match sheet_number::read(text) {
            SheetNumber::Untouched => self.read_text(text, notes),
            SheetNumber::Truncated => Err(PhoneFault::Truncated),
            SheetNumber::Whole(digits) => {
                notes.count(Note::Expanded, || format!("{text} → {digits}"));
                self.read_digits(&digits, notes)
                    .map(|number| Cow::Owned(number.into_owned()))
            }
        }
    }

    /// Can it be read? Counts nothing.
    pub(super) fn is_phone(&self, text: &str) -> bool {
        self.read(text, &mut Notes::default()).is_ok()
    }

    /// Is it a number, or would it be one in a country that nobody has named?
    pub(super) fn would_be_phone(&self, text: &str) -> bool {
        matches!(
            self.read(text, &mut Notes::default()),
            Ok(_) | Err(PhoneFault::Eight | PhoneFault::Ten)
        )
    }

    /// The fast path: nothing to do, and nothing to doubt.
    pub(super) fn is_international(&self, digits: &[u8]) -> bool {
        (11..=DIGITS_MAX).contains(&digits.len())
            && digits.iter().all(u8::is_ascii_digit)
            && !self.may_be_national(digits)
            && numbering::fit(digits) == Fit::Plausible
    }

    /// Could somebody at home have meant it as a national number?
    fn may_be_national(&self, digits: &[u8]) -> bool {
        match &self.home {
            Some(home) => home.may_be_national(digits),
            None => looks_like_eight(digits),
        }
    }

    fn read_text<'r>(&self, text: &'r str, notes: &mut Notes) -> Result<Cow<'r, str>, PhoneFault> {
        let written = Written::read(text).map_err(|fault| match fault {
            Unreadable::NoDigits => PhoneFault::NoDigits,
            Unreadable::Ambiguous => PhoneFault::Unreadable,
        })?;
        if written.digits.len() < DIGITS_MIN {
            return Err(PhoneFault::Scrap);
        }
        let digits = written.digits.as_str();
        let number = if written.plus {
            international(digits)?
        } else if self.home.is_none() && text.starts_with('(') && !digits.starts_with("00") {
            // `(51) 98765-4321`: an area code, though the digits may be another country's number.
            return Err(unknown_country(digits, notes));
        } else {
            self.read_digits(digits, notes)?
        };
        // The text itself where it is its own digits: nothing was changed.
        if number == text {
            return Ok(Cow::Borrowed(text));
        }
        let number = number.into_owned();
        written.count(text, &number, notes);
        Ok(Cow::Owned(number))
    }

    /// Digits without a `+`: international, with 00, or national.
    fn read_digits<'d>(
        &self,
        digits: &'d str,
        notes: &mut Notes,
    ) -> Result<Cow<'d, str>, PhoneFault> {
        if let Some(rest) = digits.strip_prefix("00") {
            let number = international(rest)?;
            notes.count(Note::DoubleZero, || format!("{digits} → {number}"));
            return Ok(number);
        }
        match &self.home {
            Some(home) => home
                .complete(digits, notes)
                .or_else(|| bare_international(digits).filter(|_| !home.dials_eight(digits)))
                .ok_or(PhoneFault::NotInRegion(home.region)),
            None => without_region(digits, notes),
        }
    }
}

/// `+` was written, so the country is not in doubt; a length that the country has is enough, because
/// libphonenumber learns of new ranges later than people get numbers in them. Short ones are looked at:
/// they may be national numbers to which somebody has added a `+`. And so are those with a prefix for callers at
/// home between the code and the number, `+49 (0) 151 …`: it is taken off, but in Italy, where the zero is dialled.
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

/// What libphonenumber makes of it.
fn with_plus(digits: &str) -> Result<Cow<'_, str>, PhoneFault> {
    valid(&format!("+{digits}"), None)
        .map(Cow::Owned)
        .ok_or(PhoneFault::NotInternational)
}

/// No `+`: the digits must be convincing.
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

/// Ten digits are never another country's: `495 123-45-67` is a number of Moscow, and with a 4 and a 9 in front one of
/// Germany.
fn without_region<'d>(digits: &'d str, notes: &mut Notes) -> Result<Cow<'d, str>, PhoneFault> {
    if digits.len() != 10
        && !looks_like_eight(digits.as_bytes())
        && let Some(number) = bare_international(digits)
    {
        return Ok(number);
    }
    Err(unknown_country(digits, notes))
}

/// What is told of digits that somebody at home would understand.
fn unknown_country(digits: &str, notes: &mut Notes) -> PhoneFault {
    let (note, fault) = if looks_like_eight(digits.as_bytes()) {
        (Note::EightWithoutRegion, PhoneFault::Eight)
    } else if digits.len() == 10 {
        (Note::TenWithoutRegion, PhoneFault::Ten)
    } else {
        (Note::OtherNational, PhoneFault::National)
    };
    notes.count(note, || digits.to_owned());
    fault
}

/// `8 916 123-45-67`: no country but Vietnam has eleven digits that begin like this.
fn looks_like_eight(digits: &[u8]) -> bool {
    digits.len() == 11 && digits[0] == b'8' && matches!(digits[1], b'3' | b'4' | b'6'..=b'9')
}

impl Home {
    /// The length decides: with or without the trunk prefix, a national number has one that the country
    /// knows. In countries with long and short numbers side by side (Germany) that is not enough: there
    /// the country's own calling code in front says that the number is international.
    fn may_be_national(&self, digits: &[u8]) -> bool {
        let trunk = self.trunk.as_bytes();
        if digits[0] == b'0' {
            return true;
        }
        let after_trunk = |rest: &[u8]| numbering::has_length(self.code, rest.len());
        if !trunk.is_empty() && digits.strip_prefix(trunk).is_some_and(after_trunk) {
            return true;
        }
        numbering::has_length(self.code, digits.len()) && !self.leads_with_code(digits)
    }

    /// Eleven digits with an 8 are dialled at home in Russia and Kazakhstan, though Korea and Japan have such numbers.
    fn dials_eight(&self, digits: &str) -> bool {
        self.code == 7 && digits.len() == 11 && digits.starts_with('8')
    }

    fn leads_with_code(&self, digits: &[u8]) -> bool {
        digits.len() >= 11
            && digits.starts_with(&self.code_digits)
            && numbering::fit(digits) == Fit::Plausible
    }

    /// The international form of a national number, if it is one.
    fn complete<'d>(&self, digits: &'d str, notes: &mut Notes) -> Option<Cow<'d, str>> {
        if !self.may_be_national(digits.as_bytes()) {
            return None;
        }
        let number = match self.code {
            7 => self.seven(digits)?,
            _ => valid(digits, Some(self.region))?,
        };
        if number == digits {
            return Some(Cow::Borrowed(digits));
        }
        notes.count(self.note(digits), || format!("{digits} → {number}"));
        Some(Cow::Owned(number))
    }

    /// Russia and Kazakhstan share one plan without exceptions: ten digits, an 8 before them. Ten digits that begin
    /// with 7 or 8 may as well be eleven that lost one (`8 916 123-45-6`): they have to be a number of the country.
    fn seven(&self, digits: &str) -> Option<String> {
        let national = match digits.len() {
            10 => digits,
            11 => digits.strip_prefix('8')?,
            _ => return None,
        };
        let number = format!("7{national}");
        let is_doubtful = digits.len() == 10 && matches!(digits.as_bytes()[0], b'7' | b'8');
        let is_number = if is_doubtful {
            is_number_of(&number, self.region)
        } else {
            numbering::fit(number.as_bytes()) == Fit::Plausible
        };
        is_number.then_some(number)
    }

    fn note(&self, digits: &str) -> Note {
        match self.trunk.as_str() {
            "8" if self.code == 7 && digits.len() == 11 => Note::EightToSeven,
            "" => Note::CodeAdded,
            trunk if digits.starts_with(trunk) => Note::TrunkResolved,
            _ => Note::CodeAdded,
        }
    }
}

/// What stands before a national number when it is written for people at home: 8 in Russia.
fn trunk(region: Region) -> String {
    let Ok(example) = PHONE_NUMBER_UTIL.get_example_number(region.0) else {
        return String::new();
    };
    let written = PHONE_NUMBER_UTIL.format(&example, PhoneNumberFormat::National);
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let bare = example.national_number.to_string();
    digits.strip_suffix(&bare).unwrap_or_default().to_owned()
}

/// Does libphonenumber know the international number as one of this country?
fn is_number_of(digits: &str, region: Region) -> bool {
    PHONE_NUMBER_UTIL
        .parse(format!("+{digits}"), None)
        .is_ok_and(|number| PHONE_NUMBER_UTIL.is_valid_number_for_region(&number, region.0))
}

/// The digits of a number that libphonenumber believes in.
fn valid(text: &str, region: Option<Region>) -> Option<String> {
    let region = region.map(|region| region.0);
    let number = PHONE_NUMBER_UTIL.parse(text, region).ok()?;
    if number.extension.is_some() || !PHONE_NUMBER_UTIL.is_valid_number(&number) {
        return None;
    }
    let formatted = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
    let digits = formatted.strip_prefix('+')?;
    (digits.len() <= DIGITS_MAX).then(|| digits.to_owned())
}

impl PhoneFault {
    /// The sentence for the rejects file.
    pub(super) fn reason(self, value: &str) -> String {
        let value = shown(value);
        match self {
            Self::NoDigits => {
                format!("{value} is no telephone number: write its digits, or empty the cell")
            }
            Self::Scrap => format!(
                "{value} has too few digits for a telephone number: write it in full, with the country code"
            ),
            Self::Truncated => format!(
                "{value} has lost its last digits in a spreadsheet: format the column as text and take the number from where it came"
            ),
            Self::Eight => format!(
                "{value} begins with 8 as national numbers of Russia and Kazakhstan do: add --region RU (or KZ), or write it with 7; \
                 if it is a number of Vietnam, add --region VN or write it with +"
            ),
            Self::Ten => format!(
                "{value} has ten digits and no country code: add --region with the country's two letters (RU, MX, …), or write it with + and the country code"
            ),
            Self::National => format!(
                "{value} is no international number: write it with + and the country code, or add --region with the country's two letters if it is a national one"
            ),
            Self::NotInternational => {
                format!("{value} is no number that its country code can have: check the digits")
            }
            Self::NotInRegion(region) => format!(
                "{value} is neither a number of {region} (--region) nor an international one: check the digits, or write it with + and the country code"
            ),
            Self::Unreadable => format!(
                "{value} can't be read as one number: write several numbers with `;` between them, and remarks elsewhere"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
