//! The error budget: stops a run on which refusals pile up, and groups them by cause.
//!
//! One bad row is isolated and the others arrive. But if the server refuses row after row for one cause, isolating them
//! costs thousands of requests and helps no one. So sending stops if more contacts are refused than `--max-refused` allows, or
//! if isolating them costs more requests than the plan itself plus [`ISOLATION_ALLOWANCE`].
//!
//! Each process counts from 0: whoever continues has seen the message of the one before.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::parcel::Parcel;
use crate::{
    plan::gate::Bound,
    reject::Problem,
    wording::{counted, grouped, shell_quoted},
};

/// Requests that isolating may cost beyond those of the plan.
const ISOLATION_ALLOWANCE: u64 = 100;

/// A percentage is one of at least this many contacts, so that it does not stop a run at its first refusal.
const SENT_MIN: u64 = 1_000;

/// Causes in a message.
const CAUSES_SHOWN: usize = 5;

/// The budget of one process.
#[derive(Debug)]
pub(crate) struct Budget {
    max_refused: Bound,
    max_isolating: u64,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    refused: u64,
    /// Requests that took refused batches apart.
    isolating: u64,
    /// True if isolating was stopped.
    is_isolated_too_long: bool,
    causes: BTreeMap<(String, Option<String>), Cause>,
    /// Refused contacts with a chat that has no `chat_id`.
    refused_without_chat_id: u64,
    /// True if such a contact arrived.
    accepts_without_chat_id: bool,
}

/// Contacts that were refused for one cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cause {
    /// Number of contacts.
    pub contacts: u64,
    /// The server's sentence; if the contacts' sentences differ in numbers or ids, these are `…`.
    pub reason: String,
    /// The source's column to blame.
    pub column: Option<String>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", grouped(self.contacts), self.reason)?;
        match &self.column {
            Some(column) => write!(f, " → {column}"),
            None => Ok(()),
        }
    }
}

/// The refusals of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The most frequent first.
    pub(crate) causes: Vec<Cause>,
    /// True if the missing `chat_id` of a chat explains them, although the server may not say so.
    needs_chat_id: bool,
}

/// Sending stopped because the budget was spent.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetError {
    reason: String,
    refused: Refused,
}

impl Budget {
    /// For a process that has this number of requests to send.
    pub(crate) fn new(max_refused: Bound, planned_requests: u64) -> Self {
        Self {
            max_refused,
            max_isolating: planned_requests + ISOLATION_ALLOWANCE,
            counts: Mutex::default(),
        }
    }

    /// Counts contacts that are sent for the first time.
    pub(super) fn sent(&self, contacts: usize) {
        self.counts().sent += contacts as u64;
    }

    /// Notes contacts that arrived.
    pub(super) fn arrived(&self, parcel: &Parcel) {
        if !self.counts().accepts_without_chat_id
            && parcel.items().any(|(_, json)| lacks_chat_id(json))
        {
            self.counts().accepts_without_chat_id = true;
        }
    }

    /// Counts a refused contact.
    pub(super) fn refused(&self, id: &str, json: &[u8], problems: &[Problem]) {
        let mut counts = self.counts();
        counts.refused += 1;
        counts.refused_without_chat_id += u64::from(lacks_chat_id(json));
        for problem in problems {
            let masked = masked(&problem.reason, id);
            let key = (masked, problem.column.clone());
            let masked = key.0.clone();
            let cause = counts.causes.entry(key).or_insert_with(|| Cause {
                contacts: 0,
                reason: problem.reason.clone(),
                column: problem.column.clone(),
            });
            cause.contacts += 1;
            if cause.reason != problem.reason {
                cause.reason = masked;
            }
        }
    }

    /// True if one more request may be sent to isolate refused contacts; counts it.
    pub(super) fn may_isolate(&self) -> bool {
        let mut counts = self.counts();
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
        self.exceeds(&self.counts())
    }

    fn exceeds(&self, counts: &Counts) -> bool {
        let of = counts.sent.max(SENT_MIN);
        counts.is_isolated_too_long || self.max_refused.is_exceeded(counts.refused, of)
    }

    fn allowance(&self, counts: &Counts) -> String {
        match self.max_refused {
            Bound::Count(count) => grouped(count),
            percent @ Bound::Percent(_) => {
                format!("{percent} of {}", grouped(counts.sent.max(SENT_MIN)))
            }
        }
    }

    /// The error, if the budget is spent.
    pub(super) fn check(&self) -> Result<(), BudgetError> {
        let counts = self.counts();
        if !self.exceeds(&counts) {
            return Ok(());
        }
        let refused = counted(counts.refused, "contact");
        let reason = if counts.is_isolated_too_long {
            format!(
                "{refused} refused, and finding them took {}, as many as the plan itself plus {ISOLATION_ALLOWANCE}",
                counted(counts.isolating, "request")
            )
        } else {
            format!(
                "the server refused {refused} of {} sent, and --max-refused allows {}",
                grouped(counts.sent),
                self.allowance(&counts)
            )
        };
        Err(BudgetError {
            reason,
            refused: Refused::of(&counts),
        })
    }

    /// The refusals so far.
    pub(crate) fn refusals(&self) -> Refused {
        Refused::of(&self.counts())
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// True if the contact's JSON has a chat without `chat_id`. Quotes inside of values are escaped, so the keys are unmistakable.
fn lacks_chat_id(json: &[u8]) -> bool {
    let count = |key: &[u8]| memchr::memmem::find_iter(json, key).count();
    count(br#""chat_type":"#) > count(br#""chat_id":"#)
}

/// The sentence with ids, numbers and quoted values as `…`, so that sentences of one cause are equal.
fn masked(sentence: &str, id: &str) -> String {
    let mut words = Vec::new();
    let mut quote = None;
    for word in sentence.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let opening = word.chars().next().filter(|c| "\"'`«".contains(*c));
        let is_quoted = quote.is_some();
        quote = quote.or(opening);
        let closing = |open: char| if open == '«' { '»' } else { open };
        if let Some(open) = quote
            && word
                .char_indices()
                .any(|(at, c)| c == closing(open) && (at > 0 || is_quoted))
        {
            quote = None;
        }
        let is_value = is_quoted
            || opening.is_some()
            || bare == id
            || bare.contains(|c: char| c.is_ascii_digit());
        if !is_value {
            words.push(word);
        } else if words.last() != Some(&"…") {
            words.push("…");
        }
    }
    words.join(" ")
}

impl Refused {
    fn of(counts: &Counts) -> Self {
        let mut causes: Vec<Cause> = counts.causes.values().cloned().collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.contacts));
        Self {
            causes,
            needs_chat_id: counts.refused_without_chat_id * 2 > counts.refused
                && !counts.accepts_without_chat_id,
        }
    }

    /// Advice on the most frequent cause, if it is known.
    pub(crate) fn advice(&self) -> Option<String> {
        let first = self.causes.first()?;
        let columns = self
            .causes
            .iter()
            .filter_map(|cause| cause.column.as_deref());
        let column = columns.clone().next();
        if self.needs_chat_id || says_chat_id_is_missing(&first.reason) {
            let columns: BTreeSet<&str> = columns.collect();
            let columns = if columns.is_empty() {
                BTreeSet::from(["COLUMN"])
            } else {
                columns
            };
            let flags: Vec<String> = columns
                .iter()
                .map(|column| format!("--map {}", shell_quoted(&format!("ignore={column}"))))
                .collect();
            return Some(format!(
                "the server refuses chats without chat_id: give each of them its chat_id, or leave them out with {}",
                flags.join(" ")
            ));
        }
        if first.reason.contains("uri") || column == Some("uri") {
            let advice = "the server refuses contacts without a link: give one with --set uri='https://…/{id}'";
            return Some(advice.to_owned());
        }
        let column = column?;
        Some(format!(
            "correct the column {column} in the source or in the rejects file"
        ))
    }
}

impl BudgetError {
    /// Advice for the user.
    pub(crate) fn hint(&self) -> String {
        let advice = self.refused.advice();
        let advice = advice
            .as_deref()
            .unwrap_or("compare the rejected rows with those that arrived");
        format!(
            "{advice}, and import again, which sends only what differs; if the refused contacts can be left out, continue with a higher --max-refused, such as 50%"
        )
    }
}

fn says_chat_id_is_missing(reason: &str) -> bool {
    let is_missing = [
        "empty",
        "required",
        "missing",
        "must be",
        "null",
        "undefined",
    ];
    reason.contains("chat_id") && is_missing.iter().any(|word| reason.contains(word))
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
            budget.refused(&format!("C-{number}"), b"{}", &[problem]);
        }
    }

    fn spent_at(bound: &str, sent: usize) -> u64 {
        let bound = bound.parse().unwrap_or(Bound::Count(0));
        let is_spent = |refused: &u64| {
            let budget = Budget::new(bound, 1);
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
        let budget = Budget::new(Bound::Percent(100.0), 3);
        assert_eq!((0..500).take_while(|_| budget.may_isolate()).count(), 103);
        assert!(budget.is_spent());
        let error = budget.check().unwrap_err().to_string();
        assert!(error.contains("took 103 requests"), "{error}");
    }

    #[test]
    fn causes_are_compared_without_ids_numbers_and_quoted_values() {
        let budget = Budget::new(Bound::Count(0), 1);
        refuse(&budget, 126, |_| "chat_id should not be empty".to_owned());
        refuse(&budget, 3, |n| {
            format!("contact C-{n} has 'a bad {n}' of {n} chars")
        });
        refuse(&budget, 1, |_| "C-0: unknown".to_owned());
        let causes: Vec<String> = budget
            .refusals()
            .causes
            .iter()
            .map(Cause::to_string)
            .collect();
        assert_eq!(
            causes,
            [
                "126 × chat_id should not be empty → tg",
                "3 × contact … has … of … chars → tg",
                "1 × C-0: unknown → tg",
            ]
        );
        let error = budget.check().unwrap_err();
        assert!(error.hint().contains("refuses chats without chat_id"));
        assert!(
            error.to_string().contains("\n  126 × chat_id should"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_chat_id_is_found_out_even_if_the_server_does_not_say_so() {
        let without = br#"{"contact_data":[{"chat_type":"telegram","username":"\"chat_id\":"}]}"#;
        let with = br#"{"contact_data":[{"chat_type":"telegram","chat_id":"5"}]}"#;
        let hint = |arrived: &[u8]| {
            let budget = Budget::new(Bound::Count(0), 1);
            let problem = Problem {
                column: None,
                code: RejectCode::RefusedByServer,
                reason: "400".to_owned(),
            };
            budget.refused("1", without, &[problem]);
            let mut parcel = Parcel::new(crate::contact::Operation::Create, 1);
            parcel.push(1, arrived);
            budget.arrived(&parcel);
            budget.check().unwrap_err().hint()
        };
        assert!(hint(with).contains("refuses chats without chat_id"));
        assert!(!hint(without).contains("chat_id"));
    }
}
