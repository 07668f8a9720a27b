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
//! # Layers
//!
//! Lowest first: a module imports only modules that stand before it, and no two files import each other.
//! `tests/it/architecture.rs` reads this list and the imports of every file.
//!
//! * `wording`: numbers and times in messages.
//! * `output`: files that get their name only once they are complete.
//! * [`crash`]: points at which tests kill the process; compiled out of a release.
//! * [`parallel`]: worker threads whose results arrive in order.
//! * [`progress`]: the [`Monitor`](progress::Monitor) to which the core reports.
//! * [`contact`]: a contact, its chats, and the limits of the API.
//! * [`reject`]: a rejected row and its reasons.
//! * [`sandbox`]: a local server of the contacts API, for tests and rehearsals.
//! * [`source`]: turns a file of any kind into blocks of rows.
//! * [`mapping`]: assigns columns to fields.
//! * [`normalize`]: turns the cells of a row into a contact or a list of problems.
//! * [`stage`]: reads, maps and normalizes a source on all cores, in file order.
//! * [`run`]: the run file (an SQL database): staged contacts, plan, journal.
//! * [`api`]: the HTTP client: wire format, tokens, retries, rate limit.
//! * [`account`]: reads an account page by page or by id.
//! * [`memory`]: state that outlives a run, per account.
//! * [`plan`]: duplicates, snapshot, comparison, batches, gate.
//! * [`apply`]: sends the batches of a plan and settles refused and unanswered ones.
//! * [`export`]: writes all contacts to a file.
//! * [`verify`]: compares a run or a file with the account.
//! * [`report`]: the summary and the rejects file.
//! * [`settings`]: resolves flags, environment, profile and defaults.
//! * [`error`]: the sum of the layers' errors, and the exit code.
//! * [`cli`]: the command line as it was typed.
//! * [`logging`]: diagnostics on standard error.
//! * [`commands`]: one file per command.

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
