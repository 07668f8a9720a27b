//! Looks up contacts in the account and compares them with what was or will be sent. If a look-up by id is
//! inconclusive, the list is searched: an answer that is not about the contact must never lead to a create.

use std::collections::HashSet;

use super::{
    open_batches::PlannedState,
    payload::{Payload, id_of},
};
use crate::{
    account::Reader,
    api::{ApiError, Client, LookUp, Refusal},
    contact::{Contact, Operation},
    plan::{
        chats::Replaced,
        diff::{self, Difference, is_as_sent},
    },
    progress::Silent,
};

/// The contacts of a payload, by their state in the account.
pub(super) struct Compared {
    /// As sent; for deletes, gone.
    pub(super) as_sent: Payload,
    pub(super) different: Payload,
    pub(super) missing: Payload,
}

/// The staleness of a contact compared with the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Staleness {
    /// Unchanged since the plan.
    Fresh,
    /// Already as planned, by an interrupted run or another one.
    AlreadyDone,
    /// Changed, with a reason for the user.
    Stale(&'static str),
}

/// The account's contacts with the ids of a payload, in its order.
fn present(client: &Client, payload: &Payload) -> Result<Vec<LookUp>, ApiError> {
    let ids: Vec<_> = payload
        .items()
        .map(|(_, json)| id_of(payload.operation, json))
        .collect();
    let account = Reader {
        client,
        monitor: &Silent,
        expected: None,
        wanted: None,
    };
    account.contacts(&ids)
}

pub(super) fn compare(client: &Client, payload: &Payload) -> Result<Compared, ApiError> {
    let empty = || Payload::new(payload.operation, 0);
    let mut compared = Compared {
        as_sent: empty(),
        different: empty(),
        missing: empty(),
    };
    for ((seq, json), found) in payload.items().zip(present(client, payload)?) {
        let is_as_sent = match &found {
            LookUp::Found(found) => parse(json).is_some_and(|sent| is_as_sent(&sent, found)),
            LookUp::Absent => payload.operation == Operation::Delete,
            _ => false,
        };
        let state = match found {
            _ if is_as_sent => &mut compared.as_sent,
            LookUp::Absent => &mut compared.missing,
            _ => &mut compared.different,
        };
        state.push(seq, json);
    }
    Ok(compared)
}

/// Compares contacts with the account after the server refused to delete them because of missing ones. It may
/// have deleted the others nevertheless, so `missing` are only those that were certainly missing before: named by the
/// server, or not before the last one in front of the contacts that still exist, because a server that stopped did so
/// at a missing contact.
pub(super) fn compare_refused_deletes(
    client: &Client,
    payload: &Payload,
    refusal: &Refusal,
) -> Result<Compared, ApiError> {
    let found = compare(client, payload)?;
    let gone: HashSet<u64> = found.as_sent.items().map(|(seq, _)| seq).collect();
    let first_present = payload.items().position(|(seq, _)| !gone.contains(&seq));
    let mut compared = Compared {
        as_sent: Payload::new(payload.operation, 0),
        missing: Payload::new(payload.operation, 0),
        ..found
    };
    let items = payload.items().enumerate();
    for (index, (seq, json)) in items.filter(|(_, (seq, _))| gone.contains(seq)) {
        // If the server stopped at a contact, that one and those after it were not deleted by this request.
        let was_missing = first_present.is_some_and(|first| index + 1 >= first)
            || refusal.names(&id_of(payload.operation, json));
        let state = if was_missing {
            &mut compared.missing
        } else {
            &mut compared.as_sent
        };
        state.push(seq, json);
    }
    Ok(compared)
}

/// True if a contact that was refused alone is missing. A 404 that does not say so proves nothing, so the contact
/// is looked up.
pub(super) fn is_missing(
    client: &Client,
    payload: &Payload,
    refusal: &Refusal,
) -> Result<bool, ApiError> {
    if refusal.says_missing() || refusal.status != 404 {
        return Ok(refusal.says_missing());
    }
    let found = compare(client, payload)?;
    Ok(found.different.is_empty()
        && (payload.operation == Operation::Delete || found.as_sent.is_empty()))
}

/// The contacts of a payload, merged with the account's.
pub(super) struct Merged {
    pub(super) updates: Payload,
    /// Contacts of which the account already has everything.
    pub(super) there_already: Payload,
    /// Contacts that can't be read in the account, so an update might erase something.
    pub(super) unreadable: Payload,
}

/// Merges the contacts of a payload with those in the account.
pub(super) fn merged(client: &Client, payload: &Payload) -> Result<Merged, ApiError> {
    let mut merged = Merged {
        updates: Payload::new(Operation::Update, payload.len()),
        there_already: Payload::new(Operation::Update, 0),
        unreadable: Payload::new(Operation::Update, 0),
    };
    for ((seq, json), found) in payload.items().zip(present(client, payload)?) {
        match (parse(json), found) {
            (Some(sent), LookUp::Found(found)) => {
                match diff::difference(&sent, &found, Replaced::OfTypes(&[])) {
                    Difference::Unchanged => merged.there_already.push(seq, json),
                    Difference::Changed { merged: update, .. } => {
                        // Serializing text fields can't fail.
                        let update = serde_json::to_vec(&update).unwrap_or_default();
                        merged.updates.push(seq, &update);
                    }
                }
            }
            (_, LookUp::Unreadable(_)) => merged.unreadable.push(seq, json),
            _ => merged.updates.push(seq, json),
        }
    }
    Ok(merged)
}

/// Compares the contacts of a payload with their state in the plan.
pub(super) fn staleness(
    client: &Client,
    payload: &Payload,
    planned: &[PlannedState],
) -> Result<Vec<Staleness>, ApiError> {
    let (checked, _) = payload.partition(|index, _| planned[index] != PlannedState::Unchecked);
    let mut found = present(client, &checked)?.into_iter();
    let stale = payload.items().zip(planned).map(|((_, json), planned)| {
        if *planned == PlannedState::Unchecked {
            return Staleness::Fresh;
        }
        let now = match found.next() {
            Some(LookUp::Found(contact)) => Some(contact),
            // An unreadable contact differs from every contact in the plan.
            Some(LookUp::Unreadable(_)) => Some(Contact::default()),
            _ => None,
        };
        staleness_of(payload.operation, json, planned, now)
    });
    Ok(stale.collect())
}

fn staleness_of(
    operation: Operation,
    json: &[u8],
    expected: &PlannedState,
    now: Option<Contact<'_>>,
) -> Staleness {
    let Some(now) = now else {
        return match (expected, operation) {
            (PlannedState::Absent, _) => Staleness::Fresh,
            (_, Operation::Delete) => Staleness::AlreadyDone,
            _ => Staleness::Stale(
                "it was deleted from the account since the plan was made: import this row again to create it",
            ),
        };
    };
    let is_as_planned = match expected {
        PlannedState::Unchecked => true,
        PlannedState::Absent => false,
        PlannedState::Contact(before) => {
            parse(before.as_bytes()).is_none_or(|before| diff::is_as_before(&before, &now))
        }
    };
    if is_as_planned {
        return Staleness::Fresh;
    }
    if parse(json).is_some_and(|planned| is_as_sent(&planned, &now)) {
        return Staleness::AlreadyDone;
    }
    Staleness::Stale(match (expected, operation) {
        (PlannedState::Absent, _) => {
            "it was created in the account since the plan was made: import this row again to compare it with the account"
        }
        (_, Operation::Delete) => {
            "it was changed in the account since the plan was made: make a new plan to delete it"
        }
        _ => {
            "it was changed in the account since the plan was made: import this row again to compare it with the account"
        }
    })
}

fn parse(json: &[u8]) -> Option<Contact<'_>> {
    serde_json::from_slice(json).ok()
}
