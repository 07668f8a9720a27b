//! Compares the account with a run or with files.

use std::{fs::File, io::Read as _, path::Path};

use super::{RunHistory, RunMeta, Session, StagedFiles, scratch_run};
use crate::{
    contact::ChatType,
    employees::Owners,
    error::Error,
    paths::shown_path,
    plan::{Mode, PlanOptions, duplicates::OnDuplicate},
    report::examples::Examples,
    run::{RunError, RunFile, RunSources, Tally, rejects},
    stage::ReadRequest,
    verify::{Finding, VerifyCounts, verify},
    wording::counted,
};

/// The contacts that the account should have.
pub(crate) struct Expected {
    run: RunFile,
    options: PlanOptions,
    /// True for a run, false for files.
    pub is_run: bool,
    pub warnings: Vec<String>,
}

impl Expected {
    pub(crate) fn of_run(session: &Session, path: &Path) -> Result<Self, Error> {
        let run = RunFile::open(path)?;
        let meta = RunMeta::of(&run, "nothing can be compared")?;
        meta.check_account(session, &run)?;
        let left = Tally::of(&run)?.done.not_attempted;
        let undone = RunHistory::read(&session.state_directory)?.undone(path);
        let warnings = undone.map(|undone| format!("{undone}, so the account differs from it"));
        Ok(Self {
            run,
            options: meta.options,
            is_run: true,
            warnings: not_sent(left, path).into_iter().chain(warnings).collect(),
        })
    }

    pub(crate) fn of_files(
        session: &Session,
        reading: &ReadRequest,
        on_duplicate: OnDuplicate,
        owners: Owners,
    ) -> Result<Self, Error> {
        let (owners, warning) = session.owner_rule(owners)?;
        let parent = &session.state_directory;
        let staged = StagedFiles::new(
            parent,
            Mode::Upsert,
            reading,
            on_duplicate,
            &owners,
            &session.monitor,
        )?;
        // The guard stops a plan, but a comparison harms nothing; names will be differences.
        let warnings = warning.into_iter().chain(staged.warnings);
        let warnings = warnings.chain(staged.owner_hint);
        Ok(Self {
            run: staged.run,
            options: PlanOptions {
                // A chat that a backup lacks was added since.
                cleared: if staged.are_backups {
                    ChatType::ALL.to_vec()
                } else {
                    Vec::new()
                },
                ..PlanOptions::default()
            },
            is_run: false,
            warnings: warnings.collect(),
        })
    }

    /// Reads the account, and passes every finding with its contact's id to `each`.
    pub(crate) fn compare(
        &self,
        session: &Session,
        each: impl FnMut(&str, &Finding) -> Result<(), Error>,
    ) -> Result<VerifyCounts, Error> {
        let present = scratch_run(&session.state_directory)?;
        verify(session.reader(), &present, &self.run, &self.options, each)
    }

    /// Number of rejected rows, which can't be compared.
    pub(crate) fn rejected(&self) -> Result<u64, Error> {
        Ok(Tally::of(&self.run)?.rows.rejected)
    }

    /// Examples of rejected rows with the reasons, because `verify` writes no rejects file.
    pub(crate) fn rejected_rows(&self) -> Result<Vec<String>, Error> {
        rejected_rows(&self.run)
    }
}

/// The warning about an unfinished run: the account can't have its unsent contacts.
fn not_sent(left: u64, path: &Path) -> Option<String> {
    let left = (left > 0).then(|| counted(left, "contact"))?;
    Some(format!(
        "the run is not finished, {left} left to send: `wazzup-contacts apply {}` sends the rest",
        shown_path(path)
    ))
}

pub(super) fn rejected_rows(run: &RunFile) -> Result<Vec<String>, Error> {
    let sources = RunSources::of(run)?;
    let mut examples = Examples::default();
    rejects::for_each(run, |rejected| {
        for problem in rejected.problems.into_owned() {
            examples.add((rejected.source as usize, rejected.row), problem);
        }
        Ok::<_, RunError>(())
    })?;
    Ok(examples.lines(|(source, row)| sources.row(source, row)))
}

/// True if the file is an `SQLite` database rather than a source.
pub(crate) fn is_run_file(path: &Path) -> bool {
    let mut head = [0; 15];
    // Reading would consume the first bytes of a pipe.
    if !path.is_file() {
        return false;
    }
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut head))
        .is_ok()
        && head == *b"SQLite format 3"
}
