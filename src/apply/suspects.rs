//! Contacts on which the server breaks down rather than says no.
//!
//! A request that is never answered clearly, however often it is sent, is either a server that is down or one
//! that can't digest a contact. The neighbours tell: the parcel is divided, and where some of it arrives, what
//! never does is to blame. Where nothing arrives at all, nobody is, and the batch stays in doubt. A suspect whose last
//! request was carried out without an answer is innocent too, so each is looked up before anybody is judged.
//!
//! Whatever fails is divided later, in an order that finds an arrival soon: first the quarters of the batch, because bad
//! contacts that stand in a row leave one of them whole; then downwards where a part has become small, because bad
//! contacts that are scattered leave neighbours between them. Once there is a witness the order says nothing any
//! more, and everything is divided: k bad ones of n cost about 2·k·log2(n) requests.
//!
//! A witness is heard only if it was accepted *after* the failing had begun: what a server took before says nothing
//! of one that has broken down since, or of a token that has lost its rights since. Moments are those of the client
//! ([`Client::moment`](crate::api::Client::moment)).
//!
//! A batch that an earlier run has left has had its chance, or else it would be left for ever: there its neighbours that
//! are in the account speak against what is not, and where it is the little rest of a run the others do. The API's own
//! 403 is believed to be the token's fault all the same.

use std::collections::VecDeque;

use super::parcel::Parcel;

/// Divisions of a batch without a witness before it is the server's fault: enough to get by the quarters from a full
/// batch down to one contact, which then has its neighbour to be compared with.
const BARREN_MAX: u32 = 8;

/// How many of them go breadth first: those that make the quarters.
const BROAD: u32 = 3;

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

impl Since {
    /// Did it begin to fail before that moment?
    pub(super) fn is_before(self, moment: u64) -> bool {
        self.0.iter().flatten().any(|since| *since < moment)
    }
}

/// Dividing leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InVain;

/// What is known so far of one batch.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    since: Since,
    /// When something of the batch arrived last.
    last_arrival: u64,
    /// An earlier run may have sent it.
    resumed: bool,
    /// What arrived before it failed here speaks against them.
    hears_earlier: bool,
    barren_divisions: u32,
    /// Parcels that failed and are to be divided.
    waiting: VecDeque<(Kind, Parcel)>,
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
    /// What is known from before.
    pub(super) const fn remember(&mut self, since: Since, is_rest: bool) {
        self.since = since;
        self.hears_earlier = is_rest;
    }

    /// Since when the batch has been failing.
    pub(super) const fn since(&self) -> Since {
        self.since
    }

    /// An earlier run may have sent the batch.
    pub(super) const fn resume(&mut self) {
        self.resumed = true;
    }

    /// Something of the batch arrived: the server is there.
    pub(super) fn arrived(&mut self, moment: u64) {
        self.last_arrival = moment;
        self.hears_earlier |= self.resumed && self.since == Since::default();
    }

    /// Something of the batch failed in this way.
    pub(super) fn failed(&mut self, kind: Kind, moment: u64) {
        self.since.0[kind as usize].get_or_insert(moment);
    }

    /// A parcel of several contacts failed.
    pub(super) fn wait(&mut self, kind: Kind, parcel: Parcel) {
        self.waiting.push_back((kind, parcel));
    }

    /// The parcel to be divided next. `accepted`: as for [`Self::have_a_witness`].
    pub(super) fn next(&mut self, accepted: u64) -> Result<Option<Parcel>, InVain> {
        let Some((kind, _)) = self.waiting.front() else {
            return Ok(None);
        };
        let place = if self.have_a_witness(*kind, accepted) {
            0
        } else if self.barren_divisions == BARREN_MAX {
            return Err(InVain);
        } else {
            self.barren_divisions += 1;
            self.place_without_a_witness()
        };
        Ok(self.waiting.remove(place).map(|(_, parcel)| parcel))
    }

    /// The oldest, which is the largest; or, later, the first of the smallest.
    fn place_without_a_witness(&self) -> usize {
        if self.barren_divisions <= BROAD {
            return 0;
        }
        let smallest = self.waiting.iter().enumerate();
        smallest
            .min_by_key(|(_, (_, parcel))| parcel.len())
            .map_or(0, |(place, _)| place)
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
            || (self.hears_earlier && kind != Kind::Forbidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::Action;

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

    /// How many divisions there are for a hundred contacts, if these fail and the others are taken.
    fn divisions(bad: &[u64]) -> Result<u64, InVain> {
        let mut suspects = Suspects::default();
        let mut all = Parcel::new(Action::Create, 100);
        (1..=100).for_each(|seq| all.push(seq, b"{}"));
        let mut moment = 0;
        let mut send = |suspects: &mut Suspects, parcel: Parcel| {
            moment += 1;
            if !parcel.items().any(|(seq, _)| bad.contains(&seq)) {
                return suspects.arrived(moment);
            }
            suspects.failed(Kind::Breakdown, moment);
            if parcel.len() > 1 {
                suspects.wait(Kind::Breakdown, parcel);
            }
        };
        send(&mut suspects, all);
        let mut count = 0;
        while let Some(parcel) = suspects.next(0)? {
            for half in parcel.halves() {
                send(&mut suspects, half);
            }
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn bad_contacts_are_found_wherever_they_stand_at_the_price_of_halving() {
        let rows = (1..=40).flat_map(|k| [(1..=k).collect(), (101 - k..=100).collect()]);
        let scattered = (2..=20).map(|step| (1..=100).step_by(step).collect());
        for bad in rows.chain(scattered) {
            let bad: Vec<u64> = bad;
            let most = 7 * bad.len() as u64;
            assert!(divisions(&bad).is_ok_and(|count| count <= most), "{bad:?}");
        }
    }

    #[test]
    fn dividing_ends_when_nothing_comes_of_it() {
        let all: Vec<_> = (1..=100).collect();
        assert_eq!(divisions(&all), Err(InVain));
        let mut suspects = Suspects::default();
        let parcel = Parcel::new(Action::Create, 0);
        suspects.failed(Kind::Breakdown, 1);
        (0..20).for_each(|_| suspects.wait(Kind::Breakdown, parcel.clone()));
        let divided = (0..20).filter(|_| suspects.next(0).is_ok()).count();
        assert_eq!(divided, 8);
        assert!(suspects.next(2).is_ok(), "somebody else's was taken");
    }
}
