//! The guarantee of the limiter, on a fake clock: at most `N` requests in any span of `T`.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use proptest::prelude::*;

use crate::api::{
    clock::{Clock, FakeClock, Waiter},
    concurrency::Concurrency,
    limiter::Limiter,
    rate::Rate,
};
use crate::progress::Silent;

fn setup(rate: &str) -> (Limiter, Waiter, Arc<FakeClock>, Rate) {
    let rate: Rate = rate.parse().unwrap();
    let clock = Arc::new(FakeClock::default());
    let limiter = Limiter::new(rate, Concurrency::Auto, clock.clone());
    let waiter = Waiter::new(clock.clone(), Arc::new(Silent));
    (limiter, waiter, clock, rate)
}

/// The times at which requests are sent if they are requested at these intervals.
fn departures(rate: &str, gaps: &[Duration]) -> Vec<Duration> {
    let (limiter, waiter, clock, _) = setup(rate);
    let depart = |gap: &Duration| {
        clock.advance(*gap);
        limiter.acquire(&waiter).unwrap().at
    };
    gaps.iter().map(depart).collect()
}

/// The largest number in any span of this length, ends included.
pub(super) fn fullest(departures: &[Duration], window: Duration) -> usize {
    let within = |start: usize| {
        let end = departures[start] + window;
        departures[start..].partition_point(|at| *at <= end)
    };
    (0..departures.len()).map(within).max().unwrap_or(0)
}

/// The number of requests refused by a server that counts in fixed windows beginning at `phase`.
fn refused(departures: &[Duration], limit: u128, window: Duration, phase: Duration) -> usize {
    let number = |at: &Duration| (*at + phase).as_nanos() / window.as_nanos();
    departures
        .chunk_by(|a, b| number(a) == number(b))
        .map(|counted| {
            counted
                .len()
                .saturating_sub(usize::try_from(limit).unwrap())
        })
        .sum()
}

/// Pauses of all kinds: none, some, longer than the window.
fn gaps(count: usize) -> impl Strategy<Value = Vec<Duration>> {
    let gap = prop_oneof![
        6 => Just(0),
        3 => 0..20_000_u64,
        1 => 0..7_000_000_u64,
    ];
    prop::collection::vec(gap.prop_map(Duration::from_micros), 1..count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_span_holds_more_than_the_limit(
        gaps in gaps(2000),
        requests in prop_oneof![1..6_u32, 1..200_u32, Just(490)],
        window_ms in prop_oneof![Just(5000_u64), 1..5000_u64],
    ) {
        let rate = format!("{requests}/{window_ms}ms");
        let departures = departures(&rate, &gaps);
        let fullest = fullest(&departures, Duration::from_millis(window_ms));
        prop_assert!(fullest <= requests as usize, "{fullest} with {rate}");
    }

    #[test]
    fn a_server_that_counts_in_fixed_windows_of_any_phase_turns_nothing_down(
        gaps in gaps(2000),
        phase_ms in 0..5000_u64,
    ) {
        let departures = departures("490/5s", &gaps);
        let phase = Duration::from_millis(phase_ms);
        prop_assert_eq!(refused(&departures, 490, Duration::from_secs(5), phase), 0);
    }
}

#[test]
fn in_the_long_run_more_than_95_percent_are_used() {
    for (rate, least) in [
        ("490/5s", 480),
        ("1/5s", 1),
        ("2/5s", 2),
        ("5/5s", 5),
        ("100/5s", 98),
    ] {
        let minutes = vec![Duration::ZERO; least * 12 * 10];
        let departures = departures(rate, &minutes);
        let took = departures.last().unwrap().as_secs_f64() - departures[0].as_secs_f64();
        assert!(took <= 600.0, "{rate}: {took} s for ten minutes' worth");
    }
}

#[test]
fn a_hold_is_kept_by_everybody() {
    let (limiter, waiter, clock, _) = setup("490/5s");
    limiter.acquire(&waiter).unwrap();
    let end = clock.now() + Duration::from_secs(7);
    assert!(limiter.hold(clock.now(), Duration::from_secs(7)));
    assert!(!limiter.hold(clock.now(), Duration::from_secs(3)));
    assert_eq!(limiter.acquire(&waiter).unwrap().at, end);
    let (unlimited, waiter, clock, _) = setup("unlimited");
    unlimited.hold(clock.now(), Duration::from_secs(2));
    assert_eq!(
        unlimited.acquire(&waiter).unwrap().at,
        Duration::from_secs(2)
    );
}

#[test]
fn threads_together_keep_the_limit() {
    let (limiter, waiter, _, _) = setup("50/1s");
    let all = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let at = limiter.acquire(&waiter).unwrap().at;
                    all.lock().unwrap().push(at);
                }
            });
        }
    });
    let mut departures = all.into_inner().unwrap();
    departures.sort_unstable();
    assert_eq!(departures.len(), 400);
    assert!(fullest(&departures, Duration::from_secs(1)) <= 50);
}

#[test]
fn short_runs_in_a_row_keep_the_limit_together() {
    let clock = Arc::new(FakeClock::default());
    let waiter = Waiter::new(clock.clone(), Arc::new(Silent));
    let mut departures = Vec::new();
    while clock.now() < Duration::from_secs(20) {
        let limiter = Limiter::new(Rate::default(), Concurrency::Auto, clock.clone());
        departures.extend((0..12).map(|_| limiter.acquire(&waiter).unwrap().at));
    }
    let fullest = fullest(&departures, Duration::from_secs(5));
    assert!(fullest <= 490, "{fullest}");
}
