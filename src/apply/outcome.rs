//! Collects the outcome of a batch: a contact is listed only if it did not end as the batch intended.

use super::parcel::{Parcel, id_of};
use crate::{
    contact::Action,
    reject::{Problem, RejectCode},
    run::{BatchOutcome, Exception, Fate},
};

/// The outcome of a batch so far.
pub(super) struct OutcomeBuilder {
    /// The fate of a contact if all goes well.
    expected: Fate,
    outcome: BatchOutcome,
}

impl OutcomeBuilder {
    pub(super) fn new(no: u64, action: Action) -> Self {
        Self {
            expected: Fate::expected(action),
            outcome: BatchOutcome {
                no,
                ..BatchOutcome::default()
            },
        }
    }

    pub(super) fn into_outcome(self) -> BatchOutcome {
        self.outcome
    }

    /// Records an answer of the server.
    pub(super) fn answered(&mut self, status: u16, processed: Option<u64>) {
        self.outcome.attempts += 1;
        self.outcome.status = Some(status);
        if let Some(processed) = processed {
            *self.outcome.processed.get_or_insert(0) += processed;
        }
    }

    /// Records an attempt that ended without an answer.
    pub(super) const fn unanswered(&mut self) {
        self.outcome.attempts += 1;
    }

    /// Records success for every contact of a parcel.
    pub(super) fn arrived(&mut self, parcel: &Parcel) {
        let fate = Fate::expected(parcel.action);
        if fate != self.expected {
            for (seq, json) in parcel.items() {
                self.except(seq, id_of(parcel.action, json), fate, None, None);
            }
        }
    }

    /// Records failure for every contact of a parcel.
    pub(super) fn failed(
        &mut self,
        parcel: &Parcel,
        status: Option<u16>,
        code: RejectCode,
        reason: &str,
    ) {
        for (seq, json) in parcel.items() {
            let id = id_of(parcel.action, json);
            self.except(seq, id, Fate::Failed, status, Some((code, reason)));
        }
    }

    /// Records that a contact was left out because it changed in the account since the plan was made.
    pub(super) fn stale(&mut self, seq: u64, id: String, reason: &str) {
        let problem = Some((RejectCode::ChangedSince, reason));
        self.except(seq, id, Fate::Stale, None, problem);
    }

    fn except(
        &mut self,
        seq: u64,
        id: String,
        fate: Fate,
        status: Option<u16>,
        problem: Option<(RejectCode, &str)>,
    ) {
        let problem = problem.map(|(code, reason)| Problem {
            column: None,
            code,
            reason: reason.to_owned(),
        });
        self.outcome.exceptions.push(Exception {
            seq,
            id,
            fate,
            status,
            problem,
        });
    }
}
