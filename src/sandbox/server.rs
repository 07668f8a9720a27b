//! One request: read, counted, struck by faults, checked, done, answered, remembered.
//!
//! Everything happens in [`Desk::serve`] under one lock, so what is remembered is one order of events; only
//! the waiting of a slow answer and the cutting of a connection happen outside. The order of the checks is
//! that of a server behind a proxy: faults of the network, the limit, the token, the body, the contacts.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, State},
    http::{Method, Response, header},
};
use tokio::sync::watch;

use super::{
    answer::{Answer, Refusal},
    calls::{Call, Payload},
    faults::Fault,
    log::{Log, Request},
    mischief::{Effects, Mischief},
    options::Options,
    store::Account,
    tokens::{Tokens, bearer_token},
    window::Window,
    wire::Cut,
};

/// A body larger than any batch can be.
const BODY_BYTES_MAX: usize = 16 << 20;

/// What is done behind the client's back after a request.
pub(super) type Hook = Box<dyn FnOnce(&mut Account) + Send>;

/// The server's mind.
pub(super) struct Desk {
    pub(super) options: Options,
    pub(super) account: Account,
    pub(super) tokens: Tokens,
    pub(super) window: Window,
    pub(super) mischief: Mischief,
    /// Told when the faults are replaced: slow answers wait no longer.
    pub(super) relief: watch::Sender<()>,
    pub(super) log: Log,
    pub(super) hooks: Vec<(u64, Hook)>,
}

/// The desk, seen by the server's thread and by its owner.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Desk>>);

impl Shared {
    pub(super) fn new(desk: Desk) -> Self {
        Self(Arc::new(Mutex::new(desk)))
    }

    /// A predicate or a hook of a test may panic while it holds the lock: that test fails, the rest goes on.
    pub(super) fn lock(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Whole,
    Half,
    Nothing,
}

struct Reply {
    answer: Answer,
    ending: Ending,
    delay: Duration,
}

/// Answers every request, whatever its path.
pub(super) async fn answer(
    State(shared): State<Shared>,
    ConnectInfo(cut): ConnectInfo<Cut>,
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
    let arrived = Arrived {
        method: head.method,
        path: head
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        authorization,
        json,
        body,
    };
    let (reply, mut relief) = {
        let mut desk = shared.lock();
        (desk.serve(arrived), desk.relief.subscribe())
    };
    if !reply.delay.is_zero() {
        // Over either way: the time has passed, or the faults were replaced.
        let _ = tokio::time::timeout(reply.delay, relief.changed()).await;
    }
    match reply.ending {
        Ending::Whole => {}
        Ending::Half => cut.half(),
        Ending::Nothing => cut.nothing(),
    }
    reply.answer.into_response()
}

/// A request off the wire.
struct Arrived<'a> {
    method: Method,
    path: String,
    authorization: &'a str,
    json: bool,
    /// `None` where it was too large or broke off.
    body: Option<Bytes>,
}

impl Desk {
    fn serve(&mut self, arrived: Arrived<'_>) -> Reply {
        let (number, at) = self.log.arrive();
        let within_limit = self.window.admit(at);
        let call = Call::read(&arrived.method, &arrived.path);
        let payload = match &arrived.body {
            Some(body) => Payload::read(&call, arrived.json, body),
            None => Err(Refusal::new(413, "BODY_TOO_LARGE", "the body is too large")),
        };
        let ids = ids_of(&call, &payload);
        let mut request = Request {
            number,
            at,
            method: arrived.method,
            path: arrived.path,
            entities: payload.as_ref().map_or(0, Payload::len),
            ids,
            status: None,
        };
        let effects = self.mischief.strike(&request);
        if effects.token_dies {
            self.tokens.kill(bearer_token(arrived.authorization));
        }
        let answer = match &effects.end {
            Some(Fault::Status { status, body }) => self.retry_later(Answer::fault(*status, *body)),
            // Nothing of it is sent.
            Some(Fault::DropBefore) => Answer::data(b"null"),
            _ if !within_limit => {
                let problem = "too many requests in this window";
                let refusal = Refusal::new(429, "TOO_MANY_REQUESTS", problem);
                self.retry_later(refusal.into())
            }
            _ => self
                .work(&call, payload, arrived.authorization, &effects)
                .unwrap_or_else(Answer::from),
        };
        let reply = end(answer, &effects);
        request.status = (reply.ending != Ending::Nothing).then_some(reply.answer.status);
        self.log.push(request);
        self.run_hooks(number);
        reply
    }

    fn work(
        &mut self,
        call: &Call,
        payload: Result<Payload<'_>, Refusal>,
        authorization: &str,
        effects: &Effects,
    ) -> Result<Answer, Refusal> {
        if *call == Call::Token {
            let Payload::Raw(body) = payload? else {
                return Err(Refusal::new(400, "INVALID_REQUEST", "the body is missing"));
            };
            let granted = self.tokens.grant(authorization, body)?;
            return Ok(Answer::bare(&granted));
        }
        self.tokens.check(authorization)?;
        self.do_call(call, payload?, effects)
    }

    fn retry_later(&self, mut answer: Answer) -> Answer {
        if answer.status == 429 {
            answer.retry_after = self.window.retry_after(self.log.now());
        }
        answer
    }

    fn run_hooks(&mut self, number: u64) {
        for (_, hook) in self.hooks.extract_if(.., |(due, _)| *due <= number) {
            hook(&mut self.account);
        }
    }
}

fn ids_of(call: &Call, payload: &Result<Payload<'_>, Refusal>) -> Vec<String> {
    match (call, payload) {
        (Call::Show(id), _) => vec![id.clone()],
        (_, Ok(payload)) => payload.ids().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// What becomes of an answer after the work.
fn end(answer: Answer, effects: &Effects) -> Reply {
    let (answer, ending) = match effects.end {
        Some(Fault::StatusAfter { status, body }) => (Answer::fault(status, body), Ending::Whole),
        Some(Fault::DropBefore | Fault::DropAfter) => (answer, Ending::Nothing),
        Some(Fault::Truncate) => (answer, Ending::Half),
        _ => (answer, Ending::Whole),
    };
    Reply {
        answer,
        ending,
        delay: effects.delay,
    }
}
