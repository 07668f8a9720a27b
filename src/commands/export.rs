//! `export`: all contacts to a file.

use jiff::Timestamp;
use serde_json::json;

use super::Context;
use crate::{
    cli::ExportArgs,
    error::{Error, ExitCode},
    export,
    report::summary::RequestSummary,
    wording::counted,
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &ExportArgs) -> Result<ExitCode, Error> {
    let started = Timestamp::now();
    let session = context.session()?;
    let _lock = session.lock(&context.store()?, context.settings.wait)?;
    let exported = export::export(
        &session.client,
        session.threads,
        &*session.monitor,
        args.output.as_deref(),
    )?;
    let output = args.output.as_ref().map(|path| path.display().to_string());
    let requests = RequestSummary::from(session.client.stats());
    let text = format!(
        "{} on {} written to {}",
        counted(exported.contacts, "contact"),
        counted(exported.pages, "page"),
        output.as_deref().unwrap_or("standard output")
    );
    let summary = json!({
        "command": "export",
        "exit_code": 0,
        "contacts": exported.contacts,
        "pages": exported.pages,
        "files": { "output": output },
        "requests": requests,
        "started_at": started.to_string(),
        "seconds": started.duration_until(Timestamp::now()).as_secs_f64(),
    });
    // Without -o the contacts are what goes to standard output.
    if args.output.is_some() {
        context.console.summary(&summary, &text)?;
    } else {
        context.console.say(&text);
    }
    Ok(ExitCode::Done)
}
