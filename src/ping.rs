//! Pings a dead man's switch such as healthchecks.io, which raises an alarm if a run fails or does not take place.
//!
//! `URL/start` reports that a run begins, `URL/N` that it ended with exit code N. The URL is a secret, because it
//! permits reporting success, so messages only show its host. Apart from the status, answers are not read, and
//! redirects are not followed.

use std::{
    fmt,
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use reqwest::{
    StatusCode, Url,
    blocking::{self, Client as Http},
};

use crate::api::{client_builder, is_loopback, root_cause};

const TRIES: u32 = 3;

/// Timeouts of an attempt, and the time after which there are no more attempts. A run waits for its pings.
const CONNECT_MAX: Duration = Duration::from_secs(3);
const ANSWER_MAX: Duration = Duration::from_secs(5);
const TOTAL_MAX: Duration = Duration::from_secs(8);

/// Delay between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PingUrl(Url);

/// A URL that can't be pinged. The message does not show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PingUrlError {
    #[error("the URL (not shown) is not a valid one, such as https://hc-ping.com/UUID")]
    Malformed,
    #[error("the URL (not shown) is not https: its secret would be sent unencrypted")]
    NotEncrypted,
}

/// The reason why a ping failed. The message does not show the URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PingError {
    #[error("answered with {}", .0.as_u16())]
    Status(StatusCode),
    #[error("no answer in time")]
    Timeout,
    #[error("{}", root_cause(.0))]
    Failed(reqwest::Error),
}

impl PingError {
    /// True if another attempt may succeed.
    fn may_pass(&self) -> bool {
        match self {
            Self::Status(status) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Timeout | Self::Failed(_) => true,
        }
    }
}

impl From<reqwest::Error> for PingError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Failed(error.without_url())
        }
    }
}

impl fmt::Debug for PingUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PingUrl").field(&self.host()).finish()
    }
}

impl FromStr for PingUrl {
    type Err = PingUrlError;

    fn from_str(text: &str) -> Result<Self, PingUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| PingUrlError::Malformed)?;
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            "http" => Err(PingUrlError::NotEncrypted),
            _ => Err(PingUrlError::Malformed),
        }
    }
}

impl PingUrl {
    /// The host, for messages.
    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub(crate) fn start(&self) -> Result<(), PingError> {
        self.send("start")
    }

    pub(crate) fn end(&self, exit_code: u8) -> Result<(), PingError> {
        self.send(&exit_code.to_string())
    }

    fn send(&self, event: &str) -> Result<(), PingError> {
        let begun = Instant::now();
        let url = self.with(event);
        let http = self.http()?;
        let mut tries = 1;
        loop {
            let failure = match http.get(url.clone()).send() {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => PingError::Status(answer.status()),
                Err(error) => error.into(),
            };
            if !failure.may_pass() || tries == TRIES || begun.elapsed() + PAUSE >= TOTAL_MAX {
                return Err(failure);
            }
            tries += 1;
            thread::sleep(PAUSE);
        }
    }

    /// `URL/event`, with the query kept after it.
    fn with(&self, event: &str) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(event);
        }
        url
    }

    fn http(&self) -> Result<Http, reqwest::Error> {
        let builder = client_builder(self.0.scheme() == "http", is_loopback(&self.0));
        blocking::ClientBuilder::from(builder.connect_timeout(CONNECT_MAX))
            .timeout(ANSWER_MAX)
            .build()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_appended_to_the_path() {
        for (url, with) in [
            ("https://hc-ping.com/abc", "https://hc-ping.com/abc/start"),
            ("https://hc-ping.com/abc/", "https://hc-ping.com/abc/start"),
            (
                "https://hc-ping.com/key/slug?create=1",
                "https://hc-ping.com/key/slug/start?create=1",
            ),
            ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x/start"),
        ] {
            assert_eq!(url.parse::<PingUrl>().unwrap().with("start").as_str(), with);
        }
    }

    #[test]
    fn neither_a_wrong_url_nor_debug_shows_the_secret() {
        for (url, error) in [
            ("http://hc-ping.com/s3cret", PingUrlError::NotEncrypted),
            ("hc-ping.com/s3cret", PingUrlError::Malformed),
            ("ftp://hc-ping.com/s3cret", PingUrlError::Malformed),
        ] {
            let found = url.parse::<PingUrl>().unwrap_err();
            assert_eq!(found, error);
            assert!(!found.to_string().contains("s3cret"));
        }
        let url: PingUrl = "https://user:pass@hc-ping.com/s3cret".parse().unwrap();
        assert_eq!(format!("{url:?}"), "PingUrl(\"hc-ping.com\")");
    }
}
