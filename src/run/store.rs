//! The state directory with the run files: names, locks, and removal of old runs.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use super::{RunError, RunFile, State, foreign::check_is_file};
use crate::{output, private, sqlite::beside};

/// Number of runs with changes whose run files are kept.
pub(crate) const KEPT: usize = 30;

/// The prefix of a run's name.
pub(crate) const MINUTE: &str = "%Y-%m-%dT%H%M";
const MINUTE_CHARS: usize = "2026-11-22T0855".len();

/// Attempts to lock a run. A command that lists runs holds each lock for a moment.
const RUN_LOCK_TRIES: u32 = 10;
const RUN_LOCK_PAUSE: Duration = Duration::from_millis(20);

#[derive(Clone, Debug)]
pub(crate) struct Store {
    directory: PathBuf,
}

/// A lock that is released when the process ends.
///
/// The run file itself is never locked, nor opened beside `SQLite`: POSIX locks belong to the process, and closing
/// any other handle of the file would release them all. The lock of a run is therefore a separate file.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    is_temporary: bool,
    file: File,
}

impl Store {
    /// Opens the store in `state_directory`, which is created if necessary.
    pub(crate) fn open(state_directory: &Path) -> Result<Self, RunError> {
        let directory = state_directory.join("runs");
        private::close_to_others(state_directory)
            .and_then(|()| private::create_directory(&directory))
            .map_err(|source| RunError::State {
                path: directory.clone(),
                source,
            })?;
        Ok(Self { directory })
    }

    /// An unused path for a new run of `stem`, such as `2026-11-22T0855-contacts`, with the lock that reserves it
    /// against concurrent processes. `is_taken`: an earlier run had this name.
    pub(crate) fn reserve(
        &self,
        stem: &str,
        is_taken: impl Fn(&str) -> bool,
    ) -> Result<(PathBuf, Lock), RunError> {
        let now = jiff::Timestamp::now().strftime(MINUTE);
        let stem: String = stem
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .take(40)
            .collect();
        let mut name = format!("{now}-{stem}");
        for next in 2_u32.. {
            let path = self.directory.join(format!("{name}.run"));
            let exists = || path.symlink_metadata().is_ok();
            // Without a lock first, because hundreds of jobs with one stem may begin in the same minute.
            if !exists() {
                match Lock::probe(&path) {
                    // Checked again under the lock, because the previous holder may have created the file.
                    Ok(lock) if !exists() && !is_taken(&name) => return Ok((path, lock)),
                    Ok(_) | Err(RunError::Busy { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            name = format!("{now}-{stem}-{next}");
        }
        Err(RunError::Busy { what: name })
    }

    pub(crate) fn find(&self, run: &str) -> PathBuf {
        let named = self.directory.join(format!("{run}.run"));
        if !Path::new(run).exists() && named.exists() {
            named
        } else {
            PathBuf::from(run)
        }
    }

    /// Every run file, newest first.
    pub(crate) fn list(&self) -> Result<Vec<PathBuf>, RunError> {
        let entries = fs::read_dir(&self.directory).map_err(|source| RunError::Io {
            path: self.directory.clone(),
            source,
        })?;
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        Ok(newest_first(paths.filter(|path| {
            path.extension().is_some_and(|extension| extension == "run")
        })))
    }

    /// Locks an account, because two concurrent runs would exceed its rate limit. Returns [`RunError::Busy`] if
    /// another process has locked it.
    pub(crate) fn lock_account(&self, account: &str) -> Result<Lock, RunError> {
        let path = self.directory.join(format!("{account}.lock"));
        let what = || "this account".to_owned();
        Lock::take(path, &self.directory, false, what).map_err(|error| match error {
            RunError::Io { path, source } => RunError::State { path, source },
            other => other,
        })
    }
}

impl Lock {
    /// Locks a run file, which need not exist. The lock file is removed when the lock is released. Returns
    /// [`RunError::Busy`] if another process has locked it.
    pub(crate) fn run(path: &Path) -> Result<Self, RunError> {
        for _ in 1..RUN_LOCK_TRIES {
            match Self::probe(path) {
                Err(RunError::Busy { .. }) => thread::sleep(RUN_LOCK_PAUSE),
                result => return result,
            }
        }
        Self::probe(path)
    }

    /// Like [`Self::run`], with a single attempt.
    pub(crate) fn probe(path: &Path) -> Result<Self, RunError> {
        check_is_file(path)?;
        let lock = beside(&output::real(path), "-lock");
        Self::take(lock, path, true, || format!("run {}", path.display()))
    }

    /// `named`: the file or directory that errors name, because users don't know lock files.
    fn take(
        path: PathBuf,
        named: &Path,
        is_temporary: bool,
        what: impl Fn() -> String,
    ) -> Result<Self, RunError> {
        let io = |source| RunError::Io {
            path: named.into(),
            source,
        };
        loop {
            let file = private::open_lock_file(&path).map_err(io)?;
            match file.try_lock() {
                Ok(()) if !is_at(&file, &path) => {}
                Ok(()) => {
                    return Ok(Self {
                        path,
                        is_temporary,
                        file,
                    });
                }
                Err(fs::TryLockError::WouldBlock) => return Err(RunError::Busy { what: what() }),
                Err(fs::TryLockError::Error(source)) => {
                    return Err(RunError::NoLocks {
                        path: named.into(),
                        source,
                    });
                }
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.is_temporary && cfg!(unix) {
            // A leftover file is harmless: the lock is on the handle, not the name.
            let _ = fs::remove_file(&self.path);
        }
        // Closing is not enough: a program that another thread is starting briefly has a copy of the handle. If
        // unlocking fails, closing unlocks.
        let _ = self.file.unlock();
    }
}

/// Run files in the order of their starts.
pub(crate) fn newest_first(runs: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut runs: Vec<_> = runs
        .into_iter()
        .map(|path| (started(&path), path))
        .collect();
    runs.sort();
    runs.into_iter().rev().map(|(_, path)| path).collect()
}

/// The start of a run: the minute in its name, then the file's creation time. The modification time is unusable,
/// because opening and closing the run after a crash merges its journal into the file.
pub(crate) fn started(path: &Path) -> (String, Option<SystemTime>) {
    let data = path.metadata().ok();
    let born = data.and_then(|data| data.created().or_else(|_| data.modified()).ok());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let named = name
        .get(..MINUTE_CHARS)
        .filter(|minute| jiff::civil::DateTime::strptime(MINUTE, minute).is_ok());
    let minute_of = |born: SystemTime| {
        let born = jiff::Timestamp::try_from(born).ok()?;
        Some(born.strftime(MINUTE).to_string())
    };
    let minute = named.map(str::to_owned).or_else(|| minute_of(born?));
    (minute.unwrap_or_default(), born)
}

/// True if the path still refers to this file. The previous holder may have removed it before it was locked here.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |data: fs::Metadata| (data.dev(), data.ino());
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(ours), Ok(named)) => identity(ours) == identity(named),
        _ => false,
    }
}

/// On other systems the file is never removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// True if planning never finished, so nothing in the run counts. The caller must hold its [`Lock`].
fn is_abandoned(path: &Path, run: &Result<RunFile, RunError>) -> bool {
    match run.as_ref().map(RunFile::state) {
        Ok(Ok(state)) => state == State::Open,
        // The process ended right after creating the file.
        _ => path.metadata().is_ok_and(|data| data.len() == 0),
    }
}

/// Removes an abandoned run to make room for a new one.
pub(crate) fn clear_abandoned(path: &Path) -> Result<(), RunError> {
    if is_abandoned(path, &RunFile::open(path)) {
        remove(path)
    } else {
        Ok(())
    }
}

/// True if a run is in the state directory, where its name suffices to find it.
pub(crate) fn is_among_runs(path: &Path) -> bool {
    output::directory(path).ends_with("wazzup-contacts/runs")
}

/// A run file and all possible side files.
pub(crate) fn files(path: &Path) -> impl Iterator<Item = PathBuf> {
    let path = output::real(path);
    ["", "-wal", "-shm", "-journal", "-lock"]
        .into_iter()
        .map(move |ending| beside(&path, ending))
}

/// Removes a run file and its `SQLite` side files.
pub(crate) fn remove(path: &Path) -> Result<(), RunError> {
    for ending in ["-wal", "-shm", "-journal"] {
        // They only exist after a crash.
        let _ = fs::remove_file(beside(path, ending));
    }
    fs::remove_file(path).map_err(|source| RunError::Io {
        path: path.into(),
        source,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::{collections::HashSet, sync::Barrier};

    use super::*;

    #[test]
    fn names_that_are_looked_for_at_once_differ() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let barrier = Barrier::new(8);
        let reserve = || {
            barrier.wait();
            store.reserve("contacts", |_| false).unwrap()
        };
        let reserved = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(reserve)).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().unwrap();
            threads.into_iter().map(join).collect::<Vec<_>>()
        });
        let paths: HashSet<_> = reserved.iter().map(|(path, _)| path).collect();
        assert_eq!(paths.len(), 8);
    }

    #[test]
    fn a_lock_is_released_although_a_started_program_has_a_copy_of_its_handle() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let lock = store.lock_account("a").unwrap();
        let _copy = lock.file.try_clone().unwrap();
        assert!(matches!(
            store.lock_account("a"),
            Err(RunError::Busy { .. })
        ));
        drop(lock);
        store.lock_account("a").unwrap();
    }
}
