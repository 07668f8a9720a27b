//! Sends a sealed run and completes it: rejects, ledger, summary.

use std::sync::Arc;

use super::{
    SealedRun, Session,
    contact_records::{forget_written, record_written},
    history::prune,
    run_record::{RunRecord, enter_span},
    sealed::code_of,
};
use crate::{
    apply::{self, ApplyOptions, Refused, SenderState},
    canary::check_canary,
    crash::{self, Point},
    error::{Error, ExitCode, UnusableRunError},
    ledger::RunStatus,
    paths::shown_path,
    report::{notes::SENT_BY, rejects, summary::Summary},
    run::{ChosenContacts, RunError, State, Tally, sent},
    wording::float,
};

/// A run that is being sent.
struct Sending<'a> {
    session: &'a Session,
    sealed: &'a SealedRun,
    check_stale: bool,
    resume: &'a str,
}

/// A run that was sent, completely or partly.
pub struct SentRun {
    /// The counts and files; absent only if the run file is no longer readable.
    pub(crate) summary: Option<Summary>,
    pub(crate) failure: Option<Error>,
    pub(crate) rejects: Option<rejects::RejectsFile>,
    /// The contacts that could not be deleted, each with the reason.
    pub(crate) not_deleted: Vec<(String, String)>,
    /// The command that continues the run, if something is left.
    pub(crate) resume: Option<String>,
    /// The contacts that the server refused, by cause.
    pub(crate) refused: Refused,
    /// Others wrote to the account meanwhile, or more contacts were refused than allowed, but nothing was left to stop.
    pub(crate) warnings: Vec<String>,
    /// Number of contacts left out because they are not selected.
    pub(crate) left_out: u64,
    code: ExitCode,
}

impl SentRun {
    /// The exit code, or the error that ended the run.
    pub fn result(self) -> Result<ExitCode, Error> {
        self.failure.map_or(Ok(self.code), Err)
    }

    /// The counts of the run; zero if the run file is no longer readable.
    #[must_use]
    pub fn done(&self) -> crate::run::Done {
        self.summary
            .as_ref()
            .map_or_else(Default::default, |summary| summary.done)
    }

    /// Keeps the error if it is the first.
    fn keep<T>(&mut self, result: Result<T, impl Into<Error>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.failure.get_or_insert(error.into());
                None
            }
        }
    }
}

/// Sends the rest of the run, then writes the rejects, the ledger and the summary. `check_stale`: looks up
/// each contact before it is sent. `resume`: the command that continues the run.
pub(crate) fn send(
    sealed: &SealedRun,
    session: &Session,
    check_stale: bool,
    resume: &str,
) -> SentRun {
    let _span = enter_span(sealed.run.path());
    let mut record = RunRecord::resume(session, sealed);
    let sending = Sending {
        session,
        sealed,
        check_stale,
        resume,
    };
    let (sent, tally) = sending.send();
    let status = match sealed.run.state() {
        Ok(State::Done) => RunStatus::Done,
        _ => RunStatus::Unfinished,
    };
    match &sent.failure {
        Some(error) => record.end_with(status, error, tally),
        None => record.end(status, sent.code, tally),
    }
    if record.has_sent() {
        prune(session);
    }
    sent
}

impl Sending<'_> {
    /// Sends and concludes. There are no counts if the run file is no longer readable.
    fn send(&self) -> (SentRun, Option<Tally>) {
        let SealedRun { run, meta, .. } = self.sealed;
        let max_refused = meta.options.bounds.max_refused;
        let mut left_out = 0;
        let (state, failure) = match SenderState::of(run, max_refused).map(Arc::new) {
            Ok(state) => (
                Some(Arc::clone(&state)),
                Error::catch_panic(|| self.apply(state, &mut left_out)).err(),
            ),
            Err(error) => (None, Some(error.into())),
        };
        let mut sent = SentRun {
            summary: None,
            failure,
            rejects: None,
            not_deleted: Vec::new(),
            resume: None,
            refused: Refused::default(),
            warnings: Vec::new(),
            left_out,
            code: ExitCode::Failed,
        };
        let tally = sent.keep(Tally::of(run));
        match tally {
            Some(tally) => self.conclude(&mut sent, tally, state.as_deref()),
            None => sent.resume = Some(self.resume.to_owned()),
        }
        (sent, tally)
    }

    /// Sends the plan. `left_out` receives the number of contacts that are not selected.
    fn apply(&self, state: Arc<SenderState>, left_out: &mut u64) -> Result<(), Error> {
        let Self {
            session, sealed, ..
        } = *self;
        let run = &sealed.run;
        if run.state()? == State::Open {
            let run = run.name();
            return Err(UnusableRunError::Refused { run }.into());
        }
        let mut chosen = None;
        if let Some(selection) = &sealed.selection {
            let selected = ChosenContacts::by_id(run, |id| selection.contains(id))?;
            *left_out = Tally::of(run)?.left().saturating_sub(selected.count());
            chosen = Some(Arc::new(selected));
        }
        forget_written(session, run, sealed.meta.compared)?;
        run.set_fact(SENT_BY, &session.invocation())?;
        let options = ApplyOptions {
            queued: session.queued,
            check_stale: self.check_stale,
            grace: session.grace,
            resume: self.resume.to_owned(),
            state,
            chosen,
        };
        if let Some(count) = sealed.canary {
            self.send_canary(count, &options)?;
        }
        apply::apply(run, &session.client, options, &session.monitor)?;
        Ok(())
    }

    /// Sends the first contacts of each kind, and fails if they differ in the account.
    fn send_canary(&self, count: usize, options: &ApplyOptions) -> Result<(), Error> {
        let session = self.session;
        let run = &self.sealed.run;
        let chosen = Arc::new(ChosenContacts::first(run, count)?);
        if chosen.count() == 0 {
            return Ok(());
        }
        let options = ApplyOptions {
            chosen: Some(Arc::clone(&chosen)),
            ..options.clone()
        };
        apply::apply(run, &session.client, options, &session.monitor)?;
        match check_canary(session.reader(), run, &chosen)? {
            Some(error) => Err(Error::Canary(error)),
            None => Ok(()),
        }
    }

    /// Tries every step even if a previous one failed. The first failure is kept.
    fn conclude(&self, sent: &mut SentRun, tally: Tally, state: Option<&SenderState>) {
        let Self {
            session, sealed, ..
        } = *self;
        let SealedRun { run, meta, .. } = sealed;
        if let Some(contradiction) = tally.contradiction() {
            sent.failure = Some(RunError::Counts(contradiction).into());
        }
        if tally.done.failed > 0 {
            sent.not_deleted = sent.keep(sent::failed_deletions(run)).unwrap_or_default();
        }
        sent.rejects =
            sent.keep(sealed.write_rejects(&mut session.ledger_of(&meta.account).lock()));
        let left = tally.left();
        let is_unfinished = left > sent.left_out;
        let is_done = |sent: &SentRun| sent.failure.is_none() && left == 0;
        if is_done(sent) {
            sent.keep(record_written(
                session,
                run,
                meta.compared,
                &meta.options,
                sealed.is_new,
            ));
        }
        let is_done = is_done(sent);
        sent.code = match &sent.failure {
            Some(error) => error.exit_code(),
            None => code_of(&tally, is_unfinished),
        };
        if sent.failure.is_some() || is_unfinished {
            sent.resume = Some(self.resume.to_owned());
        }
        if let Some(state) = state {
            sent.refused = state.budget.refusals();
            sent.warnings.extend(state.written_by_others());
            let exceeded = state.budget.check().err();
            let exceeded = exceeded.filter(|_| sent.resume.is_none());
            sent.warnings.extend(exceeded.map(|error| error.too_late()));
        }
        let summary = self.summary(sent, tally, state);
        sent.keep(self.store(&summary, is_done));
        sent.summary = Some(summary);
    }

    fn store(&self, summary: &Summary, is_done: bool) -> Result<(), RunError> {
        let run = &self.sealed.run;
        if is_done {
            crash::point(Point::Done);
        }
        run.transaction(|| {
            if is_done {
                run.set_fact("state", &State::Done)?;
            }
            if !summary.limits.is_unknown() {
                run.set_fact("limits", &summary.limits)?;
            }
            self.session.record_traffic(run)?;
            run.set_fact("summary", summary)
        })
    }

    fn summary(&self, sent: &SentRun, tally: Tally, state: Option<&SenderState>) -> Summary {
        let mut summary = self.sealed.counts(tally);
        summary.exit_code = sent.code as u8;
        summary.warnings = [&self.sealed.warnings[..], &sent.warnings].concat();
        summary.requests = self.session.client.stats();
        let rejects = sent.rejects.as_ref().filter(|written| written.count > 0);
        summary.files.rejects = rejects.map(|written| shown_path(&written.path));
        summary.resume.clone_from(&sent.resume);
        summary.refusals.clone_from(&sent.refused.causes);
        if let Some(state) = state {
            summary.limits = state.limits.learned();
            let sent = state.budget.sent_count();
            let is_measurable = sent > 0 && summary.seconds > 0.0;
            summary.contacts_per_second = is_measurable.then(|| float(sent) / summary.seconds);
        }
        summary
    }
}
