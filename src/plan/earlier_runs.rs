//! The run files of an account, from which a plan takes what the API does not show.

use jiff::Timestamp;
use serde::Deserialize;

use crate::run::{RunError, RunFile, store::Store};

#[derive(Debug)]
pub(crate) struct EarlierRuns<'a> {
    /// The run files of all accounts.
    pub store: Store,
    pub account: &'a str,
}

/// The facts of an earlier run that matter here.
#[derive(Deserialize)]
pub(super) struct Origin {
    account: String,
    pub(super) planned_at: Timestamp,
}

impl EarlierRuns<'_> {
    /// Reads the runs that match, the newest first, until nothing is wanted any more.
    pub(super) fn search(
        &self,
        run: &RunFile,
        is_one_wanted: impl Fn() -> Result<bool, RunError>,
        matches: impl Fn(&Origin) -> bool,
        read: impl Fn(&RunFile) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        for path in self.store.list()? {
            if !is_one_wanted()? {
                break;
            }
            if path == run.path() {
                continue;
            }
            // A file that can't be read, or is of another version, has nothing to offer.
            let Ok(earlier) = RunFile::open(&path) else {
                continue;
            };
            match earlier.find_fact::<Origin>("about") {
                Ok(Some(origin)) if origin.account == self.account && matches(&origin) => {
                    read(&earlier)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

pub(super) fn planned_at(run: &RunFile) -> Result<Option<Timestamp>, RunError> {
    Ok(run.find_fact("about")?.map(|it: Origin| it.planned_at))
}
