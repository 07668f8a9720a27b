//! Which messengers a contact has, as far as a run file shows.

use std::collections::HashMap;

use crate::{
    contact::{ChatType, Contact},
    run::{Contacts, RunError, RunFile, planning::Change},
};

/// A set of messengers: a bit each, and one for all that the documentation does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Messengers(pub(super) u16);

impl Messengers {
    pub(super) fn of(chat_types: impl IntoIterator<Item = ChatType>) -> Self {
        let bit = |chat_type| {
            let known = ChatType::ALL.iter().position(|known| *known == chat_type);
            1_u16 << known.unwrap_or(ChatType::ALL.len())
        };
        Self(
            chat_types
                .into_iter()
                .map(bit)
                .fold(0, |set, bit| set | bit),
        )
    }

    pub(super) fn of_contact(contact: &Contact<'_>) -> Self {
        Self::of(contact.contact_data.iter().map(|chat| chat.chat_type))
    }

    pub(super) const fn are_within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }
}

/// What the contacts of a block became together with other rows or with what the account has, by number.
pub(super) fn became(run: &RunFile, contacts: &Contacts) -> Result<HashMap<u64, String>, RunError> {
    let behind = contacts.first_seq + contacts.len() as u64;
    let changes = run.changes(contacts.first_seq, behind.saturating_sub(1))?;
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
    let Some(remote) = run.remote(&id)? else {
        return Ok(None);
    };
    let remote = run.contact(remote.json.as_bytes())?;
    Ok(Some(Messengers::of_contact(&remote)))
}
