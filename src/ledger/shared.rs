//! The ledger of an account while a command works on it: opened once, because each opening checks the schema.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Ledger;

#[derive(Clone, Debug)]
pub(crate) struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    pub(crate) fn open(state_directory: &Path, account: &str) -> Self {
        Self(Arc::new(Mutex::new(Ledger::open(state_directory, account))))
    }

    /// The ledger. Release it before calling anything that may use it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Ledger> {
        let mut ledger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !ledger.is_found() {
            // Another process may have created it since.
            *ledger = ledger.reopened();
        }
        ledger
    }
}
