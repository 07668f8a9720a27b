//! `delete`: deletes contacts by id. Asks on a terminal; otherwise it needs `--yes`.

use std::slice;

use jiff::Timestamp;
use serde_json::json;

use super::{Context, confirm::confirm};
use crate::{
    api::{ApiError, Client, WriteReply},
    cli::DeleteArgs,
    contact::{BATCH_MAX, Operation},
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
    session.forget(&args.ids)?;
    let mut deletion = Deletion {
        client: &session.client,
        deleted: 0,
        left: Vec::new(),
    };
    let mut chunks = args.ids.chunks(BATCH_MAX);
    let result = chunks.try_for_each(|ids| deletion.send(ids));
    let result = result.map_err(Error::from);
    let Deletion { deleted, left, .. } = deletion;
    let code = match &result {
        Err(error) => error.exit_code(),
        Ok(()) if left.is_empty() => ExitCode::Done,
        Ok(()) => ExitCode::Rejected,
    };
    context.console.section("not deleted", &left);
    // What was deleted is said even where an error ended it.
    let summary = json!({
        "command": "delete", "exit_code": code as u8, "deleted": deleted, "left": left,
        "requests": RequestSummary::from(session.client.stats()), "started_at": started.to_string(),
        "seconds": elapsed(started),
    });
    // Of an id that is not there the API says what it says of one that was, and a look at each is a request each.
    let words = format!(
        "{} deleted (ids that were not there included)",
        counted(deleted, "id")
    );
    context.console.summary(&summary, &words);
    result.map(|()| code)
}

/// How far a deletion has come.
struct Deletion<'a> {
    client: &'a Client,
    deleted: u64,
    /// Ids that are still there, and why.
    left: Vec<String>,
}

impl Deletion<'_> {
    /// Deletes these contacts; where the server refuses some of them, the others all the same.
    fn send(&mut self, ids: &[String]) -> Result<(), ApiError> {
        let body = json!({ "contact_ids": ids }).to_string().into_bytes();
        match self.client.write(Operation::Delete, body, ids.len())? {
            WriteReply::Accepted {
                processed: Some(processed),
                ..
            } if processed < ids.len() as u64 => {
                let reason = format!("the server deleted {processed} of {}", ids.len());
                self.look_up(ids, &reason)?;
            }
            WriteReply::Accepted { .. } => self.deleted += ids.len() as u64,
            WriteReply::Refused(_) if ids.len() > 1 => {
                let (first, second) = ids.split_at(ids.len() / 2);
                self.send(first)?;
                self.send(second)?;
            }
            WriteReply::Refused(refusal) => self.leave(ids, &refusal.to_string()),
            WriteReply::Unknown { reason } => self.look_up(ids, &reason)?,
        }
        Ok(())
    }

    /// The answer says nothing: what is not there any more is deleted.
    fn look_up(&mut self, ids: &[String], reason: &str) -> Result<(), ApiError> {
        for id in ids {
            if self.client.contact_raw(id)?.is_none() {
                self.deleted += 1;
            } else {
                self.leave(slice::from_ref(id), reason);
            }
        }
        Ok(())
    }

    fn leave(&mut self, ids: &[String], reason: &str) {
        let lines = ids.iter().map(|id| format!("{id}: {reason}"));
        self.left.extend(lines);
    }
}
