//! What a command that talks to the API needs: a client, its account, and the lock on it.

use std::{sync::Arc, thread, time::Duration};

use super::{Context, terminal::Terminal};
use crate::{
    account::Reader,
    api::{Client, Rate},
    error::Error,
    progress::{Event, Monitor},
    run::{
        RunError,
        store::{Lock, Store},
    },
};

/// How often a run that waits for another looks whether it has ended.
const LOCK_POLL: Duration = Duration::from_millis(100);

/// A client for one account.
pub(super) struct Session {
    pub client: Arc<Client>,
    pub monitor: Arc<dyn Monitor>,
    /// Requests in flight at most.
    pub threads: usize,
    /// Batches that are marked *sending* at most.
    pub window: usize,
    /// Requests allowed in a second, where there is a limit.
    pub rate_per_second: Option<f64>,
    /// How long what is in flight may take after somebody asked for the end.
    pub grace: Duration,
    /// What identifies the account: never made from the token itself.
    pub account: String,
    base_url: String,
    #[cfg(feature = "sandbox")]
    _sandbox: Option<crate::sandbox::Sandbox>,
}

impl Context {
    /// The monitor of this command.
    pub(super) fn monitor(&self) -> Arc<dyn Monitor> {
        Arc::new(Terminal::new(self.signals.clone(), self.console.progress()))
    }

    /// Where run files live.
    pub(super) fn store(&self) -> Result<Store, Error> {
        Ok(Store::open(&self.settings.state_directory)?)
    }

    /// A client for the account that the settings name, or for a sandbox of its own. It is signed in: which account
    /// it is may be known from the token alone.
    pub(super) fn session(&self) -> Result<Session, Error> {
        let mut session = self.session_without_token()?;
        session.client.sign_in()?;
        session.account = self
            .settings
            .account_fingerprint(&session.base_url, session.client.account_claim().as_deref());
        Ok(session)
    }

    /// A client that gets its token when it first needs one, and whose account is known only so far.
    pub(super) fn session_without_token(&self) -> Result<Session, Error> {
        let monitor = self.monitor();
        #[cfg(feature = "sandbox")]
        let sandbox = self
            .settings
            .sandbox
            .then(|| self.start_sandbox())
            .transpose()?;
        #[cfg(feature = "sandbox")]
        let target = match &sandbox {
            Some(sandbox) => self
                .settings
                .sandbox_target(&sandbox.base_url(), sandbox.token())?,
            None => self.settings.target()?,
        };
        #[cfg(not(feature = "sandbox"))]
        let target = self.settings.target()?;
        let threads = target.options.connections;
        self.warn_of_rate(target.options.rate);
        // Under a limit few batches are under way anyway; without one, larger groups make fewer syncs.
        let rate_per_second = target.options.rate.per_second();
        let window = if rate_per_second.is_some() {
            threads * 2
        } else {
            threads * 16
        };
        let base_url = target.options.base_url.to_string();
        let client = Client::new(target.options, target.token, Arc::clone(&monitor))?;
        Ok(Session {
            client: Arc::new(client),
            monitor,
            threads,
            window,
            rate_per_second,
            grace: self.settings.profile.patience.grace(),
            account: self.settings.account_fingerprint(&base_url, None),
            base_url,
            #[cfg(feature = "sandbox")]
            _sandbox: sandbox,
        })
    }

    /// It may be meant for another server, so it is only said what the API makes of it.
    fn warn_of_rate(&self, rate: Rate) {
        if rate.exceeds_the_api() {
            self.console.say(&format!(
                "the rate {rate} is more than the API allows, 500 requests in 5 s: it refuses what is too much, and all requests wait then"
            ));
        }
    }

    /// Starts a sandbox for this command and says so.
    #[cfg(feature = "sandbox")]
    fn start_sandbox(&self) -> Result<crate::sandbox::Sandbox, Error> {
        let sandbox = crate::sandbox::Sandbox::start(crate::sandbox::Options::default())
            .map_err(Error::io("sandbox"))?;
        self.console.say(&format!(
            "sandbox   a local Wazzup API at {}: nothing leaves this machine",
            sandbox.base_url()
        ));
        Ok(sandbox)
    }
}

impl Session {
    /// Reads the account.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader {
            client: &self.client,
            threads: self.threads,
            monitor: &*self.monitor,
        }
    }

    /// Takes the account's lock: two runs at once would share its limit without knowing.
    pub(super) fn lock(&self, store: &Store, wait: bool) -> Result<Lock, Error> {
        let mut is_told = false;
        loop {
            match store.lock_account(&self.account) {
                Err(RunError::Busy { .. }) if wait => {}
                result => return Ok(result?),
            }
            if let Some(reason) = self.monitor.stop_requested() {
                return Err(Error::Interrupted(reason));
            }
            if !is_told {
                let words = "another run uses this account: waiting for it to end";
                self.monitor.event(Event::Notice(words.to_owned()));
                is_told = true;
            }
            thread::sleep(LOCK_POLL);
        }
    }
}
