//! The summary of a command: an object for scripts, and lines for people.

use std::{fmt, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    api::RequestStats,
    apply::{Cause, LearnedLimits},
    characters::{clipped, visible},
    plan::{Mode, gate::GateVerdict},
    run::{Done, Planned, Rows, Tally, store::is_among_runs},
    wording::{counted, duration, grouped},
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceSummary {
    /// The file as the user named it; several are joined with `, `.
    pub path: String,
    pub bytes: u64,
    /// BLAKE3 digest of the bytes. For several files, the digest of their digests.
    pub blake3: String,
}

impl fmt::Display for RequestStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.latency_ms.p50, self.latency_ms.p99);
        f.write_str(&parts(&[
            ("sent", self.sent, true),
            ("retried", self.retried, false),
        ]))?;
        write!(
            f,
            " · p50 {p50:.1} ms, p99 {p99:.1} ms · at most {} in 5 s",
            grouped(self.peak_per_5s)
        )
    }
}

/// The cost of sending a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forecast {
    pub requests: u64,
    /// Duration at the allowed rate, if there is a limit.
    pub seconds: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Files {
    pub run: Option<String>,
    pub rejects: Option<String>,
    pub report: Option<String>,
}

/// The summary object (`--json`). Keys may be added, never renamed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub run: Option<String>,
    /// The command that ended with this summary.
    pub command: String,
    /// The command that planned the run, if it was another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_by: Option<String>,
    pub mode: String,
    pub exit_code: u8,
    pub source: SourceSummary,
    /// The rows of the source, by result.
    pub rows: Rows,
    pub plan: Planned,
    pub done: Done,
    pub requests: RequestStats,
    pub files: Files,
    /// The cost of sending, before anything is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    /// The reason why the gate refused the plan, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateVerdict>,
    /// The contacts that the server refused, by cause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Cause>,
    /// The server's maximum request size, if it refused larger requests.
    #[serde(default, skip_serializing_if = "LearnedLimits::is_unknown")]
    pub limits: LearnedLimits,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// When the command began (RFC 3339).
    pub started_at: String,
    pub seconds: f64,
    /// The contacts sent by this command, divided by `seconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacts_per_second: Option<f64>,
    /// The command that continues the run, if something is left to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
}

impl Summary {
    /// Adds the counts of a run.
    pub(crate) fn with_tally(mut self, tally: Tally) -> Self {
        (self.rows, self.plan, self.done) = (tally.rows, tally.plan, tally.done);
        self
    }

    /// The run's name if it is in the state directory, where `apply` and `runs show` find it; otherwise its path.
    fn run_shown(&self) -> Option<&String> {
        let file = self.files.run.as_ref()?;
        match &self.run {
            Some(name) if is_among_runs(Path::new(file)) => Some(name),
            _ => Some(file),
        }
    }
}

/// A summary object with the keys that all of them have.
pub(crate) fn with_common_keys(
    mut object: Value,
    account: Option<&String>,
    profile: Option<&String>,
) -> Value {
    object["account"] = json!(account);
    object["profile"] = json!(profile);
    object["tool_version"] = json!(env!("CARGO_PKG_VERSION"));
    object["finished_at"] = json!(Timestamp::now().to_string());
    object
}

/// The counts with their words, apart from those that are 0 and not always shown.
fn parts(parts: &[(&str, u64, bool)]) -> String {
    let shown = parts
        .iter()
        .filter(|(_, count, always)| *count > 0 || *always);
    let shown = shown.map(|(name, count, _)| format!("{} {name}", grouped(*count)));
    shown.collect::<Vec<_>>().join(" · ")
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = parts(&[
            ("read", self.read, true),
            ("blank", self.blank, false),
            ("merged", self.merged, false),
            ("not selected", self.not_selected, false),
            ("rejected", self.rejected, true),
        ]);
        write!(f, "{parts} · {}", counted(self.contacts, "contact"))
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&parts(&[
            ("to create", self.create, true),
            ("to update", self.update, true),
            ("unchanged", self.unchanged, true),
            ("to delete", self.delete, false),
        ]))
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&parts(&[
            ("created", self.created, true),
            ("updated", self.updated, true),
            ("deleted", self.deleted, false),
            ("failed", self.failed, false),
            ("of them stale", self.stale, false),
            ("unknown", self.unknown, false),
            ("not attempted", self.not_attempted, false),
        ]))
    }
}

impl fmt::Display for Summary {
    /// Lines for people. Steps that were not taken have no line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, text: &dyn fmt::Display| writeln!(f, "{name:<10}{text}");
        if !self.source.path.is_empty() {
            line("source", &clipped(&visible(&self.source.path), 300))?;
            // An undo has no rows.
            if self.mode != Mode::Undo.as_str() {
                line("rows", &self.rows)?;
            }
        }
        line("plan", &self.plan)?;
        if self.done != Done::default() {
            line("done", &self.done)?;
        }
        if self.requests.sent > 0 {
            line("requests", &self.requests)?;
        }
        if !self.limits.is_unknown() {
            line("limits", &self.limits)?;
        }
        if self.requests.sent > 0 {
            line("time", &duration(self.seconds))?;
        }
        for (name, path) in [
            ("run", self.run_shown()),
            ("rejects", self.files.rejects.as_ref()),
            ("report", self.files.report.as_ref()),
        ] {
            if let Some(path) = path {
                line(name, &visible(path))?;
            }
        }
        Ok(())
    }
}

/// Maximum number of differences in a summary, which must fit into memory.
const LISTED: usize = 1_000;

/// The first differences, for the summary object.
#[derive(Default)]
pub(crate) struct FirstDifferences {
    pub(crate) objects: Vec<Value>,
    /// The number of further differences.
    pub(crate) more: u64,
}

impl FirstDifferences {
    pub(crate) fn add(&mut self, id: &str, difference: &impl Serialize) {
        if self.objects.len() == LISTED {
            self.more += 1;
            return;
        }
        let mut object = json!(difference);
        object["id"] = id.into();
        self.objects.push(object);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_zero_are_left_out_unless_they_always_stand() {
        let rows = Rows {
            read: 1_200,
            rejected: 0,
            contacts: 1_200,
            ..Rows::default()
        };
        assert_eq!(rows.to_string(), "1,200 read · 0 rejected · 1,200 contacts");
    }
}
