//! Refuses files that are not run files of this tool, before anything in them is used.

use std::{
    fs,
    io::{self, Read as _},
    ops::Range,
    path::Path,
    sync::OnceLock,
};

use rusqlite::ErrorCode;

use super::{RunError, error::NO_DATABASE, schema};
use crate::{
    output,
    sqlite::{Database, ExpectedSchema, beside, pragma},
};

const NOT_OURS: &str = "this is a SQLite file, but not a run file of this tool";

fn foreign(path: &Path, reason: impl Into<String>) -> RunError {
    RunError::Foreign {
        path: path.into(),
        reason: reason.into(),
    }
}

/// Refuses a run file with foreign side files. Run files never have a rollback journal, and `SQLite` would write
/// its pages over the file. `SQLite` also writes to the other side files, so these must not be hard links.
pub(super) fn check_side_files(path: &Path) -> Result<(), RunError> {
    let real = output::real(path);
    for (ending, may_exist) in [("-journal", false), ("-wal", true), ("-shm", true)] {
        let file = beside(&real, ending);
        let is_ours = match file.symlink_metadata() {
            Err(error) => error.kind() == io::ErrorKind::NotFound,
            Ok(data) => may_exist && data.is_file() && has_one_name(&data),
        };
        if !is_ours {
            let file = file.display();
            return Err(foreign(
                path,
                format!("{file} beside it does not belong to a run file of this tool"),
            ));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn has_one_name(data: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    data.nlink() == 1
}

/// Other systems don't report this.
#[cfg(not(unix))]
fn has_one_name(_: &fs::Metadata) -> bool {
    true
}

/// True for a run file of this tool that was not sealed, by its header: [`RunFile::seal`](super::RunFile::seal) sets
/// the WAL mode once everything else is on disk. The file is empty if the process was killed right after creating
/// it. Only for files that `SQLite` could not read: others must not be opened beside it.
pub(super) fn is_unsealed(path: &Path) -> bool {
    /// The positions of the page size, the write version (2 in WAL mode) and the application id.
    /// \[file format of `SQLite`\]
    const PAGE_SIZE: Range<usize> = 16..18;
    const WRITE_VERSION: usize = 18;
    const APPLICATION_ID: Range<usize> = 68..72;
    if path.metadata().is_ok_and(|data| data.len() == 0) {
        return true;
    }
    let mut header = [0; 100];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    let sizes = [schema::PAGE_BYTES, schema::SMALL_PAGE_BYTES];
    read.is_ok()
        && sizes
            .iter()
            .any(|size| size.to_be_bytes()[2..] == header[PAGE_SIZE])
        && header[WRITE_VERSION] == 1
        && header[APPLICATION_ID] == schema::APPLICATION_ID.to_be_bytes()
}

/// Refuses a device, a pipe or a directory, which would be replaced or block.
pub(super) fn check_is_file(path: &Path) -> Result<(), RunError> {
    match path.metadata() {
        Ok(data) if !data.is_file() => Err(foreign(
            path,
            "this is not a file, but a directory, a device or a pipe",
        )),
        _ => Ok(()),
    }
}

fn expected_schema() -> rusqlite::Result<&'static ExpectedSchema> {
    static EXPECTED: OnceLock<ExpectedSchema> = OnceLock::new();
    if let Some(expected) = EXPECTED.get() {
        return Ok(expected);
    }
    let optional = [schema::MERGED, schema::SNAPSHOT_INDEX].concat();
    let expected = ExpectedSchema::new(schema::TABLES, &optional)?;
    Ok(EXPECTED.get_or_init(|| expected))
}

/// Refuses a file of another program or of a version that is not read.
pub(super) fn check_version(database: &Database<RunError>) -> Result<(), RunError> {
    let (connection, path) = (&database.connection, database.path());
    match pragma(connection, "application_id") {
        Ok(schema::APPLICATION_ID) => {}
        Ok(_) => return Err(foreign(path, NOT_OURS)),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            return Err(foreign(path, NO_DATABASE));
        }
        Err(source) => return Err(database.failed(source)),
    }
    let version = pragma(connection, "user_version").map_err(|source| database.failed(source))?;
    if version == schema::VERSION {
        return Ok(());
    }
    let reason = format!(
        "it has schema version {version} and this program reads version {}: use {}",
        schema::VERSION,
        schema::reader_of(version)
    );
    Err(foreign(path, reason))
}

/// Refuses a file with tables, indexes, views or triggers other than [`schema`]'s, or with another page size.
pub(super) fn check_schema(database: &Database<RunError>) -> Result<(), RunError> {
    let (connection, path) = (&database.connection, database.path());
    let is_ours = || {
        let has_tables = expected_schema()?.is_of(connection)?;
        let page_bytes = pragma::<u32>(connection, "page_size")?;
        let has_size = [schema::PAGE_BYTES, schema::SMALL_PAGE_BYTES].contains(&page_bytes);
        Ok::<_, rusqlite::Error>(has_tables && has_size)
    };
    match is_ours() {
        Ok(true) => Ok(()),
        Ok(false) => Err(foreign(path, NOT_OURS)),
        Err(error) => {
            // An object can't be parsed or decoded, or there are too many objects.
            let is_unreadable = error.to_string().starts_with("malformed database schema")
                || error.sqlite_error_code() == Some(ErrorCode::OperationAborted);
            Err(if is_unreadable {
                foreign(path, NOT_OURS)
            } else {
                database.failed(error)
            })
        }
    }
}
