//! What can go wrong with a run file, and what helps.

use std::{io, path::PathBuf};

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
    pub(crate) fn hint(&self) -> Option<String> {
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
