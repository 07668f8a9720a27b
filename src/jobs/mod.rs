//! Jobs of a file: commands for many accounts, concurrently in one process.
//!
//! ```text
//! JOBS.toml ─► file ─► Job ─► select ─► schedule ─► JobResult ─► JobsSummary
//!                              --job     source: the newest file
//!                              --shard
//! ```
//!
//! This module neither prints nor runs commands: [`run_all`] gets a function for that.

mod error;
mod file;
mod result;
mod schedule;
mod source;

pub(crate) use file::{Job, read, select};
pub(crate) use result::{JobResult, JobsSummary, outcome};
pub(crate) use schedule::run_all;
