//! The counts of a run, from the run file alone, and whether they add up.

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{
    RunError, RunFile,
    contacts::letter,
    journal::{Fate, parse_fate},
};
use crate::contact::Action;

/// Rows of the source, by where each ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// All rows below the header, blank ones among them.
    pub read: u64,
    /// Empty rows.
    pub blank: u64,
    /// Rows that became part of another row's contact.
    pub merged: u64,
    /// Rows handed back before anything was sent.
    pub rejected: u64,
    /// Rows that became a contact of the plan.
    pub contacts: u64,
}

/// What the plan says, in contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each is the number of contacts with that action"
)]
pub struct Planned {
    pub create: u64,
    pub update: u64,
    pub unchanged: u64,
    pub delete: u64,
}

/// What came of it, in contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Were not there and are now.
    pub created: u64,
    /// Were there and are as planned now.
    pub updated: u64,
    /// Are gone.
    pub deleted: u64,
    /// Refused by the server, or left out because they changed since the plan.
    pub failed: u64,
    /// How many of `failed` were left out because they changed since the plan.
    pub stale: u64,
    /// Sent without an answer and not looked up yet.
    pub unknown: u64,
    /// Not sent.
    pub not_attempted: u64,
}

/// All counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows of the source.
    pub rows: Rows,
    /// What the plan says.
    pub plan: Planned,
    /// What came of it.
    pub done: Done,
}

impl Tally {
    /// The sentence that names the first equation that does not hold: a defect in this tool.
    ///
    /// ```text
    /// read = blank + merged + rejected + contacts
    /// contacts + deletes = create + update + unchanged + delete
    /// create + update + delete = created + updated + deleted + failed + unknown + not_attempted
    /// ```
    #[must_use]
    pub(crate) fn contradiction(&self) -> Option<String> {
        let Self { rows, plan, done } = self;
        let equations = [
            (
                "read = blank + merged + rejected + contacts",
                rows.read,
                rows.blank + rows.merged + rows.rejected + rows.contacts,
            ),
            (
                "contacts = create + update + unchanged",
                rows.contacts,
                plan.create + plan.update + plan.unchanged,
            ),
            (
                "create + update + delete = created + updated + deleted + failed + unknown + not_attempted",
                plan.create + plan.update + plan.delete,
                done.created
                    + done.updated
                    + done.deleted
                    + done.failed
                    + done.unknown
                    + done.not_attempted,
            ),
        ];
        equations
            .into_iter()
            .find(|(_, left, right)| left != right)
            .map(|(equation, left, right)| {
                format!("{equation} does not hold: {left} is not {right} ({self:?})")
            })
    }

    /// Is there anything left to send or to settle?
    #[must_use]
    pub(crate) const fn unfinished(&self) -> bool {
        self.done.not_attempted + self.done.unknown > 0
    }
}

impl RunFile {
    /// The counts, made anew from what the file holds.
    pub(crate) fn tally(&self) -> Result<Tally, RunError> {
        let mut tally = Tally {
            rows: self.rows()?,
            ..Tally::default()
        };
        self.count_letters(&mut tally)?;
        tally.plan.delete = self.removal_count()?;
        tally.done = self.done()?;
        Ok(tally)
    }

    fn rows(&self) -> Result<Rows, RunError> {
        let blank = self.meta::<u64>("blank_rows")?.unwrap_or(0);
        self.with(|connection| {
            let read = connection.query_row("SELECT coalesce(sum(row_count), 0) FROM block", [], |row| row.get(0))?;
            let rejected = connection.query_row(
                "SELECT count(*) FROM (SELECT DISTINCT source, row FROM reject WHERE at <> 'apply')",
                [],
                |row| row.get(0),
            )?;
            Ok(Rows { read, blank, rejected, ..Rows::default() })
        })
    }

    fn count_letters(&self, tally: &mut Tally) -> Result<(), RunError> {
        let mut counts = [0_u64; 256];
        for block in 0..self.block_count()? {
            for letter in self.letters(block)?.1 {
                counts[usize::from(letter)] += 1;
            }
        }
        let count = |letter: u8| counts[usize::from(letter)];
        tally.plan.create = count(letter::CREATE);
        tally.plan.update = count(letter::UPDATE);
        tally.plan.unchanged = count(letter::UNCHANGED);
        tally.rows.merged = count(letter::MERGED);
        tally.rows.contacts =
            counts.iter().sum::<u64>() - count(letter::MERGED) - count(letter::REJECTED);
        Ok(())
    }

    fn done(&self) -> Result<Done, RunError> {
        let mut done = Done::default();
        let batches: Vec<(String, String, u64)> = self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT action, state, sum(count) FROM batch GROUP BY action, state",
                )?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        })?;
        for (action, state, count) in batches {
            match (state.as_str(), Action::parse(&action)) {
                ("done", Some(action)) => *done.of(Fate::expected(action)) += count,
                ("sending", _) => done.unknown += count,
                _ => done.not_attempted += count,
            }
        }
        self.move_exceptions(&mut done)?;
        Ok(done)
    }

    /// Contacts that did not fare as their batch are counted where they belong.
    fn move_exceptions(&self, done: &mut Done) -> Result<(), RunError> {
        let exceptions: Vec<(String, String, u64)> = self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT b.action, o.fate, count(*) FROM outcome o JOIN batch b ON b.no = o.batch
                      WHERE b.state = ?1 GROUP BY b.action, o.fate",
                )?
                .query_map(params!["done"], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        })?;
        for (action, fate, count) in exceptions {
            let Some(action) = Action::parse(&action) else {
                continue;
            };
            *done.of(Fate::expected(action)) -= count;
            let fate = parse_fate(&fate);
            *done.of(fate) += count;
            if fate == Fate::Stale {
                done.stale += count;
            }
        }
        Ok(())
    }
}

impl Done {
    const fn of(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Created => &mut self.created,
            Fate::Updated => &mut self.updated,
            Fate::Deleted => &mut self.deleted,
            Fate::Failed | Fate::Stale => &mut self.failed,
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
                read: 5,
                blank: 1,
                merged: 1,
                rejected: 1,
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
        assert!(tally.unfinished());
        tally.rows.read = 6;
        assert!(
            tally
                .contradiction()
                .is_some_and(|sentence| sentence.starts_with("read = blank"))
        );
    }
}
