//! Settles a batch: sends it, isolates invalid contacts and those on which the server fails, and sends the rest again.

use std::{
    collections::{BTreeMap, HashSet},
    sync::atomic::Ordering,
};

use super::{
    lookup::{self, Staleness},
    open_batches::{BatchJob, PlannedState},
    payload::{Payload, id_of},
    replies::{ReplyHandler, Resend},
};
use crate::{
    api::{ApiError, ApiErrorKind, Delivery, Refusal, RefusedContact},
    contact::Operation,
    crash::{self, Point},
};

/// Maximum number of times that a create without an answer is looked up and resent before it stays unknown.
const ROUNDS_MAX: u32 = 4;

/// The server's reply to a payload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reply {
    /// It was accepted as a whole.
    Accepted,
    /// It was a single contact, and refused. `is_named`: the answer named the contact.
    Refused {
        is_named: bool,
    },
    Other,
}

pub(super) struct Settler<'a> {
    pub(super) replies: ReplyHandler<'a>,
    /// True if the server named a contact of this batch in a refusal, but accepted it alone.
    are_names_wrong: bool,
}

impl<'a> Settler<'a> {
    pub(super) const fn new(replies: ReplyHandler<'a>) -> Self {
        Self {
            replies,
            are_names_wrong: false,
        }
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
            let again = replies.look_up(payload, ROUNDS_MAX, "the run was interrupted")?;
            self.send_again(again)?;
        } else {
            self.send(payload, ROUNDS_MAX)?;
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
        let mut gone = Payload::new(payload.operation, 0);
        let stale = lookup::staleness(replies.client, payload, planned)?;
        for (((seq, json), staleness), planned) in payload.items().zip(stale).zip(planned) {
            if *planned == PlannedState::Absent && staleness != Staleness::Fresh {
                replies.state.found_existing(1);
            }
            match staleness {
                Staleness::Fresh => fresh.push(seq, json),
                // It was never sent.
                Staleness::AlreadyDone
                    if payload.operation == Operation::Delete && !job.batch.unknown =>
                {
                    gone.push(seq, json);
                }
                Staleness::AlreadyDone => done.push(seq, json),
                Staleness::Stale(reason) => {
                    let id = id_of(payload.operation, json);
                    replies.outcome.stale(seq, id, reason);
                }
            }
        }
        replies.outcome.deleted_by_others(&gone);
        replies.arrived(&done);
        Ok(fresh)
    }

    /// Halves failed payloads until the contacts that fail are alone, and rejects these if they are the cause.
    fn settle_failed(&mut self, batch: &Payload) -> Result<(), ApiError> {
        while let Some(payload) = self.replies.diagnosis.next(batch.operation)? {
            for half in payload.halves() {
                self.send_isolated(&half, 1)?;
            }
        }
        self.replies.reject_causes()
    }

    /// Sends a payload, and again what was not carried out. `rounds`: how often, if the outcome stays unknown.
    fn send(&mut self, payload: &Payload, rounds: u32) -> Result<Reply, ApiError> {
        if payload.is_empty() {
            return Ok(Reply::Accepted);
        }
        if let Some(parts) = self.replies.state.limits.divide(payload) {
            return self.send_parts(&parts, rounds);
        }
        let replies = &mut self.replies;
        let again = match replies.request(payload) {
            Ok(Delivery::Answered { value, .. }) => {
                if value.is_none_or(|processed| processed >= payload.len() as u64) {
                    replies.accepted(payload);
                    return Ok(Reply::Accepted);
                }
                replies.accepted_fewer(payload, rounds)?
            }
            Ok(Delivery::Refused(refusal)) => return self.refused(payload, &refusal, rounds),
            Ok(Delivery::Unknown(reason)) => replies.unanswered(payload, rounds, &reason)?,
            Ok(Delivery::Unconfirmed(reason)) => {
                match replies.unconfirmed(payload, rounds, &reason)? {
                    Some(again) => again,
                    None => self.probe(payload, &reason)?,
                }
            }
            Err(error) if matches!(error.kind, ApiErrorKind::GaveUp { .. }) => {
                Vec::from_iter(replies.gave_up(payload, error, rounds)?)
            }
            Err(error) => return Err(error),
        };
        self.send_again(again)?;
        Ok(Reply::Other)
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

    fn send_again(&mut self, again: impl IntoIterator<Item = Resend>) -> Result<(), ApiError> {
        for Resend {
            payload,
            rounds,
            is_isolated,
        } in again
        {
            if is_isolated {
                self.send_isolated(&payload, rounds)?;
            } else {
                self.send(&payload, rounds)?;
            }
        }
        Ok(())
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
        if is_about_existing || self.replies.state.budget.may_isolate() {
            return self.send_isolated(payload, rounds);
        }
        self.replies.outcome.leave(payload);
        Ok(Reply::Other)
    }

    fn send_isolated(&mut self, payload: &Payload, rounds: u32) -> Result<Reply, ApiError> {
        crash::point(Point::Split);
        self.replies.diagnosis.isolation.requests += 1;
        self.send(payload, rounds)
    }

    /// Determines by the first and the last contact whether the server carries out anything, because settling each
    /// contact of each batch would cost several requests per contact. Returns what must be sent again.
    fn probe(&mut self, payload: &Payload, reason: &str) -> Result<Vec<Resend>, ApiError> {
        let (ends, middle) = payload.ends();
        if !lookup::compare(self.replies.client, &ends)?
            .as_sent
            .is_empty()
        {
            return self.replies.look_up(payload, 1, reason);
        }
        let mut untried = ends.singles();
        while let Some(single) = untried.next() {
            if self.send_isolated(&single, 0)? == Reply::Accepted {
                for single in untried {
                    let again = self.replies.look_up(&single, 1, reason)?;
                    self.send_again(again)?;
                }
                return self.replies.look_up(&middle, 1, reason);
            }
        }
        self.replies.diagnosis.is_unexplained = true;
        let state = self.replies.state;
        state.confirms_nothing.store(true, Ordering::SeqCst);
        Ok(Vec::new())
    }

    /// Isolates the contacts that the refusal names, or halves the payload if it names none.
    fn refused(
        &mut self,
        payload: &Payload,
        refusal: &Refusal,
        rounds: u32,
    ) -> Result<Reply, ApiError> {
        if refusal.status == 403 || (refusal.is_page && refusal.status != 413) {
            let again = self.replies.forbidden(payload, refusal, rounds)?;
            self.send_again(again)?;
            return Ok(Reply::Other);
        }
        let named = payload.named(refusal);
        if named.is_empty()
            && let Some(too_large) = refusal.too_large()
            && self.replies.state.limits.refused(too_large, payload)
        {
            return self.send(payload, rounds);
        }
        if payload.len() == 1 {
            let contact = named.get(&0).copied().or(refusal.contacts.first());
            self.reject(payload, refusal, contact, rounds)?;
            let is_named = !named.is_empty();
            return Ok(Reply::Refused { is_named });
        }
        if payload.operation == Operation::Delete
            && (refusal.status == 404 || refusal.says_missing())
        {
            let present = self.replies.some_missing(payload, refusal)?;
            if present.len() < payload.len() {
                if !present.is_empty() {
                    self.send_part(&present, refusal, rounds)?;
                }
                return Ok(Reply::Other);
            }
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
            if self.replies.state.trusts_names() {
                self.reject(single, refusal, Some(contact), rounds)?;
                continue;
            }
            let Reply::Refused { is_named } = self.send_part(single, refusal, rounds)? else {
                self.are_names_wrong = true;
                break;
            };
            proofs += usize::from(is_named && (index > 0 || contact.id.is_some()));
            self.replies
                .state
                .proved(proofs, named.len(), payload.len());
        }
        Ok(settled)
    }

    /// Rejects a contact that was refused alone or by name, unless it exists already.
    fn reject(
        &mut self,
        payload: &Payload,
        refusal: &Refusal,
        contact: Option<&RefusedContact>,
        rounds: u32,
    ) -> Result<(), ApiError> {
        let again = self
            .replies
            .refused_alone(payload, refusal, contact, rounds)?;
        self.send_again(again)
    }
}
