//! Shows a run that was sent: shared by `import`, `apply` and `undo`.

use super::{Context, resume};
use crate::{
    error::{Error, ExitCode},
    report::rejects,
    run::RunFile,
    wording::shown_path,
    workflow::{RunMeta, SentRun},
};

/// Shows the summary, and after a failure the command that continues.
pub(super) fn show_sent(
    context: &Context,
    run: &RunFile,
    meta: &RunMeta,
    sent: SentRun,
) -> Result<ExitCode, Error> {
    let (failed, are_more) = &sent.not_deleted;
    let mut lines: Vec<_> = failed
        .iter()
        .map(|(id, reason)| format!("{id}  {reason}"))
        .collect();
    if *are_more {
        lines.push(format!(
            "… all of them: wazzup-contacts runs show {}",
            resume::named(run)
        ));
    }
    context.console.section("not deleted", &lines);
    if let Some(written) = &sent.rejects {
        say_where_rejects_are(context, meta, written);
    }
    if let Some(summary) = &sent.summary {
        context.console.summary(summary, &summary.to_string());
    }
    if let Some(command) = &sent.resume {
        context.console.say_how_to_continue(command);
    }
    sent.result()
}

/// Says where the rejects are if they are not where they were wanted, or if a quiet terminal shows no summary.
pub(super) fn say_where_rejects_are(context: &Context, meta: &RunMeta, written: &rejects::Written) {
    if written.count == 0 {
        return;
    }
    if written.path != meta.rejects {
        context.console.say(&format!(
            "{} was edited or was not written by this tool, so it was left alone; the rejects are in {}",
            shown_path(&meta.rejects),
            shown_path(&written.path)
        ));
    }
    context
        .console
        .say_where_rejects_are(written.count, &written.path);
}
