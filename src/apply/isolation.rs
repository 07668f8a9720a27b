//! Finds the contacts on which the server breaks down, by halving.
//!
//! A request that never gets a clear answer means that either the server is down or it can't handle a contact in it. So
//! the parcel is halved, breadth first. If part of it is accepted after the failing began, the server works (the
//! acceptance is the *witness*), and contacts that still fail alone are to blame. Without a witness, halving stops after
//! three levels and the batch stays in doubt: no contact is blamed for a server that is down or a token that lost its
//! rights. An acceptance from before the failing says nothing, so moments ([`Client::moment`](crate::api::Client::moment))
//! are compared.
//!
//! A batch that an earlier run left behind must not stay in doubt for ever: for it, contacts that are already in the
//! account count as witnesses too, except against the API's own 403, which is the token's fault more often than a contact's.

use std::collections::VecDeque;

use super::parcel::Parcel;

/// Parcels of a batch that are halved without a witness: the batch, its halves and its quarters.
const UNWITNESSED_MAX: u32 = 7;

/// The way in which a parcel failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// The server returned an error or no answer.
    Breakdown,
    /// A web page of a firewall or proxy forbids it (403, 400, 409, 422).
    Page,
    /// The API itself forbids it (403).
    Forbidden,
}

/// When a batch first failed, for each [`FailureKind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FailingSince([Option<u64>; 3]);

impl FailingSince {
    /// True if it began to fail before `moment`.
    pub(super) fn is_before(self, moment: u64) -> bool {
        self.0.iter().flatten().any(|since| *since < moment)
    }
}

/// Halving finds no witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoWitness;

/// A contact that was sent alone and never got a clear answer.
#[derive(Debug)]
pub(super) struct Suspect {
    pub(super) parcel: Parcel,
    pub(super) kind: FailureKind,
    /// The end of the last attempt.
    pub(super) reason: String,
}

/// The state of isolating one batch's culprits.
#[derive(Debug, Default)]
pub(super) struct Isolation {
    pub(super) since: FailingSince,
    /// When something of the batch was last accepted.
    last_arrival: u64,
    /// True if an earlier run may have sent the batch.
    pub(super) is_resumed: bool,
    /// True if contacts that were accepted before the failing count as witnesses.
    trusts_earlier: bool,
    unwitnessed: u32,
    /// Requests sent to find culprits, the batch's first one aside.
    pub(super) requests: u64,
    /// Failed parcels to be halved.
    waiting: VecDeque<(FailureKind, Parcel)>,
    pub(super) alone: Vec<Suspect>,
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

    /// Queues a failed parcel to be halved, or to be judged if it is a single contact.
    pub(super) fn add(&mut self, suspect: Suspect) {
        if suspect.parcel.len() > 1 {
            self.waiting.push_back((suspect.kind, suspect.parcel));
        } else {
            self.alone.push(suspect);
        }
    }

    /// The parcel to be halved next. `accepted`: as for [`Self::has_witness`].
    pub(super) fn next(&mut self, accepted: u64) -> Result<Option<Parcel>, NoWitness> {
        let Some((kind, parcel)) = self.waiting.pop_front() else {
            return Ok(None);
        };
        if !self.has_witness(kind, accepted) {
            if self.unwitnessed == UNWITNESSED_MAX {
                return Err(NoWitness);
            }
            self.unwitnessed += 1;
        }
        Ok(Some(parcel))
    }

    /// True if something was accepted after the batch began to fail in this way. `accepted`: when the newest accepted
    /// write of any batch left.
    pub(super) fn has_witness(&self, kind: FailureKind, accepted: u64) -> bool {
        let since = self.since.0[kind as usize];
        since.is_some_and(|since| self.last_arrival.max(accepted) > since)
            || (self.trusts_earlier && kind != FailureKind::Forbidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::Operation;

    fn parcel(contacts: u64) -> Parcel {
        let mut parcel = Parcel::new(Operation::Create, 100);
        (1..=contacts).for_each(|seq| parcel.push(seq, b"{}"));
        parcel
    }

    fn broken(parcel: Parcel) -> Suspect {
        Suspect {
            parcel,
            kind: FailureKind::Breakdown,
            reason: String::new(),
        }
    }

    #[test]
    fn only_an_acceptance_after_the_failing_began_is_a_witness() {
        let mut isolation = Isolation::default();
        isolation.arrived(3);
        assert!(
            !isolation.has_witness(FailureKind::Breakdown, 9),
            "no failure"
        );
        isolation.failed(FailureKind::Breakdown, 5);
        isolation.failed(FailureKind::Breakdown, 8);
        assert!(!isolation.has_witness(FailureKind::Breakdown, 4));
        assert!(
            isolation.has_witness(FailureKind::Breakdown, 6),
            "another batch"
        );
        isolation.arrived(7);
        assert!(
            isolation.has_witness(FailureKind::Breakdown, 0),
            "this batch"
        );
        isolation.failed(FailureKind::Forbidden, 9);
        assert!(!isolation.has_witness(FailureKind::Forbidden, 0));
    }

    #[test]
    fn bad_contacts_are_found_at_the_price_of_halving() {
        for bad in (1..=40).flat_map(|k| [(1..=k), (101 - k..=100), (30..=29 + k)]) {
            let mut isolation = Isolation::default();
            let (mut moment, mut halved, mut found) = (0, 0, 0);
            let mut send = |isolation: &mut Isolation, parcel: Parcel| {
                moment += 1;
                if !parcel.items().any(|(seq, _)| bad.contains(&seq)) {
                    return isolation.arrived(moment);
                }
                isolation.failed(FailureKind::Breakdown, moment);
                isolation.add(broken(parcel));
            };
            send(&mut isolation, parcel(100));
            while let Ok(Some(parcel)) = isolation.next(0) {
                halved += 1;
                parcel
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
    fn halving_stops_without_a_witness() {
        let mut isolation = Isolation::default();
        isolation.failed(FailureKind::Breakdown, 1);
        (0..20).for_each(|_| isolation.add(broken(parcel(2))));
        let halved = (0..20).take_while(|_| isolation.next(0).is_ok()).count();
        assert_eq!(halved, 7);
        assert!(isolation.next(2).is_ok(), "another batch was accepted");
    }
}
