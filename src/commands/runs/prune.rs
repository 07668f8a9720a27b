//! `runs prune`: removes the files of finished runs.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    characters::visible,
    commands::Context,
    error::Error,
    ledger::{HistoryEntry, Ledger},
    run::store::KEPT,
    wording::counted,
    workflow::{RunHistory, prune_runs},
};

/// Removes the files of finished runs, for each account.
pub(super) fn run(context: &Context, keep: Option<usize>) -> Result<(), Error> {
    let state_directory = &context.settings.state_directory;
    let kept_of = |run: &HistoryEntry| {
        let profile = run.profile.as_ref();
        let kept = profile.and_then(|profile| context.settings.keep_runs.get(profile));
        kept.copied().unwrap_or(KEPT)
    };
    let history = RunHistory::read(state_directory)?;
    let mut accounts: BTreeMap<&str, (usize, Vec<HistoryEntry>)> = BTreeMap::new();
    for run in &history.runs {
        let (kept, runs) = accounts.entry(&run.account).or_default();
        *kept = keep.unwrap_or_else(|| kept_of(run).max(*kept));
        runs.push(run.clone());
    }
    let mut removed = Vec::new();
    for (account, (keep, runs)) in accounts {
        let mut ledger = Ledger::open(state_directory, account);
        removed.extend(prune_runs(&mut ledger, state_directory, runs, keep)?);
    }
    context.console.print_results();
    let mut lines: Vec<_> = removed
        .iter()
        .map(|path| format!("removed {}", visible(&path.display().to_string())))
        .collect();
    let count = counted(removed.len() as u64, "run");
    let summary = json!({ "command": "runs prune", "exit_code": 0, "removed": removed });
    lines.push(format!("{count} removed"));
    context.console.summary(&summary, &lines.join("\n"));
    Ok(())
}
