//! The run file: the only module that knows its SQL. [`schema`] documents the format and the crash argument.
//!
//! [`file`](RunFile) opens a file and reads and writes rows, and `foreign` refuses the files of others. Each of the other modules
//! has the functions of some tables: `sources`, `blocks` (and `contacts`, which reads them), `rejects`, `wanted`, `snapshot`,
//! `changes`, `batches`. `journal` records the outcomes of batches, `sent` reads them, `tally` adds up, `traffic` has the requests
//! over time, `owners` counts contacts, `integrity` checks a file that the user names, and [`store`] knows where run files are kept.

pub(crate) mod batches;
pub(crate) mod blocks;
pub(crate) mod changes;
mod column;
pub(crate) mod contacts;
pub(crate) mod division;
mod error;
mod file;
mod foreign;
pub(crate) mod integrity;
pub(crate) mod journal;
pub(crate) mod owners;
mod packed;
mod planning;
pub(crate) mod rejects;
pub(crate) mod schema;
pub(crate) mod sent;
pub(crate) mod snapshot;
pub(crate) mod sources;
pub(crate) mod store;
pub(crate) mod tally;
pub(crate) mod traffic;
mod wanted;

pub(crate) use self::{
    batches::{Batch, BatchReader},
    changes::{Change, Deletion, FieldChange},
    contacts::Contacts,
    error::RunError,
    file::State,
    journal::{BatchOutcome, Exception, Outcome},
    planning::{SnapshotContact, SnapshotRecord},
    rejects::{RejectedAt, RejectedRow},
    sent::{SentBatches, SentContact},
    wanted::{Wanted, WantedValue},
};
pub(crate) use {
    self::blocks::Position, self::blocks::StagedBlock, self::blocks::StagedReject,
    self::contacts::Decision, self::file::RunFile, self::sources::StagedSource, self::tally::Tally,
};
pub use {self::tally::Done, self::tally::Planned, self::tally::Rows};
