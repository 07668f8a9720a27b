//! Progress as a line, for a log or a terminal. On a narrow terminal, parts are left out.

use std::time::Instant;

use indicatif::HumanBytes;

use crate::{
    layout::display_width,
    progress::Phase,
    wording::{duration, float, grouped, named_counts},
};

/// Characters of the bar.
const BAR: u64 = 20;

#[derive(Debug)]
pub(super) struct PhaseProgress {
    pub(super) phase: Phase,
    pub(super) total: Option<u64>,
    pub(super) done: u64,
    pub(super) retries: u64,
    pub(super) rejected: u64,
    pub(super) since: Instant,
}

const fn verb(phase: Phase) -> &'static str {
    match phase {
        Phase::Reading => "reading",
        Phase::Listing => "listing",
        Phase::LookingUp => "looking up",
        Phase::Sending => "sending",
    }
}

impl PhaseProgress {
    /// All parts, for a log.
    pub(super) fn line(&self) -> String {
        let parts = [
            Some(self.counts(grouped)),
            Some(format!("{}/s", grouped(self.rate()))),
            self.time_left(),
            self.trouble(),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        format!("{}: {}", verb(self.phase), parts.join(", "))
    }

    /// The parts that fit, the most important ones first.
    pub(super) fn fitted(&self, width: usize) -> String {
        let shown = |amount| match self.phase {
            Phase::Reading => HumanBytes(amount).to_string(),
            Phase::Listing | Phase::LookingUp | Phase::Sending => grouped(amount),
        };
        let counts = self.counts(shown);
        let rate = format!("{}/s", shown(self.rate()));
        let mut line = format!("{} {counts}", verb(self.phase));
        let trouble = self.trouble();
        for part in [self.time_left(), trouble, Some(rate)]
            .into_iter()
            .flatten()
        {
            if display_width(&line) + part.len() + 2 <= width {
                line = format!("{line}, {part}");
            }
        }
        match self.bar() {
            Some(bar) if display_width(&line) + bar.len() < width => format!("{bar} {line}"),
            _ => line,
        }
    }

    fn counts(&self, shown: impl Fn(u64) -> String) -> String {
        let unit = match self.phase {
            Phase::Reading => "bytes",
            Phase::Listing | Phase::LookingUp | Phase::Sending => "contacts",
        };
        let done = shown(self.done);
        // Bytes already have a unit.
        let unit = if done.ends_with('B') {
            String::new()
        } else {
            format!(" {unit}")
        };
        let about = if self.phase == Phase::Listing {
            "~"
        } else {
            ""
        };
        match self.total() {
            Some(total) => format!("{done} of {about}{}{unit}", shown(total)),
            None => format!("{done}{unit}"),
        }
    }

    /// The total, unless it was an estimate that turned out to be too low.
    fn total(&self) -> Option<u64> {
        let is_possible = |total: &u64| self.phase != Phase::Listing || self.done <= *total;
        self.total.filter(is_possible)
    }

    fn bar(&self) -> Option<String> {
        let total = self.total().filter(|total| *total > 0)?;
        let full = self.done.min(total).saturating_mul(BAR) / total;
        let bar: String = (0..BAR)
            .map(|at| if at < full { '=' } else { ' ' })
            .collect();
        Some(format!("[{bar}]"))
    }

    fn rate(&self) -> u64 {
        self.done / self.since.elapsed().as_secs().max(1)
    }

    fn time_left(&self) -> Option<String> {
        let left = self.total()?.saturating_sub(self.done);
        let rate = self.rate();
        let seconds = float(left.checked_div(rate)?);
        (left > 0).then(|| format!("{} left", duration(seconds)))
    }

    /// Retries and rejects, if there are any.
    fn trouble(&self) -> Option<String> {
        let counts = [(self.retries, "retries"), (self.rejected, "rejected")];
        let parts: Vec<_> = named_counts(counts).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sending() -> PhaseProgress {
        let since = Instant::now().checked_sub(Duration::from_secs(4));
        PhaseProgress {
            phase: Phase::Sending,
            total: Some(10_000),
            done: 4_000,
            retries: 2,
            rejected: 1,
            since: since.unwrap_or_else(Instant::now),
        }
    }

    #[test]
    fn a_plain_line_has_counts_rate_and_time_left() {
        assert_eq!(
            sending().line(),
            "sending: 4,000 of 10,000 contacts, 1,000/s, 6 s left, 2 retries, 1 rejected"
        );
    }

    #[test]
    fn the_total_of_a_listing_is_an_estimate() {
        let mut listing = PhaseProgress {
            phase: Phase::Listing,
            ..sending()
        };
        (listing.retries, listing.rejected) = (0, 0);
        let line = "listing: 4,000 of ~10,000 contacts, 1,000/s, 6 s left";
        assert_eq!(listing.line(), line);
        listing.total = Some(3_999);
        assert_eq!(listing.line(), "listing: 4,000 contacts, 1,000/s");
    }

    #[test]
    fn a_line_of_a_terminal_leaves_out_what_it_has_no_room_for() {
        for (width, line) in [
            (40, "sending 4,000 of 10,000 contacts"),
            (60, "sending 4,000 of 10,000 contacts, 6 s left, 1,000/s"),
            (
                80,
                "sending 4,000 of 10,000 contacts, 6 s left, 2 retries, 1 rejected, 1,000/s",
            ),
            (
                120,
                "[========            ] sending 4,000 of 10,000 contacts, 6 s left, 2 retries, 1 rejected, 1,000/s",
            ),
        ] {
            assert_eq!(sending().fitted(width), line);
        }
    }
}
