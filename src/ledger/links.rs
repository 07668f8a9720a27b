//! The links (`uri`) that removed run files had written. The API does not return links, so they would be lost with the
//! files.

use jiff::Timestamp;
use rusqlite::params;

use super::Ledger;
use crate::{output::IoError, sqlite::Database};

/// A link that a run wrote whose file was removed.
pub(crate) struct KeptLink {
    pub uri: String,
    /// When that run was planned.
    pub planned_at: Timestamp,
}

/// Adds links in one transaction.
pub(crate) struct LinkWriter<'a> {
    database: &'a Database<IoError>,
    planned_at: i64,
}

impl LinkWriter<'_> {
    /// Adds the link of a contact, unless a later run wrote another one.
    pub(crate) fn add(&self, id: &str, uri: &str) -> Result<(), IoError> {
        self.database.execute(
            "INSERT INTO link VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET uri = ?2, planned_at = ?3
             WHERE planned_at <= ?3",
            params![id, uri, self.planned_at],
        )
    }
}

/// Adds the links of a run that was planned at `planned_at`: all that `add_all` adds, or none.
pub(crate) fn keep_links<E: From<IoError>>(
    ledger: &mut Ledger,
    planned_at: Timestamp,
    add_all: impl FnOnce(&LinkWriter<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let database = ledger.database()?;
    let planned_at = planned_at.as_millisecond();
    database.transaction(|| {
        add_all(&LinkWriter {
            database,
            planned_at,
        })
    })
}

/// The link of a contact; `None` also if the ledger can't be read.
pub(crate) fn kept_link(ledger: &Ledger, id: &str) -> Option<KeptLink> {
    let found = ledger.find(
        "SELECT uri, planned_at FROM link WHERE id = ?1",
        [id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    let (uri, planned_at) = found.ok().flatten()?;
    let planned_at = Timestamp::from_millisecond(planned_at).ok()?;
    Some(KeptLink { uri, planned_at })
}

/// When the last of the runs with such links was planned; `None` if there are none.
pub(crate) fn last_kept_link(ledger: &Ledger) -> Option<Timestamp> {
    let last = ledger.find("SELECT max(planned_at) FROM link", [], |row| row.get(0));
    let last: Option<i64> = last.ok().flatten()?;
    Timestamp::from_millisecond(last?).ok()
}
