//! Finds the links (`uri`) of contacts whose source has none. The API requires a link and does not show it \[doc\], so the links
//! that this tool wrote before are read from the run files of the same account.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    contact::Contact,
    run::{
        Contacts, Decision, KnownLink, Outcome, RunError, RunFile, SentBatches, blocks, changes,
        changes::ALL_DELETIONS, contacts, links, remembered, sent, snapshot, store::Store,
    },
};

/// The run files of an account.
#[derive(Debug)]
pub(crate) struct EarlierRuns<'a> {
    /// The run files of all accounts.
    pub store: Store,
    /// The fingerprint of the account.
    pub account: &'a str,
}

/// The facts of an earlier run that matter here.
#[derive(Deserialize)]
struct Origin {
    account: String,
    planned_at: Timestamp,
}

/// The links that were found.
pub(super) struct Links<'a> {
    run: &'a RunFile,
}

impl<'a> Links<'a> {
    /// The links of the staged contacts that lack one.
    pub(super) fn of_staged(run: &'a RunFile, earlier: &EarlierRuns<'_>) -> Result<Self, RunError> {
        links::create(run)?;
        for block in 0..blocks::count(run)? {
            let (_, decisions) = contacts::decisions(run, block)?;
            if !decisions.contains(&Decision::Partial) {
                continue;
            }
            let contacts = Contacts::read(run, block)?;
            let partial = |&index: &usize| contacts.decisions[index] == Decision::Partial;
            for index in (0..contacts.len()).filter(partial) {
                let contact = run.contact(contacts.json(index))?;
                if contact.uri.is_empty() {
                    links::want(run, &contact.id)?;
                }
            }
        }
        earlier.search_links(run, 0, |_| true)?;
        Ok(Self { run })
    }

    /// The links of the contacts that `undone` changed and whose link the API did not show: as they were before that run
    /// (search 0), else as they are now (search 1).
    pub(super) fn before(
        run: &'a RunFile,
        undone: &RunFile,
        earlier: &EarlierRuns<'_>,
    ) -> Result<Self, RunError> {
        links::create(run)?;
        for batch in SentBatches::new(undone) {
            for sent in batch? {
                let before = match sent.before {
                    Some(before) => Some(before),
                    None => remembered::find(run, &sent.id)?,
                };
                let before = before.as_ref().map(|json| undone.contact(json.as_bytes()));
                if before
                    .transpose()?
                    .is_some_and(|before| before.uri_is_unknown())
                {
                    links::want(run, &sent.id)?;
                }
            }
        }
        let undone_at = undone.find_fact("about")?.map(|it: Origin| it.planned_at);
        earlier.search_links(run, 0, |origin| Some(origin.planned_at) < undone_at)?;
        earlier.search_links(run, 1, |_| true)?;
        read(run, undone, 1)?;
        Ok(Self { run })
    }

    pub(super) fn find(&self, id: &str) -> Result<Option<KnownLink>, RunError> {
        links::find(self.run, id)
    }

    /// Gives a contact its link if it lacks one; returns true if it has one then.
    pub(super) fn complete(&self, contact: &mut Contact<'_>) -> Result<bool, RunError> {
        if contact.uri_is_unknown()
            && let Some(link) = self.find(&contact.id)?
        {
            contact.uri = link.uri.into();
        }
        Ok(!contact.uri_is_unknown())
    }
}

impl EarlierRuns<'_> {
    /// Searches the links of the runs that match.
    fn search_links(
        &self,
        run: &RunFile,
        search: u32,
        matches: impl Fn(&Origin) -> bool,
    ) -> Result<(), RunError> {
        let is_one_wanted = || links::is_one_wanted(run);
        self.search(run, is_one_wanted, matches, |earlier| {
            read(run, earlier, search)
        })
    }

    /// Finds the contacts that `undone` updated without reading them, as runs before it left or read them.
    pub(super) fn find_contacts(&self, run: &RunFile, undone: &RunFile) -> Result<(), RunError> {
        remembered::create(run)?;
        for batch in SentBatches::new(undone) {
            for sent in batch? {
                if sent.before.is_none() && sent.outcome == Some(Outcome::Updated) {
                    remembered::want(run, &sent.id)?;
                }
            }
        }
        let undone_at = undone.find_fact("about")?.map(|it: Origin| it.planned_at);
        self.search(
            run,
            || Ok(!remembered::wanted(run, "")?.is_empty()),
            |origin| Some(origin.planned_at) < undone_at,
            |earlier| read_contacts(run, earlier),
        )
    }

    /// Reads the runs that match, the newest first, until nothing is wanted any more.
    fn search(
        &self,
        run: &RunFile,
        is_one_wanted: impl Fn() -> Result<bool, RunError>,
        matches: impl Fn(&Origin) -> bool,
        read: impl Fn(&RunFile) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        for path in self.store.list()? {
            if !is_one_wanted()? {
                break;
            }
            if path == run.path() {
                continue;
            }
            // A file that can't be read, or is of another version, has no links to offer.
            let Ok(earlier) = RunFile::open(&path) else {
                continue;
            };
            match earlier.find_fact::<Origin>("about") {
                Ok(Some(origin)) if origin.account == self.account && matches(&origin) => {
                    read(&earlier)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Reads the wanted contacts as a run left them in the account, or read them.
fn read_contacts(run: &RunFile, from: &RunFile) -> Result<(), RunError> {
    sent::for_each_written(from, |json| {
        let id = from.contact(json)?.id;
        remembered::found(run, &id, &String::from_utf8_lossy(json))
    })?;
    changes::for_each_deletion(from, ALL_DELETIONS, |deletion| {
        remembered::found(run, &deletion.id, "")
    })?;
    if !snapshot::exists(from)? {
        return Ok(());
    }
    let mut last = String::new();
    loop {
        let wanted = remembered::wanted(run, &last)?;
        for id in &wanted {
            if let Some(contact) = snapshot::find(from, id)? {
                remembered::found(run, id, &contact.json)?;
            }
        }
        match wanted.into_iter().next_back() {
            Some(id) => last = id,
            None => return Ok(()),
        }
    }
}

/// Reads the links that a run wrote.
fn read(run: &RunFile, earlier: &RunFile, search: u32) -> Result<(), RunError> {
    sent::for_each_written(earlier, |json| {
        let contact = earlier.contact(json)?;
        if contact.uri_is_unknown() {
            return Ok(());
        }
        let uri = contact.uri.into_owned();
        links::found(run, &contact.id, &KnownLink { uri, search })
    })
}
