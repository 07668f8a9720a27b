//! Sends a batch until the outcome of every contact is known.
//!
//! | the server | consequence |
//! |---|---|
//! | accepts it, `processed` as sent | all succeeded |
//! | accepts it, `processed` smaller | each is looked up; the missing ones are sent alone, and rejected if that fails too |
//! | refuses it and names culprits | they are rejected with its messages, and the others are sent; until its names have proved right, each culprit is sent alone; after a wrong name, names are ignored for this batch |
//! | refuses its size | it is divided, and later batches are smaller, see [`limits`](super::limits) |
//! | refuses it without a name | it is halved until the culprits are alone: k of n cost at most 2·k·log2(n) requests; a half whose sibling was accepted is not sent as a whole |
//! | refuses more than the [`budget`](super::budget) allows | the unsettled contacts are left for `apply` |
//! | forbids it (403) like a firewall, or answers with a web page | treated like a breakdown; if nothing is accepted afterwards, the token or the proxy is to blame |
//! | refuses one contact alone | it is rejected with the server's message; an existing id is updated instead, without erasing anything |
//! | does not answer a create, or does not confirm it | each is looked up: if it is as sent, it is done; if different, it is updated; if missing, it is sent again |
//! | fails writes one after another, or forbids them, without a witness | one batch at a time investigates the cause; the others are put off to the end of the run |
//! | breaks down on it every time | it is halved as well, see [`isolation`](super::isolation) |
//!
//! A server that silently updates on a create with an existing id can't be detected here; the mode `upsert` looks
//! first. Updates and deletes are idempotent, so the client has already retried them.

use std::collections::{BTreeMap, HashSet};

use crate::{
    api::{ApiError, ApiErrorKind, Client, Culprit, Delivery, Refusal},
    apply::{
        feed::PlannedState,
        isolation::{FailingSince, FailureKind, Isolation, NoWitness, Suspect},
        lookup::{self, Merged, Staleness},
        outcome::OutcomeBuilder,
        parcel::{Parcel, id_of},
        state::SenderState,
    },
    contact::Operation,
    crash::{self, Point},
    reject::RejectCode,
    run::BatchOutcome,
};

/// Maximum number of times that a create without an answer is looked up and resent before it stays unknown.
const ROUNDS_MAX: u32 = 4;

/// Longest wait for a server that fails writes, in doublings of the first.
const PAUSE_DOUBLINGS_MAX: u32 = 6;

/// Only the batch with the lead investigates why writes fail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    NotTaken,
    Taken,
}

/// Settles one batch.
pub(super) struct Settler<'a> {
    client: &'a Client,
    state: &'a SenderState,
    /// Number of contacts in the batch.
    size: usize,
    outcome: OutcomeBuilder<'a>,
    pub(super) isolation: Isolation,
    /// Number of contacts in requests that were accepted as a whole.
    accepted: usize,
    /// Number of contacts that were refused alone.
    refusals: u64,
    /// Number of contacts that were refused alone and also named in that answer.
    named_again: u64,
    /// True if the server named a contact that it then accepted.
    is_misled: bool,
    /// Refused contacts that were not isolated because the budget was used up.
    left: Vec<Parcel>,
    /// The error if the server forbade something in the batch.
    forbidden: Option<ApiError>,
    /// The error with which the client gave up on something in the batch.
    gave_up: Option<ApiError>,
    /// True if a request was answered, or may have been carried out.
    pub(super) has_sent: bool,
    /// True if the outcome of some contacts can't be determined.
    in_doubt: bool,
    lead: Lead,
    /// The error for which the batch was put off until the leading batch has its outcome.
    pub(super) put_off: Option<ApiError>,
}

impl<'a> Settler<'a> {
    /// For the batch with this number and operation. `since` and `is_rest` are described at [`Isolation::new`].
    pub(super) fn new(
        client: &'a Client,
        state: &'a SenderState,
        no: u64,
        operation: Operation,
        since: FailingSince,
        is_rest: bool,
    ) -> Self {
        Self {
            client,
            state,
            size: 0,
            outcome: OutcomeBuilder::new(state, no, operation),
            isolation: Isolation::new(since, is_rest),
            accepted: 0,
            refusals: 0,
            named_again: 0,
            is_misled: false,
            left: Vec::new(),
            forbidden: None,
            gave_up: None,
            has_sent: false,
            in_doubt: false,
            lead: Lead::NotTaken,
            put_off: None,
        }
    }

    /// The outcome of the batch; `None` if some contacts are still in doubt.
    pub(super) fn into_outcome(self, batch: &Parcel) -> Option<BatchOutcome> {
        (!self.in_doubt).then(|| self.outcome.into_outcome(batch, &self.left))
    }

    /// Number of contacts that were not attempted.
    pub(super) fn left_count(&self) -> usize {
        self.left.iter().map(Parcel::len).sum()
    }

    /// Sends a parcel until the outcome of each contact is known. `is_resumed`: an interrupted run may already
    /// have sent it.
    pub(super) fn settle(&mut self, parcel: &Parcel, is_resumed: bool) -> Result<(), ApiError> {
        self.size = parcel.len();
        self.state.budget.sent(parcel.len());
        self.isolation.is_resumed = is_resumed;
        if is_resumed && parcel.operation == Operation::Create {
            self.look_up(parcel, ROUNDS_MAX, "the run was interrupted")?;
        } else {
            self.send_round(parcel, ROUNDS_MAX)?;
        }
        self.settle_suspects(parcel.operation)?;
        // An error ends the run, so no other batch must repeat the investigation.
        if self.lead == Lead::Taken {
            self.state.end_lead();
        }
        Ok(())
    }

    /// Leaves out contacts that changed in the account since the plan was made and contacts that are already as
    /// planned. Returns the others.
    pub(super) fn leave_out_stale(
        &mut self,
        parcel: &Parcel,
        planned: &[PlannedState],
    ) -> Result<Parcel, ApiError> {
        let mut fresh = Parcel::new(parcel.operation, parcel.len());
        let mut done = Parcel::new(parcel.operation, 0);
        let stale = lookup::staleness(self.client, parcel, planned)?;
        for (((seq, json), staleness), planned) in parcel.items().zip(stale).zip(planned) {
            if *planned == PlannedState::Absent && staleness != Staleness::Fresh {
                self.state.found_existing(1);
            }
            match staleness {
                Staleness::Fresh => fresh.push(seq, json),
                Staleness::AlreadyDone => done.push(seq, json),
                Staleness::Stale(reason) => {
                    let id = id_of(parcel.operation, json);
                    self.outcome.stale(seq, id, reason);
                }
            }
        }
        self.arrived(&done);
        Ok(fresh)
    }

    fn send_round(&mut self, parcel: &Parcel, rounds: u32) -> Result<(), ApiError> {
        if parcel.is_empty() {
            return Ok(());
        }
        if let Some(parts) = self.state.limits.divide(parcel) {
            return parts
                .iter()
                .try_for_each(|part| self.send_round(part, rounds));
        }
        let is_isolation = self.isolation.requests > 0;
        let reply = self
            .client
            .write(parcel.operation, parcel.body(), parcel.len(), is_isolation);
        self.has_sent |= reply.as_ref().map_or_else(|error| error.sent, |_| true);
        match reply {
            Ok(Delivery::Answered {
                status,
                value: processed,
            }) => {
                self.outcome.answered(status, processed);
                if processed.is_some_and(|processed| processed < parcel.len() as u64) {
                    return self.accepted_fewer(parcel, rounds);
                }
                self.state.limits.accepted(parcel);
                self.accepted += parcel.len();
                self.arrived(parcel);
                Ok(())
            }
            Ok(Delivery::Refused(refusal)) => {
                self.outcome.answered(refusal.status, None);
                self.refused(parcel, &refusal, rounds)
            }
            Ok(Delivery::Unknown(reason)) => {
                self.outcome.unanswered();
                self.unanswered(parcel, rounds, &reason)
            }
            Err(error) if matches!(error.kind, ApiErrorKind::GaveUp { .. }) => {
                self.gave_up(parcel, error, rounds)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends part of a refused batch to find the culprits, unless the budget is used up. Existing contacts are not
    /// culprits: they are updated instead.
    fn send_part(
        &mut self,
        parcel: &Parcel,
        refusal: &Refusal,
        rounds: u32,
    ) -> Result<(), ApiError> {
        let is_about_existing = parcel.operation == Operation::Create && refusal.says_exists();
        if is_about_existing || self.state.budget.may_isolate() {
            return self.send_suspect(parcel, rounds);
        }
        self.left.push(parcel.clone());
        Ok(())
    }

    fn send_suspect(&mut self, parcel: &Parcel, rounds: u32) -> Result<(), ApiError> {
        crash::point(Point::Split);
        self.isolation.requests += 1;
        self.send_round(parcel, rounds)
    }

    fn arrived(&mut self, parcel: &Parcel) {
        if !parcel.is_empty() {
            self.isolation.arrived(self.client.acceptances.moment());
        }
        self.state.budget.arrived(parcel);
        self.outcome.arrived(parcel);
    }

    /// Looks up a parcel without an answer. If writes fail repeatedly, the server is probably down rather than
    /// failing on a contact, so it gets time to recover, and only one batch is looked up.
    fn unanswered(&mut self, parcel: &Parcel, rounds: u32, reason: &str) -> Result<(), ApiError> {
        self.note_failure(FailureKind::Breakdown);
        let Some((failures, last)) = self.client.failing_writes() else {
            return self.look_up(parcel, rounds, reason);
        };
        let has_lead = self.takes_lead(ApiErrorKind::Circuit { failures, last });
        self.client.pause(failures.min(PAUSE_DOUBLINGS_MAX))?;
        if has_lead {
            self.look_up(parcel, rounds, reason)?;
        }
        Ok(())
    }

    /// True if this batch leads the investigation of failing writes. Otherwise it is put off because of the error.
    fn takes_lead(&mut self, error: impl Into<ApiError>) -> bool {
        if self.lead == Lead::NotTaken && self.state.take_lead() {
            self.lead = Lead::Taken;
        }
        if self.lead == Lead::NotTaken {
            self.put_off = Some(error.into());
        }
        self.lead == Lead::Taken
    }

    /// Looks up a parcel that may have been carried out, and resends what was not.
    fn look_up(&mut self, parcel: &Parcel, rounds: u32, reason: &str) -> Result<(), ApiError> {
        if rounds == 0 {
            self.suspect(parcel, FailureKind::Breakdown, reason);
            return Ok(());
        }
        let found = lookup::compare(self.client, parcel)?;
        self.arrived(&found.as_sent);
        match parcel.operation {
            Operation::Create => self.update_instead(&found.different, rounds - 1)?,
            Operation::Update | Operation::Delete => {
                self.send_round(&found.different, rounds - 1)?;
            }
        }
        self.send_round(&found.missing, rounds - 1)
    }

    /// Turns creates of existing ids into updates that erase nothing.
    fn update_instead(&mut self, creates: &Parcel, rounds: u32) -> Result<(), ApiError> {
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
        self.send_round(&updates, rounds)
    }

    /// Handles an acceptance of fewer contacts than were sent, which does not say which.
    fn accepted_fewer(&mut self, parcel: &Parcel, rounds: u32) -> Result<(), ApiError> {
        let found = lookup::compare(self.client, parcel)?;
        self.arrived(&found.as_sent);
        if parcel.len() > 1 {
            let mut singles = found.different.singles().chain(found.missing.singles());
            return singles.try_for_each(|single| self.send_suspect(&single, rounds));
        }
        if parcel.operation == Operation::Create && rounds > 0 && !found.different.is_empty() {
            return self.update_instead(parcel, rounds - 1);
        }
        if found.as_sent.is_empty() {
            let reason = "the server accepted the request but did not carry it out for this contact, without saying why";
            self.outcome
                .failed(parcel, RejectCode::RefusedByServer, reason);
        }
        Ok(())
    }

    /// Isolates the contacts that the refusal names, or halves the parcel if it names none.
    fn refused(&mut self, parcel: &Parcel, refusal: &Refusal, rounds: u32) -> Result<(), ApiError> {
        if refusal.status == 403 || (refusal.is_page && refusal.status != 413) {
            self.forbidden(parcel, refusal);
            return Ok(());
        }
        let named = parcel.named(refusal);
        if named.is_empty()
            && let Some(too_large) = refusal.too_large()
            && self.state.limits.refused(too_large, parcel)
        {
            return self.send_round(parcel, rounds);
        }
        if parcel.len() == 1 {
            let culprit = named.get(&0).copied();
            self.refusals += 1;
            self.named_again += u64::from(culprit.is_some());
            let culprit = culprit.or(refusal.culprits.first());
            return self.refused_alone(parcel, refusal, culprit, rounds);
        }
        if self.is_misled || named.is_empty() {
            let [first, second] = parcel.halves();
            let before = self.accepted;
            self.send_part(&first, refusal, rounds)?;
            if self.accepted == before + first.len() && second.len() > 1 {
                // The culprit is in the second half, so this need not be sent as a whole.
                return self.refused(&second, refusal, rounds);
            }
            return self.send_part(&second, refusal, rounds);
        }
        let settled = self.settle_named(parcel, refusal, &named, rounds)?;
        let (_, rest) = parcel.partition(|index, _| settled.contains(&index));
        if rest.is_empty() {
            return Ok(());
        }
        self.send_part(&rest, refusal, rounds)
    }

    /// Handles a parcel that a firewall, a proxy or the token's permissions keep from the API.
    fn forbidden(&mut self, parcel: &Parcel, refusal: &Refusal) {
        let failure = if refusal.is_page {
            FailureKind::Page
        } else {
            FailureKind::Forbidden
        };
        self.note_failure(failure);
        let accepted = self.client.acceptances.newest(parcel.operation);
        if !self.isolation.has_witness(failure, accepted)
            && !self.takes_lead(self.client.forbidden(parcel.operation, refusal))
        {
            return;
        }
        self.forbidden = Some(self.client.forbidden(parcel.operation, refusal));
        self.suspect(parcel, failure, &refusal.to_string());
    }

    /// Rejects the named contacts and returns the settled ones. Until the server's names have proved right, each
    /// is sent alone. A right name counts as proof only if the contact was not the first of the batch or was named
    /// by its id, because the server may count from one or always return the same number.
    fn settle_named(
        &mut self,
        parcel: &Parcel,
        refusal: &Refusal,
        named: &BTreeMap<usize, &Culprit>,
        rounds: u32,
    ) -> Result<HashSet<usize>, ApiError> {
        let (mut proofs, mut settled) = (0, HashSet::new());
        let singles: Vec<Parcel> = parcel.singles().collect();
        for (&index, culprit) in named.iter().rev() {
            let single = &singles[index];
            if self.state.trusts_names() {
                self.refused_alone(single, refusal, Some(culprit), rounds)?;
                settled.insert(index);
                continue;
            }
            let before = (self.refusals, self.named_again);
            self.send_part(single, refusal, rounds)?;
            settled.insert(index);
            if self.refusals == before.0 {
                self.is_misled = true;
                break;
            }
            proofs +=
                usize::from(self.named_again > before.1 && (index > 0 || culprit.id.is_some()));
            self.state.proved(proofs, named.len(), parcel.len());
        }
        Ok(settled)
    }

    /// Rejects a contact that was refused alone or by name.
    fn refused_alone(
        &mut self,
        parcel: &Parcel,
        refusal: &Refusal,
        culprit: Option<&Culprit>,
        rounds: u32,
    ) -> Result<(), ApiError> {
        match parcel.operation {
            Operation::Create
                if refusal.says_exists()
                    && rounds > 0
                    && lookup::compare(self.client, parcel)?.missing.is_empty() =>
            {
                // After an interruption, an earlier request may have created the contact.
                if !self.isolation.is_resumed {
                    self.state.found_existing(parcel.len());
                }
                return self.update_instead(parcel, rounds - 1);
            }
            Operation::Delete if lookup::is_missing(self.client, parcel, refusal)? => return Ok(()),
            Operation::Update if lookup::is_missing(self.client, parcel, refusal)? => {
                self.outcome.not_found(parcel, refusal.status);
                return Ok(());
            }
            _ => {}
        }
        self.outcome.refused(parcel, refusal, culprit);
        Ok(())
    }

    /// Handles a parcel on which the client gave up. If the server does not even answer a look-up, it is down.
    fn gave_up(&mut self, parcel: &Parcel, gave_up: ApiError, rounds: u32) -> Result<(), ApiError> {
        self.note_failure(FailureKind::Breakdown);
        if let Some((_, json)) = parcel.items().next() {
            self.client.look_up(&id_of(parcel.operation, json))?;
        }
        let reason = gave_up.to_string();
        self.gave_up = Some(gave_up);
        if parcel.operation != Operation::Create {
            self.suspect(parcel, FailureKind::Breakdown, &reason);
            return Ok(());
        }
        // A proxy that answers 503 may still have passed a create on.
        let found = lookup::compare(self.client, parcel)?;
        self.arrived(&found.as_sent);
        if !found.missing.is_empty() {
            self.suspect(&found.missing, FailureKind::Breakdown, &reason);
        }
        self.update_instead(&found.different, rounds.saturating_sub(1))
    }

    fn note_failure(&mut self, kind: FailureKind) {
        self.isolation
            .failed(kind, self.client.acceptances.moment());
    }

    fn suspect(&mut self, parcel: &Parcel, kind: FailureKind, reason: &str) {
        self.note_failure(kind);
        self.isolation.add(Suspect {
            parcel: parcel.clone(),
            kind,
            reason: reason.to_owned(),
        });
    }

    /// Halves failed parcels until the culprits are alone, and rejects these if there is a witness.
    fn settle_suspects(&mut self, operation: Operation) -> Result<(), ApiError> {
        loop {
            match self
                .isolation
                .next(self.client.acceptances.newest(operation))
            {
                Ok(Some(parcel)) => {
                    let mut halves = parcel.halves().into_iter();
                    halves.try_for_each(|half| self.send_suspect(&half, 1))?;
                }
                Ok(None) => break,
                Err(NoWitness) => {
                    self.in_doubt = true;
                    self.gave_up.take().map_or(Ok(()), Err)?;
                    break;
                }
            }
        }
        // The last request of a suspect may also have been carried out, so each is looked up before it is
        // rejected.
        let mut absent = Vec::new();
        for suspect in std::mem::take(&mut self.isolation.alone) {
            let found = lookup::compare(self.client, &suspect.parcel)?;
            self.arrived(&found.as_sent);
            if found.as_sent.is_empty() {
                absent.push(suspect);
            }
        }
        tracing::debug!(requests = self.isolation.requests, "isolated");
        self.in_doubt |= !absent.iter().all(|suspect| self.is_guilty(suspect));
        if self.in_doubt {
            return self.forbidden.take().map_or(Ok(()), Err);
        }
        for Suspect { parcel, reason, .. } in absent {
            let reason = format!(
                "the server fails whenever this contact is sent ({reason}), and accepts the others of its batch"
            );
            self.outcome
                .failed(&parcel, RejectCode::RefusedByServer, &reason);
        }
        Ok(())
    }

    /// True if a witness incriminates the suspect. A contact alone in its batch that a firewall's page forbids is
    /// considered the cause once per acceptance.
    fn is_guilty(&self, suspect: &Suspect) -> bool {
        let operation = suspect.parcel.operation;
        let accepted = self.client.acceptances.newest(operation);
        self.isolation.has_witness(suspect.kind, accepted)
            || (suspect.kind == FailureKind::Page
                && self.size == 1
                && self.client.acceptances.take(operation))
    }
}
