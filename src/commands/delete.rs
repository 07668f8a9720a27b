//! `delete`: deletes contacts by id. Prompts on a terminal; otherwise requires `--yes`.

use std::path::Path;

use serde_json::json;

use super::{Context, confirm::confirm_deletes};
use crate::{
    cli::DeleteArgs,
    error::{Error, ExitCode},
    wording::counted,
    workflow::ContactsToDelete,
};

pub(super) fn run(context: &Context, args: &DeleteArgs) -> Result<ExitCode, Error> {
    refuse_files(&args.ids)?;
    let session = context.session()?;
    let _lock = session.lock(args.locked.wait)?;
    let found = ContactsToDelete::find(&session, &args.ids)?;
    context.console.section("not in the account", &found.absent);
    let count = found.present.len() as u64;
    confirm_deletes(context, &session, args.yes, count, "")?;
    let deletion = found.delete(&session, args.max_refused)?;
    context.console.section("not deleted", &deletion.left);
    let summary = json!({
        "deleted": deletion.deleted, "left": deletion.left, "absent": found.absent,
        "requests": session.client.stats(),
    });
    let deleted = counted(deletion.deleted, "contact");
    context.summarize(deletion.exit_code(), summary, &format!("{deleted} deleted"));
    deletion.result()
}

fn refuse_files(ids: &[String]) -> Result<(), Error> {
    let is_file = |id: &&String| Path::new(id).extension().is_some() && Path::new(id).is_file();
    match ids.iter().find(is_file) {
        Some(file) => Err(Error::usage(
            format!("{file} is a file, but `delete` requires ids of contacts"),
            format!(
                "name the ids; `import {file} --mode mirror` deletes the contacts that are not in the file"
            ),
        )),
        None => Ok(()),
    }
}
