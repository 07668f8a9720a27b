//! Lists the history.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::{
    characters::clipped,
    cli::RunsArgs,
    commands::Context,
    error::Error,
    ledger::{HistoryEntry, RunStatus},
    paths::shown_path,
    wording::{duration, named_counts},
    workflow::RunHistory,
};

const COLUMNS: [&str; 9] = [
    "run", "started", "profile", "account", "command", "source", "result", "time", "exit",
];

/// Lists the selected runs, newest first.
pub(super) fn list(context: &Context, args: &RunsArgs) -> Result<(), Error> {
    let console = context.console;
    let history = RunHistory::read(&context.settings.state_directory)?;
    for path in &history.unreadable {
        console.say_always(&format!("{}: this ledger can't be read", shown_path(path)));
    }
    let profile = context.settings.common.profile.as_ref();
    let account = args.account.as_deref().unwrap_or_default();
    let runs = history.runs.iter().filter(|run| {
        profile.is_none_or(|profile| run.profile.as_ref() == Some(profile))
            && run.account.starts_with(account)
            && args.since.is_none_or(|since| run.started_at >= since)
            && (!args.failed || run.has_failed())
    });
    let mut rows = Vec::new();
    for run in runs {
        let later = history.superseding(run).map(|later| later.run.as_str());
        if console.wants_json() {
            console.data(&object(run, later).to_string())?;
        } else {
            rows.push(cells(run, later));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    console.table(&COLUMNS, &rows)
}

pub(super) fn object(run: &HistoryEntry, superseded_by: Option<&str>) -> Value {
    let mut object = json!({
        "run": run.run, "state": run.status, "plan": run.tally.plan, "done": run.tally.done, "file": run.file,
        "account": run.account, "profile": run.profile, "command": run.command, "mode": run.mode, "source": run.source,
        "rows": run.tally.rows, "started_at": run.started_at.to_string(), "seconds": run.seconds,
        "exit_code": run.exit_code,
    });
    if let Some(later) = superseded_by {
        object["superseded_by"] = json!(later);
    }
    if let Some(error) = &run.error {
        object["error"] = json!(error);
    }
    object
}

fn cells(run: &HistoryEntry, superseded_by: Option<&str>) -> Vec<String> {
    let started = run.started_at.to_zoned(TimeZone::system());
    let exit = match (run.status, run.exit_code) {
        (RunStatus::Running, _) | (RunStatus::Unreadable, None) => String::new(),
        (_, Some(code)) => code.to_string(),
        (_, None) => "killed".to_owned(),
    };
    // The time of a command counts once it has ended.
    let time = run.exit_code.map(|_| duration(run.seconds));
    vec![
        run.run.clone(),
        started.strftime("%Y-%m-%d %H:%M").to_string(),
        run.profile.clone().unwrap_or_default(),
        run.account.clone(),
        run.command.clone(),
        clipped(&run.source, 100),
        result(run, superseded_by),
        time.unwrap_or_default(),
        exit,
    ]
}

/// `done, 3 created, 1 rejected`: the status and the non-zero counts.
pub(super) fn result(run: &HistoryEntry, superseded_by: Option<&str>) -> String {
    let (rows, plan, done) = (&run.tally.rows, &run.tally.plan, &run.tally.done);
    let planned = plan.create + plan.update + plan.delete;
    let status = match (run.status, superseded_by) {
        (RunStatus::Unfinished, Some(later)) => format!("unfinished, superseded by {later}"),
        (RunStatus::Unfinished, None) => "unfinished".to_owned(),
        (RunStatus::Running, _) => "running".to_owned(),
        (RunStatus::Done, _) if planned == 0 => "done, no changes".to_owned(),
        (RunStatus::Done, _) if run.file.is_none() => "done, run file removed".to_owned(),
        (RunStatus::Done, _) => "done".to_owned(),
        (RunStatus::Stopped, _) if run.command.is_empty() => "not planned".to_owned(),
        (RunStatus::Stopped, _) => "stopped, nothing was sent".to_owned(),
        (RunStatus::Unreadable, _) => run.error.clone().unwrap_or_default(),
    };
    let left = match run.status {
        RunStatus::Unfinished => run.tally.left(),
        _ => 0,
    };
    let counts = [
        (done.created, "created"),
        (done.updated, "updated"),
        (done.deleted, "deleted"),
        (done.failed, "failed"),
        (left, "to send"),
        (plan.unchanged, "unchanged"),
        (rows.rejected, "rejected"),
    ];
    std::iter::once(status)
        .chain(named_counts(counts))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Shows a run without a run file.
pub(super) fn show_line(context: &Context, run: &HistoryEntry) -> Result<(), Error> {
    let console = context.console;
    if console.wants_json() {
        return console.data(&object(run, None).to_string());
    }
    for (name, cell) in COLUMNS.iter().zip(cells(run, None)) {
        console.data(&format!("{name:<10}{cell}"))?;
    }
    if let Some(error) = &run.error {
        console.data(&format!("{:<10}{error}", "error"))?;
    }
    console.say("only this line is left: the run file was removed");
    Ok(())
}
