//! Contacts on which the server breaks down rather than says no.
//!
//! A request that is never answered clearly, however often it is sent, is either a server that is down or one
//! that can't digest a contact. The neighbours tell: the parcel is divided, and where some of it arrives, what
//! never does is to blame. Where nothing arrives at all, nobody is, and the batch stays in doubt. A suspect whose last
//! request was carried out without an answer is innocent too, so each is looked up before anybody is judged.
//!
//! A witness is heard only if it was accepted *after* the failing had begun: what a server took before says nothing
//! of one that has broken down since, or of a token that has lost its rights since. Moments are those of the client
//! ([`Client::moment`](crate::api::Client::moment)).

use super::parcel::Parcel;

/// Divisions in a row without an arrival before it is the server's fault: enough to get from a full batch down
/// to one contact, which then has its neighbour to be compared with.
const BARREN_MAX: u32 = 8;

/// How a parcel failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The server broke down on it, or said nothing.
    Breakdown,
    /// A firewall's web page forbids it (403).
    Page,
    /// The API itself forbids it (403), which is the token's fault more often than a contact's.
    Forbidden,
}

/// When a batch failed first, in each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Since([Option<u64>; 3]);

/// What is known so far of one batch.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    since: Since,
    /// When something of the batch arrived last.
    last_arrival: u64,
    barren_divisions: u32,
    alone: Vec<Suspect>,
}

/// A contact that was sent alone and never answered clearly.
#[derive(Debug)]
pub(super) struct Suspect {
    /// The contact, and what was to be done with it.
    pub(super) parcel: Parcel,
    /// How it failed.
    pub(super) kind: Kind,
    /// How it ended the last time.
    pub(super) reason: String,
}

impl Suspects {
    /// Something of the batch arrived: the server is there.
    pub(super) const fn arrived(&mut self, moment: u64) {
        self.last_arrival = moment;
        self.barren_divisions = 0;
    }

    /// Something of the batch failed in this way.
    pub(super) fn failed(&mut self, kind: Kind, moment: u64) {
        self.since.0[kind as usize].get_or_insert(moment);
    }

    /// Is there still sense in dividing?
    pub(super) const fn may_divide(&mut self) -> bool {
        self.barren_divisions += 1;
        self.barren_divisions <= BARREN_MAX
    }

    /// A contact was sent alone, in vain.
    pub(super) fn add(&mut self, suspect: Suspect) {
        self.alone.push(suspect);
    }

    /// All of them, to be looked up and judged.
    pub(super) fn take(&mut self) -> Vec<Suspect> {
        std::mem::take(&mut self.alone)
    }

    /// Was anything taken after the batch had begun to fail in this way? `accepted`: when the newest write that the
    /// server took from anybody here had left.
    pub(super) fn have_a_witness(&self, kind: Kind, accepted: u64) -> bool {
        let since = self.since.0[kind as usize];
        since.is_some_and(|since| self.last_arrival.max(accepted) > since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_taken_after_the_failing_began_speaks_against_them() {
        let mut suspects = Suspects::default();
        suspects.arrived(3);
        assert!(!suspects.have_a_witness(Kind::Breakdown, 9), "of nobody");
        suspects.failed(Kind::Breakdown, 5);
        suspects.failed(Kind::Breakdown, 8);
        assert!(!suspects.have_a_witness(Kind::Breakdown, 4));
        assert!(suspects.have_a_witness(Kind::Breakdown, 6), "of another");
        suspects.arrived(7);
        assert!(suspects.have_a_witness(Kind::Breakdown, 0), "of its own");
        suspects.failed(Kind::Forbidden, 9);
        assert!(!suspects.have_a_witness(Kind::Forbidden, 0));
    }

    #[test]
    fn dividing_ends_when_nothing_comes_of_it() {
        let mut suspects = Suspects::default();
        assert_eq!((0..20).filter(|_| suspects.may_divide()).count(), 8);
        suspects.arrived(1);
        assert!(suspects.may_divide());
    }
}
