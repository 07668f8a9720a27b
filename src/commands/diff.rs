//! `diff`: shows changes between two backups, or in the account since a backup.

use std::path::PathBuf;

use serde_json::json;

use super::Context;
use crate::{
    cli::DiffArgs,
    diff::{ContactDiff, DiffCounts, diff},
    error::{Error, ExitCode},
    export::write_table,
    output::IoError,
    paths::shown_path,
    report::changes::{self, ChangeSections},
    report::summary::FirstDifferences,
    requested::RequestedFile,
    settings::{exporting::table_form, reading},
    streams::is_standard_output,
    workflow::{ReadState, holds},
};

/// Runs the command. Exits with 3 if something can't be compared, or with `--exit-code` if anything differs.
pub(super) fn run(context: &Context, args: &DiffArgs) -> Result<ExitCode, Error> {
    context.console.print_results();
    let reading = reading::resolve(&args.read, &context.settings.profile)?;
    let output = args.output.as_deref();
    if output.is_some_and(is_standard_output) {
        context.console.keep_output_for_data();
    }
    let form = |path| table_form(path, args.excel, &reading.files);
    let table = output.map(|path| Ok::<_, Error>((path, form(path)?)));
    let table = table.transpose()?;
    if let Some(path) = output
        && !holds(
            path,
            |columns| columns == changes::COLUMNS,
            false,
            &context.monitor(),
        )
    {
        return Err(RequestedFile::Changes.foreign(path).into());
    }
    let read =
        |file: &PathBuf, monitor| ReadState::of_file(file, &reading, args.on_duplicate, monitor);
    let states = match reading.files.as_slice() {
        [] => return Err(Error::usage("no file to read was given", None)),
        [old] => {
            let session = context.session()?;
            let _lock = session.lock(args.locked.wait)?;
            let old = read(old, &session.monitor)?;
            [old, ReadState::of_account(&session)?]
        }
        [old, new, ..] => {
            let monitor = context.monitor();
            [read(old, &monitor)?, read(new, &monitor)?]
        }
    };
    let rejected: u64 = states.iter().map(|state| state.rejected).sum();
    let mut found = Found::default();
    let counts = match &table {
        None => found.compare(&states, |_| Ok(()))?,
        Some((path, form)) => write_table(path, *form, &changes::COLUMNS, |row| {
            found.compare(&states, row)
        })?,
    };
    let is_incomplete = rejected + counts.not_compared > 0;
    let code = if is_incomplete || args.exit_code && !counts.is_same() {
        ExitCode::Rejected
    } else {
        ExitCode::Done
    };
    let summary = json!({
        "counts": counts, "rejected": rejected,
        "changes": found.listed.objects, "changes_not_listed": found.listed.more,
        "old": args.read.files.first(), "new": args.read.files.get(1),
        "files": { "output": args.output },
    });
    show(context, &states, found.sections, output.is_some());
    let mut totals = changes::totals(counts);
    if let Some(path) = output {
        totals = format!("{totals}\nall changes written to {}", shown_path(path));
    }
    context.summarize(code, summary, &totals);
    Ok(code)
}

fn show(context: &Context, states: &[ReadState; 2], sections: ChangeSections, is_listed: bool) {
    let console = context.console;
    let mut warnings = states[0].warnings.clone();
    let new = states[1].warnings.iter();
    warnings.extend(new.filter(|it| !states[0].warnings.contains(it)).cloned());
    console.warn(&warnings);
    for state in states {
        let heading = format!("rows of {} not compared", state.name);
        console.section(&heading, &state.rejected_rows);
    }
    for (heading, lines) in sections.into_sections(is_listed) {
        console.section(heading, &lines);
    }
}

#[derive(Default)]
struct Found {
    sections: ChangeSections,
    listed: FirstDifferences,
}

impl Found {
    /// Compares the states, and passes the rows of the table to `row`.
    fn compare(
        &mut self,
        [old, new]: &[ReadState; 2],
        mut row: impl FnMut(&[&str]) -> Result<(), IoError>,
    ) -> Result<DiffCounts, Error> {
        diff(&old.state, &new.state, |id, difference| {
            self.add(id, difference);
            changes::rows(id, difference, |cells| Ok(row(cells)?))
        })
    }

    fn add(&mut self, id: &str, difference: &ContactDiff) {
        self.sections.add(id, difference);
        self.listed.add(id, difference);
    }
}
