//! Digests of the rows of a contact.

use std::collections::HashMap;

use crate::{
    plan::PlanOptions,
    run::{Contacts, Decision, RunError, RunFile, blocks},
};

/// Computes the digests of a run's contacts from their rows.
pub(super) struct RowDigests<'a> {
    run: &'a RunFile,
    /// Includes the cleared chat types, because they change the meaning of empty cells.
    key: blake3::Hasher,
    /// For the few contacts of several rows, by id: the policy and the digests of the merged rows, in file order.
    merged: HashMap<u128, blake3::Hasher>,
}

impl<'a> RowDigests<'a> {
    pub(super) fn new(run: &'a RunFile, options: &PlanOptions) -> Result<Self, RunError> {
        let mut key = blake3::Hasher::new();
        for chat_type in &options.cleared {
            key.update(chat_type.as_str().as_bytes());
            key.update(b"\n");
        }
        let mut digests = Self {
            run,
            key,
            merged: HashMap::new(),
        };
        for block in 0..blocks::count(run)? {
            let contacts = Contacts::read(run, block)?;
            for index in contacts.select(contacts.seqs(), Decision::Merged) {
                let (id, digest) = digests.own(&contacts, index)?;
                let policy = options.on_duplicate as u8;
                let chain = digests.merged.entry(id);
                chain
                    .or_insert_with(|| blake3::Hasher::new().update(&[policy]).clone())
                    .update(&digest.to_le_bytes());
            }
        }
        Ok(digests)
    }

    /// The digests of a contact's id and of all of its rows.
    pub(super) fn of(&self, contacts: &Contacts, index: usize) -> Result<(u128, u128), RunError> {
        let (id, own) = self.own(contacts, index)?;
        let digest = self.merged.get(&id).map_or(own, |chain| {
            short(&chain.clone().update(&own.to_le_bytes()).finalize())
        });
        Ok((id, digest))
    }

    fn own(&self, contacts: &Contacts, index: usize) -> Result<(u128, u128), RunError> {
        let json = contacts.json(index);
        let id = id_digest(&self.run.contact(json)?.id);
        Ok((id, short(&self.key.clone().update(json).finalize())))
    }
}

pub(super) fn id_digest(id: &str) -> u128 {
    short(&blake3::hash(id.as_bytes()))
}

fn short(hash: &blake3::Hash) -> u128 {
    let half = hash.as_bytes().first_chunk();
    half.map_or(0, |bytes| u128::from_le_bytes(*bytes))
}
