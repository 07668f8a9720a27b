//! What was sent, how it was answered and how fast: the numbers of the summary.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The span in which the API counts requests. \[pub\]
const PEAK_WINDOW: Duration = Duration::from_secs(5);

/// Buckets of the histogram in each doubling: a value is known to 3 %.
const PER_DOUBLING: usize = 32;

/// The numbers so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RequestStats {
    /// Requests that left, those sent again and those for tokens among them.
    pub sent: u64,
    /// Requests that were sent again.
    pub retried: u64,
    /// Requests without any answer.
    pub unanswered: u64,
    /// Answers by status.
    pub status: BTreeMap<u16, u64>,
    /// Half of the answers came within so many milliseconds.
    pub latency_p50_ms: f64,
    /// 99 of 100 answers came within so many milliseconds.
    pub latency_p99_ms: f64,
    /// The most requests that left within any 5 seconds.
    pub peak_per_5s: u64,
}

/// Counts, from many threads.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    tally: Mutex<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    sent: u64,
    retried: u64,
    unanswered: u64,
    status: BTreeMap<u16, u64>,
    latency: Histogram,
    recent: VecDeque<Duration>,
    peak: usize,
}

impl Recorder {
    /// A request leaves now.
    pub(crate) fn leaves(&self, now: Duration, again: bool) {
        let mut tally = self.tally();
        tally.sent += 1;
        tally.retried += u64::from(again);
        tally.recent.push_back(now);
        while let Some(oldest) = tally.recent.front()
            && now.saturating_sub(*oldest) > PEAK_WINDOW
        {
            tally.recent.pop_front();
        }
        tally.peak = tally.peak.max(tally.recent.len());
    }

    /// It was answered after so long.
    pub(crate) fn answered(&self, status: u16, after: Duration) {
        let mut tally = self.tally();
        *tally.status.entry(status).or_default() += 1;
        tally.latency.add(after);
    }

    /// It was not.
    pub(crate) fn unanswered(&self) {
        self.tally().unanswered += 1;
    }

    pub(crate) fn stats(&self) -> RequestStats {
        let tally = self.tally();
        RequestStats {
            sent: tally.sent,
            retried: tally.retried,
            unanswered: tally.unanswered,
            status: tally.status.clone(),
            latency_p50_ms: tally.latency.quantile_ms(50),
            latency_p99_ms: tally.latency.quantile_ms(99),
            peak_per_5s: tally.peak as u64,
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts per span of microseconds; each doubling is cut into equal parts.
#[derive(Debug, Default)]
struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    fn add(&mut self, span: Duration) {
        // An hour and more is all the same.
        let micros = u32::try_from(span.as_micros()).unwrap_or(u32::MAX).into();
        let bucket = bucket_of(micros);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
    }

    /// The upper end of the bucket that holds the value, in milliseconds to a hundredth.
    fn quantile_ms(&self, percent: u64) -> f64 {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        let micros = bucket.map_or(0, upper_end_of);
        #[expect(clippy::cast_precision_loss, reason = "rounded to three digits anyway")]
        let hundredths = (micros as f64 / 10.0).round();
        hundredths / 100.0
    }
}

/// Values below one doubling's parts have a bucket each; above, the leading bits choose.
fn bucket_of(micros: u64) -> usize {
    let bits = PER_DOUBLING.ilog2();
    let shift = micros.max(1).ilog2().saturating_sub(bits);
    let lead = usize::try_from(micros >> shift).unwrap_or(usize::MAX);
    shift as usize * PER_DOUBLING + lead
}

fn upper_end_of(bucket: usize) -> u64 {
    if bucket < 2 * PER_DOUBLING {
        return bucket as u64;
    }
    let shift = bucket / PER_DOUBLING - 1;
    let lead = (bucket - shift * PER_DOUBLING) as u64;
    ((lead + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_few_percent() {
        let recorder = Recorder::default();
        for ms in 1..=1000 {
            recorder.answered(200, Duration::from_millis(ms));
        }
        let stats = recorder.stats();
        assert!(
            (500.0..=516.0).contains(&stats.latency_p50_ms),
            "{}",
            stats.latency_p50_ms
        );
        assert!(
            (990.0..=1022.0).contains(&stats.latency_p99_ms),
            "{}",
            stats.latency_p99_ms
        );
        assert_eq!(stats.status[&200], 1000);
    }

    #[test]
    fn every_span_falls_into_the_bucket_whose_end_is_not_below_it() {
        let mut last = 0;
        for micros in (0..5000).chain([1 << 20, u32::MAX.into()]) {
            let bucket = bucket_of(micros);
            assert!(bucket >= last);
            last = bucket;
            let end = upper_end_of(bucket);
            assert!(
                micros <= end && end - micros <= micros / 32,
                "{micros} {end}"
            );
        }
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
