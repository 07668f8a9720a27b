//! Sending what a plan says, and writing down what came of it.
//!
//! ```text
//!              ┌─ this thread ─────────────────────────────┐        sender threads
//!   run file ─►│ feed: the next batches as parcels          │─jobs──► limiter → request → settle
//!            ◄─│ record: outcomes + "sending", one sync     │◄─outcomes──┘
//!              └────────────────────────────────────────────┘
//! ```
//!
//! A job goes to the senders only after its batch is *sending* on disk. One transaction records the outcomes
//! that came in meanwhile and marks the next batches, so a slow disk makes the groups larger and not the run
//! slower. The senders own nothing but the client: the run file belongs to this thread.
//!
//! A batch that the server breaks down on, with nobody to say whose fault it is, is tried once more when all the others
//! are done: what they tell may be what was missing.
//!
//! A sender that panics says so, and the run ends: its batch is *sending* on disk like all that nobody knows of.
//!
//! The senders are not scoped threads: after a stop they get the grace of the settings to finish what is in
//! flight, and then the run ends without them. Their batches are *sending* on disk, so nothing is lost.

mod feed;
mod lookup;
mod parcel;
mod sender;
mod settle;
mod suspects;

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use crate::{
    api::{ApiError, Client},
    crash::{self, Point},
    error::Error,
    progress::{Event, Monitor, Phase, StopReason},
    run::{BatchOutcome, Fate, RunFile, Tally},
};
use feed::{Feed, Job};
use sender::{Report, SenderThread};

/// So many batches that the server breaks down on are tried once more at the end. More are not a contact's fault.
const RETRIALS_MAX: usize = 16;

/// So few contacts that an earlier run has left are to blame themselves where everything else of the run arrived.
const REST_MAX: u64 = 8;

/// How often the conductor looks whether somebody asked for the end.
const POLL: Duration = Duration::from_millis(100);

/// How to send.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// Requests in flight at most.
    pub threads: usize,
    /// Batches that are marked *sending* at most: more make the syncs fewer, and more to look up after a crash.
    pub window: usize,
    /// Look each contact up before it is updated or deleted, and leave out those that changed since the plan.
    pub check_stale: bool,
    /// How long what is in flight may take after somebody asked for the end.
    pub grace: Duration,
    /// The command that goes on where this is ended, as people type it.
    pub resume: String,
}

/// Sends what is left of a sealed run. That it is done is for the caller to say, who has the rejects to write.
pub fn apply(
    run: &RunFile,
    client: &Arc<Client>,
    options: ApplyOptions,
    monitor: &Arc<dyn Monitor>,
) -> Result<Tally, Error> {
    let before = run.tally()?;
    monitor.begin(
        Phase::Sending,
        Some(before.done.not_attempted + before.done.unknown),
    );
    let mut conductor = Conductor::start(run, client, options, monitor, is_rest(&before));
    let result = conductor.run();
    monitor.end();
    result?;
    let tally = run.tally()?;
    if let Some(contradiction) = tally.contradiction() {
        return Err(Error::Counts(contradiction));
    }
    Ok(tally)
}

/// Is all that is left unknown, and little, while others arrived?
const fn is_rest(before: &Tally) -> bool {
    let done = &before.done;
    done.not_attempted == 0
        && done.unknown <= REST_MAX
        && done.created + done.updated + done.deleted > 0
}

struct Conductor<'a> {
    feed: Feed<'a>,
    run: &'a RunFile,
    client: Arc<Client>,
    monitor: &'a dyn Monitor,
    window: usize,
    grace: Duration,
    resume: String,
    jobs: Option<Sender<Job>>,
    /// The senders' end of `jobs`, to take back what none of them has begun.
    queue: Receiver<Job>,
    reports: Receiver<Report>,
    in_flight: usize,
    exhausted: bool,
    /// Batches that the server breaks down on.
    doubtful: Vec<Job>,
    failure: Option<ApiError>,
    died: bool,
    stopped: Option<(StopReason, Instant)>,
}

impl<'a> Conductor<'a> {
    fn start(
        run: &'a RunFile,
        client: &Arc<Client>,
        options: ApplyOptions,
        monitor: &'a Arc<dyn Monitor>,
        is_rest: bool,
    ) -> Self {
        let window = options.window.max(options.threads);
        let (jobs, to_send) = bounded::<Job>(window);
        let (to_record, reports) = unbounded();
        for _ in 0..options.threads.max(1) {
            let sender = SenderThread {
                client: Arc::clone(client),
                monitor: Arc::clone(monitor),
                check_stale: options.check_stale,
                is_rest,
                jobs: to_send.clone(),
                reports: to_record.clone(),
            };
            thread::spawn(move || sender.run());
        }
        Self {
            feed: Feed::new(run, options.check_stale),
            run,
            client: Arc::clone(client),
            monitor: &**monitor,
            window,
            grace: options.grace,
            resume: options.resume,
            jobs: Some(jobs),
            queue: to_send,
            reports,
            in_flight: 0,
            exhausted: false,
            doubtful: Vec::new(),
            failure: None,
            died: false,
            stopped: None,
        }
    }

    fn run(&mut self) -> Result<(), Error> {
        let result = self.conduct();
        if result.is_err() {
            // What nobody can record any more is better not sent.
            self.jobs = None;
            while self.queue.try_recv().is_ok() {}
        }
        result
    }

    fn conduct(&mut self) -> Result<(), Error> {
        loop {
            let reports = self.listen();
            let next = self.next_jobs()?;
            self.record(reports, next)?;
            if self.in_flight == 0 && self.exhausted {
                let again = self.retrials();
                self.record(Vec::new(), again)?;
            }
            if self.in_flight == 0 && (self.exhausted || self.jobs.is_none()) {
                break;
            }
            if self
                .stopped
                .is_some_and(|(_, since)| since.elapsed() > self.grace)
            {
                break;
            }
        }
        match (self.failure.take(), self.stopped) {
            (_, Some((reason, _))) => Err(Error::Interrupted(reason)),
            (Some(error), None) => Err(error.into()),
            (None, None) if self.died => Err(Error::SendersDied),
            (None, None) => Ok(()),
        }
    }

    /// Everything that the senders have to say by now; waits where there is nothing else to do.
    fn listen(&mut self) -> Vec<Report> {
        if self.stopped.is_none()
            && let Some(reason) = self.monitor.stop_requested()
        {
            self.stopped = Some((reason, Instant::now()));
            self.jobs = None;
            if self.in_flight > 0 {
                self.monitor.event(Event::Notice(format!(
                    "stopping: what is in flight has {} s to end; asking again ends at once, and then this goes on: {}",
                    self.grace.as_secs(),
                    self.resume
                )));
            }
        }
        let mut reports = Vec::new();
        let idle = self.jobs.is_none() || self.exhausted || self.in_flight >= self.window;
        if self.in_flight > 0 && idle {
            match self.reports.recv_timeout(POLL) {
                Ok(report) => reports.push(report),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.senders_died(),
            }
        }
        reports.extend(self.reports.try_iter());
        reports
    }

    /// Every sender has panicked: their batches stay *sending*.
    fn senders_died(&mut self) {
        self.in_flight = 0;
        self.jobs = None;
        self.died = true;
    }

    fn next_jobs(&mut self) -> Result<Vec<Job>, Error> {
        let free = self.window.saturating_sub(self.in_flight);
        if self.jobs.is_none() || self.exhausted || free == 0 {
            return Ok(Vec::new());
        }
        let jobs = self.feed.next(free)?;
        self.exhausted = jobs.len() < free;
        Ok(jobs)
    }

    /// The doubtful batches behind which something was accepted since.
    fn retrials(&mut self) -> Vec<Job> {
        let is_too_much = self.doubtful.len() > RETRIALS_MAX;
        let doubtful = std::mem::take(&mut self.doubtful);
        let doubtful = doubtful.into_iter().filter(|_| !is_too_much);
        let heard = doubtful.filter(|job| {
            let accepted = self.client.last_accepted(job.batch.action);
            job.since.is_before(accepted)
        });
        heard.take(self.window).collect()
    }

    /// One transaction: what came of batches, and that the next ones are being sent. Then sends them.
    fn record(&mut self, reports: Vec<Report>, next: Vec<Job>) -> Result<(), Error> {
        let (mut outcomes, mut released, mut contacts) = (Vec::new(), Vec::new(), 0);
        self.in_flight -= reports.len();
        for report in reports {
            match report {
                Report::Settled {
                    outcome,
                    contacts: count,
                } => {
                    contacts += count;
                    outcomes.push(outcome);
                }
                Report::Released { no, error } => {
                    released.push(no);
                    self.fail(error);
                }
                Report::Unsettled { error } => self.fail(error),
                Report::Doubtful(job) => self.doubt(*job),
                Report::Panicked => {
                    self.jobs = None;
                    self.died = true;
                }
            }
        }
        // After a failure nothing more leaves, and what does not leave is not *sending*.
        let next = if self.jobs.is_some() {
            next
        } else {
            Vec::new()
        };
        let batches: Vec<_> = next.iter().map(|job| job.batch.clone()).collect();
        crash::point(Point::Record);
        self.run.record(&outcomes, &released, &batches)?;
        crash::point(Point::Recorded);
        self.tell(&outcomes, contacts);
        self.in_flight += next.len();
        for job in next {
            match &self.jobs {
                // The window is no larger than the channel, so this never waits.
                Some(jobs) if jobs.send(job).is_ok() => {}
                _ => self.in_flight -= 1,
            }
        }
        Ok(())
    }

    /// Keeps a batch to be tried again, unless this was that.
    fn doubt(&mut self, mut job: Job) {
        if !job.is_retrial && self.doubtful.len() <= RETRIALS_MAX {
            (job.is_retrial, job.batch.unknown) = (true, true);
            self.doubtful.push(job);
        }
    }

    fn fail(&mut self, error: Option<ApiError>) {
        if let Some(error) = error {
            self.jobs = None;
            self.failure.get_or_insert(error);
        }
    }

    fn tell(&self, outcomes: &[BatchOutcome], contacts: u64) {
        if contacts > 0 {
            self.monitor.advance(contacts);
        }
        let failed = |outcome: &BatchOutcome| {
            outcome
                .exceptions
                .iter()
                .filter(|exception| matches!(exception.fate, Fate::Failed | Fate::Stale))
                .count()
        };
        let failed: usize = outcomes.iter().map(failed).sum();
        if failed > 0 {
            self.monitor.event(Event::Rejected(failed as u64));
        }
    }
}
