//! Finds the approximate end of the list before its pages are read, by requesting single contacts.
//!
//! This also detects a server whose list never ends: one that ignores `offset`, one that answers an offset past
//! the end with the last page, and one that always returns another contact.

use std::{ops::ControlFlow, vec};

use crate::{
    api::{ApiError, ApiErrorKind, Client, Listed},
    parallel,
};

/// Contacts requested per page. \[doc\]
pub(super) const PAGE_LIMIT: u32 = 100;
pub(super) const PAGE: u64 = PAGE_LIMIT as u64;

/// An account with a smaller span is small.
const SMALL_SPAN: u64 = 1_000;

/// Larger than any account.
const OFFSET_MAX: u64 = 1 << 30;

/// The answer to a request for the contact at an offset.
#[derive(Clone, Copy)]
pub(super) enum Probe {
    /// A contact whose id has this hash.
    There(u128),
    /// The list has ended.
    Past,
    /// The server refuses such a large offset.
    Refused,
}

pub(super) fn probe(client: &Client, offset: u64) -> Result<Probe, ApiError> {
    match client.page(offset, 1, &|_| ()) {
        Ok(page) => Ok(page
            .into_iter()
            .next()
            .map_or(Probe::Past, |contact| Probe::There(contact.id))),
        Err(error) if error.is_refusal() => Ok(Probe::Refused),
        Err(error) => Err(error),
    }
}

/// True if the list has a contact at an offset; false also if the server refuses to answer.
pub(super) fn is_there(client: &Client, offset: u64) -> Result<bool, ApiError> {
    Ok(matches!(probe(client, offset)?, Probe::There(_)))
}

/// The search for the end of the list.
pub(super) struct Search<'a> {
    client: &'a Client,
    /// The offsets of the contacts seen, and their hashed ids.
    seen: Vec<(u64, u128)>,
    /// The largest offset known to have a contact.
    low: u64,
    /// The smallest offset known to have none.
    high: Option<u64>,
    /// True if the server refused to answer for `high`.
    is_refused: bool,
    /// Ascending offsets to probe.
    probes: vec::IntoIter<u64>,
    /// The number of unanswered probes.
    open: usize,
}

impl<'a> Search<'a> {
    /// Finds the order of magnitude in few rounds of probes, because each round takes one latency.
    pub(super) fn new<T>(client: &'a Client, first: &[Listed<T>]) -> Result<Self, ApiError> {
        let size = first.len() as u64;
        let ids = (0..).zip(first);
        let mut search = Self {
            client,
            seen: ids.map(|(at, contact)| (at, contact.id)).collect(),
            low: size - 1,
            high: None,
            is_refused: false,
            probes: Vec::new().into_iter(),
            open: 0,
        };
        if size < PAGE {
            search.round(&[size])?;
            // If a second reading returns more, the first page was short because the list ended there.
            if search.high.is_some() || client.page(0, PAGE_LIMIT, &|_| ())?.len() > first.len() {
                search.high = Some(size);
                return Ok(search);
            }
        }
        let mut from = SMALL_SPAN.max(size.saturating_mul(2));
        while search.high.is_none() {
            search.round(&[1, 8, 64].map(|factor| from.saturating_mul(factor)))?;
            from = from.saturating_mul(512);
        }
        let (low, span) = (search.low, search.high.map_or(0, |high| high - search.low));
        let mut probes: Vec<_> = if span <= SMALL_SPAN {
            // Most accounts end soon after the first page.
            [16, 8, 4, 2].map(|part| low + span / part).to_vec()
        } else {
            (1..8).map(|part| low + span / 8 * part).collect()
        };
        probes.retain(|offset| low < *offset);
        search.open = probes.len();
        search.probes = probes.into_iter();
        Ok(search)
    }

    /// The offset of the next useful probe. Pages can be read meanwhile.
    pub(super) fn next_probe(&mut self) -> Option<u64> {
        if let Some(offset) = self.probes.next() {
            return Some(offset);
        }
        let high = self.high.filter(|high| high - self.low > SMALL_SPAN)?;
        if self.open > 0 || self.is_refused {
            return None;
        }
        self.open = 1;
        Some(self.low.midpoint(high))
    }

    /// Evaluates the answer to a probe. Offsets must be ascending.
    pub(super) fn settle(&mut self, offset: u64, answer: Probe) -> Result<(), ApiError> {
        if self.high.is_some_and(|high| high <= offset) {
            return Ok(());
        }
        self.open = self.open.saturating_sub(1);
        if let Probe::There(id) = answer {
            check_offsets(self.client, &self.seen, offset, id)?;
            self.seen.push((offset, id));
            self.low = offset;
        } else {
            self.high = Some(offset);
            self.is_refused = matches!(answer, Probe::Refused);
            self.probes = Vec::new().into_iter();
            self.open = 0;
        }
        Ok(())
    }

    /// The minimum number of contacts in the list.
    pub(super) fn least(&self) -> u64 {
        self.low + 1
    }

    /// An offset up to which pages can be requested. A large account is read further while its end is being
    /// narrowed down: pages are received in order and the first empty one ends the list, so at most the requests
    /// in flight are wasted.
    pub(super) fn end(&self) -> u64 {
        let high = self.high.filter(|high| {
            let is_useful = self.open == 0 || high - self.low > SMALL_SPAN;
            is_useful && !self.is_refused
        });
        high.unwrap_or(self.least())
    }

    pub(super) fn ended_at(&self, offset: u64) -> bool {
        self.high == Some(offset) && !self.is_refused
    }

    /// True if the server refuses large offsets.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// Probes ascending offsets concurrently.
    fn round(&mut self, offsets: &[u64]) -> Result<(), ApiError> {
        let client = self.client;
        parallel::ordered(
            || client.concurrency(),
            offsets,
            |offset| probe(client, *offset).map(|answer| (*offset, answer)),
            |answer| {
                let (offset, answer) = answer?;
                self.settle(offset, answer)?;
                Ok(match self.high {
                    Some(_) => ControlFlow::Break(()),
                    None => ControlFlow::Continue(()),
                })
            },
        )
    }
}

/// Fails if the contact at an offset is also at another one, or if the offset is impossibly large.
fn check_offsets(
    client: &Client,
    seen: &[(u64, u128)],
    offset: u64,
    id: u128,
) -> Result<(), ApiError> {
    if offset >= OFFSET_MAX {
        let detail = format!("there is a contact even at offset {offset}");
        return Err(ApiErrorKind::EndlessList {
            of: "contacts",
            detail,
        }
        .into());
    }
    let Some((earlier, _)) = seen.iter().find(|(_, seen)| *seen == id) else {
        return Ok(());
    };
    // The contact may have been deleted and recreated meanwhile; then its old offset has another contact.
    if let Probe::There(there) = probe(client, *earlier)?
        && there == id
    {
        let detail = format!("offsets {earlier} and {offset} give the same contact");
        return Err(ApiErrorKind::EndlessList {
            of: "contacts",
            detail,
        }
        .into());
    }
    Ok(())
}

/// The end of the list if it is between two offsets, otherwise the higher one.
pub(super) fn end_within(client: &Client, mut low: u64, mut high: u64) -> Result<u64, ApiError> {
    if !matches!(probe(client, high)?, Probe::Past) {
        return Ok(high);
    }
    while low < high {
        let middle = low.midpoint(high);
        if is_there(client, middle)? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(high)
}
