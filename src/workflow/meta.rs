//! The facts about planning in a run file.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Session;
use crate::{
    error::{Error, UnusableRunError},
    ledger::{HistoryEntry, RejectsPath, RunStatus, remember_rejects_path},
    paths::absolute,
    plan::{PlanOptions, gate::GateVerdict, incremental::ComparedWith},
    report::{
        notes::Invocation,
        rejects,
        summary::{Files, SourceSummary, Summary},
    },
    run::{RunFile, StagedSource, State, Tally, integrity, sources},
    source::EncodingDoubt,
};

/// The fact with the warnings about the plan.
pub(super) const WARNINGS: &str = "warnings";
/// The fact with the doubts about the encoding of the sources.
pub(super) const DOUBTS: &str = "encoding_doubts";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RunMeta {
    pub command: String,
    /// The fingerprint of its account.
    pub account: String,
    pub options: PlanOptions,
    pub source: SourceSummary,
    /// Path of the rejects file at the time of planning. Only displayed, because a run file may come from others.
    pub rejects: String,
    /// True if rejects in CSV are written for spreadsheet programs.
    pub rejects_for_excel: bool,
    /// The working directory, to which relative names of sources refer.
    pub directory: String,
    pub planned_at: Timestamp,
    /// The reference with which the contacts were compared.
    pub compared: ComparedWith,
    /// The command that planned it.
    #[serde(rename = "asked")]
    pub invocation: Invocation,
    /// Number of runs that had written to the account when the plan was made.
    pub writes_before: u64,
}

/// The working directory, in the form that is stored in a run file.
pub(super) fn directory_name() -> String {
    let here = std::env::current_dir().unwrap_or_default();
    here.to_string_lossy().into_owned()
}

/// Several files as one source.
pub(crate) fn joined(files: &[PathBuf]) -> String {
    let files = files.iter().map(|file| file.to_string_lossy());
    files.collect::<Vec<_>>().join(", ")
}

impl RunMeta {
    /// The facts of a new run that don't depend on its command, its source and its options.
    pub(super) fn new(session: &Session, rejects: &RejectsPath, planned_at: Timestamp) -> Self {
        Self {
            command: String::new(),
            account: session.account.clone(),
            options: PlanOptions::default(),
            source: SourceSummary::default(),
            rejects: rejects.wanted.to_string_lossy().into_owned(),
            rejects_for_excel: false,
            directory: directory_name(),
            planned_at,
            compared: ComparedWith::Account,
            invocation: session.invocation(),
            writes_before: session.ledger().writes(),
        }
    }

    /// Reads the facts of an undamaged run with a complete plan. `otherwise` tells the user the consequence if
    /// there is none.
    pub(crate) fn of(run: &RunFile, otherwise: &str) -> Result<Self, Error> {
        if run.state()? == State::Open {
            return Err(UnusableRunError::Unplanned {
                run: run.name(),
                consequence: otherwise.to_owned(),
            }
            .into());
        }
        integrity::check(run)?;
        let meta: Self = run.fact("about")?;
        // It becomes a file name.
        let mut account = meta.account.chars();
        if meta.account.is_empty() || !account.all(|c| c.is_ascii_alphanumeric()) {
            return Err(run
                .damaged("its account is not a fingerprint".to_owned())
                .into());
        }
        Ok(meta)
    }

    /// Writes the facts to the run file, and the path of its rejects to the ledger.
    pub(super) fn record(
        &self,
        session: &Session,
        run: &RunFile,
        rejects: &RejectsPath,
    ) -> Result<(), Error> {
        run.set_fact("about", self)?;
        let mut ledger = session.ledger();
        if let Err(error) = remember_rejects_path(&mut ledger, &run.digest()?, rejects) {
            session.notice(format!(
                "can't store the path of the rejects for `apply`: {error}"
            ));
        }
        Ok(())
    }

    /// The line of a run that the ledger lacks, from its file. `summary`: that of the command that sent last.
    pub(super) fn history_entry(&self, run: &RunFile, summary: Option<Summary>) -> HistoryEntry {
        HistoryEntry {
            account: self.account.clone(),
            run: run.name(),
            file: Some(absolute(run.path())),
            started_at: self.planned_at,
            seconds: summary.as_ref().map_or(0.0, |summary| summary.seconds),
            command: self.command.clone(),
            mode: self.options.mode.as_str().to_owned(),
            source: self.source.path.clone(),
            directory: self.directory.clone(),
            status: RunStatus::Unfinished,
            exit_code: summary.map(|summary| summary.exit_code),
            ..HistoryEntry::default()
        }
    }

    pub(crate) fn age(&self) -> Duration {
        let age = self.planned_at.duration_until(Timestamp::now());
        age.unsigned_abs()
    }

    pub(crate) fn path_of(&self, source: &StagedSource) -> PathBuf {
        Path::new(&self.directory).join(&source.path)
    }

    pub(super) fn source_paths(&self, run: &RunFile) -> Result<Vec<PathBuf>, Error> {
        let sources = sources::all(run)?;
        Ok(sources.iter().map(|source| self.path_of(source)).collect())
    }

    /// Refuses a rejects file that would replace a source or the run file.
    pub(crate) fn check_rejects(&self, target: &RejectsPath, run: &RunFile) -> Result<(), Error> {
        let sources = self.source_paths(run)?;
        Ok(rejects::check_spares(
            &target.wanted,
            &sources,
            &[run.path()],
        )?)
    }

    pub(crate) fn check_account(&self, session: &Session, run: &RunFile) -> Result<(), Error> {
        if self.account == session.account {
            return Ok(());
        }
        let advice = format!(
            "use the token (--profile, --base-url) of the account for which {} was planned",
            run.name()
        );
        Err(Error::Gate(GateVerdict::AnotherAccount { advice }))
    }

    pub(crate) fn summary(
        &self,
        run: &RunFile,
        (started, seconds): (Timestamp, f64),
        tally: Tally,
    ) -> Summary {
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
            seconds,
            ..Summary::default()
        }
        .with_tally(tally)
    }
}

/// Refuses to send contacts with possibly wrong letters.
pub(super) fn refuse_doubts(doubts: &[EncodingDoubt]) -> Result<(), Error> {
    match doubts {
        [] => Ok(()),
        [doubt, ..] => Err(Error::Gate(GateVerdict::UncertainEncoding {
            doubt: doubt.clone(),
        })),
    }
}
