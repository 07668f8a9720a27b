//! Reads earlier run files of the account. They provide links for a plan, which the API does not return, and the
//! original contacts for an undo of updates that did not read the account.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    ledger::{SharedLedger, lines_with_files, rejects_path_of},
    plan::{Mode, incremental::ComparedWith},
    run::{
        Decision, EarlierValue, Outcome, RunError, RunFile, SentBatches, blocks, changes,
        changes::ALL_DELETIONS,
        sent, snapshot,
        store::{Store, newest_first},
    },
};

#[derive(Debug)]
pub(crate) struct EarlierRuns<'a> {
    /// The run files of all accounts.
    pub store: Store,
    pub account: &'a str,
    pub ledger: SharedLedger,
}

/// The relevant facts of an earlier run.
#[derive(Deserialize)]
pub(super) struct EarlierRun {
    account: String,
    pub(super) planned_at: Timestamp,
    compared: ComparedWith,
    options: EarlierOptions,
}

#[derive(Deserialize)]
struct EarlierOptions {
    mode: Mode,
}

impl EarlierRuns<'_> {
    /// Reads matching runs, newest first, until all wanted values are found.
    pub(super) fn search(
        &self,
        wanted: EarlierValue,
        run: &RunFile,
        matches: impl Fn(&EarlierRun) -> bool,
        read: impl Fn(&RunFile, &EarlierRun) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        let is_complete = || Ok::<_, RunError>(wanted.left(run, "")?.is_empty());
        // Listing takes several calls of the system for each run of all accounts.
        if is_complete()? {
            return Ok(());
        }
        for path in self.files()? {
            if is_complete()? {
                break;
            }
            if path == run.path() {
                continue;
            }
            // A file that is unreadable or of another version is skipped.
            let Ok(earlier) = RunFile::open(&path) else {
                continue;
            };
            match earlier.find_fact::<EarlierRun>("about") {
                Ok(Some(earlier_run))
                    if earlier_run.account == self.account && matches(&earlier_run) =>
                {
                    read(&earlier, &earlier_run)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The run files of all accounts, and those of this account that users named, newest first.
    fn files(&self) -> Result<Vec<PathBuf>, RunError> {
        let files = self.store.list()?;
        // An unreadable ledger counts as empty.
        let lines = lines_with_files(&self.ledger.lock()).unwrap_or_default();
        let named = lines.into_iter().filter_map(|line| line.file);
        let named: Vec<_> = named
            .filter(|file| !files.contains(file) && self.is_ours(file))
            .collect();
        if named.is_empty() {
            return Ok(files);
        }
        Ok(newest_first(files.into_iter().chain(named)))
    }

    /// True if the run was planned here. Outside of the state directory, another user may have replaced the file.
    fn is_ours(&self, file: &Path) -> bool {
        let digest = RunFile::open(file).and_then(|run| run.digest());
        digest.is_ok_and(|digest| rejects_path_of(&self.ledger.lock(), &digest).is_some())
    }

    /// Finds the contacts that `undone` updated without reading them, as earlier runs left or read them.
    pub(super) fn find_contacts(&self, run: &RunFile, undone: &RunFile) -> Result<(), RunError> {
        for batch in SentBatches::new(undone) {
            for sent in batch? {
                if sent.before.is_none() && sent.outcome == Some(Outcome::Updated) {
                    EarlierValue::Contact.add(run, &sent.id)?;
                }
            }
        }
        let undone_at = planned_at(undone)?;
        let is_earlier = |earlier_run: &EarlierRun| Some(earlier_run.planned_at) < undone_at;
        self.search(
            EarlierValue::Contact,
            run,
            is_earlier,
            |from, earlier_run| {
                read_contacts(run, from)?;
                // If it compared with the account, its unchanged contacts were equal to the source.
                if earlier_run.compared != ComparedWith::Records
                    && earlier_run.options.mode.compares()
                {
                    read_unchanged(run, from)?;
                }
                Ok(())
            },
        )
    }
}

pub(super) fn planned_at(run: &RunFile) -> Result<Option<Timestamp>, RunError> {
    Ok(run.find_fact("about")?.map(|it: EarlierRun| it.planned_at))
}

/// Reads the wanted contacts as a run left them in the account, or read them.
fn read_contacts(run: &RunFile, from: &RunFile) -> Result<(), RunError> {
    sent::for_each_written(from, |json| {
        let id = from.id_of(json)?;
        EarlierValue::Contact.set(run, &id, &String::from_utf8_lossy(json))
    })?;
    changes::for_each_deletion(from, ALL_DELETIONS, |deletion| {
        EarlierValue::Contact.set(run, &deletion.id, "")
    })?;
    if !snapshot::exists(from)? {
        return Ok(());
    }
    EarlierValue::Contact.set_found(run, |id| {
        Ok(snapshot::find(from, id)?.map(|contact| contact.json))
    })
}

/// Reads the wanted contacts that a run found to be equal to the source, with all fields.
fn read_unchanged(run: &RunFile, from: &RunFile) -> Result<(), RunError> {
    blocks::for_each_contact(from, Decision::Unchanged, |contacts, index| {
        let json = contacts.json(index);
        let contact = from.contact(json)?;
        if contact.is_complete() {
            EarlierValue::Contact.set(run, &contact.id, &String::from_utf8_lossy(json))?;
        }
        Ok(())
    })
}
