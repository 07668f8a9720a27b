//! `--changed-only`: compares contacts with the records of earlier runs instead of the account.
//!
//! A contact whose digest is the same needs no request. One whose digest differs is updated without a look-up if its row
//! has a chat for every messenger that the account has, so nothing is erased by omission. All others, and contacts
//! without a record, are looked up as usual.
//!
//! Only contacts that arrived are recorded. Before a run sends anything, the records of the contacts that it will write are
//! removed, durably. So a run that dies leaves contacts that are looked up again, never a wrong record.

mod messengers;
mod row_digests;

use std::collections::HashSet;

use crate::{
    contact::Contact,
    ledger::{ContactRecords, Known},
    plan::{PlanError, PlanOptions},
    run::{
        Contacts, Decision, RunFile, blocks, changes, changes::ALL_DELETIONS, contacts, sent,
        snapshot,
    },
};
use messengers::{Messengers, became, sent, shown};
use row_digests::{RowDigests, id_digest};

/// Decides on contacts that have a record: an equal one is unchanged, another is updated if it is complete and can't erase a
/// messenger. The others stay undecided.
pub(super) fn decide(
    records: &ContactRecords,
    run: &RunFile,
    options: &PlanOptions,
) -> Result<(), PlanError> {
    let rows = RowDigests::new(run, options)?;
    let _lock = records.lock()?;
    for block in 0..blocks::count(run)? {
        let mut contacts = Contacts::read(run, block)?;
        let became = became(run, &contacts)?;
        for index in 0..contacts.len() {
            let undecided = contacts.decisions[index];
            if !undecided.is_undecided() {
                continue;
            }
            let (id, digest) = rows.of(&contacts, index)?;
            let Some(known) = records.get(id)? else {
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

pub(crate) fn forget(records: &mut ContactRecords, ids: &[String]) -> Result<(), PlanError> {
    if !records.is_found() {
        return Ok(());
    }
    records.write(|writer| {
        for id in ids {
            writer.remove(id_digest(id))?;
        }
        Ok(())
    })
}

/// Removes the records of every contact that the run will write or delete, durably.
pub(crate) fn forget_written(records: &mut ContactRecords, run: &RunFile) -> Result<(), PlanError> {
    if !records.is_found() {
        return Ok(());
    }
    records.write(|writer| {
        for block in 0..blocks::count(run)? {
            let contacts = Contacts::read(run, block)?;
            for index in 0..contacts.len() {
                let decision = contacts.decisions[index];
                if matches!(decision, Decision::Create | Decision::Update) {
                    let id = run.contact(contacts.json(index))?.id;
                    writer.remove(id_digest(&id))?;
                }
            }
        }
        changes::for_each_deletion(run, ALL_DELETIONS, |deletion| {
            Ok(writer.remove(id_digest(&deletion.id))?)
        })
    })
}

/// True if the account's contact has other messengers than the row. [`record`] needs it then.
pub(super) fn have_other_messengers(local: &Contact<'_>, account: &Contact<'_>) -> bool {
    Messengers::of_contact(local) != Messengers::of_contact(account)
}

/// Records the contacts that a complete run left in the account. `held`: no other run of this tool could write since the
/// plan was made; otherwise only contacts that the run itself wrote are recorded. `by_records`: contacts with an equal record
/// were not looked up.
pub(crate) fn record(
    records: &mut ContactRecords,
    run: &RunFile,
    options: &PlanOptions,
    held: bool,
    by_records: bool,
) -> Result<(), PlanError> {
    let rows = RowDigests::new(run, options)?;
    let looked = snapshot::exists(run)?;
    let failed: HashSet<u64> = sent::failed_contacts(run)?;
    records.write(|writer| {
        for block in 0..blocks::count(run)? {
            let contacts = Contacts::read(run, block)?;
            let became = became(run, &contacts)?;
            for index in 0..contacts.len() {
                let decision = contacts.decisions[index];
                let is_there = match decision {
                    Decision::Create | Decision::Update => {
                        !failed.contains(&(contacts.first_seq + index as u64))
                    }
                    Decision::Unchanged if held && options.mode.compares() => true,
                    _ => continue,
                };
                let (id, digest) = rows.of(&contacts, index)?;
                if !is_there {
                    writer.remove(id)?;
                    continue;
                }
                let shown = if looked && decision == Decision::Unchanged {
                    shown(run, &contacts, index)?
                } else {
                    None
                };
                let before = writer.get(id)?;
                let Messengers(messengers) = match (shown, before) {
                    (Some(shown), _) => shown,
                    (None, Some(known)) if by_records && known.digest == digest => {
                        Messengers(known.messengers)
                    }
                    (None, _) => sent(run, &contacts, index, &became)?,
                };
                let known = Known { digest, messengers };
                if before != Some(known) {
                    writer.insert(id, known)?;
                }
            }
        }
        Ok(())
    })
}
