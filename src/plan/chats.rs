//! Compares and merges the chats of the source with those of the account.

use std::{borrow::Cow, fmt::Write as _};

use crate::contact::{Chat, ChatType, UnknownFields, spelling::is_respelt_phone};

/// The chats of the account that the source replaces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Replaced<'c> {
    /// Those of the types that the source has, and of these types (`--blank clear`).
    OfTypes(&'c [ChatType]),
    /// None, because a chat of the row could not be read.
    Nothing,
}

/// The chats that the contact should have, and whether they differ from the account's. The source's chats come first,
/// in its order, so that a refusal that states a chat's index leads to its column.
pub(super) fn merge<'a>(
    local: &[Chat<'a>],
    snapshot: &[Chat<'a>],
    replaced: Replaced<'_>,
) -> (Vec<Chat<'a>>, bool) {
    let is_replaced = |chat_type| match replaced {
        Replaced::OfTypes(cleared) => {
            cleared.contains(&chat_type) || local.iter().any(|chat| chat.chat_type == chat_type)
        }
        Replaced::Nothing => false,
    };
    let counterparts = pair(local, snapshot);
    let mut differ = false;
    let filled = local.iter().zip(&counterparts);
    let filled = filled.map(|(chat, counterpart)| Some(fill(chat, &snapshot[(*counterpart)?])));
    let filled: Vec<Option<Chat<'a>>> = filled.collect();
    let mut merged: Vec<Chat<'a>> = Vec::with_capacity(local.len());
    for (chat, filled_chat) in local.iter().zip(&filled) {
        let mut others = merged.iter().chain(filled.iter().flatten());
        if let Some(filled_chat) = filled_chat {
            merged.push(filled_chat.clone());
        } else if !others.any(|other| agrees(chat, other)) {
            differ = true;
            merged.push(chat.clone());
        }
    }
    for (index, chat) in snapshot.iter().enumerate() {
        // A repeated chat needs no update, as files may have a row per chat or a column per messenger.
        if counterparts.contains(&Some(index)) || local.iter().any(|it| known(it) == known(chat)) {
            continue;
        }
        if is_replaced(chat.chat_type) {
            differ = true;
        } else {
            merged.push(known(chat));
        }
    }
    (merged, differ)
}

/// The chats of the source, with the account's spelling of each `WhatsApp` number that has two.
pub(super) fn spelled_as<'a>(account: &[Chat<'a>], local: &[Chat<'a>]) -> Vec<Chat<'a>> {
    let spelled = local.iter().enumerate().map(|(index, chat)| {
        let mut chat = chat.clone();
        if let Some(other) = other_spelling(local, index, account) {
            chat.chat_id.clone_from(&other.chat_id);
        }
        chat
    });
    spelled.collect()
}

/// A number of the source that the account has in its other spelling, and that spelling.
pub(super) fn respelt<'c>(
    local: &'c [Chat<'_>],
    account: &'c [Chat<'_>],
) -> Option<(&'c str, &'c str)> {
    (0..local.len()).find_map(|index| {
        let other = other_spelling(local, index, account)?;
        Some((&*local[index].chat_id, &*other.chat_id))
    })
}

/// The account's chat with the other spelling of this number, unless either list has both spellings.
fn other_spelling<'c, 'a>(
    local: &[Chat<'_>],
    index: usize,
    account: &'c [Chat<'a>],
) -> Option<&'c Chat<'a>> {
    let number = local[index].chat_id.as_ref();
    if local[index].chat_type != ChatType::Whatsapp {
        return None;
    }
    let has = |chats: &[Chat<'_>], number: &str| {
        let mut chats = chats.iter();
        chats.any(|chat| chat.chat_type == ChatType::Whatsapp && chat.chat_id == number)
    };
    let mut candidates = account.iter();
    let other = candidates.find(|chat| {
        chat.chat_type == ChatType::Whatsapp && is_respelt_phone(number, &chat.chat_id)
    })?;
    (!has(account, number) && !has(local, &other.chat_id)).then_some(other)
}

/// True if both lists contain the same chats, in any order.
pub(super) fn same(some: &[Chat<'_>], others: &[Chat<'_>]) -> bool {
    let sorted = |chats: &[Chat<'_>]| {
        let mut chats: Vec<_> = chats.iter().map(known).map(Chat::into_owned).collect();
        chats.sort();
        chats
    };
    sorted(some) == sorted(others)
}

/// For each chat of the source, a distinct chat of the account that agrees with it: equal ones first, then
/// greedily the first free one. Both sides are sorted, so the order of chats doesn't matter.
fn pair(local: &[Chat<'_>], snapshot: &[Chat<'_>]) -> Vec<Option<usize>> {
    let mut is_free = vec![true; snapshot.len()];
    let mut counterparts = vec![None; local.len()];
    let candidates = descending(snapshot);
    let mut pair_if = |fits: fn(&Chat<'_>, &Chat<'_>) -> bool| {
        for index in descending(local) {
            let mut free = candidates.iter().copied().filter(|&it| is_free[it]);
            let counterpart = free.find(|&it| fits(&local[index], &snapshot[it]));
            if let (None, Some(counterpart)) = (counterparts[index], counterpart) {
                is_free[counterpart] = false;
                counterparts[index] = Some(counterpart);
            }
        }
    };
    pair_if(|one, other| known(one) == known(other));
    pair_if(agrees);
    counterparts
}

/// The indexes of the chats in descending order.
fn descending(chats: &[Chat<'_>]) -> Vec<usize> {
    let mut order: Vec<_> = (0..chats.len()).collect();
    order.sort_by(|&one, &other| chats[other].cmp(&chats[one]));
    order
}

/// True if every field of the source's chat equals the account's. Fields that only the account has (the chat id
/// that Telegram adds to a username) are not a difference.
fn agrees(local: &Chat<'_>, snapshot: &Chat<'_>) -> bool {
    let field = |local: &str, snapshot: &str| local.is_empty() || local == snapshot;
    local.chat_type == snapshot.chat_type
        && field(&local.chat_id, &snapshot.chat_id)
        && field(&local.username, &snapshot.username)
        && field(&local.phone, &snapshot.phone)
}

/// The chat without undocumented fields, as it can be sent.
fn known<'a>(chat: &Chat<'a>) -> Chat<'a> {
    Chat {
        unknown: UnknownFields::default(),
        ..chat.clone()
    }
}

fn fill<'a>(local: &Chat<'a>, snapshot: &Chat<'a>) -> Chat<'a> {
    let field = |local: &Cow<'a, str>, snapshot: &Cow<'a, str>| {
        if local.is_empty() {
            snapshot.clone()
        } else {
            local.clone()
        }
    };
    Chat {
        chat_type: local.chat_type,
        chat_id: field(&local.chat_id, &snapshot.chat_id),
        username: field(&local.username, &snapshot.username),
        phone: field(&local.phone, &snapshot.phone),
        ..Chat::empty(local.chat_type)
    }
}

/// Chats in readable form: `whatsapp 79991112233, telegram @ann`.
pub(crate) fn describe(chats: &[Chat<'_>]) -> String {
    let mut text = String::new();
    for chat in chats {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(chat.chat_type.as_str());
        for (sign, value) in [
            ("", &chat.chat_id),
            ("@", &chat.username),
            ("+", &chat.phone),
        ] {
            if !value.is_empty() {
                // Writing to a String can't fail.
                let _ = write!(text, " {sign}{value}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn telegram(chat_id: &'static str, username: &'static str) -> Chat<'static> {
        Chat {
            username: username.into(),
            ..Chat::by_id(ChatType::Telegram, chat_id)
        }
    }

    #[test]
    fn a_chat_leaves_its_twin_to_another_that_has_no_other() {
        let local = [telegram("5", ""), telegram("", "ann")];
        let snapshot = [telegram("5", "ann"), telegram("5", "bob")];
        assert!(!merge(&local, &snapshot, Replaced::OfTypes(&[])).1);
    }

    #[test]
    fn the_same_chat_twice_is_no_difference_but_two_chats_are() {
        let [ann, bob] = [telegram("5", "ann"), telegram("6", "bob")];
        let local = [ann.clone()];
        assert!(!merge(&local, &[ann.clone(), ann.clone()], Replaced::OfTypes(&[])).1);
        assert!(merge(&local, &[ann, bob], Replaced::OfTypes(&[])).1);
    }

    fn chats() -> impl Strategy<Value = Vec<Chat<'static>>> {
        let chat = ("[12]?", "[ab]?", "[34]?").prop_map(|(chat_id, username, phone)| Chat {
            username: username.into(),
            phone: phone.into(),
            ..Chat::by_id(ChatType::Telegram, chat_id)
        });
        prop::collection::vec(chat, 0..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_order_of_chats_decides_nothing(
            local in chats(), snapshot in chats(), shuffled in chats().prop_shuffle(),
            (one, other) in chats().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        ) {
            // The same chats in another order, on either side.
            prop_assert!(!merge(&one, &other, Replaced::OfTypes(&[])).1);
            prop_assert_eq!(merge(&local, &one, Replaced::OfTypes(&[])).1, merge(&local, &other, Replaced::OfTypes(&[])).1);
            prop_assert_eq!(merge(&one, &snapshot, Replaced::OfTypes(&[])).1, merge(&other, &snapshot, Replaced::OfTypes(&[])).1);
            prop_assert!(same(&one, &other));
            // A merged contact doesn't differ from the source.
            let (merged, _) = merge(&local, &shuffled, Replaced::OfTypes(&[]));
            prop_assert!(!merge(&local, &merged, Replaced::OfTypes(&[])).1);
        }
    }
}
