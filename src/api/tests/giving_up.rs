//! Holds, back-off, the circuit and requests to stop.

use super::*;

#[test]
fn a_429_holds_everybody_for_as_long_as_it_says() {
    let bench = bench(|received| match received.number {
        0 => Act::Headed(429, "retry-after: 7", String::new()),
        1 => Act::json(429, ""),
        2 => Act::Headed(429, "retry-after: 100000", String::new()),
        3 => Act::Headed(
            429,
            "retry-after: Sun, 06 Nov 1994 08:49:37 GMT",
            String::new(),
        ),
        _ => Act::processed(1),
    });
    assert_eq!(
        bench
            .client
            .write(Operation::Create, body(), 1, false)
            .unwrap(),
        OK
    );
    let waits: Vec<_> = bench
        .monitor
        .events()
        .into_iter()
        .map(|event| match event {
            Event::Held { wait, .. } => wait.as_millis(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(waits, [7_000, 5_000, 300_000, 5_000]);
    assert!(bench.clock.now() >= Duration::from_secs(317));
    assert_eq!(bench.client.stats().status[&429], 4);
}

#[test]
fn a_hold_that_would_last_too_long_is_not_waited_for() {
    let bench = bench(|_| Act::Headed(429, "retry-after: 250", String::new()));
    let error = bench
        .client
        .write(Operation::Update, body(), 1, false)
        .unwrap_err();
    assert!(matches!(error.kind, ApiErrorKind::Throttled { .. }));
    assert!(!error.sent, "a 429 was not carried out");
    assert_eq!(bench.server.received().len(), 3);
}

#[test]
fn writes_that_are_put_off_for_good_end_all_calls() {
    let bench = bench(|received| match received.method.as_str() {
        "GET" => Act::json(200, r#"{"data":[]}"#),
        _ => Act::json(429, ""),
    });
    let put_off = |error: ApiError| matches!(error.kind, ApiErrorKind::Throttled { .. });
    let write = || bench.client.write(Operation::Create, body(), 1, false);
    assert!(bench.client.page(0, 100, &|_| ()).is_ok());
    assert!(put_off(write().unwrap_err()));
    assert_eq!(bench.server.count("POST"), 8);
    assert!(put_off(write().unwrap_err()));
    assert!(put_off(bench.client.page(0, 100, &|_| ()).unwrap_err()));
    assert_eq!(bench.server.received().len(), 9);
}

#[test]
fn a_403_with_retry_after_is_waited_for() {
    for status in [403, 423] {
        let bench = bench(move |received| match received.number {
            0 => Act::Headed(status, "retry-after: 7", String::new()),
            _ => Act::processed(1),
        });
        let reply = bench.client.write(Operation::Create, body(), 1, false);
        assert_eq!(reply.unwrap(), OK);
        let wait = Duration::from_secs(7);
        assert_eq!(bench.monitor.events(), [Event::Held { status, wait }]);
    }
}

#[test]
fn the_hint_of_an_account_that_is_locked_or_not_paid_for_is_about_that() {
    for (status, word) in [(402, "paid"), (423, "locked"), (405, "--base-url")] {
        let bench = bench(move |_| Act::json(status, ""));
        let error = bench.client.page(0, 1, &|_| ()).unwrap_err();
        assert!(error.hint().unwrap().contains(word), "{status}");
    }
}

#[test]
fn look_ups_that_work_do_not_hide_that_all_writes_fail() {
    let bench = bench(|received| match received.method.as_str() {
        "GET" => Act::json(200, r#"{"data":[]}"#),
        _ => Act::json(500, ""),
    });
    let error = (0..100).find_map(|_| {
        bench.client.page(0, 1, &|_| ()).ok()?;
        let write = bench.client.write(Operation::Update, body(), 1, false);
        write
            .err()
            .filter(|error| !matches!(error.kind, ApiErrorKind::GaveUp { .. }))
    });
    assert!(matches!(error.unwrap().kind, ApiErrorKind::Circuit { .. }));
    assert_eq!(bench.server.count("PATCH"), 20);
}

#[test]
fn a_dead_server_opens_the_circuit_for_all_threads() {
    let bench = bench(|_| Act::json(500, ""));
    let mut errors = Vec::new();
    for _ in 0..4 {
        errors.push(
            bench
                .client
                .write(Operation::Update, body(), 1, false)
                .unwrap_err(),
        );
    }
    assert!(matches!(
        errors[0],
        ApiError {
            kind: ApiErrorKind::GaveUp { tries: 8, .. },
            sent: true
        }
    ));
    assert!(matches!(
        errors[2],
        ApiError {
            kind: ApiErrorKind::Circuit { .. },
            sent: true
        }
    ));
    assert!(matches!(
        errors[3],
        ApiError {
            kind: ApiErrorKind::Circuit { .. },
            sent: false
        }
    ));
    assert_eq!(bench.server.received().len(), 20);
}

#[test]
fn a_request_to_stop_ends_waiting_and_says_whether_something_was_sent() {
    let bench = bench(|_| Act::json(500, ""));
    bench.monitor.stop.store(true, Ordering::SeqCst);
    let error = bench
        .client
        .write(Operation::Update, body(), 1, false)
        .unwrap_err();
    assert!(!error.sent);
    assert_eq!(bench.server.received().len(), 0, "no new request");

    let monitor = Arc::clone(&bench.monitor);
    monitor.stop.store(false, Ordering::SeqCst);
    let stopping = Arc::clone(&bench.monitor);
    let server = TestServer::start(move |_| {
        stopping.stop.store(true, Ordering::SeqCst);
        Act::json(500, "")
    });
    let client = Client::new(options(&server), static_token(), monitor).unwrap();
    let error = client
        .write(Operation::Update, body(), 1, false)
        .unwrap_err();
    assert!(
        matches!(
            error,
            ApiError {
                kind: ApiErrorKind::Interrupted(_),
                sent: true
            }
        ),
        "{error:?}"
    );
}

#[test]
fn whatever_ends_a_request_says_that_an_earlier_try_may_have_been_carried_out() {
    let ends: [fn() -> Act; 3] = [
        || Act::Headed(302, "location: https://elsewhere.example/", String::new()),
        || Act::json(401, ""),
        || Act::json(405, ""),
    ];
    for (number, end) in ends.into_iter().enumerate() {
        let bench = bench(move |received| match received.number {
            0 => Act::json(500, ""),
            _ => end(),
        });
        let error = bench
            .client
            .write(Operation::Update, body(), 1, false)
            .unwrap_err();
        assert!(error.sent, "{number}: {error:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_token_command_that_fails_says_so_too() {
    let directory = tempfile::tempdir().unwrap();
    let once = directory.path().join("once").display().to_string();
    let command = TokenSource::Command {
        command: "echo >> $0; test $(wc -l < $0) = 1 && echo token".replace("$0", &once),
    };
    let server = TestServer::start(|received| match received.number {
        0 => Act::json(500, ""),
        _ => Act::json(401, ""),
    });
    let mut options = options(&server);
    options.retry.base = Duration::from_millis(1);
    // A command runs in real time, so the clock is the machine's.
    let client = Client::new(options, command, Arc::new(Recording::default())).unwrap();
    let error = client
        .write(Operation::Update, body(), 1, false)
        .unwrap_err();
    assert!(
        matches!(
            error,
            ApiError {
                kind: ApiErrorKind::SecretCommand { .. },
                sent: true
            }
        ),
        "{error:?}"
    );
    // The other senders don't run it again.
    let again = client.write(Operation::Update, body(), 1, false);
    assert_eq!(again.unwrap_err().to_string(), error.to_string());
    let runs = std::fs::read_to_string(&once).unwrap().lines().count();
    assert_eq!(runs, 2);
}

#[test]
fn a_token_that_can_not_be_got_leaves_a_write_that_never_left() {
    let source = TokenSource::Simplified {
        partner: partner(),
        account: "1".parse().unwrap(),
    };
    let bench = bench_with(source, |_| Act::json(500, ""));
    let error = bench
        .client
        .write(Operation::Create, body(), 1, false)
        .unwrap_err();
    assert!(!error.sent, "{error:?}");
    assert_eq!(bench.server.count("POST"), 8, "for a token");
}

#[test]
fn a_short_window_of_our_own_does_not_make_the_servers_shorter() {
    for (rate, secs) in [("10/500ms", 5), ("10/7s", 7), ("unlimited", 5)] {
        let server = TestServer::start(|received| match received.number {
            0 => Act::json(429, ""),
            _ => Act::processed(1),
        });
        let options = ClientOptions {
            rate: rate.parse().unwrap(),
            ..options(&server)
        };
        let monitor = Arc::new(Recording::default());
        let clock = Arc::new(FakeClock::default());
        let client = Client::with_clock(options, static_token(), monitor.clone(), clock).unwrap();
        assert_eq!(
            client.write(Operation::Create, body(), 1, false).unwrap(),
            OK
        );
        let wait = Duration::from_secs(secs);
        assert_eq!(
            monitor.events(),
            [Event::Held { status: 429, wait }],
            "{rate}"
        );
    }
}

/// Sends another request as soon as all requests are held.
#[derive(Default)]
struct Hasty {
    client: std::sync::OnceLock<Client>,
    has_sent: AtomicBool,
}

impl Monitor for Hasty {
    fn begin(&self, _: Phase, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
    fn event(&self, event: Event) {
        if matches!(event, Event::Held { .. }) && !self.has_sent.swap(true, Ordering::SeqCst) {
            let client = self.client.get().unwrap();
            assert_eq!(
                client.write(Operation::Update, body(), 1, false).unwrap(),
                OK
            );
        }
    }
    fn stop_requested(&self) -> Option<StopReason> {
        None
    }
}

#[test]
fn a_429_holds_the_others_as_well() {
    let clock = Arc::new(FakeClock::default());
    let others_at = Arc::new(Mutex::new(Vec::new()));
    let (now, heard) = (Arc::clone(&clock), Arc::clone(&others_at));
    let server = TestServer::start(move |received| {
        if received.number == 0 {
            return Act::Headed(429, "retry-after: 7", String::new());
        }
        heard.lock().unwrap().push(now.now());
        Act::processed(1)
    });
    let hasty = Arc::new(Hasty::default());
    let monitor = Arc::clone(&hasty);
    let client = Client::with_clock(options(&server), static_token(), monitor, clock).unwrap();
    let client = hasty.client.get_or_init(|| client);
    assert_eq!(
        client.write(Operation::Create, body(), 1, false).unwrap(),
        OK
    );
    let others_at = others_at.lock().unwrap();
    let held = Duration::from_secs(7);
    assert!(
        others_at.len() == 2 && others_at[0] >= held,
        "{others_at:?}"
    );
}
