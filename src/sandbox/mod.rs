//! The contacts API on loopback: a server that keeps the rules of the real one and breaks down on demand.
//!
//! Tests run it in the process, `--sandbox` runs it for one command, `sandbox` runs it in the foreground.
//!
//! ```text
//! wire ─► server ─► faults ─► window ─► tokens ─► calls ─► rules ─► store
//!           └────────────────── answer ◄───────────────────────────┘
//! ```
//!
//! * [`Options`] say how it behaves; where the documentation is silent, each possibility is a switch.
//! * [`Faults`] say what goes wrong and when, scripted or by chance; they can be changed while it runs.
//! * [`Sandbox`] shows what it got and holds, and lets a test change the account behind the client's back.
//!
//! The server is one thread of its own with a current-thread runtime: all its state is behind one lock,
//! and its owner needs no async.

mod answer;
mod calls;
mod fault_syntax;
mod faults;
mod log;
mod mischief;
mod options;
pub mod people;
mod rules;
mod server;
mod store;
mod tokens;
mod window;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    net::SocketAddr,
    thread::{self, JoinHandle},
    time::Duration,
};

use axum::Router;
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{oneshot, watch},
};

pub(crate) use self::{
    fault_syntax::FaultSyntaxError, log::Counts, log::Request, store::Account, store::Writes,
};
pub use self::{
    faults::ErrorBody, faults::Fault, faults::Faults, faults::Rule, faults::Scope,
    options::Culprit, options::Existing, options::Limit, options::LogDetail, options::Messengers,
    options::Missing, options::Options, options::Partner, options::RetryAfter, options::UriShown,
};
use self::{
    log::Log,
    mischief::Mischief,
    server::{Desk, Shared},
    tokens::Tokens,
    window::Window,
    wire::{Cut, Gate},
};
use crate::contact::Contact;

/// A running server. It ends when this is dropped.
pub struct Sandbox {
    address: SocketAddr,
    token: String,
    shared: Shared,
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
    /// Starts a server; it answers when this returns.
    ///
    /// When the address can't be listened on, or the thread can't be started.
    pub fn start(options: Options) -> io::Result<Self> {
        let mut sandbox = Self {
            address: options.listen,
            token: options.tokens.first().cloned().unwrap_or_default(),
            shared: Shared::new(desk(options)),
            stop: None,
            thread: None,
        };
        sandbox.listen()?;
        Ok(sandbox)
    }

    /// Comes back at the same address after [`Sandbox::shutdown`], with all that it held.
    ///
    /// When the address has been taken meanwhile, or the thread can't be started.
    #[cfg(test)]
    pub(crate) fn restart(&mut self) -> io::Result<()> {
        self.shutdown();
        self.listen()
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

    /// What to set as base URL, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The first of the accepted tokens.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Stops the server and breaks its connections; what it holds stays.
    pub(crate) fn shutdown(&mut self) {
        // A receiver that is gone, or a thread that panicked, has stopped already.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }

    /// All contacts in the order of their creation, each `uri` as stored.
    #[must_use]
    pub fn contacts(&self) -> Vec<Contact<'static>> {
        self.shared.lock().account.contacts().collect()
    }

    /// How many contacts there are.
    #[must_use]
    pub fn contact_count(&self) -> usize {
        self.shared.lock().account.len()
    }

    /// The contact with this id, its `uri` as stored.
    #[must_use]
    pub fn contact(&self, id: &str) -> Option<Contact<'static>> {
        self.shared.lock().account.get(id)
    }

    /// How often this id was created, updated and deleted through the API.
    #[must_use]
    pub fn writes(&self, id: &str) -> Writes {
        self.shared.lock().account.writes(id)
    }

    /// Creates or replaces a contact behind the client's back.
    pub fn put_contact(&self, contact: &Contact<'_>) {
        self.shared.lock().account.put(contact);
    }

    /// Takes a contact away behind the client's back, if it is there.
    pub fn remove_contact(&self, id: &str) {
        self.shared.lock().account.remove(id);
    }

    /// Changes the account behind the client's back, as soon as request `number` (counted from 1, of any
    /// kind) has been worked on and before it is answered. The function can't ask the sandbox anything.
    pub fn after_request(&self, number: u64, change: impl FnOnce(&mut Account) + Send + 'static) {
        self.shared.lock().hooks.push((number, Box::new(change)));
    }

    /// How many requests arrived, of any kind.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.shared.lock().log.arrived()
    }

    /// How many requests there were of each method and status since [`Sandbox::clear_log`].
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.lock().log.counts.clone()
    }

    /// How many requests of this method were answered or dropped since [`Sandbox::clear_log`].
    #[must_use]
    pub fn count(&self, method: &str) -> u64 {
        let desk = self.shared.lock();
        let of_method = desk
            .log
            .counts
            .iter()
            .filter(|((name, _), _)| name == method);
        of_method.map(|(_, count)| count).sum()
    }

    /// The requests since [`Sandbox::clear_log`], as far as [`LogDetail`] keeps them.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().log.requests.clone()
    }

    /// Forgets the requests and their counts; contacts, writes and the numbering stay.
    pub fn clear_log(&self) {
        self.shared.lock().log.clear();
    }

    /// The largest number of requests in one window of the limit, refused ones among them.
    #[must_use]
    pub fn peak_per_window(&self) -> u64 {
        self.shared.lock().window.peak()
    }

    /// The largest number of requests that arrived within any stretch of this length, wherever it begins.
    /// It is counted from the log, which must be kept.
    #[must_use]
    pub fn peak_within(&self, stretch: Duration) -> usize {
        self.shared.lock().log.peak_within(stretch)
    }

    /// From now on these faults happen, counted and budgeted from here; slow answers wait no longer.
    pub fn set_faults(&self, faults: Faults) {
        let mut desk = self.shared.lock();
        desk.mischief = Mischief::new(faults);
        desk.relief.send_replace(());
    }

    /// How many transient faults have happened since they were set.
    #[must_use]
    pub fn faults_spent(&self) -> u64 {
        self.shared.lock().mischief.spent()
    }

    /// From now on this access token is good, for ever.
    pub fn accept_token(&self, token: &str) {
        self.shared.lock().tokens.accept(token);
    }

    /// No access token is good any more; refresh tokens are.
    pub fn kill_tokens(&self) {
        self.shared.lock().tokens.kill_all();
    }

    /// Every token that was ever given out: what must be found nowhere.
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

fn desk(mut options: Options) -> Desk {
    let mut account = Account::default();
    for number in 1..=options.contacts {
        account.put(&people::contact(number));
    }
    Desk {
        account,
        tokens: Tokens::new(&options),
        window: Window::new(options.limit),
        mischief: Mischief::new(std::mem::take(&mut options.faults)),
        relief: watch::Sender::new(()),
        log: Log::new(options.log),
        hooks: Vec::new(),
        options,
    }
}

/// Serves until told to stop; leaving drops the connections, so nobody waits for an idle one.
fn serve(runtime: &Runtime, listener: TcpListener, shared: Shared, stopped: oneshot::Receiver<()>) {
    let service = Router::new()
        .fallback(server::answer)
        .with_state(shared)
        .into_make_service_with_connect_info::<Cut>();
    runtime.block_on(async {
        tokio::select! {
            _ = axum::serve(Gate(listener), service) => {}
            _ = stopped => {}
        }
    });
}
