//! Handles the server's replies to the payloads of a batch, as the table in [`apply`](super) says: records outcomes,
//! looks contacts up, and returns what must be sent again.
//!
//! A server that silently updates on a create with an existing id can't be detected here; the mode `upsert` looks
//! first. Updates and deletes are idempotent, so the client has already retried them.

use super::{
    diagnosis::FailureDiagnosis,
    isolation::{FailedPayload, FailureKind},
    lookup::{self, Merged},
    open_batches::BatchJob,
    outcome::OutcomeBuilder,
    payload::Payload,
    state::SenderState,
};
use crate::{
    api::{ApiError, ApiErrorKind, Client, Delivery, Refusal, RefusedContact, attempt::write_of},
    contact::Operation,
    reject::RejectCode,
};

/// A payload to be sent, again or in another form.
pub(super) struct Resend {
    pub(super) payload: Payload,
    /// Number of times that it is looked up and sent again if its outcome stays unknown.
    pub(super) rounds: u32,
    /// True if it is sent alone to find out about it.
    pub(super) is_isolated: bool,
}

impl Resend {
    const fn new(payload: Payload, rounds: u32) -> Self {
        Self {
            payload,
            rounds,
            is_isolated: false,
        }
    }
}

/// Handles the replies to the payloads of one batch. Payloads on which the server fails are left to the
/// [`diagnosis`](Self::diagnosis).
pub(super) struct ReplyHandler<'a> {
    pub(super) client: &'a Client,
    pub(super) state: &'a SenderState,
    pub(super) outcome: OutcomeBuilder<'a>,
    pub(super) diagnosis: FailureDiagnosis<'a>,
    /// True if a request was answered, or may have been carried out. The API's own 403 does not count.
    pub(super) has_sent: bool,
}

impl<'a> ReplyHandler<'a> {
    pub(super) fn new(client: &'a Client, state: &'a SenderState, job: &BatchJob) -> Self {
        Self {
            client,
            state,
            outcome: OutcomeBuilder::new(state, job.batch.no, job.batch.operation),
            diagnosis: FailureDiagnosis::new(client, state, job),
            has_sent: false,
        }
    }

    /// Sends one request and notes that it was answered, or wasn't.
    pub(super) fn request(&mut self, payload: &Payload) -> Result<Delivery<Option<u64>>, ApiError> {
        let is_isolation = self.diagnosis.isolation.requests > 0;
        let reply = self.client.write(
            payload.operation,
            payload.body(),
            payload.len(),
            is_isolation,
        );
        match &reply {
            Ok(Delivery::Answered { status, value }) => self.outcome.answered(*status, *value),
            Ok(Delivery::Refused(refusal)) => {
                self.outcome.answered(refusal.status, None);
                if refusal.follows_unknown {
                    self.diagnosis.note_unclear();
                }
            }
            Ok(Delivery::Unknown(_) | Delivery::Unconfirmed(_)) => self.outcome.unanswered(),
            Err(_) => {}
        }
        self.has_sent |= match &reply {
            Ok(Delivery::Refused(refusal)) => !refusal.is_forbidden_by_api(),
            Ok(_) => true,
            Err(error) => error.sent,
        };
        reply
    }

    /// Handles an acceptance of the whole payload.
    pub(super) fn accepted(&mut self, payload: &Payload) {
        self.state.limits.accepted(payload);
        self.arrived(payload);
    }

    pub(super) fn arrived(&mut self, payload: &Payload) {
        if !payload.is_empty() {
            self.diagnosis.arrived();
        }
        self.state.budget.arrived(payload);
        self.outcome.arrived(payload);
    }

    /// Handles an acceptance of fewer contacts than were sent, which does not say which.
    pub(super) fn accepted_fewer(
        &mut self,
        payload: &Payload,
        rounds: u32,
    ) -> Result<Vec<Resend>, ApiError> {
        let found = lookup::compare(self.client, payload)?;
        self.arrived(&found.as_sent);
        if payload.len() > 1 {
            let singles = found.different.singles().chain(found.missing.singles());
            let alone = singles.map(|single| Resend {
                is_isolated: true,
                ..Resend::new(single, rounds)
            });
            return Ok(alone.collect());
        }
        if payload.operation == Operation::Create && rounds > 0 && !found.different.is_empty() {
            return Ok(vec![self.update_instead(payload, rounds - 1)?]);
        }
        if found.as_sent.is_empty() {
            let reason = "the server accepted the request but did not carry it out for this contact, without saying why";
            self.outcome
                .failed(payload, RejectCode::RefusedByServer, reason);
        }
        Ok(Vec::new())
    }

    /// Handles a write without an answer.
    pub(super) fn unanswered(
        &mut self,
        payload: &Payload,
        rounds: u32,
        reason: &str,
    ) -> Result<Vec<Resend>, ApiError> {
        if self.diagnosis.unanswered()? {
            return self.look_up(payload, rounds, reason);
        }
        Ok(Vec::new())
    }

    /// Handles an answer that does not confirm a write. `None` if it must be determined whether the server carries out
    /// anything.
    pub(super) fn unconfirmed(
        &mut self,
        payload: &Payload,
        rounds: u32,
        reason: &str,
    ) -> Result<Option<Vec<Resend>>, ApiError> {
        let may_be_contacts = self.diagnosis.unconfirmed(payload.operation);
        if rounds == 0 {
            return self.look_up(payload, 0, reason).map(Some);
        }
        if may_be_contacts {
            return self.unanswered(payload, 1, reason).map(Some);
        }
        let put_off = ApiErrorKind::GaveUp {
            what: write_of(payload.operation),
            tries: 1,
            last: reason.to_owned(),
        };
        let may_diagnose = self.diagnosis.may_continue(put_off);
        Ok((!may_diagnose).then(Vec::new))
    }

    /// Looks up a payload that may have been carried out, and returns what was not.
    pub(super) fn look_up(
        &mut self,
        payload: &Payload,
        rounds: u32,
        reason: &str,
    ) -> Result<Vec<Resend>, ApiError> {
        if rounds == 0 {
            *self.state.unknown_reason.lock() = Some(reason.to_owned());
            let breakdown = FailureKind::Breakdown;
            self.diagnosis.failed(payload, breakdown, reason);
            return Ok(Vec::new());
        }
        let found = lookup::compare(self.client, payload)?;
        self.arrived(&found.as_sent);
        let different = match payload.operation {
            Operation::Create => self.update_instead(&found.different, rounds - 1)?,
            Operation::Update | Operation::Delete => Resend::new(found.different, rounds - 1),
        };
        Ok(vec![different, Resend::new(found.missing, rounds - 1)])
    }

    /// Turns creates of existing ids into updates that erase nothing.
    fn update_instead(&mut self, creates: &Payload, rounds: u32) -> Result<Resend, ApiError> {
        let Merged {
            updates,
            there_already,
            unreadable,
        } = lookup::merged(self.client, creates)?;
        let reason =
            "the account has a contact with this id that can't be read, so it was left alone";
        self.outcome
            .failed(&unreadable, RejectCode::ContactUnreadable, reason);
        self.arrived(&there_already);
        Ok(Resend::new(updates, rounds))
    }

    /// Rejects a contact that was refused alone or by name.
    pub(super) fn refused_alone(
        &mut self,
        payload: &Payload,
        refusal: &Refusal,
        named: Option<&RefusedContact>,
        rounds: u32,
    ) -> Result<Option<Resend>, ApiError> {
        match payload.operation {
            Operation::Create
                if refusal.says_exists()
                    && rounds > 0
                    && lookup::compare(self.client, payload)?.missing.is_empty() =>
            {
                // After an interruption, an earlier request may have created the contact.
                if !self.diagnosis.isolation.is_resumed {
                    self.state.found_existing(payload.len());
                }
                return self.update_instead(payload, rounds - 1).map(Some);
            }
            Operation::Delete if lookup::is_missing(self.client, payload, refusal)? => {
                self.missing(payload);
                return Ok(None);
            }
            Operation::Update if lookup::is_missing(self.client, payload, refusal)? => {
                self.outcome.not_found(payload, refusal.status);
                return Ok(None);
            }
            _ => {}
        }
        self.outcome.refused(payload, refusal, named);
        Ok(None)
    }

    /// Handles the refusal of several deletions because of missing contacts. Returns those that still exist: only if
    /// one of these is missing when it is deleted alone, others deleted it.
    pub(super) fn some_missing(
        &mut self,
        payload: &Payload,
        refusal: &Refusal,
    ) -> Result<Payload, ApiError> {
        self.diagnosis.note_partial();
        let found = lookup::compare_refused_deletes(self.client, payload, refusal)?;
        self.arrived(&found.as_sent);
        self.missing(&found.missing);
        Ok(found.different)
    }

    /// Handles contacts that were missing when they were to be deleted.
    fn missing(&mut self, payload: &Payload) {
        if self.diagnosis.was_unclear() {
            self.arrived(payload);
        } else {
            self.outcome.deleted_by_others(payload);
        }
    }

    /// Handles a payload on which the client gave up.
    pub(super) fn gave_up(
        &mut self,
        payload: &Payload,
        gave_up: ApiError,
        rounds: u32,
    ) -> Result<Option<Resend>, ApiError> {
        let (kind, reason) = (FailureKind::Breakdown, gave_up.to_string());
        self.diagnosis.gave_up(payload, gave_up)?;
        if payload.operation != Operation::Create {
            self.diagnosis.failed(payload, kind, &reason);
            return Ok(None);
        }
        // A proxy that answers 503 may still have passed a create on.
        self.look_up_failed(payload, kind, &reason, rounds)
            .map(Some)
    }

    /// Handles a payload that a firewall, a proxy or the token's permissions keep from the API.
    pub(super) fn forbidden(
        &mut self,
        payload: &Payload,
        refusal: &Refusal,
        rounds: u32,
    ) -> Result<Option<Resend>, ApiError> {
        let Some(kind) = self.diagnosis.forbidden(payload, refusal) else {
            return Ok(None);
        };
        let reason = refusal.to_string();
        // Most pages are a firewall's, in front of the API, so only two contacts are looked up first.
        if refusal.is_page && payload.operation == Operation::Create {
            let (ends, _) = payload.ends();
            if !lookup::compare(self.client, &ends)?.as_sent.is_empty() {
                return self
                    .look_up_failed(payload, kind, &reason, rounds)
                    .map(Some);
            }
        }
        self.diagnosis.failed(payload, kind, &reason);
        Ok(None)
    }

    /// Looks up creates that failed, some of which may have been carried out, and notes the missing ones as failed.
    fn look_up_failed(
        &mut self,
        payload: &Payload,
        kind: FailureKind,
        reason: &str,
        rounds: u32,
    ) -> Result<Resend, ApiError> {
        let found = lookup::compare(self.client, payload)?;
        self.arrived(&found.as_sent);
        if !found.missing.is_empty() {
            self.diagnosis.failed(&found.missing, kind, reason);
        }
        self.update_instead(&found.different, rounds.saturating_sub(1))
    }

    /// Rejects the contacts that failed alone if they are the cause. The last request of each may also have been
    /// carried out, so they are looked up first.
    pub(super) fn reject_causes(&mut self) -> Result<(), ApiError> {
        let mut absent = Vec::new();
        for failed in std::mem::take(&mut self.diagnosis.isolation.alone) {
            let found = lookup::compare(self.client, &failed.payload)?;
            self.arrived(&found.as_sent);
            if found.as_sent.is_empty() {
                absent.push(failed);
            }
        }
        for FailedPayload {
            payload, reason, ..
        } in self.diagnosis.causes(absent)?
        {
            let reason = format!(
                "the server fails whenever this contact is sent ({reason}), and accepts the others of its batch"
            );
            self.outcome
                .failed(&payload, RejectCode::RefusedByServer, &reason);
        }
        Ok(())
    }
}
