//! The sender threads: each takes jobs, settles them and reports the outcome. They start as jobs need them.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use tracing::Span;

use super::{open_batches::BatchJob, replies::ReplyHandler, settle::Settler, state::SenderState};
use crate::{
    api::{ApiError, Client},
    crash::{self, Point},
    progress::Monitor,
    run::BatchOutcome,
};

pub(super) enum SenderReport {
    Settled {
        outcome: BatchOutcome,
        contacts: u64,
    },
    /// It was never sent, and becomes *planned* again.
    Released { no: u64, error: Option<ApiError> },
    /// The API is unusable and the outcome unknown, so it stays *sending*, except for settled contacts.
    Unsettled {
        error: Option<ApiError>,
        settled: Option<BatchOutcome>,
    },
    /// The server fails on it for an unknown reason, or it was put off because of this error. It stays *sending*,
    /// except for settled contacts, which the job no longer has.
    Unexplained {
        job: Box<BatchJob>,
        put_off: Option<ApiError>,
        settled: Option<BatchOutcome>,
    },
    /// Its sender panicked. It stays *sending*.
    Panicked,
}

pub(super) struct SenderPool {
    /// Copied for each thread.
    sender: SenderThread,
    threads: usize,
    /// `None` if no other jobs are to be sent.
    jobs: Option<Sender<BatchJob>>,
    reports: Receiver<SenderReport>,
    in_flight: usize,
}

impl SenderPool {
    pub(super) fn new(
        state: Arc<SenderState>,
        client: Arc<Client>,
        monitor: Arc<dyn Monitor>,
    ) -> Self {
        let (jobs, queue) = unbounded();
        let (reports, received) = unbounded();
        Self {
            sender: SenderThread {
                state,
                client,
                monitor,
                jobs: queue,
                reports,
            },
            threads: 0,
            jobs: Some(jobs),
            reports: received,
            in_flight: 0,
        }
    }

    /// The number of jobs without a report.
    pub(super) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Passes jobs to the threads, and starts as many as the client has requests in flight.
    pub(super) fn send(&mut self, next: Vec<BatchJob>) {
        for job in next {
            let is_sent = |jobs: &Sender<BatchJob>| jobs.send(job).is_ok();
            self.in_flight += usize::from(self.jobs.as_ref().is_some_and(is_sent));
        }
        let wanted = self.sender.client.concurrency().min(self.in_flight);
        while self.threads < wanted {
            self.threads += 1;
            let (sender, span) = (self.sender.clone(), Span::current());
            thread::spawn(move || span.in_scope(|| sender.run()));
        }
    }

    /// Waits until this number of reports has arrived, or this time has passed, and returns all of them.
    pub(super) fn reports(&mut self, wanted: usize, longest: Duration) -> Vec<SenderReport> {
        let mut reports = Vec::new();
        let deadline = Instant::now() + longest;
        while reports.len() < wanted
            && let Ok(report) = self.reports.recv_deadline(deadline)
        {
            reports.push(report);
        }
        reports.extend(self.reports.try_iter());
        self.in_flight -= reports.len();
        reports
    }

    pub(super) fn close(&mut self) {
        self.jobs = None;
    }

    pub(super) const fn are_closed(&self) -> bool {
        self.jobs.is_none()
    }

    /// Takes back the jobs that no thread has started, and accepts no others.
    pub(super) fn withdraw(&mut self) {
        self.close();
        while self.sender.jobs.try_recv().is_ok() {}
    }
}

#[derive(Clone)]
struct SenderThread {
    state: Arc<SenderState>,
    client: Arc<Client>,
    monitor: Arc<dyn Monitor>,
    jobs: Receiver<BatchJob>,
    reports: Sender<SenderReport>,
}

impl SenderThread {
    /// Sends jobs until there are no more. Returns the remaining ones after a stop or a failure.
    fn run(&self) {
        let mut broken = false;
        for job in &self.jobs {
            let is_stopped = self.monitor.stop_requested().is_some();
            let report = if broken || is_stopped || self.state.is_over() {
                give_back(&job, None)
            } else {
                panic::catch_unwind(AssertUnwindSafe(|| self.send(job)))
                    .unwrap_or(SenderReport::Panicked)
            };
            broken |= matches!(
                report,
                SenderReport::Unsettled { error: Some(_), .. }
                    | SenderReport::Released { error: Some(_), .. }
                    | SenderReport::Panicked
            );
            if self.reports.send(report).is_err() {
                break;
            }
        }
    }

    fn send(&self, mut job: BatchJob) -> SenderReport {
        let _span = tracing::error_span!("batch", batch = job.batch.no).entered();
        let replies = ReplyHandler::new(&self.client, &self.state, &job);
        let mut settler = Settler::new(replies);
        let result = settler.settle(&job);
        let ReplyHandler {
            outcome,
            diagnosis,
            has_sent,
            ..
        } = settler.replies;
        job.since = diagnosis.isolation.since;
        job.batch.unknown |= diagnosis.may_be_done();
        match result {
            Ok(()) if diagnosis.is_unexplained || diagnosis.put_off.is_some() => {
                let settled = outcome.into_settled();
                if let Some(settled) = &settled {
                    job.leave_out(settled);
                }
                SenderReport::Unexplained {
                    job: Box::new(job),
                    put_off: diagnosis.put_off,
                    settled,
                }
            }
            Ok(()) => {
                let (outcome, contacts) = outcome.into_outcome(&job);
                crash::point(Point::Settled);
                SenderReport::Settled {
                    outcome,
                    contacts: contacts as u64,
                }
            }
            Err(error) if !has_sent => give_back(&job, Some(error)),
            Err(error) => SenderReport::Unsettled {
                error: Some(error),
                settled: outcome.into_settled(),
            },
        }
    }
}

/// Returns an unsent batch, which becomes *planned* again unless an earlier run may have sent it.
fn give_back(job: &BatchJob, error: Option<ApiError>) -> SenderReport {
    if job.batch.unknown {
        SenderReport::Unsettled {
            error,
            settled: None,
        }
    } else {
        SenderReport::Released {
            no: job.batch.no,
            error,
        }
    }
}
