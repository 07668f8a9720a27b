//! The database of a ledger: tables, opening and creating.

use std::{fs, io, path::Path, sync::OnceLock, time::Duration};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Params, Row};

use crate::{
    output::{self, IoError, Symlinks},
    private,
    sqlite::{self, ExpectedSchema},
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
";

/// Adds the path to an error.
pub(super) fn failed(path: &Path) -> impl FnOnce(rusqlite::Error) -> IoError + use<> {
    let path = path.to_path_buf();
    move |error| IoError::at(path)(io::Error::other(error))
}

pub(super) fn find<T>(
    database: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    let mut statement = database.prepare_cached(sql)?;
    statement.query_row(params, read).optional()
}

/// Opens an existing database of this version.
pub(super) fn open(path: &Path) -> rusqlite::Result<Option<Connection>> {
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let database = connect(path)?;
    if kind_and_version(&database)? != (APPLICATION_ID, VERSION) {
        return Err(rusqlite::Error::InvalidQuery);
    }
    if !expected_schema()?.is_extended_by(&database)? {
        return Err(rusqlite::Error::InvalidQuery);
    }
    database.execute_batch(ADDED)?;
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

/// True if a newer version of this program wrote the file.
pub(super) fn is_newer(path: &Path) -> bool {
    let found = connect(path).and_then(|database| kind_and_version(&database));
    found.is_ok_and(|(id, version)| id == APPLICATION_ID && version > VERSION)
}

fn kind_and_version(database: &Connection) -> rusqlite::Result<(i32, i32)> {
    let pragma = |name: &str| database.pragma_query_value(None, name, |row| row.get(0));
    Ok((pragma("application_id")?, pragma("user_version")?))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags)?;
    sqlite::restrict(&database)?;
    database.busy_timeout(BUSY_TIMEOUT)?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "cache_size", -65_536)?;
    Ok(database)
}

/// A rollback journal takes four syncs and a file for each change. It stays in use if the file system has no shared memory.
fn use_wal(database: &Connection) -> rusqlite::Result<()> {
    database.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
}

/// Creates a database that only its owner can read, replacing an unreadable one, which is kept beside it. It
/// appears only when complete, because runs of other accounts read it.
pub(super) fn create(path: &Path) -> io::Result<Connection> {
    private::create_directory(output::directory(path))?;
    let beside = |ending: &str| {
        let mut file = path.as_os_str().to_owned();
        file.push(ending);
        file
    };
    for result in [
        fs::rename(path, beside(".damaged")),
        fs::remove_file(beside("-journal")),
    ] {
        match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let file = output::beside(path, Symlinks::Replace)?.into_temp_path();
    let begin = format!(
        "BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
    );
    let tables = [&begin, TABLES, ADDED, "COMMIT"].concat();
    connect(&file)
        .and_then(|database| {
            database.execute_batch(&tables)?;
            use_wal(&database)
        })
        .map_err(io::Error::other)?;
    match file.persist_noclobber(path) {
        // Another process created it.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        persisted => persisted?,
    }
    output::sync_directory(output::directory(path))?;
    connect(path).map_err(io::Error::other)
}
