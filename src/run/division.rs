//! Divides open batches, so that some contacts can be sent without the others of their batch.
//!
//! Batches are numbered in the order of their contacts, so a part takes the position of its batch, and later
//! batches get higher numbers.

use std::collections::BTreeSet;

use rusqlite::params;

use super::{Batch, BatchReader, RunError, RunFile, batches, batches::BatchItem};
use crate::contact::Operation;

/// Consecutive contacts of a batch, either all wanted or all not wanted.
#[derive(Clone, Copy, Debug)]
struct Part {
    first_seq: u64,
    last_seq: u64,
    count: usize,
    is_wanted: bool,
}

/// Divides the open batches that contain both contacts with these ids and others. Returns the numbers of the
/// batches with these ids.
pub(crate) fn divide(
    run: &RunFile,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<BTreeSet<u64>, RunError> {
    divide_by(run, |batch, item| Ok(is_wanted(&batch.id_of(run, item)?)))
}

/// Divides the open batches that contain both first contacts and others. First contacts are the first `count`
/// unsent contacts to be created, and as many to be updated. Returns the numbers of their batches.
pub(crate) fn divide_first(run: &RunFile, count: usize) -> Result<BTreeSet<u64>, RunError> {
    let (mut creates, mut updates) = (count, count);
    divide_by(run, |batch, _| {
        let left = match batch.operation {
            _ if batch.unknown || batch.settled > 0 => return Ok(false),
            Operation::Create => &mut creates,
            Operation::Update => &mut updates,
            Operation::Delete => return Ok(false),
        };
        let is_first = *left > 0;
        *left = left.saturating_sub(1);
        Ok(is_first)
    })
}

fn divide_by(
    run: &RunFile,
    mut is_wanted: impl FnMut(&Batch, &BatchItem<'_>) -> Result<bool, RunError>,
) -> Result<BTreeSet<u64>, RunError> {
    let mut reader = BatchReader::new(run);
    let mut divided = Vec::new();
    let mut more = 0;
    for batch in batches::open(run, 0, usize::MAX)? {
        let parts = parts(&mut reader, &batch, &mut is_wanted)?;
        more += parts.len().saturating_sub(1) as u64;
        divided.push((batch.no, parts));
    }
    let mut wanted = BTreeSet::new();
    run.database.transaction(|| {
        let mut numbers: Vec<u64> =
            run.database
                .rows("SELECT no FROM batch ORDER BY no", [], |row| row.get(0))?;
        // Backwards, so that the next number is always free.
        while let Some(no) = numbers.pop() {
            let parts = divided.pop_if(|(divided, _)| *divided == no);
            let parts = parts.map(|(_, parts)| parts).unwrap_or_default();
            more -= parts.len().saturating_sub(1) as u64;
            let first_no = no + more;
            for (new, part) in (first_no..).zip(&parts) {
                if part.is_wanted {
                    wanted.insert(new);
                }
                if new > first_no {
                    add_part(run, no, new, *part)?;
                }
            }
            if let [first, _, ..] = parts.as_slice() {
                shorten(run, no, *first)?;
            }
            renumber(run, no, first_no)?;
        }
        Ok(())
    })?;
    Ok(wanted)
}

/// The number of contacts in open batches other than these.
pub(crate) fn left_out(run: &RunFile, chosen: &BTreeSet<u64>) -> Result<u64, RunError> {
    let open = batches::open(run, 0, usize::MAX)?.into_iter();
    let others = open.filter(|batch| !chosen.contains(&batch.no));
    Ok(others.map(|batch| batch.count as u64).sum())
}

fn parts(
    reader: &mut BatchReader<'_>,
    batch: &Batch,
    is_wanted: &mut impl FnMut(&Batch, &BatchItem<'_>) -> Result<bool, RunError>,
) -> Result<Vec<Part>, RunError> {
    let mut parts: Vec<Part> = Vec::new();
    reader.each(&batch.whole(), |item| {
        let is_wanted = is_wanted(batch, &item)?;
        match parts.last_mut() {
            Some(part) if part.is_wanted == is_wanted => {
                part.last_seq = item.seq;
                part.count += 1;
            }
            _ => parts.push(Part {
                first_seq: item.seq,
                last_seq: item.seq,
                count: 1,
                is_wanted,
            }),
        }
        Ok::<_, RunError>(())
    })?;
    Ok(parts)
}

/// Adds a part of batch `no` as batch `new`, in the same state, with the outcomes of its contacts.
fn add_part(run: &RunFile, no: u64, new: u64, part: Part) -> Result<(), RunError> {
    run.database.execute(
        "INSERT INTO batch SELECT ?2, operation, ?3, ?4, ?5, state, attempts, status, processed, sent_at, answered_at
           FROM batch WHERE no = ?1",
        params![no, new, part.first_seq, part.last_seq, part.count],
    )?;
    run.database.execute(
        "UPDATE outcome SET batch = ?2 WHERE batch = ?1 AND seq BETWEEN ?3 AND ?4",
        params![no, new, part.first_seq, part.last_seq],
    )
}

fn shorten(run: &RunFile, no: u64, part: Part) -> Result<(), RunError> {
    run.database.execute(
        "UPDATE batch SET last_seq = ?2, count = ?3 WHERE no = ?1",
        params![no, part.last_seq, part.count],
    )
}

fn renumber(run: &RunFile, no: u64, new: u64) -> Result<(), RunError> {
    if no == new {
        return Ok(());
    }
    run.database.execute(
        "INSERT INTO batch SELECT ?2, operation, first_seq, last_seq, count, state, attempts, status, processed, sent_at,
                answered_at FROM batch WHERE no = ?1",
        params![no, new],
    )?;
    run.database.execute(
        "UPDATE outcome SET batch = ?2 WHERE batch = ?1",
        params![no, new],
    )?;
    run.database
        .execute("DELETE FROM batch WHERE no = ?1", [no])
}
