//! The calls of the contacts API, shared by all threads of the process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use reqwest::{
    Method, Request, Url,
    header::{CONTENT_TYPE, HeaderValue},
};

use super::{
    attempt::{ApiCall, Delivery, Parse, write_of},
    base_url::BaseUrl,
    clock::{Clock, SystemClock, Waiter},
    concurrency::Concurrency,
    delivery::Dispatcher,
    error::{ApiError, ApiErrorKind, LIST, USERS},
    limiter::Limiter,
    list::{Listed, read_list},
    rate::Rate,
    refusal::{Refusal, with_status},
    retry::{CallKind, Circuit, RetryPolicy},
    secrets::Secrets,
    stats::{Recorder, RequestStats},
    token::{TokenKeeper, TokenSource},
    transport::Transport,
    wire::{LookUp, Page, accepted, found},
};
use crate::{
    contact::{Contact, Operation},
    employees::Employee,
    progress::Monitor,
    traffic::{RequestKind, Timeline},
};

const ONE: &str = "GET /v2/contacts/{id}";

/// Client options, without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// Base URL of the API.
    pub base_url: BaseUrl,
    /// The rate limit.
    pub rate: Rate,
    /// The retry policy.
    pub retry: RetryPolicy,
    /// Timeout of a whole answer.
    pub request_timeout: Duration,
    /// The number of requests in flight.
    pub concurrency: Concurrency,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            base_url: BaseUrl::default(),
            rate: Rate::default(),
            retry: RetryPolicy::default(),
            request_timeout: Duration::from_secs(60),
            concurrency: Concurrency::Auto,
        }
    }
}

/// Records when the server accepted writes, on a logical clock.
///
/// If another write is accepted after a batch began to fail, the batch is the cause. Acceptances are ordered by the
/// time at which their request was sent, because a late answer says nothing about what changed since.
#[derive(Default)]
pub(crate) struct Acceptances {
    /// The moment of the newest one, for each operation; 0 if there is none.
    newest: [AtomicU64; 3],
    last_moment: AtomicU64,
}

impl Acceptances {
    /// A new moment, greater than all earlier ones and never 0.
    pub(crate) fn moment(&self) -> u64 {
        self.last_moment.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Records that a write sent at this moment was accepted.
    fn add(&self, operation: Operation, moment: u64) {
        self.newest[operation as usize].fetch_max(moment, Ordering::SeqCst);
    }

    /// The moment of the newest acceptance of such a write; 0 if there is none.
    pub(crate) fn newest(&self, operation: Operation) -> u64 {
        self.newest[operation as usize].load(Ordering::SeqCst)
    }
}

/// The API client, shared by all threads.
pub(crate) struct Client {
    dispatcher: Dispatcher,
    pub(crate) tokens: TokenKeeper,
    pub(crate) base_url: BaseUrl,
    collection: Url,
    pub(crate) acceptances: Acceptances,
}

impl Client {
    /// Creates a client on the system's clock. Sends nothing yet.
    pub(crate) fn new(
        options: ClientOptions,
        token: TokenSource,
        monitor: Arc<dyn Monitor>,
    ) -> Result<Self, ApiError> {
        Self::with_clock(options, token, monitor, Arc::new(SystemClock::default()))
    }

    pub(super) fn with_clock(
        options: ClientOptions,
        token: TokenSource,
        monitor: Arc<dyn Monitor>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ApiError> {
        let transport = Transport::new(options.base_url.clone(), options.request_timeout)?;
        let waiter = Waiter::new(Arc::clone(&clock), monitor);
        // Out of range only if the system's clock is absurd.
        let started_at = Timestamp::try_from(waiter.wall() - waiter.now()).unwrap_or_default();
        Ok(Self {
            collection: options.base_url.join("/v2/contacts")?,
            tokens: TokenKeeper::new(token, options.base_url.join("/v2/oauth/token")?, &waiter)?,
            base_url: options.base_url,
            acceptances: Acceptances::default(),
            dispatcher: Dispatcher {
                transport: Arc::new(transport),
                limiter: Limiter::new(options.rate, options.concurrency, clock),
                recorder: Mutex::new(Recorder::new(started_at)),
                circuit: Circuit::new(&options.retry),
                secrets: Secrets::default(),
                policy: options.retry,
                random: fastrand::f64,
                waiter,
                window: options.rate.hold(options.retry.hold_min),
            },
        })
    }

    /// The text with all tokens and passwords replaced.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        self.dispatcher.secrets.hide(text).into_owned()
    }

    /// A page of the list. Only an empty page is the end; a short page may be followed by others, because the
    /// server may return fewer than `limit`. `keep` is described at [`read_list`].
    pub(crate) fn page<T>(
        &self,
        offset: u64,
        limit: u32,
        keep: &dyn Fn(Contact<'_>) -> T,
    ) -> Result<Vec<Listed<T>>, ApiError> {
        let mut url = self.collection.clone();
        url.set_query(Some(&format!("offset={offset}&limit={limit}")));
        let read = |body| read_list(body, &self.dispatcher.secrets, keep);
        match self.deliver(&ApiCall::read(url, LIST), &read)? {
            Delivery::Answered {
                value: contacts, ..
            } => {
                self.count_contacts(RequestKind::Read, contacts.len() as u64);
                Ok(contacts)
            }
            other => Err(other.into_error(LIST).into()),
        }
    }

    /// A page of the list of employees, read like [`Self::page`]; `None` for an unreadable entry.
    pub(crate) fn employees(
        &self,
        offset: usize,
        limit: u32,
    ) -> Result<Vec<Option<Employee>>, ApiError> {
        let mut url = self.base_url.join("/v2/users")?;
        url.set_query(Some(&format!("offset={offset}&limit={limit}")));
        let call = ApiCall {
            may_be_missing: true,
            ..ApiCall::read(url, USERS)
        };
        let delivery = self.deliver(&call, &|body| Page::read(body, false));
        match delivery.map_err(|error| match error.kind {
            ApiErrorKind::Forbidden { detail } => no_employees(403, &detail),
            kind => ApiError { kind, ..error },
        })? {
            Delivery::Answered { value, .. } => Ok(value.employees(&self.dispatcher.secrets)),
            Delivery::Refused(refusal) if refusal.status == 404 => {
                Err(no_employees(404, &refusal.description))
            }
            other => Err(other.into_error(USERS).into()),
        }
    }

    /// Looks up one contact. A 404 proves that it is missing only if it is about the contact: a proxy, a load
    /// balancer or the server's router may have answered instead.
    pub(crate) fn look_up(&self, id: &str) -> Result<LookUp, ApiError> {
        let Some(url) = self.base_url.contact(id) else {
            let reason = "the id can't be part of a URL".to_owned();
            return Ok(LookUp::Inconclusive(reason));
        };
        let call = ApiCall {
            may_be_missing: true,
            ..ApiCall::read(url, ONE)
        };
        Ok(match self.deliver(&call, &|body| Page::read(body, true))? {
            Delivery::Answered { value, .. } => found(value.contacts(&self.dispatcher.secrets), id),
            Delivery::Refused(refusal) if refusal.says_missing() => LookUp::Absent,
            Delivery::Refused(refusal) => LookUp::Inconclusive(refusal.to_string()),
            other => return Err(other.into_error(ONE).into()),
        })
    }

    /// Sends a batch of `entities` contacts whose JSON is `body`. Updates and deletes are retried; a create only if it
    /// can't have been carried out. Returns how many contacts the server accepted, if it says so. `is_isolation`: it is part of a
    /// batch that failed.
    pub(crate) fn write(
        &self,
        operation: Operation,
        body: Vec<u8>,
        entities: usize,
        is_isolation: bool,
    ) -> Result<Delivery<Option<u64>>, ApiError> {
        let method = match operation {
            Operation::Create => Method::POST,
            Operation::Update => Method::PATCH,
            Operation::Delete => Method::DELETE,
        };
        let mut request = Request::new(method, self.collection.clone());
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        *request.body_mut() = Some(body.into());
        let call = ApiCall {
            request,
            what: write_of(operation),
            is_idempotent: operation != Operation::Create,
            kind: if is_isolation {
                CallKind::Isolation
            } else {
                CallKind::Write
            },
            entities,
            is_allowed: self.acceptances.newest(operation) > 0,
            may_be_missing: false,
        };
        let left = self.acceptances.moment();
        let read = |body: Vec<u8>| accepted(operation, &body, &self.dispatcher.secrets);
        let delivery = self.deliver(&call, &read)?;
        if matches!(delivery, Delivery::Answered { .. }) {
            self.acceptances.add(operation, left);
        }
        Ok(delivery)
    }

    /// The error for a write that is forbidden by the token's scope, a firewall or a proxy.
    pub(crate) fn forbidden(&self, operation: Operation, refusal: &Refusal) -> ApiError {
        let detail = refusal.description.clone();
        let kind = match refusal.status {
            403 => ApiErrorKind::Forbidden { detail },
            status => ApiErrorKind::NotTheApi {
                what: write_of(operation),
                url: self.collection.to_string(),
                status,
                detail,
            },
        };
        ApiError { kind, sent: true }
    }

    /// The request statistics so far.
    pub(crate) fn stats(&self) -> RequestStats {
        RequestStats {
            concurrency: self.dispatcher.limiter.in_flight_peak() as u64,
            ..self.dispatcher.recorder.lock().stats()
        }
    }

    /// The requests over time so far.
    pub(crate) fn timeline(&self) -> Timeline {
        let now = self.dispatcher.waiter.now();
        self.dispatcher.recorder.lock().timeline.until(now)
    }

    /// Adds contacts that were listed, or whose change was confirmed, to the timeline.
    pub(crate) fn count_contacts(&self, kind: RequestKind, count: u64) {
        let now = self.dispatcher.waiter.now();
        let mut recorder = self.dispatcher.recorder.lock();
        recorder.timeline.contacts(now, kind, count);
    }

    /// The number of requests that may be in flight now. It adapts to the latency.
    pub(crate) fn concurrency(&self) -> usize {
        self.dispatcher.limiter.concurrency()
    }

    /// The number of threads that can read at the same time.
    pub(crate) fn readers(&self) -> usize {
        self.dispatcher.limiter.readers()
    }

    /// Sets the number of requests that may be in flight.
    #[cfg(test)]
    pub(crate) fn fix_concurrency(&self, number: usize) {
        self.dispatcher.limiter.fix_concurrency(number);
    }

    /// Gets a token if there is none or it expires soon.
    pub(crate) fn sign_in(&self) -> Result<(), ApiError> {
        self.tokens.ensure_fresh(&self.dispatcher)
    }

    /// Gets a new token even if the current one is still valid.
    pub(crate) fn renew_token(&self) -> Result<(), ApiError> {
        self.tokens.renew_now(&self.dispatcher)
    }

    fn deliver<T>(&self, call: &ApiCall, parse: Parse<'_, T>) -> Result<Delivery<T>, ApiError> {
        self.dispatcher.deliver(call, &self.tokens, parse)
    }

    /// The number of consecutive failed writes over all threads, and the last failure, if there are several.
    pub(crate) fn failing_writes(&self) -> Option<(u32, String)> {
        self.dispatcher.circuit.failing(CallKind::Write)
    }

    /// Waits like before a retry.
    pub(crate) fn pause(&self, tries: u32) -> Result<(), ApiErrorKind> {
        let Dispatcher {
            policy,
            random,
            waiter,
            ..
        } = &self.dispatcher;
        Ok(waiter.until(waiter.now() + policy.wait(tries, random()))?)
    }
}

fn no_employees(status: u16, detail: &str) -> ApiError {
    let detail = with_status(status, detail);
    ApiErrorKind::NoEmployees { status, detail }.into()
}
