//! One fault, and the requests to which it applies.

use std::time::Duration;

use super::log::Request;

/// An injected fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InjectedFault {
    /// Answers with this status without doing anything.
    Status { status: u16, body: ErrorBody },
    /// Does the work, but answers with this status.
    StatusAfter { status: u16, body: ErrorBody },
    /// Drops the connection without doing anything.
    DropBefore,
    /// Does the work, then drops the connection without an answer.
    DropAfter,
    /// Does the work, then drops the connection in the middle of the answer's body.
    Truncate,
    /// Does the work, then delays the answer by this time or until the faults are replaced.
    Slow(Duration),
    /// Silently doesn't store some contacts of a POST or PATCH of two or more; `processed` is smaller.
    Partial,
    /// Revokes the access token of the request before the request is checked.
    TokenDies,
    /// Refuses a POST, PATCH or DELETE with this id as a whole.
    Poison {
        id: String,
        status: u16,
        body: ErrorBody,
    },
    /// Silently doesn't store (POST, PATCH) or delete (DELETE) this id; `processed` is smaller.
    Unstored { id: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub(super) enum ErrorBody {
    /// `{"error":…,"description":…}`, like the API.
    Json,
    /// An HTML page, like proxies.
    Html,
    Empty,
}

impl ErrorBody {
    /// The usual body of a status: gateways answer HTML.
    pub(super) const fn usual(status: u16) -> Self {
        match status {
            502..=504 => Self::Html,
            _ => Self::Json,
        }
    }
}

impl InjectedFault {
    /// True if the fault decides the end of the request. Only one such fault applies to a request.
    pub(super) const fn ends_request(&self) -> bool {
        matches!(
            self,
            Self::Status { .. }
                | Self::StatusAfter { .. }
                | Self::DropBefore
                | Self::DropAfter
                | Self::Truncate
        )
    }

    /// True if the fault counts towards the maximum; faults of a contact are permanent.
    pub(super) const fn is_transient(&self) -> bool {
        !matches!(self, Self::Poison { .. } | Self::Unstored { .. })
    }

    pub(super) fn concerns(&self, request: &Request) -> bool {
        let writes = request.method == "POST" || request.method == "PATCH";
        match self {
            Self::Partial => writes && request.ids.len() >= 2,
            Self::Poison { id, .. } | Self::Unstored { id } => {
                request.method != "GET" && request.ids.contains(id)
            }
            _ => true,
        }
    }
}

/// The requests of a [`Scope`] to which a fault applies. Each rule counts the requests of its own scope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum When {
    Always,
    /// From the first to the last number, both included and counted from 1.
    Between {
        first: u64,
        last: u64,
    },
    /// At random, with this probability.
    Chance(f64),
}

/// The requests to which a rule is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Every call except the token call, because a client can't recover from a lost answer to a refresh.
    Contacts,
    /// The calls for contacts with this method.
    Method(&'static str),
    Token,
    Any,
}

impl Scope {
    pub(super) fn holds(self, request: &Request) -> bool {
        match self {
            Self::Contacts => !request.is_token_call(),
            Self::Method(method) => !request.is_token_call() && request.method == method,
            Self::Token => request.is_token_call(),
            Self::Any => true,
        }
    }
}

/// A fault and the requests to which it applies.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) fault: InjectedFault,
    pub(super) when: When,
    pub(super) scope: Scope,
}
