//! What the account has of the contacts that are sent, one look-up each.

use super::{feed::Expected, parcel::Parcel};
use crate::{
    api::{ApiError, ApiErrorKind, Client},
    contact::{Action, Contact},
    plan::diff::{self, Difference, is_as_sent},
};

/// What a look-up shows of a contact that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// As it was sent; gone, where it was to be deleted.
    AsSent,
    /// It is there, but otherwise.
    Otherwise,
    Missing,
}

/// How a contact in the account stands to a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// As the plan saw it.
    AsPlanned,
    /// As the plan wants it already: a run that was interrupted has done it, or another run has.
    AsWanted,
    /// Otherwise, and this is what is told.
    Stale(&'static str),
}

/// Looks contacts up.
pub(super) struct Lookup<'a> {
    client: &'a Client,
}

impl<'a> Lookup<'a> {
    /// In the client's account.
    pub(super) const fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// What the account has under this id. A server that refuses to look has nothing there either; the
    /// contact itself will be refused, and rejected with the server's words.
    pub(super) fn contact(&self, id: &str) -> Result<Option<Contact<'static>>, ApiError> {
        match self.client.contact(id) {
            Err(ApiError {
                kind: ApiErrorKind::Refused { .. },
                ..
            }) => Ok(None),
            result => result,
        }
    }

    /// What there is of each contact of a parcel.
    pub(super) fn compare(&self, parcel: &Parcel) -> Result<Vec<Found>, ApiError> {
        parcel
            .items()
            .map(|(_, json)| {
                if parcel.action == Action::Delete {
                    return self.compare_deleted(json);
                }
                let Some(sent) = parse(json) else {
                    return Ok(Found::Missing);
                };
                Ok(match self.contact(&sent.id)? {
                    None => Found::Missing,
                    Some(there) if is_as_sent(&sent, &there) => Found::AsSent,
                    Some(_) => Found::Otherwise,
                })
            })
            .collect()
    }

    /// A refusal to look proves nothing here: what can't be shown may be there all the same.
    fn compare_deleted(&self, json: &[u8]) -> Result<Found, ApiError> {
        let there = self.client.contact(&id_of(Action::Delete, json))?;
        Ok(there.map_or(Found::AsSent, |_| Found::Otherwise))
    }

    /// A contact to be sent, filled with what the account has; nothing where the account has all of it.
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

    /// How a contact stands to what the plan saw of it.
    pub(super) fn standing(
        &self,
        action: Action,
        json: &[u8],
        expected: &Expected,
    ) -> Result<Standing, ApiError> {
        if *expected == Expected::Anything {
            return Ok(Standing::AsPlanned);
        }
        let Some(now) = self.contact(&id_of(action, json))? else {
            return Ok(match (expected, action) {
                (Expected::Absent, _) => Standing::AsPlanned,
                (_, Action::Delete) => Standing::AsWanted,
                _ => Standing::Stale(
                    "it was deleted at the API since the plan was made: import this row again to create it",
                ),
            });
        };
        let is_as_planned = match expected {
            Expected::Anything => true,
            Expected::Absent => false,
            Expected::Contact(before) => {
                parse(before.as_bytes()).is_none_or(|before| diff::is_as_before(&before, &now))
            }
        };
        if is_as_planned {
            return Ok(Standing::AsPlanned);
        }
        if parse(json).is_some_and(|planned| is_as_sent(&planned, &now)) {
            return Ok(Standing::AsWanted);
        }
        Ok(Standing::Stale(match (expected, action) {
            (Expected::Absent, _) => {
                "it was created at the API since the plan was made: import this row again to compare it with what is there now"
            }
            (_, Action::Delete) => {
                "it was changed at the API since the plan was made: plan again to delete it"
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

/// The id of an item of a parcel.
pub(super) fn id_of(action: Action, json: &[u8]) -> String {
    match action {
        Action::Delete => serde_json::from_slice(json).unwrap_or_default(),
        Action::Create | Action::Update => parse(json)
            .map(|contact| contact.id.into_owned())
            .unwrap_or_default(),
    }
}
