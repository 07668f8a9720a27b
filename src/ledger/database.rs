//! The database of a ledger: tables, opening and creating.

use std::{
    fs::{self, OpenOptions},
    io,
    path::Path,
    sync::OnceLock,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode};

use crate::{
    output::{self, IoError, Symlinks},
    private,
    sqlite::{self, Database, DatabaseError, ExpectedSchema},
};

/// Identifies a ledger: `WzLg`.
const APPLICATION_ID: i32 = 0x577a_4c67;
const VERSION: i32 = 1;

/// Timeout while another process writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const TABLES: &str = "
    CREATE TABLE account (writes INTEGER NOT NULL, last_writer TEXT NOT NULL);
    INSERT INTO account VALUES (0, '');
    CREATE TABLE profile (
        number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        last_used INTEGER, runs_since_full INTEGER
    );
    CREATE TABLE contact (
        profile INTEGER NOT NULL, id BLOB NOT NULL, digest BLOB NOT NULL, messengers INTEGER NOT NULL,
        PRIMARY KEY (profile, id)
    ) WITHOUT ROWID;
    CREATE TABLE rejects (path TEXT PRIMARY KEY, bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL) WITHOUT ROWID;
";

/// Tables added to version 1 later, created when a ledger is opened.
const ADDED: &str = "
    CREATE TABLE IF NOT EXISTS run (
        digest TEXT PRIMARY KEY, wanted TEXT NOT NULL, path TEXT NOT NULL, is_asked INTEGER NOT NULL,
        recorded_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS export (
        path TEXT PRIMARY KEY, pattern TEXT NOT NULL, number INTEGER NOT NULL, bytes INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL, contacts INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS history (
        number INTEGER PRIMARY KEY, run TEXT NOT NULL, file TEXT, started_at INTEGER NOT NULL, seconds REAL NOT NULL,
        profile TEXT, command TEXT NOT NULL, mode TEXT NOT NULL, source TEXT NOT NULL, directory TEXT NOT NULL,
        status TEXT NOT NULL, exit_code INTEGER, error TEXT, tally TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS rejects_source (
        path TEXT PRIMARY KEY, source TEXT NOT NULL, profile TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS link (
        id TEXT PRIMARY KEY, uri TEXT NOT NULL, planned_at INTEGER NOT NULL
    ) WITHOUT ROWID;
";

impl DatabaseError for IoError {
    fn of(path: &Path, source: rusqlite::Error) -> Self {
        Self::at(path)(io::Error::other(source))
    }
}

/// Opens an existing database of this version.
pub(super) fn open(path: &Path) -> Result<Option<Database<IoError>>, IoError> {
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let database = connect(path)?;
    let is_ours = |connection: &Connection| {
        Ok(kind_and_version(connection)? == (APPLICATION_ID, VERSION)
            && expected_schema()?.is_extended_by(connection)?)
    };
    if !database.with(is_ours)? {
        return Err(IoError::at(path)(io::Error::other("not a ledger")));
    }
    database.execute_all(ADDED)?;
    // One that can only be read keeps its journal.
    let _ = use_wal(&database);
    Ok(Some(database))
}

fn expected_schema() -> rusqlite::Result<&'static ExpectedSchema> {
    static EXPECTED: OnceLock<ExpectedSchema> = OnceLock::new();
    if let Some(expected) = EXPECTED.get() {
        return Ok(expected);
    }
    let expected = ExpectedSchema::new(TABLES, ADDED)?;
    Ok(EXPECTED.get_or_init(|| expected))
}

/// The reason for not replacing a ledger that can't be opened: it is not damaged.
pub(super) fn refusal(path: &Path, error: &IoError) -> Option<String> {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed, OutOfMemory,
        PermissionDenied, ReadOnly, SystemIoFailure,
    };
    // A missing ledger has nothing to lose.
    if !path.exists() {
        return None;
    }
    let cause = error.cause::<rusqlite::Error>();
    if let Some(
        CannotOpen
        | DatabaseBusy
        | DatabaseLocked
        | DiskFull
        | FileLockingProtocolFailed
        | OutOfMemory
        | PermissionDenied
        | ReadOnly
        | SystemIoFailure,
    ) = cause.and_then(rusqlite::Error::sqlite_error_code)
    {
        let cause = cause.map(ToString::to_string).unwrap_or_default();
        return Some(format!(
            "{cause}: make sure that the disk has room, that you own this ledger, and that no other program locks it"
        ));
    }
    let found = connect(path).and_then(|database| database.with(kind_and_version));
    found
        .is_ok_and(|(id, version)| id == APPLICATION_ID && version > VERSION)
        .then(|| {
            "a newer version of wazzup-contacts wrote this ledger: use that version, or set XDG_STATE_HOME to another \
             directory".to_owned()
        })
}

fn kind_and_version(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    let id = sqlite::pragma(connection, "application_id")?;
    Ok((id, sqlite::pragma(connection, "user_version")?))
}

fn connect(path: &Path) -> Result<Database<IoError>, IoError> {
    let database = Database::open(path)?;
    database.restrict()?;
    database.with(|connection| connection.busy_timeout(BUSY_TIMEOUT))?;
    database.set("synchronous", "FULL")?;
    database.set("cache_size", -65_536)?;
    Ok(database)
}

/// A rollback journal takes four syncs and a file for each change. It stays in use if the file system has no shared
/// memory.
fn use_wal(database: &Database<IoError>) -> Result<String, IoError> {
    database.set_journal_mode("WAL")
}

/// Runs `work` in a transaction that is synced with the next one of [`Database::transaction`], or when the database
/// is closed. A power cut may undo it, together with all that follow.
pub(super) fn write_unsynced<T>(
    database: &Database<IoError>,
    work: impl FnOnce() -> Result<T, IoError>,
) -> Result<T, IoError> {
    let mode: String = database.with(|connection| sqlite::pragma(connection, "journal_mode"))?;
    // With another journal, a power cut might damage the database.
    if mode != "wal" {
        return database.transaction(work);
    }
    database.set("synchronous", "NORMAL")?;
    let result = database.transaction(work);
    database.set("synchronous", "FULL")?;
    result
}

/// Creates a database that only its owner can read, replacing an unreadable one, which is kept beside it. It
/// appears only when complete, because runs of other accounts read it.
pub(super) fn create(path: &Path) -> Result<Database<IoError>, IoError> {
    let failed = |error| IoError::at(path)(error);
    private::create_directory(output::directory(path)).map_err(failed)?;
    for result in [
        fs::rename(path, sqlite::beside(path, ".damaged")),
        fs::remove_file(sqlite::beside(path, "-journal")),
    ] {
        match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    let file = output::beside(path, Symlinks::Replace).map_err(failed)?;
    let file = file.into_temp_path();
    let begin = format!(
        "BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
    );
    let tables = [&begin, TABLES, ADDED, "COMMIT"].concat();
    let database = connect(&file)?;
    // The file is only read once it has its name, so one sync at the end is enough.
    database.set("synchronous", "OFF")?;
    database.set_journal_mode("MEMORY")?;
    database.execute_all(&tables)?;
    use_wal(&database)?;
    drop(database);
    let complete = OpenOptions::new().write(true).open(&file);
    complete.and_then(|file| file.sync_all()).map_err(failed)?;
    match file.persist_noclobber(path) {
        // Another process created it.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        persisted => persisted.map_err(|error| failed(error.error))?,
    }
    output::sync_directory(output::directory(path)).map_err(failed)?;
    connect(path)
}
