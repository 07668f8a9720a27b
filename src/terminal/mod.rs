//! Shows progress and waits on standard error: one live line on a terminal, otherwise plain lines at intervals.

mod job_lines;
mod progress_line;
mod waits;

pub(crate) use job_lines::{JobLines, LiveLines};

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    characters::visible,
    layout::{error_width, fit},
    progress::{Event, Monitor, Phase, StopReason, WaitFor},
    signals::Signals,
};
use progress_line::PhaseProgress;
use waits::Waits;

/// Interval of progress lines if standard error is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Interval of lines about a wait.
const WAIT_LINE_EVERY: Duration = Duration::from_secs(30);

/// Interval at which the live line is drawn, or at which due lines are printed.
const TICK: Duration = Duration::from_millis(250);

/// The width of a terminal that does not report it.
const WIDTH: usize = 80;

/// Shows progress on standard error.
#[derive(Debug)]
pub(crate) struct Terminal {
    signals: Signals,
    /// True if nothing is shown (`-q`).
    is_quiet: bool,
    current: Arc<Mutex<Current>>,
    ticker: Mutex<Option<Ticker>>,
}

/// Calls a function at an interval until dropped, so that lines appear even without progress.
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
    is_interactive: bool,
    progress: Option<PhaseProgress>,
    /// Rows and contacts rejected so far, in all phases.
    rejected: u64,
    waits: Waits,
    /// The live line, if any.
    live: Option<ProgressBar>,
    /// The output of the job, if this is one of several.
    job: Option<JobLines>,
    last_line: Option<Instant>,
    last_wait: Option<(WaitFor, Instant)>,
}

impl Terminal {
    /// Creates a monitor of the program or of one of its jobs. It stops on signals.
    pub(crate) fn new(signals: Signals, is_quiet: bool, job: Option<JobLines>) -> Self {
        let current = Current {
            is_interactive: io::stderr().is_terminal(),
            job,
            ..Current::default()
        };
        Self {
            signals,
            is_quiet,
            current: Arc::new(Mutex::new(current)),
            ticker: Mutex::default(),
        }
    }

    fn with(&self, work: impl FnOnce(&mut Current)) {
        if !self.is_quiet {
            // After a panic in another thread, only the counts may be off.
            work(&mut self.current.lock());
        }
    }

    /// Starts drawing at an interval.
    fn start_ticker(&self) {
        let mut ticker = self.ticker.lock();
        if !self.is_quiet && ticker.is_none() {
            let current = Arc::clone(&self.current);
            let tick = move || {
                let mut current = current.lock();
                current.draw(Instant::now());
            };
            *ticker = Some(Ticker::start(TICK, tick));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.with(Current::clear);
    }
}

impl Monitor for Terminal {
    fn begin(&self, phase: Phase, total: Option<u64>) {
        self.with(|current| {
            current.last_line = Some(Instant::now());
            current.progress = Some(PhaseProgress {
                phase,
                total,
                done: 0,
                retries: 0,
                rejected: current.rejected,
                since: Instant::now(),
            });
        });
        self.start_ticker();
    }

    fn advance(&self, amount: u64) {
        self.with(|current| {
            if let Some(progress) = &mut current.progress {
                progress.done += amount;
            }
        });
    }

    fn end(&self) {
        self.with(|current| {
            current.progress = None;
            current.clear();
        });
    }

    fn event(&self, event: Event) {
        let now = Instant::now();
        if matches!(event, Event::WaitBegins(_)) {
            self.start_ticker();
        }
        self.with(|current| {
            current.waits.note(&event, now);
            let progress = current.progress.as_mut();
            match event {
                Event::Retry { reason, wait, .. } => {
                    tracing::info!(reason, wait_ms = wait.as_millis(), "retry");
                    if let Some(progress) = progress {
                        progress.retries += 1;
                    }
                }
                Event::TokenRefreshed => tracing::info!("a new token is in use"),
                Event::Rejected(count) => {
                    current.rejected += count;
                    if let Some(progress) = progress {
                        progress.rejected = current.rejected;
                    }
                }
                Event::Notice(sentence) => current.say(&sentence),
                Event::WaitEnds(_) if current.waits.is_empty() && progress.is_none() => {
                    current.clear();
                }
                // These waits are shown immediately.
                Event::WaitBegins(WaitFor::OtherRun | WaitFor::Input) => current.draw(now),
                Event::Held { .. } | Event::WaitBegins(_) | Event::WaitEnds(_) => {}
            }
        });
    }

    fn stop_requested(&self) -> Option<StopReason> {
        self.signals.stop_requested()
    }
}

impl Current {
    /// Shows the current wait, otherwise the progress.
    fn draw(&mut self, now: Instant) {
        let is_live = self.is_interactive && !self.waits.is_typing();
        let width = error_width().unwrap_or(WIDTH);
        // Lines of a log are not shortened.
        let room = if is_live {
            let lead = self.job.as_ref().map_or(0, JobLines::lead);
            width.saturating_sub(3 + lead)
        } else {
            usize::MAX
        };
        let wait = self.waits.shown(now, room);
        if is_live {
            let progress = self.progress.as_ref();
            let line = match (wait, progress) {
                (Some((_, sentence)), _) => sentence,
                (None, Some(progress)) => progress.fitted(room),
                (None, None) => return self.clear(),
            };
            self.show_live(&line);
            return;
        }
        self.clear();
        if let Some((what, sentence)) = wait {
            let is_recent = |last: Instant| now.saturating_duration_since(last) < WAIT_LINE_EVERY;
            if !self
                .last_wait
                .is_some_and(|(it, last)| it == what && is_recent(last))
            {
                self.last_wait = Some((what, now));
                self.say(&sentence);
            }
        } else if let Some(progress) = &self.progress
            && !self.is_interactive
            && self
                .last_line
                .is_some_and(|last| now.saturating_duration_since(last) >= LINE_EVERY)
        {
            let line = progress.line();
            self.last_line = Some(now);
            self.say(&line);
        }
    }

    fn show_live(&mut self, text: &str) {
        let job = self.job.as_ref();
        let live = self.live.get_or_insert_with(|| {
            let bar = if let Some(lines) = job {
                lines.add(ProgressBar::no_length())
            } else {
                let target = ProgressDrawTarget::stderr_with_hz(10);
                ProgressBar::with_draw_target(None, target)
            };
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        live.set_message(job.map_or_else(|| text.to_owned(), |lines| lines.named(text)));
        live.tick();
    }

    fn clear(&mut self) {
        if let Some(live) = self.live.take() {
            live.finish_and_clear();
            if let Some(lines) = &self.job {
                lines.remove(&live);
            }
        }
    }

    fn say(&self, sentence: &str) {
        if let Some(lines) = &self.job {
            return lines.say(sentence);
        }
        let text = fit(&visible(sentence), error_width());
        // A closed standard error must not stop the run.
        let say = || drop(writeln!(io::stderr(), "{text}"));
        match &self.live {
            Some(live) => live.suspend(say),
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
}
