//! The backups written by this tool: the name pattern with placeholders for times, and the state of the file.

use std::path::{Path, PathBuf};

use rusqlite::{Params, params};

use super::{Ledger, modified_ns};
use crate::output::IoError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExportRecord {
    pub path: PathBuf,
    pub bytes: u64,
    pub modified_ns: i64,
    pub contacts: u64,
}

impl ExportRecord {
    /// True if the file is unchanged since it was written. Links are not followed.
    pub(crate) fn is_untouched(&self) -> bool {
        self.path.symlink_metadata().is_ok_and(|data| {
            data.is_file()
                && data.len() == self.bytes
                && modified_ns(&data).is_ok_and(|time| time == self.modified_ns)
        })
    }
}

pub(crate) fn record_export(
    ledger: &mut Ledger,
    pattern: &str,
    path: &Path,
    contacts: u64,
) -> Result<(), IoError> {
    let data = path.symlink_metadata();
    let written = data.and_then(|data| Ok((data.len(), modified_ns(&data)?)));
    let (bytes, modified_ns) = written.map_err(IoError::at(path))?;
    ledger.execute(
        "INSERT OR REPLACE INTO export VALUES
           (?1, ?2, (SELECT coalesce(max(number), 0) + 1 FROM export), ?3, ?4, ?5)",
        params![
            path.to_string_lossy(),
            pattern,
            bytes,
            modified_ns,
            contacts
        ],
    )
}

pub(crate) fn last_export(ledger: &Ledger) -> Result<Option<ExportRecord>, IoError> {
    Ok(exports(ledger, "ORDER BY number DESC LIMIT 1", [])?.pop())
}

/// The number of contacts in the last backup, if any.
pub(crate) fn account_size(ledger: &Ledger) -> Option<u64> {
    let last = last_export(ledger).ok().flatten();
    last.map(|export| export.contacts)
}

pub(crate) fn export_at(ledger: &Ledger, path: &Path) -> Result<Option<ExportRecord>, IoError> {
    Ok(exports(ledger, "WHERE path = ?1", [path.to_string_lossy()])?.pop())
}

/// The backups with this name pattern, newest first.
pub(crate) fn exports_to(ledger: &Ledger, pattern: &str) -> Result<Vec<ExportRecord>, IoError> {
    exports(ledger, "WHERE pattern = ?1 ORDER BY number DESC", [pattern])
}

pub(crate) fn forget_export(ledger: &mut Ledger, path: &Path) -> Result<(), IoError> {
    ledger.execute(
        "DELETE FROM export WHERE path = ?1",
        [path.to_string_lossy()],
    )
}

fn exports(
    ledger: &Ledger,
    which: &str,
    params: impl Params,
) -> Result<Vec<ExportRecord>, IoError> {
    let select = format!("SELECT path, bytes, modified_ns, contacts FROM export {which}");
    ledger.rows(&select, params, |row| {
        Ok(ExportRecord {
            path: row.get::<_, String>(0)?.into(),
            bytes: row.get(1)?,
            modified_ns: row.get(2)?,
            contacts: row.get(3)?,
        })
    })
}
