//! Isolates the contacts on which the server fails, by bisection.
//!
//! If a request never gets a clear answer, either the server is down or it can't handle a contact in the request.
//! So the payload is halved, breadth first. If a write is accepted after the failures began, the server works, and
//! contacts that still fail alone are the cause. If nothing is accepted, halving stops after three levels and the
//! failure stays unexplained: no contact is rejected because a server is down or a token lost its permissions. An
//! acceptance from before the failures proves nothing, so moments (`Acceptances::moment`) are compared.
//!
//! The failure of a batch left by an earlier run must not stay unexplained for ever. For it, contacts that are
//! already in the account also count as accepted, except against the API's own 403, which is more often caused by
//! the token than by a contact.

use std::collections::VecDeque;

use super::payload::Payload;

/// Number of payloads of a batch that are halved while nothing is accepted: the batch, its halves and its quarters.
const HALVINGS_MAX: u32 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// An error of the server, no answer, or a web page of a firewall or proxy (403, 400, 409, 422).
    Breakdown,
    /// Forbidden by the API itself (403).
    Forbidden,
}

/// The moment of a batch's first failure, by [`FailureKind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FailingSince([Option<u64>; 2]);

/// Nothing was accepted while the payloads of a batch were halved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NothingAccepted;

/// Contacts that were sent without ever getting a clear answer.
#[derive(Debug)]
pub(super) struct FailedPayload {
    pub(super) payload: Payload,
    pub(super) kind: FailureKind,
    /// The result of the last attempt.
    pub(super) reason: String,
}

/// The state of isolating the contacts on which the server fails.
#[derive(Debug, Default)]
pub(super) struct Isolation {
    pub(super) since: FailingSince,
    /// The moment at which part of the batch was last accepted.
    last_arrival: u64,
    /// True if an earlier run may have sent the batch.
    pub(super) is_resumed: bool,
    /// True if contacts accepted before the failures count, too.
    trusts_earlier: bool,
    /// Payloads halved while nothing was accepted.
    halvings: u32,
    /// Requests sent for parts of the batch.
    pub(super) requests: u64,
    /// Failed payloads to be halved.
    waiting: VecDeque<(FailureKind, Payload)>,
    /// Single contacts that failed.
    pub(super) alone: Vec<FailedPayload>,
}

impl Isolation {
    /// For a batch that failed before, or that is the small rest of a run (`is_rest`).
    pub(super) fn new(since: FailingSince, is_rest: bool) -> Self {
        Self {
            since,
            trusts_earlier: is_rest,
            ..Self::default()
        }
    }

    pub(super) fn arrived(&mut self, moment: u64) {
        self.last_arrival = moment;
        self.trusts_earlier |= self.is_resumed && self.since == FailingSince::default();
    }

    pub(super) fn failed(&mut self, kind: FailureKind, moment: u64) {
        self.since.0[kind as usize].get_or_insert(moment);
    }

    /// Queues a failed payload to be halved, or a single contact to be rejected.
    pub(super) fn add(&mut self, failed: FailedPayload) {
        if failed.payload.len() > 1 {
            self.waiting.push_back((failed.kind, failed.payload));
        } else {
            self.alone.push(failed);
        }
    }

    /// The next payload to halve. `accepted` is described at [`Self::was_accepted_since`].
    pub(super) fn next(&mut self, accepted: u64) -> Result<Option<Payload>, NothingAccepted> {
        let Some((kind, payload)) = self.waiting.pop_front() else {
            return Ok(None);
        };
        if !self.was_accepted_since(kind, accepted) {
            if self.halvings == HALVINGS_MAX {
                return Err(NothingAccepted);
            }
            self.halvings += 1;
        }
        Ok(Some(payload))
    }

    /// True if something was accepted after the batch began to fail in this way. `accepted`: when the newest
    /// accepted write of any batch was sent.
    pub(super) fn was_accepted_since(&self, kind: FailureKind, accepted: u64) -> bool {
        let since = self.since.0[kind as usize];
        since.is_some_and(|since| self.last_arrival.max(accepted) > since)
            || (self.trusts_earlier && kind != FailureKind::Forbidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::Operation;

    fn payload(contacts: u64) -> Payload {
        let mut payload = Payload::new(Operation::Create, 100);
        (1..=contacts).for_each(|seq| payload.push(seq, b"{}"));
        payload
    }

    fn broken(payload: Payload) -> FailedPayload {
        FailedPayload {
            payload,
            kind: FailureKind::Breakdown,
            reason: String::new(),
        }
    }

    #[test]
    fn only_an_acceptance_after_the_failures_began_counts() {
        let mut isolation = Isolation::default();
        isolation.arrived(3);
        assert!(
            !isolation.was_accepted_since(FailureKind::Breakdown, 9),
            "no failure"
        );
        isolation.failed(FailureKind::Breakdown, 5);
        isolation.failed(FailureKind::Breakdown, 8);
        assert!(!isolation.was_accepted_since(FailureKind::Breakdown, 4));
        assert!(
            isolation.was_accepted_since(FailureKind::Breakdown, 6),
            "another batch"
        );
        isolation.arrived(7);
        assert!(
            isolation.was_accepted_since(FailureKind::Breakdown, 0),
            "this batch"
        );
        isolation.failed(FailureKind::Forbidden, 9);
        assert!(!isolation.was_accepted_since(FailureKind::Forbidden, 0));
    }

    #[test]
    fn bad_contacts_are_found_at_the_price_of_halving() {
        for bad in (1..=40).flat_map(|k| [(1..=k), (101 - k..=100), (30..=29 + k)]) {
            let mut isolation = Isolation::default();
            let (mut moment, mut halved, mut found) = (0, 0, 0);
            let mut send = |isolation: &mut Isolation, payload: Payload| {
                moment += 1;
                if !payload.items().any(|(seq, _)| bad.contains(&seq)) {
                    return isolation.arrived(moment);
                }
                isolation.failed(FailureKind::Breakdown, moment);
                isolation.add(broken(payload));
            };
            send(&mut isolation, payload(100));
            while let Ok(Some(payload)) = isolation.next(0) {
                halved += 1;
                payload
                    .halves()
                    .into_iter()
                    .for_each(|half| send(&mut isolation, half));
            }
            found += isolation.alone.len();
            assert_eq!(found, bad.clone().count(), "{bad:?}");
            assert!(halved <= 7 * found, "{bad:?}: {halved}");
        }
    }

    #[test]
    fn halving_stops_if_nothing_is_accepted() {
        let mut isolation = Isolation::default();
        isolation.failed(FailureKind::Breakdown, 1);
        (0..20).for_each(|_| isolation.add(broken(payload(2))));
        let halved = (0..20).take_while(|_| isolation.next(0).is_ok()).count();
        assert_eq!(halved, 7);
        assert!(isolation.next(2).is_ok(), "another batch was accepted");
    }
}
