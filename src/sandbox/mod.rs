//! A local server of the contacts API that behaves as documented and fails on demand.
//!
//! Tests run it in their process, `--sandbox` runs it for one command, `sandbox` runs it in the foreground.
//!
//! ```text
//! wire ─► server ─► injector ─► tokens ─► calls ─► rules ─► store
//!           └───────────── answer ◄────────────────────────┘
//! ```
//!
//! [`Options`] define its behaviour, including behaviour that the documentation leaves open.
//! * [`Faults`] are injected at given requests or at random; they can be changed while it runs.
//! * [`Sandbox`] shows the requests and the contacts, and changes the account unseen by the client.
//!
//! The server runs on one thread with a current-thread runtime, and all its state is behind one lock, so its owner
//! needs no async.

mod answer;
mod calls;
mod faults;
mod injected_fault;
mod injector;
mod log;
mod options;
pub mod people;
mod rules;
mod server;
mod store;
mod tokens;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    net::SocketAddr,
    thread::{self, JoinHandle},
};

use axum::Router;
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{oneshot, watch},
};

pub(crate) use self::{
    faults::FaultSyntaxError, log::Request, log::RequestCounts, store::Account, store::Writes,
};
pub use self::{
    faults::Faults, options::ErrorShape, options::Existing, options::Options,
    options::PartnerAccount, options::RequiredField, options::UriShown,
};
use self::{
    injector::FaultInjector,
    log::Log,
    options::TOKEN,
    server::{RateWindow, ServerState, SharedState},
    tokens::TokenRegistry,
    wire::{CutSwitch, CuttableListener},
};
use crate::contact::Contact;

/// A running server. Stops when dropped.
pub struct Sandbox {
    address: SocketAddr,
    shared: SharedState,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts a server. It accepts requests when this returns.
    pub fn start(options: Options) -> io::Result<Self> {
        let mut sandbox = Self {
            address: options.listen,
            shared: SharedState::new(initial_state(options).into()),
            stop: None,
            thread: None,
        };
        sandbox.listen()?;
        Ok(sandbox)
    }

    fn listen(&mut self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(self.address))?;
        self.address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let served = self.shared.clone();
        let thread = thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || serve(&runtime, listener, served, stopped))?;
        self.stop = Some(stop);
        self.thread = Some(thread);
        Ok(())
    }

    /// The base URL, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A token that the server accepts.
    #[must_use]
    pub fn token(&self) -> &str {
        TOKEN
    }

    /// Stops the server and breaks its connections.
    fn shutdown(&mut self) {
        // A failure means that it has stopped already.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }

    /// All contacts in the order of their creation, each `uri` as stored.
    #[must_use]
    pub fn contacts(&self) -> Vec<Contact<'static>> {
        self.shared.lock().account.contacts().collect()
    }

    /// The number of contacts.
    #[must_use]
    pub fn contact_count(&self) -> usize {
        self.shared.lock().account.count()
    }

    /// The contact with this id, its `uri` as stored.
    #[must_use]
    pub fn contact(&self, id: &str) -> Option<Contact<'static>> {
        self.shared.lock().account.get(id)
    }

    /// The number of writes of this id through the API.
    #[must_use]
    pub fn writes(&self, id: &str) -> Writes {
        self.shared.lock().account.writes(id)
    }

    /// Creates or replaces a contact unseen by the client.
    pub fn put_contact(&self, contact: &Contact<'_>) {
        self.shared.lock().account.put(contact);
    }

    /// Removes a contact unseen by the client, if it exists.
    pub fn remove_contact(&self, id: &str) {
        self.shared.lock().account.remove(id);
    }

    /// Changes the account after request `number` (counted from 1, of any kind) has been carried out and
    /// before it is answered. The function runs under the lock, so it must not call the sandbox.
    pub fn after_request(&self, number: u64, change: impl FnOnce(&mut Account) + Send + 'static) {
        self.shared.lock().hooks.push((number, Box::new(change)));
    }

    /// The number of requests that arrived, of any kind.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.shared.lock().log.arrived()
    }

    /// The number of requests of each method and status since [`Sandbox::clear_log`].
    #[must_use]
    pub fn counts(&self) -> RequestCounts {
        self.shared.lock().log.counts.clone()
    }

    /// The number of requests of this method that were answered or dropped since [`Sandbox::clear_log`].
    #[must_use]
    pub fn count(&self, method: &str) -> u64 {
        let state = self.shared.lock();
        let of_method = state
            .log
            .counts
            .iter()
            .filter(|((name, _), _)| name == method);
        of_method.map(|(_, count)| count).sum()
    }

    /// The requests since [`Sandbox::clear_log`], if [`Options::log_requests`] is set.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().log.requests.clone()
    }

    /// Drops the recorded requests and their counts; contacts, writes and the numbering stay.
    pub fn clear_log(&self) {
        self.shared.lock().log.clear();
    }

    /// Replaces the faults and resets their counters; delayed answers are sent at once.
    pub fn set_faults(&self, faults: Faults) {
        let mut state = self.shared.lock();
        state.injector = FaultInjector::new(faults);
        state.faults_replaced.send_replace(());
    }

    /// The number of transient faults injected since they were set.
    #[must_use]
    pub fn faults_injected(&self) -> u64 {
        self.shared.lock().injector.injected()
    }

    /// Accepts this access token from now on; it never expires.
    pub fn accept_token(&self, token: &str) {
        self.shared.lock().tokens.accept(token);
    }

    /// Revokes all access tokens; refresh tokens stay valid.
    pub fn kill_tokens(&self) {
        self.shared.lock().tokens.kill_all();
    }

    /// Every issued token, to search for leaks.
    #[must_use]
    pub fn issued_tokens(&self) -> Vec<String> {
        self.shared.lock().tokens.issued().to_vec()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn initial_state(mut options: Options) -> ServerState {
    let mut account = Account::default();
    for number in 1..=options.contacts {
        account.put(&people::contact(number));
    }
    ServerState {
        account,
        tokens: TokenRegistry::new(),
        window: RateWindow::default(),
        injector: FaultInjector::new(std::mem::take(&mut options.faults)),
        faults_replaced: watch::Sender::new(()),
        log: Log::new(options.log_requests),
        hooks: Vec::new(),
        options,
    }
}

/// Serves until stopped; returning drops the connections, idle ones included.
fn serve(
    runtime: &Runtime,
    listener: TcpListener,
    shared: SharedState,
    stopped: oneshot::Receiver<()>,
) {
    let service = Router::new()
        .fallback(server::answer)
        .with_state(shared)
        .into_make_service_with_connect_info::<CutSwitch>();
    runtime.block_on(async {
        tokio::select! {
            _ = axum::serve(CuttableListener(listener), service) => {}
            _ = stopped => {}
        }
    });
}
