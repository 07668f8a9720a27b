//! Runs blocking jobs on several threads and returns the results in the order of the jobs.
//!
//! At most two jobs per thread are in flight, so memory is bounded even if one of them is slow. Threads end with the scope. If
//! a job panics, the panic is resumed when its result is due, so the caller never waits for a result that can't come.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    thread,
};

use crossbeam_channel::{bounded, unbounded};

/// Calls `work` with every job on `threads` threads, and `each` with every result on this one, in order,
/// until `each` breaks or fails.
pub(crate) fn ordered<J: Send, R: Send, E>(
    threads: usize,
    jobs: impl IntoIterator<Item = J>,
    work: impl Fn(J) -> R + Sync,
    mut each: impl FnMut(R) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let threads = threads.max(1);
    thread::scope(|scope| {
        let (to_work, from_queue) = bounded::<(u64, J)>(threads * 2);
        let (to_order, results) = unbounded();
        for _ in 0..threads {
            let (from_queue, to_order, work) = (from_queue.clone(), to_order.clone(), &work);
            scope.spawn(move || {
                for (no, job) in from_queue {
                    let result = catch_unwind(AssertUnwindSafe(|| work(job)));
                    if to_order.send((no, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop((from_queue, to_order));
        let mut jobs = (0_u64..).zip(jobs).fuse();
        let (mut handed_out, mut next) = (0_u64, 0_u64);
        let mut early = BTreeMap::new();
        loop {
            while handed_out - next < threads as u64 * 2 {
                let Some(job) = jobs.next() else { break };
                handed_out += 1;
                // The workers end only after this sender is gone.
                let _ = to_work.send(job);
            }
            if next == handed_out {
                return Ok(());
            }
            let Ok((no, result)) = results.recv() else {
                return Ok(());
            };
            early.insert(no, result);
            while let Some(result) = early.remove(&next) {
                next += 1;
                let result = result.unwrap_or_else(|panic| resume_unwind(panic));
                if each(result)?.is_break() {
                    return Ok(());
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        let mut seen = Vec::new();
        let result = ordered(
            3,
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
        assert_eq!(ordered(4, 0.., |job| job, each), Ok(()));
        assert_eq!(count, 11);
        assert_eq!(ordered(4, 0.., |job: u64| job, |_| Err("no")), Err("no"));
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
        let ended = catch_unwind(AssertUnwindSafe(|| ordered(4, 0.., work, each)));
        assert!(ended.is_err());
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
    }
}
