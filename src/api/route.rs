//! Explains why an exchange failed: whether the request left, whether it can have been carried out, and what was in
//! the way.

use std::{
    error::Error as StdError,
    io,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::Url;

use super::{
    base_url::BaseUrl,
    error::ApiErrorKind,
    retry::AttemptOutcome,
    scheme::{self, tls_error},
};
use crate::{characters::plain, traffic::Unanswered};

#[derive(Debug)]
pub(super) struct HttpFailure {
    pub(super) outcome: AttemptOutcome,
    /// The status that arrived before the failure, or the reason for its absence.
    pub(super) status: Result<u16, Unanswered>,
    /// Short description without the path.
    pub(super) message: String,
}

/// The way to the API.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) base_url: BaseUrl,
    /// The proxy of the environment.
    proxy: Option<String>,
    /// Timeout of a whole answer.
    pub(super) request_timeout: Duration,
    /// True after the first answer, which proves that the scheme is right.
    is_answered: AtomicBool,
}

impl Route {
    pub(super) fn new(base_url: BaseUrl, request_timeout: Duration) -> Result<Self, ApiErrorKind> {
        Ok(Self {
            proxy: proxy_of(&base_url)?,
            base_url,
            request_timeout,
            is_answered: AtomicBool::new(false),
        })
    }

    pub(super) fn answered(&self) {
        self.is_answered.store(true, Relaxed);
    }

    /// The result and its description if reading the body failed.
    pub(super) fn cut_off(&self, error: &reqwest::Error) -> (AttemptOutcome, String) {
        let message = if error.is_timeout() {
            self.late()
        } else {
            format!("the answer was cut off: {}", root_cause(error))
        };
        (AttemptOutcome::InvalidBody, message)
    }

    /// The failure of a request without an answer.
    pub(super) fn failure(&self, error: reqwest::Error, url: &Url) -> HttpFailure {
        let error = error.without_url();
        let reason = if error.is_connect() {
            Unanswered::NoConnection
        } else if error.is_timeout() {
            Unanswered::TimedOut
        } else {
            Unanswered::BrokenOff
        };
        let (outcome, message) = if let Some(message) = distrust(&error) {
            (AttemptOutcome::Untrusted, message)
        } else if self.is_wrong_scheme(&error, url) {
            (AttemptOutcome::WrongScheme, root_cause(&error))
        } else if error.is_connect() {
            let message = format!("no connection to {}: {}", self.name(), root_cause(&error));
            let outcome = match &self.proxy {
                // With a proxy, there is no direct connection.
                Some(_) if is_refused(&error) => AttemptOutcome::ProxyDown,
                _ => AttemptOutcome::NotSent,
            };
            (outcome, message)
        } else if error.is_timeout() {
            (AttemptOutcome::NoAnswer, self.late())
        } else {
            let message = format!("no answer from {}: {}", self.name(), root_cause(&error));
            (AttemptOutcome::NoAnswer, message)
        };
        HttpFailure {
            outcome,
            status: Err(reason),
            message,
        }
    }

    /// True if the server has answered nothing yet and speaks the other scheme.
    fn is_wrong_scheme(&self, error: &reqwest::Error, url: &Url) -> bool {
        if self.is_answered.load(Relaxed) {
            false
        } else if self.base_url.is_plain() {
            scheme::is_not_http(error) && scheme::speaks_tls(url)
        } else {
            scheme::is_plain_answer(error)
        }
    }

    /// The API's host, and the proxy on the way to it.
    fn name(&self) -> String {
        let host = self.base_url.host();
        match &self.proxy {
            Some(proxy) => format!("{host} through the proxy {proxy}"),
            None => host.to_owned(),
        }
    }

    fn late(&self) -> String {
        format!(
            "no complete answer within {} s",
            self.request_timeout.as_secs_f32()
        )
    }
}

/// The proxy for the API's host from the environment or the system, without credentials.
fn proxy_of(base_url: &BaseUrl) -> Result<Option<String>, ApiErrorKind> {
    if base_url.is_loopback() {
        return Ok(None);
    }
    let url = base_url.to_string().parse().ok();
    let found = url.and_then(|url| Matcher::from_system().intercept(&url));
    let Some(uri) = found.as_ref().map(Intercept::uri) else {
        return Ok(None);
    };
    let proxy = uri.to_string().trim_end_matches('/').to_owned();
    match uri.scheme_str() {
        Some("http" | "https") => Ok(Some(proxy)),
        _ => Err(ApiErrorKind::Proxy { proxy }),
    }
}

/// The message of the root cause: `Connection refused (os error 111)`.
pub(crate) fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    plain(&cause.to_string())
}

/// True if nothing listens at the address.
fn is_refused(error: &(dyn StdError + 'static)) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused)
        || error.source().is_some_and(is_refused)
}

/// The verifier's message, if the certificate is not trusted.
fn distrust(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(reason)) = tls_error(error) {
            return Some(plain(&reason.to_string()));
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distrust_is_found_however_deep_it_is_wrapped() {
        let expired = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let wrapped = io::Error::other(io::Error::other(expired));
        assert!(
            distrust(&wrapped).is_some_and(|message| message.to_lowercase().contains("expired"))
        );
        let closed = rustls::Error::HandshakeNotComplete;
        assert_eq!(distrust(&io::Error::other(closed)), None);
        assert_eq!(distrust(&io::Error::other("refused")), None);
    }
}
