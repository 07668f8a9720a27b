//! What came of each batch. [`RunFile::record`] is on disk before it returns.
//!
//! The order is the promise: [`RunFile::record`] returns before any request of its `next` batches leaves,
//! and is called with their outcomes after the answers came. So at any instant a batch on disk is one of *planned* (no
//! request left), *sending* (unknown: to be looked up) and *done*.

use std::collections::{HashMap, HashSet};

use rusqlite::params;

use super::{
    Batch, BatchReader, RunError, RunFile, State,
    rejects::{RejectedAt, RejectedRow},
};
use crate::{
    contact::Action,
    crash::{self, Point},
    reject::Problem,
};

/// What became of one contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was not there and is now.
    Created,
    /// It was there and is as planned now.
    Updated,
    /// It is gone.
    Deleted,
    /// The server refused it.
    Failed,
    /// It changed at the API since the plan was made; nothing was sent.
    Stale,
}

impl Fate {
    /// The word in the run file.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Failed => "failed",
            Self::Stale => "stale",
        }
    }

    /// What a batch of that action does when all goes well.
    #[must_use]
    pub(crate) const fn expected(action: Action) -> Self {
        match action {
            Action::Create => Self::Created,
            Action::Update => Self::Updated,
            Action::Delete => Self::Deleted,
        }
    }
}

/// A contact whose fate is not that of its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    /// The contact (or removal).
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// What became of it.
    pub fate: Fate,
    /// The status of the answer that refused it.
    pub status: Option<u16>,
    /// What is wrong, in the words of the rejects file.
    pub problem: Option<Problem>,
}

/// The outcome of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BatchOutcome {
    /// Number of the batch.
    pub no: u64,
    /// Requests that it took.
    pub attempts: u32,
    /// Status of the last answer.
    pub status: Option<u16>,
    /// What the server said it had processed.
    pub processed: Option<u64>,
    /// The contacts that fared otherwise than the batch.
    pub exceptions: Vec<Exception>,
}

impl RunFile {
    /// Records what came of batches, takes back those that surely never left (`released`), and marks others
    /// as *sending*: one transaction, one sync.
    pub(crate) fn record(
        &self,
        outcomes: &[BatchOutcome],
        released: &[u64],
        next: &[Batch],
    ) -> Result<(), RunError> {
        if outcomes.is_empty() && released.is_empty() && next.is_empty() {
            return Ok(());
        }
        let now = jiff::Timestamp::now().to_string();
        self.transaction(|run| {
            for outcome in outcomes {
                run.record_one(outcome, &now)?;
            }
            run.release(released)?;
            run.mark_sending(next, &now)?;
            crash::point(Point::Commit);
            Ok(())
        })
    }

    fn record_one(&self, outcome: &BatchOutcome, now: &str) -> Result<(), RunError> {
        self.with(|connection| {
            connection
                .prepare_cached(
                    "UPDATE batch SET state = 'done', attempts = attempts + ?2, status = ?3, processed = ?4, answered_at = ?5
                      WHERE no = ?1",
                )?
                .execute(params![outcome.no, outcome.attempts, outcome.status, outcome.processed, now])?;
            let mut insert =
                connection.prepare_cached("INSERT OR REPLACE INTO outcome VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
            for exception in &outcome.exceptions {
                let problem = exception.problem.as_ref();
                insert.execute(params![
                    outcome.no,
                    exception.seq,
                    exception.id,
                    exception.fate.as_str(),
                    exception.status,
                    problem.map(|problem| problem.code.as_str()),
                    problem.map(|problem| &problem.reason)
                ])?;
            }
            Ok(())
        })?;
        self.reject_exceptions(outcome)
    }

    /// The contacts of the source that failed go into the rejects file as well, with every row that they were
    /// made of.
    fn reject_exceptions(&self, outcome: &BatchOutcome) -> Result<(), RunError> {
        for exception in &outcome.exceptions {
            let Some(problem) = &exception.problem else {
                continue;
            };
            if self.is_removal_batch(outcome.no)? {
                continue;
            }
            let merged = self.merged_into(exception.seq)?;
            for seq in std::iter::once(exception.seq).chain(merged) {
                self.reject_row(seq, &exception.id, problem)?;
            }
        }
        Ok(())
    }

    fn reject_row(&self, seq: u64, id: &str, problem: &Problem) -> Result<(), RunError> {
        let contacts = self.contacts(self.block_of(seq)?)?;
        let index = usize::try_from(seq - contacts.first_seq).unwrap_or(usize::MAX);
        self.add_reject(&RejectedRow {
            source: contacts.source,
            row: contacts.row(index),
            seq: Some(seq),
            id: Some(id),
            at: RejectedAt::Apply,
            problems: std::slice::from_ref(problem),
        })
    }

    fn is_removal_batch(&self, no: u64) -> Result<bool, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT action = 'delete' FROM batch WHERE no = ?1")?
                .query_row([no], |row| row.get(0))
        })
    }

    fn release(&self, batches: &[u64]) -> Result<(), RunError> {
        self.with(|connection| {
            let mut update = connection.prepare_cached(
                "UPDATE batch SET state = 'planned', sent_at = NULL WHERE no = ?1",
            )?;
            for no in batches {
                update.execute([no])?;
            }
            Ok(())
        })
    }

    fn mark_sending(&self, batches: &[Batch], now: &str) -> Result<(), RunError> {
        self.with(|connection| {
            let mut update = connection
                .prepare_cached("UPDATE batch SET state = 'sending', sent_at = ?2 WHERE no = ?1")?;
            for batch in batches {
                update.execute(params![batch.no, now])?;
            }
            Ok(())
        })
    }

    /// The contacts that did not arrive: id, fate, reason.
    pub(crate) fn exceptions(&self) -> Result<Vec<(String, Fate, Option<String>)>, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, fate, reason FROM outcome WHERE fate IN ('failed', 'stale')
                      ORDER BY batch, seq",
                )?
                .query_map([], |row| {
                    let fate: String = row.get(1)?;
                    Ok((row.get(0)?, parse_fate(&fate), row.get(2)?))
                })?
                .collect()
        })
    }

    /// The first contacts that were to be deleted and were not: id and reason. They have no row that could come back.
    pub(crate) fn failed_removals(&self, limit: u64) -> Result<Vec<(String, String)>, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, coalesce(reason, '') FROM outcome JOIN batch ON batch.no = outcome.batch
                      WHERE action = 'delete' AND fate IN ('failed', 'stale') ORDER BY no, seq LIMIT ?1",
                )?
                .query_map([limit], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// Where the run stands. A plan without a change is done as it is made: there is nothing to go on with, though
    /// nobody has applied it.
    pub(crate) fn standing(&self) -> Result<State, RunError> {
        let state = self.state()?;
        if state != State::Sealed {
            return Ok(state);
        }
        let has_batch = "SELECT EXISTS (SELECT 1 FROM batch)";
        let has_batch =
            self.with(|connection| connection.query_row(has_batch, [], |row| row.get(0)))?;
        Ok(if has_batch { state } else { State::Done })
    }

    /// The contacts whose batches are not done: the id, and whether it was sent and nobody knows what came of it.
    pub(crate) fn left_over(&self) -> Result<Vec<(String, bool)>, RunError> {
        let mut left = Vec::new();
        let mut reader = BatchReader::new(self);
        for batch in self.open_batches(0, usize::MAX)? {
            reader.each(&batch, |item| {
                left.push((batch.id_of(self, &item)?, batch.unknown));
                Ok::<_, RunError>(())
            })?;
        }
        Ok(left)
    }

    /// The contacts of a batch that did not fare as the batch.
    pub(super) fn fates(&self, batch: u64) -> Result<HashMap<u64, Fate>, RunError> {
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
    pub(crate) fn failed_contacts(&self) -> Result<HashSet<u64>, RunError> {
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
}

pub(super) fn parse_fate(word: &str) -> Fate {
    [Fate::Created, Fate::Updated, Fate::Deleted, Fate::Stale]
        .into_iter()
        .find(|fate| fate.as_str() == word)
        .unwrap_or(Fate::Failed)
}
