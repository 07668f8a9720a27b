//! Checks a run file that the user names before anything in it is used, because it may be damaged or malicious.
//!
//! Afterwards, the time to read it is bounded by its size: no page is used twice, every value has the type of its
//! column, no number is negative or absurd, blocks are consecutive, batches do not overlap, and the counts add up.

use super::{RunError, RunFile, Tally};
use crate::contact::BATCH_MAX;

/// No run has this many rows, bytes or batches. Sums and differences of smaller numbers can't overflow.
const NUMBER_MAX: u64 = 1 << 48;

/// Inconsistencies between rows. Each query returns true if there are any.
const GAPS: [(&str, &str); 4] = [
    (
        "a row belongs to a missing source",
        "SELECT EXISTS (SELECT 1 FROM (SELECT source FROM block UNION ALL SELECT source FROM reject)
          WHERE source >= (SELECT count(*) FROM source))",
    ),
    (
        "a block is not compressed",
        "SELECT EXISTS (SELECT 1 FROM block WHERE substr(contacts, 1, 4) <> x'28b52ffd')",
    ),
    (
        "the blocks are not consecutive",
        "SELECT EXISTS (SELECT 1 FROM
           (SELECT first_seq, sum(contact_count) OVER (ORDER BY no) - contact_count AS expected FROM block)
          WHERE first_seq <> expected)",
    ),
    (
        "the batches overlap",
        "SELECT EXISTS (SELECT 1 FROM
           (SELECT first_seq, last_seq, lag(last_seq) OVER (PARTITION BY operation ORDER BY no) AS previous FROM batch)
          WHERE first_seq <= previous OR last_seq < first_seq)",
    ),
];

pub(crate) fn check(run: &RunFile) -> Result<(), RunError> {
    let verdict: String = run.database.value("PRAGMA quick_check(1)", [])?;
    if verdict != "ok" {
        return Err(run.damaged(verdict));
    }
    let tables: Vec<String> = run.database.rows(
        "SELECT name FROM sqlite_schema WHERE type = 'table'",
        [],
        |row| row.get(0),
    )?;
    for table in tables {
        if run.database.value(&wrong_values(run, &table)?, [])? {
            return Err(run.damaged(format!("the table `{table}` has an impossible value")));
        }
    }
    let larger = "SELECT EXISTS (SELECT 1 FROM batch WHERE count > ?1)";
    if run.database.value(larger, [BATCH_MAX])? {
        return Err(run.damaged("a batch has more contacts than a request".to_owned()));
    }
    for (reason, query) in GAPS {
        if run.database.value(query, [])? {
            return Err(run.damaged(reason.to_owned()));
        }
    }
    match Tally::of(run)?.contradiction() {
        Some(contradiction) => Err(run.damaged(contradiction)),
        None => Ok(()),
    }
}

/// A query that returns true if a value does not have its column's type, or a number is out of range. `SQLite`
/// itself accepts any value in any column.
fn wrong_values(run: &RunFile, table: &str) -> Result<String, RunError> {
    let conditions: Vec<String> = run.database.rows(
        "SELECT name, lower(type), \"notnull\" OR pk > 0 FROM pragma_table_info(?1)",
        [table],
        |row| {
            let (name, kind, is_required): (String, String, bool) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let mut wrong = format!("typeof(\"{name}\") <> '{kind}'");
            if kind == "integer" && name != "hash" {
                wrong = format!("({wrong} OR \"{name}\" NOT BETWEEN 0 AND {NUMBER_MAX})");
            }
            Ok(if is_required {
                wrong
            } else {
                format!("(\"{name}\" IS NOT NULL AND {wrong})")
            })
        },
    )?;
    Ok(format!(
        "SELECT EXISTS (SELECT 1 FROM \"{table}\" WHERE {})",
        conditions.join(" OR ")
    ))
}
