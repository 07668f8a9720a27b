//! `verify`: compares the account with a run or a file, field by field. Only reads.

use std::path::PathBuf;

use serde_json::json;

use super::Context;
use crate::{
    cli::VerifyArgs,
    error::{Error, ExitCode},
    report::summary::FirstDifferences,
    settings::reading,
    stage::ReadRequest,
    verify::{Finding, VerifyCounts},
    wording::grouped,
    workflow::{Expected, NamedRun, is_run_file},
};

/// Runs the command. Exits with 3 if anything differs or rows of the file can't be compared.
pub(super) fn run(context: &Context, args: &VerifyArgs) -> Result<ExitCode, Error> {
    context.console.print_results();
    // The mapping may come from a pipe, so it is read before the work begins, while a signal exits immediately.
    let compared = VerifyTarget::resolve(context, args)?;
    let session = context.session()?;
    let _lock = session.lock(args.locked.wait)?;
    let expected = match &compared {
        VerifyTarget::Run(path) => Expected::of_run(&session, path)?,
        VerifyTarget::Files(reading) => {
            Expected::of_files(&session, reading, args.on_duplicate, args.owners)?
        }
    };
    context.console.warn(&expected.warnings);
    let console = context.console;
    let mut listed = FirstDifferences::default();
    let counts = expected.compare(&session, |id, finding| {
        if !console.wants_json() && !console.hides_report() {
            let lines = lines(id, finding);
            return lines.iter().try_for_each(|line| console.line(line));
        }
        if *finding != Finding::Same {
            listed.add(id, finding);
        }
        Ok(())
    })?;
    let rejected = expected.rejected()?;
    if !expected.is_run {
        context
            .console
            .section("rows not compared", &expected.rejected_rows()?);
    }
    let code = if counts.is_clean() && (expected.is_run || rejected == 0) {
        ExitCode::Done
    } else {
        ExitCode::Rejected
    };
    let summary = json!({
        "counts": counts, "rejected": rejected,
        "findings": listed.objects, "findings_not_listed": listed.more,
        "requests": session.client.stats(),
    });
    context.summarize(code, summary, &totals(counts, rejected));
    Ok(code)
}

enum VerifyTarget {
    Run(PathBuf),
    Files(Box<ReadRequest>),
}

impl VerifyTarget {
    fn resolve(context: &Context, args: &VerifyArgs) -> Result<Self, Error> {
        if let [name] = args.read.files.as_slice() {
            let run = name.to_string_lossy();
            let found = NamedRun::find(&context.settings.state_directory, &run)?;
            let path = found.map(NamedRun::file).transpose()?;
            if let Some(path) = path.filter(|path| is_run_file(path)) {
                return Ok(Self::Run(path));
            }
        }
        let reading = reading::resolve(&args.read, &context.settings.profile)?;
        Ok(Self::Files(Box::new(reading)))
    }
}

fn lines(id: &str, finding: &Finding) -> Vec<String> {
    match finding {
        Finding::Same => Vec::new(),
        Finding::Missing => vec![format!("- {id}")],
        Finding::Remains => vec![format!("+ {id}")],
        Finding::Differs { fields } => fields
            .iter()
            .map(|field| {
                format!(
                    "~ {id}  {}: has {}, expected {}",
                    field.field, field.old, field.new
                )
            })
            .collect(),
    }
}

fn totals(counts: VerifyCounts, rejected: u64) -> String {
    let rows = if rejected == 1 { "row" } else { "rows" };
    let not_compared = format!("{rows} not compared");
    let parts = [
        ("=", counts.same, "same", true),
        ("~", counts.differs, "differ", true),
        ("-", counts.missing, "missing", true),
        ("+", counts.remains, "still there", false),
        ("?", rejected, &not_compared, false),
    ];
    parts
        .into_iter()
        .filter(|&(_, count, _, always)| always || count > 0)
        .map(|(sign, count, word, _)| format!("{sign} {} {word}", grouped(count)))
        .collect::<Vec<_>>()
        .join(" · ")
}
