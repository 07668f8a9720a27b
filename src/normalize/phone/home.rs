//! `--region`, and the national numbers of that country.

use std::{borrow::Cow, fmt, str::FromStr};

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

use super::numbering::{self, Fit};
use crate::normalize::edits::{Edit, Edits};

/// A country known to libphonenumber, by its two-letter code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region(pub(super) rlibphonenumber::Region);

/// The treatment of national numbers, which have no country code (`--region`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NationalNumbers {
    /// They are rejected.
    #[default]
    Reject,
    /// They are sent as written: `none`.
    AsWritten,
    /// Those of this country are completed.
    Of(Region),
}

impl FromStr for NationalNumbers {
    type Err = UnknownRegion;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word.trim() {
            "none" => Ok(Self::AsWritten),
            word => word.parse().map(Self::Of),
        }
    }
}

impl NationalNumbers {
    /// The value of `--region`; `None` if it is unset.
    pub(crate) fn word(self) -> Option<String> {
        match self {
            Self::Reject => None,
            Self::AsWritten => Some("none".to_owned()),
            Self::Of(region) => Some(region.to_string()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a region: use the two letters of a country, such as RU, KZ, BY, UA, UZ, ES, MX, AR, BR, CO, \
     PT, DE, GB or US"
)]
pub struct UnknownRegion(pub String);

impl Region {
    /// The calling code (7, 34, 380) and the trunk prefix of national numbers: 8 in Russia, nothing in Spain.
    pub(super) fn dialling(self) -> Option<(u16, &'static str)> {
        let name = self.0.as_region_str();
        DIALLING.lines().find_map(|line| {
            let mut words = line.split(' ');
            if words.next()? != &*name {
                return None;
            }
            Some((words.next()?.parse().ok()?, words.next().unwrap_or("")))
        })
    }
}

/// `RU 7 8`: a country, its calling code and its trunk prefix, from libphonenumber's metadata. Most files need
/// nothing else of the metadata, and loading it takes 80 million instructions.
const DIALLING: &str = include_str!("dialling.txt");

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let region = rlibphonenumber::Region::from_code(word.trim()).ok();
        region
            .map(Self)
            .filter(|region| region.dialling().is_some())
            .ok_or_else(|| UnknownRegion(word.trim().to_owned()))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.as_region_str())
    }
}

/// Maximum number of digits of an international number.
pub(super) const DIGITS_MAX: usize = 15;

#[derive(Debug)]
pub(super) struct Home {
    pub(super) region: Region,
    code: u16,
    code_digits: Vec<u8>,
    /// The trunk prefix of a national number: 8, 0, or nothing.
    trunk: &'static str,
}

impl Home {
    pub(super) fn new(region: Region) -> Self {
        let (code, trunk) = region.dialling().unwrap_or_default();
        Self {
            region,
            code,
            code_digits: code.to_string().into_bytes(),
            trunk,
        }
    }

    /// Decided by the length, with or without the trunk prefix. In countries with long and short numbers (Germany)
    /// that is not enough: there, the country's own calling code in front means that the number is international.
    pub(super) fn may_be_national(&self, digits: &[u8]) -> bool {
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

    /// Eleven digits with an 8 are national in Russia and Kazakhstan, although Korea and Japan have such numbers.
    pub(super) fn dials_eight(&self, digits: &str) -> bool {
        self.code == 7 && digits.len() == 11 && digits.starts_with('8')
    }

    /// True if the digits, no valid national number as they are, may be one with a mistake or in an old form. As an
    /// international number they would be another person's.
    pub(super) fn may_be_mistaken(&self, text: &str, digits: &str) -> bool {
        let is_of_home = digits.as_bytes().starts_with(&self.code_digits);
        let may_be_of_home =
            || digits.len() <= 10 || text.starts_with('(') || self.is_old_form(digits);
        self.has_remark(text) || (!is_of_home && may_be_of_home())
    }

    /// True for digits of another calling code, in a country that has national forms longer than its numbers.
    pub(super) fn has_long_forms(&self, digits: &[u8]) -> bool {
        matches!(self.code, 52 | 54 | 55 | 57) && !digits.starts_with(&self.code_digits)
    }

    /// True for a national number with an old prefix, or a carrier's, whose 0 a spreadsheet has dropped: Mexico's
    /// 01, 044 and 045, Argentina's 15 after the area code.
    fn is_old_form(&self, digits: &str) -> bool {
        if !self.has_long_forms(digits.as_bytes()) {
            return false;
        }
        let is_number = |digits: &str| valid(digits, Some(self.region)).is_some();
        if self.code == 52 {
            let mut prefixes = ["1", "44", "45"].into_iter();
            return prefixes.any(|prefix| {
                let rest = digits.strip_prefix(prefix);
                rest.is_some_and(|rest| rest.len() == 10 && is_number(rest))
            });
        }
        is_number(&format!("0{digits}"))
    }

    /// True for a national number with a second line behind it (`55 1234 5678-79`) or a counter in front (`1. 55 …`).
    fn has_remark(&self, text: &str) -> bool {
        let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
        let is_remark = |part: &str| (1..=2).contains(&digits(part).len());
        let is_number = |part: &str| valid(&digits(part), Some(self.region)).is_some();
        let line = text.rsplit_once(['-', '/', '–']);
        let counter = text.split_once('.');
        line.is_some_and(|(number, line)| is_remark(line) && is_number(number))
            || counter.is_some_and(|(counter, number)| is_remark(counter) && is_number(number))
    }

    fn leads_with_code(&self, digits: &[u8]) -> bool {
        digits.len() >= 11
            && digits.starts_with(&self.code_digits)
            && numbering::fit(digits) == Fit::Plausible
    }

    /// The international form of a national number; `None` for other numbers.
    pub(super) fn complete<'d>(&self, digits: &'d str, edits: &mut Edits) -> Option<Cow<'d, str>> {
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
        edits.count(self.note(digits), || format!("{digits} → {number}"));
        Some(Cow::Owned(number))
    }

    /// Russia and Kazakhstan share one plan: an 8 and ten digits. Ten digits that begin with 7 or 8 may also be
    /// eleven digits of which one was lost (`8 916 123-45-6`), so they must be a valid number of the country.
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

    fn note(&self, digits: &str) -> Edit {
        match self.trunk {
            "8" if self.code == 7 && digits.len() == 11 => Edit::EightToSeven,
            "" => Edit::CodeAdded,
            trunk if digits.starts_with(trunk) => Edit::TrunkResolved,
            _ => Edit::CodeAdded,
        }
    }
}

/// True if libphonenumber assigns the international number to this country.
fn is_number_of(digits: &str, region: Region) -> bool {
    PHONE_NUMBER_UTIL
        .parse(format!("+{digits}"), None)
        .is_ok_and(|number| PHONE_NUMBER_UTIL.is_valid_number_for_region(&number, region.0))
}

/// The digits of a number that libphonenumber considers valid.
pub(super) fn valid(text: &str, region: Option<Region>) -> Option<String> {
    let region = region.map(|region| region.0);
    let number = PHONE_NUMBER_UTIL.parse(text, region).ok()?;
    if number.extension.is_some() || !PHONE_NUMBER_UTIL.is_valid_number(&number) {
        return None;
    }
    let formatted = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
    let digits = formatted.strip_prefix('+')?;
    (digits.len() <= DIGITS_MAX).then(|| digits.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn two_letters_of_a_country_are_a_region() {
        let region: Region = " ru ".parse().unwrap();
        assert_eq!(
            (region.to_string().as_str(), region.dialling()),
            ("RU", Some((7, "8")))
        );
    }

    /// The digits before a number that is dialled within the country.
    fn trunk(region: rlibphonenumber::Region) -> String {
        let Ok(example) = PHONE_NUMBER_UTIL.get_example_number(region) else {
            return String::new();
        };
        let written = PHONE_NUMBER_UTIL.format(&example, PhoneNumberFormat::National);
        let digits: String = written.chars().filter(char::is_ascii_digit).collect();
        let bare = example.national_number.to_string();
        digits.strip_suffix(&bare).unwrap_or_default().to_owned()
    }

    #[test]
    fn the_table_of_countries_is_that_of_libphonenumber() {
        let regions = PHONE_NUMBER_UTIL.get_supported_regions();
        let mut lines: Vec<_> = regions
            .map(|region| {
                let code = PHONE_NUMBER_UTIL
                    .get_country_code_for_region(region)
                    .unwrap();
                format!("{} {code} {}", region.as_region_str(), trunk(region))
                    .trim_end()
                    .to_owned()
            })
            .collect();
        lines.sort_unstable();
        assert_eq!(DIALLING.lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn anything_else_is_refused_and_says_how_to_write_it() {
        for word in ["", "UK", "XX", "Russia", "+7", "001", "РУ"] {
            word.parse::<Region>().unwrap_err();
        }
    }
}
