//! Reads the outcomes of batches: the contacts that were sent, refused or not sent.

use std::collections::HashMap;

use super::{
    Batch, BatchReader, Outcome, RunError, RunFile, batches, batches::BatchItem, column, snapshot,
};
use crate::contact::Operation;

/// A contact of a batch that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentContact {
    /// Number of the contact or deletion.
    pub seq: u64,
    pub id: String,
    /// Its outcome; `None` if unknown, refused or not sent.
    pub outcome: Option<Outcome>,
    /// The account's contact before the run, as JSON, if the run read it.
    pub before: Option<String>,
    /// The contact that was sent, as JSON; `None` for deletes.
    pub after: Option<String>,
}

/// The number of contacts that were sent, answered or not.
pub(crate) fn count(run: &RunFile) -> Result<u64, RunError> {
    run.database.value(
        "SELECT (SELECT coalesce(sum(count), 0) FROM batch WHERE state <> 'planned')
              + (SELECT count(*) FROM outcome JOIN batch ON batch.no = outcome.batch WHERE state = 'planned')",
        [],
    )
}

/// Iterates over the batches that were sent, answered or not, in order.
pub(crate) struct SentBatches<'a> {
    run: &'a RunFile,
    reader: BatchReader<'a>,
    next_no: u64,
}

impl<'a> SentBatches<'a> {
    pub(crate) const fn new(run: &'a RunFile) -> Self {
        Self::from(run, 0)
    }

    pub(crate) const fn from(run: &'a RunFile, no: u64) -> Self {
        Self {
            run,
            reader: BatchReader::new(run),
            next_no: no,
        }
    }

    fn read(&mut self, batch: &Batch) -> Result<Vec<SentContact>, RunError> {
        let run = self.run;
        let mut sent = Vec::new();
        for_each_sent(run, &mut self.reader, batch, |item, outcome| {
            let before = item.snapshot.map(|seq| snapshot::json(run, seq));
            let is_sent = batch.operation != Operation::Delete;
            sent.push(SentContact {
                seq: item.seq,
                id: batch.id_of(run, &item)?,
                outcome,
                before: before.transpose()?,
                after: is_sent.then(|| String::from_utf8_lossy(item.json).into_owned()),
            });
            Ok(())
        })?;
        Ok(sent)
    }
}

impl Iterator for SentBatches<'_> {
    type Item = Result<Vec<SentContact>, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = batches::next_sent(self.run, self.next_no).transpose()?;
        Some(batch.and_then(|batch| {
            self.next_no = batch.no + 1;
            self.read(&batch)
        }))
    }
}

/// Calls `each` with the JSON of every contact that was created or updated, in order.
pub(crate) fn for_each_written<E: From<RunError>>(
    run: &RunFile,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = BatchReader::new(run);
    let mut next_no = 0;
    while let Some(batch) = batches::next_sent(run, next_no)? {
        next_no = batch.no + 1;
        if !batch.unknown && batch.operation != Operation::Delete {
            for_each_sent(run, &mut reader, &batch, |item, outcome| {
                outcome.map_or(Ok(()), |_| each(item.json))
            })?;
        }
    }
    Ok(())
}

/// Calls `each` with every contact of a sent batch and its outcome, unless it was refused or not sent.
fn for_each_sent<E: From<RunError>>(
    run: &RunFile,
    reader: &mut BatchReader<'_>,
    batch: &Batch,
    mut each: impl FnMut(BatchItem<'_>, Option<Outcome>) -> Result<(), E>,
) -> Result<(), E> {
    let exceptions: HashMap<u64, Outcome> = run.database.rows(
        "SELECT seq, outcome FROM outcome WHERE batch = ?1",
        [batch.no],
        |row| Ok((row.get(0)?, column::word(row, 1)?)),
    )?;
    reader.each(&batch.whole(), |item| {
        let exception = exceptions.get(&item.seq).copied();
        // If only some contacts were settled, the others were not sent.
        if batch.settled > 0 && exception.is_none() {
            return Ok(());
        }
        let outcome = exception.unwrap_or_else(|| Outcome::expected(batch.operation));
        each(item, (!outcome.is_failure()).then_some(outcome))
    })
}

/// A contact that was refused or not sent.
pub(crate) struct Failure {
    /// Number of the contact or deletion.
    pub seq: u64,
    pub id: String,
    pub is_deletion: bool,
    pub outcome: Outcome,
    pub reason: Option<String>,
}

/// The contacts that failed, in order.
pub(crate) fn failures(run: &RunFile) -> Result<Vec<Failure>, RunError> {
    run.database.rows(
        "SELECT seq, id, operation = 'delete', outcome, reason FROM outcome JOIN batch ON no = batch
         WHERE outcome IN ('failed', 'stale') ORDER BY no, seq",
        [],
        |row| {
            Ok(Failure {
                seq: row.get(0)?,
                id: row.get(1)?,
                is_deletion: row.get(2)?,
                outcome: column::word(row, 3)?,
                reason: row.get(4)?,
            })
        },
    )
}

/// The contacts that could not be deleted, each with the reason. They have no row to reject.
pub(crate) fn failed_deletions(run: &RunFile) -> Result<Vec<(String, String)>, RunError> {
    let failed = failures(run)?.into_iter().filter(|it| it.is_deletion);
    Ok(failed
        .map(|it| (it.id, it.reason.unwrap_or_default()))
        .collect())
}

/// The contacts of unfinished batches: the id, and whether it was sent, so its outcome is unknown.
pub(crate) fn left_over(run: &RunFile) -> Result<Vec<(String, bool)>, RunError> {
    let mut left = Vec::new();
    let mut reader = BatchReader::new(run);
    for batch in batches::open(run, 0, usize::MAX)? {
        reader.each(&batch, |item| {
            left.push((batch.id_of(run, &item)?, batch.unknown));
            Ok::<_, RunError>(())
        })?;
    }
    Ok(left)
}
