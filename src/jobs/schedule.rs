//! Runs jobs on threads; those of one account run one after the other.

use std::{collections::HashSet, thread};

use parking_lot::{Condvar, Mutex};

/// The jobs that have not started, and the names of the accounts in use.
struct PendingJobs<J> {
    /// With their index in the file, last one first.
    jobs: Vec<(usize, J)>,
    busy: HashSet<String>,
}

/// Runs up to `parallel` jobs at a time in their order, and returns the results in that order. Jobs whose accounts
/// share a name run one after the other: a job that waits lets only others pass. `run` must not panic.
pub(crate) fn run_all<J: Send, R: Send>(
    jobs: Vec<J>,
    parallel: usize,
    names: impl Fn(&J) -> &[String] + Sync,
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
        while let Some((number, job)) = next(&waiting, &freed, &names) {
            let busy = names(&job).to_vec();
            let result = run(job);
            results.lock().push((number, result));
            waiting.lock().busy.retain(|name| !busy.contains(name));
            freed.notify_all();
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner();
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The first job whose account is free and for which no earlier one waits, once there is one; `None` if all jobs have
/// started.
fn next<J>(
    waiting: &Mutex<PendingJobs<J>>,
    freed: &Condvar,
    names: impl Fn(&J) -> &[String],
) -> Option<(usize, J)> {
    let mut guard = waiting.lock();
    loop {
        let PendingJobs { jobs, busy } = &mut *guard;
        if jobs.is_empty() {
            return None;
        }
        let mut wanted: HashSet<&String> = busy.iter().collect();
        let free = jobs.iter().rposition(|(_, job)| {
            let names = names(job);
            let is_free = !names.iter().any(|name| wanted.contains(name));
            wanted.extend(names);
            is_free
        });
        if let Some(at) = free {
            let (number, job) = jobs.remove(at);
            busy.extend(names(&job).iter().cloned());
            return Some((number, job));
        }
        freed.wait(&mut guard);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn jobs_run_side_by_side_except_those_of_one_account() {
        let jobs = ["a", "a", "b", "a", "c"].map(|name| [name.to_owned()]);
        let jobs = jobs.into_iter().enumerate().collect();
        // Each account's first job waits for those of the others.
        let (barrier, at_work) = (Barrier::new(3), Mutex::new(HashSet::new()));
        let results = run_all(
            jobs,
            3,
            |(_, account)| account,
            |(number, account)| {
                assert!(at_work.lock().insert(account.clone()));
                if [0, 2, 4].contains(&number) {
                    barrier.wait();
                }
                assert!(at_work.lock().remove(&account));
                number
            },
        );
        assert_eq!(results, [0, 1, 2, 3, 4]);
        assert!(run_all(Vec::<[String; 1]>::new(), 4, |job| job, |job| job).is_empty());
    }

    #[test]
    fn a_job_that_waits_for_a_shared_token_is_not_passed_by_a_later_one_of_its_profile() {
        let job = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let jobs = vec![job(&["a", "t"]), job(&["b", "t"]), job(&["b", "u"])];
        let (last, order) = (Barrier::new(2), Mutex::new(Vec::new()));
        let jobs = jobs.into_iter().enumerate().chain([(3, job(&["c"]))]);
        run_all(
            jobs.collect(),
            3,
            |(_, names)| names,
            |(number, _)| {
                // The first one ends only after the last one began.
                if [0, 3].contains(&number) {
                    last.wait();
                }
                order.lock().push(number);
            },
        );
        let order: Vec<_> = order.into_inner();
        let at = |number| order.iter().position(|it| *it == number);
        assert!(at(0) < at(1) && at(1) < at(2), "{order:?}");
    }
}
