//! What a run file keeps about how it was made, and what follows from that.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{elapsed, session::Session};
use crate::{
    error::Error,
    plan::{PlanOptions, gate::GateVerdict},
    report::{
        rejects,
        summary::{Files, SourceSummary, Summary},
    },
    run::{RunFile, StagedSource, State, Tally},
};

/// What the run file keeps about how it was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct About {
    /// The command that made it.
    pub command: String,
    /// Which account it belongs to.
    pub account: String,
    /// How it was planned.
    pub options: PlanOptions,
    /// The source, for the summary.
    pub source: SourceSummary,
    /// Where its rejects go.
    pub rejects: PathBuf,
    /// The working directory: the names of the sources are as they were typed there.
    #[serde(default)]
    pub directory: String,
    /// When the plan was made.
    pub planned_at: Timestamp,
    /// What its contacts were compared with.
    #[serde(default)]
    pub compared: Compared,
    /// How often runs had written to the account when the plan was made.
    #[serde(default)]
    pub writes_before: u64,
}

/// The state with which a run compared its contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Compared {
    /// The account; nothing new is recorded in the ledger.
    #[default]
    Account,
    /// The account, recorded in the ledger (`--changed-only`, the first time and every N-th run).
    Afresh,
    /// As `Afresh`, after discarding earlier records (`--changed-only=reset`).
    Reset,
    /// The digests of earlier runs.
    Digests,
}

/// The working directory, as a run file stores it.
pub(super) fn working_directory() -> String {
    let here = std::env::current_dir().unwrap_or_default();
    here.to_string_lossy().into_owned()
}

impl About {
    /// How a run was made that was planned to the end.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it was not, with what follows from that; where the run can't be read.
    pub(super) fn of(run: &RunFile, otherwise: &str) -> Result<Self, Error> {
        if run.state()? == State::Open {
            return Err(Error::NotFound(format!(
                "run {} was never planned to the end: {otherwise}",
                run.name()
            )));
        }
        Ok(run.fact("about")?)
    }

    /// How long ago the plan was made.
    pub(super) fn age(&self) -> Duration {
        let age = self.planned_at.duration_until(Timestamp::now());
        age.unsigned_abs()
    }

    /// Where a source of the run is, from wherever the command is called.
    pub(super) fn place_of(&self, source: &StagedSource) -> PathBuf {
        Path::new(&self.directory).join(&source.path)
    }

    /// Is nothing that the run was made from overwritten by rejects at this place?
    ///
    /// # Errors
    /// [`Error::Usage`] where something is; where the run can't be read.
    pub(super) fn check_rejects(&self, rejects: &Path, run: &RunFile) -> Result<(), Error> {
        let sources = run.sources()?;
        let sources: Vec<_> = sources.iter().map(|source| self.place_of(source)).collect();
        Ok(rejects::check_spares(rejects, &sources, &[run.path()])?)
    }

    /// Does the token belong to the account that the run belongs to?
    ///
    /// # Errors
    /// [`Error::Gate`] where it does not.
    pub(super) fn check_account(&self, session: &Session, run: &RunFile) -> Result<(), Error> {
        if session.account == self.account {
            return Ok(());
        }
        let advice = format!(
            "use the token (--profile, --base-url) of the account that {} was planned for",
            run.name()
        );
        Err(Error::Gate(GateVerdict::AnotherAccount { advice }))
    }

    /// The summary of a run that was made like this, with these counts.
    pub(super) fn summary(&self, run: &RunFile, started: Timestamp, tally: Tally) -> Summary {
        Summary {
            run: Some(run.name()),
            command: self.command.clone(),
            mode: self.options.mode.as_str().to_owned(),
            source: self.source.clone(),
            files: Files {
                run: Some(run.path().display().to_string()),
                ..Files::default()
            },
            started_at: started.to_string(),
            seconds: elapsed(started),
            ..Summary::default()
        }
        .with_tally(tally)
    }
}
