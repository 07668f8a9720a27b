//! The options of a client.

use std::time::Duration;

use super::{base_url::BaseUrl, concurrency::Concurrency, rate::Rate, retry::RetryPolicy};

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
