//! Sends payloads and handles the server's replies, as the table in [`apply`](super) says.
//!
//! A server that silently updates on a create with an existing id can't be detected here; the mode `upsert` looks
//! first. Updates and deletes are idempotent, so the client has already retried them.

use std::collections::{BTreeMap, HashSet};

use super::{
    diagnosis::FailureDiagnosis,
    isolation::FailureKind,
    lookup::{self, Merged},
    outcome::OutcomeBuilder,
    payload::Payload,
    state::SenderState,
};
use crate::{
    api::{ApiError, ApiErrorKind, Client, Delivery, Refusal, RefusedContact, attempt::write_of},
    contact::Operation,
    crash::{self, Point},
    reject::RejectCode,
};

/// Maximum number of times that a create without an answer is looked up and resent before it stays unknown.
pub(super) const ROUNDS_MAX: u32 = 4;

/// The server's reply to a payload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// It was accepted as a whole.
    Accepted,
    /// It was a single contact, and refused. `is_named`: the answer named the contact.
    Refused {
        is_named: bool,
    },
    Other,
}

/// Handles the replies to the payloads of one batch. Payloads on which the server fails are left to the
/// [`diagnosis`](Self::diagnosis).
pub(super) struct ReplyHandler<'a> {
    pub(super) client: &'a Client,
    pub(super) state: &'a SenderState,
    pub(super) outcome: OutcomeBuilder<'a>,
    pub(super) diagnosis: FailureDiagnosis<'a>,
    /// True if the server named a contact of this batch in a refusal, but accepted it alone.
    are_names_wrong: bool,
    /// True if a request was answered, or may have been carried out.
    pub(super) has_sent: bool,
}

impl<'a> ReplyHandler<'a> {
    pub(super) fn new(
        client: &'a Client,
        state: &'a SenderState,
        outcome: OutcomeBuilder<'a>,
        diagnosis: FailureDiagnosis<'a>,
    ) -> Self {
        Self {
            client,
            state,
            outcome,
            diagnosis,
            are_names_wrong: false,
            has_sent: false,
        }
    }

    /// Sends a payload, and again what was not carried out. `rounds`: how often, if the outcome stays unknown.
    pub(super) fn send(&mut self, payload: &Payload, rounds: u32) -> Result<Reply, ApiError> {
        if payload.is_empty() {
            return Ok(Reply::Accepted);
        }
        if let Some(parts) = self.state.limits.divide(payload) {
            return self.send_parts(&parts, rounds);
        }
        let is_isolation = self.diagnosis.isolation.requests > 0;
        let reply = self.client.write(
            payload.operation,
            payload.body(),
            payload.len(),
            is_isolation,
        );
        self.has_sent |= reply.as_ref().map_or_else(|error| error.sent, |_| true);
        match reply {
            Ok(Delivery::Answered {
                status,
                value: processed,
            }) => {
                self.outcome.answered(status, processed);
                self.accepted(payload, processed, rounds)
            }
            Ok(Delivery::Refused(refusal)) => {
                self.outcome.answered(refusal.status, None);
                self.refused(payload, &refusal, rounds)
            }
            Ok(Delivery::Unknown(reason)) => {
                self.outcome.unanswered();
                if self.diagnosis.unanswered()? {
                    self.look_up(payload, rounds, &reason)?;
                }
                Ok(Reply::Other)
            }
            Ok(Delivery::Unconfirmed(reason)) => {
                self.outcome.unanswered();
                self.unconfirmed(payload, rounds, &reason)?;
                Ok(Reply::Other)
            }
            Err(error) if matches!(error.kind, ApiErrorKind::GaveUp { .. }) => {
                self.gave_up(payload, error, rounds)?;
                Ok(Reply::Other)
            }
            Err(error) => Err(error),
        }
    }

    fn send_parts(&mut self, parts: &[Payload], rounds: u32) -> Result<Reply, ApiError> {
        let mut reply = Reply::Accepted;
        for part in parts {
            if self.send(part, rounds)? != Reply::Accepted {
                reply = Reply::Other;
            }
        }
        Ok(reply)
    }

    /// Sends part of a refused batch to find the invalid contacts, unless the budget is used up. Existing contacts
    /// are not invalid: they are updated instead.
    fn send_part(
        &mut self,
        payload: &Payload,
        refusal: &Refusal,
        rounds: u32,
    ) -> Result<Reply, ApiError> {
        let is_about_existing = payload.operation == Operation::Create && refusal.says_exists();
        if is_about_existing || self.state.budget.may_isolate() {
            return self.send_isolated(payload, rounds);
        }
        self.outcome.leave(payload);
        Ok(Reply::Other)
    }

    pub(super) fn send_isolated(
        &mut self,
        payload: &Payload,
        rounds: u32,
    ) -> Result<Reply, ApiError> {
        crash::point(Point::Split);
        self.diagnosis.isolation.requests += 1;
        self.send(payload, rounds)
    }

    pub(super) fn arrived(&mut self, payload: &Payload) {
        if !payload.is_empty() {
            self.diagnosis.arrived();
        }
        self.state.budget.arrived(payload);
        self.outcome.arrived(payload);
    }

    /// Handles an answer that does not confirm a write.
    fn unconfirmed(
        &mut self,
        payload: &Payload,
        rounds: u32,
        reason: &str,
    ) -> Result<(), ApiError> {
        let may_be_contacts = self.diagnosis.unconfirmed(payload.operation);
        if rounds == 0 {
            return self.look_up(payload, 0, reason);
        }
        if may_be_contacts {
            if self.diagnosis.unanswered()? {
                self.look_up(payload, 1, reason)?;
            }
            return Ok(());
        }
        let put_off = ApiErrorKind::GaveUp {
            what: write_of(payload.operation),
            tries: 1,
            last: reason.to_owned(),
        };
        if self.diagnosis.may_continue(put_off) {
            self.probe(payload, reason)?;
        }
        Ok(())
    }

    /// Determines by the first and the last contact whether the server carries out anything, because settling each
    /// contact of each batch would cost several requests per contact.
    fn probe(&mut self, payload: &Payload, reason: &str) -> Result<(), ApiError> {
        let (ends, middle) = ends(payload);
        if !lookup::compare(self.client, &ends)?.as_sent.is_empty() {
            return self.look_up(payload, 1, reason);
        }
        let mut untried = ends.singles();
        while let Some(single) = untried.next() {
            if self.send_isolated(&single, 0)? == Reply::Accepted {
                untried.try_for_each(|single| self.look_up(&single, 1, reason))?;
                return self.look_up(&middle, 1, reason);
            }
        }
        self.diagnosis.is_unexplained = true;
        self.state.nothing_is_confirmed();
        Ok(())
    }

    /// Looks up a payload that may have been carried out, and resends what was not.
    pub(super) fn look_up(
        &mut self,
        payload: &Payload,
        rounds: u32,
        reason: &str,
    ) -> Result<(), ApiError> {
        if rounds == 0 {
            self.state.note_unknown(reason);
            let breakdown = FailureKind::Breakdown;
            self.diagnosis.failed(payload, breakdown, reason);
            return Ok(());
        }
        let found = lookup::compare(self.client, payload)?;
        self.arrived(&found.as_sent);
        match payload.operation {
            Operation::Create => self.update_instead(&found.different, rounds - 1)?,
            Operation::Update | Operation::Delete => {
                self.send(&found.different, rounds - 1)?;
            }
        }
        self.send(&found.missing, rounds - 1)?;
        Ok(())
    }

    /// Turns creates of existing ids into updates that erase nothing.
    fn update_instead(&mut self, creates: &Payload, rounds: u32) -> Result<(), ApiError> {
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
        self.send(&updates, rounds)?;
        Ok(())
    }

    /// Handles an acceptance, of this number of contacts if the answer counts them.
    fn accepted(
        &mut self,
        payload: &Payload,
        processed: Option<u64>,
        rounds: u32,
    ) -> Result<Reply, ApiError> {
        if processed.is_some_and(|processed| processed < payload.len() as u64) {
            self.accepted_fewer(payload, rounds)?;
            return Ok(Reply::Other);
        }
        self.state.limits.accepted(payload);
        self.arrived(payload);
        Ok(Reply::Accepted)
    }

    /// Handles an acceptance of fewer contacts than were sent, which does not say which.
    fn accepted_fewer(&mut self, payload: &Payload, rounds: u32) -> Result<(), ApiError> {
        let found = lookup::compare(self.client, payload)?;
        self.arrived(&found.as_sent);
        if payload.len() > 1 {
            let mut singles = found.different.singles().chain(found.missing.singles());
            return singles.try_for_each(|single| self.send_isolated(&single, rounds).map(drop));
        }
        if payload.operation == Operation::Create && rounds > 0 && !found.different.is_empty() {
            return self.update_instead(payload, rounds - 1);
        }
        if found.as_sent.is_empty() {
            let reason = "the server accepted the request but did not carry it out for this contact, without saying why";
            self.outcome
                .failed(payload, RejectCode::RefusedByServer, reason);
        }
        Ok(())
    }

    /// Isolates the contacts that the refusal names, or halves the payload if it names none.
    fn refused(
        &mut self,
        payload: &Payload,
        refusal: &Refusal,
        rounds: u32,
    ) -> Result<Reply, ApiError> {
        if refusal.status == 403 || (refusal.is_page && refusal.status != 413) {
            self.forbidden(payload, refusal, rounds)?;
            return Ok(Reply::Other);
        }
        let named = payload.named(refusal);
        if named.is_empty()
            && let Some(too_large) = refusal.too_large()
            && self.state.limits.refused(too_large, payload)
        {
            return self.send(payload, rounds);
        }
        if payload.len() == 1 {
            let contact = named.get(&0).copied().or(refusal.contacts.first());
            self.refused_alone(payload, refusal, contact, rounds)?;
            let is_named = !named.is_empty();
            return Ok(Reply::Refused { is_named });
        }
        if self.are_names_wrong || named.is_empty() {
            return self.halve(payload, refusal, rounds);
        }
        let settled = self.settle_named(payload, refusal, &named, rounds)?;
        let (_, rest) = payload.partition(|index, _| settled.contains(&index));
        if !rest.is_empty() {
            self.send_part(&rest, refusal, rounds)?;
        }
        Ok(Reply::Other)
    }

    fn halve(
        &mut self,
        payload: &Payload,
        refusal: &Refusal,
        rounds: u32,
    ) -> Result<Reply, ApiError> {
        let [first, second] = payload.halves();
        let is_accepted = self.send_part(&first, refusal, rounds)? == Reply::Accepted;
        if is_accepted && second.len() > 1 {
            // The invalid contact is in the second half, so this need not be sent as a whole.
            return self.refused(&second, refusal, rounds);
        }
        self.send_part(&second, refusal, rounds)?;
        Ok(Reply::Other)
    }

    /// Rejects the named contacts and returns the settled ones. Until the server's names have proved right, each
    /// is sent alone. A right name counts as proof only if the contact was not the first of the batch or was named
    /// by its id, because the server may count from one or always return the same number.
    fn settle_named(
        &mut self,
        payload: &Payload,
        refusal: &Refusal,
        named: &BTreeMap<usize, &RefusedContact>,
        rounds: u32,
    ) -> Result<HashSet<usize>, ApiError> {
        let (mut proofs, mut settled) = (0, HashSet::new());
        let singles: Vec<Payload> = payload.singles().collect();
        for (&index, contact) in named.iter().rev() {
            let single = &singles[index];
            settled.insert(index);
            if self.state.trusts_names() {
                self.refused_alone(single, refusal, Some(contact), rounds)?;
                continue;
            }
            let Reply::Refused { is_named } = self.send_part(single, refusal, rounds)? else {
                self.are_names_wrong = true;
                break;
            };
            proofs += usize::from(is_named && (index > 0 || contact.id.is_some()));
            self.state.proved(proofs, named.len(), payload.len());
        }
        Ok(settled)
    }

    /// Rejects a contact that was refused alone or by name.
    fn refused_alone(
        &mut self,
        payload: &Payload,
        refusal: &Refusal,
        named: Option<&RefusedContact>,
        rounds: u32,
    ) -> Result<(), ApiError> {
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
                return self.update_instead(payload, rounds - 1);
            }
            Operation::Delete if lookup::is_missing(self.client, payload, refusal)? => {
                return Ok(());
            }
            Operation::Update if lookup::is_missing(self.client, payload, refusal)? => {
                self.outcome.not_found(payload, refusal.status);
                return Ok(());
            }
            _ => {}
        }
        self.outcome.refused(payload, refusal, named);
        Ok(())
    }

    /// Handles a payload on which the client gave up.
    fn gave_up(
        &mut self,
        payload: &Payload,
        gave_up: ApiError,
        rounds: u32,
    ) -> Result<(), ApiError> {
        let (kind, reason) = (FailureKind::Breakdown, gave_up.to_string());
        self.diagnosis.gave_up(payload, gave_up)?;
        if payload.operation != Operation::Create {
            self.diagnosis.failed(payload, kind, &reason);
            return Ok(());
        }
        // A proxy that answers 503 may still have passed a create on.
        self.look_up_failed(payload, kind, &reason, rounds)
    }

    /// Handles a payload that a firewall, a proxy or the token's permissions keep from the API.
    fn forbidden(
        &mut self,
        payload: &Payload,
        refusal: &Refusal,
        rounds: u32,
    ) -> Result<(), ApiError> {
        let Some(kind) = self.diagnosis.forbidden(payload, refusal) else {
            return Ok(());
        };
        let reason = refusal.to_string();
        // Most pages are a firewall's, in front of the API, so only two contacts are looked up first.
        if refusal.is_page && payload.operation == Operation::Create {
            let (ends, _) = ends(payload);
            if !lookup::compare(self.client, &ends)?.as_sent.is_empty() {
                return self.look_up_failed(payload, kind, &reason, rounds);
            }
        }
        self.diagnosis.failed(payload, kind, &reason);
        Ok(())
    }

    /// Looks up creates that failed, some of which may have been carried out, and notes the missing ones as failed.
    fn look_up_failed(
        &mut self,
        payload: &Payload,
        kind: FailureKind,
        reason: &str,
        rounds: u32,
    ) -> Result<(), ApiError> {
        let found = lookup::compare(self.client, payload)?;
        self.arrived(&found.as_sent);
        if !found.missing.is_empty() {
            self.diagnosis.failed(&found.missing, kind, reason);
        }
        self.update_instead(&found.different, rounds.saturating_sub(1))
    }
}

/// The first and the last contact of a payload, and the others.
fn ends(payload: &Payload) -> (Payload, Payload) {
    let last = payload.len() - 1;
    payload.partition(|index, _| index == 0 || index == last)
}
