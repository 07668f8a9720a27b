//! Requests over time, in bounded memory.
//!
//! A [`Timeline`] counts the requests of one process in slices of equal length. When there are [`SLICES_MAX`] of
//! them, neighbours are merged in pairs, and slices are twice as long from then on. A run that is interrupted and
//! continued has one timeline per process, so the time in between is not counted.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wording::float;

/// Number of slices at which neighbours are merged.
pub(crate) const SLICES_MAX: usize = 240;

/// Initial length of a slice.
const SLICE_MS: u64 = 250;

/// Latency buckets per doubling: percentiles are accurate to 6 %.
const STEPS: u32 = 8;

/// Exponent of the shortest latency with a bucket of its own: 64 µs.
const SHORTEST: u32 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RequestKind {
    /// Lists and looks up contacts and employees.
    Read,
    /// Creates, updates and deletes contacts.
    Write,
    /// Requests a token.
    Token,
}

/// The reason why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unanswered {
    /// No connection, so the request was not sent.
    NoConnection,
    /// The answer took too long.
    TimedOut,
    /// The connection was lost.
    BrokenOff,
    /// Abandoned because a stop was requested.
    Abandoned,
}

/// The requests of one process over time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timeline {
    /// When the process began.
    pub(crate) started_at: Timestamp,
    /// Length of each slice.
    pub(crate) slice_ms: u64,
    /// Time from the beginning to the last record.
    pub(crate) ms: u64,
    pub(crate) slices: Vec<TimeSlice>,
    #[serde(skip)]
    in_flight: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TimeSlice {
    /// Most requests in flight at once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) in_flight: u64,
    #[serde(
        default,
        rename = "requests",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub(crate) of_kind: BTreeMap<RequestKind, KindCounts>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct KindCounts {
    /// Requests sent, including retries.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) sent: u64,
    /// The retries among them.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) retried: u64,
    /// Answers by status.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) status: BTreeMap<u16, u64>,
    /// Requests without an answer, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) unanswered: BTreeMap<Unanswered, u64>,
    /// Contacts that were listed, or whose change the server confirmed.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) contacts: u64,
    #[serde(skip_serializing_if = "Latencies::is_empty")]
    pub(crate) latency: Latencies,
}

/// Latencies of answers, in buckets that grow exponentially.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Latencies {
    /// Number of answers by bucket.
    steps: BTreeMap<u8, u64>,
    slowest_us: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Timeline {
    pub(crate) fn new(started_at: Timestamp) -> Self {
        Self {
            started_at,
            slice_ms: SLICE_MS,
            ..Self::default()
        }
    }

    /// Counts a request that is sent. `now` is the time since the beginning.
    pub(crate) fn leaves(&mut self, now: Duration, kind: RequestKind, is_retry: bool) {
        // The slices before this one end without it.
        self.slice(now);
        self.in_flight += 1;
        let in_flight = self.in_flight;
        let slice = self.slice(now);
        slice.in_flight = slice.in_flight.max(in_flight);
        let counts = slice.of_kind.entry(kind).or_default();
        counts.sent += 1;
        counts.retried += u64::from(is_retry);
    }

    pub(crate) fn answered(
        &mut self,
        now: Duration,
        kind: RequestKind,
        status: u16,
        latency: Duration,
    ) {
        let counts = self.ended(now, kind);
        *counts.status.entry(status).or_default() += 1;
        counts.latency.add(latency);
    }

    /// Counts a request that has no answer.
    pub(crate) fn unanswered(&mut self, now: Duration, kind: RequestKind, reason: Unanswered) {
        *self.ended(now, kind).unanswered.entry(reason).or_default() += 1;
    }

    /// Counts contacts that were listed, or whose change the server confirmed.
    pub(crate) fn contacts(&mut self, now: Duration, kind: RequestKind, count: u64) {
        if count > 0 {
            let slice = self.slice(now);
            slice.of_kind.entry(kind).or_default().contacts += count;
        }
    }

    pub(crate) fn until(&mut self, now: Duration) -> Self {
        self.slice(now);
        self.clone()
    }

    /// False for damaged data, which this program can't have written.
    pub(crate) fn is_sound(&self) -> bool {
        let length = self.slice_ms.checked_mul(self.slices.len() as u64);
        self.slices.len() <= SLICES_MAX
            && self.slice_ms >= SLICE_MS
            && length.is_some_and(|length| (1..1 << 48).contains(&length) && self.ms < length)
    }

    fn ended(&mut self, now: Duration, kind: RequestKind) -> &mut KindCounts {
        // The slices before this one include it.
        self.slice(now);
        self.in_flight = self.in_flight.saturating_sub(1);
        self.slice(now).of_kind.entry(kind).or_default()
    }

    fn slice(&mut self, now: Duration) -> &mut TimeSlice {
        self.ms = self.ms.max(millis(now));
        while self.ms / self.slice_ms.max(1) >= SLICES_MAX as u64 {
            self.halve();
        }
        let index = |ms: u64| usize::try_from(ms / self.slice_ms.max(1)).unwrap_or(SLICES_MAX);
        let (index, last) = (index(millis(now)), index(self.ms));
        let waiting = TimeSlice {
            in_flight: self.in_flight,
            ..TimeSlice::default()
        };
        if self.slices.len() <= last {
            self.slices.resize(last + 1, waiting);
        }
        &mut self.slices[index]
    }

    /// Merges neighbours in pairs.
    fn halve(&mut self) {
        self.slice_ms = self.slice_ms.max(1) * 2;
        self.slices = merged(&self.slices, 2);
    }
}

pub(crate) fn merged(slices: &[TimeSlice], count: usize) -> Vec<TimeSlice> {
    let merge = |slices: &[TimeSlice]| {
        let mut sum = TimeSlice::default();
        for slice in slices {
            sum.add(slice);
        }
        sum
    };
    slices.chunks(count.max(1)).map(merge).collect()
}

/// The sum of slices, for one kind of requests or for all.
pub(crate) fn sum<'a>(
    slices: impl IntoIterator<Item = &'a TimeSlice>,
    kind: Option<RequestKind>,
) -> KindCounts {
    let mut sum = KindCounts::default();
    for (found, counts) in slices.into_iter().flat_map(|slice| &slice.of_kind) {
        if kind.is_none_or(|kind| kind == *found) {
            sum.add(counts);
        }
    }
    sum
}

impl TimeSlice {
    fn add(&mut self, other: &Self) {
        self.in_flight = self.in_flight.max(other.in_flight);
        for (kind, counts) in &other.of_kind {
            self.of_kind.entry(*kind).or_default().add(counts);
        }
    }
}

impl KindCounts {
    pub(crate) fn add(&mut self, other: &Self) {
        let add = |sum: &mut u64, count: u64| *sum = sum.saturating_add(count);
        add(&mut self.sent, other.sent);
        add(&mut self.retried, other.retried);
        add(&mut self.contacts, other.contacts);
        for (status, count) in &other.status {
            add(self.status.entry(*status).or_default(), *count);
        }
        for (reason, count) in &other.unanswered {
            add(self.unanswered.entry(*reason).or_default(), *count);
        }
        for (step, count) in &other.latency.steps {
            add(self.latency.steps.entry(*step).or_default(), *count);
        }
        self.latency.slowest_us = self.latency.slowest_us.max(other.latency.slowest_us);
    }
}

impl Latencies {
    fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    fn add(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        *self.steps.entry(step_of(micros)).or_default() += 1;
        self.slowest_us = self.slowest_us.max(micros);
    }

    /// A percentile in milliseconds, accurate to 6 %; `None` without answers.
    pub(crate) fn percentile_ms(&self, percent: u32) -> Option<f64> {
        let count: u128 = self.steps.values().map(|&count| u128::from(count)).sum();
        let rank = (count * u128::from(percent)).div_ceil(100).max(1);
        let mut before = 0;
        let (step, _) = self.steps.iter().find(|(_, count)| {
            before += u128::from(**count);
            before >= rank
        })?;
        let middle = middle_of(*step).min(self.slowest_us);
        Some(float(middle) / 1_000.0)
    }

    pub(crate) fn slowest_ms(&self) -> f64 {
        float(self.slowest_us) / 1_000.0
    }
}

fn step_of(micros: u64) -> u8 {
    let Some(exponent) = micros.checked_ilog2().filter(|it| *it >= SHORTEST) else {
        return 0;
    };
    let within = (micros >> (exponent - STEPS.ilog2())) % u64::from(STEPS);
    let step = u64::from((exponent - SHORTEST) * STEPS) + within + 1;
    u8::try_from(step).unwrap_or(u8::MAX)
}

/// The middle of a bucket in microseconds.
fn middle_of(step: u8) -> u64 {
    let Some(step) = u32::from(step).checked_sub(1) else {
        return (1 << SHORTEST) / 2;
    };
    let width = 1_u64 << (SHORTEST + step / STEPS - STEPS.ilog2());
    let start = u64::from(STEPS + step % STEPS) * width;
    start + width / 2
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn timeline() -> Timeline {
        Timeline::new(Timestamp::UNIX_EPOCH)
    }

    fn total(timeline: &Timeline) -> KindCounts {
        let mut total = KindCounts::default();
        let slices = timeline
            .slices
            .iter()
            .flat_map(|slice| slice.of_kind.values());
        slices.for_each(|counts| total.add(counts));
        total
    }

    #[test]
    fn a_slice_has_the_requests_of_its_time() {
        let mut timeline = timeline();
        timeline.leaves(ms(10), RequestKind::Write, false);
        timeline.leaves(ms(20), RequestKind::Write, true);
        timeline.answered(ms(90), RequestKind::Write, 200, ms(80));
        timeline.contacts(ms(95), RequestKind::Write, 100);
        timeline.unanswered(ms(700), RequestKind::Write, Unanswered::TimedOut);
        timeline.leaves(ms(1_300), RequestKind::Write, false);
        let recorded = timeline.until(ms(1_310));
        assert_eq!((recorded.ms, recorded.slices.len()), (1_310, 6));
        let in_flight: Vec<_> = recorded.slices.iter().map(|it| it.in_flight).collect();
        assert_eq!(
            in_flight,
            [2, 1, 1, 0, 0, 1],
            "the second one waits until 700 ms"
        );
        let first = &recorded.slices[0].of_kind[&RequestKind::Write];
        assert_eq!((first.sent, first.retried, first.contacts), (2, 1, 100));
        assert_eq!(first.status, BTreeMap::from([(200, 1)]));
        let third = &recorded.slices[2].of_kind[&RequestKind::Write];
        assert_eq!(third.unanswered[&Unanswered::TimedOut], 1);
        assert!(recorded.slices[4].of_kind.is_empty());
    }

    #[test]
    fn percentiles_are_exact_to_six_percent() {
        let mut latencies = Latencies::default();
        for latency in 1..=1_000 {
            latencies.add(ms(latency));
        }
        for (percent, exact) in [(1, 10.0), (50, 500.0), (95, 950.0), (100, 1_000.0)] {
            let found = latencies.percentile_ms(percent);
            assert!(
                found.is_some_and(|found| (found / exact - 1.0).abs() < 0.0625),
                "{percent}: {found:?}"
            );
        }
        assert_eq!(Latencies::default().percentile_ms(50), None);
    }

    #[test]
    fn every_latency_is_in_the_step_around_it() {
        for exponent in 0..64 {
            for micros in [1_u64 << exponent, (1 << exponent) + (1 << exponent) / 3] {
                let step = step_of(micros);
                if (1..u8::MAX).contains(&step) {
                    let error = middle_of(step).abs_diff(micros);
                    assert!(
                        error <= micros / 16 + 1,
                        "{micros} µs in {}",
                        middle_of(step)
                    );
                }
            }
        }
        assert_eq!((step_of(0), step_of(63), step_of(64)), (0, 0, 1));
        assert_eq!(step_of(u64::MAX), u8::MAX);
        assert!(middle_of(u8::MAX) > 0);
    }

    #[test]
    fn a_timeline_is_stored_as_it_is() {
        let mut timeline = timeline();
        timeline.leaves(ms(10), RequestKind::Read, false);
        timeline.answered(ms(400), RequestKind::Read, 503, ms(390));
        let recorded = timeline.until(ms(400));
        let stored = serde_json::to_string(&recorded);
        let read = stored.as_deref().map(serde_json::from_str::<Timeline>);
        assert!(
            read.is_ok_and(|read| read.is_ok_and(|read| read == recorded && read.is_sound())),
            "{stored:?}"
        );
    }

    #[test]
    fn impossible_timelines_are_not_sound() {
        let mut timeline = timeline();
        let sound = timeline.until(ms(600));
        assert!(sound.is_sound());
        let unsound = [
            Timeline {
                slice_ms: 0,
                ..sound.clone()
            },
            Timeline {
                ms: 750,
                ..sound.clone()
            },
            Timeline {
                slice_ms: u64::MAX,
                ..sound.clone()
            },
            Timeline {
                slices: Vec::new(),
                ..sound.clone()
            },
            Timeline {
                slices: vec![TimeSlice::default(); SLICES_MAX + 1],
                ..sound
            },
        ];
        assert!(unsound.iter().all(|timeline| !timeline.is_sound()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn merging_slices_loses_no_request(
            steps in proptest::collection::vec((0_u64..400_000, 0_u16..4, 1_u64..5_000), 1..120),
        ) {
            let mut timeline = timeline();
            let (mut now, mut expected) = (0, KindCounts::default());
            for (later, end, latency) in steps {
                timeline.leaves(ms(now), RequestKind::Write, end == 1);
                now += later;
                expected.sent += 1;
                expected.retried += u64::from(end == 1);
                if end == 0 {
                    timeline.unanswered(ms(now), RequestKind::Write, Unanswered::BrokenOff);
                    *expected.unanswered.entry(Unanswered::BrokenOff).or_default() += 1;
                } else {
                    timeline.answered(ms(now), RequestKind::Write, 200 + end, ms(latency));
                    *expected.status.entry(200 + end).or_default() += 1;
                    expected.latency.add(ms(latency));
                }
                timeline.contacts(ms(now), RequestKind::Write, latency);
                expected.contacts += latency;
            }
            let recorded = timeline.until(ms(now));
            prop_assert!(recorded.is_sound());
            prop_assert_eq!(total(&recorded), expected);
            prop_assert_eq!(merged(&recorded.slices, 7).len(), recorded.slices.len().div_ceil(7));
        }
    }
}
