//! `plan`: everything of an import but the sending. Also what `import` begins with.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Context,
    apply::{Applying, send, write_rejects},
    console::shown,
    preview::Preview,
    recall::Compared,
    resume,
    session::Session,
    staging::{Staged, stage_files},
};
use crate::{
    cli::{Blank, PlanArgs, PlanningArgs, ReadArgs, STALE_AFTER},
    contact::ChatType,
    error::{Error, ExitCode},
    plan::{self, Plan, PlanContext, PlanOptions},
    progress::Event,
    report::{
        rejects,
        summary::{Files, RequestSummary, Summary},
    },
    run::{self, RunFile, StagedSource, State, Tally, store::Lock},
    settings::reading::Reading,
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
    pub source: crate::report::summary::SourceSummary,
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

/// The working directory, as a run file keeps it.
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
        rejects::check_spares(rejects, &sources, &[run.path()])
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
        Err(Error::Gate(plan::gate::GateVerdict::AnotherAccount {
            advice,
        }))
    }
}

/// Runs the command.
pub(super) fn run(context: &Context, args: &PlanArgs) -> Result<ExitCode, Error> {
    rejects::check_asked(args.planning.rejects.as_deref())?;
    let session = context.session()?;
    let _lock = session.lock(&context.store()?, args.turn.wait)?;
    let making = Making {
        context,
        session: &session,
        command: "plan",
        read: &args.read,
        planning: &args.planning,
    };
    let made = making
        .make(args.output.as_deref())?
        .shown(context, &session, false)?;
    let planned = made.plan.tally.plan;
    let changes = planned.create + planned.update + planned.delete;
    let code = match (args.exit_code && changes > 0, made.rejected > 0) {
        (true, _) => ExitCode::Changes,
        (false, true) => ExitCode::Rejected,
        (false, false) => ExitCode::Done,
    };
    write_rejects(context, &made.run, &made.about)?;
    let mut summary = made.forecast(&session, code)?;
    // What it took to read the account is not what the plan is about.
    summary.requests = RequestSummary::default();
    context.console.summary(&summary, &summary.to_string())?;
    if changes > 0 {
        context
            .console
            .say(&resume::after_plan(context, &made.run)?);
    }
    Ok(code)
}

/// A plan has nothing done, and nothing left over either.
const fn idle(mut tally: Tally) -> Tally {
    tally.done.not_attempted = 0;
    tally
}

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
    ///
    /// # Errors
    /// Where the source, the API or a file can't be used.
    pub(super) fn make(&self, path: Option<&Path>) -> Result<Made, Error> {
        let started = Timestamp::now();
        self.context.check_account(self.session, self.planning)?;
        let reading = Reading::resolve(self.read, &self.context.settings.profile)?;
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
    ///
    /// # Errors
    /// What ended the sending.
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

    /// Shows what the plan is; where the gate says no, that is the end of it.
    ///
    /// # Errors
    /// [`Error::Gate`] where the gate says no.
    pub(super) fn shown(
        self,
        context: &Context,
        session: &Session,
        dry_run: bool,
    ) -> Result<Self, Error> {
        let console = context.console;
        console.section("warnings", &self.warnings);
        if let Some(staged) = &self.staged {
            console.section("changes in cells", &staged.notes.lines());
            console.section("hints", &staged.notes.hints());
            console.section("the same phone under different ids", &staged.shared_phones);
        }
        self.preview(session, dry_run).show(console)?;
        let Some(verdict) = self.plan.verdict.clone() else {
            return Ok(self);
        };
        write_rejects(context, &self.run, &self.about)?;
        let mut summary = self.forecast(session, ExitCode::Gate)?;
        summary.files.run = None;
        console.summary(&summary, &summary.to_string())?;
        self.forget()?;
        Err(Error::Gate(verdict))
    }

    /// Removes the run file.
    ///
    /// # Errors
    /// Where it can't be removed.
    pub(super) fn forget(self) -> Result<(), Error> {
        let path = self.run.path().to_path_buf();
        drop(self);
        Ok(run::store::remove(&path)?)
    }

    /// Ends a dry run: the summary is shown, the rejects stay, the run file goes.
    ///
    /// # Errors
    /// Where a file can't be written or removed.
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
        context.console.summary(&summary, &summary.to_string())?;
        context.console.say("dry run: nothing was sent");
        Ok(code)
    }

    fn preview<'a>(&'a self, session: &Session, dry_run: bool) -> Preview<'a> {
        let options = &self.about.options;
        Preview {
            all_with: match (&self.plan.verdict, dry_run) {
                (None, false) => Some(format!(
                    "wazzup-contacts runs show {}",
                    resume::named(&self.run)
                )),
                (None, true) => Some(
                    "`plan` with -o X.run keeps them, and `runs show X.run` shows them".to_owned(),
                ),
                // What the gate refuses is not kept.
                (Some(_), _) => None,
            },
            run: &self.run,
            plan: &self.plan,
            bounds: (options.mode != plan::Mode::Undo).then_some(options.bounds),
            rate_per_second: session.rate_per_second,
        }
    }

    /// The summary where nothing was sent; the rejects are written already.
    ///
    /// # Errors
    /// Where the run file can't be read.
    pub(super) fn forecast(&self, session: &Session, code: ExitCode) -> Result<Summary, Error> {
        let rejects = rejects::find(&self.run, &self.about.rejects)?;
        let files = Files {
            run: Some(self.run.path().display().to_string()),
            rejects: (self.rejected > 0).then(|| shown(&rejects)),
            report: None,
        };
        let summary = Summary {
            files,
            forecast: Some(self.preview(session, false).forecast()?),
            gate: self.plan.verdict.clone(),
            warnings: self.warnings.clone(),
            ..self.summary(session, code)
        };
        Ok(summary.with_tally(idle(self.plan.tally)))
    }

    /// The summary so far.
    pub(super) fn summary(&self, session: &Session, code: ExitCode) -> Summary {
        Summary {
            run: Some(self.run.name()),
            command: self.about.command.clone(),
            mode: self.about.options.mode.as_str().to_owned(),
            exit_code: code as u8,
            source: self.about.source.clone(),
            requests: session.client.stats().into(),
            started_at: self.started.to_string(),
            seconds: self.started.duration_until(Timestamp::now()).as_secs_f64(),
            ..Summary::default()
        }
        .with_tally(self.plan.tally)
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
