//! Finds the links (`uri`) of contacts that have none in the source. The API requires a link and does not return
//! it \[doc\], so links that this tool wrote earlier are read from the account's run files, and from the ledger, which
//! receives those of a file that is removed.

use jiff::Timestamp;

use crate::{
    contact::Contact,
    ledger::{KeptLink, Ledger, keep_links, kept_link, last_kept_link},
    plan::{
        PlanError,
        earlier_runs::{EarlierRuns, planned_at},
    },
    run::{Decision, EarlierValue, RunError, RunFile, SentBatches, blocks, sent},
};

pub(super) struct Links<'a> {
    run: &'a RunFile,
}

impl<'a> Links<'a> {
    /// The links of the staged contacts that lack one.
    pub(super) fn of_staged(run: &'a RunFile, earlier: &EarlierRuns<'_>) -> Result<Self, RunError> {
        for decision in [Decision::Partial, Decision::Lossy] {
            blocks::for_each_contact(run, decision, |contacts, index| {
                let contact = run.contact(contacts.json(index))?;
                if contact.uri.is_empty() {
                    EarlierValue::Link.add(run, &contact.id)?;
                }
                Ok::<_, RunError>(())
            })?;
        }
        search(earlier, run, EarlierValue::Link, Timestamp::MAX)?;
        Ok(Self { run })
    }

    /// The links of the contacts that `undone` changed and whose link the API did not return: preferably as they
    /// were before that run, otherwise as they are now.
    pub(super) fn before(
        run: &'a RunFile,
        undone: &RunFile,
        earlier: &EarlierRuns<'_>,
    ) -> Result<Self, RunError> {
        for batch in SentBatches::new(undone) {
            for sent in batch? {
                let before = match sent.before {
                    Some(before) => Some(before),
                    None => EarlierValue::Contact.find(run, &sent.id)?,
                };
                let before = before.as_ref().map(|json| undone.contact(json.as_bytes()));
                if before
                    .transpose()?
                    .is_some_and(|before| before.uri_is_unknown())
                {
                    EarlierValue::Link.add(run, &sent.id)?;
                }
            }
        }
        let undone_at = planned_at(undone)?;
        search(
            earlier,
            run,
            EarlierValue::Link,
            undone_at.unwrap_or(Timestamp::MIN),
        )?;
        EarlierValue::Link.set_found(run, |id| {
            EarlierValue::LaterLink.add(run, id)?;
            Ok(None)
        })?;
        search(earlier, run, EarlierValue::LaterLink, Timestamp::MAX)?;
        read(run, undone, EarlierValue::LaterLink)?;
        Ok(Self { run })
    }

    pub(super) fn find(&self, id: &str) -> Result<Option<String>, RunError> {
        EarlierValue::Link.find(self.run, id)
    }

    pub(super) fn find_later(&self, id: &str) -> Result<Option<String>, RunError> {
        EarlierValue::LaterLink.find(self.run, id)
    }

    /// Adds the link of a contact that lacks one. Returns true if the contact then has one.
    pub(super) fn complete(&self, contact: &mut Contact<'_>) -> Result<bool, RunError> {
        if contact.uri_is_unknown()
            && let Some(link) = self.find(&contact.id)?
        {
            contact.uri = link.into();
        }
        Ok(!contact.uri_is_unknown())
    }
}

/// Finds links that were written by runs planned before this time, newest first.
fn search(
    earlier: &EarlierRuns<'_>,
    run: &RunFile,
    wanted: EarlierValue,
    before: Timestamp,
) -> Result<(), RunError> {
    if wanted.left(run, "")?.is_empty() {
        return Ok(());
    }
    let last_kept = last_kept_link(&earlier.ledger.lock());
    let read_kept_since = |since: Timestamp| {
        if last_kept.is_none_or(|last| last <= since) {
            return Ok(());
        }
        let is_wanted = |link: &KeptLink| link.planned_at > since && link.planned_at < before;
        wanted.set_found(run, |id| {
            let link = kept_link(&earlier.ledger.lock(), id);
            Ok(link.filter(is_wanted).map(|link| link.uri))
        })
    };
    earlier.search(
        wanted,
        run,
        |earlier_run| earlier_run.planned_at < before,
        |from, earlier_run| {
            // An unfinished run keeps its file longer than later ones.
            read_kept_since(earlier_run.planned_at)?;
            read(run, from, wanted)
        },
    )?;
    read_kept_since(Timestamp::MIN)
}

/// Sets the links that a run wrote.
fn read(run: &RunFile, earlier: &RunFile, wanted: EarlierValue) -> Result<(), RunError> {
    for_each_link(earlier, |id, uri| wanted.set(run, id, uri))
}

/// Adds the links that a run wrote to the ledger, before its file is removed.
pub(crate) fn keep(run: &RunFile, ledger: &mut Ledger) -> Result<(), PlanError> {
    let Some(planned_at) = planned_at(run)? else {
        return Ok(());
    };
    keep_links(ledger, planned_at, |writer| {
        for_each_link(run, |id, uri| Ok::<_, PlanError>(writer.add(id, uri)?))
    })
}

/// Calls `each` with the id and the link of every contact that a run wrote with a link.
fn for_each_link<E: From<RunError>>(
    run: &RunFile,
    mut each: impl FnMut(&str, &str) -> Result<(), E>,
) -> Result<(), E> {
    sent::for_each_written(run, |json| {
        let contact = run.contact(json)?;
        if contact.uri_is_unknown() {
            return Ok(());
        }
        each(&contact.id, &contact.uri)
    })
}
