//! Counts requests, answers and latencies for the summary.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rate::API_WINDOW;
use crate::traffic::{RequestKind, Timeline, Unanswered, sum};

/// Request statistics, as in the summary object (`--json`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RequestStats {
    /// Requests sent, including retries and calls for tokens.
    pub sent: u64,
    pub retried: u64,
    /// Answers by status.
    pub status: BTreeMap<u16, u64>,
    pub latency_ms: Latency,
    /// Most requests sent within any 5 seconds.
    pub peak_per_5s: u64,
    /// Most requests in flight at once.
    #[serde(default)]
    pub concurrency: u64,
}

/// Latency percentiles of answers in milliseconds, accurate to 6 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub p50: f64,
    pub p99: f64,
}

/// Collects the statistics of all threads.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub(super) timeline: Timeline,
    recent: VecDeque<Duration>,
    peak: usize,
}

impl Recorder {
    /// A recorder on a clock that was zero at `started_at`.
    pub(crate) fn new(started_at: Timestamp) -> Self {
        Self {
            timeline: Timeline::new(started_at),
            ..Self::default()
        }
    }

    /// Counts a request that is being sent.
    pub(super) fn leaves(&mut self, now: Duration, kind: RequestKind, again: bool) {
        self.timeline.leaves(now, kind, again);
        self.recent.push_back(now);
        while let Some(oldest) = self.recent.front()
            && now.saturating_sub(*oldest) > API_WINDOW
        {
            self.recent.pop_front();
        }
        self.peak = self.peak.max(self.recent.len());
    }

    /// Counts the end of a request: its answer, or the reason for having none.
    pub(super) fn ended(
        &mut self,
        now: Duration,
        kind: RequestKind,
        status: Result<u16, Unanswered>,
        took: Duration,
    ) {
        match status {
            Ok(status) => self.timeline.answered(now, kind, status, took),
            Err(reason) => self.timeline.unanswered(now, kind, reason),
        }
    }

    pub(super) fn stats(&self) -> RequestStats {
        let all = sum(&self.timeline.slices, None);
        let percentile = |percent| {
            let ms = all.latency.percentile_ms(percent).unwrap_or_default();
            (ms * 100.0).round() / 100.0
        };
        RequestStats {
            sent: all.sent,
            retried: all.retried,
            latency_ms: Latency {
                p50: percentile(50),
                p99: percentile(99),
            },
            status: all.status,
            peak_per_5s: self.peak as u64,
            concurrency: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder() -> Recorder {
        Recorder::new(Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn percentiles_are_exact_to_six_percent() {
        let mut recorder = recorder();
        for ms in 1..=1000 {
            let latency = Duration::from_millis(ms);
            recorder
                .timeline
                .answered(latency, RequestKind::Read, 200, latency);
        }
        let stats = recorder.stats();
        assert!((470.0..=530.0).contains(&stats.latency_ms.p50), "{stats:?}");
        assert!(
            (930.0..=1000.0).contains(&stats.latency_ms.p99),
            "{stats:?}"
        );
        assert_eq!(stats.status[&200], 1000);
    }

    #[test]
    fn without_answers_the_latency_is_zero() {
        assert_eq!(recorder().stats(), RequestStats::default());
    }

    #[test]
    fn the_peak_is_the_fullest_five_seconds() {
        let mut recorder = recorder();
        for at_ms in [0, 1300, 6000, 6100, 6200, 6300, 20_000] {
            let again = at_ms == 1300;
            recorder.leaves(Duration::from_millis(at_ms), RequestKind::Read, again);
        }
        let stats = recorder.stats();
        assert_eq!((stats.sent, stats.retried, stats.peak_per_5s), (7, 1, 5));
    }
}
