//! The sender threads: each takes jobs, settles them and reports the outcome.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use crossbeam_channel::{Receiver, Sender};

use super::{open_batches::BatchJob, settle::Settler, state::SenderState};
use crate::{
    api::{ApiError, Client},
    crash::{self, Point},
    progress::Monitor,
    run::BatchOutcome,
};

/// A sender's report on a batch.
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

pub(super) struct SenderThread {
    pub(super) state: Arc<SenderState>,
    pub(super) client: Arc<Client>,
    pub(super) monitor: Arc<dyn Monitor>,
    /// True if this run only sends a few contacts that an earlier one left unknown.
    pub(super) is_rest: bool,
    pub(super) jobs: Receiver<BatchJob>,
    pub(super) reports: Sender<SenderReport>,
}

impl SenderThread {
    /// Sends jobs until there are no more. Returns the remaining ones after a stop or a failure.
    pub(super) fn run(&self) {
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
        let mut settler = Settler::new(&self.client, &self.state, &job, self.is_rest);
        let result = settler.settle(&job);
        job.since = settler.failing_since();
        job.batch.unknown |= settler.may_be_done();
        match result {
            Ok(()) if settler.is_unexplained() => {
                let (settled, put_off) = settler.into_settled();
                if let Some(settled) = &settled {
                    job.leave_out(settled);
                }
                SenderReport::Unexplained {
                    job: Box::new(job),
                    put_off,
                    settled,
                }
            }
            Ok(()) => {
                let (outcome, contacts) = settler.into_outcome(&job.payload);
                crash::point(Point::Settled);
                SenderReport::Settled {
                    outcome,
                    contacts: contacts as u64,
                }
            }
            Err(error) if !settler.has_sent() => give_back(&job, Some(error)),
            Err(error) => SenderReport::Unsettled {
                error: Some(error),
                settled: settler.into_settled().0,
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
