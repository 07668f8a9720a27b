//! `get`: contacts by id, as JSON lines.

use super::Context;
use crate::{
    api::LookUp,
    characters::visible,
    cli::IdArgs,
    error::{Error, ExitCode},
};

/// Runs the command. Missing ids are listed, and the exit code is 3.
pub(super) fn run(context: &Context, args: &IdArgs) -> Result<ExitCode, Error> {
    let session = context.session()?;
    let mut code = ExitCode::Done;
    let answers = session.reader().contacts(&args.ids)?;
    for (id, answer) in args.ids.iter().zip(answers) {
        let problem = match answer {
            LookUp::Found(contact) => {
                let json = serde_json::to_string(&contact).unwrap_or_default();
                context.console.data(&json)?;
                continue;
            }
            LookUp::Unreadable(unreadable) => format!("it can't be read: {}", unreadable.reason),
            _ => "the account has no contact with this id".to_owned(),
        };
        code = ExitCode::Rejected;
        context.console.say(&visible(&format!("{id}: {problem}")));
    }
    Ok(code)
}
