//! `apply`: sends what is left of a run. Also what `import` ends with.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Context, about::About, confirm::confirm, console::shown, resume, session::Session};
use crate::{
    apply::{self, ApplyOptions},
    cli::ApplyArgs,
    crash::{self, Point},
    error::{Error, ExitCode},
    memory::{RejectsFiles, digest},
    report::{rejects, summary::Summary},
    run::{RunError, RunFile, StagedSource, State, Tally, store::Lock},
    wording::counted,
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &ApplyArgs) -> Result<ExitCode, Error> {
    let started = Timestamp::now();
    let Some(path) = find(context, args)? else {
        say_nothing_is_left(context, started);
        return Ok(ExitCode::Done);
    };
    let lock = Lock::run(&path)?;
    let run = RunFile::open(&path)?;
    let about = check(context, args, &run)?;
    if run.state()? == State::Done {
        return report_again(context, args, &run, &about, started);
    }
    rejects::check_writable(&about.rejects)?;
    let session = context.session()?;
    let _lock = (lock, session.lock(&context.store()?, args.turn.wait)?);
    about.check_account(&session, &run)?;
    confirm_deletes(context, args, &run)?;
    for path in changed_sources(&run, &about)? {
        context.console.say(&format!(
            "{path} changed since it was planned; the plan is sent, not the changed file"
        ));
    }
    let check_stale = is_to_be_looked_at(context, args, &session, (&run, &about))?;
    send(&Applying {
        context,
        session: &session,
        run: &run,
        about: &about,
        started,
        check_stale,
        held: false,
    })
}

fn say_nothing_is_left(context: &Context, started: Timestamp) {
    context.console.say(&format!(
        "nothing is left to send: there is no unfinished run in {}; if a run file is elsewhere, name it",
        context.settings.state_directory.join("runs").display()
    ));
    let nothing = Summary {
        command: "apply".to_owned(),
        started_at: started.to_string(),
        ..Summary::default()
    };
    context.console.summary(&nothing, "");
}

/// Is the run whole and fit to be gone on with? Gives how it was made, with the rejects where they are wanted now.
fn check(context: &Context, args: &ApplyArgs, run: &RunFile) -> Result<About, Error> {
    let mut about = About::of(
        run,
        "import its source again, which sends only what differs \
         (a copy of a run that was interrupted needs the file with -wal beside it as well)",
    )?;
    if args.run.is_none() {
        let source = &about.source.path;
        context
            .console
            .say(&format!("continuing run {} ({source})", run.name()));
    }
    run.check()?;
    if let Some(rejects) = &args.rejects {
        about.rejects = rejects::resolve(rejects)?;
        about.check_rejects(&about.rejects, run)?;
    }
    Ok(about)
}

/// Has each contact to be looked at before it is sent, because somebody may have changed it since the plan was made?
fn is_to_be_looked_at(
    context: &Context,
    args: &ApplyArgs,
    session: &Session,
    (run, about): (&RunFile, &About),
) -> Result<bool, Error> {
    let is_overtaken = context.is_overtaken(session, run, about.writes_before)?;
    if args.force || !(is_overtaken || about.age() > args.stale_after) {
        return Ok(false);
    }
    if is_overtaken {
        context.console.say(
            "another run has written to this account since the plan was made: each contact is looked up before it is sent",
        );
    }
    let blind = run.blind_updates()?;
    if blind > 0 {
        context.console.say(&format!(
            "{} planned without looking at the account: what others changed there since is not found out",
            counted(blind, "update")
        ));
    }
    Ok(true)
}

/// The run that was named, or the last unfinished one.
fn find(context: &Context, args: &ApplyArgs) -> Result<Option<PathBuf>, Error> {
    let store = context.store()?;
    let Some(run) = &args.run else {
        let (found, unreadable) = store.last_unfinished()?;
        let unreadable: Vec<_> = unreadable.iter().map(ToString::to_string).collect();
        context
            .console
            .section("newer runs that can't be read", &unreadable);
        return Ok(found);
    };
    let path = store.find(run);
    match path.metadata() {
        Ok(_) => Ok(Some(path)),
        Err(source) => Err(RunError::Io { path, source }.into()),
    }
}

/// The sources that are still where they were and are not what was planned any more.
fn changed_sources(run: &RunFile, about: &About) -> Result<Vec<String>, Error> {
    let mut sources = run.sources()?;
    sources.dedup_by(|a, b| a.path == b.path);
    Ok(sources
        .into_iter()
        .filter(|source| !source.blake3.is_empty() && is_changed(source, &about.place_of(source)))
        .map(|source| source.path)
        .collect())
}

/// Only a file can be looked at again: who reads a pipe or a terminal waits, and takes what was meant for others.
fn is_changed(source: &StagedSource, path: &Path) -> bool {
    let Ok(data) = path.metadata() else {
        return false;
    };
    let is_another = || digest(path).is_ok_and(|found| found != source.blake3);
    data.is_file() && (data.len() != source.bytes || is_another())
}

fn confirm_deletes(context: &Context, args: &ApplyArgs, run: &RunFile) -> Result<(), Error> {
    let delete = run.removal_count()?;
    let question = format!("Delete {}?", counted(delete, "contact"));
    confirm(context, args.yes || delete == 0, &question)
}

/// A run that is done: what came of it. Its rejects are written only where somebody asks for them, for the file
/// of that time may be in repair.
fn report_again(
    context: &Context,
    args: &ApplyArgs,
    run: &RunFile,
    about: &About,
    started: Timestamp,
) -> Result<ExitCode, Error> {
    let console = context.console;
    console.say(&format!(
        "nothing is left to send: run {} is done",
        run.name()
    ));
    let tally = run.tally()?;
    let rejects = if args.rejects.is_some() {
        write_rejects(context, run, about)?.path
    } else {
        rejects::find(run, &about.rejects)?
    };
    let rejected = tally.rows.rejected + tally.done.failed > 0;
    let code = code_of(&tally);
    let mut summary = about.summary(run, started, tally);
    summary.exit_code = code as u8;
    summary.files.rejects = rejected.then(|| shown(&rejects));
    console.summary(&summary, &summary.to_string());
    Ok(code)
}

/// Writes the rejects, and says so where they are not where they were asked for.
pub(super) fn write_rejects(
    context: &Context,
    run: &RunFile,
    about: &About,
) -> Result<rejects::Written, Error> {
    let memory = RejectsFiles::of(&context.settings.state_directory);
    let written = rejects::write(run, &about.rejects, &memory)?;
    if written.count > 0 && written.path != about.rejects {
        context.console.say(&format!(
            "{} was edited or was not written by this tool, so it was left alone; the rejects are in {}",
            shown(&about.rejects),
            shown(&written.path)
        ));
    }
    if written.count > 0 {
        context
            .console
            .say_where_rejects_are(written.count, &written.path);
    }
    Ok(written)
}

/// Names the first contacts that were to be deleted and are still there.
fn tell_failed_removals(context: &Context, run: &RunFile) -> Result<(), RunError> {
    const SHOWN: usize = 20;
    let failed = run.failed_removals(SHOWN as u64 + 1)?;
    let shown = failed.iter().take(SHOWN);
    let mut lines: Vec<_> = shown
        .map(|(id, reason)| format!("{id}  {reason}"))
        .collect();
    if failed.len() > lines.len() {
        lines.push(format!(
            "… all of them: wazzup-contacts runs show {}",
            resume::named(run)
        ));
    }
    context.console.section("not deleted", &lines);
    Ok(())
}

fn code_of(tally: &Tally) -> ExitCode {
    if tally.unfinished() {
        ExitCode::Failed
    } else if tally.rows.rejected + tally.done.failed > 0 {
        ExitCode::Rejected
    } else {
        ExitCode::Done
    }
}

/// What it takes to send a sealed run.
pub(super) struct Applying<'a> {
    pub context: &'a Context,
    pub session: &'a Session,
    pub run: &'a RunFile,
    pub about: &'a About,
    pub started: Timestamp,
    pub check_stale: bool,
    /// Was the account locked since the plan was made?
    pub held: bool,
}

/// Sends what is left, writes the rejects, prints the summary; on the way out of a failure says how to go on.
pub(super) fn send(applying: &Applying<'_>) -> Result<ExitCode, Error> {
    let Applying {
        context,
        session,
        run,
        ..
    } = applying;
    let options = ApplyOptions {
        threads: session.threads,
        window: session.window,
        check_stale: applying.check_stale,
        grace: session.grace,
        resume: resume::command(context, run)?,
    };
    let sent = context
        .forget_written(session, run, applying.about.compared)
        .and_then(|()| {
            Ok(apply::apply(
                run,
                &session.client,
                options.clone(),
                &session.monitor,
            )?)
        });
    let ending = Ending {
        failure: sent.err(),
    };
    match run.tally() {
        Ok(tally) => ending.conclude(applying, tally),
        Err(error) => {
            context.console.say_how_to_go_on(&options.resume);
            Err(ending.failure.unwrap_or(error.into()))
        }
    }
}

/// The end of a run. Every step is tried whatever became of the ones before it, and the first failure is told.
struct Ending {
    failure: Option<Error>,
}

impl Ending {
    fn note(&mut self, result: Result<(), Error>) {
        if let Err(error) = result {
            self.failure.get_or_insert(error);
        }
    }

    fn conclude(mut self, applying: &Applying<'_>, tally: Tally) -> Result<ExitCode, Error> {
        let Applying {
            context,
            session,
            run,
            about,
            started,
            held,
            ..
        } = applying;
        if let Some(contradiction) = tally.contradiction() {
            self.failure = Some(Error::Counts(contradiction));
        }
        self.note(tell_failed_removals(context, run).map_err(Error::from));
        let written = write_rejects(context, run, about);
        let rejects = written.as_ref().ok().filter(|written| written.count > 0);
        let rejects = rejects.map(|written| shown(&written.path));
        self.note(written.map(drop));
        if self.failure.is_none() && !tally.unfinished() {
            self.note(context.remember_written(session, run, about, *held));
        }
        self.mark_done(run, &tally);
        let code = match &self.failure {
            Some(error) => error.exit_code(),
            None => code_of(&tally),
        };
        let mut summary = about.summary(run, *started, tally);
        summary.exit_code = code as u8;
        summary.requests = session.client.stats().into();
        summary.files.rejects = rejects;
        let goes_on = tally.unfinished() || self.failure.is_some();
        summary.resume = goes_on.then(|| resume::command(context, run)).transpose()?;
        self.note(run.set_meta("summary", &summary).map_err(Error::from));
        context.console.summary(&summary, &summary.to_string());
        if let Some(command) = &summary.resume {
            context.console.say_how_to_go_on(command);
        }
        self.failure.map_or(Ok(code), Err)
    }

    /// A run is done when nothing is left and the rejects are where they belong.
    fn mark_done(&mut self, run: &RunFile, tally: &Tally) {
        if self.failure.is_none() && !tally.unfinished() {
            crash::point(Point::Done);
            self.note(run.set_meta("state", &State::Done).map_err(Error::from));
        }
    }
}
