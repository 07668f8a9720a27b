//! Contacts on which the server breaks down rather than says no.
//!
//! A request that is never answered clearly, however often it is sent, is either a server that is down or one
//! that can't digest a contact. The neighbours tell: the parcel is divided, and where some of it arrives, what
//! never does is to blame. Where nothing arrives at all, nobody is, and the batch stays in doubt. A suspect whose last
//! request was carried out without an answer is innocent too, so each is looked up before anybody is judged.

use super::parcel::Parcel;

/// Divisions in a row without an arrival before it is the server's fault: enough to get from a full batch down
/// to one contact, which then has its neighbour to be compared with.
const BARREN_MAX: u32 = 8;

/// What is known so far of one batch.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    has_arrivals: bool,
    barren_divisions: u32,
    alone: Vec<Suspect>,
}

/// A contact that was sent alone and never answered clearly.
#[derive(Debug)]
pub(super) struct Suspect {
    /// The contact, and what was to be done with it.
    pub(super) parcel: Parcel,
    /// How it ended the last time.
    pub(super) reason: String,
}

impl Suspects {
    /// Something of the batch arrived: the server is there.
    pub(super) const fn arrived(&mut self) {
        self.has_arrivals = true;
        self.barren_divisions = 0;
    }

    /// Others than the batch's own were taken: they speak against a suspect, and say nothing about the division.
    pub(super) const fn others_arrived(&mut self) {
        self.has_arrivals = true;
    }

    /// Is there still sense in dividing?
    pub(super) const fn may_divide(&mut self) -> bool {
        self.barren_divisions += 1;
        self.barren_divisions <= BARREN_MAX
    }

    /// A contact was sent alone, in vain.
    pub(super) fn add(&mut self, parcel: Parcel, reason: String) {
        self.alone.push(Suspect { parcel, reason });
    }

    /// All of them, to be looked up and judged.
    pub(super) fn take(&mut self) -> Vec<Suspect> {
        std::mem::take(&mut self.alone)
    }

    /// Did anything arrive that speaks against them?
    pub(super) const fn have_a_witness(&self) -> bool {
        self.has_arrivals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Action;

    #[test]
    fn only_an_arrival_speaks_against_them() {
        let mut suspects = Suspects::default();
        let alone = Parcel::new(Action::Create, 1);
        suspects.add(alone, "500".into());
        assert!(!suspects.have_a_witness());
        suspects.arrived();
        assert!(suspects.have_a_witness());
        assert_eq!((suspects.take().len(), suspects.take().len()), (1, 0));
    }

    #[test]
    fn dividing_ends_when_nothing_comes_of_it() {
        let mut suspects = Suspects::default();
        assert_eq!((0..20).filter(|_| suspects.may_divide()).count(), 8);
        suspects.arrived();
        assert!(suspects.may_divide());
    }
}
