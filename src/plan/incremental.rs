//! `--changed-only`: compares contacts with the records of earlier runs instead of the account.
//!
//! A contact with an unchanged digest needs no request. All others are looked up and compared as usual.
//!
//! Only contacts that were sent successfully are recorded. Before a run sends anything, the records of the
//! contacts that it will write are durably removed. So a crashed run leaves contacts that are looked up again,
//! never a wrong record.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::{
    ledger::ContactRecords,
    plan::{PlanError, PlanOptions},
    run::{
        Contacts, Decision, RunError, RunFile, blocks, changes, changes::ALL_DELETIONS, contacts,
        sent,
    },
};

/// The reference that a run compares its contacts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ComparedWith {
    /// The account. Nothing is recorded in the ledger.
    #[default]
    Account,
    /// The account, recorded in the ledger (`--changed-only`, the first time and every N-th run).
    Afresh,
    /// Like `Afresh`, after discarding earlier records (`--changed-only=reset`).
    Reset,
    /// The records of earlier runs.
    Records,
}

/// Decides on contacts whose record is equal: they are unchanged. All others stay undecided.
pub(super) fn decide(
    records: &ContactRecords,
    run: &RunFile,
    options: &PlanOptions,
) -> Result<(), PlanError> {
    let rows = RowDigests::new(run, options)?;
    let _lock = records.lock()?;
    for block in 0..blocks::count(run)? {
        let mut contacts = Contacts::read(run, block)?;
        for index in 0..contacts.len() {
            if contacts.decisions[index].is_undecided() {
                let (id, digest) = rows.of(&contacts, index)?;
                if records.get(id)? == Some(digest) {
                    contacts.decisions[index] = Decision::Unchanged;
                }
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
        for decision in [Decision::Create, Decision::Update] {
            blocks::for_each_contact(run, decision, |contacts, index| {
                let id = run.id_of(contacts.json(index))?;
                Ok::<_, PlanError>(writer.remove(id_digest(&id))?)
            })?;
        }
        changes::for_each_deletion(run, ALL_DELETIONS, |deletion| {
            Ok(writer.remove(id_digest(&deletion.id))?)
        })
    })
}

/// Records the contacts that a complete run left in the account. `held`: no other run of this tool could write
/// since the plan was made; otherwise only contacts written by the run itself are recorded.
pub(crate) fn record(
    records: &mut ContactRecords,
    run: &RunFile,
    options: &PlanOptions,
    held: bool,
) -> Result<(), PlanError> {
    let rows = RowDigests::new(run, options)?;
    let failed = sent::failures(run)?
        .into_iter()
        .filter(|it| !it.is_deletion);
    let failed: HashSet<u64> = failed.map(|it| it.seq).collect();
    records.write(|writer| {
        for block in 0..blocks::count(run)? {
            let contacts = Contacts::read(run, block)?;
            for index in 0..contacts.len() {
                let is_there = match contacts.decisions[index] {
                    Decision::Create | Decision::Update => !failed.contains(&contacts.seq(index)),
                    Decision::Unchanged if held && options.mode.compares() => true,
                    _ => continue,
                };
                let (id, digest) = rows.of(&contacts, index)?;
                if !is_there {
                    writer.remove(id)?;
                } else if writer.get(id)? != Some(digest) {
                    writer.insert(id, digest)?;
                }
            }
        }
        Ok(())
    })
}

/// Computes the digests of a run's contacts from their rows.
struct RowDigests<'a> {
    run: &'a RunFile,
    /// Includes the cleared chat types, because they change the meaning of empty cells.
    key: blake3::Hasher,
    /// For the few contacts merged from several rows, by id: the policy and the digests of the rows, in file
    /// order.
    merged: HashMap<u128, blake3::Hasher>,
}

impl<'a> RowDigests<'a> {
    fn new(run: &'a RunFile, options: &PlanOptions) -> Result<Self, RunError> {
        let mut key = blake3::Hasher::new();
        for chat_type in &options.cleared {
            key.update(chat_type.as_str().as_bytes());
            key.update(b"\n");
        }
        let mut digests = Self {
            run,
            key,
            merged: HashMap::new(),
        };
        blocks::for_each_contact(run, Decision::Merged, |contacts, index| {
            let (id, digest) = digests.own(contacts, index)?;
            let policy = options.on_duplicate as u8;
            let chain = digests.merged.entry(id);
            chain
                .or_insert_with(|| blake3::Hasher::new().update(&[policy]).clone())
                .update(&digest.to_le_bytes());
            Ok::<_, RunError>(())
        })?;
        Ok(digests)
    }

    /// The digests of a contact's id and of all its rows.
    fn of(&self, contacts: &Contacts, index: usize) -> Result<(u128, u128), RunError> {
        let (id, own) = self.own(contacts, index)?;
        let digest = self.merged.get(&id).map_or(own, |chain| {
            short(&chain.clone().update(&own.to_le_bytes()).finalize())
        });
        Ok((id, digest))
    }

    fn own(&self, contacts: &Contacts, index: usize) -> Result<(u128, u128), RunError> {
        let json = contacts.json(index);
        let id = id_digest(&self.run.id_of(json)?);
        Ok((id, short(&self.key.clone().update(json).finalize())))
    }
}

fn id_digest(id: &str) -> u128 {
    short(&blake3::hash(id.as_bytes()))
}

fn short(hash: &blake3::Hash) -> u128 {
    let half = hash.as_bytes().first_chunk();
    half.map_or(0, |bytes| u128::from_le_bytes(*bytes))
}
