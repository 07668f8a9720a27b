//! Finds the end of the list before its pages are read, with requests for single contacts.
//!
//! A server whose list never ends is found out here: one that ignores `offset`, one that answers an offset behind the end
//! with the last page, and one that always has another contact.

use crate::api::{ApiError, ApiErrorKind, Client, ListedContact};

/// Contacts requested per page. \[doc\]
pub(super) const PAGE_LIMIT: u32 = 100;
pub(super) const PAGE: u64 = PAGE_LIMIT as u64;

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
    /// Galloping probes, then a few bisections.
    pub(super) fn of(client: &Client, first: &[ListedContact]) -> Result<Self, ApiError> {
        const GALLOP_FROM: u64 = 1_000;
        const BISECTIONS: u32 = 4;
        let size = first.len() as u64;
        let ids = (0..).zip(first);
        let mut seen: Vec<_> = ids
            .map(|(at, contact)| (at, id_in_list(contact).to_owned()))
            .collect();
        let (mut low, mut high) = (size - 1, size);
        // A full page is seldom the only one.
        if size >= PAGE {
            high = GALLOP_FROM.max(size.saturating_mul(2));
        }
        let mut is_refused = false;
        loop {
            match probe(client, high)? {
                Probe::There(id) => {
                    check_offsets(client, &seen, high, &id)?;
                    if high == size && client.page(0, PAGE_LIMIT)?.len() > first.len() {
                        // The first page was short because the list ended there.
                        break;
                    }
                    seen.push((high, id));
                    (low, high) = (high, GALLOP_FROM.max(high.saturating_mul(2)));
                }
                Probe::Past => break,
                Probe::Refused => {
                    is_refused = true;
                    break;
                }
            }
        }
        let mut bisections = 0;
        while bisections < BISECTIONS && high - low > 1 {
            bisections += 1;
            let middle = low.midpoint(high);
            match probe(client, middle)? {
                Probe::There(_) => low = middle,
                Probe::Past => (high, is_refused) = (middle, false),
                Probe::Refused => (high, is_refused) = (middle, true),
            }
        }
        Ok(Self {
            least: low + 1,
            end: (!is_refused).then_some(high),
        })
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
