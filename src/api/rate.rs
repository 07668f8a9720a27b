//! The rate limit, and the token bucket that enforces it.
//!
//! The server counts in fixed windows of unknown phase, so the limit must hold in *every* window: at most `N`
//! requests in any span of `T`, ends included. A bucket (GCRA) that passes one request every `t` and tolerates
//! lateness of `b·t` passes at most `b + 1 + ⌊T/t⌋` requests in a span of `T`: request `k` of the span can't be
//! sent before `(k − b − 1)·t` after the first. With `t` just above `T/(N − b)` that is at most `N`. A depth of `b
//! = N/50` compensates for threads that wake up late, and leaves 98 % of the limit usable.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use governor::Quota;

/// The window in which the API counts requests. \[pub\]
pub(super) const API_WINDOW: Duration = Duration::from_secs(5);

/// Requests that the API allows in one window. \[pub\]
const API_REQUESTS: u128 = 500;

/// Longest window. It also keeps all sums of nanoseconds in range.
const WINDOW_MAX: Duration = Duration::from_secs(86_400);

/// A limit on requests over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// No limit.
    Unlimited,
    /// At most `requests` in any span of `window`.
    PerWindow {
        /// Maximum number of requests.
        requests: NonZeroU32,
        /// Length of the span.
        window: Duration,
    },
}

impl Default for Rate {
    /// A little less than the API's 500 in 5 s. \[pub\]
    fn default() -> Self {
        const { Self::per_window(NonZeroU32::new(490).unwrap(), API_WINDOW) }
    }
}

impl Rate {
    const fn per_window(requests: NonZeroU32, window: Duration) -> Self {
        Self::PerWindow { requests, window }
    }

    /// Hold after a 429, long enough for the server's window, which is assumed to be at least `least`: a rate with
    /// short windows does not shorten the server's.
    pub(super) fn hold(self, least: Duration) -> Duration {
        match self {
            Self::Unlimited => least,
            Self::PerWindow { window, .. } => window.max(least),
        }
    }

    /// Long-term requests per second, for estimates; `None` without a limit.
    pub(crate) fn per_second(self) -> Option<f64> {
        let spacing = self.quota()?.replenish_interval();
        Some(1.0 / spacing.as_secs_f64())
    }

    /// True if this limit allows more requests per API window than the API.
    pub(crate) fn exceeds_the_api(self) -> bool {
        let Some(quota) = self.quota() else {
            return true;
        };
        let spaced = API_WINDOW.as_nanos() / quota.replenish_interval().as_nanos();
        u128::from(quota.burst_size().get()) + spaced > API_REQUESTS
    }

    /// The bucket's parameters, as derived at the top of this file.
    pub(super) fn quota(self) -> Option<Quota> {
        let Self::PerWindow { requests, window } = self else {
            return None;
        };
        let depth = requests.get() / 50;
        let spacing = window / (requests.get() - depth) + Duration::from_nanos(1);
        let burst = NonZeroU32::MIN.saturating_add(depth);
        Quota::with_period(spacing).map(|quota| quota.allow_burst(burst))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("unlimited"),
            Self::PerWindow { requests, window } if window.subsec_millis() == 0 => {
                write!(f, "{requests}/{}s", window.as_secs())
            }
            Self::PerWindow { requests, window } => {
                write!(f, "{requests}/{}ms", window.as_millis())
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a rate: write N/Ts or N/Tms (490/5s, 10/500ms) or `unlimited`")]
pub struct RateError {
    text: String,
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let trimmed = text.trim();
        if trimmed.eq_ignore_ascii_case("unlimited") {
            return Ok(Self::Unlimited);
        }
        parse_per_window(trimmed).ok_or_else(|| RateError { text: text.into() })
    }
}

fn parse_per_window(text: &str) -> Option<Rate> {
    let (requests, window) = text.split_once('/')?;
    let window = parse_window(window.trim())?;
    let sensible = !window.is_zero() && window <= WINDOW_MAX;
    let requests = requests.trim().parse().ok()?;
    sensible.then_some(Rate::per_window(requests, window))
}

fn parse_window(text: &str) -> Option<Duration> {
    if let Some(millis) = text.strip_suffix("ms") {
        return millis.trim().parse().ok().map(Duration::from_millis);
    }
    let secs = text.strip_suffix('s')?;
    secs.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_as_it_is_shown() {
        for text in ["490/5s", "unlimited", "100/1s", "1/1s", "5/250ms"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!(
            "10/500ms".parse::<Rate>(),
            " 10 / 500 ms ".parse(),
            "spaces do not matter"
        );
        assert_eq!(Rate::default().to_string(), "490/5s");
    }

    #[test]
    fn what_is_not_a_rate_is_refused_with_an_example() {
        for text in [
            "", "0/5s", "490", "490/5", "490/0s", "-1/5s", "1/-5s", "1/1h", "fast",
        ] {
            let error = text.parse::<Rate>().unwrap_err();
            assert!(error.to_string().contains("490/5s"), "{text}");
        }
        assert!("1/99999999999999s".parse::<Rate>().is_err());
        assert!("4294967296/1s".parse::<Rate>().is_err());
    }

    #[test]
    fn more_than_the_api_allows_is_known() {
        for (rate, exceeds) in [
            ("490/5s", false),
            ("500/5s", false),
            ("501/5s", true),
            ("100/1s", false),
            ("110/1s", true),
            ("600/10s", false),
            ("2000/10s", true),
            ("unlimited", true),
        ] {
            let rate: Rate = rate.parse().unwrap();
            assert_eq!(rate.exceeds_the_api(), exceeds, "{rate}");
        }
    }

    #[test]
    fn the_default_uses_more_than_95_percent_of_what_the_api_allows() {
        let per_window = Rate::default().per_second().unwrap() * 5.0;
        assert!(per_window > 0.95 * 500.0, "{per_window}");
        assert!(per_window < 490.0);
    }
}
