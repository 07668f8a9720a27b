//! The ledger: facts about an account that outlive a run, in one small `SQLite` file per account.
//!
//! `accounts/<fingerprint>.db` in the state directory, readable by its owner only:
//!
//! | table | facts |
//! |---|---|
//! | `account` | the number of runs that wrote to the account, and the last one |
//! | `profile` | for each profile: the last use of the account, and the number of `--changed-only` runs since a full comparison |
//! | `contact` | for each profile: digests of contacts as the last run left them (see [`records`]) |
//! | `rejects` | size and modification time of each rejects file, as it was written |
//! | `rejects_source` | the source and the profile of each rejects file (see [`RejectsOrigin`]) |
//! | `export` | each backup: its name with placeholders, order, size, modification time and number of contacts (see [`exports`]) |
//! | `run` | for each run planned here: the path of its rejects (see [`RejectsPath`]) |
//! | `history` | a line for each run (see [`history`]) |
//! | `link` | for each contact: the link that a run wrote whose file was removed (see [`links`]) |
//!
//! A missing or damaged ledger counts as empty: contacts are compared with the account, and existing rejects
//! files are left alone. Only the guards of a mirror and of an older plan treat a damaged ledger like one with
//! facts. The first write replaces it, and keeps the damaged file beside it (`….db.damaged`). If it can't be opened for
//! another reason, such as a full disk or a lock, that write fails.
//!
//! **Syncs.** The database is in WAL mode, so that a change takes one sync. Records made before a request are on disk
//! when it is sent. Lines of runs that sent nothing are only synced with later changes, or when the ledger is closed.
//!
//! **Versions.** A later version may add tables, which this one ignores. If it changes tables that this version
//! reads, it raises the version of the file. Such a ledger is [refused](Ledger::check), because replacing it would
//! lose the history.

mod database;
mod exports;
mod history;
mod links;
mod records;
mod rejects_path;

pub(crate) use exports::{
    ExportRecord, account_size, export_at, exports_to, forget_export, last_export, record_export,
};
pub(crate) use history::{
    HistoryEntry, RunStatus, forget_old_runs, has_run, line_of, lines, lines_with_files,
    record_run, without_claim,
};
pub(crate) use links::{KeptLink, keep_links, kept_link, last_kept_link};
pub(crate) use records::ContactRecords;
pub(crate) use rejects_path::{
    RejectsOrigin, RejectsPath, may_replace_rejects, record_rejects, rejects_path_of,
    remember_rejects_path,
};

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use parking_lot::{Mutex, MutexGuard};

use jiff::Timestamp;
use rusqlite::{Params, Row, params};

use crate::{output::IoError, sqlite::Database};

/// Retention of a run's line and the path of its rejects.
const DAYS_KEPT: i64 = 400;

#[derive(Debug)]
pub(crate) struct Ledger {
    state_directory: PathBuf,
    path: PathBuf,
    /// The database, if it exists.
    database: Option<Database<IoError>>,
    /// True if it exists but can't be read.
    is_unreadable: bool,
    /// The reason for not replacing a ledger that can't be read: it is not damaged.
    refusal: Option<String>,
}

impl Ledger {
    /// Opens the ledger of an account. Nothing is created before the first write.
    pub(crate) fn open(state_directory: &Path, account: &str) -> Self {
        let path = directory(state_directory).join(format!("{account}.db"));
        let opened = database::open(&path);
        Self {
            state_directory: state_directory.to_path_buf(),
            refusal: opened
                .as_ref()
                .err()
                .and_then(|error| database::refusal(&path, error)),
            is_unreadable: opened.is_err(),
            database: opened.unwrap_or_default(),
            path,
        }
    }

    /// The ledgers of all accounts, ordered by fingerprint, opened one at a time.
    pub(crate) fn all(state_directory: &Path) -> io::Result<impl Iterator<Item = Self>> {
        let accounts = accounts(state_directory)?.into_iter();
        Ok(accounts.map(|account| Self::open(state_directory, &account)))
    }

    /// Fails if the ledger can't be read although it is not damaged: a newer version wrote it, or the disk is full.
    pub(crate) fn check(&self) -> Result<(), IoError> {
        let refusal = self
            .refusal
            .as_ref()
            .map(|reason| io::Error::other(reason.clone()));
        refusal.map_or(Ok(()), |reason| Err(IoError::at(&self.path)(reason)))
    }

    pub(crate) const fn is_found(&self) -> bool {
        self.database.is_some()
    }

    /// True if the ledger exists but can't be read.
    pub(crate) const fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// True if the profile last used another account, or if that can't be determined. False for a new profile.
    pub(crate) fn may_differ(&self, profile: &str) -> bool {
        let last_used = "SELECT last_used FROM profile WHERE name = ?1 AND last_used IS NOT NULL";
        let newest = || {
            let own: Option<i64> = self.find(last_used, [profile], |row| row.get(0)).ok()?;
            for other in self.others().ok()? {
                let time: Option<i64> = other.find(last_used, [profile], |row| row.get(0)).ok()?;
                if other.is_unreadable || time > own {
                    return None;
                }
            }
            Some(())
        };
        self.is_unreadable || newest().is_none()
    }

    /// Number of runs that have started writing to the account.
    pub(crate) fn writes(&self) -> u64 {
        let writes = self.find("SELECT writes FROM account", [], |row| row.get(0));
        writes.ok().flatten().unwrap_or_default()
    }

    /// True if a run other than `run` wrote to the account after this number of writes, or if that can't be
    /// determined.
    pub(crate) fn may_be_written_since(&self, writes: u64, run: &str) -> bool {
        let last = self.find("SELECT writes, last_writer FROM account", [], |row| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?))
        });
        match last {
            Ok(last) => {
                self.is_unreadable
                    || last.is_some_and(|(number, name)| name != run && number > writes)
            }
            Err(_) => true,
        }
    }

    /// Records that `writer` starts writing to the account, and that the profile uses it.
    pub(crate) fn record_writer(&mut self, profile: &str, writer: &str) -> Result<(), IoError> {
        let database = self.database()?;
        database.transaction(|| {
            database.execute(
                "UPDATE account SET writes = writes + 1, last_writer = ?1",
                [writer],
            )?;
            record_use(database, profile)
        })
    }

    pub(crate) fn record_use(&mut self, profile: &str) -> Result<(), IoError> {
        let database = self.database()?;
        database::write_unsynced(database, || record_use(database, profile))
    }

    /// The database, created if it is missing or unreadable.
    fn database(&mut self) -> Result<&Database<IoError>, IoError> {
        self.check()?;
        let database = match self.database.take() {
            Some(database) => database,
            None => self.create()?,
        };
        self.is_unreadable = false;
        Ok(self.database.insert(database))
    }

    fn create(&self) -> Result<Database<IoError>, IoError> {
        let created = database::create(&self.path)?;
        if self.is_unreadable {
            // Greater than any count of the unreadable ledger, so older plans assume that others may have written.
            created.execute("UPDATE account SET writes = unixepoch()", [])?;
        }
        Ok(created)
    }

    /// Reads a row, if the database exists and has it.
    fn find<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, IoError> {
        match &self.database {
            Some(database) => database.row(sql, params, read),
            None => Ok(None),
        }
    }

    /// Changes rows durably. Creates the database if necessary.
    fn execute(&mut self, sql: &str, params: impl Params) -> Result<(), IoError> {
        self.database()?.execute(sql, params)
    }

    /// Reads rows. There are none if the database does not exist.
    fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, IoError> {
        match &self.database {
            Some(database) => database.rows(sql, params, read),
            None => Ok(Vec::new()),
        }
    }

    /// The ledgers of all other accounts, opened one at a time.
    fn others(&self) -> io::Result<impl Iterator<Item = Self>> {
        let all = Self::all(&self.state_directory)?;
        Ok(all.filter(|other| other.path != self.path))
    }
}

/// The ledger of an account while a command works on it: opened once, because each opening checks the schema.
#[derive(Clone, Debug)]
pub(crate) struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    pub(crate) fn open(state_directory: &Path, account: &str) -> Self {
        Self(Arc::new(Mutex::new(Ledger::open(state_directory, account))))
    }

    /// The ledger. Release it before calling anything that may use it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Ledger> {
        let mut ledger = self.0.lock();
        if !ledger.is_found() {
            // Another process may have created it since.
            let account = ledger.path.file_stem().unwrap_or_default();
            *ledger = Ledger::open(&ledger.state_directory, &account.to_string_lossy());
        }
        ledger
    }
}

fn record_use(database: &Database<IoError>, profile: &str) -> Result<(), IoError> {
    let now = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
    database.execute(
        "INSERT INTO profile (name, last_used) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET last_used = ?2",
        params![profile, now],
    )
}

/// The fingerprints of all accounts with a ledger, in order.
fn accounts(state_directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory(state_directory)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut accounts = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "db") {
            accounts.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    accounts.sort();
    Ok(accounts)
}

fn directory(state_directory: &Path) -> PathBuf {
    state_directory.join("accounts")
}

fn size_and_time(path: &Path) -> io::Result<(u64, i64)> {
    let data = path.metadata()?;
    Ok((data.len(), modified_ns(&data)?))
}

fn modified_ns(data: &fs::Metadata) -> io::Result<i64> {
    let since = data.modified()?.duration_since(UNIX_EPOCH);
    let nanoseconds = since.map_or(0, |since| since.as_nanos());
    Ok(i64::try_from(nanoseconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
