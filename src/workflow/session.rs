//! A client for one account, the facts that identify the account, and its lock.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use parking_lot::MutexGuard;

use crate::{
    account::{AccountOptions, Reader},
    api::{ApiErrorKind, Client, NAMES_BY_HAND},
    employees::{OwnerRule, Owners},
    error::Error,
    ledger::{HistoryEntry, Ledger, SharedLedger, account_size, has_run},
    plan::earlier_runs::EarlierRuns,
    progress::{Event, Monitor, WaitFor, Waiting},
    report::notes::Invocation,
    run::{
        RunError, RunFile, journal,
        store::{Lock, Store},
    },
};

/// Interval at which a waiting run checks whether the other run has ended.
const LOCK_POLL: Duration = Duration::from_millis(100);

/// The fingerprint of a sandbox account, which ends with its command.
pub(crate) const SANDBOX: &str = "sandbox";

/// A connection to one account.
pub struct Session {
    pub(crate) client: Arc<Client>,
    pub(crate) monitor: Arc<dyn Monitor>,
    /// Batches marked *sending* for each sender thread, in addition to the current one.
    pub(crate) queued: usize,
    /// Requests allowed per second, if there is a limit.
    pub(crate) rate_per_second: Option<f64>,
    pub(crate) grace: Duration,
    /// The account's fingerprint. Never derived from the token itself, because tokens change.
    pub(crate) account: String,
    pub(crate) profile: String,
    pub(crate) state_directory: PathBuf,
    pub(crate) is_sandbox: bool,
    pub(super) keep_runs: usize,
    /// The command line for the report, if any.
    pub(crate) command_line: String,
    /// Opened once the account is known.
    ledger: OnceLock<SharedLedger>,
    base_url: String,
    account_name: String,
}

impl Session {
    /// Connects and signs in, because possibly only the token identifies the account.
    pub fn connect(options: AccountOptions, monitor: Arc<dyn Monitor>) -> Result<Self, Error> {
        let mut session = Self::without_token(options, monitor)?;
        session.client.sign_in()?;
        let identity = session.client.tokens.identity();
        session.account = session.fingerprint(identity.as_deref());
        Ok(session)
    }

    /// Like [`Self::connect`], but gets the token with the first request. Until then, the fingerprint lacks the
    /// account in the token.
    pub(crate) fn without_token(
        options: AccountOptions,
        monitor: Arc<dyn Monitor>,
    ) -> Result<Self, Error> {
        let rate_per_second = options.client.rate.per_second();
        // A rate limit keeps few batches in flight; without one, larger groups save syncs.
        let queued = if rate_per_second.is_some() { 1 } else { 15 };
        let base_url = options.client.base_url.to_string();
        let client = Client::new(options.client, options.token, Arc::clone(&monitor))?;
        let mut session = Self {
            client: Arc::new(client),
            monitor,
            queued,
            rate_per_second,
            grace: options.grace,
            account: String::new(),
            profile: options.profile,
            state_directory: options.state_directory,
            is_sandbox: options.is_sandbox,
            keep_runs: options.keep_runs,
            command_line: String::new(),
            ledger: OnceLock::new(),
            base_url,
            account_name: options.account_name,
        };
        session.account = session.fingerprint(None);
        Ok(session)
    }

    /// Identifies the account by its base URL, its name and the account in the token.
    fn fingerprint(&self, claim: Option<&str>) -> String {
        if self.is_sandbox {
            return SANDBOX.to_owned();
        }
        let parts = format!(
            "{}\n{}\n{}",
            self.base_url.trim_end_matches('/'),
            self.account_name,
            claim.unwrap_or_default()
        );
        blake3::hash(parts.as_bytes()).to_hex()[..16].to_owned()
    }

    /// The command that the session serves.
    pub(super) fn invocation(&self) -> Invocation {
        Invocation {
            command_line: self.client.without_secrets(&self.command_line),
            profile: self.profile.clone(),
            account_name: self.account_name.clone(),
            base_url: self.base_url.clone(),
        }
    }

    /// A description of the account: its name if known, its fingerprint, and the profile.
    pub(crate) fn account_words(&self) -> String {
        if self.is_sandbox {
            return "the sandbox".to_owned();
        }
        let (fingerprint, name) = (&self.account, &self.account_name);
        let account = match name.as_str() {
            "" => format!("account {fingerprint}"),
            _ => format!("account {name} ({fingerprint})"),
        };
        if self.profile.is_empty() || self.profile == "default" || self.profile == *name {
            return account;
        }
        format!("{account} of profile {}", self.profile)
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            client: &self.client,
            monitor: &*self.monitor,
            expected: account_size(&self.ledger()),
            wanted: None,
        }
    }

    /// The treatment of names in owners, and a warning if it differs from the requested one: without a list of
    /// employees, `--owners match` has no effect.
    pub(super) fn owner_rule(&self, owners: Owners) -> Result<(OwnerRule, Option<String>), Error> {
        match owners {
            Owners::Guard => return Ok((OwnerRule::Guard, None)),
            Owners::AsWritten => return Ok((OwnerRule::AsWritten, None)),
            Owners::Match => {}
        }
        match self.reader().list_employees() {
            Ok(listed) => {
                let warning = listed.warning();
                Ok((OwnerRule::Match(Arc::new(listed.employees)), warning))
            }
            Err(error) if matches!(error.kind, ApiErrorKind::NoEmployees { .. }) => {
                let warning = format!("no name was looked up: {error}; {NAMES_BY_HAND}");
                Ok((OwnerRule::Unlisted, Some(warning)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Stores the requests so far in a run file.
    pub(super) fn record_traffic(&self, run: &RunFile) -> Result<(), RunError> {
        journal::record_traffic(run, &self.client.timeline())
    }

    /// The ledger of the account. Release it before calling anything that may use it.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.shared_ledger().lock()
    }

    /// The ledger of this account, or of an earlier fingerprint of it.
    pub(super) fn ledger_of(&self, account: &str) -> SharedLedger {
        if account == self.account {
            self.shared_ledger().clone()
        } else {
            SharedLedger::open(&self.state_directory, account)
        }
    }

    fn shared_ledger(&self) -> &SharedLedger {
        let open = || SharedLedger::open(&self.state_directory, &self.account);
        self.ledger.get_or_init(open)
    }

    /// The run files of the state directory.
    pub(crate) fn store(&self) -> Result<Store, Error> {
        Ok(Store::open(&self.state_directory)?)
    }

    pub(super) fn earlier_runs(&self) -> Result<EarlierRuns<'_>, Error> {
        Ok(EarlierRuns {
            store: self.store()?,
            account: &self.account,
            ledger: self.shared_ledger().clone(),
        })
    }

    /// Locks the account, because two concurrent runs would each use the whole rate limit. All sandboxes have
    /// the same lock, so runs with --sandbox wait for each other.
    pub(crate) fn lock(&self, wait: bool) -> Result<Lock, Error> {
        self.ledger().check()?;
        let store = self.store()?;
        let mut waiting = None;
        loop {
            match store.lock_account(&self.account) {
                Err(RunError::Busy { .. }) if wait || self.is_sandbox => {}
                lock => return Ok(lock?),
            }
            if let Some(reason) = self.monitor.stop_requested() {
                return Err(Error::Interrupted(reason));
            }
            waiting.get_or_insert_with(|| Waiting::begin(&*self.monitor, WaitFor::OtherRun));
            thread::sleep(LOCK_POLL);
        }
    }

    /// True if a run belongs to this account and profile, or if that is unknown.
    pub(crate) fn is_run_of(&self, run: &HistoryEntry) -> bool {
        (run.account.is_empty() || run.account == self.account)
            && run
                .profile
                .as_ref()
                .is_none_or(|profile| *profile == self.profile)
    }

    /// The path of a new run, with a name that no run of the account had, and the lock that reserves it.
    pub(super) fn reserve_run(&self, stem: &str) -> Result<(PathBuf, Lock), Error> {
        // An unreadable ledger has no names.
        let is_taken = |name: &str| has_run(&self.ledger(), name).unwrap_or_default();
        Ok(self.store()?.reserve(stem, is_taken)?)
    }

    pub(crate) fn notice(&self, sentence: impl Into<String>) {
        self.monitor.event(Event::Notice(sentence.into()));
    }
}
