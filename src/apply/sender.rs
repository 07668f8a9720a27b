//! The threads that send: each takes a job, settles it and says what came of it.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use crossbeam_channel::{Receiver, Sender};

use super::{feed::Job, settle::Settler};
use crate::{
    api::{ApiError, Client},
    crash::{self, Point},
    progress::Monitor,
    run::BatchOutcome,
};

/// What a sender has to say of a batch.
pub(super) enum Report {
    /// It is settled.
    Settled {
        outcome: BatchOutcome,
        contacts: u64,
    },
    /// It surely never left: it is *planned* again.
    Released { no: u64, error: Option<ApiError> },
    /// The API can't be used any more, and nobody knows what came of it: it stays *sending*.
    Unsettled { error: Option<ApiError> },
    /// The server breaks down on it, and nobody knows whose fault that is: it stays *sending*.
    Doubtful(Box<Job>),
    /// Its sender panicked: it stays *sending*.
    Panicked,
}

/// Sends jobs, one after the other.
pub(super) struct SenderThread {
    pub(super) client: Arc<Client>,
    pub(super) monitor: Arc<dyn Monitor>,
    pub(super) check_stale: bool,
    /// Is what this run sends all that an earlier one has left, and little?
    pub(super) is_rest: bool,
    pub(super) jobs: Receiver<Job>,
    pub(super) reports: Sender<Report>,
}

impl SenderThread {
    /// Sends jobs until there are no more; after a stop or a failure those that are left are given back.
    pub(super) fn run(&self) {
        let mut broken = false;
        for job in &self.jobs {
            let report = if broken || self.monitor.stop_requested().is_some() {
                give_back(&job, None)
            } else {
                panic::catch_unwind(AssertUnwindSafe(|| self.send(job))).unwrap_or(Report::Panicked)
            };
            broken |= matches!(
                report,
                Report::Unsettled { error: Some(_) }
                    | Report::Released { error: Some(_), .. }
                    | Report::Panicked
            );
            if self.reports.send(report).is_err() {
                break;
            }
        }
    }

    fn send(&self, mut job: Job) -> Report {
        let mut settler = Settler::new(&self.client, job.batch.no, job.batch.action);
        settler.remember(job.since, self.is_rest);
        let result = self.settle(&job, &mut settler);
        job.since = settler.since();
        match result {
            Ok(()) => match settler.into_outcome() {
                Some(outcome) => {
                    crash::point(Point::Settled);
                    Report::Settled {
                        outcome,
                        contacts: job.batch.count as u64,
                    }
                }
                None => Report::Doubtful(Box::new(job)),
            },
            Err(error) if !settler.has_sent() => give_back(&job, Some(error)),
            Err(error) => Report::Unsettled { error: Some(error) },
        }
    }

    fn settle(&self, job: &Job, settler: &mut Settler<'_>) -> Result<(), ApiError> {
        if self.check_stale && !job.expected.is_empty() {
            let fresh = settler.leave_out_stale(&job.parcel, &job.expected)?;
            return if job.batch.unknown {
                settler.resume(&fresh)
            } else {
                settler.send(&fresh)
            };
        }
        if job.batch.unknown {
            settler.resume(&job.parcel)
        } else {
            settler.send(&job.parcel)
        }
    }
}

/// A batch that is not sent after all is *planned* again, unless an earlier run may have sent it.
fn give_back(job: &Job, error: Option<ApiError>) -> Report {
    if job.batch.unknown {
        Report::Unsettled { error }
    } else {
        Report::Released {
            no: job.batch.no,
            error,
        }
    }
}
