//! Runs blocking jobs on several threads and returns their results in order.
//!
//! At most twice as many jobs as threads are in flight, so memory is bounded even if one job is slow. Threads
//! start when jobs are waiting, and end with the scope. If a job panics, the panic resumes when its result is due,
//! so the caller never waits for a result that can't come. Events of a job belong to the caller's span.

use std::{
    cell::OnceCell,
    collections::BTreeMap,
    io,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tracing::Span;

/// Calls `work` with every job on up to `threads` threads (evaluated each time), and `each` with every result on
/// this thread, in order, until `each` breaks or fails. Jobs that have not begun by then are dropped. `jobs` is
/// polled again after each result, even after it returned `None`: results may add jobs.
pub(crate) fn ordered<J: Send, R: Send, E>(
    threads: impl Fn() -> usize,
    jobs: impl IntoIterator<Item = J>,
    work: impl Fn(J) -> R + Sync,
    each: impl FnMut(R) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let spawn = |task| drop(scope.spawn(task));
        drive(spawn, threads, jobs, &work, &is_over, each)
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
    let is_over = AtomicBool::new(false);
    let threads = || pool.current_num_threads();
    pool.in_place_scope(|scope| {
        let spawn = |task| scope.spawn(|_| perform(task));
        drive(spawn, threads, jobs, &work, &is_over, each)
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
    is_over: &'scope AtomicBool,
    mut each: impl FnMut(R) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let (to_work, from_queue) = unbounded::<(u64, J)>();
    let (to_order, results) = unbounded();
    let caller = Span::current();
    let start = || {
        let (from_queue, to_order, caller) = (from_queue.clone(), to_order.clone(), caller.clone());
        spawn(Box::new(move || {
            let _entered = caller.enter();
            take_jobs(&from_queue, &to_order, work, is_over);
        }));
    };
    let mut jobs = jobs.into_iter();
    let (mut handed_out, mut received, mut next) = (0_u64, 0_u64, 0_u64);
    let mut thread_count = 0;
    let mut early = BTreeMap::new();
    let mut run = || loop {
        let wanted = threads().max(1) as u64;
        while handed_out - next < wanted * 2 {
            let Some(job) = jobs.next() else { break };
            // Can't fail: this function owns a receiver.
            let _ = to_work.send((handed_out, job));
            handed_out += 1;
        }
        while thread_count < wanted.min(handed_out - received) {
            thread_count += 1;
            start();
        }
        if next == handed_out {
            return Ok(());
        }
        let Ok((no, result)) = results.recv() else {
            return Ok(());
        };
        received += 1;
        early.insert(no, result);
        while let Some(result) = early.remove(&next) {
            next += 1;
            let result = result.unwrap_or_else(|panic| resume_unwind(panic));
            if each(result)?.is_break() {
                return Ok(());
            }
        }
    };
    let result = run();
    is_over.store(true, Ordering::Relaxed);
    result
}

/// Works on jobs until the queue is closed or the results are no longer wanted.
fn take_jobs<J, R>(
    queue: &Receiver<(u64, J)>,
    results: &Sender<(u64, thread::Result<R>)>,
    work: impl Fn(J) -> R,
    is_over: &AtomicBool,
) {
    for (no, job) in queue {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let result = catch_unwind(AssertUnwindSafe(|| work(job)));
        if results.send((no, result)).is_err() {
            break;
        }
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
