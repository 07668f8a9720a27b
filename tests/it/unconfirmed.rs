//! A server that answers writes with 200 and an error: contacts are looked up, because such an answer confirms nothing.

use serde_json::{Value, json};

use crate::{
    harness::{Ran, World},
    odd_server::{Answer, Contacts, OddServer, Request, contact, documented, people},
};

fn error() -> Answer {
    let body = r#"{"error":"INVALID","description":"no way"}"#;
    (200, "application/json", body.to_owned())
}

fn is_write(request: &Request) -> bool {
    request.method != "GET"
}

/// A file with the contacts 1 to `count`.
fn import(world: &World, server: &OddServer, count: usize, flags: &str) -> Ran {
    let row = |number| format!("{number},u1,Anna,https://crm/{number},79991112233\n");
    let rows: String = (1..=count).map(row).collect();
    world.write(
        "a.csv",
        format!("id,responsible_user_id,name,uri,whatsapp\n{rows}"),
    );
    let command = format!("import a.csv --run a.run --json {flags}");
    let command = command.trim_end();
    server.call(world, command).run()
}

fn requests(server: &OddServer) -> usize {
    ["GET", "POST", "PATCH"]
        .map(|it| server.count(it))
        .iter()
        .sum()
}

#[test]
fn a_server_that_carries_out_nothing_costs_few_requests_and_nothing_is_lost() {
    for (count, flags, most) in [
        (1, "--mode create", 6),
        (10, "--mode create", 18),
        (10, "--mode update", 20),
        (1_000, "--mode create --batch-size 10", 60),
        (1_000, "--mode create", 130),
    ] {
        let world = World::new();
        let contacts = if flags.contains("update") { count } else { 0 };
        let contacts = (1..=contacts).map(|number| contact(&number.to_string(), "Old"));
        let server = OddServer::start(contacts.collect(), |request, _| {
            is_write(request).then(error)
        });
        let ran = import(&world, &server, count, flags).ends_with(1);
        let object = ran.json();
        let message = object["error"]["message"].as_str().unwrap();
        let reason = "the server confirmed no result (200 with an error in its answer: no way)";
        assert!(message.ends_with(reason), "{message}");
        assert!(object["resume"].is_string());
        let done = |key: &str| object["done"][key].as_u64().unwrap();
        assert_eq!(done("unknown") + done("not_attempted"), count as u64);
        assert!(requests(&server) <= most, "{}", requests(&server));
    }
}

#[test]
fn a_run_continues_once_the_server_confirms_writes() {
    let world = World::new();
    let is_well = |contacts: &Contacts| contacts.iter().any(|it| it["id"] == "well");
    let server = OddServer::start(people(3), move |request, contacts| {
        (is_write(request) && !is_well(contacts)).then(error)
    });
    import(&world, &server, 25, "--mode create --batch-size 10").ends_with(1);
    server.change(|contacts| contacts.push(serde_json::json!({ "id": "well" })));
    server.call(&world, "apply a.run").run().ends_with(0);
    assert_eq!(server.contacts().len(), 3 + 1 + 25);
}

#[test]
fn a_contact_that_is_never_confirmed_is_rejected_alone() {
    for bad in ["1", "7", "20"] {
        let world = World::new();
        let names = move |request: &Request| {
            let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
            let sent = body["contacts"].as_array().cloned().unwrap_or_default();
            sent.iter().any(|contact| contact["id"] == bad)
        };
        let server = OddServer::start(people(3), move |request, _| names(request).then(error));
        let ran = import(&world, &server, 20, "--mode create").ends_with(3);
        assert_eq!(ran.json()["done"]["failed"], 1, "{}", ran.shown());
        assert_eq!(server.contacts().len(), 3 + 19);
        assert!(world.read("a.rejected.csv").contains("no way"));
    }
}

#[test]
fn writes_that_were_carried_out_without_a_confirmation_are_not_repeated() {
    let world = World::new();
    let server = OddServer::start(people(3), |request, contacts| {
        is_write(request).then(|| {
            documented(request, contacts);
            error()
        })
    });
    import(&world, &server, 10, "--mode create").ends_with(0);
    assert_eq!(server.contacts().len(), 13);
    assert_eq!(server.count("POST"), 1);
}

#[test]
fn deletes_that_were_carried_out_without_a_confirmation_are_not_repeated() {
    let world = World::new();
    let contacts = (1..=3).map(|number| contact(&number.to_string(), "Ann"));
    let server = OddServer::start(contacts.collect(), |request, contacts| {
        (request.method == "DELETE").then(|| {
            documented(request, contacts);
            error()
        })
    });
    let delete = "delete 1 2 3 --yes --json";
    let ran = server.call(&world, delete).run().ends_with(0);
    assert_eq!(ran.json()["deleted"], 3, "{}", ran.shown());
    assert_eq!((server.contacts().len(), server.count("DELETE")), (0, 1));

    import(&world, &server, 3, "").ends_with(0);
    let undo = "undo a.run --yes --json";
    let ran = server.call(&world, undo).run().ends_with(0);
    assert_eq!(ran.json()["done"]["deleted"], 3, "{}", ran.shown());
    assert_eq!((server.contacts().len(), server.count("DELETE")), (0, 2));
}

#[test]
fn deletes_that_are_not_carried_out_stay_unknown_and_are_continued() {
    let world = World::new();
    let is_well = |contacts: &Contacts| contacts.iter().any(|it| it["id"] == "well");
    let server = OddServer::start(people(3), move |request, contacts| {
        (request.method == "DELETE" && !is_well(contacts)).then(error)
    });
    import(&world, &server, 3, "").ends_with(0);
    let undo = "undo a.run --yes --json";
    let ran = server.call(&world, undo).run().ends_with(1);
    let object = ran.json();
    let done = &object["done"];
    assert_eq!((&done["deleted"], &done["unknown"]), (&0.into(), &3.into()));
    let message = object["error"]["message"].as_str().unwrap();
    assert!(message.contains("confirmed no result"), "{message}");
    assert_eq!(server.contacts().len(), 3 + 3);
    let delete = "delete 1 2 3 --yes --json";
    let ran = server.call(&world, delete).run().ends_with(1);
    ran.tells("1: the outcome is unknown")
        .tells("confirmed no result");
    assert_eq!(server.contacts().len(), 3 + 3);

    server.change(|contacts| contacts.push(serde_json::json!({ "id": "well" })));
    let apply = format!("apply {} --yes", object["files"]["run"].as_str().unwrap());
    server.call(&world, &apply).run().ends_with(0);
    assert_eq!(server.contacts().len(), 3 + 1);
}

#[test]
fn a_contact_that_others_deleted_meanwhile_does_not_count_as_deleted() {
    // Whether the server deletes the others of a refused request, whether it names the missing contact, and the
    // contacts that the run is certain not to have deleted.
    for (are_others_deleted, is_named, by_others) in [
        (false, true, 1),
        (false, false, 1),
        (true, true, 1),
        (true, false, 0),
    ] {
        let world = World::new();
        let server = OddServer::start(people(3), move |request, contacts| {
            // Others delete it just before the server handles the request.
            let is_first = request.method == "DELETE" && request.body.contains(r#""2""#);
            is_first.then(|| {
                contacts.retain(|contact| contact["id"] != "2");
                if are_others_deleted {
                    documented(request, contacts);
                }
                let name = if is_named { "2 " } else { "" };
                let description = format!("contact {name}not found");
                let body = json!({ "error": "CONTACT_NOT_FOUND", "description": description });
                (404, "application/json", body.to_string())
            })
        });
        import(&world, &server, 5, "").ends_with(0);
        let undo = "undo a.run --yes --json";
        let code = if by_others == 0 { 0 } else { 3 };
        let ran = server.call(&world, undo).run().ends_with(code);
        let object = ran.json();
        let done = &object["done"];
        let counts = (5 - by_others, by_others);
        assert_eq!(
            (&done["deleted"], &done["stale"]),
            (&counts.0.into(), &counts.1.into())
        );
        assert_eq!(server.contacts().len(), 3);

        // Undoing the undo restores what it deleted, and nothing else.
        let undo = format!("undo {} --yes", object["files"]["run"].as_str().unwrap());
        server.call(&world, &undo).run().ends_with(0);
        assert_eq!(server.contacts().len(), 3 + counts.0);
    }
}

#[test]
fn a_contact_that_is_missing_when_it_is_deleted_alone_was_deleted_by_others() {
    let world = World::new();
    let server = OddServer::start(people(1), |request, contacts| {
        (request.method == "DELETE").then(|| {
            contacts.clear();
            documented(
                &Request {
                    method: "GET".into(),
                    target: "/v2/contacts/x".into(),
                    body: String::new(),
                },
                contacts,
            )
        })
    });
    let delete = "delete p000001 --yes --json";
    let ran = server.call(&world, delete).run().ends_with(3);
    let left = "p000001: others deleted it from the account meanwhile";
    assert_eq!(ran.json()["left"], json!([left]));
    assert_eq!(ran.json()["deleted"], 0);
}
