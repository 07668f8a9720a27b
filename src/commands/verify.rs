//! `verify`: the account against a run or a file, field by field. Only reads.

use std::{fs::File, io::Read as _, path::Path};

use jiff::Timestamp;
use serde_json::json;

use super::Context;
use crate::{
    cli::VerifyArgs,
    error::{Error, ExitCode},
    plan::{Mode, PlanOptions, duplicates},
    report::{examples::Examples, summary::RequestSummary},
    run::{RunError, RunFile, StagedSource},
    settings::reading,
    stage::stage_files,
    verify::{Finding, VerifyCounts, verify},
    wording::{elapsed, grouped},
    workflow::{RunMeta, Session},
};

/// Findings that are part of the summary object, which has to fit into memory; without --json all are printed.
const LISTED: usize = 1_000;

/// Runs the command. Ends with 3 when anything differs or rows of the file can't be compared.
pub(super) fn run(context: &Context, args: &VerifyArgs) -> Result<ExitCode, Error> {
    let started = Timestamp::now();
    let session = context.session()?;
    let store = context.store()?;
    let _lock = session.lock(args.turn.wait)?;
    // What is read for the comparison is worth nothing afterwards.
    let scratch = tempfile::tempdir_in(&context.settings.state_directory)
        .map_err(Error::io(&*context.settings.state_directory))?;
    let expected = match args.read.files.as_slice() {
        [name] if is_run(&store.find(&name.to_string_lossy())) => {
            Expected::of_run(&store.find(&name.to_string_lossy()), &session)?
        }
        _ => Expected::of_files(
            context,
            &session,
            args,
            &scratch.path().join("expected.run"),
        )?,
    };
    let present = RunFile::create(&scratch.path().join("present.run"))?;
    let (mut list, mut not_listed) = (Vec::new(), 0_u64);
    let cleared = &expected.options.cleared;
    let counts = verify(
        session.reader(),
        &present,
        &expected.run,
        cleared,
        |id, finding| {
            if context.console.wants_json() {
                match object(id, finding) {
                    Some(object) if list.len() < LISTED => list.push(object),
                    Some(_) => not_listed += 1,
                    None => {}
                }
                return Ok(());
            }
            lines(id, finding)
                .iter()
                .try_for_each(|line| context.console.data(line))
        },
    )?;
    let rejected = expected.run.tally()?.rows.rejected;
    if !expected.is_run {
        context
            .console
            .section("rows not compared", &not_compared(&expected.run)?);
    }
    let code = if counts.is_clean() && (expected.is_run || rejected == 0) {
        ExitCode::Done
    } else {
        ExitCode::Rejected
    };
    let summary = json!({
        "command": "verify", "exit_code": code as u8, "counts": counts, "rejected": rejected, "findings": list,
        "findings_not_listed": not_listed,
        "requests": RequestSummary::from(session.client.stats()), "started_at": started.to_string(),
        "seconds": elapsed(started),
    });
    context.console.summary(&summary, &totals(counts, rejected));
    Ok(code)
}

/// What the account is compared with.
struct Expected {
    run: RunFile,
    options: PlanOptions,
    is_run: bool,
}

impl Expected {
    fn of_run(path: &Path, session: &Session) -> Result<Self, Error> {
        let run = RunFile::open(path)?;
        let meta = RunMeta::of(&run, "there is nothing to compare with")?;
        meta.check_account(session, &run)?;
        Ok(Self {
            run,
            options: meta.options,
            is_run: true,
        })
    }

    fn of_files(
        context: &Context,
        session: &Session,
        args: &VerifyArgs,
        scratch: &Path,
    ) -> Result<Self, Error> {
        let run = RunFile::create(scratch)?;
        let reading = reading::resolve(&args.read, &context.settings.profile)?;
        let staged = stage_files(&run, &reading, Mode::Upsert, &*session.monitor)?;
        duplicates::settle(&run, staged.duplicates, args.on_duplicate)?;
        context.console.section("warnings", &staged.warnings);
        Ok(Self {
            run,
            options: PlanOptions::default(),
            is_run: false,
        })
    }
}

/// The rows of the files that are rejected, with the reasons: no rejects file tells them.
fn not_compared(run: &RunFile) -> Result<Vec<String>, Error> {
    let names: Vec<_> = run.sources()?.iter().map(StagedSource::name).collect();
    let mut examples = Examples::default();
    run.for_each_reject(|line| {
        examples.add((line.source as usize, line.row), line.problem);
        Ok::<_, RunError>(())
    })?;
    Ok(examples.lines(|(source, row)| match names.as_slice() {
        [_] => row.to_string(),
        names => {
            let name = names.get(source).map_or("?", String::as_str);
            format!("{row} of {name}")
        }
    }))
}

fn is_run(path: &Path) -> bool {
    let mut head = [0; 15];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut head))
        .is_ok()
        && head == *b"SQLite format 3"
}

fn lines(id: &str, finding: &Finding) -> Vec<String> {
    match finding {
        Finding::Same => Vec::new(),
        Finding::Missing => vec![format!("- {id}")],
        Finding::Remains => vec![format!("+ {id}")],
        Finding::Differs(fields) => fields
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

fn object(id: &str, finding: &Finding) -> Option<serde_json::Value> {
    Some(match finding {
        Finding::Same => return None,
        Finding::Missing => json!({ "id": id, "finding": "missing" }),
        Finding::Remains => json!({ "id": id, "finding": "remains" }),
        Finding::Differs(fields) => json!({ "id": id, "finding": "differs", "fields": fields }),
    })
}

fn totals(counts: VerifyCounts, rejected: u64) -> String {
    let not_compared = if rejected == 1 {
        "row not compared"
    } else {
        "rows not compared"
    };
    let parts = [
        ("=", counts.same, "same", true),
        ("~", counts.differs, "differ", true),
        ("-", counts.missing, "missing", true),
        ("+", counts.remains, "still there", false),
        ("?", rejected, not_compared, false),
    ];
    parts
        .into_iter()
        .filter(|&(_, count, _, always)| always || count > 0)
        .map(|(sign, count, word, _)| format!("{sign} {} {word}", grouped(count)))
        .collect::<Vec<_>>()
        .join(" · ")
}
