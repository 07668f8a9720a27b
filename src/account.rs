//! Reads an account: all of it page by page, or single contacts by id.
//!
//! The list has no total and no next link, a page may be shorter than requested because the server caps it, and only an
//! empty page ends the list. \[doc\] So the first page reveals the server's page size, probes of single contacts find the
//! approximate end of the list, the pages up to there are fetched in parallel at multiples of the page size, and a page that
//! is shorter than expected is continued up to the next one.
//!
//! The account may change while it is read: a deleted or created contact shifts all later ones, so one could be missed or
//! read twice at a page boundary. Therefore pages overlap by one contact, and reading continues behind that contact, wherever
//! it is by now. So every contact that exists throughout is read, because the order does not change. If the shared contact
//! can't be found any more, the pass is not [`steady`](ListPass::steady), and the caller reads again.

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
    progress::{Event, Monitor, Phase},
};

/// Contacts requested per page. \[doc\]
const PAGE_LIMIT: u32 = 100;
const PAGE: u64 = PAGE_LIMIT as u64;

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

/// The result of one pass over the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListPass {
    /// Contacts received.
    pub contacts: u64,
    /// Pages received.
    pub pages: u64,
    /// True if every contact that existed throughout was read.
    pub steady: bool,
}

impl Reader<'_> {
    /// Lists all contacts once, in the account's order.
    pub(crate) fn list<E: From<ApiError>>(
        &self,
        mut each: impl FnMut(Vec<Contact<'static>>) -> Result<(), E>,
    ) -> Result<ListPass, E> {
        let Self { client, monitor } = *self;
        let threads = || client.concurrency();
        let first = client.page(0, PAGE_LIMIT)?;
        let size = first.len() as u64;
        let mut pass = ListPass {
            contacts: size,
            pages: 1,
            steady: true,
        };
        if size == 0 {
            return Ok(pass);
        }
        let mut end = bound(client, size)?;
        monitor.begin(Phase::Listing, Some(end));
        monitor.advance(size);
        let overlap = u64::from(size > 1);
        let stride = size - overlap;
        // The contact that the next page must begin with; `None` after a short page, which is the last.
        let mut edge = first.last().map(|contact| contact.id.to_string());
        each(first)?;
        let fetch = |offset: u64| fetch_stretch(client, offset, size);
        let mut next = stride;
        // If the account has grown, the new pages are read a few at a time.
        while edge.is_some() && next + overlap < end {
            let pages = (next..end).step_by(usize::try_from(stride).unwrap_or(usize::MAX));
            parallel::ordered(threads, pages, fetch, |stretch| {
                let mut stretch = stretch?;
                pass.pages += 1;
                if overlap == 1 && !stretch.begin_behind(edge.as_deref()) {
                    let edge = edge.take().unwrap_or_default();
                    pass.steady &= stretch.reach_back(client, size, Edge { id: edge, at: next })?;
                }
                next += stride;
                let Stretch { contacts, whole } = stretch;
                let last = contacts.last().map(|last| last.id.to_string());
                edge = last.or(edge.take()).filter(|_| whole);
                pass.contacts += contacts.len() as u64;
                monitor.advance(contacts.len() as u64);
                each(contacts)?;
                Ok::<_, E>(if edge.is_some() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            })?;
            let shared = edge.as_deref().filter(|_| overlap == 1);
            if edge.is_some() && !ends_with(client, next, shared)? {
                end = next + stride * threads() as u64;
            }
        }
        monitor.end();
        Ok(pass)
    }

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
    /// with a contact behind `wanted` pages has more pages than that.
    pub(crate) fn look_up_is_cheaper(&self, wanted: u64) -> Result<bool, ApiError> {
        Ok(wanted <= 1 || !self.client.page(wanted.saturating_mul(PAGE), 1)?.is_empty())
    }
}

/// Consecutive contacts of the list.
struct Stretch {
    contacts: Vec<Contact<'static>>,
    /// True if as many as requested came; otherwise the account ends here.
    whole: bool,
}

/// The last contact of a stretch and its offset.
struct Edge {
    id: String,
    at: u64,
}

impl Stretch {
    /// Drops everything up to `edge`, the previous stretch's last contact. True if it was found.
    fn begin_behind(&mut self, edge: Option<&str>) -> bool {
        let mut contacts = self.contacts.iter();
        let found = contacts.position(|contact| Some(&*contact.id) == edge);
        if let Some(at) = found {
            self.contacts.drain(..=at);
        }
        found.is_some()
    }

    /// Prepends the contacts between the edge and this stretch, read again from half a page before the edge's old offset.
    /// True if the edge was found.
    fn reach_back(&mut self, client: &Client, size: u64, mut edge: Edge) -> Result<bool, ApiError> {
        let mut between = Vec::new();
        let found = loop {
            let from = edge.at.saturating_sub(size / 2);
            let mut again = fetch_stretch(client, from, size)?;
            if !again.begin_behind(Some(&edge.id)) {
                break false;
            }
            let last = again.contacts.last().map(|last| last.id.to_string());
            between.append(&mut again.contacts);
            if !again.whole {
                // The account has shrunk and ends before this stretch.
                (self.contacts, self.whole) = (Vec::new(), false);
                break true;
            }
            let Some(id) = last else { break false };
            if self.begin_behind(Some(&id)) {
                break true;
            }
            edge = Edge {
                id,
                at: from + size - 1,
            };
        };
        between.append(&mut self.contacts);
        self.contacts = between;
        Ok(found)
    }
}

/// Fetches `size` contacts from `offset` on, in as many pages as needed; fewer at the end.
fn fetch_stretch(client: &Client, offset: u64, size: u64) -> Result<Stretch, ApiError> {
    let mut contacts = client.page(offset, PAGE_LIMIT)?;
    while !contacts.is_empty() && (contacts.len() as u64) < size {
        let more = client.page(offset + contacts.len() as u64, PAGE_LIMIT)?;
        if more.is_empty() {
            break;
        }
        contacts.extend(more);
    }
    contacts.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let whole = contacts.len() as u64 == size;
    Ok(Stretch { contacts, whole })
}

fn is_there(client: &Client, offset: u64) -> Result<bool, ApiError> {
    client.page(offset, 1).map(|page| !page.is_empty())
}

/// True if the account ends at `offset` with the contact `edge`, or before it without an edge.
fn ends_with(client: &Client, offset: u64, edge: Option<&str>) -> Result<bool, ApiError> {
    let tail = client.page(offset, 2)?;
    let ids: Vec<&str> = tail.iter().map(|contact| &*contact.id).collect();
    Ok(ids == edge.as_slice())
}

/// An offset a little past the last contact: galloping probes, then a few bisections.
fn bound(client: &Client, first_page: u64) -> Result<u64, ApiError> {
    const GALLOP_FROM: u64 = 1_000;
    const BISECTIONS: u32 = 4;
    if first_page < PAGE && !is_there(client, first_page)? {
        return Ok(first_page);
    }
    let (mut low, mut high) = (first_page, GALLOP_FROM.max(first_page * 2));
    while is_there(client, high)? {
        (low, high) = (high, high * 2);
    }
    for _ in 0..BISECTIONS {
        let middle = low.midpoint(high);
        *(if is_there(client, middle)? {
            &mut low
        } else {
            &mut high
        }) = middle;
    }
    Ok(high)
}
