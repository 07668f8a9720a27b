//! The metrics of the last run, in a file for the textfile collector of Prometheus' `node_exporter`.
//!
//! The collector may read any `*.prom` file of its directory at any time, so the file appears complete or not at
//! all. It adds the timestamps and refuses lines that have one. Prometheus sets a label `job` of its own, so the
//! name of the job is in `job_name`.
//!
//! The time of the last success is copied from the file that is replaced, so a failed run does not reset it.
//! Counts that a run did not get as far as determining are left out rather than 0.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
};

use serde_json::Value;

use crate::{
    output::{OutputFile, Symlinks},
    requested::{METRICS_TITLE, RequestedFile, RequestedFileError},
    streams::is_special,
};

/// Larger than any file that [`RunMetrics`] writes.
const BYTES_MAX: u64 = 64 << 10;

/// The metric that a failed run keeps.
const LAST_SUCCESS: &str = "wazzup_contacts_last_success_timestamp_seconds";

/// The counts: name, places in the summary object, help.
const COUNTS: [(&str, &[&str], &str); 9] = [
    ("rows", &["/rows/read"], "Rows read from the source."),
    (
        "rejected_rows",
        &["/rows/rejected"],
        "Rows rejected before anything was sent.",
    ),
    (
        "created_contacts",
        &["/done/created"],
        "Contacts created in the account.",
    ),
    (
        "updated_contacts",
        &["/done/updated"],
        "Contacts updated in the account.",
    ),
    (
        "deleted_contacts",
        &["/done/deleted"],
        "Contacts deleted from the account.",
    ),
    (
        "refused_contacts",
        &["/done/failed"],
        "Contacts that the server refused or that changed since the plan.",
    ),
    (
        "unsent_contacts",
        &["/done/unknown", "/done/not_attempted"],
        "Contacts left to send or to look up.",
    ),
    (
        "exported_contacts",
        &["/contacts"],
        "Contacts in the backup.",
    ),
    ("requests", &["/requests/sent"], "Requests sent to the API."),
];

#[derive(Debug)]
pub(crate) struct RunMetrics<'a> {
    /// The name of the job, or the command.
    pub job: &'a str,
    pub profile: &'a str,
    pub exit_code: u8,
    /// When it ended, in seconds since 1970.
    pub ended_at: i64,
    /// The duration of the command, for a run that did not get as far as a summary object.
    pub seconds: f64,
    /// The summary object, if the run got that far.
    pub summary: Option<&'a Value>,
}

impl RunMetrics<'_> {
    /// Writes the file, readable by everyone: it holds no personal data, and `node_exporter` runs as another user.
    pub(crate) fn save(&self, path: &Path) -> Result<(), RequestedFileError> {
        let text = self.text(read_before(path).as_deref().unwrap_or_default());
        let write = || {
            let file = RequestedFile::Metrics;
            file.check_replaceable(path).map_err(io::Error::other)?;
            let mut file = OutputFile::open(path, Symlinks::Follow)?;
            file.open_to_readers()?;
            file.write_all(text.as_bytes())?;
            file.finish()
        };
        write().map_err(RequestedFile::Metrics.unwritable(path))
    }

    /// True if the command completed, with or without rejects or differences. `runs --failed` lists the others.
    const fn is_success(&self) -> bool {
        matches!(self.exit_code, 0 | 3 | 6)
    }

    /// `before`: the text of the file that is replaced.
    fn text(&self, before: &str) -> String {
        let labels = format!(
            "{{job_name=\"{}\",profile=\"{}\"}}",
            escaped(self.job),
            escaped(self.profile)
        );
        let last_success = if self.is_success() {
            self.ended_at
        } else {
            last_success(before, &labels)
        };
        let mut text = format!("{METRICS_TITLE}, for the textfile collector of node_exporter.\n");
        let mut add = |name: &str, help: &str, value: &str| {
            // Writing into memory can't fail.
            let _ = write!(
                text,
                "# HELP {name} {help}\n# TYPE {name} gauge\n{name}{labels} {value}\n"
            );
        };
        add(
            LAST_SUCCESS,
            "When a run last ended with exit code 0, 3 or 6; 0 if none has.",
            &last_success.to_string(),
        );
        add(
            "wazzup_contacts_run_exit_code",
            "Exit code of the last run.",
            &self.exit_code.to_string(),
        );
        add(
            "wazzup_contacts_run_duration_seconds",
            "Duration of the last run.",
            &format!("{:.3}", self.seconds_of_run()),
        );
        for (name, places, help) in COUNTS {
            if let Some(count) = self.count(places) {
                let name = format!("wazzup_contacts_run_{name}");
                add(&name, help, &count.to_string());
            }
        }
        text
    }

    /// The `seconds` of the summary object, so that both agree.
    fn seconds_of_run(&self) -> f64 {
        let seconds = self.summary.and_then(|it| it["seconds"].as_f64());
        seconds.unwrap_or(self.seconds)
    }

    /// The sum of the counts at these places in the summary.
    fn count(&self, places: &[&str]) -> Option<u64> {
        let summary = self.summary?;
        let count = |place: &&str| summary.pointer(place)?.as_u64();
        places.iter().map(count).sum()
    }
}

/// The text of an existing file, if this tool wrote it.
fn read_before(path: &Path) -> Option<String> {
    if is_special(path) {
        return None;
    }
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The last success in the file if job and profile are the same, otherwise 0.
fn last_success(before: &str, labels: &str) -> i64 {
    let series = format!("{LAST_SUCCESS}{labels} ");
    let mut values = before.lines().filter_map(|line| line.strip_prefix(&series));
    let value = values.next().and_then(|value| value.parse().ok());
    value.unwrap_or_default()
}

/// An escaped label value.
fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metrics(exit_code: u8) -> RunMetrics<'static> {
        RunMetrics {
            job: "nightly \"all\"\n\\",
            profile: "main",
            exit_code,
            ended_at: 1_764_000_000,
            seconds: 1.25,
            summary: None,
        }
    }

    #[test]
    fn only_the_same_job_and_profile_pass_on_their_last_success() {
        let before = metrics(3).text("");
        assert!(before.contains("} 1764000000\n"), "{before}");
        let later = RunMetrics {
            ended_at: 1_764_086_400,
            ..metrics(1)
        };
        assert!(later.text(&before).contains("} 1764000000\n"));
        let other = RunMetrics {
            profile: "other",
            ..later
        };
        for before in [
            &*before,
            "",
            "wazzup_contacts_last_success_timestamp_seconds{ x",
        ] {
            assert!(other.text(before).contains("profile=\"other\"} 0\n"));
        }
    }

    #[test]
    fn counts_that_are_unknown_are_left_out() {
        let text = metrics(0).text("");
        assert!(!text.contains("rows") && text.contains("\"} 1.250\n"));
        let summary = json!({
            "seconds": 0.5, "rows": { "read": 7 }, "done": { "unknown": 1, "not_attempted": 2 },
        });
        let metrics = RunMetrics {
            summary: Some(&summary),
            ..metrics(0)
        };
        let text = metrics.text("");
        assert!(text.contains("run_rows{") && text.contains("run_unsent_contacts{"));
        assert!(text.contains("\"} 0.500\n"));
        assert!(text.ends_with("\"} 3\n") && !text.contains("run_created_contacts"));
    }

    #[test]
    fn labels_are_escaped() {
        let text = metrics(0).text("");
        assert!(
            text.contains(r#"{job_name="nightly \"all\"\n\\",profile="main"}"#),
            "{text}"
        );
    }
}
