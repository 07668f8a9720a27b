//! What a run wrote, contact by contact, with what was there before: what undo works from.

use std::collections::{HashMap, HashSet};

use rusqlite::params;

use super::{
    Action, RunError, RunFile,
    contacts::letter,
    journal::{Batch, Fate, parse_fate},
    planning::Removal,
};

/// A contact of a batch that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The contact's id.
    pub id: String,
    /// What was done with it, as far as is known; nothing where it was refused or left out.
    pub fate: Option<Fate>,
    /// What the account showed before, where the run looked.
    pub before: Option<String>,
    /// What was sent; nothing for deletes.
    pub after: Option<String>,
}

impl RunFile {
    /// How many contacts are in batches that were sent, answered or not.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn written_count(&self) -> Result<u64, RunError> {
        self.with(|connection| {
            connection.query_row(
                "SELECT coalesce(sum(count), 0) FROM batch WHERE state <> 'planned'",
                [],
                |row| row.get(0),
            )
        })
    }

    /// The contacts of the next batch from number `from` on that was sent, and that batch's number.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn written(&self, from: u64) -> Result<Option<(u64, Vec<Written>)>, RunError> {
        let Some(batch) = self.sent_batch(from)? else {
            return Ok(None);
        };
        let fates = self.fates(batch.no)?;
        let fate = |seq: u64| match fates.get(&seq) {
            None => Some(Fate::expected(batch.action)),
            Some(Fate::Failed | Fate::Stale) => None,
            Some(&fate) => Some(fate),
        };
        let written = match batch.action.letter() {
            Some(letter) => self.written_contacts(&batch, letter, fate)?,
            None => self.written_removals(&batch, fate)?,
        };
        Ok(Some((batch.no, written)))
    }

    fn written_contacts(
        &self,
        batch: &Batch,
        letter: u8,
        fate: impl Fn(u64) -> Option<Fate>,
    ) -> Result<Vec<Written>, RunError> {
        let changes = self.changes(batch.first_seq, batch.last_seq)?;
        let mut changes: HashMap<_, _> = changes.into_iter().collect();
        let mut written = Vec::with_capacity(batch.count);
        let mut seq = batch.first_seq;
        while seq <= batch.last_seq {
            let contacts = self.contacts(self.block_of(seq)?)?;
            for index in contacts.select(seq, batch.last_seq, letter) {
                let seq = contacts.first_seq + index as u64;
                let (remote, json) = changes
                    .remove(&seq)
                    .map_or((None, None), |change| (change.remote, change.json));
                let staged = || String::from_utf8_lossy(contacts.json(index)).into_owned();
                let after = json.unwrap_or_else(staged);
                written.push(Written {
                    id: self.contact(after.as_bytes())?.id.into_owned(),
                    fate: fate(seq),
                    before: self.snapshot_of(remote)?,
                    after: Some(after),
                });
            }
            seq = contacts.first_seq + contacts.len() as u64;
        }
        Ok(written)
    }

    fn written_removals(
        &self,
        batch: &Batch,
        fate: impl Fn(u64) -> Option<Fate>,
    ) -> Result<Vec<Written>, RunError> {
        self.removals(batch.first_seq, batch.last_seq)?
            .into_iter()
            .map(|removal| {
                Ok(Written {
                    id: removal.id,
                    fate: fate(removal.seq),
                    before: self.snapshot_of(removal.remote)?,
                    after: None,
                })
            })
            .collect()
    }

    fn snapshot_of(&self, remote: Option<u64>) -> Result<Option<String>, RunError> {
        remote.map_or(Ok(None), |remote| self.remote_json(remote))
    }

    fn sent_batch(&self, from: u64) -> Result<Option<Batch>, RunError> {
        use rusqlite::OptionalExtension as _;
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT no, action, first_seq, last_seq, count, state = 'sending' FROM batch
                      WHERE no >= ?1 AND state <> 'planned' ORDER BY no LIMIT 1",
                )?
                .query_row([from], |row| {
                    let word: String = row.get(1)?;
                    Ok(Batch {
                        no: row.get(0)?,
                        action: Action::parse(&word).ok_or(rusqlite::Error::InvalidQuery)?,
                        first_seq: row.get(2)?,
                        last_seq: row.get(3)?,
                        count: row.get(4)?,
                        unknown: row.get(5)?,
                    })
                })
                .optional()
        })
    }

    /// The contacts of a batch that did not fare as the batch.
    fn fates(&self, batch: u64) -> Result<HashMap<u64, Fate>, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT seq, fate FROM outcome WHERE batch = ?1")?
                .query_map(params![batch], |row| {
                    let fate: String = row.get(1)?;
                    Ok((row.get(0)?, parse_fate(&fate)))
                })?
                .collect()
        })
    }

    /// The numbers of the contacts of the source that were refused or left out.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn failed_contacts(&self) -> Result<HashSet<u64>, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT o.seq FROM outcome o JOIN batch b ON b.no = o.batch
                      WHERE b.action <> 'delete' AND o.fate IN ('failed', 'stale')",
                )?
                .query_map([], |row| row.get(0))?
                .collect()
        })
    }

    /// Calls `each` with every contact that is to be deleted, in order.
    ///
    /// # Errors
    /// Where the file can't be read, or what `each` says.
    pub fn for_each_removal<E: From<RunError>>(
        &self,
        mut each: impl FnMut(Removal) -> Result<(), E>,
    ) -> Result<(), E> {
        const PORTION: u64 = 1_000;
        let mut first = 0;
        loop {
            let removals = self.removals(first, first + PORTION - 1)?;
            if removals.is_empty() {
                return Ok(());
            }
            for removal in removals {
                each(removal)?;
            }
            first += PORTION;
        }
    }

    /// The JSON that a contact of the source was to have in the account, where it is not rejected or merged.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn expected(&self, block: u32) -> Result<Vec<String>, RunError> {
        let contacts = self.contacts(block)?;
        let last_seq = (contacts.first_seq + contacts.len() as u64).saturating_sub(1);
        let changes = self.changes(contacts.first_seq, last_seq)?;
        let mut changes: HashMap<_, _> = changes.into_iter().collect();
        Ok((0..contacts.len())
            .filter(|&index| !matches!(contacts.letters[index], letter::MERGED | letter::REJECTED))
            .map(|index| {
                let change = changes.remove(&(contacts.first_seq + index as u64));
                change
                    .and_then(|change| change.json)
                    .unwrap_or_else(|| String::from_utf8_lossy(contacts.json(index)).into_owned())
            })
            .collect())
    }
}
