//! `get`: contacts by id, as JSON lines.

use super::Context;
use crate::{
    cli::IdArgs,
    error::{Error, ExitCode},
    wording::visible,
};

/// Runs the command. Ids that the account does not have are named, and the exit code is 3.
pub(super) fn run(context: &Context, args: &IdArgs) -> Result<ExitCode, Error> {
    let session = context.session()?;
    let mut code = ExitCode::Done;
    let contacts = session.reader().contacts(&args.ids)?;
    for (id, found) in args.ids.iter().zip(contacts) {
        if let Some(contact) = found {
            context
                .console
                .data(&serde_json::to_string(&contact).unwrap_or_default())?;
            continue;
        }
        code = ExitCode::Rejected;
        context.console.say(&visible(&format!(
            "{id}: the account has no contact with this id"
        )));
    }
    Ok(code)
}
