//! `--region`: the country of the national numbers in a file.

use std::{fmt, str::FromStr};

use rlibphonenumber::PHONE_NUMBER_UTIL;

/// A country that libphonenumber knows, by its two letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region(pub(super) rlibphonenumber::Region);

/// A word that is not a country's two letters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a region: use the two letters of a country, such as RU, KZ, BY, UA, UZ, ES, MX, AR, BR, CO, \
     PT, DE, GB or US{hint}",
    hint = meant(.0)
)]
pub struct UnknownRegion(pub String);

impl Region {
    /// The country calling code: 7, 34, 380.
    #[must_use]
    pub(crate) fn calling_code(self) -> u16 {
        PHONE_NUMBER_UTIL
            .get_country_code_for_region(self.0)
            .and_then(|code| u16::try_from(code).ok())
            .unwrap_or_default()
    }
}

/// The code for what people often write instead.
fn meant(word: &str) -> String {
    let code = match word.trim().to_lowercase().as_str() {
        "uk" | "england" | "great britain" => "GB",
        "russia" | "rus" | "россия" | "рф" | "7" | "+7" => "RU",
        "kazakhstan" | "kaz" | "казахстан" => "KZ",
        "spain" | "españa" | "esp" | "34" | "+34" => "ES",
        "mexico" | "méxico" | "mex" | "52" | "+52" => "MX",
        "brazil" | "brasil" | "bra" | "55" | "+55" => "BR",
        "argentina" | "arg" | "54" | "+54" => "AR",
        "usa" | "1" | "+1" => "US",
        _ => return String::new(),
    };
    format!(" (did you mean {code}?)")
}

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let region = rlibphonenumber::Region::from_code(word.trim()).ok();
        region
            .map(Self)
            .filter(|region| region.calling_code() != 0)
            .ok_or_else(|| UnknownRegion(word.trim().to_owned()))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.as_region_str())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn two_letters_of_a_country_are_a_region() {
        let region: Region = " ru ".parse().unwrap();
        assert_eq!(
            (region.to_string().as_str(), region.calling_code()),
            ("RU", 7)
        );
    }

    #[test]
    fn anything_else_is_refused_and_says_how_to_write_it() {
        for word in ["", "UK", "XX", "Russia", "+7", "001", "РУ"] {
            word.parse::<Region>().unwrap_err();
        }
        let error = "UK".parse::<Region>().unwrap_err().to_string();
        assert!(error.contains("did you mean GB"), "{error}");
    }
}
