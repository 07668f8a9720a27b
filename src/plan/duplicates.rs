//! Rows of the source that carry the same id.
//!
//! While staging, an [`IdIndex`] of keyed hashes (16 bytes a contact and the table's slack) finds the
//! candidates; the ids themselves are compared here, once everything is staged, so a collision costs a look
//! and never a contact. Rows that say exactly the same are merged whatever the policy: there is nothing to
//! choose.

use std::collections::{BTreeMap, HashMap};

use crate::{
    contact::{Chat, Contact},
    reject::{Problem, RejectCode},
    run::{
        Contacts, RunError, RunFile,
        contacts::letter,
        planning::Change,
        stage::{RejectedAt, RejectedRow, StagedBlock},
    },
};
use serde::{Deserialize, Serialize};

/// What to do with rows that carry the same id and say different things (`--on-duplicate`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
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

/// Finds contacts whose ids were seen before.
#[derive(Debug, Default)]
pub struct IdIndex {
    seen: HashMap<u64, u32, Unhashed>,
    again: Vec<(u32, u32)>,
}

impl IdIndex {
    /// Notes the id hashes of consecutive contacts, the first of which has number `first_seq`.
    pub fn add(&mut self, first_seq: u64, id_hashes: &[u64]) {
        for (seq, &hash) in (first_seq..).zip(id_hashes) {
            // A run of 2^32 contacts is refused when it is staged.
            let seq = u32::try_from(seq).unwrap_or(u32::MAX);
            match self.seen.entry(hash) {
                std::collections::hash_map::Entry::Occupied(first) => {
                    self.again.push((*first.get(), seq));
                }
                std::collections::hash_map::Entry::Vacant(free) => drop(free.insert(seq)),
            }
        }
    }

    /// Every group of contacts with one hash: the numbers in order.
    #[must_use]
    pub fn into_groups(self) -> Vec<Vec<u64>> {
        let mut groups: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for (first, seq) in self.again {
            groups
                .entry(first)
                .or_insert_with(|| vec![first.into()])
                .push(seq.into());
        }
        groups.into_values().collect()
    }
}

/// Finds phones that stand under different ids: probably one customer twice. Nothing is done about it, because
/// families and offices share phones.
#[derive(Debug, Default)]
pub struct PhoneIndex {
    /// For each phone the row that it was first in, and a part of the hash of that row's id.
    seen: HashMap<u64, (u32, u32), Unhashed>,
    groups: BTreeMap<u32, Vec<u32>>,
}

impl PhoneIndex {
    /// Groups that are listed.
    const LISTED: usize = 10;

    /// Notes the phones of a block, the first row of which has this number.
    pub fn add(&mut self, first_row: u64, block: &StagedBlock) {
        for &(index, hash) in &block.phone_hashes {
            let index = index as usize;
            let row = first_row + u64::from(block.rows[index]);
            let row = u32::try_from(row).unwrap_or(u32::MAX);
            #[expect(clippy::cast_possible_truncation, reason = "a part of a hash is one")]
            let id = block.id_hashes[index] as u32;
            let (first_row, first_id) = *self.seen.entry(hash).or_insert((row, id));
            if first_id != id {
                let rows = self.groups.entry(first_row).or_default();
                if rows.last() != Some(&row) {
                    rows.push(row);
                }
            }
        }
    }

    /// The rows of each group.
    #[must_use]
    pub fn groups(&self) -> Vec<Vec<u32>> {
        let rows = |(first, rows): (&u32, &Vec<u32>)| {
            std::iter::once(first).chain(rows).copied().collect()
        };
        self.groups.iter().map(rows).collect()
    }

    /// The first groups for people, and how many more there are.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let line = |rows: Vec<u32>| {
            let rows: Vec<_> = rows.iter().map(u32::to_string).collect();
            format!("rows {}", rows.join(", "))
        };
        let mut lines: Vec<_> = self
            .groups()
            .into_iter()
            .take(Self::LISTED)
            .map(line)
            .collect();
        if self.groups.len() > Self::LISTED {
            lines.push(format!(
                "… and {} more phones",
                self.groups.len() - Self::LISTED
            ));
        }
        lines
    }
}

/// The keys are hashes already.
#[derive(Clone, Debug, Default)]
struct Unhashed(u64);

impl std::hash::BuildHasher for Unhashed {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl std::hash::Hasher for Unhashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// One row of a group, with what is needed to settle it.
struct Member {
    seq: u64,
    source: u32,
    row: u64,
    contact: Contact<'static>,
}

/// Settles every group: at most one contact of each stays.
///
/// # Errors
/// Where the run file can't be read or written.
pub fn settle(run: &RunFile, groups: Vec<Vec<u64>>, policy: OnDuplicate) -> Result<(), RunError> {
    let mut open = Open {
        run,
        contacts: None,
    };
    for group in groups {
        let mut by_id: BTreeMap<String, Vec<Member>> = BTreeMap::new();
        for seq in group {
            let member = open.member(seq)?;
            by_id
                .entry(member.contact.id.to_string())
                .or_default()
                .push(member);
        }
        for members in by_id.into_values().filter(|members| members.len() > 1) {
            open.settle_group(members, policy)?;
        }
    }
    open.flush()
}

/// The block whose letters are being changed.
struct Open<'a> {
    run: &'a RunFile,
    contacts: Option<Contacts>,
}

impl Open<'_> {
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
            let merged = merge(members);
            let complete = merged.missing().next().is_none();
            self.mark(
                first_seq,
                if complete {
                    letter::COMPLETE
                } else {
                    letter::PARTIAL
                },
            )?;
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
        let rows: Vec<_> = members
            .iter()
            .map(|member| member.row.to_string())
            .collect();
        for member in members {
            let problem = duplicate(&member.contact.id, &rows);
            self.mark(member.seq, letter::REJECTED)?;
            self.run.add_reject(&RejectedRow {
                source: member.source,
                row: member.row,
                seq: Some(member.seq),
                id: Some(&member.contact.id),
                at: RejectedAt::Plan,
                problems: &[problem],
            })?;
        }
        Ok(())
    }
}

/// What the rows of a group are told.
fn duplicate(id: &str, rows: &[String]) -> Problem {
    const SHOWN: usize = 5;
    let more = rows.len().saturating_sub(SHOWN);
    let list = rows[..rows.len() - more].join(", ");
    let others = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Problem {
        column: Some("id".into()),
        code: RejectCode::DuplicateId,
        reason: format!(
            "the id `{id}` is in rows {list}{others}, which say different things: keep one of them, or choose with --on-duplicate first, last or merge"
        ),
    }
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
    fn groups_are_found_by_hash_in_the_order_of_the_file() {
        let mut index = IdIndex::default();
        index.add(0, &[7, 8, 9]);
        index.add(3, &[8, 7, 8]);
        assert_eq!(index.into_groups(), [vec![0, 4], vec![1, 3, 5]]);
    }

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
