//! Handles one request: read, count, inject faults, check, carry out, answer, log.
//!
//! Everything happens in [`ServerState::serve`] under one lock, so the log has a total order. Only delays of
//! answers and cuts of connections happen outside. The order of the checks is that of a server behind a proxy:
//! network faults, limit, token, body, contacts.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;

use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, State},
    http::{Method, Response, header},
};
use tokio::sync::watch;

use super::{
    answer::{ErrorAnswer, SandboxAnswer},
    calls::{Call, ContactOperation},
    injected_fault::{ErrorBody, InjectedFault},
    injector::{Effects, FaultInjector},
    log::{Log, Request},
    options::Options,
    store::Account,
    tokens::{TokenRegistry, bearer_token},
    wire::{CutSwitch, Transmission},
};

/// Maximum size of a request's body. A larger one gets a 413 with an HTML page, as from a proxy.
const BODY_BYTES_MAX: usize = 16 << 20;

/// Requests that the API allows in a window, and the length of a window.
const REQUESTS_MAX: u64 = 500;
const WINDOW: Duration = Duration::from_secs(5);

/// Counts requests in fixed windows, as the API does.
#[derive(Debug, Default)]
pub(super) struct RateWindow {
    number: u128,
    requests: u64,
}

impl RateWindow {
    /// Counts a request that arrives `at` this time after the start. True if it is within the limit.
    fn admit(&mut self, at: Duration) -> bool {
        let number = at.as_nanos() / WINDOW.as_nanos();
        if number != self.number {
            *self = Self {
                number,
                requests: 0,
            };
        }
        self.requests += 1;
        self.requests <= REQUESTS_MAX
    }
}

/// A change to the account after a request, unseen by the client.
pub(super) type Hook = Box<dyn FnOnce(&mut Account) + Send>;

pub(super) struct ServerState {
    pub(super) options: Options,
    pub(super) account: Account,
    pub(super) tokens: TokenRegistry,
    pub(super) window: RateWindow,
    pub(super) injector: FaultInjector,
    /// Notified when the faults are replaced, so that delayed answers are sent at once.
    pub(super) faults_replaced: watch::Sender<()>,
    pub(super) log: Log,
    pub(super) hooks: Vec<(u64, Hook)>,
}

/// The state, shared by the server's thread and its owner.
pub(super) type SharedState = Arc<Mutex<ServerState>>;

struct TimedAnswer {
    answer: SandboxAnswer,
    ending: Transmission,
    delay: Duration,
}

/// Answers every request, whatever its path.
pub(super) async fn answer(
    State(shared): State<SharedState>,
    ConnectInfo(cut): ConnectInfo<CutSwitch>,
    request: axum::extract::Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.ok();
    let authorization = head
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let json = head
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let arrived = IncomingRequest {
        method: head.method,
        path: head
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        authorization,
        json,
        body,
    };
    let (reply, mut faults_replaced) = {
        let mut state = shared.lock();
        (state.serve(arrived), state.faults_replaced.subscribe())
    };
    if !reply.delay.is_zero() {
        // Both results end the wait: the time has passed, or the faults were replaced.
        let _ = tokio::time::timeout(reply.delay, faults_replaced.changed()).await;
    }
    cut.set(reply.ending);
    reply.answer.into_response()
}

/// A request off the wire.
struct IncomingRequest<'a> {
    method: Method,
    path: String,
    authorization: &'a str,
    json: bool,
    /// `None` if it was too large or incomplete.
    body: Option<Bytes>,
}

impl ServerState {
    fn serve(&mut self, arrived: IncomingRequest<'_>) -> TimedAnswer {
        let (number, at) = self.log.arrive();
        let within_limit = !self.options.is_limited || self.window.admit(at);
        let body = arrived.body.as_deref();
        let bytes = body.unwrap_or_default();
        let call = Call::read(&arrived.method, &arrived.path, arrived.json, bytes);
        let sent = call.as_ref().ok();
        let mut request = Request {
            number,
            at,
            method: arrived.method,
            path: arrived.path,
            entities: sent.and_then(Call::batch_len).unwrap_or(0),
            ids: sent.map(Call::ids).unwrap_or_default(),
            status: None,
        };
        let effects = self.injector.effects_on(&request);
        if effects.token_dies {
            self.tokens.kill(bearer_token(arrived.authorization));
        }
        let answer = match &effects.end {
            Some(InjectedFault::Status { status, body }) => SandboxAnswer::fault(*status, *body),
            // The connection is dropped before this is sent.
            Some(InjectedFault::DropBefore) => SandboxAnswer::data(b"null"),
            _ if !within_limit => {
                let problem = "too many requests in this window";
                ErrorAnswer::new(429, "TOO_MANY_REQUESTS", problem).shaped(self.options.errors)
            }
            _ if body.is_none() => SandboxAnswer::fault(413, ErrorBody::Html),
            _ => self
                .work(call, arrived.authorization, &effects)
                .unwrap_or_else(|error| error.shaped(self.options.errors)),
        };
        let reply = end(answer, &effects);
        request.status = (reply.ending != Transmission::Nothing).then_some(reply.answer.status);
        self.log.push(request);
        self.run_hooks(number);
        reply
    }

    fn work(
        &mut self,
        call: Result<Call<'_>, ErrorAnswer>,
        authorization: &str,
        effects: &Effects,
    ) -> Result<SandboxAnswer, ErrorAnswer> {
        if let Ok(Call::Token(body)) = call {
            let granted = self.tokens.grant(authorization, body)?;
            return Ok(SandboxAnswer::bare(&granted));
        }
        self.tokens.check(authorization)?;
        let mut operation = ContactOperation {
            options: &self.options,
            account: &mut self.account,
            effects,
        };
        operation.run(call?)
    }

    fn run_hooks(&mut self, number: u64) {
        for (_, hook) in self.hooks.extract_if(.., |(due, _)| *due <= number) {
            hook(&mut self.account);
        }
    }
}

/// The answer as it is sent, with the fault that ends the request.
fn end(answer: SandboxAnswer, effects: &Effects) -> TimedAnswer {
    let (answer, ending) = match effects.end {
        Some(InjectedFault::StatusAfter { status, body }) => {
            (SandboxAnswer::fault(status, body), Transmission::Whole)
        }
        Some(InjectedFault::DropBefore | InjectedFault::DropAfter) => {
            (answer, Transmission::Nothing)
        }
        Some(InjectedFault::Truncate) => (answer, Transmission::Half),
        _ => (answer, Transmission::Whole),
    };
    TimedAnswer {
        answer,
        ending,
        delay: effects.delay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_anew_in_each_window() {
        let mut window = RateWindow::default();
        let mut admitted = |at| (0..600).filter(|_| window.admit(at)).count();
        assert_eq!(admitted(Duration::from_millis(4_999)), 500);
        assert_eq!(admitted(WINDOW), 500);
        assert_eq!(admitted(WINDOW), 0);
    }
}
