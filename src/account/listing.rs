//! Lists an account page by page.
//!
//! The list has no total and no next link, a page may be shorter than requested because the server caps it, and
//! only an empty page ends the list. \[doc\] So the first page reveals the server's page size, probes of single
//! contacts find the approximate end of the list, the pages before it are fetched in parallel at multiples of the
//! page size, and a page that is shorter than expected is continued up to the next one.
//!
//! The account may change while it is read: a deleted or created contact shifts all later ones, so a contact could
//! be missed or read twice at a page boundary. Therefore pages overlap by one contact, and reading continues after
//! that contact, wherever it has moved. Because the order does not change, every contact that exists throughout is
//! read. If the shared contact can't be found any more, the pass is not [`steady`](ListPass::steady), and the
//! caller reads again.
//!
//! Contacts that are appended while the account is read may be missing, because following them one by one might
//! never end.

use std::{cell::RefCell, iter, ops::ControlFlow};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    Reader,
    extent::{PAGE_LIMIT, Probe, Search, end_within, probe},
};
use crate::{
    api::{ApiError, Client, Listed},
    contact::{Contact, reading::UnreadableContact},
    parallel,
    progress::Phase,
};

/// Number of contacts that may be appended while the account is read, in addition to doubling it. With more, the
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
    /// The unreadable contacts.
    pub unreadable: Vec<UnreadableContact>,
    /// The hash of all ids in order. If two passes have the same hash, nothing moved between them.
    pub order: u64,
}

impl ListPass {
    fn with_the_first_page() -> Self {
        Self {
            contacts: 0,
            pages: 1,
            steady: true,
            unreadable: Vec::new(),
            order: 0,
        }
    }

    /// Counts received contacts, and returns the readable ones.
    fn receive<T>(&mut self, listed: Vec<Listed<T>>) -> Vec<T> {
        let mut contacts = Vec::with_capacity(listed.len());
        for Listed { id, contact } in listed {
            self.order = xxh3_64_with_seed(&id.to_le_bytes(), self.order);
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
    /// Lists all contacts once, in the account's order. `keep`, called on other threads, reduces each contact to
    /// what `each` needs.
    pub(crate) fn list<T: Send, E: From<ApiError>>(
        &self,
        keep: impl Fn(Contact<'_>) -> T + Sync,
        mut each: impl FnMut(Vec<T>) -> Result<(), E>,
    ) -> Result<ListPass, E> {
        let pages = Pages {
            client: self.client,
            keep: &keep,
        };
        let client = self.client;
        let first = pages.first()?;
        if first.is_empty() {
            return Ok(ListPass::with_the_first_page());
        }
        let mut walk = Walk::new(*self, &first)?;
        each(walk.pass.receive(first))?;
        let walk = RefCell::new(walk);
        while walk.borrow().edge.is_some() {
            parallel::ordered(
                || client.concurrency(),
                iter::from_fn(|| walk.borrow_mut().next_request()),
                |request| request.answer(&pages),
                |answer| {
                    let mut walk = walk.borrow_mut();
                    if let Some(contacts) = walk.take(answer?, &pages)? {
                        each(contacts)?;
                    }
                    Ok::<_, E>(match walk.edge {
                        Some(_) => ControlFlow::Continue(()),
                        None => ControlFlow::Break(()),
                    })
                },
            )?;
            if !walk.borrow_mut().goes_on()? {
                break;
            }
        }
        self.monitor.end();
        Ok(walk.into_inner().pass)
    }
}

struct Walk<'a> {
    reader: Reader<'a>,
    search: Search<'a>,
    /// The server's page size.
    size: u64,
    /// The number of contacts shared by adjacent stretches.
    overlap: u64,
    /// The offset of the next stretch to request.
    ahead: u64,
    /// The offset of the next stretch to receive.
    next: u64,
    /// The offset up to which stretches are requested if the account has grown.
    grown_to: u64,
    /// The hashed id of the contact with which the next stretch must begin; `None` after a short stretch, which is the last.
    edge: Option<u128>,
    pass: ListPass,
}

enum Request {
    Probe(u64),
    /// `size` contacts; `least` is described at [`Search::least`].
    Stretch {
        offset: u64,
        size: u64,
        least: u64,
    },
}

enum Answer<T> {
    Probe(u64, Probe),
    Stretch(Stretch<T>),
}

impl Request {
    fn answer<T>(self, pages: &Pages<'_, T>) -> Result<Answer<T>, ApiError> {
        match self {
            Self::Probe(offset) => {
                probe(pages.client, offset).map(|probe| Answer::Probe(offset, probe))
            }
            Self::Stretch {
                offset,
                size,
                least,
            } => pages.stretch(offset, size, least).map(Answer::Stretch),
        }
    }
}

impl<'a> Walk<'a> {
    fn new<T>(reader: Reader<'a>, first: &[Listed<T>]) -> Result<Self, ApiError> {
        let size = first.len() as u64;
        let search = Search::new(reader.client, first)?;
        let overlap = u64::from(size > 1);
        Ok(Self {
            edge: last_id(first).filter(|_| !search.ended_at(size)),
            reader,
            search,
            size,
            overlap,
            ahead: size - overlap,
            next: size - overlap,
            grown_to: 0,
            pass: ListPass::with_the_first_page(),
        })
    }

    /// The next request to send, as far as it is known to be needed.
    fn next_request(&mut self) -> Option<Request> {
        if let Some(offset) = self.search.next_probe() {
            return Some(Request::Probe(offset));
        }
        let offset = self.ahead;
        if offset + self.overlap >= self.search.end().max(self.grown_to) {
            return None;
        }
        self.ahead += self.size - self.overlap;
        Some(Request::Stretch {
            offset,
            size: self.size,
            least: self.search.least(),
        })
    }

    /// Processes the answer to the next request, and returns readable contacts.
    fn take<T>(
        &mut self,
        answer: Answer<T>,
        pages: &Pages<'_, T>,
    ) -> Result<Option<Vec<T>>, ApiError> {
        let monitor = self.reader.monitor;
        let mut stretch = match answer {
            Answer::Probe(offset, probe) => {
                self.search.settle(offset, probe)?;
                return Ok(None);
            }
            Answer::Stretch(stretch) => stretch,
        };
        if self.pass.pages == 1 {
            // All probes were settled before.
            monitor.begin(Phase::Listing, Some(self.search.end()));
            monitor.advance(self.size);
        }
        self.pass.pages += 1;
        if self.overlap == 1 && !stretch.begin_behind(self.edge) {
            let id = self.edge.take().unwrap_or_default();
            let edge = Edge { id, at: self.next };
            self.pass.steady &= stretch.reach_back(pages, self.size, edge)?;
        }
        self.next += self.size - self.overlap;
        let Stretch { contacts, whole } = stretch;
        self.edge = last_id(&contacts).or(self.edge.take()).filter(|_| whole);
        monitor.advance(contacts.len() as u64);
        Ok(Some(self.pass.receive(contacts)))
    }

    /// True if there may be more contacts than were requested, because the account has grown or its end is
    /// unknown. They are requested a few at a time.
    fn goes_on(&mut self) -> Result<bool, ApiError> {
        let client = self.reader.client;
        let shared = self.edge.filter(|_| self.overlap == 1);
        if self.edge.is_none() || ends_with(client, self.next, shared)? {
            return Ok(false);
        }
        let is_refused = self.search.is_refused();
        let furthest = self.search.end().saturating_mul(2);
        if !is_refused && self.next > furthest.saturating_add(GROWTH_MAX) {
            self.pass.steady = false;
            return Ok(false);
        }
        // If the server refuses large offsets, they are only requested when needed.
        let stretches = if is_refused {
            1
        } else {
            client.concurrency() as u64
        };
        self.grown_to = self.next + (self.size - self.overlap) * stretches;
        Ok(true)
    }
}

fn last_id<T>(contacts: &[Listed<T>]) -> Option<u128> {
    contacts.last().map(|last| last.id)
}

/// Consecutive contacts of the list.
struct Stretch<T> {
    contacts: Vec<Listed<T>>,
    /// True if it has the requested number of contacts. Otherwise the account ends here.
    whole: bool,
}

/// The last contact of a stretch, and its offset.
struct Edge {
    id: u128,
    at: u64,
}

impl<T> Stretch<T> {
    /// Drops everything up to `edge`, the previous stretch's last contact. True if `edge` was found.
    fn begin_behind(&mut self, edge: Option<u128>) -> bool {
        let mut contacts = self.contacts.iter();
        let found = contacts.position(|contact| Some(contact.id) == edge);
        if let Some(at) = found {
            self.contacts.drain(..=at);
        }
        found.is_some()
    }

    /// Prepends the contacts between the edge and this stretch, by reading again from half a page before the
    /// edge's old offset. True if the edge was found.
    fn reach_back(
        &mut self,
        pages: &Pages<'_, T>,
        size: u64,
        mut edge: Edge,
    ) -> Result<bool, ApiError> {
        let mut between = Vec::new();
        let found = loop {
            let from = edge.at.saturating_sub(size / 2);
            let mut again = pages.stretch(from, size, 0)?;
            if !again.begin_behind(Some(edge.id)) {
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
            if self.begin_behind(Some(id)) {
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

/// Requests pages.
struct Pages<'a, T> {
    client: &'a Client,
    keep: &'a (dyn Fn(Contact<'_>) -> T + Sync),
}

impl<T> Pages<'_, T> {
    /// The first page. An empty one has big consequences (all contacts are created, a backup is empty), so it is
    /// read twice.
    fn first(&self) -> Result<Vec<Listed<T>>, ApiError> {
        self.before(0, 1)
    }

    /// A page at an offset. If it is empty although the account had contacts there, it is read once more.
    fn before(&self, offset: u64, least: u64) -> Result<Vec<Listed<T>>, ApiError> {
        let page = self.client.page(offset, PAGE_LIMIT, self.keep)?;
        if page.is_empty() && offset < least {
            return self.client.page(offset, PAGE_LIMIT, self.keep);
        }
        Ok(page)
    }

    /// Fetches `size` contacts from `offset` on, in as many pages as needed; fewer at the end. `least` is
    /// described at [`Search::least`].
    fn stretch(&self, offset: u64, size: u64, least: u64) -> Result<Stretch<T>, ApiError> {
        let mut contacts = self.before(offset, least)?;
        let mut end = None;
        let mut next = offset + contacts.len() as u64;
        while !contacts.is_empty() && next < end.unwrap_or(offset + size) {
            let more = match self.before(next, least) {
                // The previous page was short, so this offset is past the end, or the server refuses to list any
                // further.
                Err(error) if error.is_refusal() => break,
                result => result?,
            };
            if more.is_empty() {
                break;
            }
            contacts.extend(more);
            next = offset + contacts.len() as u64;
            // Either the server's pages are short, or contacts are being appended one by one.
            if end.is_none() && next < offset + size {
                end = Some(end_within(self.client, next, offset + size)?);
            }
        }
        contacts.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        let whole = contacts.len() as u64 == size;
        Ok(Stretch { contacts, whole })
    }
}

/// True if the account ends at `offset` after the contact `edge`, or before it without an edge.
fn ends_with(client: &Client, offset: u64, edge: Option<u128>) -> Result<bool, ApiError> {
    let tail = client.page(offset, 2, &|_| ())?;
    let ids: Vec<u128> = tail.iter().map(|contact| contact.id).collect();
    Ok(ids == edge.as_slice())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        api::{ClientOptions, Rate, TokenSource},
        progress::Silent,
        sandbox::{Options, Sandbox},
    };

    /// The number of requests in each round trip after the first page of a pass, without a limit on requests in flight.
    fn round_trips(contacts: usize) -> Vec<u64> {
        let sandbox = Sandbox::start(Options {
            limit: None,
            log_requests: false,
            contacts,
            ..Options::default()
        })
        .unwrap();
        let options = ClientOptions {
            base_url: sandbox.base_url().parse().unwrap(),
            rate: Rate::Unlimited,
            ..ClientOptions::default()
        };
        let token = TokenSource::Static {
            token: sandbox.token().into(),
            origin: "the test".to_owned(),
        };
        let client = Client::new(options, token, Arc::new(Silent)).unwrap();
        let reader = Reader {
            client: &client,
            monitor: &Silent,
        };
        let pages = Pages {
            client: &client,
            keep: &|_| (),
        };
        let first = pages.first().unwrap();
        let before = sandbox.count("GET");
        let mut walk = Walk::new(reader, &first).unwrap();
        let mut trips = vec![sandbox.count("GET") - before];
        while walk.edge.is_some() {
            let requests: Vec<_> = iter::from_fn(|| walk.next_request()).collect();
            trips.push(requests.len() as u64);
            for request in requests {
                let answer = request.answer(&pages).unwrap();
                walk.take(answer, &pages).unwrap();
            }
        }
        trips
    }

    #[test]
    fn pages_are_requested_while_the_end_is_searched() {
        // The round trip of the probes also requests every page that may exist: up to 64,000 and 8,000 contacts.
        for (contacts, behind) in [
            (60_000, &[7 + 646][..]),
            (3_000, &[7 + 80]),
            (200, &[4, 2]),
            (60, &[]),
        ] {
            let trips = round_trips(contacts);
            // The answer to one of these probes may make the last one superfluous.
            assert!((1..=3).contains(&trips[0]), "{trips:?}");
            assert_eq!(&trips[1..], behind);
        }
    }
}
