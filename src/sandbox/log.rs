//! The request log, for tests to inspect.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use axum::http::Method;

/// One request, as it arrived and as it was answered.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its number in the order of arrival, from 1.
    pub number: u64,
    /// When it arrived, counted from the sandbox's start.
    pub at: Duration,
    /// Its method; compares with `"POST"`.
    pub method: Method,
    /// Path and query as they were sent, percent-encoding and all.
    pub path: String,
    /// Number of contacts or ids in its body.
    pub entities: usize,
    /// The ids in its body or its path.
    pub ids: Vec<String>,
    /// The answer's status; `None` if the connection was dropped without an answer.
    pub status: Option<u16>,
}

impl Request {
    pub(crate) fn is_token_call(&self) -> bool {
        self.path.starts_with("/v2/oauth/token")
    }

    #[cfg(test)]
    pub(super) fn example(method: &str, path: &str, ids: usize) -> Self {
        Self {
            number: 1,
            at: Duration::ZERO,
            method: method.parse().unwrap_or_default(),
            path: path.to_owned(),
            entities: ids,
            ids: (0..ids).map(|index| format!("id-{index}")).collect(),
            status: None,
        }
    }
}

/// Number of requests by method and status. Dropped connections have no status.
pub(crate) type RequestCounts = BTreeMap<(String, Option<u16>), u64>;

#[derive(Debug)]
pub(super) struct Log {
    keeps_requests: bool,
    started: Instant,
    arrived: u64,
    pub(super) counts: RequestCounts,
    pub(super) requests: Vec<Request>,
}

impl Log {
    pub(super) fn new(keeps_requests: bool) -> Self {
        Self {
            keeps_requests,
            started: Instant::now(),
            arrived: 0,
            counts: RequestCounts::new(),
            requests: Vec::new(),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Numbers an arriving request. Returns its number and time.
    pub(super) fn arrive(&mut self) -> (u64, Duration) {
        self.arrived += 1;
        (self.arrived, self.now())
    }

    pub(super) fn arrived(&self) -> u64 {
        self.arrived
    }

    pub(super) fn push(&mut self, request: Request) {
        let key = (request.method.to_string(), request.status);
        *self.counts.entry(key).or_default() += 1;
        if self.keeps_requests {
            self.requests.push(request);
        }
    }

    /// Drops the recorded requests. Numbering and times continue.
    pub(super) fn clear(&mut self) {
        self.requests.clear();
        self.counts.clear();
    }
}
