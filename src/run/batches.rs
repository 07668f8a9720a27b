//! The requests of a plan: which contacts go together, and what they say.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Row, params};

use crate::contact::Action;

use super::{Contacts, RunError, RunFile, contacts::letter};

/// A batch as it is planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Number of the batch: the order of sending.
    pub no: u64,
    /// What is to be done.
    pub action: Action,
    /// First contact (or removal, for deletes).
    pub first_seq: u64,
    /// Last contact (or removal).
    pub last_seq: u64,
    /// How many contacts of that range have the action.
    pub count: usize,
    /// Is it *sending*, sent by somebody who did not live to see the answer? Then nobody knows what came of it.
    pub unknown: bool,
}

impl Batch {
    /// The id of one of its contacts.
    pub(super) fn id_of(&self, run: &RunFile, item: &BatchItem<'_>) -> Result<String, RunError> {
        match self.action {
            Action::Create | Action::Update => Ok(run.contact(item.json)?.id.into_owned()),
            Action::Delete => {
                serde_json::from_slice(item.json).map_err(|error| run.damaged(error.to_string()))
            }
        }
    }
}

impl RunFile {
    /// Cuts what is to be done into numbered batches of at most `size`: creates, then updates, then deletes.
    pub(crate) fn make_batches(&self, size: usize) -> Result<(), RunError> {
        let mut no = 0_u64;
        for (action, letter) in [
            (Action::Create, letter::CREATE),
            (Action::Update, letter::UPDATE),
        ] {
            let mut open = Range::default();
            for block in 0..self.block_count()? {
                let (first_seq, letters) = self.letters(block)?;
                for index in memchr::memchr_iter(letter, &letters) {
                    open.push(first_seq + index as u64);
                    if open.count == size {
                        self.add_batch(&mut no, action, &mut open)?;
                    }
                }
            }
            self.add_batch(&mut no, action, &mut open)?;
        }
        let mut open = Range::default();
        for seq in 0..self.removal_count()? {
            open.push(seq);
            if open.count == size {
                self.add_batch(&mut no, Action::Delete, &mut open)?;
            }
        }
        self.add_batch(&mut no, Action::Delete, &mut open)
    }

    fn add_batch(&self, no: &mut u64, action: Action, range: &mut Range) -> Result<(), RunError> {
        let range = std::mem::take(range);
        if range.count == 0 {
            return Ok(());
        }
        self.with(|connection| {
            connection
                .prepare_cached("INSERT INTO batch(no, action, first_seq, last_seq, count) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![*no, action.as_str(), range.first, range.last, range.count])
        })?;
        *no += 1;
        Ok(())
    }

    /// How many batches are not done.
    pub(crate) fn open_batch_count(&self) -> Result<u64, RunError> {
        self.with(|connection| {
            connection.query_row(
                "SELECT count(*) FROM batch WHERE state <> 'done'",
                [],
                |row| row.get(0),
            )
        })
    }

    /// The batches that are not done, from number `from` on, at most `limit` of them.
    pub fn open_batches(&self, from: u64, limit: usize) -> Result<Vec<Batch>, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT no, action, first_seq, last_seq, count, state = 'sending' FROM batch
                      WHERE no >= ?1 AND state <> 'done' ORDER BY no LIMIT ?2",
                )?
                .query_map(params![from, i64::try_from(limit).unwrap_or(-1)], batch)?
                .collect()
        })
    }

    /// The next batch from number `from` on that was sent, answered or not.
    pub(super) fn sent_batch(&self, from: u64) -> Result<Option<Batch>, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT no, action, first_seq, last_seq, count, state = 'sending' FROM batch
                      WHERE no >= ?1 AND state <> 'planned' ORDER BY no LIMIT 1",
                )?
                .query_row([from], batch)
                .optional()
        })
    }

    /// How many updates were planned without a look at what the account has.
    pub(crate) fn blind_updates(&self) -> Result<u64, RunError> {
        self.with(|connection| {
            connection.query_row(
                "SELECT (SELECT coalesce(sum(count), 0) FROM batch WHERE action = 'update')
                      - (SELECT count(*) FROM change WHERE remote IS NOT NULL)",
                [],
                |row| row.get(0),
            )
        })
    }
}

/// One contact of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchItem<'a> {
    /// Number of the contact, or of the removal.
    pub seq: u64,
    /// What is sent: the contact, or its id where it is to be deleted, as JSON.
    pub json: &'a [u8],
    /// The contact in the snapshot, where the account was asked for it.
    pub remote: Option<u64>,
}

/// Reads the contacts of batches; best in their order, because a block holds those of many.
#[derive(Debug)]
pub(crate) struct BatchReader<'a> {
    run: &'a RunFile,
    block: Option<Contacts>,
}

impl<'a> BatchReader<'a> {
    /// A reader of this run's batches.
    #[must_use]
    pub(crate) const fn new(run: &'a RunFile) -> Self {
        Self { run, block: None }
    }

    /// Calls `each` with every contact of a batch, in order.
    pub(crate) fn each<E: From<RunError>>(
        &mut self,
        batch: &Batch,
        mut each: impl FnMut(BatchItem<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut count = 0;
        let mut counted = |item: BatchItem<'_>| {
            count += 1;
            each(item)
        };
        match batch.action.letter() {
            Some(letter) => self.contacts(batch, letter, &mut counted)?,
            None => self.removals(batch, &mut counted)?,
        }
        if count == batch.count {
            return Ok(());
        }
        let Batch {
            no, count: says, ..
        } = batch;
        let reason = format!("batch {no} says {says} contacts and has {count}");
        Err(self.run.damaged(reason).into())
    }

    fn contacts<E: From<RunError>>(
        &mut self,
        batch: &Batch,
        letter: u8,
        each: &mut impl FnMut(BatchItem<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let changes = self.run.changes(batch.first_seq, batch.last_seq)?;
        let mut changes: HashMap<_, _> = changes.into_iter().collect();
        let mut seq = batch.first_seq;
        while seq <= batch.last_seq {
            let contacts = self.block(seq)?;
            for index in contacts.select(seq, batch.last_seq, letter) {
                let seq = contacts.first_seq + index as u64;
                let change = changes.remove(&seq);
                let json = change.as_ref().and_then(|change| change.json.as_ref());
                each(BatchItem {
                    seq,
                    json: json.map_or_else(|| contacts.json(index), String::as_bytes),
                    remote: change.as_ref().and_then(|change| change.remote),
                })?;
            }
            seq = contacts.first_seq + contacts.len() as u64;
        }
        Ok(())
    }

    fn removals<E: From<RunError>>(
        &self,
        batch: &Batch,
        each: &mut impl FnMut(BatchItem<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for removal in self.run.removals(batch.first_seq, batch.last_seq)? {
            each(BatchItem {
                seq: removal.seq,
                json: serde_json::Value::from(removal.id).to_string().as_bytes(),
                remote: removal.remote,
            })?;
        }
        Ok(())
    }

    /// The block that holds a contact; batches walk forward, so it is usually the one that is at hand.
    fn block(&mut self, seq: u64) -> Result<&Contacts, RunError> {
        let at_hand = self
            .block
            .take()
            .filter(|block| (block.first_seq..block.first_seq + block.len() as u64).contains(&seq));
        let block = match at_hand {
            Some(block) => block,
            None => self.run.contacts(self.run.block_of(seq)?)?,
        };
        Ok(self.block.insert(block))
    }
}

fn batch(row: &Row<'_>) -> rusqlite::Result<Batch> {
    let word: String = row.get(1)?;
    Ok(Batch {
        no: row.get(0)?,
        action: Action::parse(&word).ok_or(rusqlite::Error::InvalidQuery)?,
        first_seq: row.get(2)?,
        last_seq: row.get(3)?,
        count: row.get(4)?,
        unknown: row.get(5)?,
    })
}

#[derive(Default)]
struct Range {
    first: u64,
    last: u64,
    count: usize,
}

impl Range {
    fn push(&mut self, seq: u64) {
        if self.count == 0 {
            self.first = seq;
        }
        self.last = seq;
        self.count += 1;
    }
}
