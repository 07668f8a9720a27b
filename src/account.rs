//! Reads an account: all of it page by page ([`listing`]), or single contacts by id.

mod extent;
mod listing;

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    path::PathBuf,
    time::Duration,
};

use crate::{
    api::{ApiError, ApiErrorKind, Client, ClientOptions, LookUp, TokenSource},
    contact::Contact,
    parallel,
    progress::{Event, Monitor},
};

/// Maximum number of passes over an account that keeps changing.
const PASSES_MAX: u32 = 3;

/// Default of [`AccountOptions::grace`].
const GRACE: Duration = Duration::from_secs(30);

/// How to reach an account.
#[derive(Debug)]
pub struct AccountOptions {
    /// Base URL, rate limit, retries.
    pub client: ClientOptions,
    /// The source of the token.
    pub token: TokenSource,
    /// Holds run files, locks and ledgers.
    pub state_directory: PathBuf,
    /// The profile under which the ledger keeps its facts.
    pub profile: String,
    /// The account id or the profile, if either is known: part of the account's fingerprint.
    pub account_name: String,
    /// True for a sandbox that ends with the session: the ledger keeps nothing.
    pub is_rehearsal: bool,
    /// How long requests in flight may take after a stop was requested.
    pub grace: Duration,
}

impl AccountOptions {
    /// The account of a token, without a profile.
    #[must_use]
    pub fn new(client: ClientOptions, token: TokenSource, state_directory: PathBuf) -> Self {
        Self {
            client,
            token,
            state_directory,
            profile: "default".to_owned(),
            account_name: String::new(),
            is_rehearsal: false,
            grace: GRACE,
        }
    }
}

/// Reads an account.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The API client.
    pub client: &'a Client,
    /// Receives progress and notices.
    pub monitor: &'a dyn Monitor,
}

impl Reader<'_> {
    /// Repeats `pass` until it reports that the account did not change, a few times at most. Returns whether it did.
    pub(crate) fn until_steady<E>(
        &self,
        mut pass: impl FnMut() -> Result<bool, E>,
    ) -> Result<bool, E> {
        for number in 1..=PASSES_MAX {
            if pass()? {
                return Ok(true);
            }
            if number < PASSES_MAX {
                self.monitor.event(Event::Notice(
                    "the account changed while it was read; reading it again".into(),
                ));
            }
        }
        Ok(false)
    }

    /// The contacts with these ids, in their order. Ids whose look-up proves nothing are searched in the list.
    pub(crate) fn contacts(
        &self,
        ids: &[String],
    ) -> Result<Vec<Option<Contact<'static>>>, ApiError> {
        let mut contacts = Vec::with_capacity(ids.len());
        let mut unproven = HashMap::new();
        let client = self.client;
        parallel::ordered(
            || client.concurrency(),
            ids,
            |id| client.look_up(id),
            |answer| {
                let place = contacts.len();
                contacts.push(match answer? {
                    LookUp::Found(contact) => Some(contact),
                    LookUp::Absent => None,
                    LookUp::Unproven(reason) => {
                        unproven.insert(ids[place].as_str(), (place, reason));
                        None
                    }
                });
                Ok::<_, ApiError>(ControlFlow::Continue(()))
            },
        )?;
        if !unproven.is_empty() {
            self.search(&unproven, &mut contacts)?;
        }
        Ok(contacts)
    }

    /// Searches the list for the contacts that were not found by id. An account that keeps changing proves nothing about
    /// those that were not seen.
    fn search(
        &self,
        unproven: &HashMap<&str, (usize, String)>,
        contacts: &mut [Option<Contact<'static>>],
    ) -> Result<(), ApiError> {
        let mut unseen: HashSet<&str> = unproven.keys().copied().collect();
        let is_steady = self.until_steady(|| {
            let pass = self.list(|listed| {
                for contact in listed {
                    if let Some((place, _)) = unproven.get(&*contact.id) {
                        unseen.remove(&*contact.id);
                        contacts[*place] = Some(contact);
                    }
                }
                Ok::<_, ApiError>(())
            })?;
            Ok::<_, ApiError>(pass.steady || unseen.is_empty())
        })?;
        match unseen.iter().next() {
            Some(id) if !is_steady => {
                let detail = unproven[id].1.clone();
                Err(ApiErrorKind::Unproven { detail }.into())
            }
            _ => Ok(()),
        }
    }

    /// Looks contacts up by id in parallel, and passes each id and its contact to `each` in order. Fails if an answer proves
    /// nothing.
    pub(crate) fn look_up<E: From<ApiError>>(
        &self,
        ids: impl IntoIterator<Item = String>,
        mut each: impl FnMut(String, Option<Contact<'static>>) -> Result<(), E>,
    ) -> Result<(), E> {
        let client = self.client;
        parallel::ordered(
            || client.concurrency(),
            ids,
            |id| client.look_up(&id).map(|answer| (id, answer)),
            |answer| {
                let (id, answer) = answer?;
                let contact = match answer {
                    LookUp::Found(contact) => Some(contact),
                    LookUp::Absent => None,
                    LookUp::Unproven(detail) => {
                        return Err(ApiError::from(ApiErrorKind::Unproven { detail }).into());
                    }
                };
                each(id, contact).map(ControlFlow::Continue)
            },
        )
    }

    /// True if looking `wanted` contacts up takes fewer requests than listing the account. One probe decides: an account
    /// with a contact behind `wanted` pages has more pages than that. If the server refuses such an offset, it is listed.
    pub(crate) fn look_up_is_cheaper(&self, wanted: u64) -> Result<bool, ApiError> {
        Ok(wanted <= 1 || extent::is_there(self.client, wanted.saturating_mul(extent::PAGE))?)
    }
}
