//! `delete`: deletes contacts by id. Asks on a terminal; otherwise it needs `--yes`.

use jiff::Timestamp;
use serde_json::json;

use super::{Context, confirm::confirm};
use crate::{
    cli::DeleteArgs,
    error::{Error, ExitCode},
    report::summary::RequestSummary,
    wording::{counted, elapsed},
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &DeleteArgs) -> Result<ExitCode, Error> {
    let started = Timestamp::now();
    let session = context.session()?;
    let _lock = session.lock(args.turn.wait)?;
    let count = counted(args.ids.len() as u64, "contact");
    confirm(context, args.yes, &format!("Delete {count} for good?"))?;
    let deletion = session.delete(&args.ids, args.max_refused)?;
    context.console.section("not deleted", &deletion.left);
    let summary = json!({
        "command": "delete", "exit_code": deletion.exit_code() as u8, "deleted": deletion.deleted, "left": deletion.left,
        "requests": RequestSummary::from(session.client.stats()), "started_at": started.to_string(),
        "seconds": elapsed(started),
    });
    // The API's answer for an id that does not exist is the same, and a look-up of each would be a request each.
    let words = format!(
        "{} deleted (ids that were not there included)",
        counted(deletion.deleted, "id")
    );
    context.console.summary(&summary, &words);
    deletion.result()
}
