//! The contents of files, the expected account after importing them, and a fast world.

use std::{collections::BTreeMap, fmt::Write as _};

use wazzup_contacts::{
    contact::{Chat, ChatType, Contact},
    sandbox::{Options, Sandbox},
};

use crate::harness::World;

/// A world in which the tool waits milliseconds instead of seconds, with limits that are never reached.
pub(crate) fn quick(options: Options) -> World {
    let world = World::with(Options {
        is_limited: false,
        ..options
    });
    world.write(
        "wazzup.toml",
        "profile = \"quick\"\n[profiles.quick]\nrate = \"1000000/50ms\"\n[profiles.quick.patience]\n\
         base_ms = 2\ncap_ms = 20\nhold_ms = 50\ncircuit_failures = 12\ncircuit_ms = 50\n",
    );
    world
}

/// A contact of a file; `word` distinguishes editions of the same contact.
pub(crate) fn contact(number: usize, word: &str) -> Contact<'static> {
    Contact {
        id: number.to_string().into(),
        responsible_user_id: format!("user-{}", number % 7).into(),
        name: format!("Клиент {number} {word}").into(),
        contact_data: vec![Chat::by_id(ChatType::Whatsapp, format!("7999{number:07}"))],
        uri: format!("https://crm.example.com/c/{number}").into(),
        ..Contact::default()
    }
}

/// These contacts as a file.
pub(crate) fn csv(contacts: impl IntoIterator<Item = Contact<'static>>) -> String {
    let mut text = String::from("id,responsible_user_id,name,uri,whatsapp\n");
    for contact in contacts {
        let Contact {
            id,
            responsible_user_id,
            name,
            contact_data,
            uri,
            ..
        } = contact;
        let chat = &contact_data[0].chat_id;
        writeln!(text, "{id},{responsible_user_id},{name},{uri},{chat}").unwrap();
    }
    text
}

/// Fails unless the account has exactly these contacts.
#[track_caller]
pub(crate) fn assert_holds(
    sandbox: &Sandbox,
    contacts: impl IntoIterator<Item = Contact<'static>>,
) {
    let by_id = |contacts: Vec<Contact<'static>>| -> BTreeMap<String, Contact<'static>> {
        let pairs = contacts
            .into_iter()
            .map(|contact| (contact.id.to_string(), contact));
        pairs.collect()
    };
    let mut held = by_id(sandbox.contacts());
    for (id, expected) in by_id(contacts.into_iter().collect()) {
        match held.remove(&id) {
            None => panic!("contact {id} was lost"),
            Some(found) => assert_eq!(found, expected, "contact {id} carries wrong data"),
        }
    }
    assert!(held.is_empty(), "nobody asked for {:?}", held.keys());
}
