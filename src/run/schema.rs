//! The file format of runs.
//!
//! A run is one `SQLite` file of schema version [`VERSION`]. It is the plan, the journal, the data for the rejects
//! file and the undo log. It can be inspected with `sqlite3`.
//!
//! | table | holds |
//! |---|---|
//! | `fact` | a fact about the run as JSON: `tool_version`, `state`, its settings, its summary, the request sizes that the server accepts, rows that `--ids` left out, whether rows may be missing, the names of employees if they were requested, and `traffic TIME`: the requests over time of the process that began then |
//! | `source` | a table that was read: path, sheet, size, digest, columns, text format, mapping |
//! | `block` | about 256 KiB of a source each, in order: its contacts and the original text, both compressed with zstd |
//! | `decision` | the decision on each contact of a block, one letter each |
//! | `reject` | one row per problem: source, row, the id if it can be read, column, code, reason, stage |
//! | `snapshot` | contacts of the account as they were read: those that the plan changes or deletes, for undo |
//! | `merged` | the rows that `--on-duplicate merge` merged into another row's contact; created when needed |
//! | `change` | an update whose contact differs from the staged one, or whose changed fields are known |
//! | `deletion` | the contacts to be deleted |
//! | `batch` | one request each: operation, range, state, attempts, status, times |
//! | `outcome` | a contact with another outcome than its batch |
//!
//! **Contacts.** `block.contacts` is a JSON array with one contact per line. JSON text never contains a raw line
//! feed, so the n-th contact is the n-th line: no index is needed, and a range of lines can be copied into a
//! request body. Contacts are numbered throughout the run from 0 (`seq`). `runs show --contacts` lists them.
//!
//! **Snapshot.** During planning, all contacts of the account are in a temporary file (see
//! [`planning`](super::planning)). Most are not needed afterwards; the number of contacts of each owner is kept as a
//! fact.
//!
//! **Decisions.** The n-th letter of `decision.codes` is the [`Decision`](super::Decision) on the n-th contact: `.`
//! undecided and complete, `p` undecided and partial, `l` undecided with an unreadable chat, `c` create, `u` update, `=` unchanged, `m` merged into another
//! row's contact, `x` rejected. The contacts to be deleted are not in the source: they are in `deletion`.
//!
//! **Batches.** A batch has an operation and a range of `seq`: it consists of the contacts in that range with that
//! decision. For deletes, the range refers to `deletion.seq`.
//!
//! **Hashes.** `SQLite` does not detect bit flips within a text. Everything that is sent (`block.contacts`,
//! `decision.codes`, `change.json`, `deletion.id`) therefore has a hash (XXH3, seeded with the row's number),
//! which is checked whenever the text is read: data from a damaged file is never sent.
//!
//! **Original cells.** `block.cells` is the source text of the block (CSV, zstd) including blank lines, so its
//! n-th row is row `block.first_row + n`. Its delimiter is `source.cells_delimiter`. Rejects refer to it, so
//! nothing is stored twice and `apply` can write the rejects file without the source. It may be empty if the run has
//! neither batches nor rejects.
//!
//! **Text format.** `source.file_delimiter`, `encoding`, `byte_order_mark`, `separator_line` and `line_end` describe
//! the file itself. The rejects file is written in the same format.
//!
//! **Crashes.** Staging and planning write without syncing. The fact `state` becomes `sealed` only after
//! everything before it was synced, and a file that is not sealed is discarded. From then on the file is in WAL
//! mode with `synchronous=FULL`, or `OFF` if there is nothing to send. A batch is `sending` on disk before its
//! request is sent, so after a crash each batch is `planned` (not sent), `sending` (unknown) or `done`. If sending
//! stops while a refused batch is being split, or is restricted to some contacts of a batch, the batch becomes `planned`
//! again, and its settled contacts have outcomes; the others were not attempted.
//!
//! **Foreign files.** A run file may come from others, so it is only opened if `sqlite_schema` consists of exactly
//! the objects below, character by character; every change of their text needs a new version. Before a run that
//! the user names is read, its pages, the type of every value and the counts are checked (see
//! [`integrity`](super::integrity)). The paths in it are displayed but never written to.
//!
//! **Checks.** They use `OR` instead of `IN (…)`, for which `SQLite` builds a table for each checked row.
//!
//! **Versions.** A file of another version is refused, and the error names the program that reads it.

use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

pub(crate) const VERSION: i64 = 4;

/// The program that reads run files of another schema version.
pub(super) const fn reader_of(version: i64) -> &'static str {
    match version {
        ..=1 => "wazzup-contacts 0.1, which made it",
        2 | 3 => "the build of wazzup-contacts 0.2 that made it",
        _ => "a newer version of wazzup-contacts",
    }
}

/// Identifies a `SQLite` file as a run file (`PRAGMA application_id`): "WZRN".
pub(crate) const APPLICATION_ID: i32 = 0x575A_524E;

/// Page size in bytes. The texts of a block are long, so big pages keep overflow chains short.
pub(super) const PAGE_BYTES: u32 = 32_768;

/// Page size of the run of a small source: every table takes a page, and nightly runs of a few rows add up.
pub(super) const SMALL_PAGE_BYTES: u32 = 4_096;

/// Sources with fewer bytes are small.
const SMALL_SOURCE_BYTES: u64 = 1 << 20;

/// The number of bytes of text that are held in memory for sources with this number of bytes. A small workbook may
/// have a long text.
pub(super) const fn held_bytes(source_bytes: u64) -> usize {
    if source_bytes < SMALL_SOURCE_BYTES {
        1 << 20
    } else {
        0
    }
}

/// The page size of a run file for sources with this number of bytes.
pub(super) const fn page_bytes(source_bytes: u64) -> u32 {
    if source_bytes < SMALL_SOURCE_BYTES {
        SMALL_PAGE_BYTES
    } else {
        PAGE_BYTES
    }
}

/// The progress of a run; the fact `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Being staged or planned. Nothing was sent, and the file is discarded after a crash.
    Open,
    /// The plan is complete and on disk.
    Sealed,
    /// Every batch has its outcome.
    Done,
}

/// Created when the first rows are merged: most runs merge none, and every table takes a page.
pub(super) const MERGED: &str = "
CREATE TABLE IF NOT EXISTS merged(into_seq INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (into_seq, seq))
WITHOUT ROWID;";

/// Created if the account was read. A file without it has no snapshot.
pub(super) const SNAPSHOT_INDEX: &str = "CREATE INDEX IF NOT EXISTS snapshot_id ON snapshot(id);";

pub(super) const TABLES: &str = "
CREATE TABLE fact(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE source(
  no INTEGER PRIMARY KEY, path TEXT NOT NULL, sheet TEXT, bytes INTEGER NOT NULL, blake3 TEXT NOT NULL,
  columns TEXT NOT NULL, mapping TEXT NOT NULL, cells_delimiter TEXT NOT NULL, file_delimiter TEXT NOT NULL,
  encoding TEXT NOT NULL, byte_order_mark INTEGER NOT NULL, separator_line INTEGER NOT NULL, line_end TEXT NOT NULL);
CREATE TABLE block(
  no INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES source, first_row INTEGER NOT NULL,
  row_count INTEGER NOT NULL, blank_count INTEGER NOT NULL, first_seq INTEGER NOT NULL, contact_count INTEGER NOT NULL,
  rows TEXT NOT NULL, contacts BLOB NOT NULL, cells BLOB NOT NULL, hash INTEGER NOT NULL);
CREATE TABLE decision(block INTEGER PRIMARY KEY REFERENCES block, codes TEXT NOT NULL, hash INTEGER NOT NULL);
CREATE TABLE reject(
  no INTEGER PRIMARY KEY, source INTEGER NOT NULL, row INTEGER NOT NULL, seq INTEGER,
  id TEXT, column TEXT, code TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL CHECK (at = 'stage' OR at = 'plan' OR at = 'apply'));
CREATE TABLE snapshot(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, json TEXT NOT NULL);
CREATE TABLE change(
  seq INTEGER PRIMARY KEY, snapshot INTEGER REFERENCES snapshot, fields TEXT NOT NULL, json TEXT, hash INTEGER);
CREATE TABLE deletion(
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL, snapshot INTEGER REFERENCES snapshot, hash INTEGER NOT NULL);
CREATE TABLE batch(
  no INTEGER PRIMARY KEY, operation TEXT NOT NULL CHECK (operation = 'create' OR operation = 'update' OR operation = 'delete'),
  first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, count INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'planned' CHECK (state = 'planned' OR state = 'sending' OR state = 'done'),
  attempts INTEGER NOT NULL DEFAULT 0, status INTEGER, processed INTEGER, sent_at TEXT, answered_at TEXT);
CREATE TABLE outcome(
  batch INTEGER NOT NULL REFERENCES batch, seq INTEGER NOT NULL, id TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome = 'created' OR outcome = 'updated' OR outcome = 'deleted' OR outcome = 'failed' OR outcome = 'stale'),
  status INTEGER, code TEXT, reason TEXT, PRIMARY KEY (batch, seq)) WITHOUT ROWID;
";

/// The content of a new run file, whose state is [`State::Open`]. It is made once for each page size, because executing
/// the statements takes longer than writing the file, and `jobs` creates hundreds.
pub(super) fn blank_file(page_bytes: u32) -> rusqlite::Result<Arc<[u8]>> {
    static BLANK: Mutex<Vec<(u32, Arc<[u8]>)>> = Mutex::new(Vec::new());
    let mut made = BLANK.lock();
    if let Some((_, blank)) = made.iter().find(|(size, _)| *size == page_bytes) {
        return Ok(Arc::clone(blank));
    }
    let mut database = Connection::open_in_memory()?;
    database.execute_batch(&format!(
        "PRAGMA page_size = {page_bytes}; BEGIN; PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {VERSION}; {TABLES}
         INSERT INTO fact VALUES ('state', '\"open\"'), ('tool_version', '\"{}\"'); COMMIT;",
        env!("CARGO_PKG_VERSION")
    ))?;
    let blank: Arc<[u8]> = database.serialize("main")?.to_vec().into();
    made.push((page_bytes, Arc::clone(&blank)));
    Ok(blank)
}

/// During planning.
pub(super) const PLANNING: &str = "
PRAGMA temp.page_size = 32768;
PRAGMA temp.journal_mode = OFF;
PRAGMA temp.cache_size = -8192;
CREATE TEMP TABLE earlier_value(kind INTEGER, id TEXT, value TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
";

/// The contacts of the snapshot that undo restores.
pub(super) const CHANGED: &str = "SELECT snapshot FROM change WHERE snapshot IS NOT NULL UNION SELECT snapshot FROM deletion WHERE snapshot IS NOT NULL";
