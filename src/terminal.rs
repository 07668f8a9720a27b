//! Shows progress on standard error: bars on a terminal, otherwise a plain line every 10 seconds.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::{
    layout::{error_width, fit},
    progress::{Event, Monitor, Phase, StopReason},
    signals::Signals,
    wording::{grouped, visible},
};

/// Interval of the lines if standard error is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Interval at which a line is checked for while nothing advances.
const TICK: Duration = Duration::from_secs(1);

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// Bars or lines, as the terminal allows.
    Progress,
    /// Nothing (`-q`).
    Nothing,
}

/// Shows progress on standard error.
#[derive(Debug)]
pub(crate) struct Terminal {
    signals: Signals,
    show: Show,
    is_interactive: bool,
    current: Arc<Mutex<Current>>,
    ticker: Mutex<Option<Ticker>>,
}

/// Calls a function at an interval until it is dropped, so that lines appear even while nothing advances.
#[derive(Debug)]
struct Ticker(#[expect(dead_code, reason = "dropping it ends the thread")] mpsc::Sender<()>);

impl Ticker {
    fn start(every: Duration, mut tick: impl FnMut() + Send + 'static) -> Self {
        let (alive, end) = mpsc::channel::<()>();
        thread::spawn(move || {
            while end.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                tick();
            }
        });
        Self(alive)
    }
}

#[derive(Debug, Default)]
struct Current {
    phase: Option<Phase>,
    bar: Option<ProgressBar>,
    total: Option<u64>,
    done: u64,
    retries: u64,
    rejected: u64,
    since: Option<Instant>,
    last_line: Option<Instant>,
}

impl Phase {
    const fn verb(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Listing => "listing",
            Self::Sending => "sending",
        }
    }
}

impl Terminal {
    /// A monitor that stops on signals.
    #[must_use]
    pub(crate) fn new(signals: Signals, show: Show) -> Self {
        Self {
            signals,
            show,
            is_interactive: io::stderr().is_terminal(),
            current: Arc::default(),
            ticker: Mutex::default(),
        }
    }

    /// Starts or stops the ticker.
    fn tick(&self, runs: bool) {
        if self.is_interactive || self.show == Show::Nothing {
            return;
        }
        let current = Arc::clone(&self.current);
        let tick = move || {
            let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
            if current.phase.is_some() {
                current.redraw();
            }
        };
        let mut ticker = self.ticker.lock().unwrap_or_else(PoisonError::into_inner);
        *ticker = runs.then(|| Ticker::start(TICK, tick));
    }

    fn with(&self, work: impl FnOnce(&mut Current)) {
        if self.show == Show::Progress {
            // After a panic in another thread only the counts may be off.
            work(&mut self.current.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Monitor for Terminal {
    fn begin(&self, phase: Phase, total: Option<u64>) {
        self.with(|current| {
            *current = Current {
                phase: Some(phase),
                bar: self.is_interactive.then(|| bar(phase, total)),
                total,
                since: Some(Instant::now()),
                last_line: Some(Instant::now()),
                rejected: current.rejected,
                ..Current::default()
            };
        });
        self.tick(true);
    }

    fn advance(&self, amount: u64) {
        self.with(|current| {
            current.done += amount;
            current.redraw();
        });
    }

    fn end(&self) {
        self.with(|current| {
            if let Some(bar) = current.bar.take() {
                bar.finish_and_clear();
            }
            current.phase = None;
        });
        self.tick(false);
    }

    fn event(&self, event: Event) {
        self.with(|current| match event {
            Event::Retry { reason, wait } => {
                current.retries += 1;
                tracing::info!(reason, wait_ms = wait.as_millis(), "retry");
                current.redraw();
            }
            Event::Held { status, wait } => {
                current.say(&format!(
                    "the API answered {status}: waiting {:.1} s",
                    wait.as_secs_f64()
                ));
            }
            Event::TokenRefreshed => tracing::info!("a new token is in use"),
            Event::Rejected(count) => {
                current.rejected += count;
                current.redraw();
            }
            Event::Notice(sentence) => current.say(&sentence),
        });
    }

    fn stop_requested(&self) -> Option<StopReason> {
        self.signals.stop_requested()
    }
}

fn bar(phase: Phase, total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
    let template = match (phase, total) {
        (Phase::Reading, Some(_)) => {
            "{prefix} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} ETA {eta} {msg}"
        }
        (Phase::Reading, None) => "{prefix} {spinner} {bytes} {bytes_per_sec} {msg}",
        (_, Some(_)) => {
            "{prefix} [{bar:30}] {human_pos}/{human_len} contacts {rate} ETA {eta} {msg}"
        }
        (_, None) => "{prefix} {spinner} {human_pos} contacts {rate} {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key("rate", write_rate).progress_chars("=> "));
    }
    bar.set_prefix(phase.verb());
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Contacts per second as a whole number: the bar's own rate has four decimals.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is neither negative nor that large"
)]
fn write_rate(state: &ProgressState, out: &mut dyn fmt::Write) {
    // If it fails, the bar is not drawn.
    let _ = write!(out, "{}/s", grouped(state.per_sec() as u64));
}

impl Current {
    fn redraw(&mut self) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.done);
                bar.set_message(self.trouble());
            }
            None if self
                .last_line
                .is_some_and(|last| last.elapsed() >= LINE_EVERY) =>
            {
                self.last_line = Some(Instant::now());
                let line = self.line();
                self.say(&line);
            }
            None => {}
        }
    }

    /// Retries and rejects, if there are any.
    fn trouble(&self) -> String {
        let mut parts = Vec::new();
        for (count, name) in [(self.retries, "retries"), (self.rejected, "rejected")] {
            if count > 0 {
                parts.push(format!("{} {name}", grouped(count)));
            }
        }
        parts.join(", ")
    }

    fn line(&self) -> String {
        let phase = self.phase.unwrap_or(Phase::Reading);
        let unit = if phase == Phase::Reading {
            "bytes"
        } else {
            "contacts"
        };
        let of = self
            .total
            .map(|total| format!(" of {}", grouped(total)))
            .unwrap_or_default();
        let seconds = self
            .since
            .map_or(0, |since| since.elapsed().as_secs())
            .max(1);
        let rate = self.done / seconds;
        let left = self
            .total
            .map_or(0, |total| total.saturating_sub(self.done));
        let eta = if rate > 0 && left > 0 {
            format!(", {} s left", left / rate)
        } else {
            String::new()
        };
        let trouble = self.trouble();
        let trouble = if trouble.is_empty() {
            trouble
        } else {
            format!(", {trouble}")
        };
        format!(
            "{}: {}{of} {unit}, {}/s{eta}{trouble}",
            phase.verb(),
            grouped(self.done),
            grouped(rate)
        )
    }

    fn say(&self, sentence: &str) {
        // A closed standard error must not stop the run.
        let text = fit(&visible(sentence), error_width());
        let say = || drop(writeln!(io::stderr(), "{text}"));
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_come_by_themselves_and_end_with_the_ticker() {
        let (tell, told) = mpsc::channel();
        let ticker = Ticker::start(Duration::from_millis(1), move || {
            // The receiver may be gone.
            let _ = tell.send(());
        });
        assert!(told.recv().is_ok() && told.recv().is_ok());
        drop(ticker);
        // Ends when the thread drops its sender.
        told.iter().for_each(drop);
    }

    #[test]
    fn a_plain_line_has_counts_rate_and_time_left() {
        let current = Current {
            phase: Some(Phase::Sending),
            total: Some(10_000),
            done: 4_000,
            retries: 2,
            rejected: 1,
            since: Instant::now().checked_sub(Duration::from_secs(4)),
            ..Current::default()
        };
        assert_eq!(
            current.line(),
            "sending: 4,000 of 10,000 contacts, 1,000/s, 6 s left, 2 retries, 1 rejected"
        );
    }
}
