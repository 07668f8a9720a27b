//! Recognizes a server that speaks http although the base URL says https, or vice versa. Otherwise both look like
//! a broken connection and would be retried for minutes.

use std::{
    error::Error as StdError,
    io::{self, Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use reqwest::Url;

const PROBE_TIME: Duration = Duration::from_secs(2);

/// The content type of a TLS alert, which is the first byte of its record.
const ALERT: u8 = 0x15;

/// True if the server answered a TLS handshake with something other than TLS.
pub(super) fn is_plain_answer(error: &(dyn StdError + 'static)) -> bool {
    let is_not_tls = |error| {
        let tls = tls_error(error);
        matches!(tls, Some(rustls::Error::InvalidMessage(_)))
    };
    is_not_tls(error) || error.source().is_some_and(is_plain_answer)
}

/// True if the answer to a plain http request was not http.
pub(super) fn is_not_http(error: &(dyn StdError + 'static)) -> bool {
    let http = error.downcast_ref::<hyper::Error>();
    http.is_some_and(hyper::Error::is_parse) || error.source().is_some_and(is_not_http)
}

/// Probes a server that did not answer in http. True if it sends a TLS alert.
pub(super) fn speaks_tls(url: &Url) -> bool {
    first_byte(url) == Some(ALERT)
}

/// True for the answer of nginx, Apache and Go to plain http on an https port.
pub(super) fn asks_for_https(body: &[u8]) -> bool {
    const WORDS: [&str; 3] = [
        "plain HTTP request was sent to HTTPS port",
        "speaking plain HTTP to an SSL-enabled server port",
        "sent an HTTP request to an HTTPS server",
    ];
    let text = String::from_utf8_lossy(body);
    WORDS.iter().any(|words| text.contains(words))
}

fn first_byte(url: &Url) -> Option<u8> {
    let port = url.port_or_known_default()?;
    let host = url
        .host_str()?
        .trim_start_matches('[')
        .trim_end_matches(']');
    let address = (host, port).to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, PROBE_TIME).ok()?;
    stream.set_read_timeout(Some(PROBE_TIME)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut first = [0];
    stream.read_exact(&mut first).ok()?;
    Some(first[0])
}

/// Scheme, host and port of a URL, with the scheme swapped.
pub(super) fn other(url: &Url) -> String {
    let base = url.origin().ascii_serialization();
    match base.split_once("://") {
        Some(("https", rest)) => format!("http://{rest}"),
        Some((_, rest)) => format!("https://{rest}"),
        None => base,
    }
}

/// Looks inside I/O errors, because their `source` skips the wrapped error.
pub(super) fn tls_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    let tls = error.downcast_ref::<rustls::Error>();
    tls.or_else(|| tls_error(error.downcast_ref::<io::Error>()?.get_ref()?))
}
