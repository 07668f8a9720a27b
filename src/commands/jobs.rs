//! `jobs`: runs commands for many accounts concurrently in one process.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{
    Context,
    conclusion::{advice_to_job, finish},
    history::record_unbegun,
    watched::Watched,
};
use crate::{
    cli::{Command, JobsArgs},
    console::Console,
    error::{Error, ExitCode},
    jobs::{self, Job, JobResult, JobsSummary, run_all},
    signals::Signals,
    terminal::LiveLines,
    wording::{Started, duration},
};

type Dispatch = fn(&mut Context, Command) -> Result<ExitCode, Error>;

/// Runs the command. Exits with the worst exit code of the jobs.
pub(super) fn run(
    context: &Context,
    args: &JobsArgs,
    dispatch: Dispatch,
) -> Result<ExitCode, Error> {
    let started = Started::now();
    let console = context.console;
    console.print_results();
    let jobs = jobs::read(&args.file, &context.settings.common)?;
    let jobs = jobs::select(jobs, &args.jobs, args.shard)?;
    if args.dry_run {
        show_commands(console, &jobs);
        return Ok(ExitCode::Done);
    }
    context.signals.begin_work();
    let runner = JobRunner {
        dispatch,
        quiet: console.is_quiet(),
        signals: context.signals.clone(),
        live: LiveLines::new(),
        count: jobs.len(),
        ended: AtomicUsize::new(0),
    };
    let results = run_all(
        jobs,
        args.parallel.into(),
        |job| &job.turns,
        |job| runner.run(job),
    );
    let (summary, worst) = JobsSummary::new(results, started);
    if !console.wants_json() && !console.is_quiet() && !summary.is_empty() {
        console.table(&JobsSummary::HEADINGS, &summary.rows())?;
    }
    console.summary(&summary, &summary.totals());
    Ok(worst)
}

fn show_commands(console: &Console, jobs: &[Job]) {
    let line = |job: &Job| format!("{:<20}  {}", job.name, job.shown());
    let lines: Vec<_> = jobs.iter().map(line).collect();
    let object = |job: &Job| json!({ "job": job.name, "profile": job.settings.profile_name, "command_line": job.shown() });
    let objects: Vec<_> = jobs.iter().map(object).collect();
    console.summary(
        &json!({ "command": "jobs", "exit_code": 0, "jobs": objects }),
        &lines.join("\n"),
    );
}

/// Runs jobs with a shared context.
struct JobRunner {
    dispatch: Dispatch,
    quiet: bool,
    signals: Signals,
    live: LiveLines,
    /// Number of jobs, and of finished ones.
    count: usize,
    ended: AtomicUsize,
}

impl JobRunner {
    /// Runs a job. Failures don't affect other jobs.
    fn run(&self, mut job: Job) -> JobResult {
        let watched = Watched::new(&job.command, Some(job.name.clone()));
        let _span = watched.span().entered();
        let console = Console::of_job(self.quiet, self.live.of_job(&job.name));
        let stopped = self.signals.stop_requested();
        let ended = match stopped {
            Some(reason) => Err(Error::Interrupted(reason)),
            None => Error::catch_panic(|| self.execute(&mut job, &console, &watched)),
        };
        let (ended, summary) = finish(&console, &watched, ended);
        watched.end(&console, &ended);
        let code = ended.as_ref().map_or_else(Error::exit_code, |code| *code);
        let outcome = match stopped {
            Some(_) => "not started",
            None => jobs::outcome(&job.command, code),
        };
        let number = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
        if stopped.is_none() {
            if let Err(error) = &ended {
                advice_to_job(error).for_each(|line| console.say_always(&line));
            }
            let time = duration(watched.started.seconds());
            console.say(&format!("{outcome} in {time}, {number} of {}", self.count));
        }
        JobResult {
            summary,
            profile: job.settings.profile_word().to_owned(),
            job: job.name,
            command: job.command,
            outcome,
            exit_code: code as u8,
            seconds: watched.started.seconds(),
            code,
        }
    }

    fn execute(
        &self,
        job: &mut Job,
        console: &Console,
        watched: &Watched,
    ) -> Result<ExitCode, Error> {
        let armed = watched.arm(&job.watch, None);
        watched.configure(&job.settings).and(armed)?;
        let (settings, signals) = (job.settings.clone(), self.signals.clone());
        let mut context = Context::new(settings, console, watched, signals, String::new());
        let sources = job.sources().inspect_err(|error| {
            if let Some(mode) = job.recorded_mode {
                record_unbegun(&context, mode, job.patterns.join(", "), error);
            }
        })?;
        let command;
        (command, context.command_line) = job.command(&sources)?;
        (self.dispatch)(&mut context, command)
    }
}
