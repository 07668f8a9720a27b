//! Contacts on which the server breaks down rather than says no.
//!
//! A request that is never answered clearly, however often it is sent, is either a server that is down or one
//! that can't digest a contact. The neighbours tell: the parcel is divided, and where some of it arrives, what
//! never does is to blame. Where nothing arrives at all, nobody is, and the batch stays in doubt.

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
    pub(super) seq: u64,
    pub(super) id: String,
    /// How it ended the last time.
    pub(super) reason: String,
}

impl Suspects {
    /// Something of the batch arrived: the server is there.
    pub(super) const fn arrived(&mut self) {
        self.has_arrivals = true;
        self.barren_divisions = 0;
    }

    /// Is there still sense in dividing?
    pub(super) const fn may_divide(&mut self) -> bool {
        self.barren_divisions += 1;
        self.barren_divisions <= BARREN_MAX
    }

    /// A contact was sent alone, in vain.
    pub(super) fn add(&mut self, seq: u64, id: String, reason: String) {
        self.alone.push(Suspect { seq, id, reason });
    }

    /// Those that are to blame; `None` where nothing arrived that would speak against them.
    pub(super) fn convict(&mut self) -> Option<Vec<Suspect>> {
        (self.has_arrivals || self.alone.is_empty()).then(|| std::mem::take(&mut self.alone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_to_blame_where_nothing_arrives() {
        let mut suspects = Suspects::default();
        suspects.add(1, "a".into(), "500".into());
        assert!(suspects.convict().is_none());
        suspects.arrived();
        assert_eq!(suspects.convict().map(|blamed| blamed.len()), Some(1));
    }

    #[test]
    fn dividing_ends_when_nothing_comes_of_it() {
        let mut suspects = Suspects::default();
        assert_eq!((0..20).filter(|_| suspects.may_divide()).count(), 8);
        suspects.arrived();
        assert!(suspects.may_divide());
    }
}
