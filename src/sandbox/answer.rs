//! Answers: the envelopes of the API, its errors, and those of proxies.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use serde_json::{Value, json};

use super::faults::ErrorBody;

/// An error in the form of the API.
#[derive(Debug)]
pub(super) struct ErrorAnswer {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) text: String,
    pub(super) data: Option<Value>,
}

impl ErrorAnswer {
    pub(super) fn new(status: u16, code: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            code,
            text: text.into(),
            data: None,
        }
    }

    pub(super) fn with_data(self, data: Option<Value>) -> Self {
        Self { data, ..self }
    }
}

/// An answer that has not been sent yet.
#[derive(Debug)]
pub(super) struct SandboxAnswer {
    pub(super) status: u16,
    content_type: Option<&'static str>,
    body: Vec<u8>,
    pub(super) retry_after: Option<String>,
}

impl SandboxAnswer {
    fn json(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: Some("application/json; charset=utf-8"),
            body,
            retry_after: None,
        }
    }

    /// `{"data":…,"meta":…}` with data that is JSON already.
    pub(super) fn data(data: &[u8]) -> Self {
        let timestamp = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let end = format!(",\"meta\":{{\"timestamp\":{timestamp}}}}}");
        Self::json(200, [b"{\"data\":", data, end.as_bytes()].concat())
    }

    /// `{"data":{"processed":…}}`
    pub(super) fn processed(count: usize) -> Self {
        Self::data(format!("{{\"processed\":{count}}}").as_bytes())
    }

    /// `{"data":…}` without `meta`, as the token call answers.
    pub(super) fn bare(data: &Value) -> Self {
        Self::json(200, json!({ "data": data }).to_string().into_bytes())
    }

    /// The answer of an injected fault.
    pub(super) fn fault(status: u16, body: ErrorBody) -> Self {
        match body {
            ErrorBody::Json => {
                let code = match status {
                    429 => "TOO_MANY_REQUESTS",
                    500.. => "INTERNAL_ERROR",
                    _ => "REFUSED",
                };
                ErrorAnswer::new(status, code, "a fault injected by the sandbox").into()
            }
            ErrorBody::Html => Self {
                content_type: Some("text/html"),
                body: format!(
                    "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n\
                     <center><h1>{status}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
                )
                .into_bytes(),
                ..Self::empty(status)
            },
            ErrorBody::Empty => Self::empty(status),
        }
    }

    const fn empty(status: u16) -> Self {
        Self {
            status,
            content_type: None,
            body: Vec::new(),
            retry_after: None,
        }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Some(kind) = self.content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(Ok(when)) = self.retry_after.map(HeaderValue::try_from) {
            headers.insert(header::RETRY_AFTER, when);
        }
        response
    }
}

impl From<ErrorAnswer> for SandboxAnswer {
    fn from(refusal: ErrorAnswer) -> Self {
        let mut body = json!({ "error": refusal.code, "description": refusal.text });
        if let Some(data) = refusal.data {
            body["data"] = data;
        }
        Self::json(refusal.status, body.to_string().into_bytes())
    }
}
