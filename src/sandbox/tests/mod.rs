//! The sandbox, driven over the wire like the tool does.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use reqwest::{
    Method,
    blocking::{Client, Response},
};
use serde_json::{Value, json};

use super::{options::TOKEN, *};

mod faults;

/// A client of one sandbox.
struct Visitor {
    sandbox: Sandbox,
    http: Client,
}

impl Visitor {
    fn new(options: Options) -> Self {
        // Another test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let sandbox = Sandbox::start(options).unwrap();
        Self { sandbox, http }
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> reqwest::Result<Response> {
        self.send_as(self.sandbox.token(), method, path, body)
    }

    fn send_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<Response> {
        let method: Method = method.parse().unwrap();
        let url = format!("{}{path}", self.sandbox.base_url());
        let request = self.http.request(method, url).bearer_auth(token);
        let request = match body {
            Some(body) => request
                .header("Content-Type", "application/json")
                .body(body.to_string()),
            None => request,
        };
        request.send()
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        read(self.send(method, path, Some(body)).unwrap())
    }

    fn get(&self, path: &str) -> (u16, Value) {
        read(self.send("GET", path, None).unwrap())
    }

    fn post(&self, contacts: &[Contact<'_>]) -> (u16, Value) {
        self.ask("POST", "/v2/contacts", &batch(contacts))
    }

    fn patch(&self, contacts: &Value) -> (u16, Value) {
        self.ask("PATCH", "/v2/contacts", &json!({ "contacts": contacts }))
    }

    fn ids(&self, path: &str) -> Vec<String> {
        let (status, page) = self.get(path);
        assert_eq!(status, 200);
        let contacts = page["data"].as_array().unwrap();
        let id = |contact: &Value| contact["id"].as_str().unwrap().to_owned();
        contacts.iter().map(id).collect()
    }
}

fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.text().unwrap();
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn batch(contacts: &[Contact<'_>]) -> Value {
    json!({ "contacts": contacts })
}

fn people(numbers: std::ops::Range<usize>) -> Vec<Contact<'static>> {
    numbers.map(people::contact).collect()
}

#[test]
fn what_is_posted_can_be_listed_shown_changed_and_deleted() {
    let visitor = Visitor::new(Options::default());
    let sent = people(0..3);
    let (status, answer) = visitor.post(&sent);
    assert_eq!((status, &answer["data"]["processed"]), (200, &json!(3)));
    assert!(answer["meta"]["timestamp"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!(visitor.sandbox.contacts(), sent);

    let (_, shown) = visitor.get("/v2/contacts/C-000001");
    assert_eq!(shown["data"][0]["name"], json!(sent[1].name));
    assert_eq!(visitor.get("/v2/contacts/missing").0, 404);

    let (status, _) = visitor.patch(&json!([{"id": "C-000001", "name": "Ann"}]));
    assert_eq!(status, 200);
    let changed = visitor.sandbox.contact("C-000001").unwrap();
    assert_eq!(
        (changed.name, changed.uri),
        ("Ann".into(), sent[1].uri.clone())
    );

    let ids = json!({"contact_ids": ["C-000000", "missing"]});
    let (status, answer) = visitor.ask("DELETE", "/v2/contacts", &ids);
    assert_eq!((status, &answer["data"]), (200, &Value::Null));
    assert_eq!(visitor.ids("/v2/contacts"), ["C-000001", "C-000002"]);
    let writes = |id| visitor.sandbox.writes(id);
    assert_eq!(
        (writes("C-000000").created, writes("C-000000").deleted),
        (1, 1)
    );
    assert_eq!(
        (writes("C-000001").updated, writes("missing").deleted),
        (1, 0)
    );
}

#[test]
fn ids_of_any_characters_go_through_the_path() {
    let visitor = Visitor::new(Options::default());
    let id = "a/b?c#d %я\"";
    let odd = Contact {
        id: id.into(),
        ..people::contact(1)
    };
    visitor.sandbox.put_contact(&odd);
    let encoded = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
    let (status, shown) = visitor.get(&format!("/v2/contacts/{encoded}"));
    assert_eq!((status, &shown["data"][0]["id"]), (200, &json!(id)));
    assert_eq!(visitor.sandbox.requests()[0].ids, [id]);
}

#[test]
fn pages_follow_each_other_and_are_capped() {
    let visitor = Visitor::new(Options {
        contacts: 25,
        page_max: 10,
        ..Options::default()
    });
    let mut seen = Vec::new();
    loop {
        let page = visitor.ids(&format!("/v2/contacts?offset={}&limit=100", seen.len()));
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    let all: Vec<_> = visitor
        .sandbox
        .contacts()
        .into_iter()
        .map(|c| c.id)
        .collect();
    assert_eq!(seen, all);
    assert_eq!(visitor.sandbox.count("GET"), 4);
    assert_eq!(visitor.get("/v2/contacts?offset=-1").0, 400);
}

#[test]
fn bad_contacts_refuse_the_batch_and_are_named_in_the_shape_that_is_set() {
    let mut sent = people(0..5);
    sent[2].name = "x".repeat(201).into();
    sent[4].contact_data[0].chat_id = "+7".into();
    let answer = |errors| {
        let visitor = Visitor::new(Options {
            errors,
            ..Options::default()
        });
        let (status, answer) = visitor.post(&sent);
        assert_eq!((status, visitor.sandbox.contact_count()), (400, 0));
        answer
    };
    let named = |errors| {
        let answer = answer(errors);
        assert_eq!(answer["error"], "INVALID_CONTACTS_DATA", "{answer}");
        answer["data"].clone()
    };
    assert_eq!(
        named(ErrorShape::Classic),
        json!({"index": 2, "field": "name"})
    );
    assert_eq!(
        named(ErrorShape::Id),
        json!({"id": "C-000002", "field": "name"})
    );
    assert_eq!(
        named(ErrorShape::FromOne),
        json!({"index": 3, "field": "name"})
    );
    assert_eq!(
        named(ErrorShape::Index),
        json!([{"index": 2, "fields": ["name"]}, {"index": 4, "fields": ["contact_data"]}])
    );
    assert_eq!(
        answer(ErrorShape::Silent),
        json!({"error": "INVALID_CONTACTS_DATA"})
    );
    assert_eq!(
        answer(ErrorShape::Validator),
        json!({
            "statusCode": 400,
            "message": [
                "contacts.2.name is longer than 200 characters",
                "contacts.4.contact_data.0.chat_id holds more than digits",
            ],
            "error": "Bad Request",
        })
    );
    let nested = answer(ErrorShape::Nested);
    assert_eq!(nested["error"]["code"], "INVALID_CONTACTS_DATA");
    assert_eq!(
        nested["error"]["data"][1],
        json!({
            "index": 4,
            "field": "contact_data.0.chat_id",
            "message": "chat_id holds more than digits",
        })
    );
}

#[test]
fn a_batch_has_a_size() {
    let visitor = Visitor::new(Options::default());
    assert_eq!(visitor.post(&people(0..100)).0, 200);
    let (status, answer) = visitor.post(&people(0..101));
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("TOO_MANY_ENTITIES"))
    );
    assert_eq!(visitor.post(&[]).0, 400);
}

#[test]
fn existing_ids_end_as_the_switch_says_and_missing_ones_are_refused() {
    let existing = |existing| {
        let visitor = Visitor::new(Options {
            existing,
            contacts: 1,
            ..Options::default()
        });
        (
            visitor.post(&people(0..3)).0,
            visitor.sandbox.contact_count(),
        )
    };
    assert_eq!(existing(Existing::Update), (200, 3));
    assert_eq!(existing(Existing::Conflict), (409, 1));
    assert_eq!(existing(Existing::ServerError), (500, 1));

    let visitor = Visitor::new(Options {
        contacts: 1,
        ..Options::default()
    });
    assert_eq!(visitor.patch(&json!(people(0..3))).0, 404);
    assert_eq!(visitor.sandbox.contact_count(), 1);
}

#[test]
fn what_is_required_beyond_the_documentation_is_missed() {
    let status = |required: &[RequiredField], contact: Value| {
        let visitor = Visitor::new(Options {
            required: required.to_vec(),
            contacts: 1,
            ..Options::default()
        });
        visitor.patch(&json!([contact])).0
    };
    let chat =
        json!({"id": "C-000001", "contact_data": [{"chat_type": "telegram", "username": "ann"}]});
    assert_eq!(status(&[], chat.clone()), 200);
    assert_eq!(status(&[RequiredField::ChatId], chat), 400);
    for (uri, expected) in [("", 400), ("/api/v2/contacts/1", 400), ("https://crm", 200)] {
        let mut contact = json!({"id": "C-000001", "name": "Ann"});
        if !uri.is_empty() {
            contact["uri"] = uri.into();
        }
        assert_eq!(status(&[], contact.clone()), 200);
        assert_eq!(status(&[RequiredField::Uri], contact), expected, "{uri}");
    }
}

#[test]
fn employees_are_listed_page_by_page_and_own_the_generated_contacts() {
    let visitor = Visitor::new(Options {
        contacts: 200,
        page_max: 5,
        ..Options::default()
    });
    let mut employees = visitor.ids("/v2/users");
    employees.extend(visitor.ids("/v2/users?offset=5&limit=100"));
    assert_eq!(employees.len(), 9);
    assert!(visitor.ids("/v2/users?offset=9").is_empty());
    let contacts = visitor.sandbox.contacts();
    let is_employee = |id: &str| employees.iter().any(|employee| employee == id);
    assert!(
        contacts
            .iter()
            .all(|it| is_employee(&it.responsible_user_id))
    );
}

#[test]
fn a_wrong_token_a_wrong_path_and_a_wrong_method_are_distinguished() {
    let visitor = Visitor::new(Options::default());
    let status = |token: &str, method: &str, path: &str| {
        let response = visitor.send_as(token, method, path, None).unwrap();
        response.status().as_u16()
    };
    assert_eq!(status("other", "GET", "/v2/contacts"), 401);
    assert_eq!(status(TOKEN, "GET", "/v2/user"), 404);
    assert_eq!(status(TOKEN, "POST", "/v2/users"), 405);
    assert_eq!(status(TOKEN, "PUT", "/v2/contacts"), 405);
    assert_eq!(status(TOKEN, "POST", "/v2/contacts"), 415);
    let untyped = visitor.send("POST", "/v2/contacts", Some(&json!({"contact": []})));
    assert_eq!(untyped.unwrap().status().as_u16(), 400);
}
