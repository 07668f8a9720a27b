//! What a run leaves for people and scripts: the summary and the rejects file.

mod error;
pub(crate) mod rejects;
pub(crate) mod summary;

pub use error::ReportError;
