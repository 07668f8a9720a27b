//! The faults of phone numbers and their messages.

use super::home::Region;
use crate::{
    reject::{Fault, RejectCode},
    wording::shown,
};

/// The reason why text is not a number that can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::normalize) enum PhoneFault {
    /// No digits.
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
    /// `+` or `00`, but no country has such a number.
    NotInternational,
    /// Not a number of the region or of any other country.
    NotInRegion(Region),
    /// More than one number, digits behind words, or digits of an unknown script.
    Unreadable,
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
            Self::Truncated => format!(
                "{value} has lost its last digits in a spreadsheet: format the column as text and copy the number from its source again"
            ),
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
            Self::Unreadable => format!(
                "{value} can't be read as one number: separate several numbers with `;`, and move remarks to another column"
            ),
        }
    }
}
