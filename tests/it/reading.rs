//! Reading an account from undocumented servers: a wrong answer to a read must never cause a wrong write, an
//! endless run or an incomplete backup.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    export::OLD,
    harness::World,
    odd_server::{Answer, Contacts, OddServer, Request, contact, documented, listed, page, people},
};

const HEADER: &str = "id,responsible_user_id,name,uri,whatsapp\n";

/// 404s that are not about the contact.
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
fn after_a_404_that_is_not_about_the_contact_the_list_is_searched() {
    let world = World::new();
    let server = OddServer::start(people(150), |request, _| request.id().map(|_| page(404)));
    let got = server.call(&world, "get p000007").run().ends_with(0);
    assert_eq!(got.json()["id"], "p000007");
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
    let router = json!({ "statusCode": 404, "message": "Cannot GET /api/v2/contacts/p000001", "error": "Not Found" });
    let answers = [
        page(404),
        (404, "application/json", router.to_string()),
        (404, "text/plain", String::new()),
    ];
    for answer in answers {
        let server = OddServer::start(people(3), move |request, _| {
            request
                .target
                .starts_with("/api/v2/")
                .then(|| answer.clone())
        });
        let ran = server
            .call(&world, "get p000001")
            .env("WAZZUP_BASE_URL", format!("{}/api", server.url()))
            .run();
        ran.tells(&format!("{}/api/v2/contacts", server.url()))
            .tells("--base-url")
            .ends_with(1);
    }
}

/// A mirror and an export, from a server with unusual paging.
#[track_caller]
fn ends_soon(odd: impl Fn(&Request, &[Value]) -> Option<Answer> + Copy + Send + Sync + 'static) {
    let world = World::new();
    world.write("old.csv", OLD);
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
    assert_eq!(world.read("old.csv"), OLD);
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
    let rows = (1..=400).map(|n| format!("p{n:06},u1,Bob,https://crm/{n},7999{n:07}\n"));
    world.write("a.csv", HEADER.to_owned() + &rows.collect::<String>());
    let ran = server
        .call(&world, "import a.csv --mode mirror --yes")
        .run();
    assert!(!ran.stderr.contains("again"), "{}", ran.shown());
    ran.tells("nothing was sent\n")
        .tells("import with --mode create")
        .ends_with(1);
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
fn a_contact_that_is_always_listed_twice_is_read_once() {
    let world = World::new();
    let mut contacts = people(250);
    contacts.push(contacts[3].clone());
    let server = OddServer::start(contacts, |_, _| None);
    server.call(&world, "export -o all.csv").run().ends_with(0);
    assert_eq!(world.read("all.csv").lines().count(), 251);
    let mirror = "import all.csv --mode mirror --json";
    let ran = server.call(&world, mirror).run().ends_with(0);
    assert_eq!(ran.json()["plan"]["unchanged"], 250);
}

#[test]
fn an_export_of_an_account_that_never_stands_still_leaves_the_old_file() {
    let world = World::new();
    world.write("all.csv", OLD);
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
    assert_eq!(world.read("all.csv"), OLD);
}

/// Contacts as this server writes them, unlike any JSON library.
const ODD_CONTACTS: [&str; 5] = [
    r#"{"id":"nulls","responsible_user_id":"u1","name":null,"uri":null,"contact_data":null}"#,
    r#"{"id":"half","responsible_user_id":"u1","name":"Ann \ud83d","uri":"","contact_data":[{"chat_type":"vk","chat_id":"5"}]}"#,
    r#"{"id":7,"responsible_user_id":107,"name":"Ann","uri":"","contact_data":[{"chat_type":"vk","chat_id":5,"phone":null}]}"#,
    r#"{"id":"twice","name":"Ann","name":"Anna","responsible_user_id":"u1","uri":"","contact_data":[{"chat_type":"vk","chat_id":"5"}]}"#,
    r#"{"id":"plain","responsible_user_id":"u1","name":"Ann","uri":"","contact_data":[{"chat_type":"vk","chat_id":"5"}]}"#,
];

const UNREADABLE: [&str; 2] = [
    r#"{"id":"list","responsible_user_id":"u1","name":["Ann"],"contact_data":[]}"#,
    r#"{"id":{"x":1},"name":"Ann"}"#,
];

/// Reads return these contacts; writes are those of the documented API.
fn raw_server(contacts: Vec<&'static str>) -> OddServer {
    OddServer::start(Vec::new(), move |request, _| {
        let id_is = |json: &&&str, id: &str| {
            json.starts_with(&format!("{{\"id\":\"{id}\""))
                || json.starts_with(&format!("{{\"id\":{id},"))
        };
        let shown: Vec<_> = if let Some((offset, limit)) = request.page() {
            contacts.iter().skip(offset).take(limit).copied().collect()
        } else {
            let id = request.id()?;
            let found = contacts.iter().find(|json| id_is(json, &id))?;
            vec![*found]
        };
        let body = format!("{{\"data\":[{}]}}", shown.join(","));
        Some((200, "application/json", body))
    })
}

#[test]
fn odd_contacts_are_read_leniently() {
    let world = World::new();
    let server = raw_server(ODD_CONTACTS.to_vec());
    server.call(&world, "export -o all.csv").run().ends_with(0);
    let exported = world.read("all.csv");
    assert_eq!(exported.lines().count(), 6, "{exported}");
    assert!(exported.contains("\n7,107,Ann,,vk,5,"), "{exported}");
    assert!(exported.contains("twice,u1,Anna"), "{exported}");
    world.write(
        "a.csv",
        format!("{HEADER}7,107,Ann,,\ntwice,u1,Anna,,\nplain,u1,Ann,,\n"),
    );
    let ran = server
        .call(&world, "import a.csv --json")
        .run()
        .ends_with(0);
    assert_eq!(ran.json()["plan"]["unchanged"], 3);
    server
        .call(&world, "get nulls half 7 twice")
        .run()
        .ends_with(0);
}

#[test]
fn contacts_that_can_not_be_read_are_named_and_left_alone_and_the_others_go_on() {
    let world = World::new();
    let server = raw_server([&ODD_CONTACTS[..], &UNREADABLE].concat());
    let ran = server.call(&world, "export -o all.csv -q").run();
    let ran = ran.tells("contact `list`: ").tells("offset 6").ends_with(3);
    assert!(ran.stderr.contains("expected text"), "{}", ran.shown());
    assert_eq!(world.read("all.csv").lines().count(), 6);
    let ran = server.call(&world, "export -o all.csv --json").run();
    assert_eq!(ran.ends_with(3).json()["unreadable"][0]["id"], "list");
    // An incomplete backup removes none.
    let export = || {
        let ran = server
            .call(&world, "export -o all-{time}.csv --keep 1 --json")
            .run();
        let output = &ran.tells("--keep removed nothing").ends_with(3).json()["files"]["output"];
        output.as_str().unwrap().to_owned()
    };
    let (first, mut second) = (export(), export());
    while first == second {
        second = export();
    }
    assert!(world.path(first).is_file() && world.path(second).is_file());

    // A mirror that lacks `half`, and has a row for a contact that can't be read.
    let rows = "nulls,u1,,,\n7,107,Ann,,\ntwice,u1,Anna,,\nplain,u1,Ann,,\nlist,u1,Ann,https://crm/1,79991112233\n";
    world.write("a.csv", format!("{HEADER}{rows}"));
    let mirror = "import a.csv --mode mirror --max-delete 100% -y";
    let ran = server.call(&world, mirror).run();
    ran.tells("left alone, because it can't be read: contact `list`")
        .ends_with(3);
    assert_eq!((server.count("POST"), server.count("DELETE")), (0, 1));
    let deleted = server.bodies("DELETE").concat();
    assert_eq!(deleted, r#"{"contact_ids":["half"]}"#);
    assert!(world.read("a.rejected.csv").contains("contact_unreadable"));

    // The same by id.
    world.write(
        "b.csv",
        format!("{HEADER}list,u1,Ann,https://crm/1,79991112233\n"),
    );
    server
        .call(&world, "import b.csv")
        .run()
        .tells("contact_unreadable")
        .ends_with(5);
    assert_eq!(server.count("POST"), 0);
    let ran = server.call(&world, "get list plain").run().ends_with(3);
    assert!(ran.stdout.contains("plain"), "{}", ran.shown());
    assert!(ran.stderr.contains("can't be read"), "{}", ran.shown());
}

#[test]
fn a_contact_listed_without_a_readable_id_is_looked_up_before_it_is_created() {
    for mode in ["upsert", "mirror"] {
        let world = World::new();
        let contacts = vec![with_telegram("hidden"), with_telegram("plain")];
        let server = OddServer::start(contacts, |request, contacts| {
            let (offset, limit) = request.page()?;
            let mut shown = contacts.clone();
            shown[0] = serde_json::Value::Null;
            let shown: Vec<_> = shown.into_iter().skip(offset).take(limit).collect();
            Some(listed(&shown))
        });
        let rows = ["hidden", "plain", "new"]
            .map(|id| format!("{id},u1,Anna,https://crm/1,79991112233\n"));
        world.write("a.csv", format!("{HEADER}{}", rows.concat()));
        let ran = server
            .call(&world, &format!("import a.csv --mode {mode} --json -y"))
            .run();
        let plan = &ran.tells("entries without readable ids").json()["plan"];
        assert_eq!(
            (&plan["create"], &plan["update"]),
            (&1.into(), &2.into()),
            "{mode}"
        );
        assert!(!server.bodies("POST").concat().contains("hidden"));
    }
}

/// Two spellings of one id: the account's and the file's.
const SPELLINGS: [(&str, &str); 3] = [("abc", "ABC"), ("7", "007"), ("й", "и\u{306}")];

/// A server that treats the second spelling as the first.
fn folding(contacts: Contacts, (listed_as, written): (&'static str, &'static str)) -> OddServer {
    OddServer::start(contacts, move |request, contacts| {
        if request.id().is_some_and(|id| id == written) {
            let found = contacts.iter().find(|it| it["id"] == listed_as);
            return found.map(|found| listed(std::slice::from_ref(found)));
        }
        if request.method == "POST" || request.method == "PATCH" {
            let respelt = Request {
                body: request
                    .body
                    .replace(&format!("\"{written}\""), &format!("\"{listed_as}\"")),
                ..request.clone()
            };
            return Some(documented(&respelt, contacts));
        }
        None
    })
}

#[test]
fn an_id_that_the_server_spells_otherwise_is_the_same_contact() {
    for (listed_as, written) in SPELLINGS {
        let world = World::new();
        let mut contacts = people(150);
        contacts.push(with_telegram(listed_as));
        let server = folding(contacts, (listed_as, written));
        let mut rows = String::from(HEADER);
        for person in people(150) {
            let id = person["id"].as_str().unwrap();
            writeln!(rows, "{id},u1,Ann,,79991112233").unwrap();
        }
        writeln!(rows, "{written},u1,Anna,https://crm/7,79991112233").unwrap();
        world.write("a.csv", rows);
        for (night, updated) in [(1, 1), (2, 0)] {
            let mirror = "import a.csv --mode mirror --json -y --run";
            let mirror = format!("{mirror} {night}.run");
            let ran = server.call(&world, &mirror).run().ends_with(0).json();
            assert_eq!(ran["plan"]["update"], updated, "{written}, night {night}");
        }
        assert_eq!(
            (server.count("POST"), server.count("DELETE")),
            (0, 0),
            "{written}"
        );
        let after = server.contact(listed_as).unwrap();
        assert_eq!(after["name"], "Anna");
        assert_eq!(after["contact_data"][1]["chat_type"], "telegram");
        server.call(&world, "verify 1.run").run().ends_with(0);
        server.call(&world, "verify a.csv").run().ends_with(0);
        server.call(&world, "undo 1.run -y").run().ends_with(0);
        assert_eq!(server.contact(listed_as).unwrap()["name"], "Ann");
        assert_eq!(server.contacts().len(), 151);

        // The same by id, and two rows for one contact.
        let by_id = format!("{HEADER}{written},u1,Anna,https://crm/7,79991112233\n");
        world.write("b.csv", &by_id);
        server.call(&world, "import b.csv").run().ends_with(0);
        assert_eq!(server.contact(listed_as).unwrap()["name"], "Anna");
        world.write(
            "c.csv",
            format!("{by_id}{listed_as},u1,Ann,,79991112233\n")
                + &(world.read("a.csv").split_once('\n').unwrap().1).replace(written, "p000001"),
        );
        let ran = server.call(&world, "import c.csv").run().ends_with(3);
        ran.tells("duplicate_id");
        assert_eq!(server.count("POST"), 0, "{written}");
    }
}

/// The list can't say whether the server distinguishes the spellings.
#[test]
fn a_foreign_404_does_not_decide_that_an_id_in_another_spelling_is_missing() {
    let world = World::new();
    let contacts = [people(150), vec![with_telegram("abc")]].concat();
    let server = OddServer::start(contacts, |request, _| {
        (request.id()? == "ABC").then(|| page(404))
    });
    let mut rows = format!("{HEADER}ABC,u1,Anna,https://crm/7,79991112233\n");
    for person in people(150) {
        let id = person["id"].as_str().unwrap();
        writeln!(rows, "{id},u1,Ann,,79991112233").unwrap();
    }
    world.write("a.csv", rows);
    server.call(&world, "import a.csv").run().ends_with(1);
    assert_eq!(server.count("POST"), 0);
}

#[test]
fn a_contact_that_the_server_stores_in_another_spelling_is_the_one_that_was_sent() {
    for (listed_as, written) in SPELLINGS {
        let world = World::new();
        let server = folding(people(150), (listed_as, written));
        world.write(
            "a.csv",
            format!("{HEADER}{written},u1,Ann,https://crm/7,79991112233\np000001,u1,Bea,,\n"),
        );
        let import = server.call(&world, "import a.csv --run a.run").run();
        import.ends_with(0);
        assert!(server.contact(listed_as).is_some());
        server.call(&world, "verify a.run").run().ends_with(0);
        let ran = server
            .call(&world, "import a.csv --json")
            .run()
            .ends_with(0);
        assert_eq!(ran.json()["plan"]["unchanged"], 2, "{written}");
        server.call(&world, "undo a.run -y").run().ends_with(0);
        assert_eq!(server.contacts().len(), 150, "{written}");
    }
}

#[test]
fn a_create_and_a_delete_that_differ_only_in_spelling_are_a_guard() {
    for (listed_as, written) in SPELLINGS {
        let world = World::new();
        let server = OddServer::start(vec![with_telegram(listed_as)], |_, _| None);
        world.write(
            "a.csv",
            format!("{HEADER}{written},u1,Anna,https://crm/7,79991112233\n"),
        );
        let words = format!(
            "1 contact to be created whose id differs only in spelling from one of the account (such as `{written}`, \
             in the account `{listed_as}`)"
        );
        // Enough rows for the account to be listed.
        let others = (100..150).map(|n| format!("{n},u1,Ann,https://crm/{n},79991112233\n"));
        let text = world.read("a.csv") + &others.collect::<String>();
        world.write("many.csv", text);
        let ran = server.call(&world, "import many.csv --dry-run").run();
        ran.tells(&words).ends_with(0);
        let mirror = "import a.csv --mode mirror --max-delete 100% -y";
        let ran = server.call(&world, mirror).run();
        ran.tells("only in spelling")
            .tells(&format!("write the ids as the account does (`{listed_as}`"))
            .ends_with(5);
        world.write(
            "same.csv",
            format!("{HEADER}{listed_as},u1,Anna,https://crm/7,79991112233\n"),
        );
        let followed = mirror.replace("a.csv", "same.csv");
        server.call(&world, &followed).run().ends_with(0);
        assert_eq!(server.contacts().len(), 1);
        // A rejected row protects a contact whose id it may mean.
        world.write(
            "b.csv",
            format!("{HEADER}{written},u1,Anna,,1\n8,u1,Ann,https://crm/8,79991112233\n"),
        );
        let mirror = mirror.replace("a.csv", "b.csv");
        server.call(&world, &mirror).run().ends_with(3);
        assert_eq!(server.count("DELETE"), 0);
        // They may be different contacts, though.
        server.call(&world, "import a.csv").run().ends_with(0);
        assert_eq!(server.contacts().len(), 3);
    }
}

#[test]
fn members_that_the_tool_does_not_know_are_warned_about_and_never_sent() {
    let world = World::new();
    let mut odd = with_telegram("1");
    odd["tags"] = json!(["vip"]);
    odd["contact_data"][1]["nick"] = json!("ann");
    let before = odd.clone();
    let server = OddServer::start(vec![odd], |request, _| {
        let is_refused = request.body.contains("tags") || request.body.contains("nick");
        is_refused.then(|| (400, "text/plain", "property tags should not exist".into()))
    });
    world.write("a.csv", "id,name\n1,Anna\n");
    let ran = server.call(&world, "plan a.csv").run();
    ran.tells("contact_data.nick, tags").ends_with(0);
    let ran = server.call(&world, "import a.csv --run a.run").run();
    ran.tells("contact_data.nick, tags").ends_with(0);
    let after = server.contact("1").unwrap();
    assert_eq!(after["name"], "Anna");
    assert_eq!(after["contact_data"][1]["username"], "ann");
    assert_eq!(
        after["contact_data"][1]["nick"],
        Value::Null,
        "this server replaces chats"
    );
    let ran = server.call(&world, "undo a.run -y").run();
    ran.tells("1 contact had undocumented fields").ends_with(0);
    assert_eq!(server.contact("1").unwrap()["name"], before["name"]);
    let shown = server.call(&world, "get 1").run().ends_with(0).json();
    assert_eq!(shown["tags"], before["tags"]);
}

#[test]
fn an_undo_leaves_a_contact_alone_that_can_not_be_read_by_now() {
    let world = World::new();
    let server = OddServer::start(people(2), |_, _| None);
    world.write("a.csv", "id,name\np000001,Anna\np000002,Anna\n");
    let import = server.call(&world, "import a.csv --run a.run").run();
    import.ends_with(0);
    server.change(|contacts| contacts[0]["name"] = json!(["Anna"]));
    let ran = server.call(&world, "verify a.run").run();
    assert!(ran.stdout.contains("can't be read"), "{}", ran.shown());
    ran.ends_with(3);
    let ran = server.call(&world, "undo a.run -y").run();
    ran.tells("can't be read: contact `p000001`").ends_with(3);
    let names = server.contacts().into_iter().map(|it| it["name"].clone());
    assert_eq!(names.collect::<Vec<_>>(), [json!(["Anna"]), json!("Ann")]);
}

#[test]
fn nothing_is_sent_from_a_file_of_uncertain_encoding_until_it_is_given() {
    let world = World::new();
    let mut file = b"id,responsible_user_id,name,uri,whatsapp\n1,u,Go".to_vec();
    // `Goñi`, a Spanish name, or `Gońi`, which looks like a Polish one.
    file.extend(b"\xf1i,https://crm.example.com/1,79990000001\n");
    world.write("west.csv", file);
    let doubt = "the encoding of west.csv is uncertain: windows-1250 reads `Gońi`, and windows-1252 reads `Goñi`";
    let flags = "--encoding windows-1250 or --encoding windows-1252";
    let object = world.run(["check", "west.csv", "--json"]).json();
    assert_eq!(
        object["tables"][0]["encoding"],
        json!({"name": "windows-1250", "sure": false, "other": "windows-1252", "words": [["Gońi", "Goñi"]]})
    );
    for args in [
        &["check", "west.csv", "-q"][..],
        &["import", "west.csv", "--dry-run", "-q"],
        &["plan", "west.csv", "-o", "west.run", "-q"],
    ] {
        let ran = world.run(args).ends_with(0);
        assert!(ran.stderr.contains(doubt), "{}", ran.shown());
        assert!(ran.stderr.contains(flags), "{}", ran.shown());
    }
    for args in [
        &["import", "west.csv", "-q"][..],
        &["apply", "west.run", "-q"],
    ] {
        let ran = world.run(args).ends_with(5);
        assert!(ran.stderr.contains(doubt), "{}", ran.shown());
        ran.tells(&format!("hint: import or plan the source with {flags}"));
    }
    assert_eq!(world.sandbox.contact_count(), 0);
    let given = ["import", "west.csv", "--encoding", "windows-1252"];
    let ran = world.run(given).ends_with(0);
    assert!(!ran.stderr.contains("uncertain"), "{}", ran.shown());
    assert_eq!(world.sandbox.contact_count(), 1);
}
