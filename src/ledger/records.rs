//! Records of contacts for `--changed-only`: the digests of each contact's id and of its rows.
//! [`crate::plan::incremental`] explains their use.

use std::path::Path;

use rusqlite::{Transaction, params};

use super::Ledger;
use crate::{
    output::IoError,
    sqlite::{self, Database},
};

const RECORDED: &str =
    "SELECT number, runs_since_full FROM profile WHERE name = ?1 AND runs_since_full IS NOT NULL";

#[derive(Debug)]
pub(crate) struct ContactRecords {
    ledger: Ledger,
    profile: String,
    /// The profile's number, if it has records.
    number: Option<i64>,
    /// Number of runs that used the records since the last full comparison with the account. [`Self::write`] stores it.
    pub(crate) runs_since_full: u32,
}

/// The value of the column `messengers`: builds that read the column look such a contact up before they update it.
const UNKNOWN_MESSENGERS: u16 = 1 << 10;

impl ContactRecords {
    /// True if a profile has records, or if that can't be determined.
    pub(crate) fn are_in(ledger: &Ledger, profile: &str) -> bool {
        let found = ledger.find(RECORDED, [profile], |_| Ok(()));
        ledger.is_unreadable || found.map_or(true, |found| found.is_some())
    }

    /// Opens the records of an account and a profile. Damaged ones count as missing.
    pub(crate) fn open(state_directory: &Path, account: &str, profile: &str) -> Self {
        let mut ledger = Ledger::open(state_directory, account);
        if ledger.database.as_ref().is_some_and(is_damaged) {
            (ledger.database, ledger.is_unreadable) = (None, true);
        }
        let found = ledger.find(RECORDED, [profile], |row| Ok((row.get(0)?, row.get(1)?)));
        let (number, runs_since_full) = found.ok().flatten().unzip();
        Self {
            ledger,
            profile: profile.to_owned(),
            number,
            runs_since_full: runs_since_full.unwrap_or_default(),
        }
    }

    pub(crate) const fn is_found(&self) -> bool {
        self.number.is_some()
    }

    /// Deletes all records, durably.
    pub(crate) fn reset(&mut self) -> Result<(), IoError> {
        let Some(number) = self.number.take() else {
            return Ok(());
        };
        self.runs_since_full = 0;
        self.ledger
            .execute("DELETE FROM contact WHERE profile = ?1", [number])?;
        self.ledger.execute(
            "UPDATE profile SET runs_since_full = NULL WHERE number = ?1",
            [number],
        )
    }

    /// Holds a read lock on the database, so that a million look-ups don't lock it a million times.
    pub(crate) fn lock(&self) -> Result<Option<Transaction<'_>>, IoError> {
        let database = self.ledger.database.as_ref();
        database.map(Database::begin).transpose()
    }

    pub(crate) fn get(&self, id: u128) -> Result<Option<u128>, IoError> {
        match (&self.ledger.database, self.number) {
            (Some(database), Some(number)) => record(database, number, id),
            _ => Ok(None),
        }
    }

    /// Changes records in one durable transaction, and stores the number of runs.
    pub(crate) fn write<E: From<IoError>>(
        &mut self,
        work: impl FnOnce(&RecordWriter<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (profile, runs) = (&self.profile, self.runs_since_full);
        let database = self.ledger.database()?;
        self.number = Some(database.transaction(|| {
            let profile = database.value(
                "INSERT INTO profile (name, runs_since_full) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET runs_since_full = ?2 RETURNING number",
                params![profile, runs],
            )?;
            work(&RecordWriter { database, profile })?;
            Ok::<_, E>(profile)
        })?);
        Ok(())
    }
}

pub(crate) struct RecordWriter<'a> {
    database: &'a Database<IoError>,
    profile: i64,
}

impl RecordWriter<'_> {
    pub(crate) fn get(&self, id: u128) -> Result<Option<u128>, IoError> {
        record(self.database, self.profile, id)
    }

    pub(crate) fn insert(&self, id: u128, digest: u128) -> Result<(), IoError> {
        self.database.execute(
            "INSERT OR REPLACE INTO contact VALUES (?1, ?2, ?3, ?4)",
            params![
                self.profile,
                id.to_be_bytes(),
                digest.to_be_bytes(),
                UNKNOWN_MESSENGERS
            ],
        )
    }

    pub(crate) fn remove(&self, id: u128) -> Result<(), IoError> {
        self.database.execute(
            "DELETE FROM contact WHERE profile = ?1 AND id = ?2",
            params![self.profile, id.to_be_bytes()],
        )
    }
}

fn record(database: &Database<IoError>, profile: i64, id: u128) -> Result<Option<u128>, IoError> {
    database.row(
        "SELECT digest FROM contact WHERE profile = ?1 AND id = ?2",
        params![profile, id.to_be_bytes()],
        |row| Ok(u128::from_be_bytes(row.get(0)?)),
    )
}

fn is_damaged(database: &Database<IoError>) -> bool {
    let check = database.with(|connection| sqlite::pragma::<String>(connection, "quick_check"));
    check.map_or(true, |result| result != "ok")
}
