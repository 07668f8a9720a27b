//! Reads the part of the account that the plan needs into the run file.
//!
//! If others write to the account during listing, the list may contain a contact twice and omit another one. The
//! snapshot contains each id once. If the account keeps changing, a mirror is refused, and other modes look up
//! unlisted contacts by id before they count as absent. So do all modes if the list has entries without readable ids.

use crate::{
    account::Reader,
    api::{ApiError, ApiErrorKind, LookUp},
    contact::Contact,
    plan::{Mode, PlanContext, PlanError, gate::GateVerdict},
    progress::{Event, Phase},
    run::{
        Contacts, Decision, RunError, RunFile, SnapshotRecord, blocks, contacts,
        snapshot::{self, SnapshotWriter},
    },
};

/// The reason for looking contacts up if the list has entries without readable ids.
const UNNAMED: &str = "the list of contacts has entries without readable ids";

/// Takes the snapshot that the mode needs: `create` never needs one, `update` only for contacts that lack required
/// fields.
pub(super) fn take_snapshot(context: &PlanContext<'_>) -> Result<(), PlanError> {
    let wanted = match context.options.mode {
        Mode::Create => return Ok(()),
        Mode::Update => &[Decision::Partial, Decision::Lossy][..],
        Mode::Upsert | Mode::Mirror | Mode::Missing | Mode::Undo => {
            &[Decision::Partial, Decision::Lossy, Decision::Complete][..]
        }
    };
    let count = count(context.run, wanted)?;
    if count == 0 && context.options.mode != Mode::Mirror {
        return Ok(());
    }
    let account = Reader {
        wanted: Some(count),
        ..context.account
    };
    let ids = |block| ids(context.run, wanted, block);
    if context.options.mode != Mode::Mirror {
        return read_account(account, context.run, count, ids);
    }
    if !list(account, context.run)? {
        return Err(PlanError::Gate(GateVerdict::RestlessAccount));
    }
    if has_unnamed(context.run)? {
        look_up_unlisted(account, context.run, UNNAMED, count, ids)?;
    }
    Ok(())
}

/// Reads at least the contacts with `count` ids into the run file, by id or page by page, whichever takes fewer
/// requests. `ids` returns the ids in portions 0, 1, … until `None`, and may be called from 0 again.
pub(crate) fn read_account(
    account: Reader<'_>,
    run: &RunFile,
    count: u64,
    mut ids: impl FnMut(u32) -> Result<Option<Vec<String>>, RunError>,
) -> Result<(), PlanError> {
    if account.look_up_is_cheaper(count)? {
        match look_up(account, run, count, &mut ids) {
            Err(PlanError::Api(ApiError {
                kind: ApiErrorKind::Inconclusive { detail },
                ..
            })) => {
                account.monitor.event(Event::Notice(format!(
                    "the server's answer does not show whether a contact exists ({detail}): reading the whole account instead"
                )));
            }
            result => return result,
        }
    }
    let reason = match list(account, run)? {
        true if !has_unnamed(run)? => return Ok(()),
        true => UNNAMED,
        false => "the account keeps changing while it is read",
    };
    look_up_unlisted(account, run, reason, count, ids)
}

/// True if the list has an entry without a readable id. Such an entry may be any contact that was not listed.
fn has_unnamed(run: &RunFile) -> Result<bool, RunError> {
    Ok(snapshot::unreadable(run)?.iter().any(|it| it.id.is_none()))
}

fn look_up_unlisted(
    account: Reader<'_>,
    run: &RunFile,
    reason: &str,
    count: u64,
    mut ids: impl FnMut(u32) -> Result<Option<Vec<String>>, RunError>,
) -> Result<(), PlanError> {
    account.monitor.event(Event::Notice(format!(
        "{reason}: looking up contacts that were not listed"
    )));
    look_up(account, run, count, |portion| {
        let ids = ids(portion)?;
        ids.map(|ids| missing(run, ids)).transpose()
    })
}

fn missing(run: &RunFile, ids: Vec<String>) -> Result<Vec<String>, RunError> {
    let mut missing = Vec::new();
    for id in ids {
        if snapshot::find(run, &id)?.is_none() {
            missing.push(id);
        }
    }
    Ok(missing)
}

/// The ids of a block's contacts with one of the wanted decisions; `None` after the last block.
fn ids(run: &RunFile, wanted: &[Decision], block: u32) -> Result<Option<Vec<String>>, RunError> {
    if block >= blocks::count(run)? {
        return Ok(None);
    }
    let contacts = Contacts::read(run, block)?;
    (0..contacts.len())
        .filter(|&index| wanted.contains(&contacts.decisions[index]))
        .map(|index| {
            run.contact(contacts.json(index))
                .map(|contact| contact.id.into_owned())
        })
        .collect::<Result<_, _>>()
        .map(Some)
}

fn count(run: &RunFile, wanted: &[Decision]) -> Result<u64, RunError> {
    let mut count = 0;
    for block in 0..blocks::count(run)? {
        let (_, decisions) = contacts::decisions(run, block)?;
        count += decisions.iter().filter(|it| wanted.contains(it)).count() as u64;
    }
    Ok(count)
}

fn look_up(
    account: Reader<'_>,
    run: &RunFile,
    count: u64,
    mut ids: impl FnMut(u32) -> Result<Option<Vec<String>>, RunError>,
) -> Result<(), PlanError> {
    account.monitor.begin(Phase::LookingUp, Some(count));
    let mut unreadable = snapshot::unreadable(run)?;
    let mut writer = SnapshotWriter::resume(run)?;
    for portion in 0.. {
        let Some(ids) = ids(portion)? else { break };
        account.look_up(ids, |id, answer| {
            account.monitor.advance(1);
            match answer {
                LookUp::Found(contact) => writer.add(&SnapshotRecord::new(&id, &contact))?,
                LookUp::Unreadable(contact) => unreadable.push(contact),
                LookUp::Absent | LookUp::Inconclusive(_) => {}
            }
            Ok::<_, PlanError>(())
        })?;
    }
    account.monitor.end();
    writer.finish(&unreadable)?;
    Ok(())
}

/// Lists the account into the run file. Returns true if it did not change meanwhile.
pub(crate) fn list(account: Reader<'_>, run: &RunFile) -> Result<bool, PlanError> {
    account.list_until_steady(|| {
        let mut writer = SnapshotWriter::anew(run)?;
        let record = |contact: Contact<'_>| SnapshotRecord::new(&contact.id, &contact);
        let pass = account.list(record, |records| {
            let added = records.iter().try_for_each(|record| writer.add(record));
            added.map_err(PlanError::from)
        })?;
        let listed_again = writer.finish(&pass.unreadable)?;
        Ok((pass, listed_again as u64))
    })
}
