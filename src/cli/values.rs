//! Values of flags: words, numbers, percentages and durations.

use std::{error::Error, ops::RangeInclusive, str::FromStr};

use clap::{
    ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use strum::VariantNames;

use crate::plan::gate::Bound;

/// Accepts the names of an enum's variants.
pub(super) fn words<T>() -> impl TypedValueParser<Value = T>
where
    T: VariantNames + FromStr<Err: Error + Send + Sync> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(T::VARIANTS).try_map(|word| word.parse())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The value of `--changed-only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChangedOnly {
    /// Compare with the result of the last run.
    #[value(hide = true)]
    On,
    /// Discard the result of earlier runs.
    Reset,
}

/// The value of `--shard`: every N-th account, starting with the I-th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// True if the account belongs to this shard. All machines and versions must agree on this.
    pub(crate) fn holds(self, account: &str) -> bool {
        let digest = blake3::hash(account.as_bytes());
        let first = digest.as_bytes().iter().take(8);
        let number = first.fold(0, |number, byte| number << 8 | u64::from(*byte));
        number % self.count == self.index
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let parts =
            parts.and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match parts {
            Some((index, count)) if index < count => Ok(Self { index, count }),
            _ => Err("write I/N with I from 0 to N - 1, such as 0/4".to_owned()),
        }
    }
}

/// The value of `--blank`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Blank {
    Keep,
    Clear,
}

/// Accepts integers in a range.
pub(super) fn number<T: FromStr + Clone + Send + Sync + 'static>(
    range: RangeInclusive<u64>,
) -> impl TypedValueParser<Value = T> {
    move |text: &str| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let number = number.and_then(|_| text.parse().ok());
        number.ok_or_else(|| match (range.start(), range.end()) {
            (least, most) if *most >= u64::from(u32::MAX) => {
                format!("write a whole number from {least}")
            }
            (least, most) => format!("write a whole number from {least} to {most}"),
        })
    }
}

/// A percentage such as `50%`.
pub(super) fn parse_percentage(text: &str) -> Result<Bound, String> {
    match text.parse() {
        Ok(bound @ Bound::Percent(_)) => Ok(bound),
        _ => Err(format!("`{text}` is not a percentage from 0% to 100%")),
    }
}

/// A duration such as `10m`, `90s`, `2h`.
pub(super) fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let span: jiff::Span = text
        .parse()
        .map_err(|_| format!("`{text}` is not a duration such as 90s, 10m or 2h"))?;
    let duration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|error| error.to_string())?;
    duration
        .try_into()
        .map_err(|_| format!("`{text}` is before now"))
}

/// A date such as `2026-11-22` in the local time zone, or a duration before now such as `7d`.
pub(super) fn parse_since(text: &str) -> Result<jiff::Timestamp, String> {
    let before_now = || {
        let duration = parse_duration(text).ok()?;
        jiff::Timestamp::now().checked_sub(duration).ok()
    };
    let date = || {
        let date: jiff::civil::DateTime = text.parse().ok()?;
        Some(
            date.to_zoned(jiff::tz::TimeZone::system())
                .ok()?
                .timestamp(),
        )
    };
    date().or_else(before_now).ok_or_else(|| {
        format!("`{text}` is neither a date such as 2026-11-22 nor a duration such as 7d or 12h")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_account_is_of_exactly_one_shard(account in ".*", count in 1..100_u64) {
            let shards = (0..count).map(|index| Shard { index, count });
            prop_assert_eq!(shards.filter(|shard| shard.holds(&account)).count(), 1);
        }
    }

    /// Shards of several versions work at the same time during an update.
    #[test]
    fn the_shard_of_an_account_never_changes() {
        let of = |account| {
            (0..7).find(|index| {
                Shard {
                    index: *index,
                    count: 7,
                }
                .holds(account)
            })
        };
        let accounts = [
            "profile:acme",
            "profile:bravo",
            "account:72042419",
            "profile:",
            "profile:ещё",
        ];
        assert_eq!(
            accounts.map(|account| of(account).unwrap()),
            [4, 1, 2, 4, 4]
        );
    }

    #[test]
    fn a_shard_has_a_number_below_the_count() {
        assert_eq!("3/4".parse(), Ok(Shard { index: 3, count: 4 }));
        for text in ["4/4", "0/0", "-1/2", "1", "a/b", "1/2/3", ""] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
