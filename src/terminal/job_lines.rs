//! The lines of a job among others: each begins with the job's name, and live lines share the bottom of the
//! terminal.

use std::io::{self, Write as _};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

use crate::{
    characters::visible,
    layout::{error_width, fit},
};

/// Prints the lines of one job to standard error.
#[derive(Clone, Debug)]
pub(crate) struct JobLines {
    name: String,
    live: LiveLines,
}

#[derive(Clone, Debug)]
pub(crate) struct LiveLines(MultiProgress);

impl LiveLines {
    pub(crate) fn new() -> Self {
        Self(MultiProgress::with_draw_target(
            ProgressDrawTarget::stderr_with_hz(10),
        ))
    }

    pub(crate) fn of_job(&self, name: &str) -> JobLines {
        JobLines {
            name: name.to_owned(),
            live: self.clone(),
        }
    }
}

impl JobLines {
    pub(crate) fn say(&self, text: &str) {
        let mut lines = String::new();
        for line in text.trim_end().lines() {
            let line = self.named(&visible(line));
            lines.extend([&*fit(&line, error_width()), "\n"]);
        }
        // A closed standard error must not stop the jobs.
        self.live
            .0
            .suspend(|| drop(io::stderr().write_all(lines.as_bytes())));
    }

    pub(super) fn named(&self, text: &str) -> String {
        format!("{}: {text}", self.name)
    }

    /// The width of the name before a line.
    pub(super) fn lead(&self) -> usize {
        crate::layout::display_width(&self.name) + 2
    }

    /// Shows a live line below those of other jobs.
    pub(super) fn add(&self, line: ProgressBar) -> ProgressBar {
        self.live.0.add(line)
    }

    pub(super) fn remove(&self, line: &ProgressBar) {
        self.live.0.remove(line);
    }
}
