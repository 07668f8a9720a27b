//! Lists an account page by page.
//!
//! The list has no total and no next link, a page may be shorter than requested because the server caps it, and
//! only an empty page ends the list. \[doc\] So the list is read in sections of a hundred contacts, and a section
//! whose page is short is continued until it is complete, or a page is empty and the list has ended. If the first
//! section is complete, the following ones are requested ahead, at most as many as were answered: at most half of
//! the requests are past the end. If the account is likely to end somewhere, sections after it are requested ahead
//! like those after the first one: one, then as many as were answered there.
//!
//! The account may change while it is read: a deleted or created contact shifts all later ones, so a contact could
//! be missed or read twice at the boundary of a section. Therefore sections overlap by one contact, and reading
//! continues after that contact, wherever it has moved. Because the order does not change, every contact that
//! exists throughout is read. If the shared contact can't be found any more, the pass is not
//! [`steady`](ListPass::steady), and the caller reads again.
//!
//! Contacts that are appended while the account is read may be missing, because following them one by one might
//! never end.

use std::{cell::RefCell, iter, ops::ControlFlow};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::pages::{Overlap, Pages, STRIDE, Section, last_id};
use crate::{
    api::{ApiError, Client, Listed},
    contact::{Contact, reading::UnreadableContact},
    parallel,
};

/// The result of one pass over the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListPass {
    /// Contacts received.
    pub contacts: u64,
    /// Pages received.
    pub pages: u64,
    /// True if every contact that existed throughout was read.
    pub steady: bool,
    pub unreadable: Vec<UnreadableContact>,
    /// The hash of all ids in order. If two passes have the same hash, nothing moved between them.
    pub order: u64,
}

impl ListPass {
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

/// Lists all contacts once, in the account's order. `keep`, called on other threads, reduces each contact to what
/// `each` needs. `likely_size`: the number of contacts that the account probably has.
pub(super) fn list<T: Send, E: From<ApiError>>(
    client: &Client,
    likely_size: Option<u64>,
    keep: impl Fn(Contact<'_>) -> T + Sync,
    mut each: impl FnMut(Vec<T>) -> Result<(), E>,
) -> Result<ListPass, E> {
    let pages = Pages::new(client, &keep);
    let walk = RefCell::new(Walk::new(likely_size));
    let mut receive = |section| {
        let mut walk = walk.borrow_mut();
        each(walk.receive(section, &pages)?)?;
        Ok::<_, E>(match walk.overlap {
            Some(_) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        })
    };
    if receive(pages.first()?)?.is_continue() {
        parallel::ordered(
            || client.readers(),
            iter::from_fn(|| walk.borrow_mut().next_offset()),
            |offset| pages.section_ahead(offset),
            |section| receive(section?),
        )?;
    }
    Ok(walk.into_inner().pass)
}

struct Walk {
    /// The offset of the next section to request.
    ahead: u64,
    /// The offset of the next section to receive.
    next: u64,
    /// The hashed id of the contact with which the next section must begin; `None` after a short section, which is
    /// the last.
    overlap: Option<u128>,
    /// The offset at which the list is likely to end.
    likely_end: u64,
    pass: ListPass,
}

impl Walk {
    fn new(likely_size: Option<u64>) -> Self {
        Self {
            ahead: STRIDE,
            next: 0,
            overlap: None,
            likely_end: likely_size.unwrap_or(u64::MAX),
            pass: ListPass {
                contacts: 0,
                pages: 0,
                steady: true,
                unreadable: Vec::new(),
                order: 0,
            },
        }
    }

    /// The offset of the next section, unless the list has ended or as many are in flight as have been answered.
    fn next_offset(&mut self) -> Option<u64> {
        self.overlap?;
        let offset = self.ahead;
        let answered = if offset < self.likely_end {
            self.next
        } else {
            // Of those after the likely end, with the section before it.
            self.next.saturating_sub(self.likely_end).max(STRIDE)
        };
        (offset < self.next + answered).then(|| {
            self.ahead += STRIDE;
            offset
        })
    }

    /// Adds the next section, and returns its readable contacts.
    fn receive<T>(
        &mut self,
        mut section: Section<T>,
        pages: &Pages<'_, T>,
    ) -> Result<Vec<T>, ApiError> {
        let at = self.next;
        if let Some(id) = self.overlap {
            // It had at least the overlap, so either the account has shrunk or the answer was wrong.
            if section.contacts.is_empty() {
                section = pages.section_again(at)?;
            }
            if !section.skip_through(id) {
                self.pass.steady &= section.fill_gap(pages, Overlap { id, at })?;
            }
        }
        let Section {
            contacts,
            whole,
            pages,
        } = section;
        self.overlap = last_id(&contacts).or(self.overlap).filter(|_| whole);
        self.next += STRIDE;
        self.pass.pages += pages;
        Ok(self.pass.receive(contacts))
    }
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

    /// The number of requests in each round trip of a pass, without a limit on requests in flight.
    fn round_trips(contacts: usize, likely_size: Option<u64>) -> Vec<u64> {
        let sandbox = Sandbox::start(Options {
            is_limited: false,
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
        let pages = Pages::new(&client, &|_| ());
        let mut walk = Walk::new(likely_size);
        walk.receive(pages.first().unwrap(), &pages).unwrap();
        let mut trips = vec![sandbox.count("GET")];
        while walk.overlap.is_some() {
            let before = sandbox.count("GET");
            let offsets: Vec<_> = iter::from_fn(|| walk.next_offset()).collect();
            let sections = offsets
                .into_iter()
                .map(|at| pages.section_ahead(at).unwrap());
            for section in sections.collect::<Vec<_>>() {
                if walk.pass.pages == 1 || walk.overlap.is_some() {
                    walk.receive(section, &pages).unwrap();
                }
            }
            trips.push(sandbox.count("GET") - before);
        }
        trips
    }

    #[test]
    fn as_many_pages_are_requested_ahead_as_were_answered() {
        // The first trip has a request past any end, the last one the empty page that ends the list.
        for (contacts, likely_size, trips) in [
            (0, None, &[2][..]),
            (60, None, &[2]),
            (100, None, &[2, 2]),
            (200, None, &[2, 1, 2]),
            (3_000, None, &[2, 1, 2, 4, 8, 16]),
            (200, Some(1), &[2, 1, 2]),
            (2_000, Some(2_000), &[2, 1, 2, 4, 8, 6]),
            (2_000, Some(1_000), &[2, 1, 2, 4, 3, 1, 2, 4, 4]),
        ] {
            assert_eq!(round_trips(contacts, likely_size), trips, "{contacts}");
        }
    }
}
