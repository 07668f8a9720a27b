//! The contacts that a run updated without reading them, as earlier runs of the account left or read them: an undo restores
//! these.

use serde::Deserialize;

use crate::{
    plan::{
        Mode,
        earlier_runs::{EarlierRuns, planned_at},
    },
    run::{
        Decision, Outcome, RunError, RunFile, SentBatches, Wanted, blocks, changes,
        changes::ALL_DELETIONS, sent, snapshot,
    },
};

/// Finds the contacts that `undone` updated without reading them, as runs before it left or read them.
pub(super) fn find(
    earlier: &EarlierRuns<'_>,
    run: &RunFile,
    undone: &RunFile,
) -> Result<(), RunError> {
    for batch in SentBatches::new(undone) {
        for sent in batch? {
            if sent.before.is_none() && sent.outcome == Some(Outcome::Updated) {
                Wanted::Contact.add(run, &sent.id)?;
            }
        }
    }
    let undone_at = planned_at(undone)?;
    earlier.search(
        run,
        || Ok(!Wanted::Contact.left(run, "")?.is_empty()),
        |origin| Some(origin.planned_at) < undone_at,
        |from| {
            read_contacts(run, from)?;
            match from.find_fact::<ComparedRun>("about")? {
                Some(comparison) if comparison.is_with_account() => read_unchanged(run, from),
                _ => Ok(()),
            }
        },
    )
}

/// Reads the wanted contacts as a run left them in the account, or read them.
fn read_contacts(run: &RunFile, from: &RunFile) -> Result<(), RunError> {
    sent::for_each_written(from, |json| {
        let id = from.id_of(json)?;
        Wanted::Contact.set(run, &id, &String::from_utf8_lossy(json), 0)
    })?;
    changes::for_each_deletion(from, ALL_DELETIONS, |deletion| {
        Wanted::Contact.set(run, &deletion.id, "", 0)
    })?;
    if !snapshot::exists(from)? {
        return Ok(());
    }
    let mut last = String::new();
    loop {
        let wanted = Wanted::Contact.left(run, &last)?;
        for id in &wanted {
            if let Some(contact) = snapshot::find(from, id)? {
                Wanted::Contact.set(run, id, &contact.json, 0)?;
            }
        }
        match wanted.into_iter().next_back() {
            Some(id) => last = id,
            None => return Ok(()),
        }
    }
}

/// Reads the wanted contacts that a run found in the account as the source has them, with all fields.
fn read_unchanged(run: &RunFile, from: &RunFile) -> Result<(), RunError> {
    blocks::for_each_contact(from, Decision::Unchanged, |contacts, index| {
        let json = contacts.json(index);
        let contact = from.contact(json)?;
        if contact.missing().next().is_none() {
            Wanted::Contact.set(run, &contact.id, &String::from_utf8_lossy(json), 0)?;
        }
        Ok(())
    })
}

#[derive(Deserialize)]
struct ComparedRun {
    compared: String,
    options: ComparedOptions,
}

#[derive(Deserialize)]
struct ComparedOptions {
    mode: Mode,
}

impl ComparedRun {
    /// True if the account had the contacts that the run left unchanged as the source has them.
    fn is_with_account(&self) -> bool {
        !matches!(self.compared.as_str(), "records" | "digests") && self.options.mode.compares()
    }
}
