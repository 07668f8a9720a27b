//! Looks contacts up in the account, one request each, and compares them with what was or will be sent.

use super::{
    feed::PlannedState,
    parcel::{Parcel, id_of},
};
use crate::{
    api::{ApiError, ApiErrorKind, Client},
    contact::{Contact, Operation},
    plan::diff::{self, Difference, is_as_sent},
};

/// The contacts of a parcel, by their state in the account.
pub(super) struct Compared {
    /// As they were sent; for deletes, gone.
    pub(super) as_sent: Parcel,
    pub(super) different: Parcel,
    pub(super) missing: Parcel,
}

/// Whether a contact changed in the account since the plan was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Staleness {
    /// Unchanged since the plan.
    Fresh,
    /// Already as planned: an interrupted run or another one has done it.
    AlreadyDone,
    /// Changed; the reason is shown to the user.
    Stale(&'static str),
}

/// The contact with this id. A refused look-up counts as missing: the server will refuse the contact itself too, and
/// it is then rejected with the server's words.
pub(super) fn contact(client: &Client, id: &str) -> Result<Option<Contact<'static>>, ApiError> {
    match client.contact(id) {
        Err(ApiError {
            kind: ApiErrorKind::Refused { .. },
            ..
        }) => Ok(None),
        result => result,
    }
}

/// Compares each contact of a parcel with the account.
pub(super) fn compare(client: &Client, parcel: &Parcel) -> Result<Compared, ApiError> {
    let empty = || Parcel::new(parcel.operation, 0);
    let mut compared = Compared {
        as_sent: empty(),
        different: empty(),
        missing: empty(),
    };
    for (seq, json) in parcel.items() {
        let state = if parcel.operation == Operation::Delete {
            // A refused look-up is an error here: it does not prove that the contact is gone.
            match client.contact(&id_of(Operation::Delete, json))? {
                None => &mut compared.as_sent,
                Some(_) => &mut compared.different,
            }
        } else if let Some(sent) = parse(json) {
            match contact(client, &sent.id)? {
                None => &mut compared.missing,
                Some(found) if is_as_sent(&sent, &found) => &mut compared.as_sent,
                Some(_) => &mut compared.different,
            }
        } else {
            &mut compared.missing
        };
        state.push(seq, json);
    }
    Ok(compared)
}

/// A contact to be sent, merged with what the account has; `None` if the account already has all of it.
pub(super) fn merged(client: &Client, json: &[u8]) -> Result<Option<Vec<u8>>, ApiError> {
    let there = match parse(json) {
        Some(sent) => contact(client, &sent.id)?,
        None => None,
    };
    let (Some(sent), Some(there)) = (parse(json), there) else {
        return Ok(Some(json.to_vec()));
    };
    Ok(match diff::difference(&sent, &there, &[]) {
        Difference::Unchanged => None,
        // Text fields can always be written.
        Difference::Changed { merged, .. } => serde_json::to_vec(&merged).ok(),
    })
}

/// Compares a contact in the account with what the plan saw.
pub(super) fn staleness(
    client: &Client,
    operation: Operation,
    json: &[u8],
    expected: &PlannedState,
) -> Result<Staleness, ApiError> {
    if *expected == PlannedState::Unchecked {
        return Ok(Staleness::Fresh);
    }
    let Some(now) = contact(client, &id_of(operation, json))? else {
        return Ok(match (expected, operation) {
            (PlannedState::Absent, _) => Staleness::Fresh,
            (_, Operation::Delete) => Staleness::AlreadyDone,
            _ => Staleness::Stale(
                "it was deleted at the API since the plan was made: import this row again to create it",
            ),
        });
    };
    let is_as_planned = match expected {
        PlannedState::Unchecked => true,
        PlannedState::Absent => false,
        PlannedState::Contact(before) => {
            parse(before.as_bytes()).is_none_or(|before| diff::is_as_before(&before, &now))
        }
    };
    if is_as_planned {
        return Ok(Staleness::Fresh);
    }
    if parse(json).is_some_and(|planned| is_as_sent(&planned, &now)) {
        return Ok(Staleness::AlreadyDone);
    }
    Ok(Staleness::Stale(match (expected, operation) {
        (PlannedState::Absent, _) => {
            "it was created at the API since the plan was made: import this row again to compare it with what is there now"
        }
        (_, Operation::Delete) => {
            "it was changed at the API since the plan was made: make a new plan to delete it"
        }
        _ => {
            "it was changed at the API since the plan was made: import this row again to compare it with what is there now"
        }
    }))
}

fn parse(json: &[u8]) -> Option<Contact<'_>> {
    serde_json::from_slice(json).ok()
}
