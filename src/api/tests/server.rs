//! A server for this module's tests: loopback, one thread per connection, answers from a closure.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
    /// The number of earlier requests.
    pub(crate) number: usize,
    /// The number of earlier requests on its connection.
    pub(crate) number_on_connection: usize,
}

/// The server's reaction to a request.
pub(crate) enum Act {
    Answer(u16, &'static str, String),
    /// A status with one more header line.
    Headed(u16, &'static str, String),
    /// The connection is closed without an answer.
    Close,
    /// An answer that is shorter than announced.
    BreakOff(u16, String),
    /// Nothing for this time, then the connection is closed.
    Stall(Duration),
}

impl Act {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::Answer(status, "application/json", body.to_owned())
    }

    pub(crate) fn processed(count: usize) -> Self {
        Self::json(
            200,
            &format!(r#"{{"data":{{"processed":{count}}},"meta":{{}}}}"#),
        )
    }
}

/// A running server; it ends with the process.
pub(crate) struct TestServer {
    pub(crate) url: String,
    log: Arc<Mutex<Vec<Received>>>,
}

type Answerer = dyn Fn(&Received) -> Act + Send + Sync;

impl TestServer {
    pub(crate) fn start(answer: impl Fn(&Received) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&log);
        let answer: Arc<Answerer> = Arc::new(answer);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (log, answer) = (Arc::clone(&shared), Arc::clone(&answer));
                thread::spawn(move || serve(connection, &log, &*answer));
            }
        });
        Self { url, log }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.clone()
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        let received = self.received();
        received.iter().filter(|r| r.method == method).count()
    }
}

fn serve(connection: TcpStream, log: &Mutex<Vec<Received>>, answer: &Answerer) {
    let _ = connection.set_nodelay(true);
    let mut reader = BufReader::new(connection);
    let mut number_on_connection = 0;
    while let Some(mut received) = read(&mut reader) {
        received.number_on_connection = number_on_connection;
        number_on_connection += 1;
        {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            received.number = log.len();
            log.push(received.clone());
        }
        if act(reader.get_mut(), answer(&received)).is_none() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => value.clone_into(&mut authorization),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        method,
        target,
        authorization,
        body: String::from_utf8_lossy(&body).into_owned(),
        number: 0,
        number_on_connection: 0,
    })
}

/// `None` if the connection was closed.
fn act(stream: &mut TcpStream, act: Act) -> Option<()> {
    let (status, header, body, missing) = match act {
        Act::Answer(status, kind, body) => (status, format!("content-type: {kind}"), body, 0),
        Act::Headed(status, header, body) => (status, header.to_owned(), body, 0),
        Act::BreakOff(status, body) => (status, "x: y".to_owned(), body, 10),
        Act::Close => return None,
        Act::Stall(span) => {
            thread::sleep(span);
            return None;
        }
    };
    let length = body.len() + missing;
    let answer =
        format!("HTTP/1.1 {status} X\r\n{header}\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).ok()?;
    (missing == 0).then_some(())
}
