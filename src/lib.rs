//! Bulk import and export of Wazzup contacts.
//!
//! # The way of a row
//!
//! ```text
//! FILE ─► source ─► mapping ─► normalize ─► stage ─► plan ─► apply ─► report
//!                                             │        │        │
//!                                             └─ run: one SQLite file ─┘
//!                                                      │        │
//!                                                      api ─► Wazzup
//! ```
//!
//! * [`contact`]: what a contact is, and the limits of the API. [`reject`]: why a row is handed back.
//! * [`source`]: a file of any kind becomes blocks of CSV text, cut at record boundaries.
//! * [`mapping`]: which column becomes which field.
//! * [`normalize`]: the cells of a row become a contact or a list of problems.
//! * [`stage`]: the three above, on all cores, in the order of the file.
//! * [`run`]: the run file, the only module that knows SQL: plan, journal, undo log. A file for each table.
//! * [`api`]: the client: wire shapes, token, retry, limiter; knows nothing of files.
//! * [`account`]: reading an account, page by page or by id. [`parallel`]: threads that do so in order.
//! * [`plan`]: duplicates, remote snapshot, diff, batches, gate.
//! * [`memory`]: what is remembered from run to run, as files. [`verify`]: a run or a file against the account.
//! * [`apply`]: sender threads, settling of what was refused or not answered.
//! * [`export`]: all contacts to a file.
//! * [`report`]: summary and rejects file.
//! * [`settings`]: flag > environment > profile > default. [`cli`]: what was typed. [`commands`]: one file each, and what they share.
//! * [`progress`]: the [`Monitor`](progress::Monitor) that the core talks to. [`error`]: what ends a run.
//! * `output`: files that have their names only when they are whole. [`wording`]: numbers and times as people read them.
//! * [`crash`]: where tests may kill the process; nothing in a release.
//! * [`sandbox`]: the API on loopback, for tests and for trying things out.
//!
//! Dependencies point one way: `contact` knows nobody, `api` knows nothing of contacts' files, the core knows flags only
//! as words in its hints, and only `commands`, `progress` and `main` speak to people.

pub mod account;
pub mod api;
pub mod apply;
pub mod cli;
pub mod commands;
pub mod contact;
pub mod crash;
pub mod error;
pub mod export;
pub mod logging;
pub mod mapping;
pub mod memory;
pub mod normalize;
mod output;
pub mod parallel;
pub mod plan;
pub mod progress;
pub mod reject;
pub mod report;
pub mod run;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod settings;
pub mod source;
pub mod stage;
pub mod verify;
pub mod wording;
