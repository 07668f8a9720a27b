//! What goes wrong, and when: a list of rules, each a [`Fault`], a [`When`] and a [`Scope`].
//!
//! These are the words; `mischief` puts them into effect.

use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use super::log::Request;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer is this status, and nothing is done.
    Status {
        /// 429 also says when to come back, if [`Limit::retry_after`](super::Limit) wants it.
        status: u16,
        /// What comes with it.
        body: ErrorBody,
    },
    /// The work is done, but the answer is this status.
    StatusAfter {
        /// 502 and 504 are what proxies say.
        status: u16,
        /// What comes with it.
        body: ErrorBody,
    },
    /// The connection is dropped, and nothing is done.
    DropBefore,
    /// The work is done, and the connection is dropped without an answer.
    DropAfter,
    /// The work is done, and the connection is dropped in the middle of the answer's body.
    Truncate,
    /// The work is done, and the answer comes so much later, or as soon as the faults are replaced.
    Slow(Duration),
    /// Some contacts of a POST or PATCH of two or more are silently not stored, and `processed` is smaller.
    Partial,
    /// The access token that the request carries is good no more, from this request on.
    TokenDies,
    /// A POST, PATCH or DELETE that holds one of these ids is refused as a whole.
    Poison {
        /// The poisoned ids.
        ids: HashSet<String>,
        /// The status of the refusal.
        status: u16,
    },
    /// Contacts with these ids are silently not stored by POST and PATCH, nor deleted by DELETE, and `processed` is
    /// smaller.
    Unstored {
        /// The ids.
        ids: HashSet<String>,
    },
}

/// The body of an error's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorBody {
    /// `{"error":…,"description":…}`, as the API answers.
    Json,
    /// A page of HTML, as proxies answer.
    Html,
    /// Nothing.
    Empty,
}

impl ErrorBody {
    /// What usually comes with a status: gateways answer HTML.
    #[must_use]
    pub(crate) const fn usual(status: u16) -> Self {
        match status {
            502..=504 => Self::Html,
            _ => Self::Json,
        }
    }
}

impl Fault {
    /// This status before the work, with the body that is usual for it.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self::Status {
            status,
            body: ErrorBody::usual(status),
        }
    }

    /// This status after the work, with the body that is usual for it.
    #[must_use]
    pub const fn status_after(status: u16) -> Self {
        Self::StatusAfter {
            status,
            body: ErrorBody::usual(status),
        }
    }

    /// Batches with one of these ids are refused with 400.
    pub fn poison<I: Into<String>>(ids: impl IntoIterator<Item = I>) -> Self {
        Self::Poison {
            ids: ids.into_iter().map(Into::into).collect(),
            status: 400,
        }
    }

    /// Contacts with these ids are silently not stored.
    pub fn unstored<I: Into<String>>(ids: impl IntoIterator<Item = I>) -> Self {
        Self::Unstored {
            ids: ids.into_iter().map(Into::into).collect(),
        }
    }

    /// On every request.
    #[must_use]
    pub fn always(self) -> Rule {
        self.when(When::Always)
    }

    /// On one request, the first being 1.
    #[must_use]
    pub fn at(self, number: u64) -> Rule {
        let (first, last) = (number, number);
        self.when(When::Between { first, last })
    }

    /// On this request and all that follow.
    #[must_use]
    pub fn from(self, first: u64) -> Rule {
        let last = u64::MAX;
        self.when(When::Between { first, last })
    }

    /// At random, with this probability.
    #[must_use]
    pub fn with_chance(self, probability: f64) -> Rule {
        self.when(When::Chance(probability))
    }

    /// On requests that the function picks. It runs while the sandbox is locked: it can't ask it anything.
    #[must_use]
    pub fn if_request(self, picks: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Rule {
        self.when(When::Request(Arc::new(picks)))
    }

    fn when(self, when: When) -> Rule {
        Rule {
            fault: self,
            when,
            scope: Scope::default(),
        }
    }

    /// Is this the end of a request, so that no other end is possible?
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

    /// Does it come and go, so that the budget counts it? Poison stays.
    pub(super) const fn is_transient(&self) -> bool {
        !matches!(self, Self::Poison { .. } | Self::Unstored { .. })
    }

    pub(super) fn concerns(&self, request: &Request) -> bool {
        let writes = request.method == "POST" || request.method == "PATCH";
        match self {
            Self::Partial => writes && request.ids.len() >= 2,
            Self::Poison { ids, .. } => {
                request.method != "GET" && request.ids.iter().any(|id| ids.contains(id))
            }
            Self::Unstored { ids } => {
                request.method != "GET" && request.ids.iter().any(|id| ids.contains(id))
            }
            _ => true,
        }
    }
}

/// On which of the requests in its [`Scope`] a fault happens. A rule counts its own scope's requests, from 1.
#[derive(Clone)]
pub enum When {
    /// On each.
    Always,
    /// From the first to the last number, both included.
    Between {
        /// The first request, counted from 1.
        first: u64,
        /// The last request.
        last: u64,
    },
    /// At random, with this probability.
    Chance(f64),
    /// On those that the function picks.
    Request(Arc<dyn Fn(&Request) -> bool + Send + Sync>),
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("Always"),
            Self::Between { first, last } => write!(f, "Between({first}..={last})"),
            Self::Chance(probability) => write!(f, "Chance({probability})"),
            Self::Request(_) => f.write_str("Request(…)"),
        }
    }
}

/// Which requests a rule looks at and counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Every call but the one for tokens: a lost answer to a refresh can't be made good by any client.
    #[default]
    Contacts,
    /// The calls for contacts with this method, in capitals.
    Method(&'static str),
    /// The call for tokens.
    Token,
    /// All of them.
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

/// One fault and when it happens. [`FromStr`](std::str::FromStr) reads the form of the command line.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What goes wrong.
    pub fault: Fault,
    /// When.
    pub when: When,
    /// To which requests.
    pub scope: Scope,
}

impl Rule {
    /// The same rule for other requests.
    #[must_use]
    pub fn on(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }
}

/// Everything that goes wrong.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// What and when. Of several that would end a request, the first does.
    pub rules: Vec<Rule>,
    /// Where chance comes from.
    pub seed: u64,
    /// How many faults may happen at most, but for poisoned and unstored ids; `None` is no end.
    pub budget: Option<u64>,
}

impl Faults {
    /// These rules, without an end.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self {
            rules: rules.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Every transient fault of the network and the server, each with this probability; tokens live.
    #[must_use]
    pub fn random(seed: u64, probability: f64, budget: u64) -> Self {
        let empty = |status| Fault::Status {
            status,
            body: ErrorBody::Empty,
        };
        let faults = [
            Fault::Slow(Duration::from_millis(5)),
            Fault::Partial,
            Fault::DropBefore,
            Fault::DropAfter,
            Fault::Truncate,
            Fault::status(503),
            Fault::status(429),
            empty(500),
            Fault::status_after(502),
            Fault::status_after(500),
        ];
        let rules = faults.map(|fault| fault.with_chance(probability));
        Self {
            rules: rules.into(),
            seed,
            budget: Some(budget),
        }
    }
}
