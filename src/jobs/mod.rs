//! Jobs of a file: many commands for many accounts, side by side in one process.
//!
//! ```text
//! JOBS.toml ─► file ─► Job ─► select ─► schedule ─► JobResult ─► JobsSummary
//!                              --job     source: the newest file
//!                              --shard
//! ```
//!
//! Nothing here prints or knows how a command runs: [`run_all`] gets a function for that.

mod file;
mod result;
mod schedule;
mod source;

pub(crate) use file::{Job, read, select};
pub(crate) use result::{JobResult, JobsSummary, outcome};
pub(crate) use schedule::run_all;
