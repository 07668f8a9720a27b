//! Rows of the source that carry the same id.
//!
//! While staging, an [`IdIndex`](super::index::IdIndex) of keyed hashes finds the candidates; the ids themselves
//! are compared here, once everything is staged, so a collision costs a look and never a contact. Rows that say
//! exactly the same are merged whatever the policy: there is nothing to choose.

use std::collections::BTreeMap;

use super::{index::shortened, origins::Origins};
use crate::{
    contact::{Chat, Contact},
    reject::{Problem, RejectCode},
    run::{Change, Contacts, RejectedAt, RejectedRow, RunError, RunFile, letter},
};
use serde::{Deserialize, Serialize};

/// What to do with rows that carry the same id and say different things (`--on-duplicate`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDuplicate {
    /// Hand all of them back: nobody but the user knows which is right.
    #[default]
    Reject,
    /// The first row counts.
    First,
    /// The last row counts.
    Last,
    /// One contact with the chats of all rows; of the other fields the first that is not empty counts.
    Merge,
}

/// One row of a group, with what is needed to settle it.
struct Member {
    seq: u64,
    source: u32,
    row: u64,
    contact: Contact<'static>,
}

/// Settles every group: at most one contact of each stays.
pub(crate) fn settle(
    run: &RunFile,
    groups: Vec<Vec<u64>>,
    policy: OnDuplicate,
) -> Result<(), RunError> {
    let mut letters = LetterEditor {
        run,
        origins: Origins::of(run)?,
        contacts: None,
    };
    for group in groups {
        let mut by_id: BTreeMap<String, Vec<Member>> = BTreeMap::new();
        for seq in group {
            let member = letters.member(seq)?;
            by_id
                .entry(member.contact.id.to_string())
                .or_default()
                .push(member);
        }
        for members in by_id.into_values().filter(|members| members.len() > 1) {
            letters.settle_group(members, policy)?;
        }
    }
    letters.flush()
}

/// Hands back the rows that were merged into rejected contacts: each of `rejected` is such a row, with what is
/// wrong with its contact.
pub(super) fn hand_back(run: &RunFile, rejected: &[(u64, Vec<Problem>)]) -> Result<(), RunError> {
    let mut letters = LetterEditor {
        run,
        origins: Origins::of(run)?,
        contacts: None,
    };
    for (seq, problems) in rejected {
        let member = letters.member(*seq)?;
        letters.reject_row(&member, problems)?;
    }
    letters.flush()
}

/// The block whose letters are being changed.
struct LetterEditor<'a> {
    run: &'a RunFile,
    origins: Origins,
    contacts: Option<Contacts>,
}

impl LetterEditor<'_> {
    fn at(&mut self, seq: u64) -> Result<(&mut Contacts, usize), RunError> {
        let holds = |contacts: &Contacts| {
            (contacts.first_seq..contacts.first_seq + contacts.len() as u64).contains(&seq)
        };
        if !self.contacts.as_ref().is_some_and(holds) {
            self.flush()?;
        }
        let contacts = match self.contacts.take() {
            Some(contacts) => contacts,
            None => self.run.contacts(self.run.block_of(seq)?)?,
        };
        let index = usize::try_from(seq - contacts.first_seq).unwrap_or(usize::MAX);
        Ok((self.contacts.insert(contacts), index))
    }

    fn flush(&mut self) -> Result<(), RunError> {
        match self.contacts.take() {
            Some(contacts) => self.run.set_letters(contacts.block, &contacts.letters),
            None => Ok(()),
        }
    }

    fn member(&mut self, seq: u64) -> Result<Member, RunError> {
        let run = self.run;
        let (contacts, index) = self.at(seq)?;
        Ok(Member {
            seq,
            source: contacts.source,
            row: contacts.row(index),
            contact: run.contact(contacts.json(index))?.into_owned(),
        })
    }

    fn mark(&mut self, seq: u64, letter: u8) -> Result<(), RunError> {
        let (contacts, index) = self.at(seq)?;
        contacts.letters[index] = letter;
        Ok(())
    }

    fn settle_group(&mut self, members: Vec<Member>, policy: OnDuplicate) -> Result<(), RunError> {
        let alike = members
            .iter()
            .all(|member| member.contact == members[0].contact);
        let stays = match policy {
            OnDuplicate::Reject if !alike => return self.reject(&members),
            OnDuplicate::Last => members.len() - 1,
            _ => 0,
        };
        for (index, member) in members.iter().enumerate() {
            if index != stays {
                self.mark(member.seq, letter::MERGED)?;
            }
        }
        if policy == OnDuplicate::Merge && !alike {
            let first_seq = members[0].seq;
            let others = members[1..].iter().map(|member| member.seq);
            self.run.add_merged(first_seq, others)?;
            let merged = merge(members);
            self.mark(first_seq, letter::undecided(&merged))?;
            let json = Some(self.run.json(&merged)?);
            self.run.set_change(
                first_seq,
                &Change {
                    remote: None,
                    fields: Vec::new(),
                    json,
                },
            )?;
        }
        Ok(())
    }

    fn reject(&mut self, members: &[Member]) -> Result<(), RunError> {
        let rows = members
            .iter()
            .map(|member| self.origins.row(member.source, member.row));
        let reason = duplicate(&members[0].contact.id, &shortened(rows));
        for member in members {
            let problem = Problem {
                column: Some(self.origins.id_column(member.source)),
                code: RejectCode::DuplicateId,
                reason: reason.clone(),
            };
            self.reject_row(member, &[problem])?;
        }
        Ok(())
    }

    fn reject_row(&mut self, member: &Member, problems: &[Problem]) -> Result<(), RunError> {
        self.mark(member.seq, letter::REJECTED)?;
        self.run.add_reject(&RejectedRow {
            source: member.source,
            row: member.row,
            seq: Some(member.seq),
            id: Some(&member.contact.id),
            at: RejectedAt::Plan,
            problems,
        })
    }
}

/// What the rows of a group are told.
fn duplicate(id: &str, rows: &str) -> String {
    format!(
        "the id `{id}` is in rows {rows}, which say different things: keep one of them, or choose with --on-duplicate first, last or merge"
    )
}

/// One contact with the chats of all; of the other fields the first that is not empty counts.
fn merge(members: Vec<Member>) -> Contact<'static> {
    let mut merged = Contact::default();
    let mut chats: Vec<Chat<'static>> = Vec::new();
    for Member { contact, .. } in members {
        for (field, value) in [
            (&mut merged.id, contact.id),
            (&mut merged.responsible_user_id, contact.responsible_user_id),
            (&mut merged.name, contact.name),
            (&mut merged.uri, contact.uri),
        ] {
            if field.is_empty() {
                *field = value;
            }
        }
        for chat in contact.contact_data {
            if !chats.contains(&chat) {
                chats.push(chat);
            }
        }
    }
    merged.contact_data = chats;
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_the_first_of_each_field_and_all_chats() {
        let member = |seq, name: &'static str, chat_id: &'static str| Member {
            seq,
            source: 0,
            row: seq + 2,
            contact: Contact {
                id: "1".into(),
                name: name.into(),
                contact_data: [Chat::by_id(crate::contact::ChatType::Vk, chat_id)]
                    .into_iter()
                    .collect(),
                ..Contact::default()
            },
        };
        let merged = merge(vec![
            member(0, "", "a"),
            member(1, "Ann", "b"),
            member(2, "Bob", "a"),
        ]);
        assert_eq!(merged.name, "Ann");
        assert_eq!(
            merged
                .contact_data
                .iter()
                .map(|chat| &*chat.chat_id)
                .collect::<Vec<_>>(),
            ["a", "b"]
        );
    }
}
