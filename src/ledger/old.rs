//! `accounts.json`, the format of earlier versions for the facts of the guards.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::Deserialize;

use crate::private;

const NAME: &str = "accounts.json";

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct OldAccounts {
    /// The account of each profile.
    pub(super) profiles: BTreeMap<String, String>,
    /// The last writer of each account.
    pub(super) writers: BTreeMap<String, OldWriter>,
}

#[derive(Deserialize)]
pub(super) struct OldWriter {
    /// The run file, or the command if it had none.
    pub(super) name: String,
    /// Number of runs that have written.
    pub(super) number: u64,
}

pub(super) fn read(state_directory: &Path) -> io::Result<Option<OldAccounts>> {
    match private::read(&state_directory.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => Ok(Some(serde_json::from_slice(&read?)?)),
    }
}

pub(super) fn remove(state_directory: &Path) -> io::Result<()> {
    match fs::remove_file(state_directory.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
