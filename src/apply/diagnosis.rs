//! Determines why the server fails on a batch: because of its contacts, or because it is down.
//!
//! While writes fail one after another, or are forbidden before anything was [accepted](super::isolation), only one
//! batch at a time is diagnosed, so that a server that is down costs few requests. The others are put off to the end
//! of the run.

use super::{
    isolation::{FailedPayload, FailingSince, FailureKind, Isolation, NothingAccepted},
    payload::{Payload, id_of},
    state::SenderState,
};
use crate::{
    api::{ApiError, ApiErrorKind, Client, Refusal},
    contact::Operation,
};

/// Longest wait for a server that fails writes, in doublings of the first.
const PAUSE_DOUBLINGS_MAX: u32 = 6;

/// The diagnosis of one batch.
pub(super) struct FailureDiagnosis<'a> {
    client: &'a Client,
    state: &'a SenderState,
    pub(super) isolation: Isolation,
    /// True if this is the batch that is diagnosed while writes fail.
    has_turn: bool,
    /// The error for which the batch was put off until the other one is diagnosed.
    pub(super) put_off: Option<ApiError>,
    /// The error if the server forbade something in the batch.
    forbidden: Option<ApiError>,
    /// The error with which the client gave up on something in the batch.
    gave_up: Option<ApiError>,
    /// True if the cause, or the outcome of some contacts, can't be determined.
    pub(super) is_unexplained: bool,
}

impl<'a> FailureDiagnosis<'a> {
    /// `since` and `is_rest` are described at [`Isolation::new`].
    pub(super) fn new(
        client: &'a Client,
        state: &'a SenderState,
        since: FailingSince,
        is_rest: bool,
    ) -> Self {
        Self {
            client,
            state,
            isolation: Isolation::new(since, is_rest),
            has_turn: false,
            put_off: None,
            forbidden: None,
            gave_up: None,
            is_unexplained: false,
        }
    }

    /// Notes that part of the batch was accepted.
    pub(super) fn arrived(&mut self) {
        self.isolation.arrived(self.client.acceptances.moment());
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
        self.note_failure(FailureKind::Breakdown);
        let Some((failures, last)) = self.client.failing_writes() else {
            return Ok(true);
        };
        let has_turn = self.takes_turn(ApiErrorKind::Circuit { failures, last });
        self.client.pause(failures.min(PAUSE_DOUBLINGS_MAX))?;
        Ok(has_turn)
    }

    /// Notes an answer that does not confirm a write. True if the server has accepted such a write, so the contacts
    /// may be the cause.
    pub(super) fn unconfirmed(&mut self, operation: Operation) -> bool {
        self.note_failure(FailureKind::Breakdown);
        self.client.acceptances.newest(operation) > 0
            || self.was_accepted_since(FailureKind::Breakdown, operation)
    }

    /// Notes that the client gave up on a payload. If the server does not even answer a look-up, it is down.
    pub(super) fn gave_up(&mut self, payload: &Payload, error: ApiError) -> Result<(), ApiError> {
        self.note_failure(FailureKind::Breakdown);
        if let Some((_, json)) = payload.items().next() {
            self.client.look_up(&id_of(payload.operation, json))?;
        }
        self.gave_up = Some(error);
        Ok(())
    }

    /// Notes a payload that a firewall, a proxy or the token's permissions keep from the API.
    pub(super) fn forbidden(&mut self, payload: &Payload, refusal: &Refusal) {
        let kind = if refusal.is_page {
            FailureKind::Breakdown
        } else {
            FailureKind::Forbidden
        };
        self.note_failure(kind);
        let error = || self.client.forbidden(payload.operation, refusal);
        if self.was_accepted_since(kind, payload.operation) || self.takes_turn(error()) {
            self.forbidden = Some(error());
            self.failed(payload, kind, &refusal.to_string());
        }
    }

    /// True if this batch may be diagnosed now. Otherwise it is put off because of the error.
    pub(super) fn takes_turn(&mut self, error: impl Into<ApiError>) -> bool {
        self.has_turn = self.has_turn || self.state.take_turn();
        if !self.has_turn {
            self.put_off = Some(error.into());
        }
        self.has_turn
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

    /// Lets another batch be diagnosed. Not called after an error, which ends the run, so no other batch must repeat
    /// the diagnosis.
    pub(super) fn end(&self) {
        if self.has_turn {
            self.state.end_turn();
        }
    }
}
