//! Reads the open batches of a run, in order, as payloads.

use std::{collections::HashSet, sync::Arc};

use crate::{
    apply::{isolation::FailingSince, payload::Payload},
    contact::Operation,
    run::{
        Batch, BatchOutcome, BatchReader, ChosenContacts, Rest, RunError, RunFile, batches,
        snapshot,
    },
};

#[derive(Debug)]
pub(super) struct BatchJob {
    pub(super) batch: Batch,
    pub(super) payload: Payload,
    /// The contacts of the batch that are not in the payload, because they were not chosen.
    pub(super) others: Rest,
    /// The state of each contact when the plan was made; empty unless stale contacts are left out.
    pub(super) planned: Vec<PlannedState>,
    /// Start of its failures, if it was sent before in this run.
    pub(super) since: FailingSince,
    /// True if it is sent a second time because its failure could not be explained.
    pub(super) is_second_attempt: bool,
}

impl BatchJob {
    pub(super) fn leave_out(&mut self, settled: &BatchOutcome) {
        let settled: HashSet<u64> = settled.exceptions.iter().map(|it| it.seq).collect();
        if !self.planned.is_empty() {
            let seqs = self.payload.items().map(|(seq, _)| seq);
            let planned = std::mem::take(&mut self.planned).into_iter().zip(seqs);
            let open = planned.filter(|(_, seq)| !settled.contains(seq));
            self.planned = open.map(|(planned, _)| planned).collect();
        }
        self.payload = self.payload.without(&settled);
    }
}

/// The account's state of a contact when the plan was made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PlannedState {
    /// The plan did not read the account.
    Unchecked,
    Absent,
    Contact(String),
}

pub(super) struct NextJobs {
    pub(super) jobs: Vec<BatchJob>,
    /// True if the next batch deletes and may not be sent yet.
    pub(super) are_deletes_held: bool,
    /// True if no other batches follow.
    pub(super) is_last: bool,
}

#[derive(Debug)]
pub(super) struct OpenBatches<'a> {
    run: &'a RunFile,
    next_no: u64,
    /// The contacts to read; `None` for all.
    chosen: Option<Arc<ChosenContacts>>,
    reader: BatchReader<'a>,
    check_stale: bool,
}

impl<'a> OpenBatches<'a> {
    pub(super) fn new(
        run: &'a RunFile,
        check_stale: bool,
        chosen: Option<Arc<ChosenContacts>>,
    ) -> Self {
        Self {
            run,
            next_no: 0,
            chosen,
            reader: BatchReader::new(run),
            check_stale,
        }
    }

    /// At most `limit` next batches. Deletes are held back until `may_delete`.
    pub(super) fn next(&mut self, limit: usize, may_delete: bool) -> Result<NextJobs, RunError> {
        let mut batches = self.open(limit)?;
        let is_last = batches.len() < limit;
        let deletes = |batch: &Batch| batch.operation == Operation::Delete;
        let first_delete = batches.iter().position(deletes).filter(|_| !may_delete);
        batches.truncate(first_delete.unwrap_or(limit));
        if let Some(last) = batches.last() {
            self.next_no = last.no + 1;
        }
        let jobs: Result<_, _> = batches.into_iter().map(|batch| self.job(batch)).collect();
        Ok(NextJobs {
            jobs: jobs?,
            are_deletes_held: first_delete.is_some(),
            is_last: is_last && first_delete.is_none(),
        })
    }

    fn open(&self, limit: usize) -> Result<Vec<Batch>, RunError> {
        let Some(chosen) = &self.chosen else {
            return batches::open(self.run, self.next_no, limit);
        };
        let mut open = Vec::new();
        for no in chosen.batches(self.next_no) {
            if open.len() == limit {
                break;
            }
            let next = batches::open(self.run, no, 1)?;
            open.extend(next.into_iter().filter(|batch| batch.no == no));
        }
        Ok(open)
    }

    fn job(&mut self, batch: Batch) -> Result<BatchJob, RunError> {
        let (run, check_stale) = (self.run, self.check_stale);
        let chosen = self.chosen.as_deref();
        let looked = check_stale && batch.operation == Operation::Create && snapshot::exists(run)?;
        let mut payload = Payload::new(batch.operation, batch.count);
        let mut planned = Vec::new();
        self.reader.each(&batch, |item| {
            if chosen.is_some_and(|chosen| !chosen.has(batch.no, item.seq)) {
                return Ok(());
            }
            if !run.is_created_here() {
                check(run, batch.operation, item.json)?;
            }
            payload.push(item.seq, item.json);
            if check_stale {
                planned.push(match item.snapshot {
                    Some(seq) => PlannedState::Contact(snapshot::json(run, seq)?),
                    None if looked => PlannedState::Absent,
                    None => PlannedState::Unchecked,
                });
            }
            Ok::<_, RunError>(())
        })?;
        let others = match batch.unknown {
            _ if payload.len() == batch.count => Rest::Nothing,
            true => Rest::Unknown,
            false => Rest::Unsent,
        };
        Ok(BatchJob {
            batch,
            others,
            payload,
            planned,
            since: FailingSince::default(),
            is_second_attempt: false,
        })
    }
}

/// Calls `each` with the body of every request of an unsent run.
pub(crate) fn each_body(run: &RunFile, mut each: impl FnMut(Vec<u8>)) -> Result<(), RunError> {
    const AT_ONCE: usize = 16;
    let mut batches = OpenBatches::new(run, false, None);
    loop {
        let next = batches.next(AT_ONCE, true)?;
        next.jobs.iter().for_each(|job| each(job.payload.body()));
        if next.is_last {
            return Ok(());
        }
    }
}

/// Refuses JSON that is not exactly one contact on one line, because the counts would be wrong.
fn check(run: &RunFile, operation: Operation, json: &[u8]) -> Result<(), RunError> {
    if json.contains(&b'\n') {
        return Err(run.damaged("a contact has a line end".to_owned()));
    }
    if operation != Operation::Delete {
        // An id proves that the text is a contact.
        run.id_of(json)?;
    }
    Ok(())
}
