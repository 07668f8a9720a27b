//! Records the outcomes of batches durably.
//!
//! The order is the guarantee: [`record`] returns before any request of its `next` batches is sent, and is called
//! with their outcomes after the answers arrived. So at any instant a batch on disk is *planned* (not sent),
//! *sending* (unknown, to be looked up) or *done*.

use rusqlite::params;

use super::{Batch, Contacts, RunError, RunFile, rejects};
use crate::{
    contact::Operation,
    crash::{self, Point},
    reject::{Problem, RejectedAt},
};

/// The result of sending a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Outcome {
    /// It did not exist and was created.
    Created,
    /// It existed and was updated as planned.
    Updated,
    /// It was deleted.
    Deleted,
    /// The server refused it.
    Failed,
    /// It changed in the account after the plan was made, so it was not sent.
    Stale,
}

impl Outcome {
    /// The word in the run file.
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }

    /// The outcome of a successful operation.
    pub(crate) const fn expected(operation: Operation) -> Self {
        match operation {
            Operation::Create => Self::Created,
            Operation::Update => Self::Updated,
            Operation::Delete => Self::Deleted,
        }
    }

    /// True if the change was not made.
    pub(crate) const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Stale)
    }
}

/// A contact with another outcome than its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    /// Number of the contact or deletion.
    pub seq: u64,
    pub id: String,
    pub outcome: Outcome,
    /// The status of the refusal.
    pub status: Option<u16>,
    pub problems: Vec<Problem>,
}

/// The contacts of a batch that are not settled. The batch is continued without the settled ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// All are settled: the batch is *done*.
    Nothing,
    /// They were not attempted: the batch becomes *planned* again.
    Unsent,
    /// They may have been carried out: the batch stays *sending*.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BatchOutcome {
    pub no: u64,
    pub operation: Operation,
    pub attempts: u32,
    pub status: Option<u16>,
    /// The number of contacts that the server reported as processed.
    pub processed: Option<u64>,
    /// The contacts with another outcome than the batch; all settled ones if some were not settled.
    pub exceptions: Vec<Exception>,
    pub rest: Rest,
}

/// Records outcomes, resets batches that were certainly not sent (`released`) to *planned*, and marks others as
/// *sending*, in one transaction with one sync.
pub(crate) fn record(
    run: &RunFile,
    outcomes: &[BatchOutcome],
    released: &[u64],
    next: &[Batch],
) -> Result<(), RunError> {
    if outcomes.is_empty() && released.is_empty() && next.is_empty() {
        return Ok(());
    }
    let now = jiff::Timestamp::now().to_string();
    run.database.transaction(|| {
        for outcome in outcomes {
            record_outcome(run, outcome, &now)?;
        }
        for no in released {
            run.database.execute(
                "UPDATE batch SET state = 'planned', sent_at = NULL WHERE no = ?1",
                [no],
            )?;
        }
        for batch in next {
            run.database.execute(
                "UPDATE batch SET state = 'sending', sent_at = ?2 WHERE no = ?1",
                params![batch.no, now],
            )?;
        }
        crash::point(Point::Commit);
        Ok(())
    })
}

fn record_outcome(run: &RunFile, outcome: &BatchOutcome, now: &str) -> Result<(), RunError> {
    let state = match outcome.rest {
        Rest::Nothing => "done",
        Rest::Unsent => "planned",
        Rest::Unknown => "sending",
    };
    run.database.execute(
        "UPDATE batch SET state = ?6, attempts = attempts + ?2, status = ?3, processed = ?4, answered_at = ?5
          WHERE no = ?1",
        params![outcome.no, outcome.attempts, outcome.status, outcome.processed, now, state],
    )?;
    let mut block = None;
    for exception in &outcome.exceptions {
        let problems = &exception.problems;
        let reasons: Vec<&str> = problems.iter().map(|problem| &*problem.reason).collect();
        run.database.execute(
            "INSERT OR REPLACE INTO outcome VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                outcome.no,
                exception.seq,
                exception.id,
                exception.outcome.as_str(),
                exception.status,
                problems.first().map(|problem| problem.code.as_str()),
                (!reasons.is_empty()).then(|| reasons.join("; "))
            ],
        )?;
        // A contact to be deleted has no row to reject.
        if !problems.is_empty() && outcome.operation != Operation::Delete {
            let _span = tracing::error_span!("batch", batch = outcome.no).entered();
            reject(run, &mut block, exception)?;
        }
    }
    Ok(())
}

/// Rejects every row of a contact that failed.
fn reject(
    run: &RunFile,
    block: &mut Option<Contacts>,
    exception: &Exception,
) -> Result<(), RunError> {
    let merged = rejects::merged_into(run, exception.seq)?;
    for seq in std::iter::once(exception.seq).chain(merged) {
        let contacts = Contacts::around(run, block.take(), seq)?;
        let contacts = block.insert(contacts);
        let index = contacts.index(seq);
        let (id, problems) = (&exception.id, &exception.problems);
        let rejected = contacts.rejected(index, id, RejectedAt::Apply, problems);
        rejects::add(run, &rejected)?;
    }
    Ok(())
}
