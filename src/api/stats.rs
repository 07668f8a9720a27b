//! Counts requests, answers and latencies for the summary.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::rate::API_WINDOW;

/// Request statistics.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RequestStats {
    /// Requests sent, including retries and calls for tokens.
    pub sent: u64,
    /// Retries.
    pub retried: u64,
    /// Requests without any answer.
    pub unanswered: u64,
    /// Answers by status.
    pub status: BTreeMap<u16, u64>,
    /// Median latency of an answer in milliseconds.
    pub latency_p50_ms: f64,
    /// 99th percentile of the latency in milliseconds.
    pub latency_p99_ms: f64,
    /// Most requests sent within any 5 seconds.
    pub peak_per_5s: u64,
    /// Most requests in flight at once.
    pub concurrency: u64,
}

/// Collects the statistics of all threads.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    counts: Mutex<RequestCounts>,
}

#[derive(Debug, Default)]
struct RequestCounts {
    sent: u64,
    retried: u64,
    unanswered: u64,
    status: BTreeMap<u16, u64>,
    /// In microseconds, four bytes per answer.
    latencies: Vec<u32>,
    recent: VecDeque<Duration>,
    peak: usize,
}

impl Recorder {
    /// Counts a request that is being sent.
    pub(crate) fn leaves(&self, now: Duration, again: bool) {
        let mut counts = self.counts();
        counts.sent += 1;
        counts.retried += u64::from(again);
        counts.recent.push_back(now);
        while let Some(oldest) = counts.recent.front()
            && now.saturating_sub(*oldest) > API_WINDOW
        {
            counts.recent.pop_front();
        }
        counts.peak = counts.peak.max(counts.recent.len());
    }

    /// Counts an answer and its latency.
    pub(crate) fn answered(&self, status: u16, after: Duration) {
        let mut counts = self.counts();
        *counts.status.entry(status).or_default() += 1;
        let micros = u32::try_from(after.as_micros()).unwrap_or(u32::MAX);
        counts.latencies.push(micros);
    }

    /// Counts a request without an answer.
    pub(crate) fn unanswered(&self) {
        self.counts().unanswered += 1;
    }

    pub(crate) fn stats(&self) -> RequestStats {
        let counts = self.counts();
        let mut sorted = counts.latencies.clone();
        sorted.sort_unstable();
        RequestStats {
            sent: counts.sent,
            retried: counts.retried,
            unanswered: counts.unanswered,
            status: counts.status.clone(),
            latency_p50_ms: percentile_ms(&sorted, 50),
            latency_p99_ms: percentile_ms(&sorted, 99),
            peak_per_5s: counts.peak as u64,
            concurrency: 0,
        }
    }

    fn counts(&self) -> MutexGuard<'_, RequestCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A percentile of sorted microseconds, in milliseconds to a hundredth; 0 without values.
fn percentile_ms(sorted: &[u32], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    let micros = sorted.get(rank - 1).copied().unwrap_or_default();
    (f64::from(micros) / 10.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact() {
        let recorder = Recorder::default();
        for ms in 1..=1000 {
            recorder.answered(200, Duration::from_millis(ms));
        }
        let stats = recorder.stats();
        assert_eq!((stats.latency_p50_ms, stats.latency_p99_ms), (500.0, 990.0));
        assert_eq!(stats.status[&200], 1000);
    }

    #[test]
    fn without_answers_the_latency_is_zero() {
        assert_eq!(Recorder::default().stats(), RequestStats::default());
    }

    #[test]
    fn the_peak_is_the_fullest_five_seconds() {
        let recorder = Recorder::default();
        for at_ms in [0, 1300, 6000, 6100, 6200, 6300, 20_000] {
            recorder.leaves(Duration::from_millis(at_ms), at_ms == 1300);
        }
        let stats = recorder.stats();
        assert_eq!((stats.sent, stats.retried, stats.peak_per_5s), (7, 1, 5));
    }
}
