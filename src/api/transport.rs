//! One HTTP exchange, without retries.
//!
//! No redirects (they would get the token), no retries by the HTTP library (they would bypass the limiter), no
//! proxy for loopback, and a limit on the size of answers. A single thread performs all exchanges, so an answer
//! wakes its waiting thread only once, when complete. Idle connections are closed after four seconds, because
//! common servers close theirs after five: a failed request on a closing connection can't be distinguished from
//! one that was carried out.

use std::{
    error::Error as StdError,
    io,
    sync::{Arc, OnceLock, Weak},
    thread,
    time::Duration,
};

use parking_lot::Mutex;

use reqwest::{
    Client as Http, ClientBuilder, Request, Response,
    header::{LOCATION, RETRY_AFTER},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use super::{
    base_url::BaseUrl,
    concurrency::IN_FLIGHT_MAX,
    error::{ApiError, ApiErrorKind},
    retry::AttemptOutcome,
    route::{HttpFailure, Route, root_cause},
};
use crate::progress::StopReason;

/// Maximum size of an answer in bytes.
pub(super) const BODY_BYTES_MAX: usize = 16 << 20;

/// The part of an error's body that is read. An explanation for 100 contacts is much shorter, and searching for
/// secrets in several layers of escapes takes time.
const EXPLANATION_BYTES_MAX: usize = 1 << 20;

const IDLE_MAX: Duration = Duration::from_secs(4);
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// The `User-Agent` header.
const USER_AGENT: &str = concat!("wazzup-contacts/", env!("CARGO_PKG_VERSION"));

/// Number of requests on fresh connections after a lost answer, doubled for the next loss. A server that closes a
/// connection despite announcing keep-alive loses the next request on it.
const FRESH_REQUESTS: u32 = 1_000;

/// The thread for exchanges, and its connections. The clients of a process share it: starting a thread and loading
/// the system's certificates takes longer than reading a small account, and hundreds of accounts use the same server.
#[derive(Debug)]
struct Exchanges {
    runtime: Handle,
    /// Ends the thread when dropped.
    _runs: oneshot::Sender<()>,
    pools: Mutex<Vec<(PoolOptions, Http)>>,
}

/// The options in which connection pools differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PoolOptions {
    is_plain: bool,
    is_loopback: bool,
    request_timeout: Duration,
    idle_connections: usize,
}

/// A client's access to its server.
#[derive(Debug)]
pub(super) struct Transport {
    exchanges: Arc<Exchanges>,
    http: Http,
    /// A client without connection reuse, created when needed.
    fresh: OnceLock<Http>,
    reuse: Mutex<Reuse>,
    route: Route,
}

#[derive(Debug, Default)]
struct Reuse {
    /// Remaining requests on fresh connections.
    fresh_left: u32,
    /// Number of answers lost on reused connections.
    losses: u32,
}

/// An answer of any status. The body of an error may be truncated, because it is only shown.
#[derive(Debug)]
pub(super) struct HttpAnswer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Transport {
    pub(crate) fn new(base_url: BaseUrl, request_timeout: Duration) -> Result<Self, ApiError> {
        let failed = |error: &(dyn StdError + 'static)| ApiErrorKind::Setup {
            detail: root_cause(error),
        };
        let exchanges = Exchanges::shared().map_err(|error| failed(&error))?;
        let options = PoolOptions::new(&base_url, request_timeout, IN_FLIGHT_MAX.into());
        let http = exchanges.pool(options);
        Ok(Self {
            http: http.map_err(|error| failed(&error))?,
            exchanges,
            fresh: OnceLock::new(),
            reuse: Mutex::default(),
            route: Route::new(base_url, request_timeout)?,
        })
    }

    /// Sends a request and reads the whole answer, unless `stop` resolves first.
    pub(super) fn exchange(
        self: &Arc<Self>,
        request: Request,
        stop: impl Future<Output = StopReason> + Send + 'static,
    ) -> Result<Result<HttpAnswer, HttpFailure>, StopReason> {
        let transport = Arc::clone(self);
        let (to_caller, ended) = oneshot::channel();
        self.exchanges.runtime.spawn(async move {
            let ended = tokio::select! {
                biased;
                answer = transport.answer(request) => Ok(answer),
                reason = stop => Err(reason),
            };
            // Can't fail: the caller is waiting.
            let _ = to_caller.send(ended);
        });
        ended
            .blocking_recv()
            .unwrap_or_else(|_| panic!("the thread of the requests panicked"))
    }

    async fn answer(&self, request: Request) -> Result<HttpAnswer, HttpFailure> {
        let fresh = self.fresh();
        let url = request.url().clone();
        let sent = fresh.unwrap_or(&self.http).execute(request).await;
        let response = sent.map_err(|error| {
            if fresh.is_none() && !error.is_connect() && !error.is_timeout() {
                self.avoid_reuse();
            }
            self.route.failure(error, &url)
        })?;
        self.route.answered();
        self.read(response).await
    }

    /// The client without a pool, if the next request needs a fresh connection.
    fn fresh(&self) -> Option<&Http> {
        let mut reuse = self.reuse.lock();
        reuse.fresh_left = reuse.fresh_left.checked_sub(1)?;
        drop(reuse);
        if self.fresh.get().is_none() {
            let route = &self.route;
            let options = PoolOptions::new(&route.base_url, route.request_timeout, 0);
            // The same options worked before.
            let _ = self.fresh.set(self.exchanges.pool(options).ok()?);
        }
        self.fresh.get()
    }

    fn avoid_reuse(&self) {
        let mut reuse = self.reuse.lock();
        if reuse.fresh_left == 0 {
            reuse.fresh_left = FRESH_REQUESTS << reuse.losses.min(10);
            reuse.losses += 1;
        }
    }

    async fn read(&self, mut response: Response) -> Result<HttpAnswer, HttpFailure> {
        let header = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let status = response.status().as_u16();
        let mut answer = HttpAnswer {
            status,
            retry_after: header(RETRY_AFTER),
            location: header(LOCATION),
            body: Vec::new(),
        };
        let is_success = (200..300).contains(&status);
        let limit = if is_success {
            BODY_BYTES_MAX
        } else {
            EXPLANATION_BYTES_MAX
        };
        match self.read_body(&mut response, &mut answer.body, limit).await {
            Err((outcome, message)) if is_success => Err(HttpFailure {
                outcome,
                status: Ok(status),
                message,
            }),
            _ => Ok(answer),
        }
    }

    async fn read_body(
        &self,
        response: &mut Response,
        body: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), (AttemptOutcome, String)> {
        let announced = response.content_length().unwrap_or_default();
        body.reserve(usize::try_from(announced).map_or(limit, |announced| announced.min(limit)));
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.route.cut_off(&error))?
        {
            if body.len() + chunk.len() > limit {
                return Err((
                    AttemptOutcome::TooLarge,
                    "the answer is too large".to_owned(),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(())
    }
}

impl PoolOptions {
    fn new(base_url: &BaseUrl, request_timeout: Duration, idle_connections: usize) -> Self {
        Self {
            is_plain: base_url.is_plain(),
            is_loopback: base_url.is_loopback(),
            request_timeout,
            idle_connections,
        }
    }

    fn build(self) -> Result<Http, reqwest::Error> {
        client_builder(self.is_plain, self.is_loopback)
            .connect_timeout(CONNECT_MAX)
            .timeout(self.request_timeout)
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(self.idle_connections)
            .tcp_nodelay(true)
            .build()
    }
}

/// The options that every HTTP client of this program has. `is_plain`: it speaks http instead of https.
pub(crate) fn client_builder(is_plain: bool, is_loopback: bool) -> ClientBuilder {
    // The TLS implementation. An error means that one is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Http::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .https_only(!is_plain);
    if is_loopback {
        builder = builder.no_proxy();
    }
    if is_plain {
        // Loading the system's certificates takes longer than a thousand requests to loopback.
        builder = builder.tls_certs_only([]);
    }
    builder
}

impl Exchanges {
    /// Those of the process, started unless another client uses them.
    fn shared() -> io::Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Exchanges>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock();
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&started);
        Ok(started)
    }

    /// Starts the thread. It ends when the value is dropped, and is not joined.
    fn start() -> io::Result<Self> {
        let (runs, dropped) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        thread::Builder::new().spawn(move || {
            let _ = runtime.block_on(dropped);
            // A name look-up may hang.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            runtime: handle,
            _runs: runs,
            pools: Mutex::default(),
        })
    }

    fn pool(&self, options: PoolOptions) -> Result<Http, reqwest::Error> {
        let mut pools = self.pools.lock();
        if let Some((_, pool)) = pools.iter().find(|(of, _)| *of == options) {
            return Ok(pool.clone());
        }
        let pool = options.build()?;
        pools.push((options, pool.clone()));
        Ok(pool)
    }
}
