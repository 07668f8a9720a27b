//! Settles a batch: sends it, isolates the contacts on which the server fails, and builds the outcome.

use super::{
    diagnosis::FailureDiagnosis,
    isolation::{FailedPayload, FailingSince},
    lookup::{self, Staleness},
    open_batches::{BatchJob, PlannedState},
    outcome::OutcomeBuilder,
    payload::{Payload, id_of},
    replies::{ROUNDS_MAX, ReplyHandler},
    state::SenderState,
};
use crate::{
    api::{ApiError, Client},
    contact::Operation,
    reject::RejectCode,
    run::BatchOutcome,
};

/// Settles one batch.
pub(super) struct Settler<'a> {
    replies: ReplyHandler<'a>,
}

impl<'a> Settler<'a> {
    /// `is_rest` is described at [`Isolation::new`](super::isolation::Isolation::new).
    pub(super) fn new(
        client: &'a Client,
        state: &'a SenderState,
        job: &BatchJob,
        is_rest: bool,
    ) -> Self {
        let outcome = OutcomeBuilder::new(state, job.batch.no, job.batch.operation);
        let diagnosis = FailureDiagnosis::new(client, job, is_rest);
        Self {
            replies: ReplyHandler::new(client, state, outcome, diagnosis),
        }
    }

    /// The outcome of the batch and the number of its contacts that were settled.
    pub(super) fn into_outcome(self, batch: &Payload) -> (BatchOutcome, usize) {
        self.replies.outcome.into_outcome(batch)
    }

    /// The contacts that are settled although the batch is not, if any, and the error for which it was put off.
    pub(super) fn into_settled(self) -> (Option<BatchOutcome>, Option<ApiError>) {
        let ReplyHandler {
            outcome, diagnosis, ..
        } = self.replies;
        (outcome.into_settled(), diagnosis.put_off)
    }

    /// True if the batch is to be sent once more: its failure is unexplained, or it was put off.
    pub(super) fn is_unexplained(&self) -> bool {
        let diagnosis = &self.replies.diagnosis;
        diagnosis.is_unexplained || diagnosis.put_off.is_some()
    }

    /// The start of the batch's failures.
    pub(super) fn failing_since(&self) -> FailingSince {
        self.replies.diagnosis.isolation.since
    }

    /// True if part of the batch may have been carried out.
    pub(super) fn may_be_done(&self) -> bool {
        self.replies.diagnosis.may_be_done
    }

    /// True if a request was answered, or may have been carried out.
    pub(super) fn has_sent(&self) -> bool {
        self.replies.has_sent
    }

    /// Sends a batch until the outcome of each contact is known.
    pub(super) fn settle(&mut self, job: &BatchJob) -> Result<(), ApiError> {
        let fresh;
        let payload = if job.planned.is_empty() {
            &job.payload
        } else {
            fresh = self.leave_out_stale(job)?;
            &fresh
        };
        let replies = &mut self.replies;
        replies.state.budget.sent(payload.len());
        // An interrupted run may have sent it already.
        let is_resumed = job.batch.unknown;
        replies.diagnosis.isolation.is_resumed = is_resumed;
        if is_resumed && (payload.operation == Operation::Create || job.is_second_attempt) {
            replies.look_up(payload, ROUNDS_MAX, "the run was interrupted")?;
        } else {
            replies.send(payload, ROUNDS_MAX)?;
        }
        self.settle_failed(payload)
    }

    /// Leaves out contacts that changed in the account since the plan was made and contacts that are already as
    /// planned. Returns the others.
    fn leave_out_stale(&mut self, job: &BatchJob) -> Result<Payload, ApiError> {
        let BatchJob {
            payload, planned, ..
        } = job;
        let replies = &mut self.replies;
        let mut fresh = Payload::new(payload.operation, payload.len());
        let mut done = Payload::new(payload.operation, 0);
        let stale = lookup::staleness(replies.client, payload, planned)?;
        for (((seq, json), staleness), planned) in payload.items().zip(stale).zip(planned) {
            if *planned == PlannedState::Absent && staleness != Staleness::Fresh {
                replies.state.found_existing(1);
            }
            match staleness {
                Staleness::Fresh => fresh.push(seq, json),
                // Others deleted what was never sent. If it counted as deleted, an undo would create it again.
                Staleness::AlreadyDone
                    if payload.operation == Operation::Delete && !job.batch.unknown =>
                {
                    let reason = "others deleted it from the account since the plan was made";
                    replies
                        .outcome
                        .stale(seq, id_of(payload.operation, json), reason);
                }
                Staleness::AlreadyDone => done.push(seq, json),
                Staleness::Stale(reason) => {
                    let id = id_of(payload.operation, json);
                    replies.outcome.stale(seq, id, reason);
                }
            }
        }
        replies.arrived(&done);
        Ok(fresh)
    }

    /// Halves failed payloads until the contacts that fail are alone, and rejects these if they are the cause.
    fn settle_failed(&mut self, batch: &Payload) -> Result<(), ApiError> {
        let replies = &mut self.replies;
        while let Some(payload) = replies.diagnosis.next(batch.operation)? {
            for half in payload.halves() {
                replies.send_isolated(&half, 1)?;
            }
        }
        // The last request of a contact may also have been carried out, so each is looked up before it is rejected.
        let mut absent = Vec::new();
        for failed in std::mem::take(&mut replies.diagnosis.isolation.alone) {
            let found = lookup::compare(replies.client, &failed.payload)?;
            replies.arrived(&found.as_sent);
            if found.as_sent.is_empty() {
                absent.push(failed);
            }
        }
        for FailedPayload {
            payload, reason, ..
        } in replies.diagnosis.causes(absent)?
        {
            let reason = format!(
                "the server fails whenever this contact is sent ({reason}), and accepts the others of its batch"
            );
            replies
                .outcome
                .failed(&payload, RejectCode::RefusedByServer, &reason);
        }
        Ok(())
    }
}
