//! Which messengers a contact has, as far as a run file shows.

use std::collections::HashMap;

use crate::{
    contact::{Chat, ChatType, Contact},
    run::{Change, Contacts, RunError, RunFile, changes, snapshot},
};

/// By what a contact can be reached: a bit for each messenger, one for each of the words that a telegram or max
/// chat may have beside it, and one for what is not that simple.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Messengers(pub(super) u16);

const OTHER: u16 = 1 << ChatType::ALL.len();

impl Messengers {
    pub(super) fn of_contact(contact: &Contact<'_>) -> Self {
        let chats = &contact.contact_data;
        let mut set = chats.iter().fold(0, |set, chat| set | bits(chat));
        // Of two chats of one messenger the words can't be told apart any more.
        let is_twice = |chat_type| chats.iter().filter(|it| it.chat_type == chat_type).count() > 1;
        if chats
            .iter()
            .any(|it| words(it) > 1 && is_twice(it.chat_type))
        {
            set |= OTHER;
        }
        Self(set)
    }

    /// With those of which a contact is to have none unless its row says so.
    pub(super) fn with_cleared(self, cleared: &[ChatType]) -> Self {
        let mut set = self.0;
        for chat_type in cleared {
            let all = bits(&Chat {
                chat_type: *chat_type,
                chat_id: "1".into(),
                username: "a".into(),
                phone: "1".into(),
            });
            if self.0 & bits(&Chat::empty(*chat_type)) == 0 {
                set |= all;
            }
        }
        Self(set)
    }

    /// Is nothing lost where these are replaced with `others`?
    pub(super) const fn are_within(self, others: Self) -> bool {
        self.0 & OTHER == 0 && self.0 & !others.0 == 0
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

/// What the contacts of a block became together with other rows or with what the account has, by number.
pub(super) fn became(run: &RunFile, contacts: &Contacts) -> Result<HashMap<u64, String>, RunError> {
    let changes = changes::of(run, contacts.seqs())?;
    let json = |(seq, change): (u64, Change)| Some((seq, change.json?));
    Ok(changes.into_iter().filter_map(json).collect())
}

/// The messengers of what is sent for a contact.
pub(super) fn sent(
    run: &RunFile,
    contacts: &Contacts,
    index: usize,
    became: &HashMap<u64, String>,
) -> Result<Messengers, RunError> {
    let seq = contacts.first_seq + index as u64;
    let staged = || contacts.json(index);
    let json = became.get(&seq).map_or_else(staged, String::as_bytes);
    Ok(Messengers::of_contact(&run.contact(json)?))
}

/// The messengers that the account showed of a contact.
pub(super) fn shown(
    run: &RunFile,
    contacts: &Contacts,
    index: usize,
) -> Result<Option<Messengers>, RunError> {
    let id = run.contact(contacts.json(index))?.id;
    let Some(remote) = snapshot::find(run, &id)? else {
        return Ok(None);
    };
    let remote = run.contact(remote.json.as_bytes())?;
    Ok(Some(Messengers::of_contact(&remote)))
}
