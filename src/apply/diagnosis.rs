//! Determines why the server fails on a batch: because of its contacts, or because it is down.
//!
//! While writes fail one after another, or are forbidden before anything was [accepted](super::isolation), a batch is
//! put off: it is diagnosed by a second attempt, one batch at a time (see `scheduler`). With 8 requests in flight, a
//! server that fails every write of 2,000 contacts costs about 30 requests in this way, and 470 if each batch looks
//! up and halves its contacts at once; the difference grows with the requests in flight.

use std::sync::atomic::Ordering;

use super::{
    isolation::{FailedPayload, FailureKind, Isolation, NothingAccepted},
    open_batches::BatchJob,
    payload::{Payload, id_of},
    state::SenderState,
};
use crate::{
    api::{ApiError, ApiErrorKind, Client, Refusal},
    contact::Operation,
};

/// Longest wait for a server that fails writes, in doublings of the first.
const PAUSE_DOUBLINGS_MAX: u32 = 6;

/// The part of a batch that was carried out so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum CarriedOut {
    Nothing,
    Part,
    /// A write got no clear answer, so it may have been carried out.
    Unclear,
}

pub(super) struct FailureDiagnosis<'a> {
    client: &'a Client,
    pub(super) isolation: Isolation,
    is_second_attempt: bool,
    carried_out: CarriedOut,
    /// The error for which the batch was put off.
    pub(super) put_off: Option<ApiError>,
    /// The error if the server forbade something in the batch.
    forbidden: Option<ApiError>,
    /// The error with which the client gave up on something in the batch.
    gave_up: Option<ApiError>,
    /// True if the cause, or the outcome of some contacts, can't be determined.
    pub(super) is_unexplained: bool,
}

impl<'a> FailureDiagnosis<'a> {
    pub(super) fn new(client: &'a Client, state: &SenderState, job: &BatchJob) -> Self {
        Self {
            client,
            isolation: Isolation::new(job.since, state.is_rest.load(Ordering::SeqCst)),
            is_second_attempt: job.is_second_attempt,
            carried_out: if job.batch.unknown {
                CarriedOut::Unclear
            } else {
                CarriedOut::Nothing
            },
            put_off: None,
            forbidden: None,
            gave_up: None,
            is_unexplained: false,
        }
    }

    /// Notes that part of the batch was accepted.
    pub(super) fn arrived(&mut self) {
        self.note_partial();
        self.isolation.arrived(self.client.acceptances.moment());
    }

    /// Notes a failure after which the batch may have been carried out.
    fn note_breakdown(&mut self) {
        self.note_unclear();
        self.note_failure(FailureKind::Breakdown);
    }

    /// Notes a write that may have been carried out although no answer says so.
    pub(super) const fn note_unclear(&mut self) {
        self.carried_out = CarriedOut::Unclear;
    }

    /// Notes a refusal after which part of the batch may have been carried out.
    pub(super) fn note_partial(&mut self) {
        self.carried_out = self.carried_out.max(CarriedOut::Part);
    }

    /// True if part of the batch may have been carried out.
    pub(super) const fn may_be_done(&self) -> bool {
        !matches!(self.carried_out, CarriedOut::Nothing)
    }

    /// True if a write got no clear answer, so others need not be the cause of what it may have changed.
    pub(super) const fn was_unclear(&self) -> bool {
        matches!(self.carried_out, CarriedOut::Unclear)
    }

    fn note_failure(&mut self, kind: FailureKind) {
        self.isolation
            .failed(kind, self.client.acceptances.moment());
    }

    /// Notes a payload that is to be halved, or to be rejected if it is a single contact.
    pub(super) fn failed(&mut self, payload: &Payload, kind: FailureKind, reason: &str) {
        self.note_failure(kind);
        self.isolation.add(FailedPayload {
            payload: payload.clone(),
            kind,
            reason: reason.to_owned(),
        });
    }

    /// Notes a write without an answer. Returns true if the batch is to be looked up. If writes fail repeatedly, the
    /// server is probably down rather than failing on a contact, so it gets time to recover.
    pub(super) fn unanswered(&mut self) -> Result<bool, ApiError> {
        self.note_breakdown();
        let Some((failures, last)) = self.client.failing_writes() else {
            return Ok(true);
        };
        self.client.pause(failures.min(PAUSE_DOUBLINGS_MAX))?;
        Ok(self.may_continue(ApiErrorKind::Circuit { failures, last }))
    }

    /// Notes an answer that does not confirm a write. True if the server has accepted such a write, so the contacts
    /// may be the cause.
    pub(super) fn unconfirmed(&mut self, operation: Operation) -> bool {
        self.note_breakdown();
        self.client.acceptances.newest(operation) > 0
            || self.was_accepted_since(FailureKind::Breakdown, operation)
    }

    /// Notes that the client gave up on a payload. If the server does not even answer a look-up, it is down.
    pub(super) fn gave_up(&mut self, payload: &Payload, error: ApiError) -> Result<(), ApiError> {
        self.note_breakdown();
        if let Some((_, json)) = payload.items().next() {
            self.client.look_up(&id_of(payload.operation, json))?;
        }
        self.gave_up = Some(error);
        Ok(())
    }

    /// Notes a payload that a firewall, a proxy or the token's permissions keep from the API. Returns the kind of
    /// failure if the payload is to be halved. A page may replace the API's answer to a write that was carried out.
    pub(super) fn forbidden(
        &mut self,
        payload: &Payload,
        refusal: &Refusal,
    ) -> Option<FailureKind> {
        let kind = if refusal.is_page {
            self.note_unclear();
            FailureKind::Breakdown
        } else {
            FailureKind::Forbidden
        };
        self.note_failure(kind);
        let error = || self.client.forbidden(payload.operation, refusal);
        if !self.was_accepted_since(kind, payload.operation) && !self.may_continue(error()) {
            return None;
        }
        self.forbidden = Some(error());
        Some(kind)
    }

    /// True if the batch may be diagnosed now. Otherwise it is put off because of the error.
    pub(super) fn may_continue(&mut self, error: impl Into<ApiError>) -> bool {
        if !self.is_second_attempt {
            self.put_off = Some(error.into());
        }
        self.is_second_attempt
    }

    fn was_accepted_since(&self, kind: FailureKind, operation: Operation) -> bool {
        let accepted = self.client.acceptances.newest(operation);
        self.isolation.was_accepted_since(kind, accepted)
    }

    /// The next failed payload to halve. If nothing is accepted meanwhile, the failure stays unexplained.
    pub(super) fn next(&mut self, operation: Operation) -> Result<Option<Payload>, ApiError> {
        let accepted = self.client.acceptances.newest(operation);
        self.isolation.next(accepted).or_else(|NothingAccepted| {
            self.is_unexplained = true;
            self.gave_up.take().map_or(Ok(None), Err)
        })
    }

    /// Returns the contacts that failed alone and are not in the account if each is the cause; otherwise the failure
    /// stays unexplained.
    pub(super) fn causes(
        &mut self,
        absent: Vec<FailedPayload>,
    ) -> Result<Vec<FailedPayload>, ApiError> {
        tracing::debug!(requests = self.isolation.requests, "isolated");
        let is_cause = |it: &FailedPayload| self.was_accepted_since(it.kind, it.payload.operation);
        self.is_unexplained |= !absent.iter().all(is_cause);
        if self.is_unexplained {
            return self.forbidden.take().map_or(Ok(Vec::new()), Err);
        }
        Ok(absent)
    }
}
