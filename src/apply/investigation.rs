//! Investigates why the server fails on a batch: because of its contacts, or because it is down.
//!
//! While writes fail one after another, or are forbidden without a [witness](super::isolation), only one batch at a
//! time leads the investigation, so that a server that is down costs few requests. The others are put off to the end
//! of the run.

use super::{
    isolation::{FailingSince, FailureKind, Isolation, NoWitness, Suspect},
    payload::{Payload, id_of},
    state::SenderState,
};
use crate::{
    api::{ApiError, ApiErrorKind, Client, Refusal},
    contact::Operation,
};

/// Longest wait for a server that fails writes, in doublings of the first.
const PAUSE_DOUBLINGS_MAX: u32 = 6;

/// The investigation of one batch.
pub(super) struct Investigation<'a> {
    client: &'a Client,
    state: &'a SenderState,
    pub(super) isolation: Isolation,
    has_lead: bool,
    /// The error for which the batch was put off until the leading batch has its outcome.
    pub(super) put_off: Option<ApiError>,
    /// The error if the server forbade something in the batch.
    forbidden: Option<ApiError>,
    /// The error with which the client gave up on something in the batch.
    gave_up: Option<ApiError>,
    /// True if the outcome of some contacts can't be determined.
    pub(super) in_doubt: bool,
}

impl<'a> Investigation<'a> {
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
            has_lead: false,
            put_off: None,
            forbidden: None,
            gave_up: None,
            in_doubt: false,
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

    pub(super) fn suspect(&mut self, payload: &Payload, kind: FailureKind, reason: &str) {
        self.note_failure(kind);
        self.isolation.add(Suspect {
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
        let has_lead = self.takes_lead(ApiErrorKind::Circuit { failures, last });
        self.client.pause(failures.min(PAUSE_DOUBLINGS_MAX))?;
        Ok(has_lead)
    }

    /// Notes an answer that does not confirm a write. True if the server has accepted such a write, so the contacts
    /// may be to blame.
    pub(super) fn unconfirmed(&mut self, operation: Operation) -> bool {
        self.note_failure(FailureKind::Breakdown);
        self.client.acceptances.newest(operation) > 0
            || self.has_witness(FailureKind::Breakdown, operation)
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
        let failure = if refusal.is_page {
            FailureKind::Page
        } else {
            FailureKind::Forbidden
        };
        self.note_failure(failure);
        let error = || self.client.forbidden(payload.operation, refusal);
        if self.has_witness(failure, payload.operation) || self.takes_lead(error()) {
            self.forbidden = Some(error());
            self.suspect(payload, failure, &refusal.to_string());
        }
    }

    /// True if this batch leads the investigation. Otherwise it is put off because of the error.
    pub(super) fn takes_lead(&mut self, error: impl Into<ApiError>) -> bool {
        self.has_lead = self.has_lead || self.state.take_lead();
        if !self.has_lead {
            self.put_off = Some(error.into());
        }
        self.has_lead
    }

    fn has_witness(&self, kind: FailureKind, operation: Operation) -> bool {
        let accepted = self.client.acceptances.newest(operation);
        self.isolation.has_witness(kind, accepted)
    }

    /// The next failed payload to halve. If no witness was found, the batch stays in doubt.
    pub(super) fn next(&mut self, operation: Operation) -> Result<Option<Payload>, ApiError> {
        let accepted = self.client.acceptances.newest(operation);
        self.isolation.next(accepted).or_else(|NoWitness| {
            self.in_doubt = true;
            self.gave_up.take().map_or(Ok(None), Err)
        })
    }

    /// Judges contacts that failed alone and are not in the account, of a batch of this size. Returns them if they
    /// are all guilty; otherwise the batch stays in doubt.
    pub(super) fn judge(
        &mut self,
        absent: Vec<Suspect>,
        size: usize,
    ) -> Result<Vec<Suspect>, ApiError> {
        tracing::debug!(requests = self.isolation.requests, "isolated");
        self.in_doubt |= !absent.iter().all(|suspect| self.is_guilty(suspect, size));
        if self.in_doubt {
            return self.forbidden.take().map_or(Ok(Vec::new()), Err);
        }
        Ok(absent)
    }

    /// True if a witness incriminates the suspect. A contact alone in its batch that a firewall's page forbids is
    /// considered the cause once per acceptance.
    fn is_guilty(&self, suspect: &Suspect, size: usize) -> bool {
        let operation = suspect.payload.operation;
        self.has_witness(suspect.kind, operation)
            || (suspect.kind == FailureKind::Page
                && size == 1
                && self.client.acceptances.take(operation))
    }

    /// Lets another batch lead. Not called after an error, which ends the run, so no other batch must repeat the
    /// investigation.
    pub(super) fn end(&self) {
        if self.has_lead {
            self.state.end_lead();
        }
    }
}
