//! Everything that is not a 200, as JSON.

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{self, HeaderName},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use wire::Refusal;

use crate::{store, validate::Invalid};

/// A request that is refused: a status, a [`Refusal`] and the headers that go with them.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    message: String,
    details: Vec<String>,
    header: Option<Header>,
}

/// What a refusal says besides its body.
#[derive(Debug, Clone, Copy)]
enum Header {
    /// How to prove who one is.
    Challenge(&'static str),
    /// When to come again, in seconds.
    RetryAfter(u32),
    /// That the connection is of no more use.
    Close,
    /// How bodies may be compressed.
    AcceptEncoding,
}

impl Header {
    fn pair(self) -> (HeaderName, HeaderValue) {
        match self {
            Self::Challenge(scheme) => (header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme)),
            Self::RetryAfter(seconds) => (header::RETRY_AFTER, HeaderValue::from(seconds)),
            Self::Close => (header::CONNECTION, HeaderValue::from_static("close")),
            Self::AcceptEncoding => {
                (header::ACCEPT_ENCODING, HeaderValue::from_static("zstd, gzip"))
            }
        }
    }
}

impl Refused {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), details: Vec::new(), header: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>, challenge: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message).with(Header::Challenge(challenge))
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(crate) fn method_not_allowed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, message)
    }

    pub(crate) fn misdirected(message: impl Into<String>) -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, message)
    }

    pub(crate) fn timeout(message: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, message).with(Header::Close)
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    pub(crate) fn unknown_encoding(encoding: &str) -> Self {
        let message = format!("Content-Encoding {encoding} is not known");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
            .with(Header::AcceptEncoding)
            .detail("hint: send zstd, gzip or no encoding")
    }

    pub(crate) fn too_many(message: impl Into<String>, retry_after_s: u32) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, message).with(Header::RetryAfter(retry_after_s))
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// Adds a line that says where it is wrong or what to do.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    fn with(mut self, header: Header) -> Self {
        self.header = Some(header);
        self
    }

    /// The status that it is answered with.
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, in one line.
    pub(crate) fn reason(&self) -> String {
        match self.details.first() {
            Some(detail) => format!("{}: {detail}", self.message),
            None => self.message.clone(),
        }
    }
}

impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        Self { details: invalid.details, ..Self::bad_request(invalid.message) }
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Busy => Self::too_many("Too much waits to be written", 1),
            store::Error::TooSlow => Self::unavailable("The search took too long")
                .detail("hint: narrow it with from, to, project or level"),
            store::Error::Refused(_) | store::Error::Closed => {
                Self::unavailable("The database refuses; nothing was stored")
                    .with(Header::RetryAfter(10))
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let refusal = Refusal {
            error: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            message: self.message,
            details: self.details,
        };
        let mut response = json(&refusal);
        *response.status_mut() = self.status;
        if let Some((name, value)) = self.header.map(Header::pair) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// A 200 with a JSON body.
pub(super) fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
