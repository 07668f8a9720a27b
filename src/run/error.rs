//! Errors of run files.

use std::{
    fs::TryLockError,
    io,
    path::{Path, PathBuf},
};

use crate::{
    output::directory,
    paths::{advice, has_no_room, read_fault, similar},
    sqlite::DatabaseError,
};

/// The reason if a file is not an `SQLite` database at all.
pub(super) const NO_DATABASE: &str = "this is not a run file";

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The file can't be created, opened or written.
    #[error("run file {path}{}", io_fault(path, source))]
    Io { path: PathBuf, source: io::Error },
    /// The state directory can't be created or written.
    #[error("{path}: {source}")]
    State { path: PathBuf, source: io::Error },
    /// Only the line in the history is left.
    #[error("the run file of {run} was removed, so only its line in the history is left")]
    Removed { run: String },
    #[error("run file {path}: {source}")]
    Sqlite {
        path: PathBuf,
        source: rusqlite::Error,
    },
    /// The file is not a run file, or its schema version is not supported.
    #[error("run file {path}: {reason}")]
    Foreign { path: PathBuf, reason: String },
    #[error("run file {path} is damaged: {reason}")]
    Damaged { path: PathBuf, reason: String },
    /// The file is newer than every run that can be continued, and may be the one to continue.
    #[error("{source}; it may be the newest unfinished run")]
    Doubtful { source: Box<Self> },
    #[error("the file system of {path} does not support locks: {source}")]
    NoLocks {
        /// A file that can't be locked.
        path: PathBuf,
        source: io::Error,
    },
    /// The counts of a run don't add up, which is a bug.
    #[error("internal error: the counts don't add up: {0}")]
    Counts(String),
    /// Another process uses the run or the account.
    #[error("{what} is in use by another wazzup-contacts process")]
    Busy { what: String },
}

impl DatabaseError for RunError {
    /// A value that can't be decoded is damage.
    fn of(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::{
            Error::{
                FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
            },
            ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase, TooBig},
        };
        let is_undecodable = matches!(
            source,
            FromSqlConversionFailure(..)
                | IntegralValueOutOfRange(..)
                | InvalidColumnType(..)
                | Utf8Error(..)
        );
        match source.sqlite_error_code() {
            // SQLite reports a file system without locks as busy.
            Some(DatabaseBusy | DatabaseLocked) => match probe_locks(directory(path)) {
                Err(source) => Self::NoLocks {
                    path: path.into(),
                    source,
                },
                Ok(()) => Self::Busy {
                    what: format!("run {}", path.display()),
                },
            },
            Some(DatabaseCorrupt | NotADatabase | TooBig) => Self::Damaged {
                path: path.into(),
                reason: source.to_string(),
            },
            None if is_undecodable => Self::Damaged {
                path: path.into(),
                reason: source.to_string(),
            },
            _ => Self::Sqlite {
                path: path.into(),
                source,
            },
        }
    }
}

impl RunError {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if has_no_room(source) => {
                Some("free some space, or name a run file on another disk with --run FILE".into())
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                Some("name another file with --run (with -o for `plan`); `wazzup-contacts apply` sends the rest of this one".into())
            }
            Self::Io { source, path } if !directory(path).is_dir() => advice(path, source),
            Self::Io { source, path } if source.kind() == io::ErrorKind::NotFound => {
                let meant = similar(path).map(|path| format!("did you mean {}? ", path.display()));
                Some(meant.unwrap_or_default() + "`wazzup-contacts runs` lists the runs in the state directory; name any other run file by its path")
            }
            Self::Io { source, path } => {
                let advice = advice(path, source).map(|advice| format!("{advice}; or "));
                Some(advice.unwrap_or_default() + "name a writable place for the run file with --run FILE")
            }
            Self::Removed { run } => Some(format!(
                "`wazzup-contacts runs show {run}` shows the line; if you moved the file, name it by its path"
            )),
            Self::State { .. } => Some(
                "runs and locks are kept there (--run moves only the run file): make it writable, or set XDG_STATE_HOME to a writable directory"
                    .into(),
            ),
            Self::Sqlite { source, .. } if is_read_only(source) => Some(
                "SQLite needs write access even to read: copy the file and its -wal to a writable directory"
                    .into(),
            ),
            Self::Sqlite { source, .. } if is_full(source) => {
                Some("make sure that this disk and the one of temporary files (TMPDIR, otherwise /var/tmp) are writable and have room, then try again: no recorded data is lost".into())
            }
            Self::Damaged { .. } => Some(
                "a batch that was sent may not be recorded in it: import the source again in the default mode \
                 (upsert), which compares with the account and sends only what differs"
                    .into(),
            ),
            // It may be sound.
            Self::Doubtful { source } if matches!(**source, Self::Sqlite { .. } | Self::Io { .. }) => source.hint(),
            Self::Doubtful { .. } => Some(
                "name the run to be continued (`wazzup-contacts runs` lists them), or remove this file if nothing in it is needed".into(),
            ),
            Self::NoLocks { .. } => Some(
                "keep runs on a local disk: set XDG_STATE_HOME, and name run files there with --run".into(),
            ),
            Self::Counts(_) => Some(
                "please report this with the output of `runs show`; the run file contains everything that was sent"
                    .into(),
            ),
            Self::Busy { .. } => Some("wait for it to end, or pass --wait".into()),
            Self::Foreign { path, reason } if reason == NO_DATABASE => Some(format!(
                "`apply`, `undo`, `report` and `runs show` take a run; `wazzup-contacts import {}` sends a file of contacts",
                path.display()
            )),
            Self::Sqlite { .. } | Self::Foreign { .. } => None,
        }
    }
}

/// The reason, in plain words if the file is missing or in the way.
fn io_fault(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory if !directory(path).is_dir() => {
            ": its folder does not exist".to_owned()
        }
        io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists => {
            format!(" {}", read_fault(error))
        }
        _ => format!(": {error}"),
    }
}

/// Fails if the file system has no locks.
fn probe_locks(directory: &Path) -> io::Result<()> {
    let Ok(file) = tempfile::tempfile_in(directory) else {
        return Ok(());
    };
    match file.try_lock() {
        Err(TryLockError::Error(source)) => Err(source),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(()),
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(DiskFull | SystemIoFailure))
}

fn is_read_only(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_a_read_only_directory_has_a_hint() {
        for code in [
            rusqlite::ffi::SQLITE_CANTOPEN,
            rusqlite::ffi::SQLITE_READONLY,
        ] {
            let source = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            let path = PathBuf::from("x.run");
            let hint = RunError::Sqlite { path, source }.hint().unwrap();
            assert!(hint.contains("writable directory"), "{hint}");
        }
    }

    #[test]
    fn a_run_file_on_a_full_disk_is_not_to_be_removed() {
        let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
        let source = rusqlite::Error::SqliteFailure(error, None);
        let path = PathBuf::from("x.run");
        let source = Box::new(RunError::Sqlite { path, source });
        let hint = RunError::Doubtful { source }.hint().unwrap();
        assert!(
            hint.contains("have room") && !hint.contains("remove"),
            "{hint}"
        );
    }

    #[test]
    fn a_file_system_without_locks_is_named_with_a_place_that_has_them() {
        let error = RunError::NoLocks {
            path: PathBuf::from("/mnt/x.run"),
            source: io::Error::from(io::ErrorKind::Unsupported),
        };
        let text = error.to_string();
        assert!(
            text.starts_with("the file system of /mnt/x.run does not support locks"),
            "{text}"
        );
        assert!(error.hint().unwrap().contains("XDG_STATE_HOME"));
    }
}
