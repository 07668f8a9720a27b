//! Lists an account page by page.
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
//!
//! Contacts that are added behind the end while the account is read may be missing from it: to follow them one by one
//! would take as long as they are added.

use std::ops::ControlFlow;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    Reader,
    extent::{Extent, PAGE_LIMIT, end_within, id_in_list},
};
use crate::{
    api::{ApiError, Client, ListedContact},
    contact::{Contact, reading::UnreadableContact},
    parallel,
    progress::Phase,
};

/// Contacts that may be added behind the end while the account is read, besides as many as it had: if there are more, the
/// pass is not steady.
const GROWTH_MAX: u64 = 10_000;

/// The result of one pass over the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListPass {
    /// Contacts received.
    pub contacts: u64,
    /// Pages received.
    pub pages: u64,
    /// True if every contact that existed throughout was read.
    pub steady: bool,
    /// The contacts that can't be read.
    pub unreadable: Vec<UnreadableContact>,
    /// The hash of all ids in their order. If two passes have the same, nothing was moved between them.
    pub order: u64,
}

impl ListPass {
    /// Counts contacts as received, and returns those that can be read.
    fn receive(&mut self, listed: Vec<ListedContact>) -> Vec<Contact<'static>> {
        let mut contacts = Vec::with_capacity(listed.len());
        for contact in listed {
            self.order = xxh3_64_with_seed(id_in_list(&contact).as_bytes(), self.order);
            match contact {
                Ok(contact) => contacts.push(contact),
                Err(unreadable) => self.unreadable.push(UnreadableContact {
                    index: Some(self.contacts),
                    ..unreadable
                }),
            }
            self.contacts += 1;
        }
        contacts
    }
}

impl Reader<'_> {
    /// Lists all contacts once, in the account's order.
    pub(crate) fn list<E: From<ApiError>>(
        &self,
        mut each: impl FnMut(Vec<Contact<'static>>) -> Result<(), E>,
    ) -> Result<ListPass, E> {
        let Self { client, monitor } = *self;
        let threads = || client.concurrency();
        let first = first_page(client)?;
        let size = first.len() as u64;
        let mut pass = ListPass {
            contacts: 0,
            pages: 1,
            steady: true,
            unreadable: Vec::new(),
            order: 0,
        };
        if size == 0 {
            return Ok(pass);
        }
        let extent = Extent::of(client, &first)?;
        let mut end = extent.end.unwrap_or(extent.least + 1);
        let furthest = end.saturating_mul(2).saturating_add(GROWTH_MAX);
        monitor.begin(Phase::Listing, Some(end));
        monitor.advance(size);
        let overlap = u64::from(size > 1);
        let stride = size - overlap;
        // The contact that the next page must begin with; `None` after a short page, which is the last.
        let mut edge = last_id(&first);
        each(pass.receive(first))?;
        let fetch = |offset: u64| fetch_stretch(client, offset, size, extent.least);
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
                edge = last_id(&contacts).or(edge.take()).filter(|_| whole);
                monitor.advance(contacts.len() as u64);
                each(pass.receive(contacts))?;
                Ok::<_, E>(if edge.is_some() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            })?;
            let shared = edge.as_deref().filter(|_| overlap == 1);
            if edge.is_some() && !ends_with(client, next, shared)? {
                if extent.end.is_some() && next > furthest {
                    pass.steady = false;
                    break;
                }
                // If the server refuses large offsets, none is asked for unless it is needed.
                let pages = extent.end.map_or(1, |_| threads() as u64);
                end = next + stride * pages;
            }
        }
        monitor.end();
        Ok(pass)
    }
}

fn last_id(contacts: &[ListedContact]) -> Option<String> {
    contacts.last().map(|last| id_in_list(last).to_owned())
}

/// Consecutive contacts of the list.
struct Stretch {
    contacts: Vec<ListedContact>,
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
        let found = contacts.position(|contact| Some(id_in_list(contact)) == edge);
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
            let mut again = fetch_stretch(client, from, size, 0)?;
            if !again.begin_behind(Some(&edge.id)) {
                break false;
            }
            let last = last_id(&again.contacts);
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

/// The first page. Much follows from an empty one (all contacts are created, a backup is empty), so it is read twice.
fn first_page(client: &Client) -> Result<Vec<ListedContact>, ApiError> {
    page_before(client, 0, 1)
}

/// A page at an offset; if it is empty although the account had contacts there, it is read once more.
fn page_before(client: &Client, offset: u64, least: u64) -> Result<Vec<ListedContact>, ApiError> {
    let page = client.page(offset, PAGE_LIMIT)?;
    if page.is_empty() && offset < least {
        return client.page(offset, PAGE_LIMIT);
    }
    Ok(page)
}

/// Fetches `size` contacts from `offset` on, in as many pages as needed; fewer at the end. `least`: as in [`Extent`].
fn fetch_stretch(client: &Client, offset: u64, size: u64, least: u64) -> Result<Stretch, ApiError> {
    let mut contacts = page_before(client, offset, least)?;
    let mut end = None;
    let mut next = offset + contacts.len() as u64;
    while !contacts.is_empty() && next < end.unwrap_or(offset + size) {
        let more = match page_before(client, next, least) {
            // The page before was short, so this offset is past the end, or the list can't be read any further.
            Err(error) if error.is_refusal() => break,
            result => result?,
        };
        if more.is_empty() {
            break;
        }
        contacts.extend(more);
        next = offset + contacts.len() as u64;
        // Either the server's pages are short, or contacts are added one by one behind the end.
        if end.is_none() && next < offset + size {
            end = Some(end_within(client, next, offset + size)?);
        }
    }
    contacts.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let whole = contacts.len() as u64 == size;
    Ok(Stretch { contacts, whole })
}

/// True if the account ends at `offset` with the contact `edge`, or before it without an edge.
fn ends_with(client: &Client, offset: u64, edge: Option<&str>) -> Result<bool, ApiError> {
    let tail = client.page(offset, 2)?;
    let ids: Vec<&str> = tail.iter().map(id_in_list).collect();
    Ok(ids == edge.as_slice())
}
