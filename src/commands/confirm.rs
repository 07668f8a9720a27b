//! The question before something is deleted or put back.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use super::Context;
use crate::error::Error;

/// How often a signal is looked for while somebody thinks.
const POLL: Duration = Duration::from_millis(50);

/// Comes back only where `yes` was said, before or now.
///
/// # Errors
/// [`Error::Declined`] where the answer is no, [`Error::Usage`] where nobody can be asked, [`Error::Interrupted`]
/// where a signal is the answer.
pub(super) fn confirm(context: &Context, yes: bool, question: &str) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Error::usage(
            format!("{question} Not confirmed: nothing was sent"),
            "pass --yes where there is no terminal".to_owned(),
        ));
    }
    // Where it can't be asked, nothing will be answered either.
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let (tell, told) = mpsc::channel();
    // A read can't be broken off: it ends with the process.
    thread::spawn(move || {
        let mut answer = String::new();
        let is_read = io::stdin().lock().read_line(&mut answer).is_ok();
        let _ = tell.send(is_read && matches!(answer.trim(), "y" | "Y" | "yes"));
    });
    loop {
        match told.recv_timeout(POLL) {
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
