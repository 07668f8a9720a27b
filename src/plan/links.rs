//! Finds the links (`uri`) of contacts that have none in the source. The API requires a link and does not return
//! it \[doc\], so links that this tool wrote earlier are read from the account's run files.

use crate::{
    contact::{Contact, ContactField},
    plan::earlier_runs::{EarlierRun, EarlierRuns, planned_at},
    run::{
        Decision, EarlierValue, FoundValue, RunError, RunFile, SentBatches, blocks, rejects, sent,
    },
};

pub(super) struct Links<'a> {
    run: &'a RunFile,
}

impl<'a> Links<'a> {
    /// The links of the staged contacts that lack one.
    pub(super) fn of_staged(run: &'a RunFile, earlier: &EarlierRuns<'_>) -> Result<Self, RunError> {
        blocks::for_each_contact(run, Decision::Partial, |contacts, index| {
            let contact = run.contact(contacts.json(index))?;
            if contact.uri.is_empty() {
                EarlierValue::Link.add(run, &contact.id)?;
            }
            Ok::<_, RunError>(())
        })?;
        rejects::for_each_incomplete(run, |row| {
            if row.lacks.contains(&ContactField::Uri) {
                EarlierValue::Link.add(run, &row.id)?;
            }
            Ok::<_, RunError>(())
        })?;
        search(earlier, run, 0, |_| true)?;
        Ok(Self { run })
    }

    /// The links of the contacts that `undone` changed and whose link the API did not return: preferably as they
    /// were before that run (search 0), otherwise as they are now (search 1).
    pub(super) fn before(
        run: &'a RunFile,
        undone: &RunFile,
        earlier: &EarlierRuns<'_>,
    ) -> Result<Self, RunError> {
        for batch in SentBatches::new(undone) {
            for sent in batch? {
                let before = match sent.before {
                    Some(before) => Some(before),
                    None => EarlierValue::Contact.find(run, &sent.id)?.map(|it| it.text),
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
        search(earlier, run, 0, |earlier_run| {
            Some(earlier_run.planned_at) < undone_at
        })?;
        search(earlier, run, 1, |_| true)?;
        read(run, undone, 1)?;
        Ok(Self { run })
    }

    pub(super) fn find(&self, id: &str) -> Result<Option<FoundValue>, RunError> {
        EarlierValue::Link.find(self.run, id)
    }

    /// Adds the link of a contact that lacks one. Returns true if the contact then has one.
    pub(super) fn complete(&self, contact: &mut Contact<'_>) -> Result<bool, RunError> {
        if contact.uri_is_unknown()
            && let Some(link) = self.find(&contact.id)?
        {
            contact.uri = link.text.into();
        }
        Ok(!contact.uri_is_unknown())
    }
}

fn search(
    earlier: &EarlierRuns<'_>,
    run: &RunFile,
    search: u32,
    matches: impl Fn(&EarlierRun) -> bool,
) -> Result<(), RunError> {
    earlier.search(EarlierValue::Link, run, matches, |from, _| {
        read(run, from, search)
    })
}

/// Reads the links that a run wrote.
fn read(run: &RunFile, earlier: &RunFile, search: u32) -> Result<(), RunError> {
    sent::for_each_written(earlier, |json| {
        let contact = earlier.contact(json)?;
        if contact.uri_is_unknown() {
            return Ok(());
        }
        EarlierValue::Link.set(run, &contact.id, &contact.uri, search)
    })
}
