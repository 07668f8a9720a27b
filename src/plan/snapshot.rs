//! The part of the account that the plan is made against, written into the run file.
//!
//! Whoever lists an account that others write to may see a contact twice and another one not at all. Each id
//! is in the snapshot once. An account that never stands still is not mirrored, and elsewhere what the list
//! did not show is looked up by id before it counts as absent.

use crate::{
    account::Reader,
    api::{ApiError, ApiErrorKind},
    contact::Contact,
    plan::{Mode, PlanContext, PlanError, gate::GateVerdict},
    progress::{Event, Phase},
    run::{RunError, RunFile, letter},
};

/// Takes the snapshot that the mode needs. Gives back whether there is one: `create` never needs it, `update`
/// only for contacts that lack required fields.
pub(super) fn take(context: &PlanContext<'_>) -> Result<bool, PlanError> {
    let wanted = match context.options.mode {
        Mode::Create => return Ok(false),
        Mode::Update => &[letter::PARTIAL][..],
        Mode::Upsert | Mode::Mirror | Mode::Undo => &[letter::PARTIAL, letter::COMPLETE][..],
    };
    let count = count(context.run, wanted)?;
    if count == 0 && context.options.mode != Mode::Mirror {
        return Ok(false);
    }
    if context.options.mode != Mode::Mirror {
        read(context.account, context.run, count, |block| {
            ids(context.run, wanted, block)
        })?;
    } else if !list(context.account, context.run)? {
        return Err(PlanError::Gate(GateVerdict::RestlessAccount));
    }
    Ok(true)
}

/// Reads at least the contacts with `count` ids into the run file, by id or page by page, whichever takes
/// fewer requests. `ids` gives the ids in portions: number 0, number 1, and so on until there is none; it may be
/// asked to begin again.
pub(crate) fn read(
    account: Reader<'_>,
    run: &RunFile,
    count: u64,
    mut ids: impl FnMut(u32) -> Result<Option<Vec<String>>, RunError>,
) -> Result<(), PlanError> {
    if account.look_up_is_cheaper(count)? {
        match look_up(account, run, count, &mut ids) {
            Err(PlanError::Api(ApiError {
                kind: ApiErrorKind::Refused { refusal, .. },
                ..
            })) => {
                account.monitor.event(Event::Notice(format!(
                    "the server refuses to look up one of the ids ({refusal}): reading the whole account instead"
                )));
            }
            result => return result,
        }
    }
    if list(account, run)? {
        return Ok(());
    }
    account.monitor.event(Event::Notice(
        "the account keeps changing while it is read: looking up what was not seen".into(),
    ));
    look_up(account, run, count, |portion| {
        let ids = ids(portion)?;
        ids.map(|ids| unseen(run, ids)).transpose()
    })
}

/// The ids that the snapshot has not.
fn unseen(run: &RunFile, ids: Vec<String>) -> Result<Vec<String>, RunError> {
    let mut unseen = Vec::new();
    for id in ids {
        if run.remote(&id)?.is_none() {
            unseen.push(id);
        }
    }
    Ok(unseen)
}

/// The ids of a block's contacts that have one of the wanted letters.
fn ids(run: &RunFile, wanted: &[u8], block: u32) -> Result<Option<Vec<String>>, RunError> {
    if block >= run.block_count()? {
        return Ok(None);
    }
    let contacts = run.contacts(block)?;
    (0..contacts.len())
        .filter(|&index| wanted.contains(&contacts.letters[index]))
        .map(|index| {
            run.contact(contacts.json(index))
                .map(|contact| contact.id.into_owned())
        })
        .collect::<Result<_, _>>()
        .map(Some)
}

fn count(run: &RunFile, wanted: &[u8]) -> Result<u64, RunError> {
    let mut count = 0;
    for block in 0..run.block_count()? {
        let (_, letters) = run.letters(block)?;
        count += letters
            .iter()
            .filter(|letter| wanted.contains(letter))
            .count() as u64;
    }
    Ok(count)
}

fn look_up(
    account: Reader<'_>,
    run: &RunFile,
    count: u64,
    mut ids: impl FnMut(u32) -> Result<Option<Vec<String>>, RunError>,
) -> Result<(), PlanError> {
    account.monitor.begin(Phase::Listing, Some(count));
    for portion in 0.. {
        let Some(ids) = ids(portion)? else { break };
        account.look_up(ids, |_, found| {
            account.monitor.advance(1);
            if let Some(contact) = found {
                add(run, std::slice::from_ref(&contact))?;
            }
            Ok::<_, PlanError>(())
        })?;
    }
    account.monitor.end();
    run.index_remote()?;
    Ok(())
}

/// Lists the account. Did it stand still meanwhile, at last?
fn list(account: Reader<'_>, run: &RunFile) -> Result<bool, PlanError> {
    account.until_steady(|| {
        run.clear_remote()?;
        let listed = account.list(|contacts| add(run, &contacts).map_err(PlanError::from))?;
        let listed_again = run.index_remote()?;
        Ok(listed.steady && listed_again == 0)
    })
}

fn add(run: &RunFile, contacts: &[Contact<'_>]) -> Result<(), RunError> {
    let lines: Vec<String> = contacts
        .iter()
        .map(|contact| run.json(contact))
        .collect::<Result<_, _>>()?;
    run.add_remote(
        contacts
            .iter()
            .zip(&lines)
            .map(|(contact, json)| (&*contact.id, json.as_str())),
    )
}
