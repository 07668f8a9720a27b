//! Pages and single contacts.

use super::*;

#[test]
fn pages_and_contacts_are_read_and_a_missing_one_is_none() {
    let bench = bench(|received| match received.target.as_str() {
        "/v2/contacts?offset=200&limit=50" => Act::json(200, r#"{"data":[{"id":"1"},{"id":"2"}]}"#),
        "/v2/contacts/a%2F..%3F%D0%AF" => Act::json(200, r#"{"data":[{"id":"a/..?Я"}]}"#),
        "/v2/contacts/empty" => Act::json(200, r#"{"data":[]}"#),
        "/v2/contacts/other" => Act::json(200, r#"{"data":[{"id":"another"}]}"#),
        _ => Act::Answer(404, "text/html", "<html>".into()),
    });
    let page = bench.client.page(200, 50).unwrap();
    assert_eq!(page.iter().map(|c| &*c.id).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(
        bench.client.contact("a/..?Я").unwrap().unwrap().id,
        "a/..?Я"
    );
    for missing in ["empty", "other", "absent"] {
        assert_eq!(bench.client.contact(missing).unwrap(), None, "{missing}");
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
    assert!(garbled(1).client.page(0, 100).unwrap().is_empty());
    let error = garbled(100).client.page(0, 100).unwrap_err();
    assert!(
        matches!(error.kind, ApiErrorKind::GaveUp { tries: 8, .. }),
        "{error:?}"
    );
}

#[test]
fn an_id_that_no_path_can_name_is_looked_up_in_the_list() {
    let bench = bench(|received| match received.target.as_str() {
        "/v2/contacts?offset=0&limit=100" => Act::json(200, r#"{"data":[{"id":"1"},{"id":"2"}]}"#),
        "/v2/contacts?offset=2&limit=100" => Act::json(200, r#"{"data":[{"id":".."}]}"#),
        "/v2/contacts?offset=3&limit=100" => Act::json(200, r#"{"data":[]}"#),
        _ => Act::json(500, ""),
    });
    assert_eq!(bench.client.contact("..").unwrap().unwrap().id, "..");
    assert_eq!(bench.client.contact(".").unwrap(), None);
}

#[test]
fn an_answer_without_end_is_not_read_to_it() {
    let bench = bench(|_| Act::json(200, &" ".repeat(17 << 20)));
    let error = bench.client.page(0, 100).unwrap_err();
    assert!(
        matches!(error.kind, ApiErrorKind::BodyTooLarge { .. }),
        "{error:?}"
    );
    let reply = bench.client.write(Operation::Create, body(), 1).unwrap();
    assert!(matches!(reply, WriteReply::Unknown { .. }));
}
