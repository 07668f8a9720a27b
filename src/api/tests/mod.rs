//! The client against a server on loopback: every consequence, the limit, the token.
//!
//! The clock is a fake one, so waits are exact and take no time.

mod giving_up;
mod limits;
mod pace;
mod reads;
mod server;
mod token;
mod writes;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use secrecy::SecretString;

use self::server::{Act, Received, TestServer};
use super::{
    clock::{Clock, FakeClock},
    *,
};
use crate::{
    contact::Operation,
    progress::{Event, Monitor, Phase, StopReason},
};

/// Records events, and stops on request.
#[derive(Default)]
struct Recording {
    events: Mutex<Vec<Event>>,
    stop: AtomicBool,
}

impl Recording {
    fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }
}

impl Monitor for Recording {
    fn begin(&self, _: Phase, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
    fn event(&self, event: Event) {
        if !matches!(event, Event::WaitBegins(_) | Event::WaitEnds(_)) {
            self.events.lock().unwrap().push(event);
        }
    }
    fn stop_requested(&self) -> Option<StopReason> {
        self.stop
            .load(Ordering::SeqCst)
            .then_some(StopReason::Interrupt)
    }
}

struct Bench {
    server: TestServer,
    client: Client,
    clock: Arc<FakeClock>,
    monitor: Arc<Recording>,
}

fn static_token() -> TokenSource {
    TokenSource::Static {
        token: SecretString::from("t0ken"),
        origin: "WAZZUP_TOKEN".into(),
    }
}

fn partner() -> Partner {
    Partner {
        email: "partner@example.com".into(),
        password: PartnerPassword::Given {
            password: "p4ss".into(),
            origin: "a test".into(),
        },
    }
}

fn options(server: &TestServer) -> ClientOptions {
    ClientOptions {
        base_url: server.url.parse().unwrap(),
        request_timeout: Duration::from_millis(500),
        ..ClientOptions::default()
    }
}

fn bench(answer: impl Fn(&Received) -> Act + Send + Sync + 'static) -> Bench {
    bench_with(static_token(), answer)
}

fn bench_with(
    token: TokenSource,
    answer: impl Fn(&Received) -> Act + Send + Sync + 'static,
) -> Bench {
    let server = TestServer::start(answer);
    let clock = Arc::new(FakeClock::default());
    let monitor = Arc::new(Recording::default());
    let client =
        Client::with_clock(options(&server), token, monitor.clone(), clock.clone()).unwrap();
    Bench {
        server,
        client,
        clock,
        monitor,
    }
}

fn body() -> Vec<u8> {
    br#"{"contacts":[]}"#.to_vec()
}

const OK: Delivery<Option<u64>> = Delivery::Answered {
    status: 200,
    value: Some(1),
};

/// Fails `times` times, then works.
fn fails(times: usize, act: impl Fn() -> Act + Send + Sync + 'static) -> Bench {
    bench(move |received| {
        if received.number < times {
            act()
        } else {
            Act::processed(1)
        }
    })
}
