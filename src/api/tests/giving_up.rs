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
    assert_eq!(bench.client.write(Method::Create, body(), 1).unwrap(), OK);
    let waits: Vec<_> = bench
        .monitor
        .events()
        .into_iter()
        .map(|event| match event {
            Event::Held { wait } => wait.as_millis(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(waits, [7_000, 5_000, 300_000, 500]);
    assert!(bench.clock.now() >= Duration::from_millis(312_500));
    assert_eq!(bench.client.stats().status[&429], 4);
}

#[test]
fn a_hold_that_would_last_too_long_is_not_waited_for() {
    let bench = bench(|_| Act::Headed(429, "retry-after: 250", String::new()));
    let error = bench.client.write(Method::Update, body(), 1).unwrap_err();
    assert!(
        matches!(error, ApiError::GaveUp { tries: 3, .. }),
        "{error:?}"
    );
}

#[test]
fn a_dead_server_opens_the_circuit_for_all_threads() {
    let bench = bench(|_| Act::json(500, ""));
    let mut errors = Vec::new();
    for _ in 0..4 {
        errors.push(bench.client.write(Method::Update, body(), 1).unwrap_err());
    }
    assert!(matches!(
        errors[0],
        ApiError::GaveUp {
            tries: 8,
            sent: true,
            ..
        }
    ));
    assert!(matches!(errors[2], ApiError::Circuit { sent: true, .. }));
    assert!(matches!(errors[3], ApiError::Circuit { sent: false, .. }));
    assert_eq!(bench.server.received().len(), 20);
}

#[test]
fn a_request_to_stop_ends_waiting_and_says_whether_something_was_sent() {
    let bench = bench(|_| Act::json(500, ""));
    bench.monitor.stop.store(true, Ordering::SeqCst);
    let error = bench.client.write(Method::Update, body(), 1).unwrap_err();
    assert!(!error.may_have_arrived());
    assert_eq!(bench.server.received().len(), 0, "no new request");

    let monitor = Arc::clone(&bench.monitor);
    monitor.stop.store(false, Ordering::SeqCst);
    let stopping = Arc::clone(&bench.monitor);
    let server = TestServer::start(move |_| {
        stopping.stop.store(true, Ordering::SeqCst);
        Act::json(500, "")
    });
    let client = Client::new(options(&server), static_token(), monitor).unwrap();
    let error = client.write(Method::Update, body(), 1).unwrap_err();
    assert!(
        matches!(error, ApiError::Interrupted { sent: true, .. }),
        "{error:?}"
    );
}
