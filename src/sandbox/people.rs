//! Generated contacts: a number always gives the same person.
//!
//! Names in Latin and Cyrillic letters with accents, one to three messengers, ids that a CRM could have
//! given. The telephone numbers count upwards, so no two of the first ten million people share one.

use std::ops::Range;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::contact::{Chat, ChatType, Contact};

const GIVEN: &str = "Анна Ирина Пётр Ольга Сергей Мария José Lucía Íñigo João Beatriz Emma Oliver Zoë Алексей Camila";
const FAMILY: &str = "\
    Смирнова Шевченко Кузьмин García Muñoz Gonçalves Araújo Baker O’Neill Ёлкина Petersen Иваненко \
    Núñez Silva Clark Жукова";

/// Ids of the employees that contacts belong to.
const EMPLOYEES: Range<u32> = 101..110;

/// The employees, as the API lists them.
pub(super) fn employees() -> impl Iterator<Item = Value> {
    EMPLOYEES.map(
        |id| json!({ "id": id.to_string(), "name": full_name(&mut Rng::with_seed(id.into())) }),
    )
}

fn full_name(rng: &mut Rng) -> String {
    format!("{} {}", pick(GIVEN, rng), pick(FAMILY, rng))
}

/// The contact with this number.
#[must_use]
pub fn contact(number: usize) -> Contact<'static> {
    let mut rng = Rng::with_seed(number as u64);
    Contact {
        id: format!("C-{number:06}").into(),
        responsible_user_id: rng.u32(EMPLOYEES).to_string().into(),
        name: full_name(&mut rng).into(),
        contact_data: chats(number, &mut rng),
        uri: format!("https://crm.example.com/contacts/C-{number:06}").into(),
        ..Contact::default()
    }
}

/// One of 16 names.
fn pick(names: &'static str, rng: &mut Rng) -> &'static str {
    names.split(' ').nth(rng.usize(..16)).unwrap_or_default()
}

fn chats(number: usize, rng: &mut Rng) -> Vec<Chat<'static>> {
    let phone = format!("7900{:07}", number % 10_000_000);
    let whatsapp = Chat {
        chat_id: phone.clone().into(),
        ..Chat::empty(ChatType::Whatsapp)
    };
    let telegram = Chat {
        username: format!("person_{number}").into(),
        ..Chat::empty(ChatType::Telegram)
    };
    let max = Chat {
        phone: phone.into(),
        ..Chat::empty(ChatType::Max)
    };
    match rng.u8(..4) {
        0 => vec![whatsapp, telegram],
        1 => vec![telegram],
        2 => vec![whatsapp, telegram, max],
        _ => vec![whatsapp],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_contacts_are_complete_differ_and_stay_the_same() {
        for number in 0..1000 {
            let made = contact(number);
            assert!(made.is_complete());
            assert!(made.contact_data.iter().all(Chat::is_identified));
            assert_eq!(made, contact(number));
            assert_ne!(made.id, contact(number + 1).id);
        }
    }
}
