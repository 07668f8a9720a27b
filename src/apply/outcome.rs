//! Collects the outcome of a batch. Only contacts with another outcome than intended are listed.

use std::collections::HashSet;

use super::{
    open_batches::BatchJob,
    payload::{Payload, id_of},
    state::SenderState,
};
use crate::{
    api::{Refusal, RefusedContact},
    contact::Operation,
    reject::{Fault, Problem, RejectCode},
    run::{BatchOutcome, Exception, Outcome, Rest},
};

/// A fault with the path of the invalid field.
type FieldFault<'a> = (Option<&'a str>, Fault);

/// The outcome of a batch so far.
pub(super) struct OutcomeBuilder<'a> {
    state: &'a SenderState,
    outcome: BatchOutcome,
    /// Refused contacts that were not isolated because the budget was used up.
    left: Vec<Payload>,
}

impl<'a> OutcomeBuilder<'a> {
    pub(super) fn new(state: &'a SenderState, no: u64, operation: Operation) -> Self {
        Self {
            state,
            outcome: BatchOutcome {
                no,
                operation,
                attempts: 0,
                status: None,
                processed: None,
                exceptions: Vec::new(),
                rest: Rest::Nothing,
            },
            left: Vec::new(),
        }
    }

    /// Records contacts that are not attempted.
    pub(super) fn leave(&mut self, payload: &Payload) {
        self.left.push(payload.clone());
    }

    /// The outcome of a batch, and the number of its contacts that were attempted.
    pub(super) fn into_outcome(mut self, job: &BatchJob) -> (BatchOutcome, usize) {
        let payload = &job.payload;
        self.outcome.rest = job.others;
        if !self.left.is_empty() && job.others == Rest::Nothing {
            self.outcome.rest = Rest::Unsent;
        }
        if self.outcome.rest == Rest::Nothing {
            return (self.outcome, payload.len());
        }
        let listed = self
            .outcome
            .exceptions
            .iter()
            .map(|exception| exception.seq);
        let left = self
            .left
            .iter()
            .flat_map(Payload::items)
            .map(|(seq, _)| seq);
        let others: HashSet<u64> = listed.chain(left).collect();
        for (seq, json) in payload.items().filter(|(seq, _)| !others.contains(seq)) {
            self.succeeded(payload.operation, seq, json);
        }
        let left: usize = self.left.iter().map(Payload::len).sum();
        (self.outcome, payload.len() - left)
    }

    /// The contacts that are settled although the batch is not, if any.
    pub(super) fn into_settled(mut self) -> Option<BatchOutcome> {
        self.outcome.rest = Rest::Unknown;
        Some(self.outcome).filter(|outcome| !outcome.exceptions.is_empty())
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

    /// Records success for every contact of a payload.
    pub(super) fn arrived(&mut self, payload: &Payload) {
        if payload.operation != self.outcome.operation {
            for (seq, json) in payload.items() {
                self.succeeded(payload.operation, seq, json);
            }
        }
    }

    /// Records the failure of contacts without an explanation by the server.
    pub(super) fn failed(&mut self, payload: &Payload, code: RejectCode, reason: &str) {
        let fault = Fault::new(code, reason);
        self.reject(payload, None, &[(None, fault)]);
    }

    /// Records that a contact can't be updated because the account does not have it.
    pub(super) fn not_found(&mut self, single: &Payload, status: u16) {
        let fault = Fault::new(
            RejectCode::NotFound,
            "the account has no contact with this id: import it with --mode upsert or create",
        );
        self.reject(single, Some(status), &[(Some("id"), fault)]);
    }

    /// Records that the server refused a single contact, with its message about it if there was one.
    pub(super) fn refused(
        &mut self,
        single: &Payload,
        refusal: &Refusal,
        named: Option<&RefusedContact>,
    ) {
        let reason = refusal.reason();
        let fault = |reason: &str| Fault::new(RejectCode::RefusedByServer, reason);
        let errors = named.map_or(&[][..], |named| &named.errors);
        let mut faults: Vec<FieldFault<'_>> = errors
            .iter()
            .map(|error| {
                let message = error.message.as_ref().unwrap_or(&reason);
                (error.field.as_deref(), fault(message))
            })
            .collect();
        if faults.is_empty() {
            faults.push((None, fault(&reason)));
        }
        self.reject(single, Some(refusal.status), &faults);
    }

    /// Rejects a contact. A field is replaced by its source column; without one, the reason names the field.
    fn reject(&mut self, payload: &Payload, status: Option<u16>, faults: &[FieldFault<'_>]) {
        for (seq, json) in payload.items() {
            let problem = |(field, fault): &FieldFault<'_>| {
                // A deletion has no row.
                let field = field.filter(|_| payload.operation != Operation::Delete);
                let columns = &self.state.columns;
                let column =
                    field.and_then(|field| columns.column(seq, json, field, &fault.reason));
                let mut fault = fault.clone();
                let word = field
                    .and_then(|field| field.rsplit('.').next())
                    .unwrap_or_default();
                if column.is_none() && !fault.reason.contains(word) {
                    fault.reason = format!("{} ({word})", fault.reason);
                }
                fault.at(column)
            };
            let problems: Vec<Problem> = faults.iter().map(problem).collect();
            let id = id_of(payload.operation, json);
            // A contact that the tool left alone was not refused.
            if faults
                .iter()
                .any(|(_, fault)| fault.code != RejectCode::ContactUnreadable)
            {
                let chat_column = self.state.columns.column(seq, json, "chat_id", "");
                self.state.budget.refused(&id, json, &problems, chat_column);
            }
            self.except(seq, id, Outcome::Failed, status, problems);
        }
    }

    /// Records that a contact was left out because it changed in the account since the plan was made.
    pub(super) fn stale(&mut self, seq: u64, id: String, reason: &str) {
        let problem = Fault::new(RejectCode::ChangedSince, reason).at(None);
        self.except(seq, id, Outcome::Stale, None, vec![problem]);
    }

    /// Records that others deleted contacts before this run could. If these counted as deleted, an undo would create
    /// them again.
    pub(super) fn deleted_by_others(&mut self, payload: &Payload) {
        let reason = "others deleted it from the account meanwhile";
        for (seq, json) in payload.items() {
            self.stale(seq, id_of(payload.operation, json), reason);
        }
    }

    fn succeeded(&mut self, operation: Operation, seq: u64, json: &[u8]) {
        let outcome = Outcome::expected(operation);
        self.except(seq, id_of(operation, json), outcome, None, Vec::new());
    }

    fn except(
        &mut self,
        seq: u64,
        id: String,
        outcome: Outcome,
        status: Option<u16>,
        problems: Vec<Problem>,
    ) {
        self.outcome.exceptions.push(Exception {
            seq,
            id,
            outcome,
            status,
            problems,
        });
    }
}
