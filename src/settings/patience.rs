//! How patient to be with a server that does not answer well: `[profiles.NAME.patience]` in the configuration.
//!
//! The defaults suit the API. Other values are for other circumstances: a slow line, a proxy that sleeps, a server on
//! this machine, a test that must not take minutes.

use std::time::Duration;

use serde::Deserialize;

use crate::api::ClientOptions;

/// What a profile says about it; what is left out is as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Patience {
    /// How often one request is sent at most (8).
    pub tries: Option<u32>,
    /// Longest wait before the second try; it doubles with every further one (500).
    pub base_ms: Option<u64>,
    /// Where it stops doubling (60000).
    pub cap_ms: Option<u64>,
    /// How long everybody waits at least after a 429 that does not say it (5000).
    pub hold_ms: Option<u64>,
    /// So many failures in a row, of all requests together, end the run (20)…
    pub circuit_failures: Option<u32>,
    /// …but not before they have lasted so long (10000).
    pub circuit_ms: Option<u64>,
    /// An answer must be whole within this (60000).
    pub request_ms: Option<u64>,
    /// How long what is in flight may take after Ctrl-C (30000).
    pub grace_ms: Option<u64>,
}

impl Patience {
    /// How long requests in flight may take after a stop was requested.
    #[must_use]
    pub(crate) fn grace(&self) -> Option<Duration> {
        self.grace_ms.map(Duration::from_millis)
    }

    /// Puts what is said here into the client's options.
    pub(super) fn apply_to(self, options: &mut ClientOptions) {
        let set = |target: &mut Duration, ms: Option<u64>| {
            *target = ms.map_or(*target, Duration::from_millis);
        };
        let retry = &mut options.retry;
        retry.tries = self.tries.unwrap_or(retry.tries);
        retry.circuit_failures = self.circuit_failures.unwrap_or(retry.circuit_failures);
        set(&mut retry.base, self.base_ms);
        set(&mut retry.cap, self.cap_ms);
        set(&mut retry.hold_min, self.hold_ms);
        set(&mut retry.circuit_span, self.circuit_ms);
        set(&mut options.request_timeout, self.request_ms);
    }
}
