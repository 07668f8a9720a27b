//! Collects the outcome of a batch: a contact is listed only if it did not end as the batch intended.

use super::parcel::{Parcel, id_of};
use crate::{
    contact::Operation,
    reject::{Problem, RejectCode},
    run::{BatchOutcome, Exception, Outcome},
};

/// The outcome of a batch so far.
pub(super) struct OutcomeBuilder {
    outcome: BatchOutcome,
}

impl OutcomeBuilder {
    pub(super) fn new(no: u64, operation: Operation) -> Self {
        Self {
            outcome: BatchOutcome {
                no,
                operation,
                attempts: 0,
                status: None,
                processed: None,
                exceptions: Vec::new(),
            },
        }
    }

    pub(super) fn into_outcome(self) -> BatchOutcome {
        self.outcome
    }

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
        let outcome = Outcome::expected(parcel.operation);
        if parcel.operation != self.outcome.operation {
            for (seq, json) in parcel.items() {
                self.except(seq, id_of(parcel.operation, json), outcome, None, None);
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
            let id = id_of(parcel.operation, json);
            self.except(seq, id, Outcome::Failed, status, Some((code, reason)));
        }
    }

    /// Records that a contact was left out because it changed in the account since the plan was made.
    pub(super) fn stale(&mut self, seq: u64, id: String, reason: &str) {
        let problem = Some((RejectCode::ChangedSince, reason));
        self.except(seq, id, Outcome::Stale, None, problem);
    }

    fn except(
        &mut self,
        seq: u64,
        id: String,
        outcome: Outcome,
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
            outcome,
            status,
            problem,
        });
    }
}
