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
    run::{
        Contacts, Decision, RunError, RunFile, blocks, changes, changes::ALL_DELETIONS, contacts,
        sent, snapshot,
    },
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
    for block in 0..blocks::count(run)? {
        let mut contacts = Contacts::read(run, block)?;
        let became = became(run, &contacts)?;
        for index in 0..contacts.len() {
            let undecided = contacts.decisions[index];
            if !undecided.is_undecided() {
                continue;
            }
            let (id, digest) = rows.of(&contacts, index)?;
            let Some(known) = digests.get(id) else {
                continue;
            };
            if known.digest == digest {
                contacts.decisions[index] = Decision::Unchanged;
                continue;
            }
            let said = sent(run, &contacts, index, &became)?.with_cleared(&options.cleared);
            if undecided == Decision::Complete && Messengers(known.messengers).are_within(said) {
                contacts.decisions[index] = Decision::Update;
            }
        }
        contacts::set_decisions(run, block, &contacts.decisions)?;
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
    for block in 0..blocks::count(run)? {
        let contacts = Contacts::read(run, block)?;
        for index in 0..contacts.len() {
            if matches!(
                contacts.decisions[index],
                Decision::Create | Decision::Update
            ) {
                let id = run.contact(contacts.json(index))?.id;
                known |= digests.remove(id_digest(&id));
            }
        }
    }
    changes::for_each_deletion(run, ALL_DELETIONS, |deletion| {
        known |= digests.remove(id_digest(&deletion.id));
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
    let looked = snapshot::exists(run)?;
    let failed: HashSet<u64> = sent::failed_contacts(run)?;
    for block in 0..blocks::count(run)? {
        let contacts = Contacts::read(run, block)?;
        let became = became(run, &contacts)?;
        for index in 0..contacts.len() {
            let there = match contacts.decisions[index] {
                Decision::Create | Decision::Update => {
                    !failed.contains(&(contacts.first_seq + index as u64))
                }
                Decision::Unchanged if held => true,
                _ => continue,
            };
            let (id, digest) = rows.of(&contacts, index)?;
            if !there {
                digests.remove(id);
                continue;
            }
            let shown = if looked && contacts.decisions[index] == Decision::Unchanged {
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
