//! What a run leaves for people and scripts: the summary and the rejects file.

pub mod rejects;
pub mod summary;
