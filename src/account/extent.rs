//! Finds the approximate end of the list before its pages are read, with requests for single contacts.
//!
//! A server whose list never ends is found out here: one that ignores `offset`, one that answers an offset behind the end
//! with the last page, and one that always has another contact.

use std::ops::ControlFlow;

use crate::{
    api::{ApiError, ApiErrorKind, Client, ListedContact},
    parallel,
};

/// Contacts requested per page. \[doc\]
pub(super) const PAGE_LIMIT: u32 = 100;
pub(super) const PAGE: u64 = PAGE_LIMIT as u64;

/// An account with fewer contacts is small.
const SMALL_SPAN: u64 = 1_000;

/// No account has a contact at this offset.
const OFFSET_MAX: u64 = 1 << 30;

/// The number of contacts in the list, as far as it is known before they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// The list has at least so many.
    pub(super) least: u64,
    /// An offset a little past the last contact; `None` if the server refuses large offsets.
    pub(super) end: Option<u64>,
}

/// The id of a contact; that of an unreadable one may be empty.
pub(super) fn id_in_list(contact: &ListedContact) -> &str {
    match contact {
        Ok(contact) => &contact.id,
        Err(unreadable) => unreadable.id.as_deref().unwrap_or_default(),
    }
}

/// The answer to a request for the contact at an offset.
enum Probe {
    /// There is one, with this id.
    There(String),
    /// The list has ended.
    Past,
    /// The server refuses to answer: the offset is too large for it.
    Refused,
}

fn probe(client: &Client, offset: u64) -> Result<Probe, ApiError> {
    match client.page(offset, 1) {
        Ok(page) => Ok(page.first().map_or(Probe::Past, |contact| {
            Probe::There(id_in_list(contact).to_owned())
        })),
        Err(error) if error.is_refusal() => Ok(Probe::Refused),
        Err(error) => Err(error),
    }
}

/// True if the list has a contact at an offset; false also if the server refuses to say.
pub(super) fn is_there(client: &Client, offset: u64) -> Result<bool, ApiError> {
    Ok(matches!(probe(client, offset)?, Probe::There(_)))
}

impl Extent {
    /// Probes in few rounds, because each takes as long as an answer: galloping, then within the interval that is left.
    pub(super) fn of(client: &Client, first: &[ListedContact]) -> Result<Self, ApiError> {
        let size = first.len() as u64;
        let ids = (0..).zip(first);
        let mut search = Search {
            client,
            seen: ids
                .map(|(at, contact)| (at, id_in_list(contact).to_owned()))
                .collect(),
            low: size - 1,
            high: None,
            is_refused: false,
        };
        if size < PAGE {
            search.round(&[size])?;
            // If more come by now, the first page was short because the list ended there.
            if search.high.is_some() || client.page(0, PAGE_LIMIT)?.len() > first.len() {
                return Ok(Self {
                    least: size,
                    end: (!search.is_refused).then_some(size),
                });
            }
        }
        let mut from = SMALL_SPAN.max(size.saturating_mul(2));
        let mut high = loop {
            search.round(&[1, 8, 64].map(|factor| from.saturating_mul(factor)))?;
            match search.high {
                Some(high) => break high,
                None => from = from.saturating_mul(512),
            }
        };
        let (low, span) = (search.low, high - search.low);
        let mut within: Vec<_> = if span <= SMALL_SPAN {
            // Most accounts end soon after the first page.
            [16, 8, 4, 2].map(|part| low + span / part).to_vec()
        } else {
            (1..16).map(|part| low + span / 16 * part).collect()
        };
        within.retain(|offset| low < *offset);
        search.high = None;
        search.round(&within)?;
        high = search.high.unwrap_or(high);
        Ok(Self {
            least: search.low + 1,
            end: (!search.is_refused).then_some(high),
        })
    }
}

/// The search for the end of the list.
struct Search<'a> {
    client: &'a Client,
    /// The contacts that were shown, with their offsets.
    seen: Vec<(u64, String)>,
    /// The largest offset that is known to have a contact.
    low: u64,
    /// The first offset of the last round without one.
    high: Option<u64>,
    /// True if the server refused to answer for `high`.
    is_refused: bool,
}

impl Search<'_> {
    /// Probes ascending offsets at the same time.
    fn round(&mut self, offsets: &[u64]) -> Result<(), ApiError> {
        let client = self.client;
        parallel::ordered(
            || client.concurrency(),
            offsets,
            |offset| probe(client, *offset).map(|answer| (*offset, answer)),
            |answer| {
                let (offset, answer) = answer?;
                if let Probe::There(id) = answer {
                    check_offsets(client, &self.seen, offset, &id)?;
                    self.seen.push((offset, id));
                    self.low = offset;
                    return Ok(ControlFlow::Continue(()));
                }
                self.high = Some(offset);
                self.is_refused = matches!(answer, Probe::Refused);
                Ok(ControlFlow::Break(()))
            },
        )
    }
}

/// Fails if the contact at an offset is also at another one, or if there can't be one.
fn check_offsets(
    client: &Client,
    seen: &[(u64, String)],
    offset: u64,
    id: &str,
) -> Result<(), ApiError> {
    if offset >= OFFSET_MAX {
        let detail = format!("there is a contact even at offset {offset}");
        return Err(ApiErrorKind::EndlessList { detail }.into());
    }
    let Some((earlier, _)) = seen.iter().find(|(_, seen)| seen == id) else {
        return Ok(());
    };
    // It may have been deleted and created again meanwhile; then another one is where it was.
    if let Probe::There(there) = probe(client, *earlier)?
        && there == id
    {
        let detail = format!("offsets {earlier} and {offset} give the same contact");
        return Err(ApiErrorKind::EndlessList { detail }.into());
    }
    Ok(())
}

/// The end of the list if it lies between two offsets, otherwise the higher one.
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
