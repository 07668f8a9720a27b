//! Crash points: points at which tests kill the process, as a power cut would.
//!
//! Every write to the journal and every boundary of a request has one. The variable `FAILPOINTS` selects a point
//! and a count in the syntax of the `fail` crate: `request=4*off->return` kills the process with SIGKILL before
//! the fifth request, and `answer=panic` makes a thread panic. Only `cargo test` builds `fail` with its feature.
//! In a release, [`point`] is empty.

use fail::fail_point;

/// A point at which the process may be killed, in the order of a run. Its name is in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Point {
    /// A block of the source was written into the run file.
    Staged,
    /// Decisions and batches were written; the plan is not sealed yet.
    Planned,
    /// Everything is on disk, and the plan is about to be sealed.
    Sealing,
    /// The plan is sealed; nothing was sent.
    Sealed,
    /// Outcomes and the next batches are about to be recorded.
    Record,
    /// They are written but not committed.
    Commit,
    /// They are on disk. None of the next batches was sent.
    Recorded,
    /// A request of any kind is about to be sent.
    Request,
    /// Its answer was received but not recorded.
    Answer,
    /// A refused batch is about to be sent in parts.
    Split,
    /// Only the sender knows the outcome of a batch.
    Settled,
    /// The rejects file is complete, but does not have its name yet.
    Rejects,
    /// Everything is sent and recorded, but the run is not marked as done.
    Done,
}

impl Point {
    /// All points.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name in `FAILPOINTS`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Reads `FAILPOINTS`, if crash points are compiled in.
pub fn arm() {
    if fail::has_failpoints() {
        // Dropping the scenario would disarm the points again.
        std::mem::forget(fail::FailScenario::setup());
    }
}

/// Kills the process here if `FAILPOINTS` selects this point.
#[inline]
pub(crate) fn point(point: Point) {
    // Without the feature, the line below expands to nothing.
    let _ = point;
    fail_point!(point.as_str(), |_| die());
}

#[cfg_attr(
    not(test),
    allow(dead_code, reason = "the points are empty outside of tests")
)]
fn die() {
    #[cfg(unix)]
    // If the signal can't be raised, `abort` ends the process.
    let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL);
    std::process::abort();
}
