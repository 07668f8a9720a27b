//! Stops everything when nothing works any more.
//!
//! Counts failures in a row over all threads. One request that always fails is not that: the others' successes
//! between its tries start the count anew. Once open, the circuit stays open for the life of the client.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{backoff::RetryPolicy, error::ApiError};

/// Counts failures in a row.
#[derive(Debug)]
pub(crate) struct Circuit {
    failures_max: u32,
    span_min: Duration,
    row: Mutex<Row>,
}

#[derive(Debug, Default)]
struct Row {
    failures: u32,
    since: Duration,
    last: String,
    open: bool,
}

impl Circuit {
    pub(crate) fn new(policy: &RetryPolicy) -> Self {
        Self {
            failures_max: policy.circuit_failures,
            span_min: policy.circuit_span,
            row: Mutex::default(),
        }
    }

    /// Fails when the circuit is open.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        let row = self.row();
        if !row.open {
            return Ok(());
        }
        Err(ApiError::Circuit {
            failures: row.failures,
            last: row.last.clone(),
            sent: false,
        })
    }

    /// A request failed in a way that a dead server or network would explain.
    pub(crate) fn failed(&self, now: Duration, last: &str) {
        let mut row = self.row();
        if row.failures == 0 {
            row.since = now;
        }
        row.failures = row.failures.saturating_add(1);
        last.clone_into(&mut row.last);
        let lasted = now.saturating_sub(row.since);
        row.open |= row.failures >= self.failures_max && lasted >= self.span_min;
    }

    /// A request was answered by a living server.
    pub(crate) fn worked(&self) {
        let mut row = self.row();
        if !row.open {
            row.failures = 0;
        }
    }

    fn row(&self) -> MutexGuard<'_, Row> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circuit() -> Circuit {
        Circuit::new(&RetryPolicy {
            circuit_failures: 3,
            circuit_span: Duration::from_secs(10),
            ..RetryPolicy::default()
        })
    }

    #[test]
    fn many_failures_in_a_row_over_some_time_open_it_for_good() {
        let circuit = circuit();
        for secs in [0, 5, 9] {
            circuit.failed(Duration::from_secs(secs), "503");
            assert!(circuit.check().is_ok(), "{secs}");
        }
        circuit.failed(Duration::from_secs(10), "timed out");
        circuit.worked();
        assert!(matches!(
            circuit.check(),
            Err(ApiError::Circuit { failures: 4, last, .. }) if last == "timed out"
        ));
    }

    #[test]
    fn one_success_starts_the_count_anew() {
        let circuit = circuit();
        for secs in 0..100 {
            circuit.failed(Duration::from_secs(secs), "503");
            if secs % 2 == 1 {
                circuit.worked();
            }
        }
        assert!(circuit.check().is_ok());
    }
}
