//! The requests over time of each process that worked on the run. Each has its own fact, so no process overwrites
//! another's.

use super::{RunError, RunFile, column};
use crate::traffic::Timeline;

/// The prefix of the facts' names. The start time of the process follows.
const PREFIX: &str = "traffic ";

/// Records the requests of this process so far.
pub(crate) fn record(run: &RunFile, timeline: &Timeline) -> Result<(), RunError> {
    run.set_fact(&format!("{PREFIX}{}", timeline.started_at), timeline)
}

/// The requests of all processes, in order.
pub(crate) fn all(run: &RunFile) -> Result<Vec<Timeline>, RunError> {
    let mut timelines: Vec<Timeline> = run.database.rows(
        "SELECT value FROM fact WHERE substr(name, 1, length(?1)) = ?1",
        [PREFIX],
        |row| column::json(row, 0),
    )?;
    if !timelines.iter().all(Timeline::is_sound) {
        return Err(run.damaged("its requests over time are inconsistent".to_owned()));
    }
    timelines.sort_by_key(|timeline| timeline.started_at);
    Ok(timelines)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use jiff::{Timestamp, ToSpan as _};

    use super::*;
    use crate::traffic::RequestKind;

    #[test]
    fn every_process_has_its_requests_and_the_last_record_counts() {
        let directory = tempfile::tempdir().unwrap();
        let run = RunFile::create(&directory.path().join("x.run")).unwrap();
        assert_eq!(all(&run).unwrap(), []);
        let second = Timestamp::UNIX_EPOCH + 30.hours();
        let mut expected = Vec::new();
        for started_at in [second, Timestamp::UNIX_EPOCH] {
            let mut timeline = Timeline::new(started_at);
            for at in [100, 900] {
                let now = Duration::from_millis(at);
                timeline.leaves(now, RequestKind::Write, false);
                timeline.answered(now, RequestKind::Write, 200, now);
                record(&run, &timeline.until(now)).unwrap();
            }
            expected.insert(0, timeline);
        }
        assert_eq!(all(&run).unwrap(), expected);
    }

    #[test]
    fn requests_that_cannot_be_read_are_damage() {
        let directory = tempfile::tempdir().unwrap();
        let run = RunFile::create(&directory.path().join("x.run")).unwrap();
        let empty = r#"{"started_at":"2026-11-22T08:55:00Z","slice_ms":0,"ms":0,"slices":[]}"#;
        for value in ["", "[]", "{}", empty] {
            run.database
                .execute(
                    "INSERT OR REPLACE INTO fact VALUES ('traffic x', ?1)",
                    [value],
                )
                .unwrap();
            let read = all(&run);
            assert!(matches!(read, Err(RunError::Damaged { .. })), "{value}");
        }
    }
}
