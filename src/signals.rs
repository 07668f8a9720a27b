//! Ctrl-C, SIGTERM and SIGHUP. The first signal requests a stop; Ctrl-C after another signal exits immediately.
//! Before the work begins, and while output goes to a pipe, the first signal also exits immediately: a configuration,
//! a mapping or a token may be read from a pipe that never ends, and the output's reader may never come. The run file
//! has everything by then.
//!
//! A second SIGTERM or SIGHUP has no effect: `timeout` sends SIGTERM to both the process and its group, and a
//! closing terminal may send SIGHUP twice. If the process does not end, SIGKILL follows.

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
    streams,
};

/// The signals received so far.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    interrupt: Arc<AtomicBool>,
    terminate: Arc<AtomicBool>,
    hang_up: Arc<AtomicBool>,
    /// True until the work begins.
    idle: Arc<AtomicBool>,
}

impl Signals {
    /// Installs the signal handlers.
    pub fn listen() -> Result<Self, Error> {
        Self::install().map_err(Error::io("signals"))
    }

    fn install() -> io::Result<Self> {
        let signals = Self::default();
        signals.idle.store(true, Ordering::Relaxed);
        for (signal, asked, code) in [
            (SIGINT, &signals.interrupt, ExitCode::Interrupted),
            (SIGTERM, &signals.terminate, ExitCode::Terminated),
        ] {
            // The order matters: a signal first exits if the work has not begun or another signal came before, and
            // only then records itself.
            for exits in [&signals.idle, streams::awaits_reader()] {
                flag::register_conditional_shutdown(signal, code as i32, Arc::clone(exits))?;
            }
            if signal == SIGINT {
                for earlier in [&signals.interrupt, &signals.terminate, &signals.hang_up] {
                    flag::register_conditional_shutdown(signal, code as i32, Arc::clone(earlier))?;
                }
            }
            flag::register(signal, Arc::clone(asked))?;
        }
        #[cfg(target_os = "linux")]
        if !is_hang_up_ignored() {
            let signal = signal_hook::consts::SIGHUP;
            let code = ExitCode::HungUp as i32;
            for exits in [&signals.idle, streams::awaits_reader()] {
                flag::register_conditional_shutdown(signal, code, Arc::clone(exits))?;
            }
            flag::register(signal, Arc::clone(&signals.hang_up))?;
        }
        // Without a handler, a write beyond the limit of a file's size (`ulimit -f`) kills the process; with one, it
        // fails like a write to a full disk.
        #[cfg(unix)]
        flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
        Ok(signals)
    }

    /// From now on, the first signal only requests a stop.
    pub(crate) fn begin_work(&self) {
        self.idle.store(false, Ordering::Relaxed);
    }

    pub(crate) fn stop_requested(&self) -> Option<StopReason> {
        [
            (&self.interrupt, StopReason::Interrupt),
            (&self.terminate, StopReason::Terminate),
            (&self.hang_up, StopReason::HangUp),
        ]
        .into_iter()
        .find_map(|(received, reason)| received.load(Ordering::Relaxed).then_some(reason))
    }
}

/// True under `nohup`, which starts a program with SIGHUP ignored; a handler would undo that. Only Linux reports
/// it; elsewhere SIGHUP keeps its default effect.
#[cfg(target_os = "linux")]
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 == 1)
}
