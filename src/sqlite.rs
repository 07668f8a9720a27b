//! Opens, reads and writes `SQLite` files. Others may have written them: they are data, and nothing in them is
//! executed.
//!
//! A schema is SQL text: views and triggers run when a table is read or written, and a schema of a million tables
//! fills the memory before the first row. Files are therefore [restricted](Database::restrict), and read only if they
//! have the [expected schema](ExpectedSchema).

use std::{
    marker::PhantomData,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection, OpenFlags, OptionalExtension as _, Params, Row, ToSql, Transaction,
    config::DbConfig, limits::Limit, types::FromSql,
};

/// Maximum row size in bytes. Blocks of rows with their text are far smaller.
pub(crate) const ROW_BYTES_MAX: i32 = 1 << 28;
/// Maximum length of a statement in bytes, in the program or in a schema.
const SQL_BYTES_MAX: i32 = 1 << 14;
/// Maximum number of tables, indexes and views.
const OBJECTS_MAX: i32 = 64;

/// The error of a layer that stores data in such files.
pub(crate) trait DatabaseError {
    /// The error of `SQLite` at this path.
    fn of(path: &Path, source: rusqlite::Error) -> Self;
}

/// An open database, whose errors name its path.
#[derive(Debug)]
pub(crate) struct Database<E> {
    pub(crate) connection: Connection,
    path: PathBuf,
    error: PhantomData<fn() -> E>,
}

impl<E: DatabaseError> Database<E> {
    /// Opens an existing file, which may be empty. Nothing in it is read.
    pub(crate) fn open(path: &Path) -> Result<Self, E> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // Alone, names such as `:memory:` have a meaning for SQLite.
        let file = Path::new(".").join(path);
        let open = || {
            let connection = Connection::open_with_flags(file, flags)?;
            connection.set_prepared_statement_cache_capacity(64);
            // Foreign keys in the schema are documentation. Checking each of a million rows would be slow and prove
            // nothing.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)?;
            // Otherwise a statement with `LIMIT ?` is recompiled whenever its limit changes.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
            Ok(connection)
        };
        Ok(Self {
            connection: open().map_err(|source| E::of(path, source))?,
            path: path.into(),
            error: PhantomData,
        })
    }

    /// Disables everything in the file that could be executed, and sets limits. Must be called before the first
    /// statement.
    pub(crate) fn restrict(&self) -> Result<(), E> {
        self.with(restrict)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Sets a pragma that returns nothing.
    pub(crate) fn set(&self, pragma: &str, value: impl ToSql) -> Result<(), E> {
        self.with(|connection| connection.pragma_update(None, pragma, value))
    }

    /// Sets the journal mode, and returns the mode that is in use.
    pub(crate) fn set_journal_mode(&self, mode: &str) -> Result<String, E> {
        self.with(|connection| {
            connection.pragma_update_and_check(None, "journal_mode", mode, |row| row.get(0))
        })
    }

    /// Runs `work` in a transaction: all of its writes or none, with one sync. If one has begun, `work` becomes part of
    /// it.
    pub(crate) fn transaction<T, F: From<E>>(
        &self,
        work: impl FnOnce() -> Result<T, F>,
    ) -> Result<T, F> {
        if !self.connection.is_autocommit() {
            return work();
        }
        self.execute_all("BEGIN IMMEDIATE")?;
        let result = work().and_then(|value| {
            self.execute_all("COMMIT")?;
            Ok(value)
        });
        if result.is_err() && !self.connection.is_autocommit() {
            // Report the first error. If the rollback fails, SQLite recovers when the file is opened.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        result
    }

    /// Begins a transaction that is rolled back unless it is committed.
    pub(crate) fn begin(&self) -> Result<Transaction<'_>, E> {
        let begun = self.connection.unchecked_transaction();
        begun.map_err(|source| self.failed(source))
    }

    /// The first row of a query, if any.
    pub(crate) fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, E> {
        self.with(|connection| {
            let mut select = connection.prepare_cached(sql)?;
            select.query_row(params, read).optional()
        })
    }

    /// The single value of a query that always returns a row.
    pub(crate) fn value<T: FromSql>(&self, sql: &str, params: impl Params) -> Result<T, E> {
        self.with(|connection| {
            let mut select = connection.prepare_cached(sql)?;
            select.query_row(params, |row| row.get(0))
        })
    }

    pub(crate) fn rows<T, C: FromIterator<T>>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<C, E> {
        self.with(|connection| {
            let mut select = connection.prepare_cached(sql)?;
            select.query_map(params, read)?.collect()
        })
    }

    /// Calls `each` with every row of a query.
    pub(crate) fn for_each<T, F: From<E>>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
        mut each: impl FnMut(T) -> Result<(), F>,
    ) -> Result<(), F> {
        let failed = |source| F::from(self.failed(source));
        let mut select = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = select.query_map(params, read).map_err(failed)?;
        rows.try_for_each(|row| each(row.map_err(failed)?))
    }

    /// Executes a statement that returns no rows.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<(), E> {
        self.with(|connection| connection.prepare_cached(sql)?.execute(params).map(drop))
    }

    /// Executes statements without parameters.
    pub(crate) fn execute_all(&self, sql: &str) -> Result<(), E> {
        self.with(|connection| connection.execute_batch(sql))
    }

    /// Runs `work` on the connection, and adds the path to its error.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, E> {
        work(&self.connection).map_err(|source| self.failed(source))
    }

    /// Adds the path to an error.
    pub(crate) fn failed(&self, source: rusqlite::Error) -> E {
        E::of(&self.path, source)
    }
}

/// The path of a file beside another one, with this suffix.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(ending);
    beside.into()
}

/// Reads a pragma.
pub(crate) fn pragma<T: FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn restrict(connection: &Connection) -> rusqlite::Result<()> {
    for (option, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(option, value)?;
    }
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, ROW_BYTES_MAX),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, SQL_BYTES_MAX),
        (Limit::SQLITE_LIMIT_SCHEMA, OBJECTS_MAX),
        (Limit::SQLITE_LIMIT_COLUMN, 64),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 8),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    ] {
        connection.set_limit(limit, value)?;
    }
    Ok(())
}

/// The objects of a schema. Built once per process, because dozens of files of one kind may be opened.
#[derive(Clone, Debug)]
pub(crate) struct ExpectedSchema {
    required: Vec<Object>,
    allowed: Vec<Object>,
}

impl ExpectedSchema {
    /// The objects that `required` creates, and those that `optional` may add.
    pub(crate) fn new(required: &str, optional: &str) -> rusqlite::Result<Self> {
        let expected = Connection::open_in_memory()?;
        expected.execute_batch(required)?;
        let required = objects(&expected)?;
        expected.execute_batch(optional)?;
        Ok(Self {
            required,
            allowed: objects(&expected)?,
        })
    }

    /// True if a file has all required objects and only allowed ones.
    pub(crate) fn is_of(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let found = objects(connection)?;
        let mut required = self.required.iter();
        Ok(required.all(|object| found.contains(object))
            && found.iter().all(|object| self.allowed.contains(object)))
    }

    /// Like [`Self::is_of`], but further tables and indexes are allowed.
    pub(crate) fn is_extended_by(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let found = objects(connection)?;
        let is_allowed = |object: &Object| {
            let (kind, name, table, _) = object;
            let is_known = |name: &str| self.allowed.iter().any(|it| it.1 == name);
            self.allowed.contains(object)
                || (matches!(kind.as_str(), "table" | "index")
                    && !is_known(name)
                    && !is_known(table))
        };
        let mut required = self.required.iter();
        Ok(required.all(|object| found.contains(object)) && found.iter().all(is_allowed))
    }
}

/// Type, name, table and SQL text of every object.
type Object = (String, String, String, Option<String>);

fn objects(connection: &Connection) -> rusqlite::Result<Vec<Object>> {
    let mut select = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let rows = select.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    rows.collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const OURS: &str = "CREATE TABLE a(x INTEGER NOT NULL);";
    const OPTIONAL: &str = "CREATE INDEX a_x ON a(x);";

    fn is_ours(schema: &str) -> bool {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(schema).unwrap();
        restrict(&connection).unwrap();
        let expected = ExpectedSchema::new(OURS, OPTIONAL).unwrap();
        expected.is_of(&connection).unwrap()
    }

    #[test]
    fn a_schema_is_compared_object_by_object() {
        assert!(is_ours(OURS));
        assert!(is_ours(&[OURS, OPTIONAL].concat()));
        for others in [
            "",
            "CREATE TABLE a(x INTEGER);",
            "CREATE TABLE b(x INTEGER NOT NULL);",
            "CREATE TABLE a(x INTEGER NOT NULL, y AS (x + 1));",
            "CREATE VIEW a AS SELECT 1 AS x;",
        ] {
            assert!(!is_ours(others), "{others}");
        }
        for added in [
            "CREATE TABLE b(x);",
            "CREATE VIEW b AS SELECT 1;",
            "CREATE INDEX a_x ON a(x + 1);",
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; END;",
        ] {
            assert!(!is_ours(&[OURS, added].concat()), "{added}");
        }
    }

    #[test]
    fn a_schema_of_many_tables_is_not_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let many: Vec<_> = (0..100).map(|n| format!("CREATE TABLE t{n}(x);")).collect();
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(&many.concat()).unwrap();
        drop(connection);
        let connection = Connection::open(&path).unwrap();
        restrict(&connection).unwrap();
        let expected = ExpectedSchema::new(OURS, OPTIONAL).unwrap();
        assert!(expected.is_of(&connection).is_err());
    }
}
