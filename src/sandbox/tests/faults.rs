//! Injected faults, seen from the client's side.

use std::{sync::mpsc, thread};

use super::*;

fn with_faults<const N: usize>(rules: [&str; N]) -> Visitor {
    Visitor::new(Options {
        faults: Faults::new(rules).unwrap(),
        ..Options::default()
    })
}

#[test]
fn more_than_the_limit_is_refused() {
    let visitor = Visitor::new(Options::default());
    assert!((0..502).any(|_| visitor.get("/v2/contacts").0 == 429));
}

#[test]
fn a_dropped_connection_hides_whether_the_work_was_done() {
    for (fault, stored) in [("drop-before@1", 0), ("drop-after@1", 1)] {
        let visitor = with_faults([fault]);
        let body = batch(&people(0..1));
        let lost = visitor.send("POST", "/v2/contacts", Some(&body));
        assert!(lost.unwrap_err().is_request());
        assert_eq!(visitor.sandbox.contact_count(), stored);
        assert_eq!(visitor.sandbox.requests().len(), 1);
        assert_eq!(visitor.sandbox.requests()[0].status, None);
        assert_eq!(visitor.get("/v2/contacts").0, 200);
    }
}

#[test]
fn a_dropped_request_on_a_used_connection_arrives_once() {
    let visitor = with_faults(["drop-after@2", "drop-before@4"]);
    let body = batch(&people(0..1));
    let sent = [(); 4].map(|()| {
        let answer = visitor.send("POST", "/v2/contacts", Some(&body));
        answer.and_then(Response::bytes).is_ok()
    });
    assert_eq!(sent, [true, false, true, false]);
    assert_eq!(visitor.sandbox.request_count(), 4);
    assert_eq!(visitor.sandbox.writes("C-000000").updated, 2);
}

#[test]
fn a_truncated_answer_breaks_off_in_its_body() {
    let visitor = with_faults(["truncate@2"]);
    assert_eq!(visitor.post(&people(0..100)).0, 200);
    let cut = visitor.send("GET", "/v2/contacts", None).unwrap();
    assert_eq!(cut.status().as_u16(), 200);
    assert!(cut.content_length().unwrap() > 10_000);
    cut.bytes().unwrap_err();
    assert_eq!(visitor.ids("/v2/contacts").len(), 100);
}

#[test]
fn statuses_come_before_or_after_the_work() {
    let visitor = with_faults(["503@1", "500-after@2", "429@3"]);
    let body = batch(&people(0..1));
    let first = visitor.send("POST", "/v2/contacts", Some(&body)).unwrap();
    assert_eq!(first.headers()["Content-Type"], "text/html");
    assert_eq!(
        (first.status().as_u16(), visitor.sandbox.contact_count()),
        (503, 0)
    );
    let (status, answer) = visitor.ask("POST", "/v2/contacts", &body);
    assert_eq!((status, &answer["error"]), (500, &json!("INTERNAL_ERROR")));
    assert_eq!(visitor.sandbox.contact_count(), 1);
    assert_eq!(visitor.get("/v2/contacts").0, 429);
    let counts = visitor.sandbox.counts();
    assert_eq!(counts[&("POST".to_owned(), Some(503))], 1);
    assert_eq!(counts[&("GET".to_owned(), Some(429))], 1);
}

#[test]
fn a_slow_answer_comes_after_the_work() {
    let visitor = with_faults(["slow=3600s@1"]);
    let (tell, told) = mpsc::channel();
    visitor.sandbox.after_request(1, move |account| {
        tell.send(account.count()).unwrap();
    });
    let url = format!("{}/v2/contacts", visitor.sandbox.base_url());
    let request = visitor.http.post(url).bearer_auth(TOKEN);
    let request = request
        .header("Content-Type", "application/json")
        .body(batch(&people(0..1)).to_string());
    let waiting = thread::spawn(move || request.send());
    assert_eq!(told.recv().unwrap(), 1);
    assert!(!waiting.is_finished());
    drop(visitor);
    waiting.join().unwrap().unwrap_err();
}

#[test]
fn poisoned_and_unstored_ids_stay_so_and_partial_passes() {
    let visitor = with_faults(["poison=C-000003", "unstored=C-000001", "PATCH:partial@1"]);
    let (status, answer) = visitor.post(&people(0..5));
    assert_eq!((status, &answer["data"]), (400, &json!({"index": 3})));
    let (_, answer) = visitor.post(&people(0..3));
    assert_eq!(answer["data"]["processed"], 2);
    assert_eq!(visitor.sandbox.contact("C-000001"), None);
    let both = json!([{"id": "C-000000", "name": "Z"}, {"id": "C-000002", "name": "Z"}]);
    assert_eq!(visitor.patch(&both).1["data"]["processed"], 1);
    assert_eq!(visitor.patch(&both).1["data"]["processed"], 2);
    assert_eq!(visitor.sandbox.faults_injected(), 1);
}

#[test]
fn tokens_are_granted_used_and_killed_over_the_wire() {
    let visitor = Visitor::new(Options::default());
    let url = format!("{}/v2/oauth/token", visitor.sandbox.base_url());
    let data = json!({"refresh_token": "sandbox-refresh-token", "client_id": "sandbox-client"});
    let ask = json!({"grant_type": "refresh_token", "refresh_token_data": data});
    let request = visitor.http.post(url).body(ask.to_string());
    let response = request
        .header("Content-Type", "application/json")
        .basic_auth("partner@example.com", Some("sandbox-password"))
        .send()
        .unwrap();
    let (status, granted) = read(response);
    assert_eq!(
        (status, &granted["data"]["expires_in"]),
        (200, &json!(3600))
    );
    let token = granted["data"]["access_token"].as_str().unwrap();
    let status = || {
        let response = visitor.send_as(token, "GET", "/v2/contacts", None);
        response.unwrap().status().as_u16()
    };
    assert_eq!(status(), 200);
    visitor
        .sandbox
        .set_faults(Faults::new(["token-dies@2"]).unwrap());
    assert_eq!([status(), status(), status()], [200, 401, 401]);
    assert!(
        visitor
            .sandbox
            .issued_tokens()
            .iter()
            .any(|issued| issued == token)
    );
}

#[test]
fn the_account_changes_behind_the_clients_back() {
    let visitor = Visitor::new(Options {
        contacts: 2,
        ..Options::default()
    });
    visitor.sandbox.after_request(1, |account| {
        account.remove("C-000001");
    });
    assert_eq!(visitor.ids("/v2/contacts"), ["C-000001", "C-000002"]);
    assert_eq!(visitor.ids("/v2/contacts"), ["C-000002"]);
}
