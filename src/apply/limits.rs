//! Learns the maximum request size of the server from its refusals of larger requests.
//!
//! A request that is refused for its size is divided, and later requests of the run are smaller. A size that was
//! accepted once stays allowed: if a smaller request is refused in the same way, its content is the reason.

use std::fmt;

use parking_lot::Mutex;

use serde::{Deserialize, Serialize};

use super::payload::Payload;
use crate::{api::TooLarge, wording::counted};

/// The server's maximum request size, as far as it differs from the documentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LearnedLimits {
    /// Contacts in a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacts: Option<usize>,
    /// Bytes of a request's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
}

impl LearnedLimits {
    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for LearnedLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contacts = self.contacts.map(|most| counted(most as u64, "contact"));
        let bytes = self.bytes.map(|most| counted(most as u64, "byte"));
        let limits: Vec<String> = contacts.into_iter().chain(bytes).collect();
        write!(
            f,
            "at most {} in a request, as the server refuses more",
            limits.join(" and ")
        )
    }
}

/// Shared by all sender threads.
#[derive(Debug, Default)]
pub(crate) struct SizeLimits(Mutex<Sizes>);

#[derive(Debug, Default)]
struct Sizes {
    learned: LearnedLimits,
    /// The largest accepted request: contacts and bytes.
    accepted: (usize, usize),
}

impl SizeLimits {
    pub(crate) fn new(learned: LearnedLimits) -> Self {
        Self(Mutex::new(Sizes {
            learned,
            ..Sizes::default()
        }))
    }

    pub(crate) fn learned(&self) -> LearnedLimits {
        self.0.lock().learned
    }

    pub(super) fn accepted(&self, payload: &Payload) {
        let mut sizes = self.0.lock();
        let (contacts, bytes) = &mut sizes.accepted;
        *contacts = (*contacts).max(payload.len());
        *bytes = (*bytes).max(payload.body_len());
    }

    /// Learns from a payload that was refused for its size. Returns false if its size can't be the reason.
    pub(super) fn refused(&self, too_large: TooLarge, payload: &Payload) -> bool {
        let mut sizes = self.0.lock();
        let Sizes { learned, accepted } = &mut *sizes;
        let (limit, size, accepted) = match too_large {
            TooLarge::Entities => (&mut learned.contacts, payload.len(), accepted.0),
            TooLarge::Bytes => (&mut learned.bytes, payload.body_len(), accepted.1),
        };
        if payload.len() == 1 || size <= accepted {
            return false;
        }
        let smaller = (size / 2).max(accepted);
        *limit = Some(limit.map_or(smaller, |limit| limit.min(smaller)));
        true
    }

    /// The payload divided into parts that the server accepts; `None` if it accepts the whole.
    pub(super) fn divide(&self, payload: &Payload) -> Option<Vec<Payload>> {
        let LearnedLimits { contacts, bytes } = self.learned();
        let (contacts, bytes) = (contacts.unwrap_or(usize::MAX), bytes.unwrap_or(usize::MAX));
        let fits = |len: usize, body_len: usize| len <= contacts && body_len <= bytes;
        if payload.len() == 1 || fits(payload.len(), payload.body_len()) {
            return None;
        }
        let mut parts: Vec<Payload> = Vec::new();
        for (seq, json) in payload.items() {
            let is_room =
                |part: &&mut Payload| fits(part.len() + 1, part.body_len() + json.len() + 2);
            if let Some(part) = parts.last_mut().filter(is_room) {
                part.push(seq, json);
                continue;
            }
            let mut part = Payload::new(payload.operation, 0);
            part.push(seq, json);
            parts.push(part);
        }
        Some(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::Operation;

    fn payload(contacts: u64, bytes_each: usize) -> Payload {
        let mut payload = Payload::new(Operation::Create, 100);
        let json = "x".repeat(bytes_each);
        (0..contacts).for_each(|seq| payload.push(seq, json.as_bytes()));
        payload
    }

    fn lens(limits: &SizeLimits, payload: &Payload) -> Vec<usize> {
        let parts = limits.divide(payload);
        parts.map_or_else(Vec::new, |parts| parts.iter().map(Payload::len).collect())
    }

    #[test]
    fn a_refused_size_is_halved_until_it_is_taken() {
        let limits = SizeLimits::default();
        assert!(lens(&limits, &payload(100, 9)).is_empty());
        assert!(limits.refused(TooLarge::Entities, &payload(100, 9)));
        assert_eq!(lens(&limits, &payload(100, 9)), [50, 50]);
        assert!(limits.refused(TooLarge::Entities, &payload(50, 9)));
        assert_eq!(lens(&limits, &payload(60, 9)), [25, 25, 10]);
        assert_eq!(limits.learned().contacts, Some(25));
    }

    #[test]
    fn bytes_are_limited_with_the_whole_body() {
        let limits = SizeLimits::default();
        let refused = payload(10, 100);
        assert!(limits.refused(TooLarge::Bytes, &refused));
        let most = refused.body().len() / 2;
        for part in limits.divide(&refused).unwrap_or_default() {
            assert!(part.body().len() <= most);
            assert_eq!(part.body().len(), part.body_len());
        }
        assert_eq!(
            lens(&limits, &payload(2, 9_999)),
            [1, 1],
            "the least there is"
        );
    }

    #[test]
    fn a_size_that_was_accepted_is_not_given_up() {
        let limits = SizeLimits::default();
        limits.accepted(&payload(80, 9));
        assert!(!limits.refused(TooLarge::Entities, &payload(80, 9)));
        assert!(limits.refused(TooLarge::Entities, &payload(100, 9)));
        assert_eq!(limits.learned().contacts, Some(80));
        assert!(
            !limits.refused(TooLarge::Bytes, &payload(1, 9)),
            "a single contact"
        );
    }
}
