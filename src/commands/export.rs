//! `export`: all contacts to a file.

use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::Context;
use crate::{
    cli::ExportArgs,
    error::{Error, ExitCode},
    export::{self, CsvDialect},
    output::promises_no_text,
    report::summary::RequestSummary,
    settings::reading::delimiter,
    wording::{counted, elapsed, visible},
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &ExportArgs) -> Result<ExitCode, Error> {
    let started = Timestamp::now();
    let output = args
        .output
        .as_deref()
        .filter(|path| *path != Path::new("-"));
    match output {
        Some(path) => check_ending(path)?,
        None => context.console.keep_output_for_data(),
    }
    let delimiter = delimiter("--delimiter", args.delimiter.as_deref())?;
    let dialect = CsvDialect {
        delimiter: delimiter.unwrap_or(if args.excel { b';' } else { b',' }),
        for_excel: args.excel,
    };
    let session = context.session()?;
    let _lock = session.lock(args.turn.wait)?;
    let exported = export::export(session.reader(), output, dialect)?;
    let output = output.map(|path| path.display().to_string());
    let requests = RequestSummary::from(session.client.stats());
    let code = if exported.unreadable.is_empty() {
        ExitCode::Done
    } else {
        ExitCode::Rejected
    };
    for contact in &exported.unreadable {
        let line = format!("not exported, because it can't be read: {contact}");
        context.console.insist(&visible(&line));
    }
    let text = format!(
        "{} on {} written to {}",
        counted(exported.contacts, "contact"),
        counted(exported.pages, "page"),
        output.as_deref().unwrap_or("standard output")
    );
    let summary = json!({
        "command": "export",
        "exit_code": code as u8,
        "contacts": exported.contacts,
        "pages": exported.pages,
        "files": { "output": &output },
        "unreadable": exported.unreadable,
        "requests": requests,
        "started_at": started.to_string(),
        "seconds": elapsed(started),
    });
    // If standard output was closed early, the summary is not wanted either.
    if exported.is_read || context.console.wants_json() {
        context.console.summary(&summary, &text);
    }
    Ok(code)
}

/// Refuses names of other formats: a spreadsheet program would call such a file damaged.
fn check_ending(path: &Path) -> Result<(), Error> {
    if promises_no_text(path) {
        return Err(Error::usage(
            format!("{}: export writes CSV", path.display()),
            "name a file that ends with .csv; spreadsheet programs open it".to_owned(),
        ));
    }
    Ok(())
}
