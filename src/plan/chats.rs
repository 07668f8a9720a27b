//! Compares and merges the chats of the source with those of the account.

use std::{borrow::Cow, fmt::Write as _};

use crate::contact::{Chat, ChatType, UnknownFields, spelling::is_respelt_phone};

/// The chats of the account that the source replaces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Replaced<'c> {
    /// Each new chat replaces one of its type, because one of several cells for a type may be empty. All chats of these
    /// types are replaced (`--blank clear`).
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
    let counterparts = pair(local, snapshot);
    let filled = local.iter().zip(&counterparts);
    let filled = filled.map(|(chat, counterpart)| Some(fill(chat, &snapshot[(*counterpart)?])));
    let filled: Vec<Option<Chat<'a>>> = filled.collect();
    let mut merged: Vec<Chat<'a>> = Vec::with_capacity(local.len());
    let mut new = Vec::new();
    for (chat, filled_chat) in local.iter().zip(&filled) {
        let mut others = merged.iter().chain(filled.iter().flatten());
        if let Some(filled_chat) = filled_chat {
            merged.push(filled_chat.clone());
        } else if !others.any(|other| agrees(chat, other)) {
            new.push(chat);
            merged.push(chat.clone());
        }
    }
    let is_other = |(index, chat): &(usize, &Chat<'a>)| {
        // A repeated chat needs no update, as files may have a row per chat or a column per messenger.
        !counterparts.contains(&Some(*index)) && !local.iter().any(|it| known(it) == known(chat))
    };
    let others = snapshot.iter().enumerate().filter(is_other);
    let mut others: Vec<_> = others.map(|(_, chat)| chat).collect();
    let mut differ = !new.is_empty();
    if let Replaced::OfTypes(cleared) = replaced {
        let count = others.len();
        others.retain(|chat| !cleared.contains(&chat.chat_type));
        differ |= others.len() < count;
        for is_replaced in [shares_value, shares_type] {
            new.retain(|chat| {
                let replaced = others.iter().position(|other| is_replaced(chat, other));
                replaced.map(|index| others.remove(index)).is_none()
            });
        }
    }
    merged.extend(others.into_iter().map(known));
    (merged, differ)
}

fn shares_type(one: &Chat<'_>, other: &Chat<'_>) -> bool {
    one.chat_type == other.chat_type
}

/// True if a part of the chat is the same, as in an account whose username has changed.
fn shares_value(one: &Chat<'_>, other: &Chat<'_>) -> bool {
    let same = |one: &str, other: &str| !one.is_empty() && one == other;
    shares_type(one, other)
        && (same(&one.chat_id, &other.chat_id)
            || same(&one.username, &other.username)
            || same(&one.phone, &other.phone))
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
    fn a_chat_that_the_source_lacks_is_a_difference_only_if_its_type_is_cleared() {
        let [ann, bob] = [telegram("5", "ann"), telegram("6", "bob")];
        let local = [ann.clone()];
        let cleared = Replaced::OfTypes(&[ChatType::Telegram]);
        assert!(!merge(&local, &[ann.clone(), ann.clone()], cleared).1);
        let account = [ann.clone(), bob];
        assert!(!merge(&local, &account, Replaced::OfTypes(&[])).1);
        assert_eq!(merge(&local, &account, cleared), (vec![ann], true));
    }

    #[test]
    fn a_new_chat_replaces_one_of_its_type() {
        let number = |number: &'static str| Chat::by_id(ChatType::Whatsapp, number);
        let merged = |local: &[Chat<'static>], account: &[Chat<'static>]| {
            merge(local, account, Replaced::OfTypes(&[])).0
        };
        let [ann, anna, bob] =
            [("5", "ann"), ("5", "anna"), ("6", "bob")].map(|(id, name)| telegram(id, name));
        let account = [number("1"), number("2"), ann.clone()];
        assert_eq!(
            merged(&[number("3")], &account),
            [number("3"), number("2"), ann.clone()]
        );
        let second = [number("1"), number("3")];
        assert_eq!(
            merged(&second, &account),
            [number("1"), number("3"), ann.clone()]
        );
        assert_eq!(
            merged(std::slice::from_ref(&anna), &[bob.clone(), ann]),
            [anna, bob]
        );
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
