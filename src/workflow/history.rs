//! The current history of all accounts: the lines of the ledgers, and run files without a line.

use std::{
    cmp::Reverse,
    collections::HashSet,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    RunMeta, Session,
    run_record::{name, stem_of},
};
use crate::{
    error::Error,
    ledger::{
        HistoryEntry, Ledger, RunStatus, forget_old_runs, lines, lines_with_files, record_run,
        without_claim,
    },
    paths::absolute,
    plan::{PlanError, links},
    run::{
        RunError, RunFile, State, Tally, batches,
        store::{self, Lock, Store},
    },
};

pub(crate) struct RunHistory {
    pub runs: Vec<HistoryEntry>,
    pub unreadable: Vec<PathBuf>,
}

impl RunHistory {
    pub(crate) fn read(state_directory: &Path) -> Result<Self, Error> {
        let mut unreadable = Vec::new();
        let mut runs = Vec::new();
        for ledger in Ledger::all(state_directory).map_err(Error::io(state_directory))? {
            match lines(&ledger) {
                Ok(lines) if !ledger.is_unreadable() => runs.extend(lines),
                _ => unreadable.push(ledger.path().to_path_buf()),
            }
        }
        for run in &mut runs {
            refresh(run);
        }
        let known: HashSet<_> = runs.iter().filter_map(|run| run.file.clone()).collect();
        let files = Store::open(state_directory)?.list()?;
        let unknown = files.iter().filter(|file| !known.contains(&absolute(file)));
        runs.extend(unknown.map(|file| of_file(file)));
        runs.sort_by_key(|run| Reverse((run.started_at, run.number)));
        Ok(Self { runs, unreadable })
    }

    /// The unfinished runs that are not superseded, and files that may be such runs.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = &HistoryEntry> {
        self.runs.iter().filter(|run| match run.status {
            RunStatus::Unfinished => self.superseding(run).is_none(),
            RunStatus::Unreadable => true,
            RunStatus::Running | RunStatus::Done | RunStatus::Stopped => false,
        })
    }

    pub(crate) fn superseding(&self, run: &HistoryEntry) -> Option<&HistoryEntry> {
        self.runs.iter().find(|later| later.supersedes(run))
    }

    /// A sentence about the last undo of the run in this file.
    pub(crate) fn undone(&self, file: &Path) -> Option<String> {
        let file = absolute(file);
        let undo = self.runs.iter().find(|run| run.has_undone(&file))?;
        let time = undo.started_at.to_zoned(TimeZone::system());
        let is_undone = undo.has_sent() || undo.tally.rows.rejected == 0;
        Some(format!(
            "the run {} undone by {} on {}",
            if is_undone { "was" } else { "was to be" },
            undo.run,
            time.strftime("%Y-%m-%d at %H:%M")
        ))
    }
}

/// A run that is given by name or path.
pub(crate) enum NamedRun {
    File(PathBuf),
    /// Its file was removed, and only its line in the history is left.
    Line(Box<HistoryEntry>),
}

impl NamedRun {
    /// Finds a run. A name that several runs outside the state directory have is not found.
    pub(crate) fn find(state_directory: &Path, run: &str) -> Result<Option<Self>, Error> {
        let path = Store::open(state_directory)?.find(run);
        if path.exists() {
            return Ok(Some(Self::File(path)));
        }
        let runs = RunHistory::read(state_directory)?.runs;
        let mut files = runs
            .iter()
            .filter(|it| it.run == run)
            .filter_map(|it| it.file.as_ref());
        if let (Some(file), None) = (files.next(), files.next()) {
            return Ok(Some(Self::File(file.clone())));
        }
        let former = Path::new(run).file_name().unwrap_or_default();
        let is_named = |it: &HistoryEntry| it.run == run || *former == *format!("{}.run", it.run);
        let mut removed = runs.into_iter().filter(|it| it.file.is_none());
        let line = removed.find(is_named);
        Ok(line.map(|line| Self::Line(Box::new(line))))
    }

    pub(crate) fn file(self) -> Result<PathBuf, RunError> {
        match self {
            Self::File(path) => Ok(path),
            Self::Line(line) => Err(RunError::Removed { run: line.run }),
        }
    }
}

/// The line of a run file that the ledger lacks.
fn of_file(path: &Path) -> HistoryEntry {
    let (mut entry, damage) = match described(path) {
        Ok(described) => (described.unwrap_or_else(|| undescribed(path)), None),
        Err(error) => (undescribed(path), Some(error)),
    };
    refresh(&mut entry);
    match (entry.status, damage) {
        (RunStatus::Unfinished, Some(error)) => {
            entry.status = RunStatus::Unreadable;
            entry.error = Some(error.to_string());
        }
        (RunStatus::Done, _) => entry.exit_code = entry.exit_code.or(Some(0)),
        _ => {}
    }
    entry
}

/// The line of a run according to its file. A file without a plan never was a run.
fn described(path: &Path) -> Result<Option<HistoryEntry>, RunError> {
    let run = RunFile::open(path)?;
    if run.state()? == State::Open {
        return Ok(None);
    }
    let meta: RunMeta = run.fact("about")?;
    Ok(Some(meta.history_entry(&run, run.find_fact("summary")?)))
}

/// The line of a run of which only the file's name is known.
fn undescribed(path: &Path) -> HistoryEntry {
    let (minute, born) = store::started(path);
    let minute = jiff::civil::DateTime::strptime(store::MINUTE, minute);
    let named = minute.and_then(|minute| minute.to_zoned(TimeZone::UTC));
    let born = born.and_then(|born| Timestamp::try_from(born).ok());
    let named = named.ok().map(|named| named.timestamp());
    HistoryEntry {
        run: name(path),
        file: Some(absolute(path)),
        started_at: named.or(born).unwrap_or_default(),
        ..HistoryEntry::default()
    }
}

/// Updates a line from its file: the last command may have been killed, or the file removed.
fn refresh(entry: &mut HistoryEntry) {
    let Some(file) = entry.file.clone() else {
        return;
    };
    if matches!(entry.status, RunStatus::Done | RunStatus::Stopped) {
        if !file.exists() {
            entry.file = None;
        }
        return;
    }
    if matches!(Lock::probe(&file), Err(RunError::Busy { .. })) {
        entry.status = RunStatus::Running;
        return;
    }
    let read = || {
        let run = RunFile::open(&file)?;
        let state = batches::shown_state(&run)?;
        let tally = match state {
            State::Open => Tally::default(),
            State::Sealed | State::Done => Tally::of(&run)?,
        };
        Ok::<_, RunError>((state, tally))
    };
    entry.status = match read() {
        Ok((state, tally)) => {
            entry.tally = tally;
            match state {
                State::Open => RunStatus::Stopped,
                State::Sealed => RunStatus::Unfinished,
                State::Done => RunStatus::Done,
            }
        }
        Err(_) if !file.exists() => {
            entry.file = None;
            RunStatus::Stopped
        }
        Err(error) => {
            entry.error = Some(error.to_string());
            RunStatus::Unreadable
        }
    };
}

/// Removes the files of this account's runs that need not be kept, and the lines of very old runs.
pub(super) fn prune(session: &Session) {
    let result = || {
        let mut ledger = session.ledger();
        let mut runs = lines_with_files(&ledger)?;
        runs.iter_mut().for_each(refresh);
        let directory = &session.state_directory;
        prune_runs(&mut ledger, directory, runs, session.keep_runs)
    };
    if let Err(error) = result() {
        session.notice(format!("old runs can't be removed: {error}"));
    }
}

/// Removes the files of an account's runs that need not be kept, given its current runs. Returns them.
pub(crate) fn prune_runs(
    ledger: &mut Ledger,
    state_directory: &Path,
    mut runs: Vec<HistoryEntry>,
    keep: usize,
) -> Result<Vec<PathBuf>, Error> {
    let directory = absolute(&state_directory.join("runs"));
    for run in &mut runs {
        // A file outside the state directory belongs to the user.
        run.file.take_if(|file| !file.starts_with(&directory));
    }
    let mut removed = Vec::new();
    for run in without_claim(&runs, keep) {
        let Some(file) = run.file.clone() else {
            continue;
        };
        let Ok(_lock) = Lock::probe(&file) else {
            continue;
        };
        keep_links(ledger, run, &file)?;
        store::remove(&file)?;
        let mut run = HistoryEntry {
            file: None,
            ..run.clone()
        };
        // A file without a plan never was a run.
        if !run.account.is_empty() {
            record_run(ledger, &mut run)?;
        }
        removed.push(file);
    }
    if ledger.is_found() {
        forget_old_runs(ledger, Timestamp::now())?;
    }
    Ok(removed)
}

/// Copies the links that a run wrote to the ledger, unless its file can't be read.
fn keep_links(ledger: &mut Ledger, run: &HistoryEntry, file: &Path) -> Result<(), Error> {
    if run.account.is_empty() || !run.has_sent() {
        return Ok(());
    }
    let kept = RunFile::open(file).map(|file| links::keep(&file, ledger));
    match kept {
        Ok(Err(PlanError::Io(error))) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes the line of a run that could not begin because its command could not sign in. It belongs to the account of the
/// run to be undone, otherwise to the one that the profile last used, if any.
pub(crate) fn record_without_account(
    state_directory: &Path,
    mut run: HistoryEntry,
    error: &Error,
) -> Result<(), Error> {
    let history = RunHistory::read(state_directory)?;
    let mut runs = history.runs.iter();
    let undone = runs.find(|it| it.file.as_deref().is_some_and(|file| run.is_undo_of(file)));
    let of_profile = || history.runs.iter().find(|it| it.profile == run.profile);
    let Some(last) = undone.or_else(of_profile) else {
        return Ok(());
    };
    let is_taken = |name: &str| history.runs.iter().any(|run| run.run == name);
    let (path, _) = Store::open(state_directory)?.reserve(&stem_of(&run), is_taken)?;
    run.run = name(&path);
    run.account.clone_from(&last.account);
    run.status = RunStatus::Stopped;
    run.exit_code = Some(error.exit_code() as u8);
    run.error = Some(error.to_string());
    let mut ledger = Ledger::open(state_directory, &last.account);
    Ok(record_run(&mut ledger, &mut run)?)
}

/// Records in the line of an unfinished run that a command could not send the rest.
pub(crate) fn record_stop(state_directory: &Path, file: &Path, error: &Error) -> Result<(), Error> {
    let file = Some(absolute(file));
    let runs = RunHistory::read(state_directory)?.runs.into_iter();
    let mut lines = runs.filter(|run| run.status == RunStatus::Unfinished && run.number > 0);
    let Some(mut line) = lines.find(|run| run.file == file) else {
        return Ok(());
    };
    line.exit_code = Some(error.exit_code() as u8);
    line.error = Some(error.to_string());
    let mut ledger = Ledger::open(state_directory, &line.account);
    Ok(record_run(&mut ledger, &mut line)?)
}
