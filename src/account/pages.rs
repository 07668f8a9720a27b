//! Requests the pages of a list and puts them together to sections of a hundred contacts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    api::{ApiError, ApiErrorKind, Client, Listed},
    contact::Contact,
};

/// Contacts requested per page. \[doc\]
pub(super) const PAGE_LIMIT: u32 = 100;
pub(super) const PAGE: u64 = PAGE_LIMIT as u64;

/// The distance between the first contacts of two sections, which share one.
pub(super) const STRIDE: u64 = PAGE - 1;

/// Larger than any account. A server that has a contact there ignores offsets, answers those past the end with the
/// last page, or always has another contact.
const OFFSET_MAX: u64 = 1 << 30;

/// The answer to a request for the contact at an offset.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Probe {
    There,
    /// The list has ended.
    Past,
    /// The server refuses such a large offset.
    Refused,
}

fn probe(client: &Client, offset: u64) -> Result<Probe, ApiError> {
    match client.page(offset, 1, &|_| ()) {
        Ok(page) if page.is_empty() => Ok(Probe::Past),
        Ok(_) => Ok(Probe::There),
        Err(error) if error.is_refusal() => Ok(Probe::Refused),
        Err(error) => Err(error),
    }
}

/// True if the list has a contact at an offset; false also if the server refuses to answer.
pub(super) fn is_there(client: &Client, offset: u64) -> Result<bool, ApiError> {
    Ok(probe(client, offset)? == Probe::There)
}

pub(super) fn last_id<T>(contacts: &[Listed<T>]) -> Option<u128> {
    contacts.last().map(|last| last.id)
}

/// Up to a hundred consecutive contacts of the list.
pub(super) struct Section<T> {
    pub(super) contacts: Vec<Listed<T>>,
    /// True if it has a hundred contacts. Otherwise the account ends here.
    pub(super) whole: bool,
    /// Number of pages with its contacts.
    pub(super) pages: u64,
}

/// The last contact of a section, and its offset.
pub(super) struct Overlap {
    pub(super) id: u128,
    pub(super) at: u64,
}

impl<T> Section<T> {
    /// Drops everything up to `overlap`, the previous section's last contact. True if `overlap` was found.
    pub(super) fn skip_through(&mut self, overlap: u128) -> bool {
        let mut contacts = self.contacts.iter();
        let found = contacts.position(|contact| contact.id == overlap);
        if let Some(at) = found {
            self.contacts.drain(..=at);
        }
        found.is_some()
    }

    /// Prepends the contacts between the overlap and this section, by reading again from half a page before the
    /// overlap's old offset. True if the overlap was found.
    pub(super) fn fill_gap(
        &mut self,
        pages: &Pages<'_, T>,
        mut overlap: Overlap,
    ) -> Result<bool, ApiError> {
        let mut between = Vec::new();
        let found = loop {
            let from = overlap.at.saturating_sub(PAGE / 2);
            let mut again = pages.section(from)?;
            if !again.skip_through(overlap.id) {
                break false;
            }
            let last = last_id(&again.contacts);
            between.append(&mut again.contacts);
            if !again.whole {
                // The account has shrunk and ends before this section.
                (self.contacts, self.whole) = (Vec::new(), false);
                break true;
            }
            let Some(id) = last else { break false };
            if self.skip_through(id) {
                break true;
            }
            overlap = Overlap {
                id,
                at: from + STRIDE,
            };
        };
        between.append(&mut self.contacts);
        self.contacts = between;
        Ok(found)
    }
}

pub(super) struct Pages<'a, T> {
    client: &'a Client,
    keep: &'a (dyn Fn(Contact<'_>) -> T + Sync),
    /// The smallest offset at which a section was not complete. Those after it are not requested ahead.
    end: AtomicU64,
}

impl<'a, T> Pages<'a, T> {
    pub(super) fn new(client: &'a Client, keep: &'a (dyn Fn(Contact<'_>) -> T + Sync)) -> Self {
        Self {
            client,
            keep,
            end: AtomicU64::new(u64::MAX),
        }
    }

    fn page(&self, offset: u64) -> Result<Vec<Listed<T>>, ApiError> {
        self.client.page(offset, PAGE_LIMIT, self.keep)
    }

    /// The first section. An empty page has big consequences (all contacts are created, a backup is empty), so it
    /// is read twice. Fails if the list never ends.
    pub(super) fn first(&self) -> Result<Section<T>, ApiError> {
        let mut contacts = self.page(0)?;
        if contacts.is_empty() {
            contacts = self.page(0)?;
        }
        let size = contacts.len() as u64;
        let is_all = size == 0 || size < PAGE && probe(self.client, size)? == Probe::Past;
        if is_all {
            return Ok(Section {
                contacts,
                whole: false,
                pages: 1,
            });
        }
        if is_there(self.client, OFFSET_MAX)? {
            let (of, at) = ("contacts", OFFSET_MAX);
            let detail = format!("there is a contact even at offset {at}");
            return Err(ApiErrorKind::EndlessList { of, detail }.into());
        }
        self.complete(0, contacts)
    }

    /// Like [`Self::section`], but empty if the list is known to end before `offset`.
    pub(super) fn section_ahead(&self, offset: u64) -> Result<Section<T>, ApiError> {
        if offset > self.end.load(Ordering::Relaxed) {
            return Ok(Section {
                contacts: Vec::new(),
                whole: false,
                pages: 0,
            });
        }
        let section = self.section(offset)?;
        if !section.whole {
            self.end.fetch_min(offset, Ordering::Relaxed);
        }
        Ok(section)
    }

    /// Fetches a hundred contacts from `offset` on; fewer at the end.
    fn section(&self, offset: u64) -> Result<Section<T>, ApiError> {
        self.complete(offset, self.page(offset)?)
    }

    /// Requests a section that is not at the end although it was empty.
    pub(super) fn section_again(&self, offset: u64) -> Result<Section<T>, ApiError> {
        self.end.store(u64::MAX, Ordering::Relaxed);
        self.section(offset)
    }

    /// Continues a short page.
    fn complete(&self, offset: u64, mut contacts: Vec<Listed<T>>) -> Result<Section<T>, ApiError> {
        let client = self.client;
        let (mut end, mut pages) = (None, 1);
        let mut next = offset + contacts.len() as u64;
        while !contacts.is_empty() && next < end.unwrap_or(offset + PAGE) {
            let more = match self.page(next) {
                // The server refuses offsets past the end.
                Err(error) if error.is_refusal() && is_last(client, next - 1)? => break,
                result => result?,
            };
            if more.is_empty() {
                break;
            }
            contacts.extend(more);
            pages += 1;
            next = offset + contacts.len() as u64;
            // Either the server's pages are short, or contacts are being appended one by one.
            if end.is_none() && next < offset + PAGE {
                end = Some(end_within(client, next, offset + PAGE)?);
            }
        }
        contacts.truncate(PAGE_LIMIT as usize);
        let whole = contacts.len() as u64 == PAGE;
        Ok(Section {
            contacts,
            whole,
            pages,
        })
    }
}

/// True if the list ends with the contact at an offset.
fn is_last(client: &Client, offset: u64) -> Result<bool, ApiError> {
    Ok(client.page(offset, 2, &|_| ())?.len() == 1)
}

/// The end of the list if it is between two offsets, otherwise the higher one.
fn end_within(client: &Client, mut low: u64, mut high: u64) -> Result<u64, ApiError> {
    if probe(client, high)? != Probe::Past {
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
