//! The part of the account that the plan is made against, written into the run file.

use crate::{
    account,
    contact::Contact,
    error::Error,
    plan::{Mode, PlanContext},
    progress::{Event, Phase},
    run::{RunError, RunFile, contacts::letter},
};

/// Takes the snapshot that the mode needs. Gives back whether there is one: `create` never needs it, `update`
/// only for contacts that lack required fields.
///
/// # Errors
/// Where the API can't be read or the run file can't be written.
pub(super) fn take(context: &PlanContext<'_>) -> Result<bool, Error> {
    let wanted = match context.options.mode {
        Mode::Create => return Ok(false),
        Mode::Update => &[letter::PARTIAL][..],
        Mode::Upsert | Mode::Mirror | Mode::Undo => &[letter::PARTIAL, letter::COMPLETE][..],
    };
    let count = count(context.run, wanted)?;
    if count == 0 && context.options.mode != Mode::Mirror {
        return Ok(false);
    }
    if context.options.mode == Mode::Mirror {
        list(context)?;
    } else {
        read(context, count, |block| ids(context.run, wanted, block))?;
    }
    Ok(true)
}

/// Reads at least the contacts with `count` ids into the run file, by id or page by page, whichever takes
/// fewer requests. `ids` gives the ids in portions: the first, the second, and so on until there is none.
///
/// # Errors
/// Where the API can't be read or a run file can't be read or written.
pub fn read(
    context: &PlanContext<'_>,
    count: u64,
    ids: impl FnMut(u32) -> Result<Option<Vec<String>>, RunError>,
) -> Result<(), Error> {
    if account::look_up_is_cheaper(context.client, count)? {
        look_up(context, count, ids)
    } else {
        list(context)
    }
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
    context: &PlanContext<'_>,
    count: u64,
    mut ids: impl FnMut(u32) -> Result<Option<Vec<String>>, RunError>,
) -> Result<(), Error> {
    let run = context.run;
    context.monitor.begin(Phase::Listing, Some(count));
    let mut seq = 0;
    for portion in 0.. {
        let Some(ids) = ids(portion)? else { break };
        account::look_up(context.client, context.threads, ids, |_, found| {
            context.monitor.advance(1);
            if let Some(contact) = found {
                add(run, &mut seq, std::slice::from_ref(&contact))?;
            }
            Ok::<_, Error>(())
        })?;
    }
    context.monitor.end();
    Ok(run.index_remote()?)
}

fn list(context: &PlanContext<'_>) -> Result<(), Error> {
    let run = context.run;
    for _ in 0..account::PASSES_MAX {
        run.clear_remote()?;
        let mut seq = 0;
        let pass = account::list(
            context.client,
            context.threads,
            context.monitor,
            |contacts| add(run, &mut seq, &contacts).map_err(Error::from),
        )?;
        run.index_remote()?;
        if pass.steady {
            return Ok(());
        }
        context.monitor.event(Event::Notice(
            "the account changed while it was read: reading it again".into(),
        ));
    }
    context.monitor.event(Event::Notice(
        "the account keeps changing while it is read: going on with what was read last".into(),
    ));
    Ok(())
}

fn add(run: &RunFile, seq: &mut u64, contacts: &[Contact<'_>]) -> Result<(), RunError> {
    let lines: Vec<String> = contacts
        .iter()
        .map(|contact| run.json(contact))
        .collect::<Result<_, _>>()?;
    run.add_remote(
        *seq,
        contacts
            .iter()
            .zip(&lines)
            .map(|(contact, json)| (&*contact.id, json.as_str())),
    )?;
    *seq += lines.len() as u64;
    Ok(())
}
