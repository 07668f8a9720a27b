//! Ctrl-C and SIGTERM: the first asks for the end, the second ends at once.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use crate::{error::ExitCode, progress::StopReason};

/// What signals have asked for so far.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    interrupt: Arc<AtomicBool>,
    terminate: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on.
    pub fn listen() -> io::Result<Self> {
        let signals = Self::default();
        for (signal, asked, code) in [
            (SIGINT, &signals.interrupt, ExitCode::Interrupted),
            (SIGTERM, &signals.terminate, ExitCode::Terminated),
        ] {
            // The order matters: a signal first ends the program if one came before, and then says that one came.
            for earlier in [&signals.interrupt, &signals.terminate] {
                flag::register_conditional_shutdown(signal, code as i32, Arc::clone(earlier))?;
            }
            flag::register(signal, Arc::clone(asked))?;
        }
        Ok(signals)
    }

    /// Has somebody asked for the end?
    #[must_use]
    pub(crate) fn stop_requested(&self) -> Option<StopReason> {
        if self.interrupt.load(Ordering::Relaxed) {
            Some(StopReason::Interrupt)
        } else if self.terminate.load(Ordering::Relaxed) {
            Some(StopReason::Terminate)
        } else {
            None
        }
    }
}
