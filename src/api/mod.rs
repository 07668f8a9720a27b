//! The client of the Wazzup contacts API: wire shapes, token, retry, limiter. It knows nothing of files.
//!
//! ```text
//! Client ─► Dispatcher ─► Limiter ─► token ─► Transport ─► verdict ─► answer
//!                 ▲        queue,    one       one HTTP      │
//!                 │        quota,    renews,   exchange      │ again: back-off, hold, renew
//!                 └────────hold──────others wait─────────────┘
//! ```
//!
//! * [`Client`]: the calls, for all sender threads at once; blocking, no async.
//! * [`retry`]: the table of what is done about each way in which a request can end.
//! * [`rate`], `limiter`, `hold`: the one place that decides when a request may leave.
//! * `delivery`, `circuit`, [`backoff`]: the loop around one request, and when to stop trying.
//! * [`token`]: where the token comes from, and how it is renewed by one thread while the others wait.
//! * [`refusal`]: what a refusal says, and whom it blames. `foreign_text`: the server's words made fit to be shown.
//! * [`stats`]: what was sent and how fast it was answered.

pub(crate) mod base_url;
pub(crate) mod client;
pub(crate) mod clock;
mod delivery;
pub(crate) mod error;
mod foreign_text;
mod limiter;
pub(crate) mod rate;
pub(crate) mod refusal;
pub(crate) mod retry;
pub(crate) mod stats;
pub(crate) mod token;
mod transport;
pub(crate) mod wire;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

pub use self::{
    client::Client, client::ClientOptions, error::ApiError, rate::Rate, token::TokenSource,
};
pub(crate) use self::{
    client::WriteReply, error::ApiErrorKind, refusal::Refusal, stats::RequestStats,
    token::AccountId, token::Partner, token::TokenStatus,
};
