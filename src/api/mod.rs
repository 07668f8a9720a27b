//! The client of the Wazzup contacts API: wire format, token, retry, rate limit.
//!
//! ```text
//! Client ─► Dispatcher ─► Limiter ─► token ─► Transport ─► consequence ─► answer
//!                 ▲        queue,    one       one HTTP      │
//!                 │        quota,    renews,   exchange      │ retry: backoff, hold, renew
//!                 └────────hold──────others wait─────────────┘
//! ```
//!
//! * [`Client`]: the calls, shared by all sender threads; blocking, not async.
//! * [`retry`]: what happens after each outcome; backoff, `Retry-After`, circuit breaker.
//! * [`rate`], `concurrency`, `limiter`: decide when a request may be sent.
//! * `delivery`: the loop around one request; `attempt`: one attempt and the meaning of its answer.
//! * [`token`]: the sources of tokens; one thread renews while the others wait.
//! * [`refusal`]: reads refusals; `refused_contacts`: the contacts that they name.
//! * `transport`: one HTTP exchange; `route`: explains why one failed; `scheme`: http and https taken for each other.
//! * `secrets`: hides tokens and passwords in answers; `unescape`: undoes the escapes in which an answer may quote them.
//! * [`wire`]: the bodies of answers; `list`: reads a page of the list, contact by contact.
//! * [`stats`]: counts requests, answers and latencies.

pub(crate) mod attempt;
mod base_url;
pub(crate) mod client;
pub(crate) mod clock;
mod concurrency;
mod delivery;
pub(crate) mod error;
mod field_path;
mod limiter;
mod list;
pub(crate) mod rate;
pub(crate) mod refusal;
mod refused_contacts;
pub(crate) mod retry;
mod route;
mod scheme;
mod secrets;
pub(crate) mod stats;
pub(crate) mod token;
mod transport;
mod unescape;
pub(crate) mod wire;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

pub(crate) use self::{
    attempt::Delivery, error::ApiErrorKind, error::NAMES_BY_HAND, list::Listed, refusal::Refusal,
    refusal::TooLarge, refused_contacts::RefusedContact, stats::RequestStats, token::AccountId,
    token::Partner, token::TokenStatus, wire::LookUp,
};
pub(crate) use self::{
    base_url::{BaseUrl, BaseUrlError, is_loopback},
    client::Client,
    route::root_cause,
    transport::client_builder,
};
pub use {
    self::client::ClientOptions, self::concurrency::Concurrency, self::error::ApiError,
    self::rate::Rate, self::token::PartnerPassword, self::token::RefreshGrant,
    self::token::TokenSource,
};
