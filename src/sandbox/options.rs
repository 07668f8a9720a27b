//! The options of a sandbox; the defaults are the documented API.
//!
//! Behaviour that the documentation leaves open (does POST update an existing id?) is an enum of its own.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use super::faults::Faults;
use crate::contact::BATCH_MAX;

/// The token that a sandbox accepts by default.
pub(crate) const TOKEN: &str = "sandbox-token";

/// The options of a sandbox. The default is the API as it is documented.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The number of generated contacts in the account at the start.
    pub contacts: usize,
    /// Access tokens that never expire (a `token-dies` fault revokes them).
    pub tokens: Vec<String>,
    /// The account that may request new tokens.
    pub partner: PartnerAccount,
    /// Lifetime of an issued access token; the answer states it in whole seconds.
    pub access_lifetime: Duration,
    /// Lifetime of an issued refresh token.
    pub refresh_lifetime: Duration,
    /// The request limit; `None` switches it off.
    pub limit: Option<Limit>,
    /// Contacts in one POST, PATCH or DELETE at most.
    pub batch_max: usize,
    /// Contacts on one page at most, whatever `limit` asks for.
    pub page_max: usize,
    /// How POST treats an existing id.
    pub existing: Existing,
    /// How PATCH treats a missing id.
    pub missing: Missing,
    /// The `uri` of a contact that is read.
    pub uri: UriShown,
    /// The chat types that a written contact may have.
    pub messengers: Messengers,
    /// How a refused batch names the invalid contact.
    pub culprit: Culprit,
    /// The faults to inject.
    pub faults: Faults,
    /// Whether each request is kept for [`Sandbox::requests`](super::Sandbox::requests); counts always are.
    pub log_requests: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            contacts: 0,
            tokens: vec![TOKEN.to_owned()],
            partner: PartnerAccount::default(),
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
            log_requests: true,
        }
    }
}

/// The partner account of the token call, with its one OAuth client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerAccount {
    /// User name of the `Basic` authorization.
    pub email: String,
    /// Password of the `Basic` authorization.
    pub password: String,
    /// The OAuth client that refresh tokens belong to.
    pub client_id: String,
    /// The account of the simplified authorization, digits only.
    pub account_id: String,
    /// The initial refresh token; its first use invalidates it.
    pub refresh_token: String,
}

impl Default for PartnerAccount {
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

/// The request limit, in windows of fixed length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests that a window holds.
    pub requests: u64,
    /// Length of a window.
    pub window: Duration,
    /// How far into a window the sandbox starts; clients can't know it.
    pub phase: Duration,
    /// The `Retry-After` of a 429.
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

/// A word that an option does not accept.
#[derive(Debug, thiserror::Error)]
#[error("`{word}` is not one of {known}")]
pub struct UnknownWord {
    word: String,
    known: String,
}

/// Declares an enum with its words for `FromStr` and `Display`.
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
    /// The `Retry-After` of a 429.
    RetryAfter {
        /// No header: the documentation does not promise one.
        #[default]
        Absent = "absent",
        /// Seconds until the window ends, rounded up.
        Seconds = "seconds",
        /// The HTTP date of the window's end, rounded up.
        Date = "date",
    }
}

switch! {
    /// How POST treats an existing id. Not documented for v2; v3 updates.
    Existing {
        /// The contact is replaced.
        #[default]
        Update = "update",
        /// 409: the whole batch is refused.
        Conflict = "conflict",
        /// 500: the whole batch is refused without a reason.
        ServerError = "server-error",
    }
}

switch! {
    /// How PATCH treats a missing id. Not documented for v2.
    Missing {
        /// 404: the whole batch is refused.
        #[default]
        NotFound = "not-found",
        /// It is created, if the contact is complete.
        Create = "create",
        /// It is skipped, and `processed` is smaller.
        Ignore = "ignore",
    }
}

switch! {
    /// The `uri` of a contact that is read.
    UriShown {
        /// The link that was written.
        #[default]
        Stored = "stored",
        /// `/api/v2/contacts/{id}`, as the documentation's examples do.
        ApiPath = "api-path",
    }
}

switch! {
    /// The chat types that a written contact may have.
    Messengers {
        /// Those of the documentation.
        #[default]
        Documented = "documented",
        /// Any: the API may accept more than it documents.
        Any = "any",
    }
}

switch! {
    /// How a refused batch names the invalid contact.
    Culprit {
        /// `"data":{"index":3}`, counted from 0.
        #[default]
        Index = "index",
        /// `"data":{"id":"C-7"}`.
        Id = "id",
        /// `"data":{"index":4}`, counted from 1: a client that counts from 0 blames the wrong contact.
        FromOne = "index-from-one",
        /// Not at all.
        Hidden = "hidden",
    }
}
