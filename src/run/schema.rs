//! The run file as a format.
//!
//! One `SQLite` file per run, schema version [`VERSION`]. It is the plan, the journal, the source of the
//! report and the undo log; anybody can open it with `sqlite3`.
//!
//! | table | holds |
//! |---|---|
//! | `meta` | one row per fact about the run: tool version, command, mode, account, state, settings, counts |
//! | `source` | the tables that were read: path, sheet, size, blake3, columns, how it is written, mapping |
//! | `block` | about 1 MiB of source each, in order: the contacts found in it and the original text |
//! | `action` | what is to be done with each contact of a block, one letter each |
//! | `reject` | one row per problem: source, row, the id where it can be read, column, code, reason |
//! | `remote` | the snapshot of the account that the plan was made against; also the pre-image for undo |
//! | `merged` | the rows that `--on-duplicate merge` made part of another row's contact; only there where it did |
//! | `change` | an update whose contact differs from the staged one, or whose fields are known |
//! | `removal` | the contacts that are to be deleted |
//! | `batch` | one request each: action, range, state, attempts, status, times |
//! | `outcome` | the contacts that did not simply arrive with their batch |
//!
//! **Contacts.** `block.contacts` is a JSON array with one contact on each line. JSON text never holds a raw
//! line feed, so the n-th contact is the n-th line: no index is needed, a run of lines is a valid piece of a
//! request body as it stands, and `json_each(contacts)` works for people. The view `contact` shows them one
//! a row. Contacts are numbered through the whole run from 0 (`seq`).
//!
//! **Letters** of `action.actions`, the n-th for the n-th contact: `.` complete and undecided, `p` partial and
//! undecided, `c` create, `u` update, `=` unchanged, `m` merged into another row's contact, `x` rejected.
//!
//! **Batches** name a range of `seq` and an action: the contacts of that range with that letter. For deletes
//! the range is one of `removal.seq`.
//!
//! **Digests.** `SQLite` does not notice a byte that was flipped within a text. Everything that is sent (`block.contacts`,
//! `action.actions`, `change.json`, `removal.id`) therefore has a digest beside it (XXH3, with the row's number as
//! its seed), which is compared whenever it is read: a damaged file is refused and never sent as wrong data.
//!
//! **Original cells.** `block.cells` is the source text of the block (CSV, zstd), blank lines included, so row
//! `block.first_row + n` is its n-th row. Rejects point into it; nothing is stored twice, and `apply` can
//! write the rejects file without the source.
//!
//! **How a source is written.** `source.delimiter` holds two characters: the delimiter of `block.cells` and that
//! of the file; `source.encoding` the file's encoding; `source.form`, as JSON, whether it begins with a byte order
//! mark or a `sep=` line, and its line end. The rejects file is written in the same way.
//!
//! **Crashes.** Staging and planning write without syncing: `meta.state` is `sealed` only after everything
//! before it was synced, and a file that is not sealed is thrown away and made anew. From then on the file is
//! in WAL mode with `synchronous=FULL`: a batch is `sending` on disk before its request leaves, so after a
//! crash each batch is `planned` (never left), `sending` (unknown) or `done`.

/// Version of the tables above. A file with another one is refused with both numbers.
pub(crate) const VERSION: i64 = 1;

/// Marks a `SQLite` file as ours (`PRAGMA application_id`): "WZRN".
pub(crate) const APPLICATION_ID: i32 = 0x575A_524E;

/// Page size in bytes: blobs of a block are long, so big pages keep their chains short.
pub(super) const PAGE_BYTES: u32 = 32_768;

/// Made when the first rows are merged: most files have none, and every table takes a page.
pub(super) const MERGED: &str = "
CREATE TABLE IF NOT EXISTS merged(into_seq INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (into_seq, seq))
WITHOUT ROWID;";

pub(super) const TABLES: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE source(
  no INTEGER PRIMARY KEY, path TEXT NOT NULL, sheet TEXT, bytes INTEGER NOT NULL, blake3 TEXT NOT NULL,
  columns TEXT NOT NULL, delimiter TEXT NOT NULL, encoding TEXT NOT NULL,
  form TEXT NOT NULL, mapping TEXT NOT NULL);
CREATE TABLE block(
  no INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES source, first_row INTEGER NOT NULL,
  row_count INTEGER NOT NULL, first_seq INTEGER NOT NULL, contact_count INTEGER NOT NULL,
  rows TEXT NOT NULL, contacts TEXT NOT NULL, cells BLOB NOT NULL, digest INTEGER NOT NULL);
CREATE TABLE action(block INTEGER PRIMARY KEY REFERENCES block, actions TEXT NOT NULL, digest INTEGER NOT NULL);
CREATE TABLE reject(
  no INTEGER PRIMARY KEY, source INTEGER NOT NULL, row INTEGER NOT NULL, seq INTEGER,
  id TEXT, column TEXT, code TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL CHECK (at IN ('stage','plan','apply')));
CREATE TABLE remote(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, json TEXT NOT NULL);
CREATE TABLE change(
  seq INTEGER PRIMARY KEY, remote INTEGER REFERENCES remote, fields TEXT NOT NULL, json TEXT, digest INTEGER);
CREATE TABLE removal(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, remote INTEGER REFERENCES remote, digest INTEGER NOT NULL);
CREATE TABLE batch(
  no INTEGER PRIMARY KEY, action TEXT NOT NULL CHECK (action IN ('create','update','delete')),
  first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, count INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'planned' CHECK (state IN ('planned','sending','done')),
  attempts INTEGER NOT NULL DEFAULT 0, status INTEGER, processed INTEGER, sent_at TEXT, answered_at TEXT);
CREATE TABLE outcome(
  batch INTEGER NOT NULL REFERENCES batch, seq INTEGER NOT NULL, id TEXT NOT NULL,
  fate TEXT NOT NULL CHECK (fate IN ('created','updated','deleted','failed','stale')),
  status INTEGER, code TEXT, reason TEXT, PRIMARY KEY (batch, seq)) WITHOUT ROWID;
CREATE VIEW contact AS
  SELECT block.first_seq + c.key AS seq, block.source AS source,
    (SELECT json_extract(r.value, '$[1]') + c.key - json_extract(r.value, '$[0]')
       FROM json_each(block.rows) r WHERE json_extract(r.value, '$[0]') <= c.key
      ORDER BY r.key DESC LIMIT 1) AS row,
    substr(action.actions, c.key + 1, 1) AS action,
    json_extract(c.value, '$.id') AS id, c.value AS json
  FROM block JOIN action ON action.block = block.no, json_each(block.contacts) c;
";
