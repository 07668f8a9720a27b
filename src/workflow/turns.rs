//! Lets sessions of one process take turns on an account. The lock of an account refuses a second run, but
//! sessions of one process wait for each other instead.

use std::{collections::HashSet, sync::Arc};

use parking_lot::{Condvar, Mutex};

use crate::{
    progress::{Monitor, STOP_POLL, StopReason, WaitFor, Waiting},
    run::store::Lock,
};

/// The names of the accounts in use by sessions of this process.
#[derive(Debug, Default)]
pub(crate) struct AccountTurns {
    taken: Mutex<HashSet<String>>,
    freed: Condvar,
}

/// The turn of a session, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<AccountTurns>,
    names: Vec<String>,
}

/// The lock of an account. It is released before the turn ends.
#[derive(Debug)]
pub(crate) struct AccountLock {
    pub(super) _lock: Lock,
    pub(super) _turn: Option<Turn>,
}

/// The locks of a run that is planned or sent. They end with it.
#[expect(dead_code, reason = "the fields are held, not read")]
pub(crate) struct RunLocks {
    pub(super) run: Lock,
    /// Held once the account is known.
    pub(super) account: Option<AccountLock>,
}

impl AccountTurns {
    /// Waits until no other session uses the account, which may have several names: two profiles of one account
    /// have different fingerprints.
    pub(super) fn take(
        self: &Arc<Self>,
        names: Vec<String>,
        monitor: &dyn Monitor,
    ) -> Result<Turn, StopReason> {
        let mut taken = self.taken.lock();
        let mut waiting = None;
        while names.iter().any(|name| taken.contains(name)) {
            if let Some(reason) = monitor.stop_requested() {
                return Err(reason);
            }
            waiting.get_or_insert_with(|| Waiting::begin(monitor, WaitFor::OtherRun));
            self.freed.wait_for(&mut taken, STOP_POLL);
        }
        taken.extend(names.iter().cloned());
        Ok(Turn {
            turns: Arc::clone(self),
            names,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.turns.taken.lock();
        taken.retain(|name| !self.names.contains(name));
        drop(taken);
        self.turns.freed.notify_all();
    }
}
