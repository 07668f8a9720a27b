//! The request limit: fixed windows with a phase that is unknown to clients.

use std::time::{Duration, SystemTime};

use super::options::{Limit, RetryAfter};

/// HTTP dates end with the year 9999; no sensible window is longer than a day.
const DATE_SECONDS_MAX: u64 = 24 * 3600;

/// Counts requests in fixed windows.
#[derive(Debug, Default)]
pub(super) struct RateWindow {
    limit: Option<Limit>,
    number: u128,
    requests: u64,
    peak: u64,
}

impl RateWindow {
    pub(super) fn new(limit: Option<Limit>) -> Self {
        Self {
            limit: limit.filter(|limit| !limit.window.is_zero()),
            ..Self::default()
        }
    }

    /// Counts a request that arrives `now` after the start; true if it is within the limit.
    pub(super) fn admit(&mut self, now: Duration) -> bool {
        let Some(limit) = self.limit else {
            return true;
        };
        let number = now.saturating_add(limit.phase).as_nanos() / limit.window.as_nanos();
        if number != self.number {
            self.number = number;
            self.requests = 0;
        }
        self.requests += 1;
        self.peak = self.peak.max(self.requests);
        self.requests <= limit.requests
    }

    /// The largest number of requests in one window, including refused ones; 0 without a limit.
    pub(super) fn peak(&self) -> u64 {
        self.peak
    }

    /// The value of `Retry-After` for a 429 that is answered `now`.
    pub(super) fn retry_after(&self, now: Duration) -> Option<String> {
        let limit = self.limit?;
        let into_window = now.saturating_add(limit.phase).as_nanos() % limit.window.as_nanos();
        let left_nanos = limit.window.as_nanos() - into_window;
        let seconds = u64::try_from(left_nanos.div_ceil(1_000_000_000)).ok()?;
        match limit.retry_after {
            RetryAfter::Absent => None,
            RetryAfter::Seconds => Some(seconds.to_string()),
            RetryAfter::Date => {
                // Dates have whole seconds, so one second is added to make up for the truncation.
                let wait = Duration::from_secs(seconds.min(DATE_SECONDS_MAX) + 1);
                Some(httpdate::fmt_http_date(SystemTime::now() + wait))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limit(retry_after: RetryAfter) -> Limit {
        Limit {
            requests: 2,
            window: 5 * SECOND,
            phase: 4 * SECOND,
            retry_after,
        }
    }

    #[test]
    fn a_window_ends_where_its_phase_says() {
        let mut window = RateWindow::new(Some(limit(RetryAfter::Absent)));
        let millis = [0, 1, 2, 999, 1000, 1001, 1002, 6000];
        let admitted = millis.map(|ms| window.admit(Duration::from_millis(ms)));
        assert_eq!(
            admitted,
            [true, true, false, false, true, true, false, true]
        );
        assert_eq!(window.peak(), 4);
        assert_eq!(window.retry_after(SECOND), None);
    }

    #[test]
    fn retry_after_reaches_into_the_next_window() {
        let window = RateWindow::new(Some(limit(RetryAfter::Seconds)));
        let shown = |ms| window.retry_after(Duration::from_millis(ms));
        assert_eq!(shown(0).as_deref(), Some("1"));
        assert_eq!(shown(500).as_deref(), Some("1"));
        assert_eq!(shown(1000).as_deref(), Some("5"));
        assert_eq!(shown(2500).as_deref(), Some("4"));
        let window = RateWindow::new(Some(limit(RetryAfter::Date)));
        let date = window.retry_after(Duration::ZERO).unwrap_or_default();
        assert!(httpdate::parse_http_date(&date).is_ok());
    }

    #[test]
    fn without_a_limit_every_request_is_admitted() {
        let mut window = RateWindow::new(None);
        assert!((0..1000).all(|_| window.admit(SECOND)));
    }
}
