//! The run file. Only this module contains its SQL. [`schema`] documents the format and crash safety.
//!
//! [`file`](RunFile) opens a file and reads and writes rows, and `foreign` refuses other files. Each of these
//! modules accesses a few tables: `sources`, `blocks` (and `contacts`, which reads them), `rejects`, `earlier_values`,
//! `snapshot`, `changes`, `batches`. `original_cells` splits the text of a block into cells. `journal` records the outcomes of batches and `sent` reads them; `tally` adds
//! them up, `traffic` stores the requests over time, `owners` counts contacts by owner, `integrity` checks a file
//! that the user names, and [`store`] manages the directory of run files.

pub(crate) mod batches;
pub(crate) mod blocks;
pub(crate) mod changes;
mod column;
pub(crate) mod contacts;
mod earlier_values;
mod error;
mod file;
mod foreign;
mod held;
pub(crate) mod integrity;
pub(crate) mod journal;
mod original_cells;
pub(crate) mod owners;
mod planning;
pub(crate) mod rejects;
pub(crate) mod schema;
pub(crate) mod sent;
pub(crate) mod snapshot;
pub(crate) mod sources;
pub(crate) mod store;
pub(crate) mod tally;

pub(crate) use self::{
    batches::{Batch, BatchReader, ChosenContacts},
    changes::{Change, Deletion, FieldChange},
    contacts::Contacts,
    earlier_values::EarlierValue,
    error::RunError,
    journal::{BatchOutcome, Exception, Outcome, Rest},
    original_cells::OriginalCells,
    planning::{SnapshotContact, SnapshotRecord},
    schema::State,
    sent::{SentBatches, SentContact},
};
pub(crate) use {
    self::blocks::Position, self::blocks::StagedBlock, self::contacts::Decision,
    self::file::RunFile, self::sources::RunSources, self::sources::StagedSource,
    self::sources::StoredColumn, self::tally::Tally,
};
pub use {self::tally::Done, self::tally::Planned, self::tally::Rows};
