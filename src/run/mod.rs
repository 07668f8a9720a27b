//! The run file: the only module that knows SQL. [`schema`] documents the format and the crash argument.
//!
//! A file here for each table there: `sources`, `blocks` (and `contacts`, which reads them), `rejects`, `snapshot`,
//! `merged`, `changes`, `batches`. `journal` records what came of batches, `written` reads that for undo, `tally` adds
//! up, and [`store`] knows where run files live.

mod batches;
mod blocks;
mod changes;
mod contacts;
mod error;
mod journal;
mod merged;
mod rejects;
pub(crate) mod schema;
mod snapshot;
mod sources;
pub mod store;
mod tally;
#[cfg(test)]
mod tests;
mod written;

use std::{
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::{Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    crash::{self, Point},
    output,
};
pub(crate) use batches::{Batch, BatchReader};
pub use blocks::{Position, StagedBlock, StagedReject};
pub(crate) use changes::{Change, FieldChange, Removal};
pub use contacts::{Contacts, letter};
pub(crate) use error::RunError;
pub(crate) use journal::{BatchOutcome, Exception, Fate};
pub(crate) use rejects::{RejectLine, RejectedAt, RejectedRow};
pub(crate) use snapshot::RemoteContact;
pub use sources::{StagedSource, TextForm};
pub use tally::{Done, Planned, Rows, Tally};
pub(crate) use written::Written;

/// How far a run has come; `meta.state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Being filled or planned: nothing was sent, and after a crash nothing here counts.
    Open,
    /// The plan is complete and on disk.
    Sealed,
    /// Every batch has its outcome.
    Done,
}

/// What a text is recognised by; `seed` is its place, so that two that changed places are noticed too.
fn digest(seed: u64, text: &[u8]) -> i64 {
    xxh3_64_with_seed(text, seed).cast_signed()
}

/// An open run file.
#[derive(Debug)]
pub struct RunFile {
    connection: Connection,
    path: PathBuf,
}

impl RunFile {
    /// Makes a new run file, readable by its owner only. A file that is already there is not touched.
    pub fn create(path: &Path) -> Result<Self, RunError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        options.open(path).map_err(|source| RunError::Io {
            path: path.into(),
            source,
        })?;
        let made = Self::furnish(path);
        if made.is_err() {
            // It is ours and holds nothing; that it could not be furnished is what has to be told.
            let _ = store::remove(path);
        }
        made
    }

    /// Makes the tables in a new file.
    fn furnish(path: &Path) -> Result<Self, RunError> {
        let run = Self::connect(path)?;
        run.with(|connection| {
            connection.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
            connection.pragma_update(None, "synchronous", "OFF")?;
            connection.pragma_update(None, "page_size", schema::PAGE_BYTES)?;
            connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", schema::VERSION)?;
            connection.pragma_update(None, "cache_size", -8_192)?;
            connection.execute_batch(schema::TABLES)
        })?;
        run.set_meta("state", &State::Open)?;
        run.set_meta("tool_version", env!("CARGO_PKG_VERSION"))?;
        Ok(run)
    }

    /// Opens a run file that was made before, ready to be read and journaled. What is sealed is in WAL mode
    /// already, and what is not is in somebody else's hands.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        // Not by opening it: see `store::Lock` on handles beside SQLite's.
        path.metadata().map_err(|source| RunError::Io {
            path: path.into(),
            source,
        })?;
        let run = Self::connect(path)?;
        run.recognise()?;
        run.with(|connection| connection.pragma_update(None, "synchronous", "FULL"))?;
        Ok(run)
    }

    /// Is the file whole, and do its counts add up? To be asked before anything is sent from it.
    ///
    /// # Errors
    /// [`RunError::Damaged`] where it is not.
    pub(crate) fn check(&self) -> Result<(), RunError> {
        self.check_integrity()?;
        match self.tally()?.contradiction() {
            Some(contradiction) => Err(self.damaged(contradiction)),
            None => Ok(()),
        }
    }

    fn connect(path: &Path) -> Result<Self, RunError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // To SQLite `:memory:` and `file:…` are no files, unless they begin with a slash.
        let file = std::path::absolute(path).map_err(|source| RunError::Io {
            path: path.into(),
            source,
        })?;
        let connection =
            Connection::open_with_flags(file, flags).map_err(|source| RunError::Sqlite {
                path: path.into(),
                source,
            })?;
        connection.set_prepared_statement_cache_capacity(64);
        // The references in the schema are for readers; checking each of a million rows costs and proves nothing.
        connection
            .pragma_update(None, "foreign_keys", false)
            .map_err(|source| RunError::Sqlite {
                path: path.into(),
                source,
            })?;
        Ok(Self {
            connection,
            path: path.into(),
        })
    }

    /// Is it ours, and of a version that we read?
    fn recognise(&self) -> Result<(), RunError> {
        let foreign = |reason: String| RunError::Foreign {
            path: self.path.clone(),
            reason,
        };
        let pragma = |name: &str| {
            self.connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
        };
        match pragma("application_id") {
            Ok(id) if id == i64::from(schema::APPLICATION_ID) => {}
            Ok(_) => return Err(foreign("this is a SQLite file, but not a run file".into())),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
                return Err(foreign("this is not a run file".into()));
            }
            Err(source) => return Err(self.sqlite(source)),
        }
        let version = pragma("user_version").map_err(|source| self.sqlite(source))?;
        if version != schema::VERSION {
            return Err(foreign(format!(
                "it has schema version {version}, this program reads version {}: use the version of wazzup-contacts that made it",
                schema::VERSION
            )));
        }
        Ok(())
    }

    fn check_integrity(&self) -> Result<(), RunError> {
        let verdict: Result<String, _> =
            self.connection
                .query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
        match verdict {
            Ok(word) if word == "ok" => Ok(()),
            Ok(reason) => Err(RunError::Damaged {
                path: self.path.clone(),
                reason,
            }),
            Err(error) => Err(self.sqlite(error)),
        }
    }

    /// Where the run file is.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The run's name: the file's name without its ending.
    #[must_use]
    pub(crate) fn name(&self) -> String {
        self.path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// Reads a fact about the run.
    pub(crate) fn meta<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, RunError> {
        let text: Option<String> = self.with(|connection| {
            connection
                .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
                .query_row([key], |row| row.get(0))
                .optional()
        })?;
        text.map(|text| {
            serde_json::from_str(&text)
                .map_err(|error| self.damaged(format!("meta.{key}: {error}")))
        })
        .transpose()
    }

    /// Reads a fact that every sealed run has.
    ///
    /// # Errors
    /// As [`Self::meta`], and where the fact is missing.
    pub(crate) fn fact<T: DeserializeOwned>(&self, key: &str) -> Result<T, RunError> {
        self.meta(key)?
            .ok_or_else(|| self.damaged(format!("meta.{key} is missing")))
    }

    /// Writes a fact about the run.
    pub fn set_meta<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), RunError> {
        let text = serde_json::to_string(value).map_err(|error| self.damaged(error.to_string()))?;
        self.with(|connection| {
            connection
                .prepare_cached("INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")?
                .execute(params![key, text])
                .map(drop)
        })
    }

    /// How far the run has come.
    pub(crate) fn state(&self) -> Result<State, RunError> {
        self.fact("state")
    }

    /// Makes everything that was staged and planned durable, then says so: from here on the plan counts.
    pub(crate) fn seal(&self) -> Result<(), RunError> {
        self.sync()?;
        let journal: String = self.with(|connection| {
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        })?;
        if journal != "wal" {
            return Err(RunError::Io {
                path: self.path.clone(),
                source: io::Error::new(
                    io::ErrorKind::Unsupported,
                    "no journal can be kept here, so a crash would not be survived",
                ),
            });
        }
        crash::point(Point::Sealing);
        self.set_meta("state", &State::Sealed)?;
        crash::point(Point::Sealed);
        Ok(())
    }

    /// Between two transactions of a file that is not in WAL mode `SQLite` holds no lock, so closing a handle
    /// of our own takes none away.
    fn sync(&self) -> Result<(), RunError> {
        let io = |source| RunError::Io {
            path: self.path.clone(),
            source,
        };
        OpenOptions::new()
            .write(true)
            .open(&self.path)
            .and_then(|file| file.sync_all())
            .map_err(io)?;
        output::sync_directory(output::directory(&self.path)).map_err(io)
    }

    /// Runs `work` on the connection and names the file in its error.
    fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, RunError> {
        work(&self.connection).map_err(|source| self.sqlite(source))
    }

    fn sqlite(&self, source: rusqlite::Error) -> RunError {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase};
        match source.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => self.damaged(source.to_string()),
            Some(DatabaseBusy | DatabaseLocked) => RunError::Busy {
                what: format!("run {}", self.path.display()),
            },
            _ => RunError::Sqlite {
                path: self.path.clone(),
                source,
            },
        }
    }

    /// The file does not say what a run file has to say, or two parts of it say different things.
    pub(crate) fn damaged(&self, reason: String) -> RunError {
        RunError::Damaged {
            path: self.path.clone(),
            reason,
        }
    }

    /// Begins to write many rows at once; [`Self::commit`] ends it. Only while nothing is sealed: there an
    /// interruption throws the file away, so nothing has to be taken back.
    pub fn begin(&self) -> Result<(), RunError> {
        self.with(|connection| connection.execute_batch("BEGIN"))
    }

    /// Ends [`Self::begin`].
    pub fn commit(&self) -> Result<(), RunError> {
        self.with(|connection| connection.execute_batch("COMMIT"))
    }

    /// Groups what `work` writes into one transaction: all of it or none, one sync.
    pub(crate) fn transaction<T>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        self.with(|connection| connection.execute_batch("BEGIN IMMEDIATE"))?;
        let result = work(self).and_then(|value| {
            self.with(|connection| connection.execute_batch("COMMIT"))
                .map(|()| value)
        });
        if result.is_err() && !self.connection.is_autocommit() {
            // The first error is the one to report; a rollback that fails leaves the file as SQLite's recovery finds it.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        result
    }
}
