//! From files to a plan in its run file: what `import` and `plan` begin with, and `undo` in part.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{
    Context,
    about::{About, working_directory},
    apply::{Applying, send, write_rejects},
    console::shown,
    preview::Preview,
    resume,
    session::Session,
};
use crate::{
    cli::{Blank, PlanningArgs, ReadArgs, STALE_AFTER},
    contact::ChatType,
    error::{Error, ExitCode},
    plan::{self, Plan, PlanContext, PlanOptions},
    progress::Event,
    report::{rejects, summary::Summary},
    run::{self, RunFile, store::Lock},
    settings::reading,
    staging::{Reading, Staged, stage_files},
};

/// What it takes to make a plan.
pub(super) struct Making<'a> {
    pub context: &'a Context,
    pub session: &'a Session,
    pub command: &'static str,
    pub read: &'a ReadArgs,
    pub planning: &'a PlanningArgs,
}

/// A plan in its run file; sealed unless the gate says no.
pub(super) struct Made {
    pub run: RunFile,
    pub plan: Plan,
    pub warnings: Vec<String>,
    pub staged: Option<Staged>,
    pub about: About,
    /// Rows that were rejected before anything was sent.
    pub rejected: u64,
    pub started: Timestamp,
    pub _lock: Lock,
}

impl Making<'_> {
    /// Stages and plans into a new run file. What fails before there is a plan leaves none.
    pub(super) fn make(&self, path: Option<&Path>) -> Result<Made, Error> {
        let started = Timestamp::now();
        self.context.check_account(self.session, self.planning)?;
        let reading = reading::resolve(self.read, &self.context.settings.profile)?;
        let store = self.context.store()?;
        let path = path.map_or_else(
            || store.new_path(&stem(&reading.files[0])),
            Path::to_path_buf,
        );
        let asked = self.planning.rejects.as_deref();
        let rejects_path = rejects::choose(asked, &reading.files[0], &path)?;
        rejects::check_spares(&rejects_path, &reading.files, &[&path])?;
        let made = make_run(&path, |run| {
            self.fill(run, &reading, rejects_path, started)
                .inspect_err(|error| self.say_what_it_means(error))
        })?;
        if let Err(error) = store.prune(run::store::KEPT) {
            let words = format!("old runs can't be removed: {error}");
            self.session.monitor.event(Event::Notice(words));
        }
        let (run, lock, (staged, about, plan)) = made;
        Ok(Made {
            run,
            _lock: lock,
            started,
            rejected: plan.tally.rows.rejected,
            warnings: staged.warnings.clone(),
            staged: Some(staged),
            about,
            plan,
        })
    }

    /// What comes from outside can be tried again; `apply` has nothing to go on with yet.
    fn say_what_it_means(&self, error: &Error) {
        if matches!(error, Error::Api(_) | Error::Run(_) | Error::Interrupted(_)) {
            self.context
                .console
                .say("there is no plan yet and nothing was sent: run the same command again");
        }
    }

    fn fill(
        &self,
        run: &RunFile,
        reading: &Reading,
        rejects: PathBuf,
        planned_at: Timestamp,
    ) -> Result<(Staged, About, Plan), Error> {
        let monitor = &*self.session.monitor;
        let (compared, digests) = self.context.compared(self.session, self.planning)?;
        let mut staged = stage_files(run, reading, self.planning.mode, monitor)?;
        let about = About {
            command: self.command.to_owned(),
            account: self.session.account.clone(),
            options: plan_options(self.planning, &staged),
            source: staged.source.clone(),
            rejects,
            directory: working_directory(),
            planned_at,
            compared,
            writes_before: self.context.writes(self.session),
        };
        run.set_meta("about", &about)?;
        let context = PlanContext {
            run,
            account: self.session.reader(),
            options: &about.options,
            digests: digests.as_ref(),
        };
        let plan = plan::plan(&context, std::mem::take(&mut staged.duplicates))?;
        Ok((staged, about, plan))
    }
}

/// Makes a run file and fills it; where that fails, there is none.
pub(super) fn make_run<T>(
    path: &Path,
    fill: impl FnOnce(&RunFile) -> Result<T, Error>,
) -> Result<(RunFile, Lock, T), Error> {
    let lock = Lock::run(path)?;
    run::store::clear_abandoned(path)?;
    let run = RunFile::create(path)?;
    match fill(&run) {
        Ok(filled) => Ok((run, lock, filled)),
        Err(error) => {
            drop(run);
            // What is left of it counts for nothing, and the error is what has to be told.
            let _ = run::store::remove(path);
            drop(lock);
            Err(error)
        }
    }
}

impl Made {
    /// Sends the plan that was just made. Somebody may have taken long to say yes.
    pub(super) fn send(&self, context: &Context, session: &Session) -> Result<ExitCode, Error> {
        send(&Applying {
            context,
            session,
            run: &self.run,
            about: &self.about,
            started: self.started,
            check_stale: self.about.age() > STALE_AFTER,
            held: true,
        })
    }

    /// Shows what the plan is; where the gate says no, that is the end of it. `stays`: the run will surely be kept.
    ///
    /// # Errors
    /// [`Error::Gate`] where the gate says no.
    pub(super) fn shown(
        self,
        context: &Context,
        session: &Session,
        stays: bool,
    ) -> Result<Self, Error> {
        let console = context.console;
        console.section("warnings", &self.warnings);
        if let Some(staged) = &self.staged {
            console.section("changes in cells", &staged.notes.lines());
            console.section("hints", &staged.notes.hints());
            console.section("the same phone under different ids", &staged.shared_phones);
        }
        self.preview(session, stays).show(console)?;
        let Some(verdict) = self.plan.verdict.clone() else {
            return Ok(self);
        };
        write_rejects(context, &self.run, &self.about)?;
        let mut summary = self.forecast(session, ExitCode::Gate)?;
        summary.files.run = None;
        console.summary(&summary, &summary.to_string());
        self.forget()?;
        Err(Error::Gate(verdict))
    }

    /// Removes the run file.
    pub(super) fn forget(self) -> Result<(), Error> {
        let path = self.run.path().to_path_buf();
        drop(self);
        Ok(run::store::remove(&path)?)
    }

    /// Ends a dry run: the summary is shown, the rejects stay, the run file goes.
    pub(super) fn end_dry_run(
        self,
        context: &Context,
        session: &Session,
    ) -> Result<ExitCode, Error> {
        let code = if self.rejected > 0 {
            ExitCode::Rejected
        } else {
            ExitCode::Done
        };
        write_rejects(context, &self.run, &self.about)?;
        let mut summary = self.forecast(session, code)?;
        summary.files.run = None;
        self.forget()?;
        context.console.summary(&summary, &summary.to_string());
        context.console.say("dry run: nothing was sent");
        Ok(code)
    }

    fn preview<'a>(&'a self, session: &Session, stays: bool) -> Preview<'a> {
        let options = &self.about.options;
        Preview {
            all_with: match (&self.plan.verdict, stays, options.mode) {
                (None, true, _) => Some(format!(
                    "wazzup-contacts runs show {}",
                    resume::named(&self.run)
                )),
                // What the gate refuses is not kept, and an undo is not planned to be kept.
                (Some(_), ..) | (None, false, plan::Mode::Undo) => None,
                (None, false, _) => Some(
                    "`plan` with -o X.run keeps them, and `runs show X.run` shows them".to_owned(),
                ),
            },
            run: &self.run,
            plan: &self.plan,
            bounds: (options.mode != plan::Mode::Undo).then_some(options.bounds),
            rate_per_second: session.rate_per_second,
        }
    }

    /// The summary where nothing was sent; the rejects are written already.
    pub(super) fn forecast(&self, session: &Session, code: ExitCode) -> Result<Summary, Error> {
        let rejects = rejects::find(&self.run, &self.about.rejects)?;
        // A plan has nothing done, and nothing left over either.
        let mut tally = self.plan.tally;
        tally.done.not_attempted = 0;
        let mut summary = self.about.summary(&self.run, self.started, tally);
        summary.exit_code = code as u8;
        summary.requests = session.client.stats().into();
        summary.files.rejects = (self.rejected > 0).then(|| shown(&rejects));
        summary.forecast = Some(self.preview(session, true).forecast()?);
        summary.gate.clone_from(&self.plan.verdict);
        summary.warnings.clone_from(&self.warnings);
        Ok(summary)
    }
}

fn plan_options(args: &PlanningArgs, staged: &Staged) -> PlanOptions {
    let cleared: Vec<ChatType> = match args.blank {
        Blank::Keep => Vec::new(),
        Blank::Clear => staged.messengers.iter().copied().collect(),
    };
    PlanOptions {
        mode: args.mode,
        on_duplicate: args.on_duplicate,
        cleared,
        bounds: plan::gate::Bounds {
            max_rejects: args.max_rejects,
            max_delete: args.max_delete,
        },
        batch_size: args.batch_size.into(),
    }
}

fn stem(file: &Path) -> String {
    let stem = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if stem.is_empty() || stem == "-" {
        "stdin".to_owned()
    } else {
        stem
    }
}
