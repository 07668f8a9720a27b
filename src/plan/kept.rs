//! The contacts of the account that a mirror keeps, and the deletion of the others.

use std::collections::HashMap;

use super::{PlanError, gate::GateVerdict, present::hash, unsent::UnsentFields};
use crate::{
    contact::spelling::folded,
    run::{Deletion, RunFile, changes, rejects, snapshot},
};

/// The contacts of the snapshot that have a row, and the rows without a contact.
#[derive(Debug, Default)]
pub(super) struct KeptContacts {
    /// A bit for each contact of the snapshot.
    marks: Vec<u64>,
    /// The ids of rows without a contact, by the hash of their folded spelling: the id, if it is to be created.
    unmatched: HashMap<u64, Option<String>>,
}

impl KeptContacts {
    /// Adds the contact of a row.
    pub(super) fn mark(&mut self, seq: u64) {
        let word = usize::try_from(seq / 64).unwrap_or(usize::MAX);
        if self.marks.len() <= word {
            self.marks.resize(word + 1, 0);
        }
        self.marks[word] |= 1 << (seq % 64);
    }

    /// True if a row has this contact.
    pub(super) fn contains(&self, seq: u64) -> bool {
        usize::try_from(seq / 64)
            .ok()
            .and_then(|word| self.marks.get(word))
            .is_some_and(|word| word >> (seq % 64) & 1 == 1)
    }

    /// Adds the id of a row without a contact.
    pub(super) fn add_unmatched(&mut self, id: &str, is_created: bool) {
        let created = is_created.then(|| id.to_owned());
        self.unmatched.insert(hash(&folded(id)), created);
    }

    /// Plans to delete the other contacts. A contact whose id differs only in spelling from that of a row may be the row's: if
    /// the row is rejected, the contact stays, and if it is to be created, the plan is refused.
    pub(super) fn delete_others(
        &mut self,
        run: &RunFile,
        unsent: &mut UnsentFields,
    ) -> Result<(), PlanError> {
        snapshot::for_each_rejected(run, |seq| self.mark(seq))?;
        rejects::for_each_id(run, |id| {
            self.unmatched.entry(hash(&folded(&id))).or_default();
        })?;
        let (mut seq, mut pairs) = (0, 0);
        let mut pair = None;
        snapshot::for_each(run, |contact| {
            if self.contains(contact.seq) {
                return Ok(());
            }
            match self.unmatched.get(&hash(&folded(&contact.id))) {
                Some(Some(create)) => {
                    pairs += 1;
                    pair.get_or_insert_with(|| (create.clone(), contact.id.clone()));
                    return Ok(());
                }
                Some(None) => return Ok(()),
                None => {}
            }
            unsent.add(&run.contact(contact.json.as_bytes())?);
            let deletion = Deletion {
                seq,
                id: contact.id,
                snapshot: Some(contact.seq),
            };
            seq += 1;
            changes::add_deletion(run, &deletion)
        })?;
        let Some((create, delete)) = pair else {
            return Ok(());
        };
        Err(PlanError::Gate(GateVerdict::RespeltIds {
            pairs,
            create,
            delete,
        }))
    }
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
