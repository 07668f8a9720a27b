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

/// The state in the account of a contact that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// As it was sent; for a delete, gone.
    AsSent,
    Different,
    Missing,
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

/// Looks contacts up in the client's account.
pub(super) struct Lookup<'a> {
    client: &'a Client,
}

impl<'a> Lookup<'a> {
    pub(super) const fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// The contact with this id. A refused look-up counts as missing: the server will refuse the contact itself too, and
    /// it is then rejected with the server's words.
    pub(super) fn contact(&self, id: &str) -> Result<Option<Contact<'static>>, ApiError> {
        match self.client.contact(id) {
            Err(ApiError {
                kind: ApiErrorKind::Refused { .. },
                ..
            }) => Ok(None),
            result => result,
        }
    }

    /// The presence of each contact of a parcel.
    pub(super) fn compare(&self, parcel: &Parcel) -> Result<Vec<Presence>, ApiError> {
        parcel
            .items()
            .map(|(_, json)| {
                if parcel.operation == Operation::Delete {
                    return self.compare_deleted(json);
                }
                let Some(sent) = parse(json) else {
                    return Ok(Presence::Missing);
                };
                Ok(match self.contact(&sent.id)? {
                    None => Presence::Missing,
                    Some(there) if is_as_sent(&sent, &there) => Presence::AsSent,
                    Some(_) => Presence::Different,
                })
            })
            .collect()
    }

    /// A refused look-up is an error here: it does not prove that the contact is gone.
    fn compare_deleted(&self, json: &[u8]) -> Result<Presence, ApiError> {
        let there = self.client.contact(&id_of(Operation::Delete, json))?;
        Ok(there.map_or(Presence::AsSent, |_| Presence::Different))
    }

    /// A contact to be sent, merged with what the account has; `None` if the account already has all of it.
    pub(super) fn merged(&self, json: &[u8]) -> Result<Option<Vec<u8>>, ApiError> {
        let there = match parse(json) {
            Some(sent) => self.contact(&sent.id)?,
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
        &self,
        operation: Operation,
        json: &[u8],
        expected: &PlannedState,
    ) -> Result<Staleness, ApiError> {
        if *expected == PlannedState::Unchecked {
            return Ok(Staleness::Fresh);
        }
        let Some(now) = self.contact(&id_of(operation, json))? else {
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
}

fn parse(json: &[u8]) -> Option<Contact<'_>> {
    serde_json::from_slice(json).ok()
}
