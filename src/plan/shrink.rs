//! The guard against a source that lost rows (`--max-shrink`): compares it with the last run of the same source.
//!
//! Two sources are the same if their paths are equal, otherwise if their file names are, ignoring digits and directories,
//! because a nightly export has the date in its name. Several files count as one source, in their order. Rows that were merged into
//! others don't count: a file that once had each row twice would stop the next run.

use std::path::Path;

use super::gate::{Bound, GateVerdict};
use crate::{
    ledger::{HistoryEntry, RunStatus},
    run::Rows,
};

/// The rows of the last run of a source, and the number that may be missing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ShrinkBound {
    rows: u64,
    /// The name of that run.
    run: String,
    bound: Bound,
}

impl ShrinkBound {
    /// The bound for a source of a profile, if it had a completed run. `history`: the runs of the account, newest
    /// first.
    pub(crate) fn of(
        history: &[HistoryEntry],
        profile: &str,
        source: &str,
        bound: Bound,
    ) -> Option<Self> {
        let runs = || runs_of_source(history, profile, source);
        // Numbers may also tell sources apart: `branch 1.csv` and `branch 2.csv`.
        let same = runs().find(|run| run.source == source);
        let last = same.or_else(|| runs().next())?;
        Some(Self {
            rows: last.tally.rows.distinct(),
            run: last.run.clone(),
            bound,
        })
    }

    /// Refuses a source with far fewer rows.
    pub(super) fn verdict(&self, rows: Rows) -> Option<GateVerdict> {
        let rows = rows.distinct();
        let missing = self.rows.saturating_sub(rows);
        let is_exceeded = self.bound.is_exceeded(missing, self.rows);
        is_exceeded.then(|| GateVerdict::TooFewRows {
            rows,
            before: self.rows,
            run: self.run.clone(),
            bound: self.bound,
        })
    }
}

/// The completed runs of a profile with the same source, newest first, as in `history`.
pub(crate) fn runs_of_source<'h>(
    history: &'h [HistoryEntry],
    profile: &str,
    source: &str,
) -> impl Iterator<Item = &'h HistoryEntry> {
    let name = source_name(source);
    history.iter().filter(move |run| {
        run.profile.as_deref() == Some(profile)
            && run.status == RunStatus::Done
            && matches!(run.exit_code, Some(0 | 3))
            && run.mode != "undo"
            && run.tally.rows.not_selected == 0
            && source_name(&run.source) == name
    })
}

/// The normalized name of a source: each file name with numbers replaced by `#`.
fn source_name(source: &str) -> String {
    let mut name = String::new();
    for file in source.split(", ") {
        let file = Path::new(file).file_name().unwrap_or(file.as_ref());
        let mut chars = file.to_str().unwrap_or_default().chars().peekable();
        while let Some(c) = chars.next() {
            if !c.is_ascii_digit() {
                name.push(c);
            } else if !chars.peek().is_some_and(char::is_ascii_digit) {
                name.push('#');
            }
        }
        name.push('/');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_numbers_and_directories_are_the_same() {
        for (one, other) in [
            ("contacts-2026-11-28.csv", "contacts-2026-11-29.csv"),
            ("/srv/28/contacts.csv", "contacts.csv"),
            ("day 9.csv", "day 10.csv"),
            ("a/x1.csv, b/y.csv", "x2.csv, y.csv"),
            ("-", "-"),
        ] {
            assert_eq!(source_name(one), source_name(other), "{one}");
        }
        for (one, other) in [
            ("contacts.csv", "companies.csv"),
            ("contacts.csv", "contacts.rejected.csv"),
            ("x.csv", "x1.csv"),
            ("x.csv", "x.csv, y.csv"),
        ] {
            assert_ne!(source_name(one), source_name(other), "{one}");
        }
    }

    #[test]
    fn as_many_rows_as_allowed_may_be_missing() {
        let bound = |percent| ShrinkBound {
            rows: 10,
            run: "last".to_owned(),
            bound: Bound::Percent(percent),
        };
        let rows = |read| Rows {
            read,
            blank: 1,
            ..Rows::default()
        };
        assert_eq!(bound(20.0).verdict(rows(9)), None);
        assert_eq!(bound(0.0).verdict(rows(12)), None);
        assert_eq!(bound(100.0).verdict(rows(1)), None);
        let twice = Rows {
            merged: 8,
            ..rows(17)
        };
        assert_eq!(bound(20.0).verdict(twice), None);
        assert!(bound(10.0).verdict(twice).is_some());
        assert!(matches!(
            bound(20.0).verdict(rows(8)),
            Some(GateVerdict::TooFewRows {
                rows: 7,
                before: 10,
                ..
            })
        ));
    }
}
