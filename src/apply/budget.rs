//! The error budget: stops a run if too many contacts are refused.
//!
//! One bad row is isolated and the others are sent. But if the server refuses row after row for one cause,
//! isolating them costs thousands of requests and achieves nothing. So sending stops if more contacts are refused
//! than `--max-refused` allows, or if isolating them costs more requests than the plan itself plus
//! [`ISOLATION_ALLOWANCE`].
//!
//! Each process counts from 0, because the user continues a run knowing the earlier message. A budget that the
//! last requests use up stops nothing: the run must have something left to send.

use std::fmt;

use parking_lot::Mutex;

use super::{
    causes::{Causes, Refused, lacks_chat_id},
    payload::Payload,
};
use crate::{
    plan::gate::Bound,
    reject::Problem,
    wording::{counted, grouped},
};

/// Requests that isolation may cost in addition to those of the plan.
const ISOLATION_ALLOWANCE: u64 = 100;

/// A percentage is relative to at least this many contacts, so that it does not stop a run at its first refusal.
const SENT_MIN: u64 = 1_000;

/// Number of causes in a message.
const CAUSES_SHOWN: usize = 5;

#[derive(Debug)]
pub(crate) struct Budget {
    max_refused: Bound,
    max_isolating: u64,
    /// True if the contacts come from rows.
    are_rows: bool,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    /// Requests spent on splitting refused batches.
    isolating: u64,
    is_isolated_too_long: bool,
    causes: Causes,
}

/// Sending stopped because the budget was used up.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetError {
    reason: String,
    refused: Refused,
}

impl Budget {
    /// Creates the budget of a process with this number of requests to send. `are_rows`: the contacts come from
    /// rows.
    pub(crate) fn new(max_refused: Bound, planned_requests: u64, are_rows: bool) -> Self {
        Self {
            max_refused,
            are_rows,
            max_isolating: planned_requests + ISOLATION_ALLOWANCE,
            counts: Mutex::default(),
        }
    }

    /// Counts contacts that are sent for the first time.
    pub(super) fn sent(&self, contacts: usize) {
        self.counts.lock().sent += contacts as u64;
    }

    /// Notes contacts that the server accepted.
    pub(super) fn arrived(&self, payload: &Payload) {
        if !self.counts.lock().causes.accepts_without_chat_id
            && payload.items().any(|(_, json)| lacks_chat_id(json))
        {
            self.counts.lock().causes.accepts_without_chat_id = true;
        }
    }

    /// Counts a refused contact. `chat_column`: the column of its chat without `chat_id`.
    pub(super) fn refused(
        &self,
        id: &str,
        json: &[u8],
        problems: &[Problem],
        chat_column: Option<String>,
    ) {
        self.counts
            .lock()
            .causes
            .add(id, json, problems, chat_column);
    }

    /// The number of contacts that were sent in this process.
    pub(crate) fn sent_count(&self) -> u64 {
        self.counts.lock().sent
    }

    /// Counts another request to isolate refused contacts; true if it may be sent.
    pub(super) fn may_isolate(&self) -> bool {
        let mut counts = self.counts.lock();
        if self.exceeds(&counts) {
            return false;
        }
        counts.is_isolated_too_long |= counts.isolating >= self.max_isolating;
        if !counts.is_isolated_too_long {
            counts.isolating += 1;
        }
        !counts.is_isolated_too_long
    }

    /// True if nothing more may be sent.
    pub(super) fn is_spent(&self) -> bool {
        self.exceeds(&self.counts.lock())
    }

    fn exceeds(&self, counts: &Counts) -> bool {
        let of = counts.sent.max(SENT_MIN);
        counts.is_isolated_too_long || self.max_refused.is_exceeded(counts.causes.refused(), of)
    }

    fn allowance(&self, counts: &Counts) -> String {
        match self.max_refused {
            Bound::Count(count) => grouped(count),
            percent @ Bound::Percent(_) => {
                format!("{percent} of {}", grouped(counts.sent.max(SENT_MIN)))
            }
        }
    }

    /// The error, if the budget is used up.
    pub(crate) fn check(&self) -> Result<(), BudgetError> {
        let counts = self.counts.lock();
        if !self.exceeds(&counts) {
            return Ok(());
        }
        let refused = counted(counts.causes.refused(), "contact");
        let reason = if counts.is_isolated_too_long {
            format!(
                "{refused} refused, and isolating them took {}, the number in the plan plus {ISOLATION_ALLOWANCE}",
                counted(counts.isolating, "request")
            )
        } else {
            format!(
                "the server refused {refused} of {} sent (limit {}, --max-refused)",
                grouped(counts.sent),
                self.allowance(&counts)
            )
        };
        Err(BudgetError {
            reason,
            refused: counts.causes.grouped(self.are_rows),
        })
    }

    pub(crate) fn refusals(&self) -> Refused {
        self.counts.lock().causes.grouped(self.are_rows)
    }
}

impl BudgetError {
    pub(crate) fn hint(&self) -> String {
        self.refused.remedy()
    }

    /// The sentence for a run with nothing left to stop.
    pub(crate) fn too_late(&self) -> String {
        format!(
            "{}; everything had already been sent, so nothing was stopped",
            self.reason
        )
    }
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped: {}", self.reason)?;
        for cause in self.refused.causes.iter().take(CAUSES_SHOWN) {
            write!(f, "\n  {cause}")?;
        }
        match self.refused.causes.len().checked_sub(CAUSES_SHOWN) {
            Some(more @ 1..) => write!(f, "\n  … and {}", counted(more as u64, "other cause")),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for BudgetError {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::reject::RejectCode;

    fn refuse(budget: &Budget, contacts: u64, reason: impl Fn(u64) -> String) {
        for number in 0..contacts {
            let problem = Problem {
                column: Some("tg".to_owned()),
                code: RejectCode::RefusedByServer,
                reason: reason(number),
            };
            budget.refused(&format!("C-{number}"), b"{}", &[problem], None);
        }
    }

    fn spent_at(bound: &str, sent: usize) -> u64 {
        let bound = bound.parse().unwrap_or(Bound::Count(0));
        let is_spent = |refused: &u64| {
            let budget = Budget::new(bound, 1, true);
            budget.sent(sent);
            refuse(&budget, *refused, |_| "no".to_owned());
            assert_eq!(budget.is_spent(), budget.check().is_err());
            budget.is_spent()
        };
        (0..1_000).find(is_spent).unwrap_or(u64::MAX)
    }

    #[test]
    fn one_more_than_allowed_spends_the_budget() {
        assert_eq!(spent_at("7", 10), 8);
        assert_eq!(spent_at("0", 10), 1);
        // A percentage is one of at least 1,000 contacts.
        for sent in [1, 999, 1_000] {
            assert_eq!(spent_at("10%", sent), 101, "{sent}");
            assert_eq!(spent_at("2.5%", sent), 26, "{sent}");
        }
        assert_eq!(spent_at("10%", 1_009), 101);
        assert_eq!(spent_at("10%", 1_010), 102);
        assert_eq!(spent_at("10%", 5_000), 501);
        assert_eq!(spent_at("100%", 500), u64::MAX);
    }

    #[test]
    fn isolating_may_cost_what_the_plan_costs_and_100_requests_more() {
        let budget = Budget::new(Bound::Percent(100.0), 3, true);
        assert_eq!((0..500).take_while(|_| budget.may_isolate()).count(), 103);
        assert!(budget.is_spent());
        let error = budget.check().unwrap_err().to_string();
        assert!(error.contains("took 103 requests"), "{error}");
    }
}
