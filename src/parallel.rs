//! Runs blocking jobs on several threads and returns their results in order.
//!
//! At most twice as many jobs as threads are in flight, so memory is bounded even if one job is slow. Threads
//! start when jobs are waiting, and end with the scope. If a job panics, the panic resumes when its result is due,
//! so the caller never waits for a result that can't come. Events of a job belong to the caller's span.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, VecDeque},
    io,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    thread,
};

use parking_lot::{Condvar, Mutex};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tracing::Span;

/// Calls `work` with every job on up to `threads` threads (evaluated each time), and `each` with every result on
/// this thread, in order, until `each` breaks or fails. Jobs that have not begun by then are dropped. `jobs` is
/// polled again after each result, even after it returned `None`: results may add jobs. As long as one thread is enough,
/// that is this one.
pub(crate) fn ordered<J: Send, R: Send, E>(
    threads: impl Fn() -> usize,
    jobs: impl IntoIterator<Item = J>,
    work: impl Fn(J) -> R + Sync,
    mut each: impl FnMut(R) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let mut jobs = jobs.into_iter();
    while threads() <= 1 {
        let Some(job) = jobs.next() else {
            return Ok(());
        };
        if each(work(job))?.is_break() {
            return Ok(());
        }
    }
    thread::scope(|scope| {
        let spawn = |task| drop(scope.spawn(task));
        drive(spawn, threads, jobs, &work, each)
    })
}

/// Threads that compute. They start when they are needed.
#[derive(Debug)]
pub(crate) struct Workers {
    number: u16,
    pool: OnceCell<ThreadPool>,
}

impl Workers {
    /// This number of threads, or one for each core if it is 0.
    pub(crate) const fn new(number: u16) -> Self {
        Self {
            number,
            pool: OnceCell::new(),
        }
    }

    pub(crate) fn pool(&self) -> io::Result<&ThreadPool> {
        if let Some(pool) = self.pool.get() {
            return Ok(pool);
        }
        let pool = ThreadPoolBuilder::new().num_threads(self.number.into());
        let pool = pool.build().map_err(io::Error::other)?;
        Ok(self.pool.get_or_init(|| pool))
    }
}

/// Like [`ordered`], for CPU-bound jobs: on rayon's thread pool. A single job is done on this thread, because
/// starting and waking threads takes as long as thousands of rows.
pub(crate) fn ordered_in<'p, J: Send, R: Send, E>(
    pool: impl FnOnce() -> Result<&'p ThreadPool, E>,
    jobs: impl IntoIterator<Item = J>,
    work: impl Fn(J) -> R + Sync,
    mut each: impl FnMut(R) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let mut jobs = jobs.into_iter();
    let Some(first) = jobs.next() else {
        return Ok(());
    };
    let Some(second) = jobs.next() else {
        return each(work(first)).map(drop);
    };
    let jobs = [first, second].into_iter().chain(jobs);
    let pool = pool()?;
    let threads = || pool.current_num_threads();
    pool.in_place_scope(|scope| {
        let spawn = |task| scope.spawn(|_| perform(task));
        drive(spawn, threads, jobs, &work, each)
    })
}

/// Works on jobs until none are left.
type Task<'scope> = Box<dyn FnOnce() + Send + 'scope>;

fn perform(task: Task<'_>) {
    task();
}

fn drive<'scope, J: Send + 'scope, R: Send + 'scope, E>(
    spawn: impl Fn(Task<'scope>),
    threads: impl Fn() -> usize,
    jobs: impl IntoIterator<Item = J>,
    work: &'scope (impl Fn(J) -> R + Sync),
    mut each: impl FnMut(R) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let exchange = Arc::new(Exchange::new());
    let _end = EndOnDrop(&exchange);
    let caller = Span::current();
    let start = || {
        let (exchange, caller) = (Arc::clone(&exchange), caller.clone());
        spawn(Box::new(move || {
            let _entered = caller.enter();
            while let Some((no, job)) = exchange.take_job() {
                let result = catch_unwind(AssertUnwindSafe(|| work(job)));
                exchange.add_result(no, result);
            }
        }));
    };
    let mut jobs = jobs.into_iter();
    let (mut handed_out, mut thread_count) = (0_u64, 0);
    for next in 0.. {
        let wanted = threads().max(1) as u64;
        while handed_out - next < wanted * 2 {
            let Some(job) = jobs.next() else { break };
            exchange.add_job(handed_out, job);
            handed_out += 1;
        }
        while thread_count < wanted.min(exchange.unfinished()) {
            thread_count += 1;
            start();
        }
        if next == handed_out {
            break;
        }
        let result = exchange.take_result(next);
        let result = result.unwrap_or_else(|panic| resume_unwind(panic));
        if each(result)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Passes jobs from the caller to the workers, and results back. Channels would wake the caller for each result, not
/// only for the one that is due.
struct Exchange<J, R> {
    queues: Mutex<Queues<J, R>>,
    has_job: Condvar,
    has_due_result: Condvar,
}

struct Queues<J, R> {
    jobs: VecDeque<(u64, J)>,
    /// Number of jobs without a result.
    unfinished: u64,
    results: BTreeMap<u64, thread::Result<R>>,
    /// The number of the result for which the caller waits.
    due: u64,
    is_over: bool,
}

impl<J, R> Exchange<J, R> {
    fn new() -> Self {
        Self {
            queues: Mutex::new(Queues {
                jobs: VecDeque::new(),
                unfinished: 0,
                results: BTreeMap::new(),
                due: 0,
                is_over: false,
            }),
            has_job: Condvar::new(),
            has_due_result: Condvar::new(),
        }
    }

    fn add_job(&self, no: u64, job: J) {
        let mut queues = self.queues.lock();
        queues.jobs.push_back((no, job));
        queues.unfinished += 1;
        drop(queues);
        self.has_job.notify_one();
    }

    /// Waits for a job; `None` if results are no longer wanted.
    fn take_job(&self) -> Option<(u64, J)> {
        let is_idle = |queues: &mut Queues<J, R>| queues.jobs.is_empty() && !queues.is_over;
        let mut queues = self.queues.lock();
        self.has_job.wait_while(&mut queues, is_idle);
        let job = queues.jobs.pop_front();
        job.filter(|_| !queues.is_over)
    }

    fn add_result(&self, no: u64, result: thread::Result<R>) {
        let mut queues = self.queues.lock();
        queues.unfinished -= 1;
        queues.results.insert(no, result);
        let is_due = queues.due == no;
        drop(queues);
        if is_due {
            self.has_due_result.notify_one();
        }
    }

    fn take_result(&self, no: u64) -> thread::Result<R> {
        let mut queues = self.queues.lock();
        queues.due = no;
        loop {
            if let Some(result) = queues.results.remove(&no) {
                return result;
            }
            self.has_due_result.wait(&mut queues);
        }
    }

    fn unfinished(&self) -> u64 {
        self.queues.lock().unfinished
    }
}

/// Ends the workers, also if the caller panics. Jobs that have not begun are dropped.
struct EndOnDrop<'a, J, R>(&'a Exchange<J, R>);

impl<J, R> Drop for EndOnDrop<'_, J, R> {
    fn drop(&mut self) {
        self.0.queues.lock().is_over = true;
        self.0.has_job.notify_all();
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::{cell::Cell, iter};

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        let mut seen = Vec::new();
        let result = ordered(
            || 3,
            0..100_u64,
            |job| job * 2,
            |result| {
                seen.push(result);
                Ok::<_, ()>(ControlFlow::Continue(()))
            },
        );
        assert_eq!(result, Ok(()));
        assert_eq!(seen, (0..100).map(|job| job * 2).collect::<Vec<_>>());
    }

    #[test]
    fn this_thread_works_until_another_one_is_needed() {
        let threads = Cell::new(1);
        let mut seen = Vec::new();
        let each = |result| {
            seen.push(result);
            threads.set(if seen.len() < 5 { 1 } else { 3 });
            Ok::<_, ()>(ControlFlow::Continue(()))
        };
        let caller = thread::current().id();
        let work = |job| (job, thread::current().id() == caller);
        assert_eq!(ordered(|| threads.get(), 0..50, work, each), Ok(()));
        assert_eq!(seen, (0..50).map(|job| (job, job < 5)).collect::<Vec<_>>());
    }

    #[test]
    fn results_may_ask_for_more_jobs() {
        let known = Cell::new(1_u64);
        let mut jobs = (0..50_u64).peekable();
        let mut seen = Vec::new();
        let result = ordered(
            || 3,
            iter::from_fn(|| jobs.next_if(|job| *job < known.get())),
            |job| job,
            |job| {
                seen.push(job);
                known.set(known.get().max(job + 2 + job % 5));
                Ok::<_, ()>(ControlFlow::Continue(()))
            },
        );
        assert_eq!(result, Ok(()));
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn a_pool_works_on_every_job_and_ends_if_one_panics() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
        let pool = pool.unwrap();
        let mut seen = Vec::new();
        let each = |result| {
            seen.push(result);
            Ok::<_, ()>(ControlFlow::Continue(()))
        };
        let on_pool = |job: u64| (job, rayon::current_thread_index().is_some());
        assert_eq!(ordered_in(|| Ok(&pool), 0..100, on_pool, each), Ok(()));
        assert_eq!(seen, (0..100).map(|job| (job, true)).collect::<Vec<_>>());
        let panicking = |job: u64| assert!(job != 20, "job 20");
        let each = |()| Ok::<_, ()>(ControlFlow::Continue(()));
        let run = || ordered_in(|| Ok(&pool), 0.., panicking, each);
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    }

    #[test]
    fn a_break_ends_endless_jobs_and_an_error_comes_back() {
        let mut count = 0;
        let each = |result: u64| {
            count += 1;
            Ok::<_, &str>(if result == 10 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        };
        assert_eq!(ordered(|| 4, 0.., |job| job, each), Ok(()));
        assert_eq!(count, 11);
        assert_eq!(ordered(|| 4, 0.., |job: u64| job, |_| Err("no")), Err("no"));
    }

    #[test]
    fn a_job_that_panics_ends_all_of_it() {
        let mut seen = Vec::new();
        let work = |job: u64| {
            assert!(job != 20, "job 20");
            job
        };
        let each = |result| {
            seen.push(result);
            Ok::<_, ()>(ControlFlow::Continue(()))
        };
        let ended = catch_unwind(AssertUnwindSafe(|| ordered(|| 4, 0.., work, each)));
        assert!(ended.is_err());
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
    }
}
