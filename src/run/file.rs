//! An open run file: reads and writes rows, facts and transactions.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use rusqlite::params;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tempfile::TempDir;

use super::{
    RunError, column,
    foreign::{check_is_file, check_schema, check_side_files, check_version, is_unsealed},
    held::{self, BlockTexts},
    planning::PlanningSnapshot,
    schema::{self, State},
};
use crate::{
    contact::{Contact, leading_id},
    crash::{self, Point},
    output, private,
    sqlite::{Database, DatabaseError},
};

/// Page cache in KiB, negative as `SQLite` requires. A file can't override it.
const CACHE_SIZE: i32 = -8_192;

#[derive(Debug)]
pub(crate) struct RunFile {
    pub(super) database: Database<RunError>,
    is_created_here: bool,
    /// True if the process was killed while it wrote the file, so nothing in it can be read.
    is_torn: bool,
    /// The contacts of the account, if they were read, until the run is sealed.
    pub(super) planning: RefCell<Option<PlanningSnapshot>>,
    /// The texts of blocks that are not in the file until the run is sealed.
    pub(super) held: RefCell<BTreeMap<u32, BlockTexts>>,
    /// The number of bytes of source text that the blocks may leave uncompressed.
    pub(crate) held_max: usize,
    /// The directory of a temporary run file. Removed after the connection is closed.
    _scratch: Option<TempDir>,
}

impl RunFile {
    /// Creates a run file that only its owner can read. An existing file is an error and stays unchanged.
    pub(crate) fn create(path: &Path) -> Result<Self, RunError> {
        Self::create_for(path, u64::MAX)
    }

    /// Like [`Self::create`], for sources with this number of bytes.
    pub(crate) fn create_for(path: &Path, source_bytes: u64) -> Result<Self, RunError> {
        check_side_files(path)?;
        let blank = schema::blank_file(schema::page_bytes(source_bytes));
        let blank = blank.map_err(|source| DatabaseError::of(path, source))?;
        let io = |source| RunError::Io {
            path: path.into(),
            source,
        };
        let mut options = private::file_options();
        let mut file = options.create_new(true).open(path).map_err(io)?;
        let written = file.write_all(&blank).map_err(io);
        // `store::Lock` explains why no other handle of the file may be closed later.
        drop(file);
        let created = written.and_then(|()| {
            let run = Self::connect(path)?;
            run.begin()?;
            Ok(Self {
                is_created_here: true,
                held_max: schema::held_bytes(source_bytes),
                ..run
            })
        });
        if created.is_err() {
            // Report the first error, not one of the removal.
            let _ = fs::remove_file(path);
        }
        created
    }

    /// Creates a run file in a directory that is removed with it.
    pub(crate) fn create_in(scratch: TempDir) -> Result<Self, RunError> {
        let run = Self::create(&scratch.path().join("scratch.run"))?;
        Ok(Self {
            _scratch: Some(scratch),
            ..run
        })
    }

    /// Begins the transaction that lasts until the file is sealed: an unsealed file is discarded after an interruption,
    /// so nothing in it is ever rolled back, and one transaction saves the locks of each statement.
    fn begin(&self) -> Result<(), RunError> {
        let database = &self.database;
        database.set_journal_mode("OFF")?;
        database.set("synchronous", "OFF")?;
        database.set("cache_size", CACHE_SIZE)?;
        database.execute_all(schema::PLANNING)?;
        database.execute_all("BEGIN")
    }

    /// Opens an existing run file for reading and journaling. Sealed files are already in WAL mode; a file that is
    /// not sealed is in use by another process, or was left by a kill and may be torn.
    pub(crate) fn open(path: &Path) -> Result<Self, RunError> {
        // `store::Lock` explains why the file must not be opened here.
        path.metadata().map_err(|source| RunError::Io {
            path: path.into(),
            source,
        })?;
        check_is_file(path)?;
        check_side_files(path)?;
        let mut run = Self::connect(path)?;
        match run.prepare() {
            Err(RunError::Damaged { .. } | RunError::Foreign { .. }) if is_unsealed(path) => {
                run.is_torn = true;
            }
            prepared => prepared?,
        }
        Ok(run)
    }

    /// Refuses foreign files before anything in them is used.
    fn prepare(&self) -> Result<(), RunError> {
        self.database.restrict()?;
        check_version(&self.database)?;
        check_schema(&self.database)?;
        self.database.set("cache_size", CACHE_SIZE)?;
        self.database.set("synchronous", "FULL")?;
        // It is the first fact of a new file.
        if self.find_fact::<serde::de::IgnoredAny>("state")?.is_none() {
            return Err(self.damaged("the fact `state` is missing".to_owned()));
        }
        Ok(())
    }

    fn connect(path: &Path) -> Result<Self, RunError> {
        Ok(Self {
            database: Database::open(path)?,
            is_created_here: false,
            is_torn: false,
            planning: RefCell::new(None),
            held: RefCell::default(),
            held_max: 0,
            _scratch: None,
        })
    }

    /// True if this process wrote the whole file. Otherwise its data is of unknown origin.
    pub(crate) fn is_created_here(&self) -> bool {
        self.is_created_here
    }

    pub(crate) fn path(&self) -> &Path {
        self.database.path()
    }

    /// The run's name: the file name without its extension.
    pub(crate) fn name(&self) -> String {
        self.path()
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// Reads a fact about the run; `None` if it was not recorded.
    pub(crate) fn find_fact<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RunError> {
        self.database
            .row("SELECT value FROM fact WHERE name = ?1", [name], |row| {
                column::json(row, 0)
            })
    }

    /// Reads a fact that every sealed run has.
    pub(crate) fn fact<T: DeserializeOwned>(&self, name: &str) -> Result<T, RunError> {
        self.find_fact(name)?
            .ok_or_else(|| self.damaged(format!("the fact `{name}` is missing")))
    }

    /// Records a fact about the run.
    pub(crate) fn set_fact<T: Serialize + ?Sized>(
        &self,
        name: &str,
        value: &T,
    ) -> Result<(), RunError> {
        self.database.execute(
            "INSERT INTO fact VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
            params![name, self.json(value)?],
        )
    }

    /// Identifies the run: a digest of the `about` fact, which includes the time of planning.
    pub(crate) fn digest(&self) -> Result<String, RunError> {
        let about: Option<String> =
            self.database
                .row("SELECT value FROM fact WHERE name = 'about'", [], |row| {
                    row.get(0)
                })?;
        let about = about.ok_or_else(|| self.damaged("the fact `about` is missing".to_owned()))?;
        Ok(blake3::hash(about.as_bytes()).to_hex().to_string())
    }

    pub(crate) fn state(&self) -> Result<State, RunError> {
        if self.is_torn {
            return Ok(State::Open);
        }
        self.fact("state")
    }

    /// Makes everything that was staged and planned durable, then records that the plan is valid.
    pub(crate) fn seal(&self) -> Result<(), RunError> {
        self.keep_planned()?;
        let exists = |rows: &str| {
            let query = format!("SELECT EXISTS (SELECT 1 FROM {rows})");
            self.database.value(&query, [])
        };
        let has_batches: bool = exists("batch")?;
        let has_cells = has_batches || exists("reject")?;
        held::write(&self.held.borrow(), &self.database, has_cells)?;
        self.commit()?;
        self.sync()?;
        if has_batches {
            self.database.set("synchronous", "FULL")?;
        } else {
            // Only the state and the summary follow, and a power cut that undoes them loses nothing. The command ends
            // at once, so other processes need not read the file meanwhile.
            self.database.set("locking_mode", "EXCLUSIVE")?;
        }
        if self.database.set_journal_mode("WAL")? != "wal" {
            return Err(self.io(io::Error::new(
                io::ErrorKind::Unsupported,
                "this file system does not support SQLite's write-ahead log, without which a run would not survive a crash",
            )));
        }
        crash::point(Point::Sealing);
        self.set_fact("state", &State::Sealed)?;
        crash::point(Point::Sealed);
        Ok(())
    }

    /// Copies the part of the snapshot that the plan needs into the file.
    fn keep_planned(&self) -> Result<(), RunError> {
        let Some(snapshot) = self.planning.take() else {
            return Ok(());
        };
        let changed: BTreeSet<u64> = self.database.rows(schema::CHANGED, [], |row| row.get(0))?;
        for seq in changed {
            if let Some(contact) = snapshot.by_seq(seq).map_err(|error| self.io(error))? {
                self.database.execute(
                    "INSERT INTO snapshot VALUES (?1, ?2, ?3)",
                    params![contact.seq, contact.id, contact.json],
                )?;
            }
        }
        self.database.execute_all(schema::SNAPSHOT_INDEX)
    }

    /// Between two transactions of a file that is not in WAL mode, `SQLite` holds no lock, so closing another
    /// handle here releases none.
    fn sync(&self) -> Result<(), RunError> {
        OpenOptions::new()
            .write(true)
            .open(self.path())
            .and_then(|file| file.sync_all())
            .and_then(|()| output::sync_directory(output::directory(self.path())))
            .map_err(|source| self.io(source))
    }

    /// Ends the transaction in which an unsealed file is written. [`Self::seal`] does so too.
    pub(crate) fn commit(&self) -> Result<(), RunError> {
        if self.database.connection.is_autocommit() {
            return Ok(());
        }
        self.database.execute_all("COMMIT")
    }

    /// Runs `work` in a transaction: all of its writes or none, with one sync.
    pub(crate) fn transaction<T>(
        &self,
        work: impl FnOnce() -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        self.database.transaction(work)
    }

    pub(super) fn io(&self, source: io::Error) -> RunError {
        RunError::Io {
            path: self.path().into(),
            source,
        }
    }

    /// The error for stored data that can't be decoded or is inconsistent with other data in the file.
    pub(crate) fn damaged(&self, reason: String) -> RunError {
        RunError::Damaged {
            path: self.path().into(),
            reason,
        }
    }

    pub(crate) fn contact<'a>(&self, json: &'a [u8]) -> Result<Contact<'a>, RunError> {
        self.of_contact(json)
    }

    /// Reads only the id of a stored contact, which is much cheaper than reading the contact.
    pub(crate) fn id_of<'a>(&self, json: &'a [u8]) -> Result<Cow<'a, str>, RunError> {
        #[derive(Deserialize)]
        struct Identified<'a> {
            #[serde(borrow)]
            id: Cow<'a, str>,
        }
        // JSON from others may have several ids.
        if self.is_created_here
            && let Some(id) = leading_id(json)
        {
            return Ok(Cow::Borrowed(id));
        }
        let contact: Identified<'_> = self.of_contact(json)?;
        Ok(contact.id)
    }

    fn of_contact<'a, T: Deserialize<'a>>(&self, json: &'a [u8]) -> Result<T, RunError> {
        serde_json::from_slice(json)
            .map_err(|error| self.damaged(format!("a contact can't be read: {error}")))
    }

    pub(crate) fn json<T: Serialize + ?Sized>(&self, value: &T) -> Result<String, RunError> {
        serde_json::to_string(value).map_err(|error| self.damaged(error.to_string()))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::sqlite;

    fn pragma(run: &RunFile, name: &str) -> String {
        let value: rusqlite::types::Value = sqlite::pragma(&run.database.connection, name).unwrap();
        format!("{value:?}")
    }

    /// Creates a run file of several pages that is not sealed.
    fn unsealed(path: &Path) -> RunFile {
        let run = RunFile::create_for(path, 1).unwrap();
        let text = "x".repeat(10_000);
        run.set_fact("about", &text).unwrap();
        run
    }

    #[test]
    fn a_file_that_was_torn_before_it_was_sealed_is_not_damaged_but_open() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.run");
        drop(unsealed(&path));
        let bytes = fs::read(&path).unwrap();
        let page = usize::try_from(schema::SMALL_PAGE_BYTES).unwrap();
        for pages in 1..bytes.len() / page {
            fs::write(&path, &bytes[..pages * page]).unwrap();
            let run = RunFile::open(&path).unwrap();
            assert_eq!(run.state().unwrap(), State::Open, "{pages} pages");
            drop(run);
            // Pages that were not written yet.
            let mut torn = bytes.clone();
            torn[pages * page..].fill(0);
            fs::write(&path, torn).unwrap();
            let run = RunFile::open(&path).unwrap();
            assert_eq!(run.state().unwrap(), State::Open, "{pages} pages");
        }
    }

    #[test]
    fn a_sealed_file_that_was_torn_is_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.run");
        let run = unsealed(&path);
        run.seal().unwrap();
        drop(run);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let error = RunFile::open(&path).unwrap_err();
        assert!(matches!(error, RunError::Damaged { .. }), "{error}");
    }

    #[test]
    fn every_transaction_of_a_sealed_run_is_synced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.run");
        let run = RunFile::create(&path).unwrap();
        run.database.execute(
            "INSERT INTO batch(no, operation, first_seq, last_seq, count) VALUES (0, 'create', 0, 0, 1)",
            [],
        )
        .unwrap();
        run.seal().unwrap();
        let synced = || ["Integer(2)", "Text(\"wal\")"].map(str::to_owned);
        let of = |run: &RunFile| ["synchronous", "journal_mode"].map(|name| pragma(run, name));
        assert_eq!(of(&run), synced(), "sealed");
        drop(run);
        let run = RunFile::open(&path).unwrap();
        assert_eq!(of(&run), synced(), "opened");
    }

    #[test]
    fn the_run_of_a_small_source_is_small_and_opened_like_others() {
        let directory = tempfile::tempdir().unwrap();
        let size = |source_bytes: u64| {
            let path = directory.path().join(format!("{source_bytes}.run"));
            RunFile::create_for(&path, source_bytes)
                .unwrap()
                .seal()
                .unwrap();
            drop(RunFile::open(&path).unwrap());
            fs::metadata(path).unwrap().len()
        };
        assert!(size(1_000) * 7 < size(1_000_000_000));
    }

    #[test]
    fn a_value_that_cannot_be_decoded_is_damage() {
        let directory = tempfile::tempdir().unwrap();
        let run = RunFile::create(&directory.path().join("x.run")).unwrap();
        for value in ["", "7", "\"sealed", "\"undone\"", "null"] {
            run.database
                .execute("UPDATE fact SET value = ?1 WHERE name = 'state'", [value])
                .unwrap();
            assert!(
                matches!(run.state(), Err(RunError::Damaged { .. })),
                "{value}"
            );
        }
        run.database
            .execute("UPDATE fact SET value = x'ff' WHERE name = 'state'", [])
            .unwrap();
        assert!(matches!(run.state(), Err(RunError::Damaged { .. })));
        run.database.execute("DELETE FROM fact", []).unwrap();
        assert!(matches!(run.state(), Err(RunError::Damaged { .. })));
    }
}
