//! `delete`: contacts by id. Asks on a terminal; elsewhere it needs `--yes`.

use serde_json::json;

use super::Context;
use crate::{
    api::{Method, Reply},
    cli::DeleteArgs,
    contact::BATCH_MAX,
    error::{Error, ExitCode},
    wording::counted,
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &DeleteArgs) -> Result<ExitCode, Error> {
    let session = context.session()?;
    let _lock = session.lock(&context.store()?, context.settings.wait)?;
    let question = format!(
        "delete {} for good?",
        counted(args.ids.len() as u64, "contact")
    );
    if !args.yes && !context.console.confirm(&question) {
        return Err(Error::usage(
            "nobody said yes: nothing was deleted",
            Some("pass --yes where there is no terminal".to_owned()),
        ));
    }
    context.forget(&session, &args.ids)?;
    let (mut deleted, mut refused) = (0, Vec::new());
    for ids in args.ids.chunks(BATCH_MAX) {
        let body = json!({ "contact_ids": ids }).to_string().into_bytes();
        match session.client.write(Method::Delete, body, ids.len())? {
            Reply::Accepted { .. } => deleted += ids.len(),
            Reply::Refused(refusal) => refused.push(refusal.to_string()),
            Reply::Unknown { reason } => refused.push(format!("no answer came: {reason}")),
        }
    }
    context.console.section("not deleted", &refused);
    let code = if refused.is_empty() {
        ExitCode::Done
    } else {
        ExitCode::Rejected
    };
    let summary = json!({ "command": "delete", "exit_code": code as u8, "deleted": deleted });
    context.console.summary(
        &summary,
        &format!("{} deleted", counted(deleted as u64, "contact")),
    )?;
    Ok(code)
}
