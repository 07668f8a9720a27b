//! Crash points: the places where a test may have the process killed, as a power cut would.
//!
//! Every write to the journal and every boundary of a request has one. A test names the point and the n-th
//! passing in the variable `FAILPOINTS`, in the language of the `fail` crate: `request=4*off->return` kills the
//! process (SIGKILL: nothing is tidied up) when the fifth request is about to leave, `answer=panic` lets a
//! thread panic. The points are code only where `fail` is built with its feature, which only `cargo test`
//! does: in what `cargo build` makes, [`point`] is an empty function.

use fail::fail_point;

/// A place where the process may be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A block of the source was written into the run file.
    Staged,
    /// Actions and batches were written; the plan is not sealed.
    Planned,
    /// Everything is on disk but the word that the plan is sealed.
    Sealing,
    /// The plan is sealed; nothing was sent.
    Sealed,
    /// Outcomes and the next batches are about to be recorded.
    Record,
    /// They are written, but not committed.
    Commit,
    /// They are on disk; none of the next batches has left.
    Recorded,
    /// A request is about to leave, of whatever kind.
    Request,
    /// Its answer came and is not recorded yet.
    Answer,
    /// A refused batch is about to be sent in parts.
    Split,
    /// The outcome of a batch is known to its sender only.
    Settled,
    /// The rejects file is written, but not yet under its name.
    Rejects,
    /// Everything is sent and recorded; the run is not marked as done.
    Done,
}

impl Point {
    /// Every point, in the order of a run.
    pub const ALL: [Self; 13] = [
        Self::Staged,
        Self::Planned,
        Self::Sealing,
        Self::Sealed,
        Self::Record,
        Self::Commit,
        Self::Recorded,
        Self::Request,
        Self::Answer,
        Self::Split,
        Self::Settled,
        Self::Rejects,
        Self::Done,
    ];

    /// The name in `FAILPOINTS`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Planned => "planned",
            Self::Sealing => "sealing",
            Self::Sealed => "sealed",
            Self::Record => "record",
            Self::Commit => "commit",
            Self::Recorded => "recorded",
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Split => "split",
            Self::Settled => "settled",
            Self::Rejects => "rejects",
            Self::Done => "done",
        }
    }
}

/// Reads `FAILPOINTS`, once, where there are crash points.
pub fn arm() {
    if fail::has_failpoints() {
        // Dropping the scenario would disarm the points again.
        std::mem::forget(fail::FailScenario::setup());
    }
}

/// The process is at this point, and ends here if a test wants it so.
#[inline]
pub(crate) fn point(point: Point) {
    // Without the feature the line below is empty.
    let _ = point;
    fail_point!(point.as_str(), |_| die());
}

#[cfg_attr(
    not(test),
    allow(dead_code, reason = "the points are empty outside of tests")
)]
fn die() {
    #[cfg(unix)]
    // Where even that is not possible, the line below ends it.
    let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL);
    std::process::abort();
}
