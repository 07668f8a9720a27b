//! The messengers of a contact.

use crate::contact::{Chat, ChatType, Contact};

/// A bit set: one bit for each messenger, one for each kind of identifier in a telegram or max chat, and one for
/// contacts that are too complex for this set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Messengers(pub(super) u16);

const OTHER: u16 = 1 << ChatType::ALL.len();

impl Messengers {
    pub(super) fn of_contact(contact: &Contact<'_>) -> Self {
        let chats = &contact.contact_data;
        let mut set = chats.iter().fold(0, |set, chat| set | bits(chat));
        // A set can't represent two chats of one messenger separately.
        let is_twice = |chat_type| chats.iter().filter(|it| it.chat_type == chat_type).count() > 1;
        if chats
            .iter()
            .any(|it| words(it) > 1 && is_twice(it.chat_type))
        {
            set |= OTHER;
        }
        Self(set)
    }

    /// Adds the messengers that are cleared unless the row has a chat for them.
    pub(super) fn with_cleared(self, cleared: &[ChatType]) -> Self {
        let mut set = self.0;
        for chat_type in cleared {
            let all = bits(&Chat {
                chat_id: "1".into(),
                username: "a".into(),
                phone: "1".into(),
                ..Chat::empty(*chat_type)
            });
            if self.0 & bits(&Chat::empty(*chat_type)) == 0 {
                set |= all;
            }
        }
        Self(set)
    }

    /// True if replacing these with `others` loses nothing.
    pub(super) const fn are_within(self, others: Self) -> bool {
        (self.0 | others.0) & OTHER == 0 && self.0 & !others.0 == 0
    }
}

fn bits(chat: &Chat<'_>) -> u16 {
    let known = ChatType::ALL.iter().position(|it| *it == chat.chat_type);
    let messenger = 1 << known.unwrap_or(ChatType::ALL.len());
    let [chat_id, username, phone] =
        [&chat.chat_id, &chat.username, &chat.phone].map(|word| u16::from(!word.is_empty()));
    messenger
        | match chat.chat_type {
            ChatType::Telegram => (chat_id << 11) | (username << 12) | (phone << 13),
            ChatType::Max => (chat_id << 14) | (phone << 15),
            _ if username + phone > 0 => OTHER,
            _ => 0,
        }
}

fn words(chat: &Chat<'_>) -> usize {
    let words = [&chat.chat_id, &chat.username, &chat.phone];
    words.iter().filter(|word| !word.is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_chats_of_one_messenger_neither_stands_for_the_other() {
        let chat = |chat_id: &'static str, phone: &'static str| Chat {
            chat_id: chat_id.into(),
            phone: phone.into(),
            ..Chat::empty(ChatType::Telegram)
        };
        let of = |chats: &[Chat<'static>]| {
            Messengers::of_contact(&Contact {
                contact_data: chats.to_vec(),
                ..Contact::default()
            })
        };
        let known = of(&[chat("2", "7")]);
        assert!(known.are_within(known));
        // The second chat has no phone, so replacing the account's chats would erase it.
        assert!(!known.are_within(of(&[chat("1", "7"), chat("2", "")])));
    }
}
