//! Writes the line of a run in the history of its account while a command works on the run.

use std::{path::Path, sync::Arc, thread};

use jiff::Timestamp;
use tracing::span::EnteredSpan;

use super::{SealedRun, Session, meta::directory_name};
use crate::{
    error::{Error, ExitCode},
    ledger::{HistoryEntry, RunStatus, SharedLedger, line_of, record_run},
    paths::absolute,
    plan::Mode,
    progress::{Event, Monitor},
    run::Tally,
    wording::Started,
};

/// The line of a run that a command is working on. If it can't be written, the run continues, because its file has
/// everything.
pub(crate) struct RunRecord {
    entry: HistoryEntry,
    ledger: SharedLedger,
    monitor: Arc<dyn Monitor>,
    /// The start of this command, and the duration of earlier ones.
    started: Started,
    earlier_seconds: f64,
    is_dry_run: bool,
}

impl RunRecord {
    /// Creates the line of a new run whose file was requested or will be named. [`Self::begin`] writes it.
    pub(super) fn new(
        session: &Session,
        command: &str,
        mode: Mode,
        source: String,
        run: Option<&Path>,
        is_dry_run: bool,
    ) -> Self {
        let entry = HistoryEntry {
            account: session.account.clone(),
            run: run.map(name).unwrap_or_default(),
            ..new_entry(&session.profile, command, mode, source)
        };
        Self::of(session, entry, is_dry_run)
    }

    fn of(session: &Session, entry: HistoryEntry, is_dry_run: bool) -> Self {
        Self {
            earlier_seconds: entry.seconds,
            ledger: session.ledger_of(&entry.account),
            entry,
            monitor: Arc::clone(&session.monitor),
            started: Started::now(),
            is_dry_run,
        }
    }

    /// Continues the line of a run that is sent, or creates one.
    pub(super) fn resume(session: &Session, sealed: &SealedRun) -> Self {
        let file = absolute(sealed.run.path());
        let line = line_of(&session.ledger(), &file).unwrap_or_default();
        let mut entry = line.unwrap_or_else(|| sealed.meta.history_entry(&sealed.run, None));
        let is_written = entry.number > 0 && entry.status == RunStatus::Running;
        entry.profile.get_or_insert_with(|| session.profile.clone());
        entry.status = RunStatus::Running;
        (entry.exit_code, entry.error) = (None, None);
        let mut record = Self::of(session, entry, false);
        record.started = sealed.started;
        if sealed.is_new {
            // The same command planned the run, and wrote only the seconds before its plan.
            record.earlier_seconds = 0.0;
        }
        if !is_written {
            record.write();
        }
        record
    }

    /// Records that the run could not be planned.
    pub(super) fn fail(&mut self, session: &Session, error: &Error) {
        if self.entry.run.is_empty() {
            // The run never began.
            let reserved = session.reserve_run(&stem_of(&self.entry));
            self.entry.run = reserved.map_or_else(|_| String::new(), |(path, _)| name(&path));
        }
        self.stop(Some(error), Tally::default());
    }

    /// Writes the line, before there is anything in the run file.
    pub(super) fn begin(&mut self, run: &Path) {
        self.entry.run = name(run);
        self.entry.file = Some(absolute(run));
        self.write();
    }

    /// Records that the command ended and the run file is kept. Without a tally, the recorded one stays.
    pub(crate) fn end(&mut self, status: RunStatus, code: ExitCode, tally: Option<Tally>) {
        self.entry.status = status;
        self.entry.exit_code = Some(code as u8);
        self.entry.tally = tally.unwrap_or(self.entry.tally);
        self.write();
    }

    /// Like [`Self::end`], after an error.
    pub(super) fn end_with(&mut self, status: RunStatus, error: &Error, tally: Option<Tally>) {
        self.entry.error = Some(error.to_string());
        self.end(status, error.exit_code(), tally);
    }

    /// Records that the run ended without a run file.
    pub(super) fn stop(&mut self, error: Option<&Error>, tally: Tally) {
        self.entry.file = None;
        match error {
            Some(error) => self.end_with(RunStatus::Stopped, error, Some(tally)),
            None => self.end(RunStatus::Done, ExitCode::Done, Some(tally)),
        }
    }

    /// True if the run changed something, or tried to.
    pub(super) const fn has_sent(&self) -> bool {
        self.entry.has_sent()
    }

    fn write(&mut self) {
        if self.is_dry_run {
            return;
        }
        self.entry.seconds = self.earlier_seconds + self.started.seconds();
        let recorded = record_run(&mut self.ledger.lock(), &mut self.entry);
        if let Err(error) = recorded {
            let notice = format!("the run can't be recorded in the ledger: {error}");
            self.monitor.event(Event::Notice(notice));
        }
    }
}

impl Drop for RunRecord {
    /// Adds a panic to the line, whose status follows from the run file as after a kill.
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        let Some(file) = &self.entry.file else { return };
        let line = line_of(&self.ledger.lock(), file);
        if let Ok(Some(line)) = line {
            self.entry = line;
            self.entry.exit_code = Some(Error::Panicked.exit_code() as u8);
            self.entry.error = Some(Error::Panicked.to_string());
            self.write();
        }
    }
}

/// The line of a run that begins now, without its name and its account.
pub(crate) fn new_entry(profile: &str, command: &str, mode: Mode, source: String) -> HistoryEntry {
    HistoryEntry {
        started_at: Timestamp::now(),
        profile: Some(profile.to_owned()),
        command: command.to_owned(),
        mode: mode.as_str().to_owned(),
        source,
        directory: directory_name(),
        ..HistoryEntry::default()
    }
}

pub(super) fn name(run: &Path) -> String {
    let name = run.file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The name of the undo of a run, without its time.
pub(super) fn undo_name(undone: &str) -> String {
    format!("undo-{undone}")
}

/// The name of a run, without its time.
pub(super) fn stem_of(run: &HistoryEntry) -> String {
    let source = stem(Path::new(&run.source));
    match run.command.as_str() {
        "undo" => undo_name(&source),
        _ => source,
    }
}

/// Adds the run's name to the log while the span is entered.
pub(super) fn enter_span(run: &Path) -> EnteredSpan {
    tracing::error_span!("run", run = name(run)).entered()
}

/// The name of a run: the stem of its source.
pub(super) fn stem(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    if stem.is_empty() || stem == "-" {
        "stdin".to_owned()
    } else {
        stem.into_owned()
    }
}
