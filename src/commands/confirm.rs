//! The question before contacts are deleted or put back.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use super::Context;
use crate::error::Error;

/// Interval at which signals are checked while the question is open.
const POLL: Duration = Duration::from_millis(50);

/// Returns if the user said `yes`, before or now; otherwise the error says why not.
pub(super) fn confirm(context: &Context, yes: bool, question: &str) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Error::usage(
            format!("{question} Not confirmed: nothing was sent"),
            "pass --yes if there is no terminal".to_owned(),
        ));
    }
    // If the question can't be written, no answer will come.
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let (sender, answers) = mpsc::channel();
    // A read can't be cancelled: the thread ends with the process.
    thread::spawn(move || {
        let mut answer = String::new();
        let is_read = io::stdin().lock().read_line(&mut answer).is_ok();
        let _ = sender.send(is_read && matches!(answer.trim(), "y" | "Y" | "yes"));
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
