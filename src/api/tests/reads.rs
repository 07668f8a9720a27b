//! Pages and single contacts.

use super::*;
use crate::contact::Contact;

#[test]
fn pages_and_contacts_are_read_and_a_missing_one_is_none() {
    let bench = bench(|received| match received.target.as_str() {
        "/v2/contacts?offset=200&limit=50" => Act::json(200, r#"{"data":[{"id":"1"},{"id":"2"}]}"#),
        "/v2/contacts/a%2F..%3F%D0%AF" => Act::json(200, r#"{"data":[{"id":"a/..?Я"}]}"#),
        "/v2/contacts/empty" => Act::json(200, r#"{"data":[]}"#),
        "/v2/contacts/other" => Act::json(200, r#"{"data":[{"id":"another"}]}"#),
        "/v2/contacts/absent" => Act::json(404, r#"{"error":"CONTACT_NOT_FOUND"}"#),
        _ => Act::Answer(404, "text/html", "<html>".into()),
    });
    let id = |contact: Contact<'_>| contact.id.into_owned();
    let page = bench.client.page(200, 50, &id).unwrap();
    let ids: Vec<_> = page.into_iter().map(|it| it.contact.unwrap()).collect();
    assert_eq!(ids, ["1", "2"]);
    let found = bench.client.look_up("a/..?Я").unwrap();
    assert!(matches!(found, LookUp::Found(contact) if contact.id == "a/..?Я"));
    assert_eq!(bench.client.look_up("empty").unwrap(), LookUp::Absent);
    assert_eq!(bench.client.look_up("absent").unwrap(), LookUp::Absent);
    for inconclusive in ["other", "page", "."] {
        let answer = bench.client.look_up(inconclusive).unwrap();
        assert!(matches!(answer, LookUp::Inconclusive(_)), "{inconclusive}");
    }
}

#[test]
fn a_list_that_does_not_come_as_a_list_is_not_an_empty_one() {
    let garbled = |times| {
        bench(move |received| match received.number {
            number if number < times => Act::json(200, r#"{"data":null,"meta":{}}"#),
            _ => Act::json(200, r#"{"data":[]}"#),
        })
    };
    assert!(garbled(1).client.page(0, 100, &|_| ()).unwrap().is_empty());
    let error = garbled(100).client.page(0, 100, &|_| ()).unwrap_err();
    assert!(
        matches!(error.kind, ApiErrorKind::GaveUp { tries: 8, .. }),
        "{error:?}"
    );
}

#[test]
fn an_answer_without_end_is_not_read_to_it() {
    let bench = bench(|_| Act::json(200, &" ".repeat(17 << 20)));
    let error = bench.client.page(0, 100, &|_| ()).unwrap_err();
    assert!(
        matches!(error.kind, ApiErrorKind::BodyTooLarge { .. }),
        "{error:?}"
    );
    let reply = bench
        .client
        .write(Operation::Create, body(), 1, false)
        .unwrap();
    assert!(matches!(reply, Delivery::Unknown(_)));
}
