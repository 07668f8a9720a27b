//! The results of a run for people and scripts: the summary, the rejects file, examples of rejected rows.

pub(crate) mod changes;
pub(crate) mod dropped;
mod error;
pub(crate) mod examples;
pub(crate) mod notes;
pub(crate) mod page;
pub(crate) mod rejects;
pub(crate) mod summary;

pub use error::ReportError;
