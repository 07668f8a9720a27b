//! Records the outcomes of batches durably, and the requests over time.
//!
//! The order is the guarantee: [`record`] returns before any request of its `next` batches is sent, and is called
//! with their outcomes after the answers arrived. So at any instant a batch on disk is *planned* (not sent),
//! *sending* (unknown, to be looked up) or *done*.

use rusqlite::params;

use super::{Batch, Contacts, RunError, RunFile, column, rejects};
use crate::{
    contact::Operation,
    crash::{self, Point},
    reject::{Problem, RejectedAt},
    traffic::Timeline,
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

/// The prefix of the facts with requests over time. The start time of the process follows: each has its own fact, so no
/// process overwrites another's.
const TRAFFIC: &str = "traffic ";

/// Records the requests of this process so far.
pub(crate) fn record_traffic(run: &RunFile, timeline: &Timeline) -> Result<(), RunError> {
    run.set_fact(&format!("{TRAFFIC}{}", timeline.started_at), timeline)
}

/// The requests over time of all processes that worked on the run, in order.
pub(crate) fn traffic(run: &RunFile) -> Result<Vec<Timeline>, RunError> {
    let mut timelines: Vec<Timeline> = run.database.rows(
        "SELECT value FROM fact WHERE substr(name, 1, length(?1)) = ?1",
        [TRAFFIC],
        |row| column::json(row, 0),
    )?;
    if !timelines.iter().all(Timeline::is_sound) {
        return Err(run.damaged("its requests over time are inconsistent".to_owned()));
    }
    timelines.sort_by_key(|timeline| timeline.started_at);
    Ok(timelines)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use jiff::{Timestamp, ToSpan as _};

    use super::*;
    use crate::traffic::RequestKind;

    #[test]
    fn every_process_has_its_requests_and_the_last_record_counts() {
        let directory = tempfile::tempdir().unwrap();
        let run = RunFile::create(&directory.path().join("x.run")).unwrap();
        assert_eq!(traffic(&run).unwrap(), []);
        let second = Timestamp::UNIX_EPOCH + 30.hours();
        let mut expected = Vec::new();
        for started_at in [second, Timestamp::UNIX_EPOCH] {
            let mut timeline = Timeline::new(started_at);
            for at in [100, 900] {
                let now = Duration::from_millis(at);
                timeline.leaves(now, RequestKind::Write, false);
                timeline.answered(now, RequestKind::Write, 200, now);
                record_traffic(&run, &timeline.until(now)).unwrap();
            }
            expected.insert(0, timeline);
        }
        assert_eq!(traffic(&run).unwrap(), expected);
    }

    #[test]
    fn requests_that_cannot_be_read_are_damage() {
        let directory = tempfile::tempdir().unwrap();
        let run = RunFile::create(&directory.path().join("x.run")).unwrap();
        let empty = r#"{"started_at":"2026-11-22T08:55:00Z","slice_ms":0,"ms":0,"slices":[]}"#;
        for value in ["", "[]", "{}", empty] {
            run.database
                .execute(
                    "INSERT OR REPLACE INTO fact VALUES ('traffic x', ?1)",
                    [value],
                )
                .unwrap();
            let read = traffic(&run);
            assert!(matches!(read, Err(RunError::Damaged { .. })), "{value}");
        }
    }
}
