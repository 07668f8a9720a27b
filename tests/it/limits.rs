//! The limit of the API: used, but never exceeded.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use wazzup_contacts::sandbox::{Faults, Options, Sandbox};

use crate::{
    harness::{Ran, World, faults},
    model::{assert_holds, contact, csv, quick},
    odd_server::OddServer,
};

/// At the default rate with the documented limit; the windows began at an unknown moment.
///
/// A 429 or a full window is never allowed. The number of requests in 5 s and the used part of the limit depend on
/// real time and the load of the machine, so one of three attempts must satisfy both.
#[test]
fn fifteen_hundred_requests_meet_no_429_and_use_the_limit() {
    let mut attempts = Vec::new();
    while attempts.len() < 3 && !attempts.iter().any(Attempt::is_right) {
        attempts.push(attempt());
    }
    assert!(attempts.iter().any(Attempt::is_right), "{attempts:.3?}");
}

#[derive(Debug)]
struct Attempt {
    /// Maximum number of requests in any 5 s.
    peak: usize,
    /// The used part of the limit, from the first request to the last.
    used: f64,
}

impl Attempt {
    fn is_right(&self) -> bool {
        self.peak <= 500 && self.used >= 0.95
    }
}

fn attempt() -> Attempt {
    const REQUESTS: usize = 1_500;
    let world = World::new();
    world.write(
        "contacts.csv",
        csv((1..=REQUESTS).map(|n| contact(n, "new"))),
    );
    let import = "import contacts.csv --mode create --batch-size 1 --json";
    let ran = world.run(import.split_whitespace()).ends_with(0);
    assert_holds(&world.sandbox, (1..=REQUESTS).map(|n| contact(n, "new")));
    let summary = ran.json();
    assert!(
        summary["requests"]["status"].get("429").is_none(),
        "{}",
        ran.shown()
    );
    assert_eq!(summary["requests"]["sent"], REQUESTS);
    let requests = world.sandbox.requests();
    let span = requests[REQUESTS - 1].at.saturating_sub(requests[0].at);
    let allowed = 100.0 * span.as_secs_f64();
    Attempt {
        peak: peak_within(&world.sandbox, Duration::from_secs(5)),
        used: f64::from(u32::try_from(REQUESTS).unwrap()) / allowed,
    }
}

fn peak_within(sandbox: &Sandbox, period: Duration) -> usize {
    let times: Vec<Duration> = sandbox.requests().iter().map(|one| one.at).collect();
    let within = times.iter().enumerate().map(|(last, &end)| {
        let earlier = times[..=last].iter();
        earlier
            .filter(|&&at| end.saturating_sub(at) < period)
            .count()
    });
    within.max().unwrap_or_default()
}

#[test]
fn a_429_holds_all_requests_until_the_server_counts_anew() {
    // 20 requests in each second. Headers such as `Retry-After` are tested with the client.
    let window = Mutex::new((0, 0));
    let started = Instant::now();
    let server = OddServer::start(Vec::new(), move |_, _| {
        let mut window = window.lock().unwrap();
        let number = started.elapsed().as_secs();
        if window.0 != number {
            *window = (number, 0);
        }
        window.1 += 1;
        (window.1 > 20).then(|| (429, "application/json", "{}".to_owned()))
    });
    let world = World::new();
    let patience = "[profiles.default.patience]\nhold_ms = 1000\n";
    world.write("wazzup.toml", format!("profile = \"default\"\n{patience}"));
    world.write("contacts.csv", csv((1..=50).map(|n| contact(n, "new"))));
    let import =
        "import contacts.csv --mode create --batch-size 1 --json --rate 10000/1s --concurrency 8";
    let ran = server.call(&world, import).run().ends_with(0);
    assert_eq!(server.contacts().len(), 50);
    let refused = ran.json()["requests"]["status"]["429"].as_u64().unwrap();
    assert!(
        refused <= 2 * 8,
        "{refused} were refused: the others did not wait"
    );
}

#[test]
fn requests_in_flight_follow_the_latency_and_the_number_is_shown() {
    let world = World::with(Options {
        is_limited: false,
        ..Options::default()
    });
    world.write("contacts.csv", csv((1..=200).map(|n| contact(n, "new"))));
    let import = |slow: &str, options: &str| {
        world.sandbox.set_faults(faults([slow]));
        let import = format!("import contacts.csv --mode create --batch-size 1 --json {options}");
        world.run(import.split_whitespace()).ends_with(0)
    };
    let in_flight = |ran: &Ran| ran.json()["requests"]["concurrency"].as_u64().unwrap();
    // Ten times the API's rate at a tenth of the latency needs as many as 1 s would at the API's rate.
    let slow = import("slow=100ms", "--rate 4900/5s -v");
    assert!((60..=128).contains(&in_flight(&slow)), "{}", slow.shown());
    let grown = slow
        .stderr
        .contains("requests in flight at most concurrency=32");
    assert!(grown, "{}", slow.shown());
    let fast = import("slow=0ms", "");
    assert!(in_flight(&fast) < in_flight(&slow), "{}", fast.shown());
    let fixed = import("slow=20ms", "--rate 4900/5s --concurrency 3");
    assert_eq!(in_flight(&fixed), 3, "{}", fixed.shown());
    let auto = import("slow=20ms", "--rate 4900/5s --concurrency auto");
    assert!(in_flight(&auto) >= 8, "{}", auto.shown());
}

#[test]
fn writes_that_are_put_off_for_good_end_the_run_and_reject_no_contact() {
    let world = quick(Options::default());
    world.write("contacts.csv", csv((1..=2_000).map(|n| contact(n, "new"))));
    world.sandbox.set_faults(faults(["POST:429"]));
    let import = "import contacts.csv --mode create --run x.run --json";
    let ran = world.run(import.split(' ')).ends_with(1);
    let summary = ran.json();
    assert_eq!(summary["done"]["not_attempted"], 2_000, "{}", ran.shown());
    assert!(
        ran.stderr.contains("keeps asking to wait"),
        "{}",
        ran.shown()
    );
    assert!(
        ran.stderr
            .contains("to continue: wazzup-contacts apply x.run")
    );
    assert_eq!(world.sandbox.count("GET"), 0, "nothing is looked up");
    assert!(world.sandbox.count("POST") <= 8 * 20, "{}", ran.shown());
    assert!(!world.path("contacts.rejected.csv").exists());
    world.sandbox.set_faults(Faults::default());
    world.run(["apply", "x.run"]).ends_with(0);
    assert_holds(&world.sandbox, (1..=2_000).map(|n| contact(n, "new")));
}

#[test]
fn writes_that_fail_while_reads_work_end_the_run() {
    for fault in ["POST:500", "POST:drop-before"] {
        let world = quick(Options::default());
        world.write("contacts.csv", csv((1..=2_000).map(|n| contact(n, "new"))));
        world.sandbox.set_faults(faults([fault]));
        let import = "import contacts.csv --mode create --run x.run --json";
        let ran = world.run(import.split(' ')).ends_with(1);
        assert!(
            ran.stderr.contains("requests all failed"),
            "{}",
            ran.shown()
        );
        assert!(world.sandbox.count("POST") < 60, "{}", ran.shown());
        // One batch is looked up, and the others wait for its outcome.
        let gets = world.sandbox.count("GET");
        assert!(gets <= 900, "{gets} {}", ran.shown());
        world.sandbox.set_faults(Faults::default());
        world.run(["apply", "x.run"]).ends_with(0);
        assert_holds(&world.sandbox, (1..=2_000).map(|n| contact(n, "new")));
    }
}
