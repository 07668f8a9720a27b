//! The counts of a run, read from the run file, and a check that they add up.

use serde::{Deserialize, Serialize};

use super::{
    Decision, Outcome, RunError, RunFile, batches::BatchState, blocks, changes, column, contacts,
};
use crate::contact::Operation;

/// The rows of the source, by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// All rows below the header, including blank ones.
    pub read: u64,
    /// Empty rows.
    pub blank: u64,
    /// Rows that were merged into another row's contact.
    pub merged: u64,
    /// Rows rejected before anything was sent.
    pub rejected: u64,
    /// Rows that `--ids` does not select.
    #[serde(default)]
    pub not_selected: u64,
    /// Rows that became a contact of the plan.
    pub contacts: u64,
}

impl Rows {
    /// Rows that should become contacts.
    pub(crate) const fn wanted(&self) -> u64 {
        let without = self.blank.saturating_add(self.not_selected);
        self.read.saturating_sub(without)
    }

    /// These rows, without those that were merged into others.
    pub(crate) const fn distinct(&self) -> u64 {
        self.wanted().saturating_sub(self.merged)
    }
}

/// The fact with the number of rows outside the selection.
pub(crate) const NOT_SELECTED: &str = "not_selected";

/// The fact that a source seems to have rows that were not read.
pub(crate) const MAY_LACK_ROWS: &str = "may_lack_rows";

/// The decisions of the plan, in contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each field counts the contacts with that decision"
)]
pub struct Planned {
    pub create: u64,
    pub update: u64,
    pub unchanged: u64,
    pub delete: u64,
}

/// The outcomes, in contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Did not exist and were created.
    pub created: u64,
    /// Existed and were updated as planned.
    pub updated: u64,
    /// Were deleted.
    pub deleted: u64,
    /// Refused by the server, or not sent because they changed since the plan.
    pub failed: u64,
    /// The part of `failed` that was not sent because it changed since the plan.
    pub stale: u64,
    /// Sent without an answer, and not looked up yet.
    pub unknown: u64,
    /// Not sent.
    pub not_attempted: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub rows: Rows,
    pub plan: Planned,
    pub done: Done,
}

impl Tally {
    pub(crate) fn of(run: &RunFile) -> Result<Self, RunError> {
        let mut tally = Self::default();
        for block in 0..blocks::count(run)? {
            for decision in contacts::decisions(run, block)?.1 {
                *match decision {
                    Decision::Create => &mut tally.plan.create,
                    Decision::Update => &mut tally.plan.update,
                    Decision::Unchanged => &mut tally.plan.unchanged,
                    Decision::Merged => &mut tally.rows.merged,
                    Decision::Rejected => continue,
                    Decision::Complete | Decision::Partial | Decision::Lossy => {
                        &mut tally.rows.contacts
                    }
                } += 1;
            }
        }
        tally.rows.contacts += tally.plan.create + tally.plan.update + tally.plan.unchanged;
        let rows = "SELECT coalesce(sum(row_count), 0), coalesce(sum(blank_count), 0) FROM block";
        let rows = run
            .database
            .row(rows, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        (tally.rows.read, tally.rows.blank) = rows.unwrap_or_default();
        tally.rows.not_selected = run.find_fact(NOT_SELECTED)?.unwrap_or_default();
        tally.rows.rejected = run.database.value(
            "SELECT count(*) FROM (SELECT DISTINCT source, row FROM reject WHERE at <> 'apply')",
            [],
        )?;
        tally.plan.delete = changes::deletion_count(run)?;
        tally.done = count_done(run)?;
        Ok(tally)
    }

    /// The counts, which must add up.
    pub(crate) fn checked(run: &RunFile) -> Result<Self, RunError> {
        let tally = Self::of(run)?;
        let contradiction = tally.contradiction();
        contradiction.map_or(Ok(tally), |it| Err(RunError::Counts(it)))
    }

    /// The first equation that does not hold, which is a bug in this tool.
    pub(crate) fn contradiction(&self) -> Option<String> {
        let Self { rows, plan, done } = self;
        let equations = [
            (
                "read = blank + merged + rejected + not_selected + contacts",
                rows.read,
                total([
                    rows.blank,
                    rows.merged,
                    rows.rejected,
                    rows.not_selected,
                    rows.contacts,
                ]),
            ),
            (
                "contacts = create + update + unchanged",
                rows.contacts,
                total([plan.create, plan.update, plan.unchanged]),
            ),
            (
                "create + update + delete = created + updated + deleted + failed + unknown + not_attempted",
                total([plan.create, plan.update, plan.delete]),
                total([
                    done.created,
                    done.updated,
                    done.deleted,
                    done.failed,
                    done.unknown,
                    done.not_attempted,
                ]),
            ),
        ];
        equations
            .into_iter()
            .find(|(_, left, right)| left != right)
            .map(|(equation, left, right)| {
                format!("{equation} does not hold: {left} is not {right} ({self:?})")
            })
    }

    /// The number of contacts to be sent or settled.
    pub(crate) const fn left(&self) -> u64 {
        let Done {
            not_attempted,
            unknown,
            ..
        } = self.done;
        not_attempted.saturating_add(unknown)
    }
}

/// The sum, saturating because the numbers in a file may be absurd.
fn total<const N: usize>(parts: [u64; N]) -> u64 {
    parts.into_iter().fold(0, u64::saturating_add)
}

fn count_done(run: &RunFile) -> Result<Done, RunError> {
    let mut done = Done::default();
    // Summed here, because SQLite would sort the batches to group them.
    let batches: Vec<(Operation, BatchState, u64)> =
        run.database
            .rows("SELECT operation, state, count FROM batch", [], |row| {
                Ok((column::word(row, 0)?, column::word(row, 1)?, row.get(2)?))
            })?;
    for (operation, state, count) in batches {
        let sum = done.of_batch(operation, state);
        *sum = sum.saturating_add(count);
    }
    // Contacts with another outcome than their batch.
    let exceptions: Vec<(Operation, BatchState, Outcome, u64)> = run.database.rows(
        "SELECT b.operation, b.state, o.outcome, count(*) FROM outcome o JOIN batch b ON b.no = o.batch
          GROUP BY b.operation, b.state, o.outcome",
        [],
        |row| {
            let words = (column::word(row, 0)?, column::word(row, 1)?, column::word(row, 2)?);
            Ok((words.0, words.1, words.2, row.get(3)?))
        },
    )?;
    for (operation, state, outcome, count) in exceptions {
        let others = done.of_batch(operation, state);
        *others = others.checked_sub(count).ok_or_else(|| {
            run.damaged(format!(
                "{count} outcomes of {} batches are too many",
                operation.as_str()
            ))
        })?;
        let sum = done.of(outcome);
        *sum = sum.saturating_add(count);
        if outcome == Outcome::Stale {
            done.stale += count;
        }
    }
    Ok(done)
}

impl Done {
    /// The count for contacts without an outcome of their own in such batches.
    const fn of_batch(&mut self, operation: Operation, state: BatchState) -> &mut u64 {
        match state {
            BatchState::Planned => &mut self.not_attempted,
            BatchState::Sending => &mut self.unknown,
            BatchState::Done => self.of(Outcome::expected(operation)),
        }
    }

    const fn of(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Created => &mut self.created,
            Outcome::Updated => &mut self.updated,
            Outcome::Deleted => &mut self.deleted,
            Outcome::Failed | Outcome::Stale => &mut self.failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_row_is_a_contradiction() {
        let mut tally = Tally {
            rows: Rows {
                read: 6,
                blank: 1,
                merged: 1,
                rejected: 1,
                not_selected: 1,
                contacts: 2,
            },
            plan: Planned {
                create: 1,
                update: 0,
                unchanged: 1,
                delete: 3,
            },
            done: Done {
                created: 1,
                deleted: 1,
                failed: 1,
                unknown: 1,
                ..Done::default()
            },
        };
        assert_eq!(tally.contradiction(), None);
        assert!(tally.left() > 0);
        tally.rows.read = 7;
        assert!(
            tally
                .contradiction()
                .is_some_and(|sentence| sentence.starts_with("read = blank"))
        );
    }
}
