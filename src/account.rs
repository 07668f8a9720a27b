//! Reading an account: all of it page by page, or single contacts by id.
//!
//! The list has no total and no next link, a page may be shorter than asked for because the server caps it,
//! and only an empty page ends the list. \[doc\] So the first page tells the server's page size, probes of single
//! contacts tell where about the list ends, the pages up to there are fetched in parallel at multiples of the
//! size, and a page that is shorter than expected is followed to where the next one begins.
//!
//! The account may change while it is read: a contact that is deleted or made moves all later ones, and one
//! of them would be missed or read twice at the edge of a page. Therefore pages overlap by one contact, and what
//! follows it counts, wherever it stands by now. So every contact that is there all the time is read, as the
//! order does not change. Where the shared contact is found no more, the pass is not [`steady`](Pass::steady), and the
//! caller reads again.

use std::ops::ControlFlow;

use crate::{
    api::{ApiError, Client},
    contact::Contact,
    parallel,
    progress::{Event, Monitor, Phase},
};

/// Contacts asked for in one page. \[doc\]
const PAGE: u64 = PAGE_LIMIT as u64;

/// Passes over an account that keeps changing, at most.
const PASSES_MAX: u32 = 3;

/// Reads an account.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The API.
    pub client: &'a Client,
    /// Requests in flight at most.
    pub threads: usize,
    /// Whom to tell.
    pub monitor: &'a dyn Monitor,
}

/// What one pass over the account found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Contacts received.
    pub contacts: u64,
    /// Pages received.
    pub pages: u64,
    /// Was every contact read that was there all the time?
    pub steady: bool,
}

impl Reader<'_> {
    /// Lists all contacts once, in the account's order.
    pub fn list<E: From<ApiError>>(
        &self,
        mut each: impl FnMut(Vec<Contact<'static>>) -> Result<(), E>,
    ) -> Result<Pass, E> {
        let Self {
            client,
            threads,
            monitor,
        } = *self;
        let first = client.page(0, PAGE_LIMIT)?;
        let size = first.len() as u64;
        let mut pass = Pass {
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
        // The contact that the next page has to begin with; none behind a page that was short, the last one.
        let mut edge = first.last().map(|contact| contact.id.to_string());
        each(first)?;
        let fetch = |offset: u64| fetch_stretch(client, offset, size);
        let mut next = stride;
        // An account that has grown beyond what was its end is followed, a few pages at a time.
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
                end = next + stride * threads.max(1) as u64;
            }
        }
        monitor.end();
        Ok(pass)
    }

    /// Reads the account with `pass` until that says it stood still, a few times at most. Did it, at last?
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
                    "the account changed while it was read: reading it again".into(),
                ));
            }
        }
        Ok(false)
    }

    /// Looks contacts up by id, several at once, and hands each id on with what the account has, in order.
    pub(crate) fn look_up<E: From<ApiError>>(
        &self,
        ids: impl IntoIterator<Item = String>,
        mut each: impl FnMut(String, Option<Contact<'static>>) -> Result<(), E>,
    ) -> Result<(), E> {
        let client = self.client;
        parallel::ordered(
            self.threads,
            ids,
            |id| client.contact(&id).map(|contact| (id, contact)),
            |found| {
                let (id, contact) = found?;
                each(id, contact).map(ControlFlow::Continue)
            },
        )
    }

    /// Is it cheaper to look `wanted` contacts up one by one than to list the account? One probe tells: an
    /// account that has a contact behind `wanted` pages takes more pages than that.
    pub(crate) fn look_up_is_cheaper(&self, wanted: u64) -> Result<bool, ApiError> {
        Ok(wanted <= 1 || !self.client.page(wanted.saturating_mul(PAGE), 1)?.is_empty())
    }
}

const PAGE_LIMIT: u32 = 100;

/// Some contacts that follow each other.
struct Stretch {
    contacts: Vec<Contact<'static>>,
    /// Are there as many as were asked for? Otherwise the account ends here.
    whole: bool,
}

/// The last contact of a stretch, and where it stood.
struct Edge {
    id: String,
    at: u64,
}

impl Stretch {
    /// Cuts off what the stretch before has, up to its last contact. Is that one in here?
    fn begin_behind(&mut self, edge: Option<&str>) -> bool {
        let mut contacts = self.contacts.iter();
        let found = contacts.position(|contact| Some(&*contact.id) == edge);
        if let Some(at) = found {
            self.contacts.drain(..=at);
        }
        found.is_some()
    }

    /// Puts what stands between the edge and this stretch before it, read anew from half a page before the edge
    /// was: whatever moved has not gone far. Was the edge found?
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
                // The account ends before this stretch by now.
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

/// The `size` contacts from `offset` on, in as many pages as the server needs for them; fewer at the end.
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

/// Does the account have the contact `edge` from the offset on, or nothing where there is none, and no more?
fn ends_with(client: &Client, offset: u64, edge: Option<&str>) -> Result<bool, ApiError> {
    let tail = client.page(offset, 2)?;
    let ids: Vec<&str> = tail.iter().map(|contact| &*contact.id).collect();
    Ok(ids == edge.as_slice())
}

/// An offset behind the last contact, and not far: galloping probes, then a few bisections.
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
