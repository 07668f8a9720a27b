//! Runs jobs on threads; those of one account run one after the other.

use std::{
    collections::HashSet,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

/// The jobs that have not started, and the accounts in use.
struct PendingJobs<J> {
    /// With their index in the file, last one first.
    jobs: Vec<(usize, J)>,
    busy: HashSet<String>,
}

/// Runs up to `parallel` jobs at a time in their order, and returns the results in that order. Jobs with the same
/// account never run at the same time: a job that waits for its account lets later ones pass. `run` must not
/// panic.
pub(crate) fn run_all<J: Send, R: Send>(
    jobs: Vec<J>,
    parallel: usize,
    account: impl Fn(&J) -> &str + Sync,
    run: impl Fn(J) -> R + Sync,
) -> Vec<R> {
    let threads = parallel.min(jobs.len());
    let waiting = Mutex::new(PendingJobs {
        jobs: jobs.into_iter().enumerate().rev().collect(),
        busy: HashSet::new(),
    });
    let freed = Condvar::new();
    let results = Mutex::new(Vec::new());
    let work = || {
        while let Some((number, job)) = next(&waiting, &freed, &account) {
            let busy = account(&job).to_owned();
            let result = run(job);
            lock(&results).push((number, result));
            lock(&waiting).busy.remove(&busy);
            freed.notify_all();
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The first job whose account is free, once there is one; `None` if all jobs have started.
fn next<J>(
    waiting: &Mutex<PendingJobs<J>>,
    freed: &Condvar,
    account: impl Fn(&J) -> &str,
) -> Option<(usize, J)> {
    let mut guard = lock(waiting);
    loop {
        let PendingJobs { jobs, busy } = &mut *guard;
        if jobs.is_empty() {
            return None;
        }
        let is_free = |(_, job): &(usize, J)| !busy.contains(account(job));
        if let Some(at) = jobs.iter().rposition(is_free) {
            let (number, job) = jobs.remove(at);
            busy.insert(account(&job).to_owned());
            return Some((number, job));
        }
        guard = freed.wait(guard).unwrap_or_else(PoisonError::into_inner);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn jobs_run_side_by_side_except_those_of_one_account() {
        let jobs = ["a", "a", "b", "a", "c"].iter().enumerate().collect();
        // Each account's first job waits for those of the others.
        let (barrier, at_work) = (Barrier::new(3), Mutex::new(HashSet::new()));
        let results = run_all(
            jobs,
            3,
            |(_, account)| account,
            |(number, account)| {
                assert!(at_work.lock().unwrap().insert(account));
                if [0, 2, 4].contains(&number) {
                    barrier.wait();
                }
                assert!(at_work.lock().unwrap().remove(account));
                number
            },
        );
        assert_eq!(results, [0, 1, 2, 3, 4]);
        assert!(run_all(Vec::<&str>::new(), 4, |job| job, |job| job).is_empty());
    }
}
