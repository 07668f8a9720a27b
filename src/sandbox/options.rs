//! How a sandbox behaves: every switch, with the documented API as the default.
//!
//! Where the documentation is silent (does POST of an id that exists update it?), the switch is a type of
//! its own here, so that a test can say which server it means.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use super::faults::Faults;
use crate::contact::BATCH_MAX;

/// The token that a sandbox accepts unless told otherwise.
pub(crate) const TOKEN: &str = "sandbox-token";

/// Everything that can be set about a sandbox. The default is the API as it is documented.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen: loopback; port 0 takes any free one.
    pub listen: SocketAddr,
    /// How many made-up contacts the account begins with.
    pub contacts: usize,
    /// Access tokens that are good for ever (until [`Fault::TokenDies`](super::Fault::TokenDies)).
    pub tokens: Vec<String>,
    /// Who may ask for new tokens.
    pub partner: Partner,
    /// How long an issued access token lives; the answer shows it in whole seconds.
    pub access_lifetime: Duration,
    /// How long an issued refresh token lives.
    pub refresh_lifetime: Duration,
    /// The request limit; `None` switches it off.
    pub limit: Option<Limit>,
    /// Contacts in one POST, PATCH or DELETE at most.
    pub batch_max: usize,
    /// Contacts on one page at most, whatever `limit` asks for.
    pub page_max: usize,
    /// What POST does with an id that exists.
    pub existing: Existing,
    /// What PATCH does with an id that does not.
    pub missing: Missing,
    /// What a read shows as `uri`.
    pub uri: UriShown,
    /// Which messengers a contact that is written may have.
    pub messengers: Messengers,
    /// How a refused batch names the contact that is to blame.
    pub culprit: Culprit,
    /// What goes wrong, and when.
    pub faults: Faults,
    /// How much of each request is remembered.
    pub log: LogDetail,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            contacts: 0,
            tokens: vec![TOKEN.to_owned()],
            partner: Partner::default(),
            access_lifetime: Duration::from_secs(3600),
            refresh_lifetime: Duration::from_secs(7 * 24 * 3600),
            limit: Some(Limit::default()),
            batch_max: BATCH_MAX,
            page_max: 100,
            existing: Existing::default(),
            missing: Missing::default(),
            uri: UriShown::default(),
            messengers: Messengers::default(),
            culprit: Culprit::default(),
            faults: Faults::default(),
            log: LogDetail::default(),
        }
    }
}

/// The partner account that the token call knows, and the one client of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// User name of the `Basic` authorization.
    pub email: String,
    /// Password of the `Basic` authorization.
    pub password: String,
    /// The OAuth client that refresh tokens belong to.
    pub client_id: String,
    /// The account of the simplified authorization, digits only.
    pub account_id: String,
    /// The refresh token to begin with; spent by its first use.
    pub refresh_token: String,
}

impl Default for Partner {
    fn default() -> Self {
        Self {
            email: "partner@example.com".to_owned(),
            password: "sandbox-password".to_owned(),
            client_id: "sandbox-client".to_owned(),
            account_id: "72042419".to_owned(),
            refresh_token: "sandbox-refresh-token".to_owned(),
        }
    }
}

/// So many requests in each window of fixed length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests that a window holds.
    pub requests: u64,
    /// Length of a window.
    pub window: Duration,
    /// How far into a window the sandbox starts: clients can't know it.
    pub phase: Duration,
    /// What a 429 says about when to come back.
    pub retry_after: RetryAfter,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            requests: 500,
            window: Duration::from_secs(5),
            phase: Duration::ZERO,
            retry_after: RetryAfter::default(),
        }
    }
}

/// A word that is none of those that a switch knows.
#[derive(Debug, thiserror::Error)]
#[error("`{word}` is none of {known}")]
pub struct UnknownWord {
    word: String,
    known: String,
}

/// Declares a switch: its words on the command line are its `as_str`, its `FromStr` and its `Display`.
macro_rules! switch {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every value, the default first.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word on the command line.
            #[must_use]
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                let known = || [$($word,)+].join(", ");
                Self::ALL
                    .iter()
                    .find(|value| value.as_str() == word)
                    .copied()
                    .ok_or_else(|| UnknownWord { word: word.to_owned(), known: known() })
            }
        }
    };
}

switch! {
    /// What a 429 says about when to come back.
    RetryAfter {
        /// Nothing: it is not promised.
        #[default]
        Absent = "absent",
        /// Seconds until the window ends, rounded up.
        Seconds = "seconds",
        /// The HTTP date of the window's end, rounded up.
        Date = "date",
    }
}

switch! {
    /// What POST does with an id that exists. Not documented for v2; v3 updates.
    Existing {
        /// The contact is replaced.
        #[default]
        Update = "update",
        /// 409: the whole batch is refused.
        Conflict = "conflict",
        /// 500: the whole batch is refused, and nobody says why.
        ServerError = "server-error",
    }
}

switch! {
    /// What PATCH does with an id that is missing. Not documented for v2.
    Missing {
        /// 404: the whole batch is refused.
        #[default]
        NotFound = "not-found",
        /// It is created, if the contact is complete.
        Create = "create",
        /// It is passed over, and `processed` is smaller.
        Ignore = "ignore",
    }
}

switch! {
    /// What a read shows as `uri`.
    UriShown {
        /// The link that was written.
        #[default]
        Stored = "stored",
        /// `/api/v2/contacts/{id}`, as the documentation's examples do.
        ApiPath = "api-path",
    }
}

switch! {
    /// Which messengers a contact that is written may have.
    Messengers {
        /// Those of the documentation.
        #[default]
        Documented = "documented",
        /// Any: the API may have learnt more than its documentation says.
        Any = "any",
    }
}

switch! {
    /// How a refused batch names the contact that is to blame.
    Culprit {
        /// `"data":{"index":3}`, counted from 0.
        #[default]
        Index = "index",
        /// `"data":{"id":"C-7"}`.
        Id = "id",
        /// `"data":{"index":4}`, counted from 1: to a client that counts from 0 it names the wrong one.
        FromOne = "index-from-one",
        /// Not at all.
        Hidden = "hidden",
    }
}

switch! {
    /// How much of each request is remembered. Numbers of requests and writes are always counted.
    LogDetail {
        /// Each request with the ids that it names.
        #[default]
        Ids = "ids",
        /// Each request without ids: for millions of contacts.
        Requests = "requests",
        /// Counts only: for a sandbox that runs for days.
        Counts = "counts",
    }
}
