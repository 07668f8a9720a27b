//! The batches of a plan: the contacts of each request.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Range,
};

use rusqlite::{Row, params};

use super::{Contacts, Decision, RunError, RunFile, State, blocks, changes, column, contacts};
use crate::contact::Operation;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Number of the batch, which is also its position in the sending order.
    pub no: u64,
    pub operation: Operation,
    pub first_seq: u64,
    pub last_seq: u64,
    /// The number of contacts to send; settled ones don't count.
    pub count: usize,
    /// The number of contacts that were settled before sending stopped; 0 if the batch is done.
    pub settled: usize,
    /// True if a run ended before the answer (*sending*), so the outcome is unknown.
    pub unknown: bool,
}

/// The state of a batch; see [`super::schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub(super) enum BatchState {
    Planned,
    Sending,
    Done,
}

impl Batch {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            no: row.get(0)?,
            operation: column::word(row, 1)?,
            first_seq: row.get(2)?,
            last_seq: row.get(3)?,
            count: row.get(4)?,
            unknown: row.get(5)?,
            settled: row.get(6)?,
        })
    }

    /// The batch including its settled contacts.
    pub(super) fn whole(&self) -> Self {
        Self {
            count: self.count + self.settled,
            settled: 0,
            ..self.clone()
        }
    }

    pub(super) fn id_of(&self, run: &RunFile, item: &BatchItem<'_>) -> Result<String, RunError> {
        match self.operation {
            Operation::Create | Operation::Update => Ok(run.id_of(item.json)?.into_owned()),
            Operation::Delete => {
                serde_json::from_slice(item.json).map_err(|error| run.damaged(error.to_string()))
            }
        }
    }

    fn seqs(&self) -> Range<u64> {
        self.first_seq..self.last_seq + 1
    }
}

/// Divides the contacts to send into numbered batches of at most `size`: creates, then updates, then deletes.
pub(crate) fn make(run: &RunFile, size: usize) -> Result<(), RunError> {
    let (mut next_no, mut seqs) = (0, Vec::with_capacity(size));
    // Adds a batch of these contacts once there are enough, or as many as there are.
    let mut add = |operation: Operation, seqs: &mut Vec<u64>, wanted: usize| {
        let (Some(first_seq), Some(last_seq)) = (seqs.first(), seqs.last()) else {
            return Ok(());
        };
        if seqs.len() < wanted {
            return Ok(());
        }
        run.database.execute(
            "INSERT INTO batch(no, operation, first_seq, last_seq, count) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![next_no, operation.as_str(), first_seq, last_seq, seqs.len()],
        )?;
        next_no += 1;
        seqs.clear();
        Ok::<_, RunError>(())
    };
    for (operation, decision) in [
        (Operation::Create, Decision::Create),
        (Operation::Update, Decision::Update),
    ] {
        for block in 0..blocks::count(run)? {
            let (first_seq, decisions) = contacts::decisions(run, block)?;
            let decided = (first_seq..).zip(decisions);
            for (seq, _) in decided.filter(|(_, it)| *it == decision) {
                seqs.push(seq);
                add(operation, &mut seqs, size)?;
            }
        }
        add(operation, &mut seqs, 1)?;
    }
    for seq in 0..changes::deletion_count(run)? {
        seqs.push(seq);
        add(Operation::Delete, &mut seqs, size)?;
    }
    add(Operation::Delete, &mut seqs, 1)
}

/// The number of batches that are not done.
pub(crate) fn open_count(run: &RunFile) -> Result<u64, RunError> {
    run.database
        .value("SELECT count(*) FROM batch WHERE state <> 'done'", [])
}

/// At most `limit` batches that are not done, from number `from` on.
pub(crate) fn open(run: &RunFile, from: u64, limit: usize) -> Result<Vec<Batch>, RunError> {
    run.database.rows(
        "SELECT no, operation, first_seq, last_seq, count - settled, state = 'sending', settled
           FROM (SELECT *, (SELECT count(*) FROM outcome WHERE batch = no) AS settled FROM batch)
          WHERE no >= ?1 AND state <> 'done' ORDER BY no LIMIT ?2",
        params![from, i64::try_from(limit).unwrap_or(-1)],
        Batch::of,
    )
}

/// The next batch from number `from` on that was at least partly sent, answered or not. In a *planned* batch, only
/// the settled contacts were sent.
pub(super) fn next_sent(run: &RunFile, from: u64) -> Result<Option<Batch>, RunError> {
    run.database.row(
        "SELECT no, operation, first_seq, last_seq, count - settled, state = 'sending', settled
           FROM (SELECT *, CASE state WHEN 'planned' THEN (SELECT count(*) FROM outcome WHERE batch = no) ELSE 0 END
                        AS settled FROM batch)
          WHERE no >= ?1 AND (state <> 'planned' OR settled > 0) ORDER BY no LIMIT 1",
        [from],
        Batch::of,
    )
}

/// The number of updates that were planned without reading the account.
pub(crate) fn blind_updates(run: &RunFile) -> Result<u64, RunError> {
    run.database.value(
        "SELECT (SELECT coalesce(sum(count), 0) FROM batch WHERE operation = 'update')
              - (SELECT count(*) FROM change WHERE snapshot IS NOT NULL)",
        [],
    )
}

/// The state for display: a sealed plan without changes counts as done, although it was not applied.
pub(crate) fn shown_state(run: &RunFile) -> Result<State, RunError> {
    let state = run.state()?;
    if state == State::Sealed
        && !run
            .database
            .value("SELECT EXISTS (SELECT 1 FROM batch)", [])?
    {
        return Ok(State::Done);
    }
    Ok(state)
}

/// The contacts of open batches to which sending is restricted, by the number of their batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChosenContacts(BTreeMap<u64, HashSet<u64>>);

impl ChosenContacts {
    pub(crate) fn by_id(run: &RunFile, is_wanted: impl Fn(&str) -> bool) -> Result<Self, RunError> {
        Self::choose(run, |batch, item| Ok(is_wanted(&batch.id_of(run, item)?)))
    }

    /// The first `count` unsent contacts to be created, and as many to be updated.
    pub(crate) fn first(run: &RunFile, count: usize) -> Result<Self, RunError> {
        let (mut creates, mut updates) = (count, count);
        Self::choose(run, |batch, _| {
            let left = match batch.operation {
                _ if batch.unknown => return Ok(false),
                Operation::Create => &mut creates,
                Operation::Update => &mut updates,
                Operation::Delete => return Ok(false),
            };
            let is_first = *left > 0;
            *left = left.saturating_sub(1);
            Ok(is_first)
        })
    }

    fn choose(
        run: &RunFile,
        mut is_wanted: impl FnMut(&Batch, &BatchItem<'_>) -> Result<bool, RunError>,
    ) -> Result<Self, RunError> {
        let mut reader = BatchReader::new(run);
        let mut chosen = Self::default();
        for batch in open(run, 0, usize::MAX)? {
            reader.each(&batch, |item| {
                if is_wanted(&batch, &item)? {
                    chosen.0.entry(batch.no).or_default().insert(item.seq);
                }
                Ok::<_, RunError>(())
            })?;
        }
        Ok(chosen)
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.values().map(|seqs| seqs.len() as u64).sum()
    }

    /// The numbers of the batches, from this one on.
    pub(crate) fn batches(&self, from: u64) -> impl Iterator<Item = u64> {
        self.0.range(from..).map(|(no, _)| *no)
    }

    pub(crate) fn has(&self, batch: u64, seq: u64) -> bool {
        self.0.get(&batch).is_some_and(|seqs| seqs.contains(&seq))
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchItem<'a> {
    /// Number of the contact or deletion.
    pub seq: u64,
    /// The contact as JSON; for deletes its id.
    pub json: &'a [u8],
    /// The contact in the snapshot, if the account was read.
    pub snapshot: Option<u64>,
}

/// Reads the contacts of batches. Fastest in batch order, because a block contains the contacts of many batches.
#[derive(Debug)]
pub(crate) struct BatchReader<'a> {
    run: &'a RunFile,
    block: Option<Contacts>,
}

impl<'a> BatchReader<'a> {
    pub(crate) const fn new(run: &'a RunFile) -> Self {
        Self { run, block: None }
    }

    /// Calls `each` with every unsettled contact of a batch, in order.
    pub(crate) fn each<E: From<RunError>>(
        &mut self,
        batch: &Batch,
        mut each: impl FnMut(BatchItem<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let settled = self.settled(batch)?;
        let mut count = 0;
        let mut counted = |item: BatchItem<'_>| {
            if settled.contains(&item.seq) {
                return Ok(());
            }
            count += 1;
            each(item)
        };
        match Decision::of(batch.operation) {
            Some(decision) => self.contacts(batch, decision, &mut counted)?,
            None => changes::for_each_deletion(self.run, batch.seqs(), |deletion| {
                counted(BatchItem {
                    seq: deletion.seq,
                    json: self.run.json(&deletion.id)?.as_bytes(),
                    snapshot: deletion.snapshot,
                })
            })?,
        }
        if count == batch.count {
            return Ok(());
        }
        let Batch {
            no, count: stored, ..
        } = batch;
        let reason = format!("batch {no} should have {stored} contacts and has {count}");
        Err(self.run.damaged(reason).into())
    }

    fn settled(&self, batch: &Batch) -> Result<HashSet<u64>, RunError> {
        if batch.settled == 0 {
            return Ok(HashSet::new());
        }
        let query = "SELECT seq FROM outcome WHERE batch = ?1";
        self.run.database.rows(query, [batch.no], |row| row.get(0))
    }

    fn contacts<E: From<RunError>>(
        &mut self,
        batch: &Batch,
        decision: Decision,
        each: &mut impl FnMut(BatchItem<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let changes = changes::of(self.run, batch.seqs())?;
        let mut rest = batch.seqs();
        while !rest.is_empty() {
            let contacts = Contacts::around(self.run, self.block.take(), rest.start)?;
            let contacts = self.block.insert(contacts);
            for index in contacts.select(rest.clone(), decision) {
                let seq = contacts.seq(index);
                each(BatchItem {
                    seq,
                    json: contacts.json_with(index, &changes),
                    snapshot: changes.get(&seq).and_then(|change| change.snapshot),
                })?;
            }
            rest.start = contacts.seqs().end;
        }
        Ok(())
    }
}
