//! The source of the token, and its renewal.

use std::{path::Path, sync::atomic::AtomicUsize, thread};

use super::*;

/// Subsequent tokens are stored in this directory.
fn refresh_source(directory: &Path) -> TokenSource {
    TokenSource::Refresh(RefreshGrant {
        partner: partner(),
        client_id: "app".into(),
        refresh_token: "r0".into(),
        origin: "WAZZUP_REFRESH_TOKEN".into(),
        store: directory.join("token.json"),
    })
}

fn grant(number: usize, life_secs: u64) -> Act {
    Act::json(
        200,
        &format!(
            r#"{{"data":{{"access_token":"a{number}","refresh_token":"r{number}","expires_in":{life_secs}}}}}"#
        ),
    )
}

/// Accepts each refresh token once, in order, and only the newest access token.
fn rotating(life_secs: u64) -> impl Fn(&Received) -> Act + Send + Sync {
    let issued = AtomicUsize::new(0);
    move |received| {
        let newest = issued.load(Ordering::SeqCst);
        if received.target == "/v2/oauth/token" {
            assert_eq!(
                received.authorization,
                "Basic cGFydG5lckBleGFtcGxlLmNvbTpwNHNz"
            );
            if !received
                .body
                .contains(&format!(r#""refresh_token":"r{newest}""#))
            {
                return Act::json(400, r#"{"error":"invalid_grant"}"#);
            }
            return grant(issued.fetch_add(1, Ordering::SeqCst) + 1, life_secs);
        }
        if received.authorization == format!("Bearer a{newest}") {
            Act::processed(1)
        } else {
            Act::json(401, "")
        }
    }
}

#[test]
fn a_token_is_renewed_shortly_before_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let bench = bench_with(refresh_source(directory.path()), rotating(3600));
    let write = || {
        bench
            .client
            .write(Operation::Create, body(), 1, false)
            .unwrap()
    };
    assert_eq!((write(), write()), (OK, OK));
    bench.clock.advance(Duration::from_secs(3596));
    assert_eq!(write(), OK);
    let paths: Vec<_> = bench
        .server
        .received()
        .into_iter()
        .map(|r| r.target)
        .collect();
    let (token, contacts) = ("/v2/oauth/token", "/v2/contacts");
    assert_eq!(paths, [token, contacts, contacts, token, contacts]);
    assert_eq!(bench.monitor.events(), [Event::TokenRefreshed]);
    assert_eq!(bench.client.stats().sent, 5, "token calls count too");
}

#[test]
fn many_threads_with_a_dead_token_make_one_renewal() {
    let dead = AtomicBool::new(true);
    let inner = rotating(3600);
    let directory = tempfile::tempdir().unwrap();
    let bench = bench_with(refresh_source(directory.path()), move |received| {
        let old = received.authorization == "Bearer a1";
        if old && received.target == "/v2/contacts" && dead.load(Ordering::SeqCst) {
            return Act::json(401, "");
        }
        inner(received)
    });
    bench.client.sign_in().unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert_eq!(
                    bench
                        .client
                        .write(Operation::Create, body(), 1, false)
                        .unwrap(),
                    OK
                );
            });
        }
    });
    let renewals = bench.server.received();
    let renewals = renewals.iter().filter(|r| r.target == "/v2/oauth/token");
    assert_eq!(renewals.count(), 2, "signing in, and one for all");
}

#[test]
fn tokens_that_die_every_moment_do_not_stop_a_run() {
    let inner = rotating(3600);
    let uses = AtomicUsize::new(0);
    // The token of every sixteenth request is dead, whatever its age; rarely enough that no request is hit six times.
    let directory = tempfile::tempdir().unwrap();
    let bench = bench_with(refresh_source(directory.path()), move |received| {
        if received.target == "/v2/contacts" && uses.fetch_add(1, Ordering::SeqCst) % 16 == 15 {
            return Act::json(401, "");
        }
        inner(received)
    });
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(
                        bench
                            .client
                            .write(Operation::Create, body(), 1, false)
                            .unwrap(),
                        OK
                    );
                }
            });
        }
    });
}

#[test]
fn a_refused_refresh_token_is_asked_for_once_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let bench = bench_with(refresh_source(directory.path()), |_| {
        Act::json(
            400,
            r#"{"error":"invalid_grant","description":"r0 is spent"}"#,
        )
    });
    for _ in 0..3 {
        let error = bench
            .client
            .write(Operation::Create, body(), 1, false)
            .unwrap_err();
        assert!(error.is_about_the_token());
        assert!(error.to_string().contains("WAZZUP_REFRESH_TOKEN"));
        assert!(!error.to_string().contains("r0"), "{error}");
    }
    assert_eq!(bench.server.received().len(), 1);
}

#[test]
fn the_next_run_goes_on_with_the_stored_token() {
    let directory = tempfile::tempdir().unwrap();
    let server = TestServer::start(rotating(3600));
    let client = || {
        let token = refresh_source(directory.path());
        let monitor = Arc::new(Recording::default());
        Client::new(options(&server), token, monitor).unwrap()
    };
    let write = || {
        let client = client();
        assert_eq!(
            client.write(Operation::Create, body(), 1, false).unwrap(),
            OK
        );
    };
    write();
    write();
    assert_eq!(server.received().len(), 3, "one grant, two writes");
    let client = client();
    client.renew_token().unwrap();
    let status = client.tokens.describe();
    assert!(status.is_renewable && status.expires_at.is_some());
    write();
    let spent: Vec<_> = server
        .received()
        .into_iter()
        .filter(|r| r.target == "/v2/oauth/token")
        .map(|r| r.body)
        .collect();
    assert!(spent.len() == 2 && spent[0].contains(r#""r0""#) && spent[1].contains(r#""r1""#));
}

#[test]
fn a_place_that_keeps_nothing_is_found_before_the_refresh_token_is_spent() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let bench = bench_with(refresh_source(&file), rotating(3600));
    let error = bench.client.sign_in().unwrap_err();
    assert!(
        matches!(error.kind, ApiErrorKind::TokenStore { .. }),
        "{error:?}"
    );
    assert_eq!(bench.server.received().len(), 0);
}

#[test]
fn simplified_authorization_goes_by_the_machine_token() {
    let source = TokenSource::Simplified {
        partner: partner(),
        account: "7204-2419".parse().unwrap(),
    };
    let bench = bench_with(source, |received| {
        if received.target == "/v2/contacts" {
            return Act::processed(1);
        }
        if received.body.contains("client_credentials_data") {
            return Act::json(
                200,
                r#"{"data":{"access_token":"machine","expires_in":3600}}"#,
            );
        }
        assert!(received.body.contains(r#""subject_token":"machine""#));
        assert!(received.body.contains(r#""requested_subject":"72042419""#));
        grant(1, 3600)
    });
    assert_eq!(
        bench
            .client
            .write(Operation::Create, body(), 1, false)
            .unwrap(),
        OK
    );
    let last = bench.server.received().pop().unwrap();
    assert_eq!(last.authorization, "Bearer a1");
    assert_eq!(
        bench.client.tokens.describe().account.as_deref(),
        Some("72042419")
    );
}

#[cfg(unix)]
#[test]
fn a_command_is_asked_again_when_its_token_dies_but_not_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let count = directory.path().join("count");
    let command = format!(
        "echo x >> {0}; echo t$(wc -l < {0} | tr -d ' ')",
        count.display()
    );
    let server = TestServer::start(|received| match received.authorization.as_str() {
        "Bearer t2" => Act::processed(1),
        _ => Act::json(401, ""),
    });
    let client = |command: &str| {
        let source = TokenSource::Command {
            command: command.to_owned(),
        };
        Client::new(options(&server), source, Arc::new(Recording::default())).unwrap()
    };
    assert_eq!(
        client(&command)
            .write(Operation::Create, body(), 1, false)
            .unwrap(),
        OK
    );
    let error = client("echo same")
        .write(Operation::Create, body(), 1, false)
        .unwrap_err();
    assert!(error.to_string().contains("token_command"), "{error}");
    assert_eq!(server.received().len(), 3);
}

#[test]
fn what_can_not_be_a_token_is_refused_before_anything_is_sent() {
    for token in ["", " \n", "two words", "line\nbreak", "кот"] {
        let server = TestServer::start(|_| Act::processed(1));
        let source = TokenSource::Static {
            token: token.into(),
            origin: "--token-file t".into(),
        };
        let error = Client::new(options(&server), source, Arc::new(Recording::default()));
        let error = error.err().unwrap();
        assert!(
            matches!(error.kind, ApiErrorKind::BadToken { .. }),
            "{token}"
        );
        assert!(error.hint().unwrap().contains("--token-file"));
    }
}

#[test]
fn a_wrong_token_is_told_at_once_with_where_it_came_from() {
    let bench = bench(|r| {
        Act::json(
            401,
            &format!(
                r#"{{"error":"X","description":"bad: {}"}}"#,
                r.authorization
            ),
        )
    });
    let error = bench
        .client
        .write(Operation::Create, body(), 1, false)
        .unwrap_err();
    assert!(error.is_about_the_token());
    let shown = format!("{error} {error:?} {}", error.hint().unwrap());
    assert!(shown.contains("WAZZUP_TOKEN"));
    assert!(!shown.contains("t0ken"), "{shown}");
    assert_eq!(bench.server.received().len(), 1);
}
