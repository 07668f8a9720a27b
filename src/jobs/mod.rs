//! Jobs of a file: commands for many accounts, concurrently in one process.
//!
//! ```text
//! JOBS.toml ─► file ─► Job ─► select ─► schedule ─► JobResult ─► JobsSummary
//!                              --job     source: the newest file
//!                              --shard
//! ```
//!
//! This module neither prints nor runs commands: [`run_all`] gets a function for that.

mod file;
mod result;
mod schedule;
mod source;

pub(crate) use file::{Job, read, select};
pub(crate) use result::{JobResult, JobsSummary, outcome};
pub(crate) use schedule::run_all;

use crate::{cli::JobLineError, ping::PingUrlError, settings::SettingsError};

/// Maximum length of a name, which is part of file names and metrics.
const NAME_MAX: usize = 64;

/// The mistake in a job's table. The jobs file names the job.
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
