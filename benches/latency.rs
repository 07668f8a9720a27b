//! An import and an export of 60,000 contacts at several latencies, compared with the minimum time at the rate
//! limit.
//!
//! `factor` is the time divided by `600 requests / 98 per second + one latency`. The bench takes a minute.

#![expect(clippy::expect_used, reason = "a bench fails by panicking")]
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::{fmt::Write as _, fs, path::Path, process::Command, time::Duration};

use wazzup_contacts::sandbox::{Faults, Options, Sandbox};

const CONTACTS: usize = 60_000;

/// Latency in milliseconds, and the largest accepted factor.
const BOUNDS: [(u64, f64); 4] = [(5, 1.12), (150, 1.15), (400, 1.3), (1_000, 1.6)];

fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut text = String::from("id,responsible_user_id,name,uri,whatsapp\n");
    for row in 1..=CONTACTS {
        writeln!(
            text,
            "{row},user-1,Anna {row},https://crm.example.com/{row},7999{row:07}"
        )
        .expect("memory has room");
    }
    fs::write(directory.path().join("contacts.csv"), text).expect("a file");
    for (ms, bound) in BOUNDS {
        measure(directory.path(), Duration::from_millis(ms), bound);
    }
}

/// Imports into an empty account and exports it again.
fn measure(directory: &Path, latency: Duration, bound: f64) {
    let rule = format!("slow={}s", latency.as_secs_f64());
    let sandbox = Sandbox::start(Options {
        faults: Faults::new([rule]).expect("a fault"),
        ..Options::default()
    })
    .expect("a free port");
    let ideal = Duration::from_secs_f64(600.0 / 98.0) + latency;
    for (name, options) in [
        ("import", &["contacts.csv", "--mode", "create"][..]),
        ("export", &["-o", "out.csv"]),
    ] {
        sandbox.clear_log();
        let status = Command::new(env!("CARGO_BIN_EXE_wazzup-contacts"))
            .arg(name)
            .args(options)
            .args(["-q", "--base-url", &sandbox.base_url()])
            .current_dir(directory)
            .env("HOME", directory)
            .env("WAZZUP_TOKEN", sandbox.token())
            .status()
            .expect("the program");
        assert!(status.success(), "{name}: {status}");
        let requests = sandbox.requests();
        let (first, last) = (requests.first(), requests.last());
        let span = last
            .zip(first)
            .map(|(last, first)| last.at.saturating_sub(first.at));
        let took = span.unwrap_or_default() + latency;
        let factor = took.as_secs_f64() / ideal.as_secs_f64();
        let refused = requests
            .iter()
            .filter(|request| request.status == Some(429));
        println!(
            "{name} {:>4} ms: {:>6.3} s, factor {factor:.3} (at most {bound}), {} requests, {} answered 429",
            latency.as_millis(),
            took.as_secs_f64(),
            requests.len(),
            refused.count(),
        );
    }
}
