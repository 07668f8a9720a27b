//! `runs`: what past runs did, and removing old ones.

use std::fmt::Display;

use serde_json::json;

use super::{Context, resume};
use crate::{
    cli::{RunsAction, RunsArgs},
    error::{Error, ExitCode},
    plan::Mode,
    run::{RunError, RunFile, State, Tally},
    wording::{counted, grouped, visible},
    workflow::RunMeta,
};

/// Contacts that are left, of each kind, which people are shown.
const LEFT_SHOWN: usize = 20;

/// Runs the command.
pub(super) fn run(context: &Context, args: &RunsArgs) -> Result<ExitCode, Error> {
    match &args.action {
        None => list(context),
        Some(RunsAction::Show { run, all }) => show(context, run, *all),
        Some(RunsAction::Prune { keep }) => prune(context, *keep),
    }
}

fn list(context: &Context) -> Result<ExitCode, Error> {
    for path in context.store()?.list()? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let line = match describe(&path) {
            Ok(past) if context.console.wants_json() => json!({
                "run": name, "state": past.state, "plan": past.tally.plan, "done": past.tally.done, "file": path,
            })
            .to_string(),
            Err(error) if context.console.wants_json() => {
                json!({ "run": name, "error": error.to_string(), "file": path }).to_string()
            }
            Ok(past) => past.line(&name),
            Err(error) => format!("{name}  {error}"),
        };
        context.console.data(&line)?;
    }
    Ok(ExitCode::Done)
}

/// A run of the past.
struct Past {
    state: State,
    tally: Tally,
}

impl Past {
    fn line(&self, name: &str) -> String {
        let Tally { plan, done, .. } = &self.tally;
        match self.state {
            State::Open => format!("{name}  not planned"),
            State::Sealed => format!("{name}  unfinished  {plan}; {done}"),
            State::Done => format!("{name}  done  {plan}; {done}"),
        }
    }
}

fn describe(path: &std::path::Path) -> Result<Past, RunError> {
    let run = RunFile::open(path)?;
    let state = run.standing()?;
    let tally = match state {
        State::Open => Tally::default(),
        State::Sealed | State::Done => run.tally()?,
    };
    Ok(Past { state, tally })
}

fn show(context: &Context, name: &str, all: bool) -> Result<ExitCode, Error> {
    let console = context.console;
    let run = RunFile::open(&context.store()?.find(name))?;
    let meta = RunMeta::of(&run, "nothing was sent")?;
    let tally = run.tally()?;
    if console.wants_json() {
        console.data(&json!({ "run": run.name(), "about": meta, "tally": tally }).to_string())?;
    } else {
        let lines: [(&str, &dyn Display); 6] = [
            ("run", &run.name()),
            ("mode", &meta.options.mode.as_str()),
            ("source", &meta.source.path),
            ("rows", &tally.rows),
            ("plan", &tally.plan),
            ("done", &tally.done),
        ];
        let is_undo = meta.options.mode == Mode::Undo;
        for (name, value) in lines {
            if name == "rows" && is_undo {
                continue;
            }
            console.data(&format!("{name:<10}{value}"))?;
        }
    }
    show_changes(context, &run)?;
    show_failures(context, &run)?;
    show_left(context, &run, all)?;
    if run.standing()? == State::Sealed && !console.wants_json() {
        let command = resume::by_name(context, &run)?;
        console.say(&visible(&format!("to continue: {command}")));
    }
    Ok(ExitCode::Done)
}

fn show_changes(context: &Context, run: &RunFile) -> Result<(), Error> {
    let console = context.console;
    run.for_each_update(u64::MAX, |id, fields| {
        fields.into_iter().try_for_each(|field| {
            console.data(&if console.wants_json() {
                json!({ "id": id, "change": field }).to_string()
            } else {
                format!("update    {id}  {field}")
            })
        })
    })?;
    run.for_each_removal(|removal| {
        console.data(&if console.wants_json() {
            json!({ "id": removal.id, "delete": true }).to_string()
        } else {
            format!("delete    {}", removal.id)
        })
    })
}

fn show_failures(context: &Context, run: &RunFile) -> Result<(), Error> {
    for (id, fate, reason) in run.exceptions()? {
        let line = if context.console.wants_json() {
            json!({ "id": id, "fate": fate.as_str(), "reason": reason }).to_string()
        } else {
            format!("{:<10}{id}  {}", fate.as_str(), reason.unwrap_or_default())
        };
        context.console.data(&line)?;
    }
    Ok(())
}

/// The contacts of which nobody knows, and those that were not sent. A run that has sent nothing yet has all of them
/// left, so people get the first ones unless they ask for `all`.
fn show_left(context: &Context, run: &RunFile, all: bool) -> Result<(), Error> {
    let console = context.console;
    let (unknown, not_sent): (Vec<_>, Vec<_>) = run
        .left_over()?
        .into_iter()
        .partition(|(_, is_unknown)| *is_unknown);
    for (word, left) in [("unknown", unknown), ("not_attempted", not_sent)] {
        let words = word.replace('_', " ");
        let shown = if all || console.wants_json() {
            left.len()
        } else {
            left.len().min(LEFT_SHOWN)
        };
        for (id, _) in &left[..shown] {
            console.data(&if console.wants_json() {
                json!({ "id": id, "fate": word }).to_string()
            } else {
                format!("{words:<14}{id}")
            })?;
        }
        if shown < left.len() {
            let more = grouped((left.len() - shown) as u64);
            console.data(&format!("{words:<14}… and {more} more (--all)"))?;
        }
    }
    Ok(())
}

fn prune(context: &Context, keep: usize) -> Result<ExitCode, Error> {
    let removed = context.store()?.prune(keep)?;
    for path in &removed {
        context.console.say(&format!("removed {}", path.display()));
    }
    let summary = json!({ "command": "runs prune", "exit_code": 0, "removed": &removed });
    let text = format!("{} removed", counted(removed.len() as u64, "run"));
    context.console.summary(&summary, &text);
    Ok(ExitCode::Done)
}
