//! The thread that hands batches to the senders and records their outcomes; see [`apply`](super).

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    error::ApplyError,
    open_batches::{BatchJob, OpenBatches},
    sender::{SenderPool, SenderReport},
    state::ApplyOptions,
};
use crate::{
    api::{ApiError, Client},
    crash::{self, Point},
    progress::{Event, Monitor, StopReason},
    run::{BatchOutcome, RunFile, journal},
    traffic::RequestKind,
};

/// Number of senders for which batches are marked *sending* in advance. With more senders, there is always a batch
/// for the next one, because each group of reports is a small part of them.
const SENDERS_SERVED: usize = 8;

/// Number of batches put off at which no other is sent before one of them is diagnosed. If the server is down, this
/// ends the run while the others are still unsent.
const PUT_OFF_MAX: usize = 8;

/// Interval at which the scheduler checks whether a stop was requested.
const POLL: Duration = Duration::from_millis(100);

/// Interval at which the requests over time are recorded, which costs a sync. A killed process loses this much of
/// them.
const TRAFFIC_EVERY: Duration = Duration::from_secs(5);

/// The batches of deletes, which come last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deletes {
    NotReached,
    /// Held back until the outcome of every write is known.
    Held,
    Allowed,
}

/// Reports of senders, as they are recorded.
#[derive(Default)]
struct CollectedReports {
    outcomes: Vec<BatchOutcome>,
    /// The batches that were not sent.
    released: Vec<u64>,
    /// Number of contacts that are settled.
    contacts: u64,
}

impl CollectedReports {
    /// Adds contacts that are settled although their batch is not.
    fn add(&mut self, settled: Option<BatchOutcome>) {
        let contacts = settled.as_ref().map_or(0, |it| it.exceptions.len());
        self.contacts += contacts as u64;
        self.outcomes.extend(settled);
    }
}

pub(super) struct Scheduler<'a> {
    batches: OpenBatches<'a>,
    run: &'a RunFile,
    client: Arc<Client>,
    monitor: &'a Arc<dyn Monitor>,
    options: ApplyOptions,
    senders: SenderPool,
    exhausted: bool,
    deletes: Deletes,
    /// Batches whose failure is unexplained, to be sent once more.
    again: VecDeque<BatchJob>,
    /// The last reason for putting a batch off.
    put_off_error: Option<ApiError>,
    failure: Option<ApplyError>,
    stopped: Option<(StopReason, Instant)>,
    traffic_recorded: Instant,
}

impl<'a> Scheduler<'a> {
    pub(super) fn start(
        run: &'a RunFile,
        client: &Arc<Client>,
        options: ApplyOptions,
        monitor: &'a Arc<dyn Monitor>,
    ) -> Self {
        let state = Arc::clone(&options.state);
        Self {
            batches: OpenBatches::new(run, options.check_stale, options.chosen.clone()),
            run,
            client: Arc::clone(client),
            monitor,
            options,
            senders: SenderPool::new(state, Arc::clone(client), Arc::clone(monitor)),
            exhausted: false,
            deletes: Deletes::NotReached,
            again: VecDeque::new(),
            put_off_error: None,
            failure: None,
            stopped: None,
            traffic_recorded: Instant::now(),
        }
    }

    /// Sends every batch, up to the first failure or a stop.
    pub(super) fn run(&mut self) -> Result<(), ApplyError> {
        let result = self.send_all();
        if result.is_err() {
            // Ensures that no request is sent whose outcome can't be recorded.
            self.senders.withdraw();
        }
        result
    }

    fn send_all(&mut self) -> Result<(), ApplyError> {
        loop {
            let reports = self.collect_reports();
            let taken = self.take_in(reports);
            let next = self.next_jobs()?;
            self.record(&taken, next)?;
            if self.senders.in_flight() == 0 && (self.exhausted || self.is_held()) {
                let again = self.again.pop_front();
                self.record(&CollectedReports::default(), Vec::from_iter(again))?;
            }
            if self.senders.in_flight() == 0 && (self.exhausted || self.senders.are_closed()) {
                break;
            }
            let is_overdue = |(_, since): (_, Instant)| since.elapsed() > self.options.grace;
            if self.stopped.is_some_and(is_overdue) {
                break;
            }
        }
        self.release_put_off()?;
        if let Some((reason, _)) = self.stopped {
            return Err(ApplyError::Interrupted(reason));
        }
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Resets batches that were put off and certainly not carried out to *planned*.
    fn release_put_off(&mut self) -> Result<(), ApplyError> {
        let put_off = self.again.drain(..);
        let unsent = put_off.filter(|job| !job.batch.unknown);
        let unsent: Vec<_> = unsent.map(|job| job.batch.no).collect();
        Ok(journal::record(self.run, &[], &unsent, &[])?)
    }

    /// The reports received so far. If there is nothing else to do, waits for half of the batches marked in advance, because each
    /// recording costs a sync.
    fn collect_reports(&mut self) -> Vec<SenderReport> {
        if self.stopped.is_none()
            && let Some(reason) = self.monitor.stop_requested()
        {
            self.stopped = Some((reason, Instant::now()));
            self.senders.close();
            if self.senders.in_flight() > 0 {
                self.monitor.event(Event::Notice(format!(
                    "stopping: requests in flight have {} s to finish (interrupt again to stop immediately); to continue: {}",
                    self.options.grace.as_secs(),
                    self.options.resume
                )));
            }
        }
        let in_flight = self.senders.in_flight();
        let idle = self.senders.are_closed()
            || self.exhausted
            || self.is_held()
            || in_flight >= self.window();
        let wanted = (self.in_advance() / 2).max(1).min(in_flight);
        self.senders.reports(if idle { wanted } else { 0 }, POLL)
    }

    fn next_jobs(&mut self) -> Result<Vec<BatchJob>, ApplyError> {
        let free = self.window().saturating_sub(self.senders.in_flight());
        // Nothing is deleted before the outcome of every write is known, because refusals may stop the run.
        if self.deletes == Deletes::Held && self.senders.in_flight() == 0 && self.again.is_empty() {
            self.deletes = Deletes::Allowed;
        }
        if self.senders.are_closed() || self.exhausted || self.is_held() || free == 0 {
            return Ok(Vec::new());
        }
        // In one transaction, because SQLite would otherwise lock the file for each batch.
        let may_delete = self.deletes == Deletes::Allowed;
        let next = self
            .run
            .transaction(|| self.batches.next(free, may_delete))?;
        if next.are_deletes_held {
            self.deletes = Deletes::Held;
        }
        self.exhausted = next.is_last;
        Ok(next.jobs)
    }

    /// True if other batches must have their outcome before the next one is sent.
    fn is_held(&self) -> bool {
        self.deletes == Deletes::Held || self.again.len() >= PUT_OFF_MAX
    }

    /// Records outcomes and marks the next batches in one transaction, then passes these to the senders.
    fn record(
        &mut self,
        taken: &CollectedReports,
        mut next: Vec<BatchJob>,
    ) -> Result<(), ApplyError> {
        if self.options.state.is_over() {
            self.senders.close();
        }
        if self.senders.are_closed() {
            // After a failure nothing more is sent, so nothing must be marked.
            let put_off = next.drain(..).filter(|job| job.is_second_attempt);
            self.again.extend(put_off);
        }
        let batches: Vec<_> = next.iter().map(|job| job.batch.clone()).collect();
        crash::point(Point::Record);
        journal::record(self.run, &taken.outcomes, &taken.released, &batches)?;
        crash::point(Point::Recorded);
        self.show_progress(taken);
        self.record_traffic()?;
        self.senders.send(next);
        Ok(())
    }

    /// Keeps the batches to be sent again and the first failure, and returns what to record.
    fn take_in(&mut self, reports: Vec<SenderReport>) -> CollectedReports {
        let mut taken = CollectedReports::default();
        for report in reports {
            let error = match report {
                SenderReport::Settled { outcome, contacts } => {
                    taken.contacts += contacts;
                    taken.outcomes.push(outcome);
                    None
                }
                SenderReport::Released { no, error } => {
                    taken.released.push(no);
                    error.map(ApplyError::Api)
                }
                SenderReport::Unsettled { error, settled } => {
                    taken.add(settled);
                    error.map(ApplyError::Api)
                }
                SenderReport::Unexplained {
                    job,
                    put_off,
                    settled,
                } => {
                    taken.add(settled);
                    self.keep(*job, put_off).map(ApplyError::Api)
                }
                SenderReport::Panicked => Some(ApplyError::SenderPanicked),
            };
            if let Some(error) = error {
                self.fail(error);
            }
        }
        taken
    }

    /// Maximum number of batches marked *sending*. It follows the number of requests in flight.
    fn window(&self) -> usize {
        self.client.concurrency() + self.in_advance()
    }

    /// The number of batches that are marked *sending* while all senders are busy.
    fn in_advance(&self) -> usize {
        self.options.queued * self.client.concurrency().min(SENDERS_SERVED)
    }

    /// Keeps a batch for a second attempt. If that fails too while others wait, these would fail as well, so the
    /// error for which they were put off is returned.
    fn keep(&mut self, mut job: BatchJob, put_off: Option<ApiError>) -> Option<ApiError> {
        if job.is_second_attempt {
            let is_last = self.exhausted && self.again.is_empty();
            let others_wait = !is_last && !self.options.state.is_over();
            return self.put_off_error.take().filter(|_| others_wait);
        }
        job.is_second_attempt = true;
        self.put_off_error = put_off.or(self.put_off_error.take());
        self.again.push_back(job);
        None
    }

    fn fail(&mut self, error: ApplyError) {
        self.senders.close();
        self.failure.get_or_insert(error);
    }

    fn show_progress(&self, taken: &CollectedReports) {
        if taken.contacts > 0 {
            self.monitor.advance(taken.contacts);
        }
        let exceptions = taken
            .outcomes
            .iter()
            .flat_map(|outcome| &outcome.exceptions);
        let failed = exceptions.filter(|it| it.outcome.is_failure()).count() as u64;
        if failed > 0 {
            self.monitor.event(Event::Rejected(failed));
        }
        let arrived = taken.contacts.saturating_sub(failed);
        self.client.count_contacts(RequestKind::Write, arrived);
    }

    fn record_traffic(&mut self) -> Result<(), ApplyError> {
        if self.traffic_recorded.elapsed() >= TRAFFIC_EVERY {
            journal::record_traffic(self.run, &self.client.timeline())?;
            self.traffic_recorded = Instant::now();
        }
        Ok(())
    }
}
