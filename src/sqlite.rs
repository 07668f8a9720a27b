//! `SQLite` files that others may have written: they are data, and nothing in them is executed.
//!
//! A schema is SQL text: views and triggers run when a table is read or written, and a schema of a million tables
//! fills the memory before the first row. Files are therefore opened with [`restrict`], and read only if they have
//! the [expected schema](ExpectedSchema).

use rusqlite::{Connection, config::DbConfig, limits::Limit};

/// Maximum row size in bytes. Blocks of rows with their text are far smaller.
pub(crate) const ROW_BYTES_MAX: i32 = 1 << 28;
/// Maximum length of a statement in bytes, in the program or in a schema.
const SQL_BYTES_MAX: i32 = 1 << 14;
/// Maximum number of tables, indexes and views.
const OBJECTS_MAX: i32 = 64;

/// Disables everything in a file that could be executed, and sets limits. Must be called before the first
/// statement.
pub(crate) fn restrict(connection: &Connection) -> rusqlite::Result<()> {
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
