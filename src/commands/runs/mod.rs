//! `runs`: lists past runs, shows one, removes old ones.

mod list;
mod prune;

use super::history::{find_run, named_run};
use std::fmt::Display;

use serde_json::json;

use super::{Context, resume};
use crate::{
    characters::visible,
    cli::{RunsAction, RunsArgs},
    error::{Error, ExitCode},
    plan::{Mode, planned_changes},
    run::{
        Contacts, RunFile, StagedSource, State, Tally, batches, blocks, changes,
        changes::ALL_DELETIONS, sent, sources,
    },
    wording::grouped,
    workflow::{NamedRun, RunHistory, RunMeta},
};

/// Contacts of each kind shown without `--all`.
const LEFT_SHOWN: usize = 20;

pub(super) fn run(context: &Context, args: &RunsArgs) -> Result<ExitCode, Error> {
    if args.action.is_some() && (args.account.is_some() || args.since.is_some() || args.failed) {
        return Err(Error::usage(
            "--account, --since and --failed only apply to the list of runs",
            "leave them out, or leave out `show` or `prune`".to_owned(),
        ));
    }
    match &args.action {
        None => list::list(context, args)?,
        Some(RunsAction::Show { run, contacts, .. }) if *contacts => show_contacts(context, run)?,
        Some(RunsAction::Show { run, all, .. }) => show(context, run, *all)?,
        Some(RunsAction::Prune { keep }) => prune::run(context, *keep)?,
    }
    Ok(ExitCode::Done)
}

fn show(context: &Context, name: &str, all: bool) -> Result<(), Error> {
    let console = context.console;
    let path = match named_run(context, name)? {
        NamedRun::File(path) => path,
        NamedRun::Line(run) => return list::show_line(context, &run),
    };
    let run = RunFile::open(&path)?;
    let meta = RunMeta::of(&run, "nothing was sent")?;
    let tally = Tally::of(&run)?;
    if console.wants_json() {
        console.data(&json!({ "run": run.name(), "about": meta, "tally": tally }).to_string())?;
    } else {
        let mode = meta.options.mode;
        let lines: [(&str, &dyn Display); 6] = [
            ("run", &run.name()),
            ("mode", &mode.as_str()),
            ("source", &meta.source.path),
            ("rows", &tally.rows),
            ("plan", &tally.plan),
            ("done", &tally.done),
        ];
        for (name, value) in lines {
            if (mode, name) != (Mode::Undo, "rows") {
                console.line(&format!("{name:<10}{value}"))?;
            }
        }
    }
    show_changes(context, &run)?;
    show_left(context, &run, all)?;
    if batches::shown_state(&run)? == State::Sealed && !console.wants_json() {
        let line = match RunHistory::read(&context.settings.state_directory)?.undone(&path) {
            Some(undone) => undone,
            None => format!("to continue: {}", resume::by_name(context, &run)?),
        };
        console.say(&visible(&line));
    }
    Ok(())
}

fn show_contacts(context: &Context, name: &str) -> Result<(), Error> {
    let run = RunFile::open(&find_run(context, name)?)?;
    let sources = sources::all(&run)?;
    for block in 0..blocks::count(&run)? {
        let contacts = Contacts::read(&run, block)?;
        let source = sources.get(contacts.source as usize);
        let source = source.map_or_else(String::new, StagedSource::name);
        for index in 0..contacts.len() {
            let (row, decision) = (contacts.row(index), contacts.decisions[index].as_str());
            let contact = run.contact(contacts.json(index))?;
            context.console.entry(
                || json!({ "source": source, "row": row, "decision": decision, "contact": contact }),
                || format!("row {row:<8} {decision:<10} {}  {}", contact.id, contact.name),
            )?;
        }
    }
    Ok(())
}

/// The planned changes, and failed contacts.
fn show_changes(context: &Context, run: &RunFile) -> Result<(), Error> {
    let console = context.console;
    planned_changes::for_each_update(run, u32::MAX, |id, fields| {
        fields.into_iter().try_for_each(|field| {
            console.entry(
                || json!({ "id": id, "change": field }),
                || format!("update    {id}  {field}"),
            )
        })
    })?;
    changes::for_each_deletion(run, ALL_DELETIONS, |deletion| {
        console.entry(
            || json!({ "id": deletion.id, "delete": true }),
            || format!("delete    {}", deletion.id),
        )
    })?;
    for failed in sent::failures(run)? {
        let (id, fate, reason) = (failed.id, failed.outcome.as_str(), failed.reason);
        console.entry(
            || json!({ "id": id, "fate": fate, "reason": reason }),
            || format!("{fate:<10}{id}  {}", reason.as_deref().unwrap_or_default()),
        )?;
    }
    Ok(())
}

/// Contacts with an unknown outcome, and contacts that were not sent.
fn show_left(context: &Context, run: &RunFile, all: bool) -> Result<(), Error> {
    let console = context.console;
    let is_all = all || console.wants_json();
    let limit = if is_all { usize::MAX } else { LEFT_SHOWN };
    let left = sent::left_over(run)?.into_iter();
    let (unknown, not_sent): (Vec<_>, Vec<_>) = left.partition(|(_, unknown)| *unknown);
    for (fate, left) in [("unknown", unknown), ("not_attempted", not_sent)] {
        let word = fate.replace('_', " ");
        for (id, _) in left.iter().take(limit) {
            console.entry(
                || json!({ "id": id, "fate": fate }),
                || format!("{word:<14}{id}"),
            )?;
        }
        if left.len() > limit {
            let more = grouped((left.len() - limit) as u64);
            console.line(&format!("{word:<14}… and {more} more (--all)"))?;
        }
    }
    Ok(())
}
