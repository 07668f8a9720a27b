//! The contacts of the account that a mirror keeps; it deletes the others.

use std::collections::{HashMap, HashSet};

use super::{PlanError, decision_notes::UnsentFields, finder, gate::GateVerdict};
use crate::{
    contact::spelling::folded,
    normalize::whole_id,
    run::{Decision, Deletion, RunError, RunFile, blocks, changes, rejects, snapshot},
};

/// The contacts of the snapshot that have a row.
#[derive(Debug, Default)]
pub(super) struct KeptContacts {
    /// By number.
    are_kept: Vec<bool>,
    /// Those whose row has another spelling of the id.
    respelt: HashSet<u64>,
}

impl KeptContacts {
    /// Adds the contact of a row, with its id or another spelling of it. False if another row has the contact.
    pub(super) fn claim(&mut self, seq: u64, is_respelt: bool) -> bool {
        let is_taken = if is_respelt {
            self.contains(seq)
        } else {
            self.respelt.contains(&seq)
        };
        if is_taken {
            return false;
        }
        if is_respelt {
            self.respelt.insert(seq);
        }
        self.mark(seq);
        true
    }

    /// Adds the contact of a row.
    pub(super) fn mark(&mut self, seq: u64) {
        let at = usize::try_from(seq).unwrap_or(usize::MAX);
        if self.are_kept.len() <= at {
            self.are_kept.resize(at + 1, false);
        }
        self.are_kept[at] = true;
    }

    fn contains(&self, seq: u64) -> bool {
        let at = usize::try_from(seq).unwrap_or(usize::MAX);
        self.are_kept.get(at) == Some(&true)
    }

    /// Plans to delete all other contacts. If an id differs only in spelling from that of a row, the contact may
    /// be the row's: if the row is rejected, the contact stays; if the row is to be created, the plan is refused.
    pub(super) fn delete_others(
        &mut self,
        run: &RunFile,
        unsent: &mut UnsentFields,
    ) -> Result<(), PlanError> {
        rejects::for_each_id(run, |id| {
            if let Some(found) = snapshot::find(run, &id)? {
                self.mark(found.seq);
            }
            Ok(())
        })?;
        let mut others = HashMap::new();
        snapshot::for_each(run, |contact| {
            if !self.contains(contact.seq) {
                others.insert(hash(&contact.id), contact.seq);
            }
            Ok::<_, RunError>(())
        })?;
        if others.is_empty() {
            return Ok(());
        }
        rejects::for_each_id(run, |id| {
            if let Some(seq) = others.remove(&hash(&id)) {
                self.mark(seq);
            }
            Ok(())
        })?;
        refuse_respelt(run, &others)?;
        let mut seq = 0;
        Ok(snapshot::for_each(run, |contact| {
            if self.contains(contact.seq) {
                return Ok(());
            }
            unsent.add(&run.contact(contact.json.as_bytes())?);
            let deletion = Deletion {
                seq,
                id: contact.id,
                snapshot: Some(contact.seq),
            };
            seq += 1;
            changes::add_deletion(run, &deletion)
        })?)
    }
}

/// The hash that ids have in common if they differ only in spelling, also if reading a row respells an id: `2.0`, `'2`.
fn hash(id: &str) -> u64 {
    let id = id.strip_prefix('\'').unwrap_or(id);
    finder::hash(&folded(whole_id(id).as_deref().unwrap_or(id)))
}

/// Refuses the plan if the id of a contact to be created differs only in spelling from one in `others`: the
/// contacts to be deleted, by the hash of their folded ids.
fn refuse_respelt(run: &RunFile, others: &HashMap<u64, u64>) -> Result<(), PlanError> {
    let (mut pairs, mut first) = (0, None);
    blocks::for_each_contact(run, Decision::Create, |contacts, index| {
        let id = run.id_of(contacts.json(index))?;
        if let Some(seq) = others.get(&hash(&id)) {
            pairs += 1;
            first.get_or_insert((id.into_owned(), *seq));
        }
        Ok::<_, RunError>(())
    })?;
    let Some((create, seq)) = first else {
        return Ok(());
    };
    Err(PlanError::Gate(GateVerdict::RespeltIds {
        pairs,
        create,
        delete: snapshot::by_seq(run, seq)?.id,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_contacts_are_contained() {
        let mut kept = KeptContacts::default();
        for seq in [0, 63, 64, 1_000] {
            kept.mark(seq);
        }
        let held: Vec<_> = (0..2_000).filter(|&seq| kept.contains(seq)).collect();
        assert_eq!(held, [0, 63, 64, 1_000]);
    }
}
