//! Rows of the source with the same id.
//!
//! During staging, an [`IdIndex`](super::index::IdIndex) of keyed hashes finds candidates. The ids themselves are
//! compared here, after staging, so a hash collision never merges different contacts. Rows with equal content are
//! merged under every policy, and so are rows of a long backup that differ only in their chats.

use std::collections::{BTreeMap, BTreeSet};

use super::index::IdGroup;
use crate::{
    contact::Contact,
    reject::{Problem, RejectCode, RejectedAt},
    run::{Change, Contacts, Decision, RunError, RunFile, RunSources, changes, contacts, rejects},
    wording::shortened,
};
use serde::{Deserialize, Serialize};

/// The treatment of rows with the same id and different content (`--on-duplicate`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDuplicate {
    /// Reject all of them.
    #[default]
    Reject,
    /// Use the first row.
    First,
    /// Use the last row.
    Last,
    /// One contact with the chats of all rows and the first non-empty value of every other field.
    Merge,
}

struct Member {
    seq: u64,
    source: u32,
    row: u64,
    /// True if a chat of the row could not be read.
    is_lossy: bool,
    contact: Contact<'static>,
}

impl Member {
    /// True if the rows differ at most in their chats.
    fn differs_in_chats(&self, other: &Self) -> bool {
        let fields = |contact: &Contact<'static>| Contact {
            contact_data: Vec::new(),
            ..contact.clone()
        };
        fields(&self.contact) == fields(&other.contact)
    }
}

/// Settles every group: at most one contact of each remains. If a row of the id was rejected, none does:
/// a merged contact would lack its chats, and the rejected row may be the right one.
pub(crate) fn settle(
    run: &RunFile,
    groups: Vec<IdGroup>,
    policy: OnDuplicate,
) -> Result<(), RunError> {
    let mut editor = DecisionEditor::new(run)?;
    for group in groups {
        let mut by_id: BTreeMap<String, Vec<Member>> = BTreeMap::new();
        for seq in group.contacts {
            let member = editor.member(seq)?;
            by_id
                .entry(member.contact.id.to_string())
                .or_default()
                .push(member);
        }
        for members in by_id.into_values() {
            if !group.rejected.is_empty() {
                let reason = "is also in a row that was rejected: correct that row, and import all rows of the id together";
                editor.reject(&members, reason)?;
            } else if !group.nameless.is_empty() && editor.are_rows_of_chats(&members, policy) {
                let reason = "may also be that of the rejected row beside it, which has no readable id: correct that row, and import all rows of the id together";
                editor.reject(&members, reason)?;
            } else if members.len() > 1 {
                editor.settle_group(&members, policy)?;
            }
        }
    }
    editor.flush()
}

/// Rejects rows that were merged into rejected contacts, with the problems of these contacts.
pub(super) fn reject_merged(run: &RunFile, merged: &[(u64, Vec<Problem>)]) -> Result<(), RunError> {
    let mut editor = DecisionEditor::new(run)?;
    for (seq, problems) in merged {
        let member = editor.member(*seq)?;
        editor.reject_row(&member, problems)?;
    }
    editor.flush()
}

/// Edits decisions block by block.
struct DecisionEditor<'a> {
    run: &'a RunFile,
    sources: RunSources,
    block: Option<Contacts>,
}

impl<'a> DecisionEditor<'a> {
    fn new(run: &'a RunFile) -> Result<Self, RunError> {
        Ok(Self {
            run,
            sources: RunSources::of(run)?,
            block: None,
        })
    }

    fn at(&mut self, seq: u64) -> Result<(&mut Contacts, usize), RunError> {
        if !self
            .block
            .as_ref()
            .is_some_and(|block| block.seqs().contains(&seq))
        {
            self.flush()?;
        }
        let contacts = Contacts::around(self.run, self.block.take(), seq)?;
        let index = contacts.index(seq);
        Ok((self.block.insert(contacts), index))
    }

    fn flush(&mut self) -> Result<(), RunError> {
        match self.block.take() {
            Some(block) => contacts::set_decisions(self.run, block.block, &block.decisions),
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
            is_lossy: contacts.decisions[index] == Decision::Lossy,
            contact: run.contact(contacts.json(index))?.into_owned(),
        })
    }

    fn set(&mut self, seq: u64, decision: Decision) -> Result<(), RunError> {
        let (contacts, index) = self.at(seq)?;
        contacts.decisions[index] = decision;
        Ok(())
    }

    /// True if a row may be a single chat of its contact.
    fn are_rows_of_chats(&self, members: &[Member], policy: OnDuplicate) -> bool {
        policy == OnDuplicate::Merge || self.sources.is_long(members[0].source)
    }

    fn settle_group(&mut self, members: &[Member], policy: OnDuplicate) -> Result<(), RunError> {
        let alike = members
            .iter()
            .all(|member| member.contact == members[0].contact);
        let chosen = match policy {
            OnDuplicate::Last => &members[members.len() - 1],
            _ => &members[0],
        };
        let sources = &self.sources;
        let is_long = sources.is_long(chosen.source);
        let is_joined = |member: &Member| match policy {
            OnDuplicate::Merge => true,
            _ if is_long => {
                sources.are_one_file(member.source, chosen.source)
                    && member.differs_in_chats(chosen)
            }
            _ => member.seq == chosen.seq,
        };
        let joined: Vec<&Member> = members.iter().filter(|it| is_joined(it)).collect();
        if policy == OnDuplicate::Reject && !alike && joined.len() < members.len() {
            return self.reject_differing(members);
        }
        let first_seq = joined[0].seq;
        for member in members.iter().filter(|it| it.seq != first_seq) {
            self.set(member.seq, Decision::Merged)?;
        }
        // Equal rows of a long backup are a chat that the account shows twice.
        if joined.len() > 1 && (!alike || is_long) {
            rejects::add_merged(self.run, first_seq, joined[1..].iter().map(|it| it.seq))?;
            let merged = merge(&joined, is_long);
            let change = Change {
                snapshot: None,
                fields: Vec::new(),
                json: Some(self.run.json(&merged)?),
            };
            changes::set(self.run, first_seq, &change)?;
            self.set(first_seq, Decision::undecided(&merged))?;
        }
        let is_lossy = |it: &Member| it.is_lossy;
        if joined.iter().copied().any(is_lossy) || alike && members.iter().any(is_lossy) {
            self.set(first_seq, Decision::Lossy)?;
        }
        Ok(())
    }

    fn reject_differing(&mut self, members: &[Member]) -> Result<(), RunError> {
        let rows = members.iter();
        let rows = rows.map(|member| self.sources.row(member.source as usize, member.row));
        let reason = format!(
            "is in rows {}, which differ: keep one of them, or choose with --on-duplicate first, last or merge",
            shortened(rows)
        );
        self.reject(members, &reason)
    }

    /// Rejects rows with the same id. `reason`: about the id.
    fn reject(&mut self, members: &[Member], reason: &str) -> Result<(), RunError> {
        let reason = format!("the id `{}` {reason}", members[0].contact.id);
        for member in members {
            let problem = Problem {
                column: Some(self.sources.id_column(member.source)),
                code: RejectCode::DuplicateId,
                reason: reason.clone(),
            };
            self.reject_row(member, &[problem])?;
        }
        Ok(())
    }

    fn reject_row(&mut self, member: &Member, problems: &[Problem]) -> Result<(), RunError> {
        let run = self.run;
        let (contacts, index) = self.at(member.seq)?;
        contacts.decisions[index] = Decision::Rejected;
        let id = &member.contact.id;
        rejects::add(
            run,
            &contacts.rejected(index, id, RejectedAt::Plan, problems),
        )
    }
}

/// Merges as [`OnDuplicate::Merge`] describes. `keeps_repeated`: a chat stays as often as it occurs.
fn merge<'m>(members: &[&'m Member], keeps_repeated: bool) -> Contact<'m> {
    let mut merged = Contact::default();
    let mut seen = BTreeSet::new();
    for Member { contact, .. } in members {
        for (field, value) in [
            (&mut merged.id, &contact.id),
            (
                &mut merged.responsible_user_id,
                &contact.responsible_user_id,
            ),
            (&mut merged.name, &contact.name),
            (&mut merged.uri, &contact.uri),
        ] {
            if field.is_empty() {
                *field = (**value).into();
            }
        }
        for chat in &contact.contact_data {
            if seen.insert(chat) || keeps_repeated {
                merged.contact_data.push(chat.clone());
            }
        }
    }
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
            is_lossy: false,
            contact: Contact {
                id: "1".into(),
                name: name.into(),
                contact_data: [crate::contact::Chat::by_id(
                    crate::contact::ChatType::Vk,
                    chat_id,
                )]
                .into_iter()
                .collect(),
                ..Contact::default()
            },
        };
        let members = [
            member(0, "", "a"),
            member(1, "Ann", "b"),
            member(2, "Bob", "a"),
        ];
        let merged = merge(&members.each_ref(), false);
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
