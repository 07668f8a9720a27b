//! What a run leaves for people and scripts: the summary and the rejects file.

pub(crate) mod rejects;
pub(crate) mod summary;
