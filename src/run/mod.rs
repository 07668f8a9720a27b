//! The run file: the only module that knows SQL. [`schema`] documents the format and the crash argument.
//!
//! A run file goes through three hands: [`stage`] fills it with contacts and rejects, [`plan`](planning)
//! writes the account's [`snapshot`], actions and batches and seals it, [`journal`] records what came of each
//! batch. [`contacts`] and [`written`] read what is there, [`store`] knows where run files live.

pub mod contacts;
pub mod journal;
mod merged;
pub mod planning;
pub mod schema;
pub mod snapshot;
pub mod stage;
pub mod store;
mod summary;
#[cfg(test)]
mod tests;
pub mod written;

use std::{
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::{Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::crash::{self, Point};
pub use contacts::{Action, Contacts};
pub use summary::{Done, Planned, Rows, Tally};

/// How far a run has come; `meta.state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Being filled or planned: nothing was sent, and after a crash nothing here counts.
    Open,
    /// The plan is complete and on disk.
    Sealed,
    /// Every batch has its outcome.
    Done,
}

/// What can go wrong with a run file.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The file can't be made, opened or written.
    #[error("run file {path}: {source}")]
    Io {
        /// The run file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The directory that the tool keeps its things in can't be made or written.
    #[error("{path}: {source}")]
    State {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// `SQLite` can't do what it was asked.
    #[error("run file {path}: {source}")]
    Sqlite {
        /// The run file.
        path: PathBuf,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
    /// The file is there, but it is not a run file, or not one that this version reads.
    #[error("run file {path}: {reason}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Why it can't be used.
        reason: String,
    },
    /// The file was cut or altered.
    #[error("run file {path} is damaged: {reason}")]
    Damaged {
        /// The run file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Another process has the run, or the account, in hand.
    #[error("{what} is in use by another wazzup-contacts process")]
    Busy {
        /// The run file or the account.
        what: String,
    },
}

impl RunError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space, or name a run file on another disk with --run FILE".into())
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                Some("name another file with --run (with -o for `plan`); `wazzup-contacts apply` sends what is left of this one".into())
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("`wazzup-contacts runs` lists the runs that there are; --run FILE names another place".into())
            }
            Self::Io { .. } => Some("name a writable place for the run file with --run FILE".into()),
            Self::State { .. } => Some(
                "the tool keeps its runs and locks there, whatever --run says: make it writable, or set XDG_STATE_HOME to a directory that is"
                    .into(),
            ),
            Self::Sqlite { source, .. } if is_out_of_reach(source) => Some(
                "the file and its directory must be writable, also to be looked at: copy it (with -wal, if that lies beside it) to where they are"
                    .into(),
            ),
            Self::Sqlite { source, .. } if is_full(source) => {
                Some("make sure that the disk has room and can be written, then try again: nothing that was recorded is lost".into())
            }
            Self::Damaged { .. } => Some(
                "a batch that was sent may not be recorded in it: import the source again in the default mode \
                 (upsert), which compares with the account and sends only what differs"
                    .into(),
            ),
            Self::Busy { .. } => Some("wait for it to end, or pass --wait".into()),
            Self::Sqlite { .. } | Self::Foreign { .. } => None,
        }
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(DiskFull | SystemIoFailure))
}

fn is_out_of_reach(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

/// What a text is recognised by; `seed` is its place, so that two that changed places are noticed too.
fn digest(seed: u64, text: &[u8]) -> i64 {
    xxh3_64_with_seed(text, seed).cast_signed()
}

/// Makes the name of a new file durable.
#[cfg(unix)]
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    std::fs::File::open(directory)?.sync_all()
}

/// Elsewhere a directory can't be opened, and names are durable with the file.
#[cfg(not(unix))]
pub(crate) fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

/// An open run file.
#[derive(Debug)]
pub struct RunFile {
    connection: Connection,
    path: PathBuf,
}

impl RunFile {
    /// Makes a new run file, readable by its owner only. A file that is already there is not touched.
    ///
    /// # Errors
    /// Where the file can't be made.
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
    ///
    /// # Errors
    /// Where the file can't be opened, is no run file, or comes from another schema version.
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
    pub fn check(&self) -> Result<(), RunError> {
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
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's name: the file's name without its ending.
    #[must_use]
    pub fn name(&self) -> String {
        self.path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// Reads a fact about the run.
    ///
    /// # Errors
    /// Where the file can't be read or the fact is not of that type.
    pub fn meta<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, RunError> {
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
    pub fn fact<T: DeserializeOwned>(&self, key: &str) -> Result<T, RunError> {
        self.meta(key)?
            .ok_or_else(|| self.damaged(format!("meta.{key} is missing")))
    }

    /// Writes a fact about the run.
    ///
    /// # Errors
    /// Where the file can't be written.
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
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn state(&self) -> Result<State, RunError> {
        self.fact("state")
    }

    /// Makes everything that was staged and planned durable, then says so: from here on the plan counts.
    ///
    /// # Errors
    /// Where the file can't be written or synced.
    pub fn seal(&self) -> Result<(), RunError> {
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
        sync_directory(&self.path).map_err(io)
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
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn begin(&self) -> Result<(), RunError> {
        self.with(|connection| connection.execute_batch("BEGIN"))
    }

    /// Ends [`Self::begin`].
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn commit(&self) -> Result<(), RunError> {
        self.with(|connection| connection.execute_batch("COMMIT"))
    }

    /// Groups what `work` writes into one transaction: all of it or none, one sync.
    ///
    /// # Errors
    /// What `work` says, or that the transaction can't be committed.
    pub fn transaction<T>(
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
