//! The question before contacts are deleted or restored.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use super::{Context, next_steps::ReportedState, page::write_report};
use crate::{
    characters::visible,
    error::{Error, ExitCode},
    layout::{error_width, fit},
    report::page::ReportedPhase,
    wording::counted,
    workflow::{PlannedRun, Session},
};

/// Interval at which signals are checked while waiting for the answer.
const POLL: Duration = Duration::from_millis(50);

/// Succeeds if the user confirmed with `--yes` or does so now.
pub(super) fn confirm(context: &Context, yes: bool, question: &str) -> Result<(), Error> {
    let is_yes = |answer: &str| matches!(answer, "y" | "Y" | "yes");
    if yes {
        return Ok(());
    }
    ask(context, question, &format!("{question} [y/N]"), is_yes)
}

/// Like [`confirm`], for deletions: the user must type their number. `besides`: the other changes, which follow
/// the deletes.
pub(super) fn confirm_deletes(
    context: &Context,
    session: &Session,
    yes: bool,
    count: u64,
    besides: &str,
) -> Result<(), Error> {
    if yes || count == 0 {
        return Ok(());
    }
    let contacts = counted(count, "contact");
    let account = visible(&session.account_words()).into_owned();
    let question = format!("Delete {contacts} from {account}{besides}?");
    let prompt = format!("Type {count} to delete {contacts} from {account}{besides}:");
    ask(context, &question, &prompt, move |answer| {
        number(answer) == Some(count)
    })
}

/// Discards a plan that was not confirmed, so that `apply` does not send it later.
pub(super) fn decline(
    context: &Context,
    session: &Session,
    planned: PlannedRun,
    declined: Error,
) -> Result<ExitCode, Error> {
    let mut summary = planned.summary(session, declined.exit_code())?;
    (summary.files.run, summary.files.rejects) = (None, None);
    let state = ReportedState {
        failure: Some(&declined),
        ..ReportedState::new(ReportedPhase::Planned)
    };
    let written = write_report(context, &planned.sealed, &mut summary, state);
    planned.discard_after(Some(&declined))?;
    written.and(Err(declined))
}

/// A number, with or without thousands separators.
fn number(text: &str) -> Option<u64> {
    let is_separator = |c: char| c.is_whitespace() || matches!(c, ',' | '.' | '\'' | '’' | '_');
    let digits: String = text.chars().filter(|c| !is_separator(*c)).collect();
    digits.parse().ok()
}

/// Asks on a terminal. Without one, the error contains the question.
fn ask(
    context: &Context,
    question: &str,
    prompt: &str,
    is_yes: impl Fn(&str) -> bool + Send + 'static,
) -> Result<(), Error> {
    if context.console.is_job() || !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Error::usage(
            format!("{question} Not confirmed: nothing was sent"),
            "pass --yes if there is no terminal".to_owned(),
        ));
    }
    // If the question can't be written, no answer will come.
    let _ = write!(io::stderr(), "{} ", fit(prompt, error_width()));
    let (sender, answers) = mpsc::channel();
    // A read can't be cancelled, so the thread ends with the process.
    thread::spawn(move || {
        let mut answer = String::new();
        let is_read = io::stdin().lock().read_line(&mut answer).is_ok();
        let _ = sender.send(is_read && is_yes(answer.trim()));
    });
    loop {
        match answers.recv_timeout(POLL) {
            Ok(true) => return Ok(()),
            Ok(false) | Err(RecvTimeoutError::Disconnected) => return Err(Error::Declined),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(reason) = context.signals.stop_requested() {
                    return Err(Error::Interrupted(reason));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_have_separators_and_nothing_else() {
        for text in ["1234", " 1,234 ", "1 234", "1.234", "1'234", "1\u{a0}234"] {
            assert_eq!(number(text), Some(1_234), "{text}");
        }
        for text in ["", "y", "yes", "-1234", "1234 contacts", "123"] {
            assert_ne!(number(text), Some(1_234), "{text}");
        }
    }
}
