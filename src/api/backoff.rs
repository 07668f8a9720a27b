//! How long to wait before the next try, and how often to try: policy as values.
//!
//! Full jitter: the wait is drawn evenly from zero to a bound that doubles. Threads that failed together do
//! not come back together.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::rate::API_WINDOW;

/// When to try again, and when to stop trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often one request is sent at most.
    pub tries: u32,
    /// Bound of the first wait; it doubles with every try.
    pub base: Duration,
    /// Where the bound stops doubling.
    pub cap: Duration,
    /// No new try begins later than this after the first.
    pub total: Duration,
    /// How long everybody is held at least after a 429 that does not say it.
    pub hold_min: Duration,
    /// The longest `Retry-After` that is obeyed as it stands; longer ones are cut to it.
    pub retry_after_max: Duration,
    /// So many failures in a row, of all threads together, open the circuit…
    pub circuit_failures: u32,
    /// …but not before failing has lasted this long: many threads fail 20 times within a blink when a
    /// server is restarted.
    pub circuit_span: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 8,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(60),
            total: Duration::from_secs(600),
            hold_min: API_WINDOW,
            retry_after_max: Duration::from_secs(300),
            circuit_failures: 20,
            circuit_span: Duration::from_secs(10),
        }
    }
}

impl RetryPolicy {
    /// The longest wait after so many failed tries.
    #[must_use]
    pub(crate) fn bound(&self, failed_tries: u32) -> Duration {
        let doublings = failed_tries.saturating_sub(1).min(31);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }
}

/// Random spans; the state is shared by all threads (`SplitMix64`, one addition per draw).
#[derive(Debug)]
pub(crate) struct Jitter {
    state: AtomicU64,
}

impl Default for Jitter {
    fn default() -> Self {
        Self::seeded(RandomState::new().hash_one(0_u8))
    }
}

impl Jitter {
    pub(crate) const fn seeded(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }

    /// Evenly from zero to `bound`.
    pub(crate) fn up_to(&self, bound: Duration) -> Duration {
        let share = self.next_u32();
        let nanos = bound.as_nanos() * u128::from(share) / u128::from(u32::MAX);
        u64::try_from(nanos).map_or(bound, Duration::from_nanos)
    }

    fn next_u32(&self) -> u32 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self
            .state
            .fetch_add(STEP, Ordering::Relaxed)
            .wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_from_half_a_second_to_a_minute() {
        let policy = RetryPolicy::default();
        let bounds: Vec<u128> = (1..=9).map(|n| policy.bound(n).as_millis()).collect();
        assert_eq!(
            bounds,
            [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]
        );
        assert_eq!(policy.bound(u32::MAX), policy.cap);
    }

    #[test]
    fn jitter_is_full_and_even() {
        let jitter = Jitter::seeded(7);
        let bound = Duration::from_secs(10);
        let mut tenths = [0_u32; 10];
        for _ in 0..10_000 {
            let drawn = jitter.up_to(bound);
            assert!(drawn <= bound);
            let tenth = usize::try_from(drawn.as_millis() / 1000)
                .unwrap_or(9)
                .min(9);
            tenths[tenth] += 1;
        }
        assert!(tenths.iter().all(|n| (850..1150).contains(n)), "{tenths:?}");
    }

    #[test]
    fn two_clients_do_not_draw_alike() {
        let draw = |jitter: Jitter| [0; 4].map(|_| jitter.up_to(Duration::from_secs(1)));
        assert_ne!(draw(Jitter::default()), draw(Jitter::default()));
    }
}
