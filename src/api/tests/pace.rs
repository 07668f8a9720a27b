//! The duration of an import and an export at a latency: the limiter and its control loop in simulated time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::api::{
    clock::{Clock, FakeClock},
    concurrency::Concurrency,
    limiter::{Blocked, InFlight, Limiter},
    rate::Rate,
};

use super::limits::fullest;

/// Rounds of requests: all requests of a round may be in flight together, and the next round begins after the last answer.
struct Job {
    name: &'static str,
    rounds: &'static [usize],
}

/// 600 batches, after the first page of an empty account was read twice.
const IMPORT: Job = Job {
    name: "import",
    rounds: &[1, 1, 600],
};

/// The first page, a round of probes for the end, 15 more together with pages that overlap by a contact and reach a little
/// past it, and a page behind the last contact: see the tests of `account::listing`.
const EXPORT: Job = Job {
    name: "export",
    rounds: &[1, 3, 15 + 611, 1],
};

/// The measurements of a job.
#[derive(Debug)]
struct Course {
    took: Duration,
    departures: Vec<Duration>,
    in_flight_peak: usize,
}

/// Runs a job against a server whose answer to the n-th request takes this long.
fn simulate(job: &Job, concurrency: Concurrency, latency: impl Fn(usize) -> Duration) -> Course {
    let clock = Arc::new(FakeClock::default());
    let limiter = Limiter::new(Rate::default(), concurrency, clock.clone());
    let mut departures = Vec::new();
    for requests in job.rounds {
        let mut left = *requests;
        let mut in_flight = BTreeMap::new();
        while left > 0 || !in_flight.is_empty() {
            let mut next = in_flight.keys().next().map(|(at, _)| *at);
            if left > 0 {
                match depart(&limiter) {
                    Ok(departure) => {
                        left -= 1;
                        departures.push(departure.at);
                        let latency = latency(departures.len());
                        let answered = departure.at + latency;
                        in_flight.insert((answered, departures.len()), (latency, departure));
                        continue;
                    }
                    Err(Blocked::Full) => {}
                    Err(Blocked::Until(moment)) => {
                        next = Some(next.map_or(moment, |next| next.min(moment)));
                    }
                }
            }
            clock.advance(next.unwrap().saturating_sub(clock.now()));
            while let Some(first) = in_flight.first_entry()
                && first.key().0 <= clock.now()
            {
                let (latency, departure) = first.remove();
                departure.ended(Some(latency));
            }
        }
    }
    Course {
        took: clock.now(),
        departures,
        in_flight_peak: limiter.in_flight_peak(),
    }
}

fn depart(limiter: &Limiter) -> Result<InFlight<'_>, Blocked> {
    limiter.leave(&mut limiter.state.lock())
}

/// The time that 600 requests need at 98 per second and one latency.
fn ideal(latency: Duration) -> Duration {
    Duration::from_secs_f64(600.0 / 98.0) + latency
}

/// Latencies, and the maximum time of a job relative to the ideal.
const BOUNDS: [(u64, f64); 4] = [(5, 1.12), (150, 1.15), (400, 1.3), (1_000, 1.55)];

fn check(job: &Job, ms: u64, bound: f64, course: &Course) {
    let factor = course.took.as_secs_f64() / ideal(Duration::from_millis(ms)).as_secs_f64();
    let name = job.name;
    assert!(factor <= bound, "{name} at {ms} ms: {factor:.3}");
    assert!(
        course.in_flight_peak <= 128,
        "{name} at {ms} ms: {}",
        course.in_flight_peak
    );
    let fullest = fullest(&course.departures, Duration::from_secs(5));
    assert!(fullest <= 490, "{name} at {ms} ms: {fullest} in 5 s");
}

#[test]
fn an_import_and_an_export_use_the_limit_at_any_latency() {
    for job in [&IMPORT, &EXPORT] {
        for (ms, bound) in BOUNDS {
            let course = simulate(job, Concurrency::Auto, |_| Duration::from_millis(ms));
            check(job, ms, bound, &course);
        }
    }
}

#[test]
fn latencies_that_vary_by_half_cost_no_more() {
    for job in [&IMPORT, &EXPORT] {
        for (ms, bound) in BOUNDS {
            let percent = |number: usize| 50 + (number * 7_919 % 101) as u64;
            let latency = |number| Duration::from_millis(ms * percent(number) / 100);
            let course = simulate(job, Concurrency::Auto, latency);
            check(job, ms, bound, &course);
        }
    }
}

#[test]
fn eight_in_flight_are_too_few_and_on_a_fast_server_enough() {
    let with = |concurrency, ms| simulate(&IMPORT, concurrency, |_| Duration::from_millis(ms));
    let slow = with(Concurrency::Fixed(8), 1_000);
    assert!(slow.took > ideal(Duration::from_secs(1)) * 10);
    for ms in [0, 1, 5, 50] {
        assert!(with(Concurrency::Auto, ms).in_flight_peak <= 8, "{ms} ms");
    }
}
