//! Ctrl-C and SIGTERM: the first signal requests a stop, the second exits at once.

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

use crate::{
    error::{Error, ExitCode},
    progress::StopReason,
};

/// The signals received so far.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    interrupt: Arc<AtomicBool>,
    terminate: Arc<AtomicBool>,
}

impl Signals {
    /// Installs the signal handlers.
    pub fn listen() -> Result<Self, Error> {
        Self::install().map_err(Error::io("signals"))
    }

    fn install() -> io::Result<Self> {
        let signals = Self::default();
        for (signal, asked, code) in [
            (SIGINT, &signals.interrupt, ExitCode::Interrupted),
            (SIGTERM, &signals.terminate, ExitCode::Terminated),
        ] {
            // The order matters: a signal first exits if one came before, and only then records itself.
            for earlier in [&signals.interrupt, &signals.terminate] {
                flag::register_conditional_shutdown(signal, code as i32, Arc::clone(earlier))?;
            }
            flag::register(signal, Arc::clone(asked))?;
        }
        Ok(signals)
    }

    /// The reason to stop, if a signal was received.
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
