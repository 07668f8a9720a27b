//! `export`: all contacts to a file.

use std::{io, path::Path};

use jiff::Zoned;
use serde_json::json;

use super::{Context, users::list_employees};
use crate::{
    characters::visible,
    cli::ExportArgs,
    error::{Error, ExitCode},
    export::{Exported, OwnerNames, rotation::Rotated},
    paths::{is_stream, shown_path},
    settings::exporting::{USERS, backup_form, backup_name},
    streams::{PlainOutput, is_standard_output},
    wording::{counted, float},
    workflow::{Backup, ExportRequest},
};

pub(super) fn run(context: &Context, args: &ExportArgs) -> Result<ExitCode, Error> {
    let output = args.output.as_deref().filter(|path| !is_stream(path));
    let mut form = backup_form(args, output)?;
    let name = backup_name(args, output)?;
    if output.is_none_or(is_standard_output) {
        context.console.keep_output_for_data();
    }
    let session = context.session()?;
    let _lock = session.lock(args.locked.wait)?;
    if args.owner_names.as_deref() == Some(Path::new(USERS)) {
        form.owner_names = Some(OwnerNames::of_account(&list_employees(context, &session)?));
    }
    let request = ExportRequest {
        name,
        form: &form,
        max_shrink: args.max_shrink,
        keep: args.keep,
        now: Zoned::now(),
    };
    let Backup {
        exported,
        path,
        rotated,
    } = request.export(&session, &mut PlainOutput(io::stdout()))?;
    let is_whole = exported.unreadable.is_empty();
    show_rotated(context, &rotated, args.keep.is_some() && !is_whole);
    let output = path.map(|path| path.display().to_string());
    let left_alone: Vec<_> = rotated.left_alone.iter().map(|(path, _)| path).collect();
    let code = if is_whole {
        ExitCode::Done
    } else {
        ExitCode::Rejected
    };
    show_unreadable(context, &exported);
    let seconds = context.watched.started.seconds();
    let summary = json!({
        "contacts": exported.contacts,
        "contacts_per_second": (seconds > 0.0).then(|| float(exported.contacts) / seconds),
        "pages": exported.pages,
        "passes": exported.passes,
        "files": { "output": &output, "removed": rotated.removed, "left_alone": left_alone },
        "unreadable": exported.unreadable,
        "requests": session.client.stats(),
    });
    // If standard output was closed early, the summary is not needed either.
    if exported.is_read || context.console.wants_json() {
        context.summarize(code, summary, &in_words(&exported, output.as_deref()));
    }
    Ok(code)
}

fn show_unreadable(context: &Context, exported: &Exported) {
    for contact in &exported.unreadable {
        let line = format!("not exported, because it is unreadable: {contact}");
        context.console.say_always(&visible(&line));
    }
}

/// `keeps_all`: older backups stay, because this one lacks contacts.
fn show_rotated(context: &Context, rotated: &Rotated, keeps_all: bool) {
    if keeps_all {
        context
            .console
            .say("--keep removed nothing, because this backup lacks contacts");
    }
    for path in &rotated.removed {
        context
            .console
            .say(&format!("removed {}", shown_path(path)));
    }
    for (path, reason) in &rotated.left_alone {
        let line = format!("{} {reason}", shown_path(path));
        context.console.say(&line);
    }
}

fn in_words(exported: &Exported, output: Option<&str>) -> String {
    let again = match exported.passes {
        0 | 1 => String::new(),
        passes => format!(", read {passes} times because the account changed,"),
    };
    format!(
        "{} on {}{again} written to {}",
        counted(exported.contacts, "contact"),
        counted(exported.pages, "page"),
        output.unwrap_or("standard output")
    )
}
