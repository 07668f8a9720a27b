//! Reads an account: completely (page by page, see [`listing`]), single contacts by id, or its employees.

pub(crate) mod employees;
pub(crate) mod listing;
mod pages;

use std::{collections::HashMap, ops::ControlFlow, path::PathBuf, time::Duration};

use crate::{
    api::{ApiError, ApiErrorKind, Client, ClientOptions, LookUp, TokenSource},
    contact::Contact,
    parallel,
    progress::{Event, Monitor, Phase},
};
use employees::ListedEmployees;
use listing::ListPass;
use pages::{PAGE, is_there};

/// Maximum number of passes over an account that keeps changing.
const PASSES_MAX: u32 = 3;

/// Default of [`AccountOptions::grace`].
const GRACE: Duration = Duration::from_secs(30);

/// Keeps the whole listed contact.
pub(crate) fn whole(contact: Contact<'_>) -> Contact<'static> {
    contact.into_owned()
}

/// The options for accessing an account.
#[derive(Debug)]
pub struct AccountOptions {
    /// Base URL, rate limit, retries.
    pub client: ClientOptions,
    /// The source of the token.
    pub token: TokenSource,
    /// The directory of run files, locks and ledgers.
    pub state_directory: PathBuf,
    /// The profile to which facts in the ledger belong.
    pub profile: String,
    /// The account id or the profile, if known. Part of the account's fingerprint.
    pub account_name: String,
    /// True for a sandbox that ends with the session, for which the ledger only records the history.
    pub is_sandbox: bool,
    /// Time that requests in flight may take after a stop was requested.
    pub grace: Duration,
    /// Number of runs with changes whose run files are kept.
    pub keep_runs: usize,
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
            is_sandbox: false,
            grace: GRACE,
            keep_runs: crate::run::store::KEPT,
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub client: &'a Client,
    /// Receives progress and notices.
    pub monitor: &'a dyn Monitor,
    /// The size of the account according to its last backup, if any.
    pub expected: Option<u64>,
    /// The number of contacts that are wanted, if known. The account may have about as many.
    pub wanted: Option<u64>,
}

impl Reader<'_> {
    /// Lists all contacts once, in the account's order. `keep`, called on other threads, reduces each contact to
    /// what `each` needs.
    pub(crate) fn list<T: Send, E: From<ApiError>>(
        &self,
        keep: impl Fn(Contact<'_>) -> T + Sync,
        mut each: impl FnMut(Vec<T>) -> Result<(), E>,
    ) -> Result<ListPass, E> {
        self.monitor.begin(Phase::Listing, self.expected);
        let likely_size = self.expected.max(self.wanted);
        let pass = listing::list(self.client, likely_size, keep, |contacts| {
            self.monitor.advance(contacts.len() as u64);
            each(contacts)
        })?;
        self.monitor.end();
        Ok(pass)
    }

    /// Lists the account with `pass` until it did not change meanwhile, at most a few times. Returns whether it did
    /// not. `pass` also returns the number of contacts that were listed again, because others may be missing then.
    pub(crate) fn list_until_steady<E>(
        &self,
        mut pass: impl FnMut() -> Result<(ListPass, u64), E>,
    ) -> Result<bool, E> {
        let mut order = None;
        self.until_steady(|| {
            let (pass, listed_again) = pass()?;
            // A server may also list a contact twice permanently.
            let is_same = order.replace(pass.order) == Some(pass.order);
            Ok(pass.steady && (listed_again == 0 || is_same))
        })
    }

    pub(crate) fn list_employees(&self) -> Result<ListedEmployees, ApiError> {
        employees::list(self.client)
    }

    /// True if looking up `wanted` contacts takes fewer requests than listing the account. Decided by one probe:
    /// an account with a contact after `wanted` pages has more pages than that. If the server refuses such an
    /// offset, the account is listed.
    pub(crate) fn look_up_is_cheaper(&self, wanted: u64) -> Result<bool, ApiError> {
        Ok(wanted <= 1 || is_there(self.client, wanted.saturating_mul(PAGE))?)
    }

    /// Repeats `pass` a few times, until it reports that the account did not change. Returns whether it did.
    fn until_steady<E>(&self, mut pass: impl FnMut() -> Result<bool, E>) -> Result<bool, E> {
        for number in 1..=PASSES_MAX {
            if pass()? {
                return Ok(true);
            }
            if number < PASSES_MAX {
                self.monitor.event(Event::Notice(
                    "the account changed while it was read: reading it again".into(),
                ));
            }
        }
        Ok(false)
    }

    /// Looks up contacts by id in parallel, and passes each id and its answer to `each` in order. Fails if an
    /// answer is inconclusive.
    pub(crate) fn look_up<E: From<ApiError>>(
        &self,
        ids: impl IntoIterator<Item = String>,
        mut each: impl FnMut(String, LookUp) -> Result<(), E>,
    ) -> Result<(), E> {
        self.ask(ids, |id, answer| match answer {
            LookUp::Inconclusive(detail) => {
                Err(ApiError::from(ApiErrorKind::Inconclusive { detail }).into())
            }
            answer => each(id, answer),
        })
    }

    /// Looks up contacts by id, and returns the answers in order. A contact with an inconclusive answer is looked
    /// up in the list.
    pub(crate) fn contacts(&self, ids: &[String]) -> Result<Vec<LookUp>, ApiError> {
        let mut answers = Vec::with_capacity(ids.len());
        let mut inconclusive = HashMap::new();
        self.ask(ids.iter().cloned(), |id, answer| {
            if let LookUp::Inconclusive(detail) = &answer {
                inconclusive.insert(id, detail.clone());
            }
            answers.push(answer);
            Ok::<_, ApiError>(())
        })?;
        if !inconclusive.is_empty() {
            let listed = self.search(&inconclusive)?;
            for (id, answer) in ids.iter().zip(&mut answers) {
                if inconclusive.contains_key(id) {
                    *answer = listed.get(id).cloned().unwrap_or(LookUp::Absent);
                }
            }
        }
        Ok(answers)
    }

    fn ask<E: From<ApiError>>(
        &self,
        ids: impl IntoIterator<Item = String>,
        mut each: impl FnMut(String, LookUp) -> Result<(), E>,
    ) -> Result<(), E> {
        let client = self.client;
        parallel::ordered(
            || client.readers(),
            ids,
            |id| client.look_up(&id).map(|answer| (id, answer)),
            |answer| {
                let (id, answer) = answer?;
                each(id, answer).map(ControlFlow::Continue)
            },
        )
    }

    /// Searches the list for contacts. If the account keeps changing, contacts that were not found may still
    /// exist.
    fn search(
        &self,
        inconclusive: &HashMap<String, String>,
    ) -> Result<HashMap<String, LookUp>, ApiError> {
        let mut found = HashMap::new();
        let is_steady = self.until_steady(|| {
            let pass = self.list(whole, |listed| {
                let wanted = listed
                    .into_iter()
                    .filter(|contact| inconclusive.contains_key(&*contact.id));
                found.extend(wanted.map(|it| (it.id.to_string(), LookUp::Found(it))));
                Ok::<_, ApiError>(())
            })?;
            for unreadable in pass.unreadable {
                let id = unreadable.id.clone().unwrap_or_default();
                if inconclusive.contains_key(&id) {
                    found.insert(id, LookUp::Unreadable(unreadable));
                }
            }
            Ok::<_, ApiError>(pass.steady || found.len() == inconclusive.len())
        })?;
        let unseen = inconclusive.iter().find(|(id, _)| !found.contains_key(*id));
        match unseen {
            Some((_, detail)) if !is_steady => {
                let detail = detail.clone();
                Err(ApiErrorKind::Inconclusive { detail }.into())
            }
            _ => Ok(found),
        }
    }
}
