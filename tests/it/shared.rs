//! Generated rows and views of an account, for these tests and for those of the core in `src/tests`.

use std::{collections::BTreeMap, path::Path};

use proptest::prelude::*;
use wazzup_contacts::{contact::Contact, sandbox::Sandbox};

const HEADER: [&str; 12] = [
    "id",
    "responsible_user_id",
    "name",
    "uri",
    "whatsapp",
    "viber",
    "telegram",
    "instagram",
    "vk",
    "max",
    "chat_type_1",
    "chat_id_1",
];

/// A cell as filled in by people, spreadsheets and attackers.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        3 => "[0-9]{9,13}".prop_map(|digits| digits),
        2 => "\\+?[78] ?\\(?9[0-9]{2}\\)? ?[0-9]{3}-[0-9]{2}-[0-9]{2}",
        2 => "[a-zA-Zа-яА-Я' ]{1,30}",
        1 => "@[a-z_]{1,12}",
        1 => "https://(t\\.me|vk\\.com|wa\\.me|instagram\\.com)/[a-z0-9+_/]{0,12}",
        1 => "(whatsapp|viber|telegram|telegroup|max|fax)",
        1 => ".{0,12}",
        1 => "[ж]{90,210}",
        1 => "[0-9],[0-9]{2,5}E\\+1[0-9]",
    ]
}

/// Rows whose first cells are mostly valid, so that many are accepted.
pub(crate) fn source_rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    let first = prop_oneof![4 => "[a-zA-Z0-9/?#%-]{1,20}", 1 => cell()];
    let text = || prop_oneof![4 => "[а-яa-z]{1,20}", 1 => cell()];
    let rest = prop::collection::vec(cell(), HEADER.len() - 4);
    let row = (first, text(), text(), text(), rest)
        .prop_map(|(id, user, name, uri, rest)| [vec![id, user, name, uri], rest].concat());
    prop::collection::vec(row, 1..40)
}

pub(crate) fn csv_of(rows: &[Vec<String>]) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(HEADER).unwrap();
    for row in rows {
        csv.write_record(row).unwrap();
    }
    csv.into_inner().unwrap()
}

/// An account as a map, with chats in a fixed order because their order does not matter.
pub(crate) type State = BTreeMap<String, Contact<'static>>;

/// The rows of a query on a run file, each as text.
pub(crate) fn rows(run: &Path, query: &str) -> Vec<String> {
    let run = rusqlite::Connection::open(run).unwrap();
    let mut select = run.prepare(query).unwrap();
    let columns = select.column_count();
    let text = |row: &rusqlite::Row<'_>| {
        let values: Vec<_> = (0..columns).map(|at| row.get_ref(at).unwrap()).collect();
        Ok(format!("{values:?}"))
    };
    let rows = select.query_map([], text).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Deletes and recreates the oldest contact after each of the next hundred requests.
pub(crate) fn make_restless(sandbox: &Sandbox) {
    let now = sandbox.request_count();
    for number in now + 1..=now + 100 {
        sandbox.after_request(number, |account| {
            let oldest = account.contacts().next().expect("it is not empty");
            account.remove(&oldest.id);
            account.put(&oldest);
        });
    }
}

pub(crate) fn state(contacts: &[Contact<'static>]) -> State {
    contacts
        .iter()
        .cloned()
        .map(|mut contact| {
            contact.contact_data.sort();
            (contact.id.to_string(), contact)
        })
        .collect()
}
