//! The chats of a contact: those of the source against those of the account.

use std::{borrow::Cow, fmt::Write as _};

use crate::contact::{Chat, ChatType};

/// How many chats may change twins so that one more gets one. No real contact has so many; one that has is
/// updated, and nothing else happens.
const PATH_MAX: usize = 64;

/// The chats that the contact is to have, and whether they are others than the account's. A messenger that the
/// source speaks for is replaced, those of other messengers stay; `cleared` are spoken for whatever the source has.
pub(super) fn merge<'a>(
    local: &[Chat<'a>],
    remote: &[Chat<'a>],
    cleared: &[ChatType],
) -> (Vec<Chat<'a>>, bool) {
    let spoken_for = |chat_type| {
        cleared.contains(&chat_type) || local.iter().any(|chat| chat.chat_type == chat_type)
    };
    let twins = pair(local, remote);
    let mut differ = false;
    let filled = local.iter().zip(&twins);
    let filled = filled.filter_map(|(chat, twin)| Some(fill(chat, &remote[(*twin)?])));
    let mut merged: Vec<Chat<'a>> = filled.collect();
    for (chat, twin) in local.iter().zip(&twins) {
        if twin.is_none() && !merged.iter().any(|other| agrees(chat, other)) {
            differ = true;
            merged.push(chat.clone());
        }
    }
    for (index, chat) in remote.iter().enumerate() {
        if !spoken_for(chat.chat_type) {
            merged.push(chat.clone());
        } else if !twins.contains(&Some(index)) {
            differ = true;
        }
    }
    (merged, differ)
}

/// Are these the same chats, in whatever order?
pub(super) fn same(some: &[Chat<'_>], others: &[Chat<'_>]) -> bool {
    let sorted = |chats: &[Chat<'_>]| {
        let mut chats: Vec<_> = chats.iter().cloned().map(Chat::into_owned).collect();
        chats.sort();
        chats
    };
    sorted(some) == sorted(others)
}

/// For each chat of the source one of the account's that agrees with it, each given once and as many as can be. They
/// are gone through in an order of their own: which one is written first must not decide what is a difference.
fn pair(local: &[Chat<'_>], remote: &[Chat<'_>]) -> Vec<Option<usize>> {
    let mut pairing = Pairing {
        local,
        remote,
        order: sorted(remote),
        holder: vec![None; remote.len()],
        asked: Vec::new(),
    };
    let order = sorted(local);
    for &index in &order {
        let twin = (0..remote.len())
            .find(|&twin| pairing.holder[twin].is_none() && remote[twin] == local[index]);
        if let Some(twin) = twin {
            pairing.holder[twin] = Some(index);
        }
    }
    for index in order {
        if !pairing.holder.contains(&Some(index)) {
            pairing.asked = vec![false; remote.len()];
            pairing.seat(index, PATH_MAX);
        }
    }
    let mut twins = vec![None; local.len()];
    for (twin, holder) in pairing.holder.into_iter().enumerate() {
        if let Some(index) = holder {
            twins[index] = Some(twin);
        }
    }
    twins
}

/// The places of the chats, from the last one in their order to the first.
fn sorted(chats: &[Chat<'_>]) -> Vec<usize> {
    let mut order: Vec<_> = (0..chats.len()).collect();
    order.sort_by(|&one, &other| chats[other].cmp(&chats[one]));
    order
}

struct Pairing<'p, 'a> {
    local: &'p [Chat<'a>],
    remote: &'p [Chat<'a>],
    /// The order in which the account's chats are asked for.
    order: Vec<usize>,
    /// Which of the source's chats has each of the account's.
    holder: Vec<Option<usize>>,
    /// The account's chats that were asked for in this search.
    asked: Vec<bool>,
}

impl Pairing<'_, '_> {
    /// Finds a twin for a chat, and another one for whoever has it already (an augmenting path).
    fn seat(&mut self, index: usize, steps: usize) -> bool {
        for at in 0..self.order.len() {
            let twin = self.order[at];
            if self.asked[twin] || !agrees(&self.local[index], &self.remote[twin]) {
                continue;
            }
            self.asked[twin] = true;
            let is_free = match self.holder[twin] {
                Some(holder) => steps > 0 && self.seat(holder, steps - 1),
                None => true,
            };
            if is_free {
                self.holder[twin] = Some(index);
                return true;
            }
        }
        false
    }
}

/// Does the account's chat have everything that the source says of it? A messenger may have added what it
/// knows better (the chat id of a telegram name): that is no difference.
fn agrees(local: &Chat<'_>, remote: &Chat<'_>) -> bool {
    let field = |local: &str, remote: &str| local.is_empty() || local == remote;
    local.chat_type == remote.chat_type
        && field(&local.chat_id, &remote.chat_id)
        && field(&local.username, &remote.username)
        && field(&local.phone, &remote.phone)
}

fn fill<'a>(local: &Chat<'a>, remote: &Chat<'a>) -> Chat<'a> {
    let field = |local: &Cow<'a, str>, remote: &Cow<'a, str>| {
        if local.is_empty() {
            remote.clone()
        } else {
            local.clone()
        }
    };
    Chat {
        chat_type: local.chat_type,
        chat_id: field(&local.chat_id, &remote.chat_id),
        username: field(&local.username, &remote.username),
        phone: field(&local.phone, &remote.phone),
    }
}

/// Chats as people read them: `whatsapp 79991112233, telegram @ann`.
#[must_use]
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
                // Writing into a String has nothing that could fail.
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
        let remote = [telegram("5", "ann"), telegram("5", "bob")];
        assert!(!merge(&local, &remote, &[]).1);
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
            local in chats(), remote in chats(), shuffled in chats().prop_shuffle(),
            (one, other) in chats().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        ) {
            // The same chats in another order, on either side.
            prop_assert!(!merge(&one, &other, &[]).1);
            prop_assert_eq!(merge(&local, &one, &[]).1, merge(&local, &other, &[]).1);
            prop_assert_eq!(merge(&one, &remote, &[]).1, merge(&other, &remote, &[]).1);
            prop_assert!(same(&one, &other));
            // What was merged is no difference to the source any more.
            let (merged, _) = merge(&local, &shuffled, &[]);
            prop_assert!(!merge(&local, &merged, &[]).1);
        }
    }
}
