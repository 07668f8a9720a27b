//! The history of an account: one line per run. A line outlives the run's file.
//!
//! A command writes the line before it does anything else, and updates it when it ends. So a line without an exit
//! code belongs to a command that is still running or was killed.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Params, Row, params, types::Type};
use serde::Serialize;
use strum::{EnumString, IntoStaticStr};

use super::{DAYS_KEPT, Ledger, database::write_unsynced};
use crate::{output::IoError, run::Tally};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(crate) enum RunStatus {
    /// A command is working on it. In the ledger, also if the command was killed.
    #[default]
    Running,
    /// Something is left to send, and `apply` continues the run.
    #[serde(rename = "sealed")]
    Unfinished,
    /// Every contact has its outcome, or there was nothing to send.
    Done,
    /// It ended before its plan could be sent, and has no run file.
    Stopped,
    /// The run file can't be read. Never stored.
    Unreadable,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HistoryEntry {
    /// The number of the line; 0 if it is not stored.
    pub number: i64,
    /// The fingerprint of the account.
    pub account: String,
    pub run: String,
    /// The run file, while it is kept.
    pub file: Option<PathBuf>,
    /// When the first command began.
    pub started_at: Timestamp,
    /// Total duration of its commands.
    pub seconds: f64,
    /// The profile, if known: run files of earlier versions don't contain it.
    pub profile: Option<String>,
    pub command: String,
    pub mode: String,
    /// The source as the user named it. Several are joined with `, `.
    pub source: String,
    /// The working directory, to which the source is relative.
    pub directory: String,
    pub status: RunStatus,
    /// The exit code of its last command, if the command ended.
    pub exit_code: Option<u8>,
    /// The error that ended its last command.
    pub error: Option<String>,
    pub tally: Tally,
}

impl HistoryEntry {
    /// True if it changed something, or tried to.
    pub(crate) const fn has_sent(&self) -> bool {
        let done = &self.tally.done;
        done.created + done.updated + done.deleted + done.failed > 0
    }

    /// True if it did not complete: it was killed, or its exit code is not 0, 3 or 6.
    pub(crate) fn has_failed(&self) -> bool {
        self.status != RunStatus::Running && !matches!(self.exit_code, Some(0 | 3 | 6))
    }

    /// True if unsent changes of the earlier run are out of date, because this run undid it or repeated it.
    pub(crate) fn supersedes(&self, earlier: &Self) -> bool {
        earlier.status == RunStatus::Unfinished
            && self.started_at > earlier.started_at
            && (earlier
                .file
                .as_deref()
                .is_some_and(|file| self.has_undone(file))
                || self.repeats(earlier))
    }

    /// True if this run is an undo of the run in this file that changed something, or is done because nothing had to be
    /// changed.
    pub(crate) fn has_undone(&self, file: &Path) -> bool {
        self.is_undo_of(file) && (self.has_sent() || self.status == RunStatus::Done)
    }

    /// True if this run is done, with all rows of the same source in the same mode, profile and account.
    fn repeats(&self, earlier: &Self) -> bool {
        let what = |it: &Self| {
            let (account, profile) = (it.account.clone(), it.profile.clone());
            (
                account,
                profile,
                it.mode.clone(),
                it.directory.clone(),
                it.source.clone(),
            )
        };
        self.status == RunStatus::Done
            && self.tally.rows.not_selected == 0
            && !matches!(self.source.as_str(), "" | "-")
            && what(self) == what(earlier)
    }

    pub(crate) fn is_undo_of(&self, file: &Path) -> bool {
        self.command == "undo" && Path::new(&self.directory).join(&self.source) == file
    }

    fn of(row: &Row<'_>, account: &str) -> rusqlite::Result<Self> {
        let undecodable = |index: usize, error: &dyn std::fmt::Display| {
            let error = error.to_string().into();
            rusqlite::Error::FromSqlConversionFailure(index, Type::Text, error)
        };
        let status: String = row.get(10)?;
        let tally: String = row.get(13)?;
        let started_at = Timestamp::from_millisecond(row.get(3)?);
        Ok(Self {
            number: row.get(0)?,
            account: account.to_owned(),
            run: row.get(1)?,
            file: row.get::<_, Option<String>>(2)?.map(PathBuf::from),
            started_at: started_at.map_err(|error| undecodable(3, &error))?,
            seconds: row.get(4)?,
            profile: row.get(5)?,
            command: row.get(6)?,
            mode: row.get(7)?,
            source: row.get(8)?,
            directory: row.get(9)?,
            status: status.parse().map_err(|error| undecodable(10, &error))?,
            exit_code: row.get(11)?,
            error: row.get(12)?,
            tally: serde_json::from_str(&tally).map_err(|error| undecodable(13, &error))?,
        })
    }
}

/// The runs of an account whose files need not be kept, newest first: those without changes, and those with
/// changes except the newest `keep`. Unfinished runs keep their file.
pub(crate) fn without_claim(
    runs: &[HistoryEntry],
    keep: usize,
) -> impl Iterator<Item = &HistoryEntry> {
    let mut changed = 0;
    runs.iter().filter(move |run| match run.status {
        RunStatus::Done if run.has_sent() => {
            changed += usize::from(run.file.is_some());
            run.file.is_some() && changed > keep
        }
        RunStatus::Done | RunStatus::Stopped => run.file.is_some(),
        RunStatus::Running | RunStatus::Unfinished | RunStatus::Unreadable => false,
    })
}

/// Writes a line, and sets its number if it is new. A file belongs to the last run that was written to it.
pub(crate) fn record_run(ledger: &mut Ledger, run: &mut HistoryEntry) -> Result<(), IoError> {
    let file = run
        .file
        .as_ref()
        .map(|file| file.to_string_lossy().into_owned());
    let tally = serde_json::to_string(&run.tally).unwrap_or_default();
    let status: &str = run.status.into();
    let database = ledger.database()?;
    let write = || {
        if run.number == 0 {
            database.execute("UPDATE history SET file = NULL WHERE file = ?1", [&file])?;
        }
        database.execute(
            "INSERT OR REPLACE INTO history
               VALUES (nullif(?1, 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            params![
                run.number,
                run.run,
                file,
                run.started_at.as_millisecond(),
                run.seconds,
                run.profile,
                run.command,
                run.mode,
                run.source,
                run.directory,
                status,
                run.exit_code,
                run.error,
                tally
            ],
        )
    };
    if run.has_sent() {
        database.transaction(write)?;
    } else {
        // Before anything is sent, `record_writer` syncs.
        write_unsynced(database, write)?;
    }
    if run.number == 0 {
        run.number = database.connection.last_insert_rowid();
    }
    Ok(())
}

/// The lines of the account, newest first.
pub(crate) fn lines(ledger: &Ledger) -> Result<Vec<HistoryEntry>, IoError> {
    select(ledger, "", [])
}

/// The lines of the runs that have a file, the newest first.
pub(crate) fn lines_with_files(ledger: &Ledger) -> Result<Vec<HistoryEntry>, IoError> {
    select(ledger, "WHERE file IS NOT NULL", [])
}

pub(crate) fn line_of(ledger: &Ledger, file: &Path) -> Result<Option<HistoryEntry>, IoError> {
    let file = file.to_string_lossy();
    Ok(select(ledger, "WHERE file = ?1", [file])?
        .into_iter()
        .next())
}

pub(crate) fn has_run(ledger: &Ledger, name: &str) -> Result<bool, IoError> {
    let found = ledger.find("SELECT 1 FROM history WHERE run = ?1", [name], |_| Ok(()))?;
    Ok(found.is_some())
}

fn select(ledger: &Ledger, which: &str, params: impl Params) -> Result<Vec<HistoryEntry>, IoError> {
    let account = ledger
        .path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let select = format!("SELECT * FROM history {which} ORDER BY started_at DESC, number DESC");
    ledger.rows(&select, params, |row| HistoryEntry::of(row, &account))
}

/// Deletes the lines of runs without a file that are older than 400 days.
pub(crate) fn forget_old_runs(ledger: &mut Ledger, now: Timestamp) -> Result<(), IoError> {
    let oldest = now.as_millisecond() - DAYS_KEPT * 86_400_000;
    let database = ledger.database()?;
    write_unsynced(database, || {
        database.execute(
            "DELETE FROM history WHERE file IS NULL AND started_at < ?1",
            [oldest],
        )
    })
}
