//! Counts the numbers of a column that are not valid in the country of their digits, and finds the countries in
//! which they would be valid national numbers.
//!
//! Memory use is bounded: only the first few numbers are kept.

use std::{cmp::Reverse, collections::BTreeMap};

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberType, Region};

use super::phone::numbering;
use crate::wording::grouped;

/// The numbers of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    columns: BTreeMap<usize, NumberCounts>,
    /// The current column; `None` if its numbers are not counted.
    current: Option<usize>,
}

/// The numbers of one column.
#[derive(Clone, Debug, Default)]
struct NumberCounts {
    /// Numbers that were sent or that lack a country.
    read: u64,
    /// Numbers that are sent although they are invalid in their country.
    invalid: u64,
    /// Invalid numbers that were written without a `+`.
    doubtful: u64,
    /// Numbers without a `+` that are not valid international numbers, sent or not.
    bare: u64,
    first_invalid: Option<String>,
    /// The first bare numbers.
    sample: Vec<String>,
}

/// A column whose numbers lack their country code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LackingCountry {
    pub(crate) lacking: u64,
    pub(crate) read: u64,
    pub(crate) example: String,
    /// The possible countries of the numbers, the most probable first.
    pub(crate) countries: Vec<String>,
}

/// Country codes whose national numbers with this first digit and length are all valid: the mobile numbers of
/// Russia and Spain. Looking each of them up would take 50 % more time for a file of such numbers.
const SURE: [(u16, char, usize); 2] = [(7, '9', 10), (34, '6', 9)];

/// Maximum number of a column's numbers that are compared with the countries.
const SAMPLE_MAX: usize = 40;
/// Maximum number of numbers that are compared with all countries.
const TRIED_MAX: usize = 5;
/// Maximum number of countries in a question.
const COUNTRIES_MAX: usize = 3;

impl Numbers {
    /// Counts the following numbers as those of this column.
    pub(super) const fn begin(&mut self, column: usize) {
        self.current = Some(column);
    }

    /// Stops counting numbers.
    pub(super) const fn end(&mut self) {
        self.current = None;
    }

    /// Counts a number that is sent. It is bare if it was written without a `+`.
    pub(super) fn sent(&mut self, digits: &str, is_bare: bool) {
        if let Some(column) = self.current {
            self.columns
                .entry(column)
                .or_default()
                .sent(digits, is_bare);
        }
    }

    /// Counts a number that is rejected for its missing country code.
    pub(super) fn rejected(&mut self, digits: &str) {
        if let Some(column) = self.current {
            self.columns.entry(column).or_default().rejected(digits);
        }
    }

    /// Warnings about numbers that are sent although they are invalid in their country.
    pub(crate) fn warnings(&self, columns: &[String]) -> Vec<String> {
        let numbers = self.columns.iter();
        let warnings = numbers.filter_map(|(column, counts)| counts.warning(columns.get(*column)?));
        warnings.collect()
    }

    /// The first column in which most numbers lack their country code.
    pub(crate) fn lacking_country<'c>(
        &self,
        columns: &'c [String],
    ) -> Option<(&'c String, LackingCountry)> {
        let mut numbers = self.columns.iter();
        numbers.find_map(|(column, counts)| Some((columns.get(*column)?, counts.lacking()?)))
    }

    /// Adds the numbers of a later part of the same table.
    pub(super) fn merge(&mut self, later: Self) {
        for (column, counts) in later.columns {
            self.columns.entry(column).or_default().merge(counts);
        }
    }
}

impl NumberCounts {
    fn sent(&mut self, digits: &str, is_bare: bool) {
        self.read += 1;
        if is_valid(digits) {
            return;
        }
        self.invalid += 1;
        self.first_invalid.get_or_insert_with(|| digits.to_owned());
        if is_bare {
            self.doubtful += 1;
            self.add_bare(digits);
        }
    }

    fn rejected(&mut self, digits: &str) {
        self.read += 1;
        self.add_bare(digits);
    }

    fn add_bare(&mut self, digits: &str) {
        self.bare += 1;
        if self.sample.len() < SAMPLE_MAX {
            self.sample.push(digits.to_owned());
        }
    }

    fn merge(&mut self, later: Self) {
        self.read += later.read;
        self.invalid += later.invalid;
        self.doubtful += later.doubtful;
        self.bare += later.bare;
        self.first_invalid = self.first_invalid.take().or(later.first_invalid);
        let room = SAMPLE_MAX - self.sample.len();
        self.sample.extend(later.sample.into_iter().take(room));
    }

    fn warning(&self, column: &str) -> Option<String> {
        let example = self.first_invalid.as_ref()?;
        let (are, country) = match self.invalid {
            1 => (
                "number in",
                "is not valid in the country of its digits, and is sent as written",
            ),
            _ => (
                "numbers in",
                "are not valid in the country of their digits, and are sent as written",
            ),
        };
        Some(format!(
            "{} {are} `{column}` {country} (such as {example}): check them, or add --region if they are national ones",
            grouped(self.invalid)
        ))
    }

    /// Some if most numbers are national numbers of one country, invalid as written, and some of them would be
    /// sent. If all are rejected, nothing wrong is sent, and the rejects contain the advice.
    fn lacking(&self) -> Option<LackingCountry> {
        if self.doubtful == 0 || self.bare * 2 <= self.read {
            return None;
        }
        let mut countries: Vec<(usize, Region)> = candidates(&self.sample)
            .into_iter()
            .map(|region| {
                let numbers = self.sample.iter();
                (
                    numbers
                        .filter(|number| is_mobile_of(number, region))
                        .count(),
                    region,
                )
            })
            .filter(|(count, _)| {
                // Extrapolates from the sample to all numbers.
                let (count, sample) = (*count as u64, self.sample.len() as u64);
                count * self.bare * 2 > sample * self.read
            })
            .collect();
        countries.sort_by_key(|(count, region)| (Reverse(*count), region.as_region_str()));
        let most = countries.first()?.0;
        let names = countries.into_iter().filter(|(count, _)| *count == most);
        let names = names.map(|(_, region)| region.as_region_str().to_string());
        Some(LackingCountry {
            lacking: self.bare,
            read: self.read,
            example: self.sample.first()?.clone(),
            countries: names.take(COUNTRIES_MAX).collect(),
        })
    }
}

/// The countries that have one of the first numbers.
fn candidates(sample: &[String]) -> Vec<Region> {
    let regions = PHONE_NUMBER_UTIL.get_supported_regions();
    let has_one = |region: &Region| {
        let mut tried = sample.iter().take(TRIED_MAX);
        tried.any(|number| is_mobile_of(number, *region))
    };
    regions.into_iter().filter(has_one).collect()
}

/// True for the national form of a mobile number, which messengers need. Landlines of some countries may begin
/// with any digit.
fn is_mobile_of(digits: &str, region: Region) -> bool {
    PHONE_NUMBER_UTIL
        .parse(digits, Some(region))
        .is_ok_and(|number| {
            PHONE_NUMBER_UTIL.is_valid_number_for_region(&number, region)
                && matches!(
                    PHONE_NUMBER_UTIL.get_number_type(&number),
                    PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile
                )
        })
}

/// True if the country of the digits has, or had, such a number: messengers keep Mexican numbers with a 1 and
/// Brazilian ones without the ninth digit.
fn is_valid(digits: &str) -> bool {
    let Some((code, national)) = numbering::split(digits.as_bytes()) else {
        return false;
    };
    let national = &digits[digits.len() - national.len()..];
    let is_sure = |(sure_code, first, length): &(u16, char, usize)| {
        code == *sure_code && national.starts_with(*first) && national.len() == *length
    };
    if SURE.iter().any(is_sure) {
        return true;
    }
    let valid = |national: &str| {
        if national.starts_with('0') {
            let number = PHONE_NUMBER_UTIL.parse(format!("+{code}{national}"), None);
            return number.is_ok_and(|number| PHONE_NUMBER_UTIL.is_valid_number(&number));
        }
        let number = national.parse().map(|national_number| PhoneNumber {
            country_code: code.into(),
            national_number,
            ..PhoneNumber::default()
        });
        number.is_ok_and(|number| PHONE_NUMBER_UTIL.is_valid_number(&number))
    };
    valid(national)
        || match (code, national.len()) {
            (52, 11) => national.strip_prefix('1').is_some_and(valid),
            (55, 10) => valid(&format!("{}9{}", &national[..2], &national[2..])),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(numbers: &[&str]) -> NumberCounts {
        let mut counts = NumberCounts::default();
        for number in numbers {
            counts.sent(number, true);
        }
        counts
    }

    #[test]
    fn numbers_of_today_and_of_messengers_are_valid() {
        for digits in [
            "79991234567",
            "525512345678",
            "5215512345678",
            "551187654321",
            "5511987654321",
            "390669821234",
            "5491123456789",
        ] {
            assert!(is_valid(digits), "{digits}");
        }
        for digits in ["19987654321", "51987654", "", "0", "79991234"] {
            assert!(!is_valid(digits), "{digits}");
        }
    }

    #[test]
    fn numbers_that_are_not_looked_up_are_valid() {
        for (code, first, length) in SURE {
            for number in (0..2_000_u64).map(|number| number * 7_919_791 % 10_u64.pow(8)) {
                let national = format!("{first}{number:08}");
                let digits = format!("+{code}{national:0<length$}");
                let number = PHONE_NUMBER_UTIL.parse(&digits, None);
                let is_valid = number.is_ok_and(|it| PHONE_NUMBER_UTIL.is_valid_number(&it));
                assert!(is_valid, "{digits}");
            }
        }
    }

    #[test]
    fn brazilian_mobiles_without_their_code_lack_it() {
        let lacking = counted(&["19987654321", "19991234567", "79991234567"]).lacking();
        let lacking = lacking.map(|it| (it.lacking, it.read, it.countries.contains(&"BR".into())));
        assert_eq!(lacking, Some((2, 3, true)));
    }

    #[test]
    fn half_of_the_numbers_are_not_most() {
        assert_eq!(counted(&["19987654321", "79991234567"]).lacking(), None);
        assert_eq!(counted(&["79991234567"]).lacking(), None);
        assert_eq!(NumberCounts::default().lacking(), None);
    }

    #[test]
    fn merging_adds_counts_and_keeps_few_numbers() {
        let mut first = counted(&["19987654321"; 30]);
        first.merge(counted(&["19991234567"; 30]));
        assert_eq!(
            (first.read, first.bare, first.sample.len()),
            (60, 60, SAMPLE_MAX)
        );
        let warning = first.warning("Celular").unwrap_or_default();
        assert!(
            warning.starts_with("60 numbers in `Celular` are not valid"),
            "{warning}"
        );
    }
}
