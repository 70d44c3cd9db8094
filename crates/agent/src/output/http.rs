//! Outputs over HTTP.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    ops::Range,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use flate2::{Compression, write::GzEncoder};
use reqwest::{
    Url,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    output::{Sent, Unpacked, elastic, gelf, lines, loki, otlp},
    ship::{self, Delivery, bearer, exchange, http_client, tls, without_marks},
};

/// Where and how to send.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The whole address.
    pub url: Url,
    /// What to present.
    pub token: Token,
    /// Other headers.
    pub headers: BTreeMap<String, SecretString>,
    /// How long a request may take in all.
    pub timeout: Duration,
    /// Whom to trust, and as whom to present oneself.
    pub tls: tls::Settings,
}

/// A bearer token. One in a file is read for each request, so that it can be changed.
#[derive(Debug, Clone)]
pub enum Token {
    /// None.
    None,
    /// The token itself.
    Inline(SecretString),
    /// The file with it.
    File(PathBuf),
}

pub(super) const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const JSON_LINES: &str = "application/x-ndjson";

/// How bodies are written and answers are read.
#[derive(Debug, Clone)]
pub(super) enum Form {
    Otlp,
    Loki,
    JsonLines,
    Elasticsearch { index: String },
    Gelf,
}

impl Form {
    /// The most entries of one request.
    pub(super) const fn max_entries(&self) -> usize {
        match self {
            // A receiver of GELF takes one message at a time, unless it is told otherwise.
            Self::Gelf => 1,
            Self::Otlp | Self::Loki | Self::JsonLines | Self::Elasticsearch { .. } => usize::MAX,
        }
    }
}

/// A receiver of entries.
#[derive(Debug)]
pub(super) struct Receiver {
    http: Http,
    form: Form,
}

impl Receiver {
    pub(super) fn new(settings: &Settings, form: Form) -> Result<Self, ship::Error> {
        Ok(Self { http: Http::new(settings)?, form })
    }

    /// The most entries of one request.
    pub(super) const fn max_entries(&self) -> usize {
        self.form.max_entries()
    }

    pub(super) async fn send(
        &self,
        unpacked: &Unpacked,
        part: Range<usize>,
        now: SystemTime,
    ) -> Sent {
        let entries = unpacked.part(part.clone());
        let (content_type, body) = match &self.form {
            Form::Otlp => (PROTOBUF, otlp::body(unpacked, entries)),
            Form::Loki => (JSON, loki::body(unpacked, entries)),
            Form::JsonLines => (JSON_LINES, lines::body(entries)),
            Form::Elasticsearch { index } => {
                (JSON_LINES, elastic::body(unpacked, entries, part.start, index))
            }
            Form::Gelf => (JSON, gelf::body(unpacked, entries)),
        };
        let body = match self.http.post(content_type, &body, now).await {
            Ok(body) => body,
            Err(delivery) => return Sent::Not(delivery),
        };
        match &self.form {
            Form::Otlp => otlp::read_answer(&body),
            Form::Elasticsearch { .. } => elastic::read_answer(&body, entries.len()),
            Form::Loki | Form::JsonLines | Form::Gelf if is_page(&body) => {
                Sent::not_answered("a web page is the answer".to_owned())
            }
            Form::Loki | Form::JsonLines | Form::Gelf => Sent::ALL,
        }
    }
}

/// One server.
#[derive(Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    url: Url,
    token: Token,
    headers: HeaderMap,
}

impl Http {
    pub(super) fn new(settings: &Settings) -> Result<Self, ship::Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let name = HeaderName::try_from(name.as_str()).map_err(|_| ship::Error::Key)?;
            let mut value =
                HeaderValue::try_from(value.expose_secret()).map_err(|_| ship::Error::Key)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let client = http_client(&settings.url, settings.timeout, &settings.tls)?;
        let (url, token) = (settings.url.clone(), settings.token.clone());
        Ok(Self { client, url, token, headers })
    }

    /// Sends a body, and returns that of the answer where it is a success.
    pub(super) async fn post(
        &self,
        content_type: &'static str,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Vec<u8>, Delivery> {
        let failed = |why| Delivery::Failed { why };
        let body = gzip(body).map_err(|error| failed(format!("cannot compress: {error}")))?;
        let mut request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, content_type)
            .header(CONTENT_ENCODING, "gzip")
            .body(body);
        let held = |why| Delivery::Held { hint: "check the output's token_file", why };
        if let Some(value) = self.authorization().map_err(held)? {
            request = request.header(AUTHORIZATION, value);
        }
        match exchange(request, now).await {
            (Delivery::Delivered { .. }, body) => Ok(body),
            (delivery, _) => Err(delivery),
        }
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        let token = match &self.token {
            Token::None => return Ok(None),
            Token::Inline(token) => token.expose_secret().to_owned(),
            Token::File(file) => fs::read_to_string(file)
                .map_err(|error| format!("cannot read {}: {error}", file.display()))?,
        };
        let value = bearer(without_marks(&token));
        let value = value.ok_or("the token has a character that cannot be sent")?;
        Ok(Some(value))
    }
}

/// Tells whether an answer is a page for people, as of a proxy that asks for a login.
fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
