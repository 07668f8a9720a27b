//! Reading an account from servers that don't answer as documented: a wrong answer to a read must never become a wrong
//! write, an endless run or an incomplete backup.

use serde_json::json;

use crate::{
    harness::World,
    odd_server::{Answer, OddServer, Request, contact, page, people},
};

const HEADER: &str = "id,responsible_user_id,name,uri,whatsapp\n";

/// 404s that say nothing about the contact.
fn foreign_404s() -> Vec<Answer> {
    let json = |body: serde_json::Value| (404, "application/json", body.to_string());
    vec![
        page(404),
        (404, "text/plain", "404 page not found".into()),
        (
            404,
            "text/plain",
            "Page not found. Please contact support.".into(),
        ),
        (404, "text/plain", String::new()),
        json(json!({ "error": "Not Found", "path": "/v2/contacts/1" })),
        json(
            json!({ "statusCode": 404, "message": "Cannot GET /v2/contacts/a/b", "error": "Not Found" }),
        ),
    ]
}

/// A contact with a chat that no row has, and a row with the same id.
fn with_telegram(id: &str) -> serde_json::Value {
    let mut contact = contact(id, "Ann");
    let chats = contact["contact_data"].as_array_mut().unwrap();
    chats.push(json!({ "chat_type": "telegram", "chat_id": "55", "username": "ann" }));
    contact
}

#[test]
fn a_404_that_is_not_about_the_contact_never_leads_to_a_create() {
    for foreign in foreign_404s() {
        let world = World::new();
        let mut contacts = people(150);
        contacts.push(with_telegram("deal/7"));
        let answer = foreign.clone();
        let odd = move |request: &Request| request.id().map(|_| answer.clone());
        let server = OddServer::start(contacts, move |request, _| odd(request));
        world.write(
            "a.csv",
            format!("{HEADER}deal/7,u1,Anna,https://crm/7,79991112233\n"),
        );
        let import = server.call(&world, "import a.csv --run a.run").run();
        import.ends_with(0);
        assert_eq!(server.count("POST"), 0, "{foreign:?}");
        let after = server.contact("deal/7").unwrap();
        assert_eq!(after["name"], "Anna", "{foreign:?}");
        assert_eq!(
            after["contact_data"][1]["chat_type"], "telegram",
            "{foreign:?}"
        );
        server.call(&world, "verify a.run").run().ends_with(0);
        server.call(&world, "undo a.run --yes").run().ends_with(0);
        let after = server.contact("deal/7").unwrap();
        assert_eq!(after["name"], "Ann", "{foreign:?}");
        assert_eq!(after["contact_data"][1]["username"], "ann", "{foreign:?}");
    }
}

#[test]
fn a_404_that_is_not_about_the_contact_is_retried() {
    let world = World::new();
    let tries = std::sync::atomic::AtomicU32::new(0);
    let server = OddServer::start(people(150), move |request, _| {
        request.id()?;
        (tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0).then(|| page(404))
    });
    let got = server.call(&world, "get p000007").run().ends_with(0);
    assert_eq!(got.json()["id"], "p000007");
    assert_eq!(server.count("GET"), 2);
}

#[test]
fn a_create_without_an_answer_is_not_sent_again_because_of_a_foreign_404() {
    let world = World::new();
    let server = OddServer::start(people(150), |request, contacts| match &*request.method {
        "GET" => request.id().map(|_| page(404)),
        // Carried out, then answered by the gateway.
        _ => {
            let sent: serde_json::Value = serde_json::from_str(&request.body).unwrap();
            contacts.extend(sent["contacts"].as_array().unwrap().iter().cloned());
            Some(page(502))
        }
    });
    world.write(
        "a.csv",
        format!("{HEADER}new/1,u1,Anna,https://crm/7,79991112233\n"),
    );
    server
        .call(&world, "import a.csv --mode create")
        .run()
        .ends_with(0);
    assert_eq!(server.count("POST"), 1);
}

#[test]
fn a_wrong_base_url_is_named_instead_of_a_missing_contact() {
    let world = World::new();
    let router = json!({ "statusCode": 404, "message": "Cannot GET /v2/v2/contacts/p000001", "error": "Not Found" });
    let answers = [
        page(404),
        (404, "application/json", router.to_string()),
        (404, "text/plain", String::new()),
    ];
    for answer in answers {
        let server = OddServer::start(people(3), move |request, _| {
            request
                .target
                .starts_with("/v2/v2/")
                .then(|| answer.clone())
        });
        let ran = server
            .call(&world, "get p000001")
            .env("WAZZUP_BASE_URL", format!("{}/v2", server.url()))
            .run();
        ran.tells(&format!("{}/v2/v2/contacts", server.url()))
            .tells("--base-url")
            .ends_with(1);
    }
}
