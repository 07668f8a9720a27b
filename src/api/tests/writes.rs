//! Writes: the request, and the reaction to each answer.

use super::*;

#[test]
fn a_write_carries_method_path_token_and_body_as_they_are() {
    let bench = bench(|_| Act::processed(1));
    for method in [Operation::Create, Operation::Update, Operation::Delete] {
        assert_eq!(bench.client.write(method, body(), 1, false).unwrap(), OK);
    }
    let received = bench.server.received();
    let methods: Vec<_> = received.iter().map(|r| r.method.as_str()).collect();
    assert_eq!(methods, ["POST", "PATCH", "DELETE"]);
    for request in received {
        assert_eq!(request.target, "/v2/contacts");
        assert_eq!(request.authorization, "Bearer t0ken");
        assert_eq!(request.body.as_bytes(), body());
    }
}

#[test]
fn an_update_is_sent_again_after_everything_that_may_pass() {
    let faults: [fn() -> Act; 9] = [
        || Act::json(408, ""),
        || Act::json(425, ""),
        || Act::json(429, ""),
        || Act::json(500, ""),
        || Act::Answer(502, "text/html", "<title>Bad Gateway</title>".into()),
        || Act::json(503, ""),
        || Act::Close,
        || Act::BreakOff(200, r#"{"data":{"#.into()),
        || Act::Answer(200, "text/html", "<html>log in".into()),
    ];
    for (index, fault) in faults.into_iter().enumerate() {
        let bench = fails(3, fault);
        assert_eq!(
            bench
                .client
                .write(Operation::Update, body(), 1, false)
                .unwrap(),
            OK,
            "{index}"
        );
        assert_eq!(bench.server.count("PATCH"), 4, "{index}");
        assert_eq!(bench.client.stats().retried, 3);
    }
}

#[test]
fn a_create_is_sent_again_only_if_it_surely_was_not_carried_out() {
    for status in [425, 429, 503] {
        let bench = fails(2, move || Act::json(status, ""));
        assert_eq!(
            bench
                .client
                .write(Operation::Create, body(), 1, false)
                .unwrap(),
            OK
        );
        assert_eq!(bench.server.count("POST"), 3);
    }
    let faults: [fn() -> Act; 7] = [
        || Act::json(408, ""),
        || Act::json(500, r#"{"error":"X","description":"boom"}"#),
        || Act::json(504, ""),
        || Act::Close,
        || Act::BreakOff(201, "{".into()),
        || Act::Answer(200, "text/html", "<html>".into()),
        || Act::Stall(Duration::from_secs(5)),
    ];
    for (index, fault) in faults.into_iter().enumerate() {
        let bench = fails(1, fault);
        let reply = bench
            .client
            .write(Operation::Create, body(), 1, false)
            .unwrap();
        assert!(matches!(reply, Delivery::Unknown(_)), "{index}: {reply:?}");
        assert_eq!(bench.server.count("POST"), 1, "{index}");
    }
}

#[test]
fn a_server_that_is_not_there_is_tried_again_and_given_up() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let clock = Arc::new(FakeClock::default());
    let options = ClientOptions {
        base_url: format!("http://{closed}").parse().unwrap(),
        ..ClientOptions::default()
    };
    let monitor = Arc::new(Recording::default());
    let client =
        Client::with_clock(options, static_token(), monitor.clone(), clock.clone()).unwrap();
    let error = client
        .write(Operation::Create, body(), 1, false)
        .unwrap_err();
    let ApiError {
        kind: ApiErrorKind::GaveUp { tries: 8, last, .. },
        sent: false,
    } = &error
    else {
        panic!("{error:?}")
    };
    let named = format!("no connection to {closed}: ");
    assert!(last.starts_with(&named), "{last}");
    assert_eq!(monitor.events().len(), 7, "a wait between any two tries");
    assert!(clock.now() <= Duration::from_millis(63_500));
}

#[test]
fn refusals_come_back_at_once_with_the_servers_words() {
    for status in [400, 404, 409, 413, 422] {
        let bench = bench(move |_| {
            Act::json(
                status,
                r#"{"error":"INVALID","description":"bad name","data":{"index":1}}"#,
            )
        });
        for method in [Operation::Create, Operation::Update, Operation::Delete] {
            let Delivery::Refused(refusal) = bench.client.write(method, body(), 2, false).unwrap()
            else {
                panic!()
            };
            let index = refusal.contacts[0].index;
            assert_eq!((refusal.status, index), (status, Some(1)));
            assert_eq!(refusal.description, "bad name");
        }
        assert_eq!(bench.server.received().len(), 3);
    }
}

#[test]
fn answers_that_no_repeating_mends_stop_at_once() {
    let bench = bench(|received| match received.number {
        0 => Act::json(403, r#"{"error":"FORBIDDEN","description":"no scope"}"#),
        1 => Act::Headed(302, "location: https://elsewhere.example/", String::new()),
        2 => Act::json(405, ""),
        _ => Act::Answer(404, "text/html", "<html><title>nginx</title>".into()),
    });
    let next = || {
        bench
            .client
            .write(Operation::Update, body(), 1, false)
            .unwrap_err()
    };
    assert!(matches!(next().kind, ApiErrorKind::Forbidden { detail, .. } if detail == "no scope"));
    let redirect = next();
    assert!(
        redirect.sent,
        "it may have been carried out before the redirect"
    );
    assert!(redirect.to_string().contains("https://elsewhere.example/"));
    assert!(redirect.hint().unwrap().contains("--base-url"));
    assert!(matches!(
        next().kind,
        ApiErrorKind::NotTheApi { status: 405, .. }
    ));
    assert!(next().to_string().contains("nginx"));
    assert_eq!(bench.server.received().len(), 4);
}

#[test]
fn a_server_that_drops_connections_it_promised_to_keep_loses_one_answer() {
    let bench = bench(|received| match received.number_on_connection {
        0 => Act::processed(1),
        _ => Act::Close,
    });
    let replies: Vec<_> = (0..50)
        .map(|_| {
            bench
                .client
                .write(Operation::Create, body(), 1, false)
                .unwrap()
        })
        .collect();
    let lost = replies.iter().filter(|reply| **reply != OK).count();
    assert_eq!(lost, 1, "{replies:?}");
    let update = bench.client.write(Operation::Update, body(), 1, false);
    assert_eq!(update.unwrap(), OK);
    let slices = bench.client.timeline().slices.into_iter();
    let counts = slices.flat_map(|slice| slice.of_kind.into_values());
    let unanswered: u64 = counts.flat_map(|it| it.unanswered.into_values()).sum();
    assert_eq!(unanswered, 1);
}
