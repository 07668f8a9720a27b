//! `diff`: shows changes between two backups, or in the account since a backup.

use serde_json::json;

use super::{Context, data::FirstDifferences};
use crate::{
    cli::DiffArgs,
    diff::{ContactDiff, DiffCounts, diff},
    error::{Error, ExitCode},
    export::write_table,
    output::IoError,
    report::changes::{self, ChangeSections},
    settings::{exporting::table_form, reading},
    workflow::StatePair,
};

/// Runs the command. Exits with 3 if something can't be compared, or with `--exit-code` if anything differs.
pub(super) fn run(context: &Context, args: &DiffArgs) -> Result<ExitCode, Error> {
    context.console.print_results();
    let reading = reading::resolve(&args.read, &context.settings.profile)?;
    let output = args.output.as_deref();
    let form = |path| table_form(path, args.excel, &reading.files);
    let table = output.map(|path| Ok::<_, Error>((path, form(path)?)));
    let table = table.transpose()?;
    let states = match reading.files.as_slice() {
        [_] => {
            let session = context.session()?;
            let _lock = session.lock(args.turn.wait)?;
            StatePair::of_account(&reading, args.on_duplicate, &session)?
        }
        _ => StatePair::of_files(&reading, args.on_duplicate, &context.monitor())?,
    };
    let mut found = Found::default();
    let counts = match &table {
        None => found.compare(&states, |_| Ok(()))?,
        Some((path, form)) => write_table(path, *form, &changes::COLUMNS, |row| {
            found.compare(&states, row)
        })?,
    };
    let is_incomplete = states.rejected() + counts.not_compared > 0;
    let code = if is_incomplete || args.exit_code && !counts.is_same() {
        ExitCode::Rejected
    } else {
        ExitCode::Done
    };
    let summary = json!({
        "counts": counts, "rejected": states.rejected(),
        "changes": found.listed.objects, "changes_not_listed": found.listed.more,
        "old": args.read.files.first(), "new": args.read.files.get(1),
        "files": { "output": args.output },
    });
    show(context, &states, found.sections);
    context.summarize(code, summary, &changes::totals(counts));
    Ok(code)
}

fn show(context: &Context, states: &StatePair, sections: ChangeSections) {
    let console = context.console;
    let mut warnings = states.old.warnings.clone();
    warnings.extend_from_slice(&states.new.warnings);
    warnings.dedup();
    console.warnings(&warnings);
    for state in [&states.old, &states.new] {
        let heading = format!("rows of {} not compared", state.name);
        console.section(&heading, &state.rejected_rows);
    }
    for (heading, lines) in sections.into_sections() {
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
        states: &StatePair,
        mut row: impl FnMut(&[&str]) -> Result<(), IoError>,
    ) -> Result<DiffCounts, Error> {
        diff(&states.old.state, &states.new.state, |id, difference| {
            self.add(id, difference);
            changes::rows(id, difference, |cells| Ok(row(cells)?))
        })
    }

    fn add(&mut self, id: &str, difference: &ContactDiff) {
        self.sections.add(id, difference);
        self.listed.add(id, difference);
    }
}
