//! `undo`: puts back what a run changed. A plan like any other, so the sending is `apply`'s.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{
    Context,
    about::{About, Compared, working_directory},
    confirm::confirm,
    console::shown,
    making::{Made, make_run},
    session::Session,
};
use crate::{
    cli::UndoArgs,
    contact::ChatType,
    error::{Error, ExitCode},
    plan::{
        Mode, Plan, PlanContext, PlanOptions,
        undo::{self, Losses},
    },
    report::{rejects, summary::SourceSummary},
    run::{RunFile, State, store::Lock},
    wording::counted,
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &UndoArgs) -> Result<ExitCode, Error> {
    rejects::check_asked(args.rejects.as_deref())?;
    let session = context.session()?;
    let store = context.store()?;
    let _account_lock = session.lock(&store, args.turn.wait)?;
    let path = store.find(&args.run);
    let of = RunFile::open(&path)?;
    let _run_lock = Lock::run(&path)?;
    let about = check(&of, &session)?;
    let file = format!("undo-{}.run", of.name());
    let rejects_path = rejects::choose(args.rejects.as_deref(), Path::new(&file), of.path())?;
    about.check_rejects(&rejects_path, &of)?;
    let undoing = Undoing {
        context,
        session: &session,
        of: &of,
        force: args.force,
        rejects: rejects_path,
    };
    let made = undoing.make()?;
    if is_empty(&made) && made.rejected == 0 {
        return nothing_left(context, &session, made);
    }
    let made = made.shown(context, &session, args.yes && !args.dry_run)?;
    if args.dry_run {
        return made.end_dry_run(context, &session);
    }
    if let Err(no) = confirm(context, args.yes || is_empty(&made), "Put all this back?") {
        made.forget()?;
        return Err(no);
    }
    made.send(context, &session)
}

/// Is there nothing to send?
const fn is_empty(made: &Made) -> bool {
    let planned = made.plan.tally.plan;
    planned.create + planned.update + planned.delete == 0
}

/// Everything is as it was before the run: another run would only be one more to look at.
fn nothing_left(context: &Context, session: &Session, made: Made) -> Result<ExitCode, Error> {
    let mut summary = made.forecast(session, ExitCode::Done)?;
    (summary.run, summary.files.run) = (None, None);
    context.console.section("warnings", &made.warnings);
    made.forget()?;
    context.console.summary(&summary, "nothing is left to undo");
    Ok(ExitCode::Done)
}

/// Can the run be undone with this token? Gives how it was made.
fn check(of: &RunFile, session: &Session) -> Result<About, Error> {
    let about = About::of(of, "it changed nothing")?;
    about.check_account(session, of)?;
    Ok(about)
}

struct Undoing<'a> {
    context: &'a Context,
    session: &'a Session,
    of: &'a RunFile,
    force: bool,
    rejects: PathBuf,
}

impl Undoing<'_> {
    fn make(&self) -> Result<Made, Error> {
        let started = Timestamp::now();
        let about = self.about(started);
        let path = self
            .context
            .store()?
            .new_path(&format!("undo-{}", self.of.name()));
        let (run, lock, (plan, losses)) = make_run(&path, |run| self.fill(run, &about))?;
        Ok(Made {
            run,
            _lock: lock,
            started,
            warnings: self.warnings(losses)?,
            staged: None,
            about,
            rejected: plan.tally.rows.rejected,
            plan,
        })
    }

    fn about(&self, planned_at: Timestamp) -> About {
        About {
            command: "undo".to_owned(),
            account: self.session.account.clone(),
            options: PlanOptions {
                mode: Mode::Undo,
                // What is put back is all that the contact had: to `verify`, other chats are a difference.
                cleared: ChatType::ALL.to_vec(),
                ..PlanOptions::default()
            },
            source: SourceSummary {
                path: self.of.path().display().to_string(),
                ..SourceSummary::default()
            },
            rejects: self.rejects.clone(),
            directory: working_directory(),
            planned_at,
            compared: Compared::Account,
            writes_before: self.context.writes(self.session),
        }
    }

    fn fill(&self, run: &RunFile, about: &About) -> Result<(Plan, Losses), Error> {
        run.set_meta("about", about)?;
        let context = PlanContext {
            run,
            account: self.session.reader(),
            options: &about.options,
            digests: None,
        };
        Ok(undo::undo(&context, self.of, self.force)?)
    }

    /// What can't be put back, before anything is.
    fn warnings(&self, losses: Losses) -> Result<Vec<String>, Error> {
        let mut warnings = Vec::new();
        if losses.left_alone > 0 {
            warnings.push(format!(
                "{} left alone, see {}",
                counted(losses.left_alone, "contact"),
                shown(&self.rejects)
            ));
        }
        if losses.links > 0 {
            warnings.push(format!(
                "{} (uri) can't be put back: the API never showed what was there",
                counted(losses.links, "link")
            ));
        }
        if self.of.standing()? == State::Sealed {
            warnings.push(format!(
                "run {} is not finished: what it has not sent is not looked at, and `apply` would still send it",
                self.of.name()
            ));
        }
        Ok(warnings)
    }
}
