//! Answers: the envelopes of the API, its errors, and those of proxies.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use serde_json::{Value, json};

use super::{injected_fault::ErrorBody, options::ErrorShape, rules::Violation};

/// An error without the shape in which it is sent.
#[derive(Debug)]
pub(super) struct ErrorAnswer {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) text: String,
    /// The invalid contacts, in the order of the batch.
    invalid: Vec<InvalidContact>,
}

#[derive(Debug)]
pub(super) struct InvalidContact {
    pub(super) index: usize,
    pub(super) id: String,
    pub(super) violation: Violation,
}

impl ErrorAnswer {
    pub(super) fn new(status: u16, code: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            code,
            text: text.into(),
            invalid: Vec::new(),
        }
    }

    /// Refuses a batch because of these contacts, if there are any.
    pub(super) fn check(
        status: u16,
        code: &'static str,
        mut invalid: Vec<InvalidContact>,
    ) -> Result<(), Self> {
        invalid.sort_by_key(|contact| contact.index);
        let Some(first) = invalid.first() else {
            return Ok(());
        };
        Err(Self {
            text: first.violation.text.clone(),
            invalid,
            ..Self::new(status, code, "")
        })
    }

    pub(super) fn shaped(self, shape: ErrorShape) -> SandboxAnswer {
        let Self {
            status,
            code,
            text,
            invalid,
        } = self;
        let all = |shown: fn(&InvalidContact) -> Value| {
            Some(invalid.iter().map(shown).collect::<Value>()).filter(|_| !invalid.is_empty())
        };
        let first = |place: fn(&InvalidContact) -> Value| {
            invalid.first().map(|it| it.with_field(place(it)))
        };
        let classic = |text: &str, data: Option<Value>| {
            let mut body = json!({ "error": code, "description": text });
            if let Some(data) = data {
                body["data"] = data;
            }
            body
        };
        let body = match shape {
            ErrorShape::Classic => classic(&text, first(|it| json!({ "index": it.index }))),
            ErrorShape::Id => classic(&text, first(|it| json!({ "id": it.id }))),
            ErrorShape::FromOne => classic(&text, first(|it| json!({ "index": it.index + 1 }))),
            ErrorShape::Index => match all(InvalidContact::listed) {
                Some(data) => classic("some contacts are invalid", Some(data)),
                None => classic(&text, None),
            },
            ErrorShape::Validator => json!({
                "statusCode": status,
                "message": all(|it| it.sentence().into()).unwrap_or_else(|| text.into()),
                "error": reason_phrase(status),
            }),
            ErrorShape::Nested => json!({
                "status": status,
                "requestId": "5e1c6cf2-7d2b-4c5f-9a3e-0c8d0a7b1f42",
                "error": { "code": code, "message": text, "data": all(InvalidContact::described) },
            }),
            ErrorShape::Silent => json!({ "error": code }),
        };
        SandboxAnswer::json(status, body.to_string().into_bytes())
    }
}

impl InvalidContact {
    fn with_field(&self, mut place: Value) -> Value {
        if !self.violation.field.is_empty() {
            place["field"] = self.violation.field.into();
        }
        place
    }

    /// `{"index":3,"fields":["contact_data"]}`
    fn listed(&self) -> Value {
        let path = self.violation.path();
        let fields: Vec<_> = path
            .split('.')
            .take(1)
            .filter(|it| !it.is_empty())
            .collect();
        json!({ "index": self.index, "fields": fields })
    }

    /// `{"index":3,"field":"contact_data.0.chat_id","message":"chat_id is missing"}`
    fn described(&self) -> Value {
        let Violation { text, .. } = &self.violation;
        json!({ "index": self.index, "field": self.violation.path(), "message": text })
    }

    /// `contacts.3.contact_data.0.chat_id is missing`
    fn sentence(&self) -> String {
        let Violation { chat, text, field } = &self.violation;
        match chat {
            Some(place) => format!("contacts.{}.contact_data.{place}.{text}", self.index),
            None if field.is_empty() => format!("contacts.{}: {text}", self.index),
            None => format!("contacts.{}.{text}", self.index),
        }
    }
}

fn reason_phrase(status: u16) -> &'static str {
    let status = StatusCode::from_u16(status).ok();
    status
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default()
}

/// An answer that has not been sent yet.
#[derive(Debug)]
pub(super) struct SandboxAnswer {
    pub(super) status: u16,
    content_type: Option<&'static str>,
    body: Vec<u8>,
}

impl SandboxAnswer {
    fn json(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: Some("application/json; charset=utf-8"),
            body,
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

    pub(super) fn fault(status: u16, body: ErrorBody) -> Self {
        match body {
            ErrorBody::Json => {
                let code = match status {
                    429 => "TOO_MANY_REQUESTS",
                    500.. => "INTERNAL_ERROR",
                    _ => "REFUSED",
                };
                ErrorAnswer::new(status, code, "a fault injected by the sandbox")
                    .shaped(ErrorShape::Classic)
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
        response
    }
}
