//! The mistakes in a job's table, and the reason why it has no source. The jobs file names the job.

use std::{io, path::PathBuf};

use crate::{cli::JobLineError, paths::read_fault, ping::PingUrlError, settings::SettingsError};

/// Maximum length of a name, which is part of file names and metrics.
pub(super) const NAME_MAX: usize = 64;

/// The mistake in a job's table.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    #[error(
        "a name begins with a letter or a digit and has at most {NAME_MAX} letters, digits, `-`, `_` and `.`"
    )]
    Name,
    #[error("source must be a pattern, or a list of them")]
    NoPattern,
    #[error("`{pattern}` is not a pattern: {source}")]
    Pattern {
        pattern: String,
        source: glob::PatternError,
    },
    #[error("`{key}` can't be `-`: jobs share standard input and output")]
    SharedStream { key: String },
    #[error("`{key}` is a table, but options have values")]
    Table { key: String },
    #[error("ping: {0}")]
    Ping(#[from] PingUrlError),
    #[error(transparent)]
    Line(#[from] JobLineError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// The reason why a job has no source.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSourceError {
    #[error("no file matches {pattern}: check the pattern, and whether the file was delivered")]
    NoMatch { pattern: String },
    #[error("only {} matches {pattern}, which is not a file: check the pattern", path.display())]
    NotAFile { pattern: String, path: PathBuf },
    #[error("no file matches {pattern}: {} {}", path.display(), read_fault(source))]
    Unreadable {
        pattern: String,
        path: PathBuf,
        source: io::Error,
    },
}
