//! The number of requests in flight.
//!
//! `r` requests per second at a latency of `l` keep `r·l` requests in flight (Little's law), so `auto` aims at the
//! limit's rate times the observed latency, with headroom. More requests would only queue, here or on the server.
//! The number starts at eight and grows in steps. If a step does not increase throughput, because latency grows
//! with the queue on the server, it is reverted. Server errors halve the number, and from then on it grows in
//! smaller steps.

use std::{fmt, str::FromStr, time::Duration};

use super::rate::Rate;

/// Largest number of requests in flight.
pub(super) const IN_FLIGHT_MAX: u16 = 128;

/// Minimum number, to which errors of the server reduce it.
const IN_FLIGHT_MIN: usize = 2;

/// Initial number, enough for a latency of 80 ms.
const IN_FLIGHT_START: usize = 8;

/// Rounds between a reverted step and the next one.
const ROUNDS_WAITED: u32 = 8;

/// The number of requests that may be in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Concurrency {
    /// As many as the rate limit needs at the observed latency.
    #[default]
    Auto,
    /// This many.
    Fixed(u16),
}

impl fmt::Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(number) => write!(f, "{number}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a number of requests in flight: write `auto` or 1 to {IN_FLIGHT_MAX}")]
pub struct ConcurrencyError {
    text: String,
}

impl FromStr for Concurrency {
    type Err = ConcurrencyError;

    fn from_str(text: &str) -> Result<Self, ConcurrencyError> {
        if text.trim().eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        let number = text.trim().parse().ok();
        number
            .filter(|number| (1..=IN_FLIGHT_MAX).contains(number))
            .map(Self::Fixed)
            .ok_or_else(|| ConcurrencyError { text: text.into() })
    }
}

/// The control loop of [`Concurrency`].
#[derive(Debug)]
pub(super) struct Pace {
    is_fixed: bool,
    is_limited: bool,
    /// The time between two requests at the full rate.
    spacing: Duration,
    target: usize,
    /// The longest latency so far.
    slowest: Option<Duration>,
    round: Round,
    /// The target and the mean latency before the last step, until a round shows whether it pays off.
    before_step: Option<(usize, Duration)>,
    is_careful: bool,
    /// Rounds until the next step.
    rounds_to_wait: u32,
    /// Outstanding answers to requests sent before the last reduction, which don't reflect it.
    outdated: usize,
}

/// As many answers as requests were in flight when it began.
#[derive(Debug, Default)]
struct Round {
    size: usize,
    answers: usize,
    total: Duration,
}

impl Pace {
    pub(super) fn new(concurrency: Concurrency, rate: Rate) -> Self {
        let (is_fixed, target) = match concurrency {
            Concurrency::Auto => (false, IN_FLIGHT_START),
            Concurrency::Fixed(number) => (true, usize::from(number.max(1))),
        };
        // Without a limit, the target is what the API's limit needs.
        let quota = rate.quota().or_else(|| Rate::default().quota());
        Self {
            is_fixed,
            is_limited: rate.quota().is_some(),
            spacing: quota.map_or(Duration::MAX, |quota| quota.replenish_interval()),
            target,
            slowest: None,
            round: Round::default(),
            before_step: None,
            is_careful: false,
            rounds_to_wait: 0,
            outdated: 0,
        }
    }

    /// The number of requests that may be in flight.
    pub(super) fn target(&self) -> usize {
        self.target
    }

    /// The number of threads that read. Others would only wait for the limit, and starting one takes as long as
    /// reading a page. If answers are quick, one thread handles them before the next request may be sent.
    pub(super) fn readers(&self) -> usize {
        match self.slowest {
            Some(slowest) if self.is_limited && !self.is_fixed => {
                let needed = if slowest * 4 < self.spacing {
                    1
                } else {
                    self.needed(slowest)
                };
                needed.min(self.target)
            }
            _ => self.target,
        }
    }

    /// The number of requests in flight that the limit needs at a latency. A quarter of headroom: latencies vary, and a
    /// slow answer must not leave part of the limit unused.
    fn needed(&self, latency: Duration) -> usize {
        let needed = 1 + (latency.as_nanos() * 5).div_ceil(self.spacing.as_nanos() * 4);
        usize::try_from(needed).unwrap_or(usize::MAX)
    }

    /// Adapts to an answer's latency; `None` is an error that suggests that the server is in trouble. `in_flight`
    /// includes the answered request.
    pub(super) fn observe(&mut self, latency: Option<Duration>, in_flight: usize) {
        if self.is_fixed {
            return;
        }
        if self.outdated > 0 {
            self.outdated -= 1;
            return;
        }
        let Some(latency) = latency else {
            return self.shrink(in_flight);
        };
        self.slowest = self.slowest.max(Some(latency));
        if self.round.answers == 0 {
            self.round.size = in_flight;
        }
        self.round.answers += 1;
        self.round.total += latency;
        if self.round.answers >= self.round.size {
            let mean = self.round.mean();
            self.round = Round::default();
            self.judge_step(mean);
            self.grow(mean);
        }
    }

    fn shrink(&mut self, in_flight: usize) {
        self.outdated = in_flight.saturating_sub(1);
        self.target = (self.target / 2).max(IN_FLIGHT_MIN);
        self.round = Round::default();
        self.before_step = None;
        self.is_careful = true;
    }

    /// Reverts the last step unless at least a quarter of it became throughput (target divided by mean latency).
    fn judge_step(&mut self, mean: Duration) {
        let Some((before, mean_before)) = self.before_step.take() else {
            return;
        };
        let answered = 4 * self.target as u128 * mean_before.as_nanos();
        let expected = (3 * before + self.target) as u128 * mean.as_nanos();
        if answered < expected {
            self.target = before;
            self.is_careful = true;
            self.rounds_to_wait = ROUNDS_WAITED;
        }
    }

    fn grow(&mut self, mean: Duration) {
        if self.rounds_to_wait > 0 {
            self.rounds_to_wait -= 1;
            return;
        }
        let step = if self.is_careful {
            1 + self.target / 4
        } else {
            3 * self.target
        };
        let reachable = (self.target + step).min(IN_FLIGHT_MAX.into());
        let next = self.needed(mean).min(reachable);
        if next > self.target {
            self.before_step = Some((self.target, mean));
            self.target = next;
        }
    }
}

impl Round {
    fn mean(&self) -> Duration {
        let answers = u32::try_from(self.answers).unwrap_or(u32::MAX);
        self.total / answers.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(rate: &str) -> Pace {
        let rate = rate.parse().unwrap_or_default();
        Pace::new(Concurrency::Auto, rate)
    }

    /// The number of requests in flight after each of these rounds.
    fn rounds(pace: &mut Pace, count: usize, latency: impl Fn(usize) -> Duration) -> Vec<usize> {
        (0..count)
            .map(|_| {
                let target = pace.target();
                (0..target).for_each(|_| pace.observe(Some(latency(target)), target));
                pace.target()
            })
            .collect()
    }

    fn ms(millis: usize) -> Duration {
        Duration::from_millis(millis as u64)
    }

    #[test]
    fn as_many_threads_read_as_the_rate_needs_at_the_longest_latency() {
        let mut pace = pace("490/5s");
        assert_eq!(pace.readers(), 8);
        for (latency, readers) in [(0, 1), (2, 1), (5, 2), (1, 2), (50, 8), (1, 8)] {
            pace.observe(Some(ms(latency)), 1);
            assert_eq!(pace.readers(), readers, "{latency}");
        }
        let mut unlimited = Pace::new(Concurrency::Auto, Rate::Unlimited);
        unlimited.observe(Some(ms(1)), 1);
        assert_eq!(unlimited.readers(), 8);
    }

    #[test]
    fn it_grows_to_what_the_rate_needs_at_the_latency() {
        for (latency, targets) in [
            (0, [8, 8, 8, 8]),
            (1, [8, 8, 8, 8]),
            (5, [8, 8, 8, 8]),
            (50, [8, 8, 8, 8]),
            (150, [20, 20, 20, 20]),
            (400, [32, 50, 50, 50]),
            (1_000, [32, 122, 122, 122]),
            (10_000, [32, 128, 128, 128]),
        ] {
            let mut pace = pace("490/5s");
            assert_eq!(
                rounds(&mut pace, 4, |_| ms(latency)),
                targets,
                "{latency} ms"
            );
        }
    }

    #[test]
    fn a_lower_rate_needs_fewer_and_without_a_limit_the_apis_rate_counts() {
        for (rate, target) in [("100/5s", 26), ("490/5s", 122), ("unlimited", 122)] {
            let mut pace = pace(rate);
            rounds(&mut pace, 6, |_| ms(1_000));
            assert_eq!(pace.target(), target, "{rate}");
        }
    }

    #[test]
    fn a_number_that_was_asked_for_stays() {
        let mut pace = Pace::new(Concurrency::Fixed(3), Rate::default());
        pace.observe(None, 8);
        assert_eq!(rounds(&mut pace, 3, |_| ms(1_000)), [3, 3, 3]);
    }

    #[test]
    fn a_server_that_answers_one_request_at_a_time_is_not_given_more_for_it() {
        let mut pace = pace("490/5s");
        let targets = rounds(&mut pace, 200, |target| ms(50 * target));
        let taken_back = targets.iter().filter(|target| **target == 8).count();
        assert!(taken_back > 150, "{targets:?}");
        assert!(
            targets[5..].iter().all(|target| *target <= 11),
            "{targets:?}"
        );
    }

    #[test]
    fn a_server_that_works_on_32_at_once_gets_little_more_than_that() {
        let mut pace = pace("490/5s");
        let latency = |target: usize| ms(500 * target.max(32) / 32);
        let targets = rounds(&mut pace, 200, latency);
        let tried = targets[10..].iter().max();
        assert!(
            tried.is_some_and(|most| (32..72).contains(most)),
            "{targets:?}"
        );
    }

    #[test]
    fn errors_of_one_moment_halve_it_once_and_it_recovers() {
        let mut pace = pace("490/5s");
        rounds(&mut pace, 4, |_| ms(1_000));
        for _ in 0..60 {
            pace.observe(None, 122);
        }
        assert_eq!(pace.target(), 61);
        (0..62).for_each(|_| pace.observe(Some(ms(1_000)), 61));
        assert_eq!(rounds(&mut pace, 4, |_| ms(1_000)), [77, 97, 122, 122]);
    }

    #[test]
    fn lasting_trouble_leaves_two() {
        let mut pace = pace("490/5s");
        (0..1_000).for_each(|_| pace.observe(None, 8));
        assert_eq!(pace.target(), 2);
        rounds(&mut pace, 1, |_| ms(150));
        assert!(pace.target() <= 3);
    }

    #[test]
    fn it_follows_a_latency_that_rises_later() {
        let mut pace = pace("490/5s");
        rounds(&mut pace, 10, |_| ms(20));
        rounds(&mut pace, 10, |_| ms(700));
        assert_eq!(pace.target(), 86);
    }

    #[test]
    fn auto_and_numbers_are_read_as_they_are_shown() {
        for text in ["auto", "1", "128"] {
            let read: Result<Concurrency, _> = text.parse();
            assert_eq!(read.map(|it| it.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "0", "129", "-1", "many", "1.5"] {
            let read: Result<Concurrency, _> = text.parse();
            let words = read.map_err(|error| error.to_string());
            assert!(
                words.is_err_and(|it| it.contains("`auto` or 1 to 128")),
                "{text}"
            );
        }
    }
}
