//! The results of jobs: each result, the table, the JSON summary, and the overall exit code.

use serde::Serialize;
use serde_json::Value;

use crate::{
    error::ExitCode,
    wording::{Started, counted, duration, grouped},
};

/// All exit codes, from best to worst. An interruption is worse than the exit codes of jobs, because other jobs
/// were not started.
const FROM_BEST: [ExitCode; 13] = [
    ExitCode::Done,
    ExitCode::Changes,
    ExitCode::Rejected,
    ExitCode::Busy,
    ExitCode::Gate,
    ExitCode::Failed,
    ExitCode::Stopped,
    ExitCode::Token,
    ExitCode::Usage,
    ExitCode::HungUp,
    ExitCode::Interrupted,
    ExitCode::Terminated,
    ExitCode::Defect,
];

#[derive(Debug, Serialize)]
pub(crate) struct JobResult {
    pub(crate) job: String,
    pub(crate) profile: String,
    pub(crate) command: String,
    pub(crate) outcome: &'static str,
    pub(crate) exit_code: u8,
    pub(crate) seconds: f64,
    /// The summary of the command.
    pub(crate) summary: Option<Value>,
    #[serde(skip)]
    pub(crate) code: ExitCode,
}

#[derive(Debug, Serialize)]
pub(crate) struct JobsSummary {
    command: &'static str,
    exit_code: u8,
    jobs: Vec<JobResult>,
    started_at: String,
    seconds: f64,
}

pub(crate) const fn outcome(command: &str, code: ExitCode) -> &'static str {
    match code {
        ExitCode::Done => "done",
        ExitCode::Changes => "changes",
        ExitCode::Rejected if matches!(command.as_bytes(), b"verify" | b"diff") => "differs",
        ExitCode::Rejected => "with rejects",
        ExitCode::Busy => "account in use",
        ExitCode::Gate => "stopped by a guard",
        ExitCode::Failed => "failed",
        ExitCode::Stopped => "stopped midway",
        ExitCode::Token => "token refused",
        ExitCode::Usage => "wrong options",
        ExitCode::HungUp | ExitCode::Interrupted | ExitCode::Terminated => "interrupted",
        ExitCode::Defect => "internal error",
    }
}

impl JobsSummary {
    pub(crate) const HEADINGS: [&'static str; 10] = [
        "job", "profile", "outcome", "rows", "created", "updated", "deleted", "rejected", "time",
        "exit",
    ];

    pub(crate) fn new(jobs: Vec<JobResult>, started: Started) -> (Self, ExitCode) {
        let worst = worst(jobs.iter().map(|job| job.code));
        let summary = Self {
            command: "jobs",
            exit_code: worst as u8,
            jobs,
            started_at: started.at.to_string(),
            seconds: started.seconds(),
        };
        (summary, worst)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        self.jobs.iter().map(JobResult::cells).collect()
    }

    /// The number of jobs by outcome.
    pub(crate) fn totals(&self) -> String {
        let mut parts = Vec::new();
        for job in &self.jobs {
            if !parts.iter().any(|(outcome, _)| *outcome == job.outcome) {
                let same = self.jobs.iter().filter(|it| it.outcome == job.outcome);
                parts.push((job.outcome, same.count()));
            }
        }
        let parts = parts
            .iter()
            .map(|(outcome, count)| format!("{count} {outcome}"));
        let jobs = counted(self.jobs.len() as u64, "job");
        let time = duration(self.seconds);
        let parts = parts.collect::<Vec<_>>().join(" · ");
        if parts.is_empty() {
            "no job belongs to this shard".to_owned()
        } else {
            format!("{jobs} in {time}: {parts}")
        }
    }
}

impl JobResult {
    fn cells(&self) -> Vec<String> {
        let summary = self.summary.as_ref().unwrap_or(&Value::Null);
        let number = |paths: &[&str]| {
            let numbers = paths
                .iter()
                .filter_map(|path| summary.pointer(path)?.as_u64());
            numbers
                .reduce(u64::saturating_add)
                .map(grouped)
                .unwrap_or_default()
        };
        vec![
            self.job.clone(),
            self.profile.clone(),
            self.outcome.to_owned(),
            number(&["/rows/read", "/contacts"]),
            number(&["/done/created"]),
            number(&["/done/updated"]),
            number(&["/done/deleted"]),
            number(&["/rows/rejected", "/done/failed", "/rejected"]),
            duration(self.seconds),
            self.exit_code.to_string(),
        ]
    }
}

fn worst(codes: impl Iterator<Item = ExitCode>) -> ExitCode {
    let badness = |code: &ExitCode| FROM_BEST.iter().position(|it| it == code);
    codes.max_by_key(badness).unwrap_or(ExitCode::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_place_and_the_worst_one_counts() {
        for code in ExitCode::ALL {
            assert!(FROM_BEST.contains(code), "{code:?}");
            assert_eq!(worst([ExitCode::Done, *code].into_iter()), *code);
            assert_eq!(
                worst([*code, ExitCode::Defect].into_iter()),
                ExitCode::Defect
            );
        }
        assert_eq!(FROM_BEST.len(), ExitCode::ALL.len());
        let codes = [ExitCode::Rejected, ExitCode::Failed, ExitCode::Gate];
        assert_eq!(worst(codes.into_iter()), ExitCode::Failed);
        assert_eq!(worst([].into_iter()), ExitCode::Done);
    }
}
