//! Reading an account from servers that don't answer as documented: a wrong answer to a read must never become a wrong
//! write, an endless run or an incomplete backup.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    harness::World,
    odd_server::{Answer, Contacts, OddServer, Request, contact, listed, page, people},
};

const HEADER: &str = "id,responsible_user_id,name,uri,whatsapp\n";

/// 404s that say nothing about the contact.
fn foreign_404s() -> Vec<Answer> {
    let json = |body: Value| (404, "application/json", body.to_string());
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
fn with_telegram(id: &str) -> Value {
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
    let tries = AtomicUsize::new(0);
    let server = OddServer::start(people(150), move |request, _| {
        request.id()?;
        (tries.fetch_add(1, SeqCst) == 0).then(|| page(404))
    });
    let got = server.call(&world, "get p000007").run().ends_with(0);
    assert_eq!(got.json()["id"], "p000007");
    assert_eq!(server.count("GET"), 2);
}

#[test]
fn a_create_without_an_answer_is_not_sent_again_because_of_a_foreign_404() {
    let world = World::new();
    let server = OddServer::start(people(150), |request, contacts| {
        if request.method == "GET" {
            return request.id().map(|_| page(404));
        }
        // Carried out, then answered by the gateway.
        let sent: Value = serde_json::from_str(&request.body).unwrap();
        contacts.extend(sent["contacts"].as_array().unwrap().iter().cloned());
        Some(page(502))
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

/// A mirror and an export, from a server that pages its list in an odd way.
#[track_caller]
fn ends_soon(odd: impl Fn(&Request, &[Value]) -> Option<Answer> + Copy + Send + Sync + 'static) {
    let world = World::new();
    world.write("old.csv", "old");
    world.write(
        "a.csv",
        format!("{HEADER}p000001,u1,Ann,https://crm/1,79991112233\n"),
    );
    for size in [1, 60, 100, 250] {
        let odd = move |request: &Request, contacts: &mut Contacts| odd(request, contacts);
        let server = OddServer::start(people(size), odd);
        for command in [
            "export -o old.csv -q",
            "import a.csv --mode mirror --max-delete 100% -y",
        ] {
            let started = Instant::now();
            let ran = server.call(&world, command).run();
            ran.tells("never ends").ends_with(1);
            assert!(started.elapsed() < Duration::from_secs(10), "{command}");
            assert_eq!(server.contacts().len(), size);
        }
        assert!(
            server.count("GET") < 100,
            "{} requests",
            server.count("GET")
        );
    }
    assert_eq!(world.read("old.csv"), "old");
}

#[test]
fn a_list_that_ignores_the_offset_is_an_error_within_seconds() {
    ends_soon(|request, contacts| {
        let (_, limit) = request.page()?;
        Some(listed(&contacts[..limit.min(contacts.len())]))
    });
    ends_soon(|request, contacts| request.page().map(|_| listed(contacts)));
}

#[test]
fn a_list_that_gives_the_last_page_again_is_an_error_within_seconds() {
    ends_soon(|request, contacts| {
        let (offset, limit) = request.page()?;
        let last = (contacts.len() - 1) / limit * limit;
        let page = contacts.iter().skip(offset.min(last)).take(limit).cloned();
        Some(listed(&page.collect::<Vec<_>>()))
    });
}

#[test]
fn a_list_that_always_has_another_page_is_an_error_within_seconds() {
    ends_soon(|request, _| {
        let (offset, limit) = request.page()?;
        let page = (offset..offset + limit).map(|number| contact(&format!("n{number}"), "Ann"));
        Some(listed(&page.collect::<Vec<_>>()))
    });
}

#[test]
fn contacts_that_are_added_one_by_one_while_the_account_is_read_are_not_followed() {
    for size in [5, 99, 100, 230, 1_000] {
        let world = World::new();
        let server = OddServer::start(people(size), |request, contacts| {
            request.page()?;
            let number = contacts.len();
            contacts.push(contact(&format!("z{number:06}"), "New"));
            None
        });
        server.call(&world, "export -o all.csv").run().ends_with(0);
        let exported = world.read("all.csv");
        let there_before = exported.lines().filter(|line| line.starts_with('p'));
        assert_eq!(there_before.count(), size);
        let pages = size / 99 + 1;
        assert!(
            server.count("GET") < 40 + 2 * pages,
            "{} requests",
            server.count("GET")
        );
    }
}

#[test]
fn a_server_that_refuses_large_offsets_is_read_page_by_page() {
    for (size, most) in [
        (250, 300),
        (250, 249),
        (300, 300),
        (60, 60),
        (60, 59),
        (1_500, 1_600),
    ] {
        let world = World::new();
        let server = OddServer::start(people(size), move |request, _| {
            let (offset, _) = request.page()?;
            let body = json!({ "error": "INVALID_OFFSET", "description": "offset is too large" });
            (offset > most).then(|| (400, "application/json", body.to_string()))
        });
        server.call(&world, "export -o all.csv").run().ends_with(0);
        assert_eq!(world.read("all.csv").lines().count(), size + 1);
        let ran = server
            .call(&world, "import all.csv --json")
            .run()
            .ends_with(0);
        assert_eq!(ran.json()["plan"]["unchanged"], size);
    }
}

#[test]
fn a_server_that_refuses_an_offset_within_the_account_ends_the_run() {
    let world = World::new();
    let server = OddServer::start(people(900), |request, _| {
        let (offset, _) = request.page()?;
        (offset > 500).then(|| (400, "text/plain", "offset is too large".into()))
    });
    let ran = server.call(&world, "export -o all.csv").run();
    ran.tells("offset is too large").ends_with(1);
    assert!(!world.path("all.csv").exists());
}

#[test]
fn a_page_that_is_empty_once_is_read_again() {
    for number in [0, 3, 6] {
        let world = World::new();
        let pages = AtomicUsize::new(0);
        let server = OddServer::start(people(2_000), move |request, _| {
            let (_, limit) = request.page()?;
            let is_empty = limit == 100 && pages.fetch_add(1, SeqCst) == number;
            is_empty.then(|| listed(&[]))
        });
        server.call(&world, "export -o all.csv").run().ends_with(0);
        assert_eq!(
            world.read("all.csv").lines().count(),
            2_001,
            "page {number}"
        );
    }
    let world = World::new();
    let requests = AtomicUsize::new(0);
    let server = OddServer::start(people(150), move |request, _| {
        request.page()?;
        // The probe for the cheaper way, then the first page.
        (requests.fetch_add(1, SeqCst) < 2).then(|| listed(&[]))
    });
    world.write(
        "a.csv",
        format!("{HEADER}p000001,u1,Ann,,79991112233\np000002,u1,Ann,,79991112233\n"),
    );
    let ran = server
        .call(&world, "import a.csv --json")
        .run()
        .ends_with(0);
    assert_eq!(ran.json()["plan"]["unchanged"], 2);
}

#[test]
fn an_export_of_an_account_that_never_stands_still_leaves_the_old_file() {
    let world = World::new();
    world.write("all.csv", "old");
    let server = OddServer::start(people(250), |request, contacts| {
        request.page()?;
        contacts.rotate_left(1);
        None
    });
    let ran = server.call(&world, "export -o all.csv -q --json").run();
    let error = ran.json()["error"]["message"].to_string();
    assert!(error.contains("kept changing"), "{error}");
    assert_eq!(ran.json()["exit_code"], 1);
    ran.tells("kept changing").ends_with(1);
    assert_eq!(world.read("all.csv"), "old");
}
