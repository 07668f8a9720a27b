//! `--changed-only`: what earlier runs left stands in for the account.
//!
//! A contact whose digest is the same needs no request and no look-up. One whose digest differs is updated where its
//! source speaks for every messenger that the account has, so that nothing is erased by omission; otherwise, and
//! where nothing is known of it, it is looked up as ever.
//!
//! Only what arrived is remembered. Before a run sends anything, all that it is going to write is forgotten, on
//! disk; so a run that dies leaves contacts that are looked up again, never a digest of what is not there.

mod messengers;
mod row_digests;

use std::collections::HashSet;

use crate::{
    memory::{Digests, Known},
    output::IoError,
    plan::{PlanError, PlanOptions},
    run::{RunError, RunFile, letter},
};
use messengers::{Messengers, became, sent, shown};
use row_digests::{RowDigests, id_digest};

/// Decides on every staged contact that is remembered: the same is unchanged, another is updated where it is
/// complete and can't erase a messenger. The others stay undecided.
pub(super) fn settle(
    digests: &Digests,
    run: &RunFile,
    options: &PlanOptions,
) -> Result<(), RunError> {
    let rows = RowDigests::new(run, options)?;
    for block in 0..run.block_count()? {
        let mut contacts = run.contacts(block)?;
        let became = became(run, &contacts)?;
        for index in 0..contacts.len() {
            let undecided = contacts.letters[index];
            if !matches!(undecided, letter::COMPLETE | letter::PARTIAL) {
                continue;
            }
            let (id, digest) = rows.of(&contacts, index)?;
            let Some(known) = digests.get(id) else {
                continue;
            };
            if known.digest == digest {
                contacts.letters[index] = letter::UNCHANGED;
                continue;
            }
            let said = sent(run, &contacts, index, &became)?.with_cleared(&options.cleared);
            if undecided == letter::COMPLETE && Messengers(known.messengers).are_within(said) {
                contacts.letters[index] = letter::UPDATE;
            }
        }
        run.set_letters(block, &contacts.letters)?;
    }
    Ok(())
}

/// Forgets, on disk, contacts that are going to be written otherwise than by a run.
pub(crate) fn forget(digests: &mut Digests, ids: &[String]) -> Result<(), PlanError> {
    let known = ids.iter().filter(|id| digests.remove(id_digest(id)));
    if known.count() == 0 {
        return Ok(());
    }
    save(digests)
}

/// Forgets, on disk, every contact that the run is going to write or delete.
pub fn forget_written(digests: &mut Digests, run: &RunFile) -> Result<(), PlanError> {
    let mut known = false;
    for block in 0..run.block_count()? {
        let contacts = run.contacts(block)?;
        for index in 0..contacts.len() {
            if matches!(contacts.letters[index], letter::CREATE | letter::UPDATE) {
                let id = run.contact(contacts.json(index))?.id;
                known |= digests.remove(id_digest(&id));
            }
        }
    }
    run.for_each_removal(|removal| {
        known |= digests.remove(id_digest(&removal.id));
        Ok::<_, RunError>(())
    })?;
    if known { save(digests) } else { Ok(()) }
}

/// Remembers, on disk, what a run that has ended left in the account. `held` says that no other run of this tool
/// could write since the plan was made; otherwise what the plan called unchanged may be something else by now,
/// and only what the run itself wrote is remembered.
pub fn remember(
    digests: &mut Digests,
    run: &RunFile,
    options: &PlanOptions,
    held: bool,
) -> Result<(), PlanError> {
    let rows = RowDigests::new(run, options)?;
    let looked = run.has_snapshot()?;
    let failed: HashSet<u64> = run.failed_contacts()?;
    for block in 0..run.block_count()? {
        let contacts = run.contacts(block)?;
        let became = became(run, &contacts)?;
        for index in 0..contacts.len() {
            let there = match contacts.letters[index] {
                letter::CREATE | letter::UPDATE => {
                    !failed.contains(&(contacts.first_seq + index as u64))
                }
                letter::UNCHANGED if held => true,
                _ => continue,
            };
            let (id, digest) = rows.of(&contacts, index)?;
            if !there {
                digests.remove(id);
                continue;
            }
            let shown = if looked && contacts.letters[index] == letter::UNCHANGED {
                shown(run, &contacts, index)?
            } else {
                None
            };
            let Messengers(messengers) = match (shown, digests.get(id)) {
                (Some(shown), _) => shown,
                (None, Some(known)) if known.digest == digest => Messengers(known.messengers),
                (None, _) => sent(run, &contacts, index, &became)?,
            };
            digests.insert(id, Known { digest, messengers });
        }
    }
    save(digests)
}

fn save(digests: &Digests) -> Result<(), PlanError> {
    Ok(digests.save().map_err(IoError::at(digests.path()))?)
}
