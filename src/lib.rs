//! Bulk import and export of Wazzup contacts.
//!
//! # The path of a row
//!
//! ```text
//! FILE ─► source ─► mapping ─► normalize ─► stage ─► plan ─► apply ─► report
//!                                             │        │        │
//!                                             └─ run: one SQLite file ─┘
//!                                                      │        │
//!                                                      api ─► Wazzup
//! ```
//!
//! # Without a command line
//!
//! Every command parses its arguments, calls the core and prints. The same works in a program:
//!
//! ```
//! use std::{fs, sync::Arc};
//! use wazzup_contacts::{
//!     account::AccountOptions, api::{ClientOptions, TokenSource}, progress::Silent,
//!     sandbox::{Options, Sandbox}, stage::ReadRequest, workflow::{PlanRequest, Session},
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let directory = tempfile::tempdir()?;
//! let file = directory.path().join("contacts.csv");
//! fs::write(&file, "id,responsible_user_id,name,uri,whatsapp\n\
//!     1,107,Anna,https://crm.example.com/1,+34 600 123 456\n")?;
//!
//! let sandbox = Sandbox::start(Options::default())?;
//! let client = ClientOptions { base_url: sandbox.base_url().parse()?, ..ClientOptions::default() };
//! let token = TokenSource::Static { token: sandbox.token().into(), origin: "the sandbox".into() };
//! let account = AccountOptions::new(client, token, directory.path().join("state"));
//! let session = Session::connect(account, Arc::new(Silent))?;
//!
//! let source = ReadRequest::new([&file]);
//! let rejects = directory.path().join("rejects.csv");
//! let request = PlanRequest { rejects: Some(&rejects), ..PlanRequest::new(&source) };
//! let planned = request.plan(&session)?; // the gate refused it if `planned.refusal()` is some
//! let sent = planned.send(&session, "my-import --resume");
//! assert_eq!(sent.done().created, 1);
//! sent.result()?;
//! assert_eq!(sandbox.contact_count(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//!
//! Lowest first: a module only imports modules listed before it, and no two files import each other.
//! `tests/it/architecture.rs` reads this list and the imports of every file.
//!
//! * `environment`: environment variables, of which an empty one counts as unset.
//! * `characters`: characters that show nothing or command a terminal.
//! * `wording`: numbers, times and lists in messages.
//! * `layout`: fits lines and tables to the width of a terminal.
//! * `palette`: the colours of the program.
//! * `nearest`: suggests the nearest name for a misspelt one.
//! * `paths`: advice about paths that can't be used.
//! * `streams`: output to pipes, terminals and devices.
//! * `output`: files that get their name only once they are complete.
//! * `requested`: files that the user names for rejects, report and metrics.
//! * `metrics`: the metrics of the last run, for Prometheus.
//! * `private`: files and directories that only their owner can access.
//! * `sqlite`: `SQLite` files that others may have written.
//! * [`crash`]: points at which tests kill the process; compiled out of a release.
//! * `panics`: catches panics of libraries.
//! * [`core_dumps`]: keeps the token out of core dumps.
//! * `formula`: text that a spreadsheet program interprets as a formula.
//! * [`parallel`]: worker threads whose results arrive in order.
//! * [`progress`]: the [`Monitor`](progress::Monitor) to which the core reports.
//! * [`contact`]: a contact, its chats, and the limits of the API.
//! * `selection`: the contacts that `--ids` names.
//! * `traffic`: requests over time.
//! * [`reject`]: a rejected row and its reasons.
//! * [`sandbox`]: a local server of the contacts API, for tests and rehearsals.
//! * [`source`]: turns a file of any kind into blocks of rows.
//! * [`mapping`]: assigns columns to fields.
//! * `employees`: the employees of an account, and look-ups by name.
//! * [`normalize`]: turns the cells of a row into a contact or a list of problems.
//! * [`run`]: the run file, an `SQLite` database: staged contacts, plan, journal.
//! * [`api`]: the HTTP client: wire format, tokens, retries, rate limit.
//! * `ping`: pings a dead man's switch.
//! * [`account`]: reads an account page by page or by id.
//! * [`ledger`]: facts per account that outlive a run.
//! * [`plan`]: duplicates, snapshot, comparison, batches, gate.
//! * [`apply`]: sends the batches of a plan and settles refused and unanswered ones.
//! * [`export`]: writes all contacts to a file.
//! * [`verify`]: compares a run or a file with the account.
//! * `diff`: compares two states of an account: backups, or a backup and the account.
//! * `canary`: reads back what was sent first.
//! * [`report`]: the summary, the rejects file and the HTML report.
//! * [`stage`]: reads, maps and normalizes sources on all cores, in file order, into a run file.
//! * [`cli`]: the command line as typed.
//! * [`settings`]: resolves flags, environment, profile and defaults.
//! * [`error`]: joins the layers' errors, and defines the exit codes.
//! * [`check`]: reads and checks files without a network.
//! * [`workflow`]: connects, plans, sends, resumes and undoes, without a command line.
//! * [`stages`]: the stages of a row one by one, for the benches.
//! * `jobs`: runs the jobs of a file concurrently.
//! * [`signals`]: Ctrl-C and SIGTERM.
//! * `terminal`: the monitor of the program: progress bars, or lines.
//! * `console`: prints the results and messages of a command.
//! * [`logging`]: diagnostics on standard error.
//! * [`commands`]: one file per command.
//!
//! # Glossary
//!
//! Each term has one meaning in types, columns, messages and the README.
//!
//! | term | meaning |
//! |---|---|
//! | contact | an entry of the account: id, name, responsible person, link and chats |
//! | chat | an entry of a contact's `contact_data` |
//! | chat type | the messenger of a chat: `whatsapp`, `viber` and so on |
//! | source | a file that is read |
//! | table | rows with a header: a sheet, or a CSV file |
//! | block | a chunk of a table's rows that is processed at once |
//! | row, cell | a line of a table, and a value in it |
//! | mapping | the assignment of columns to fields |
//! | template | the text of `--set`, with `{column}` placeholders |
//! | fault | a mistake in a value, without its position |
//! | problem | a fault with its column |
//! | reject | a stored row that failed validation; written to the rejects file |
//! | duplicate | one of several rows with the same id |
//! | selection | the contacts that `--ids` names |
//! | run | one import, undo or plan, with its run file |
//! | history | the lines of an account's runs in its ledger |
//! | plan | the decisions of a run, grouped into batches |
//! | decision | create, update, delete, or leave a contact unchanged |
//! | operation | create, update or delete: a change that needs a request |
//! | batch | the contacts of one request |
//! | outcome | the result of sending a contact |
//! | journal | the record of batches that were sent, and their outcomes |
//! | snapshot | the account as it was read |
//! | account | the contacts that a token gives access to |
//! | employee | a person in the account; the API calls them users |
//! | owner | the employee who is responsible for a contact: `responsible_user_id` |
//! | fingerprint | the identifier of an account in file names and run files |
//! | gate | the guards that a plan must pass before anything is sent |
//! | ledger | facts per account that outlive a run |
//! | credential | a file with a secret, provided by the service manager |
//! | ping | a request that reports the beginning or the end of a command to a dead man's switch |
//! | settings | flags, environment, profile and defaults, resolved |
//! | options | the input of a core function, or arguments as typed |
//! | hint | the suggestion printed below an error |
//! | digest | a BLAKE3 hash of content; other hashes are called hashes |

pub mod account;
pub mod api;
pub mod apply;
mod canary;
mod characters;
pub mod check;
pub mod cli;
pub mod commands;
mod console;
pub mod contact;
pub mod core_dumps;
pub mod crash;
mod diff;
mod employees;
mod environment;
pub mod error;
pub mod export;
mod formula;
mod jobs;
mod layout;
mod ledger;
pub mod logging;
pub mod mapping;
mod metrics;
mod nearest;
pub mod normalize;
mod output;
mod palette;
mod panics;
mod parallel;
mod paths;
mod ping;
pub mod plan;
mod private;
pub mod progress;
pub mod reject;
pub mod report;
mod requested;
pub mod run;
pub mod sandbox;
mod selection;
pub mod settings;
pub mod signals;
pub mod source;
mod sqlite;
pub mod stage;
#[doc(hidden)]
pub mod stages;
mod streams;
mod terminal;
mod traffic;
mod verify;
mod wording;
pub mod workflow;

// For the file that `tests` shares with the integration tests.
#[cfg(test)]
extern crate self as wazzup_contacts;
#[cfg(test)]
mod tests;
