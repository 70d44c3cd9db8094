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
    output::{Sent, Unpacked, elastic, lines, loki, otlp},
    ship::{self, Delivery, exchange, http_client, tls},
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

/// How bodies are written and answers are read.
#[derive(Debug, Clone)]
pub(super) enum Form {
    Otlp,
    Loki,
    JsonLines,
    Elasticsearch { index: String },
}

/// One receiver.
#[derive(Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    url: Url,
    token: Token,
    headers: HeaderMap,
    form: Form,
}

impl Http {
    pub(super) fn new(settings: &Settings, form: Form) -> Result<Self, ship::Error> {
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
        Ok(Self { client, url, token, headers, form })
    }

    pub(super) async fn send(
        &self,
        unpacked: &Unpacked,
        part: Range<usize>,
        now: SystemTime,
    ) -> Sent {
        let entries = unpacked.part(part.clone());
        let (content_type, body) = match &self.form {
            Form::Otlp => ("application/x-protobuf", otlp::body(unpacked, entries)),
            Form::Loki => ("application/json", loki::body(unpacked, entries)),
            Form::JsonLines => ("application/x-ndjson", lines::body(entries)),
            Form::Elasticsearch { index } => {
                ("application/x-ndjson", elastic::body(unpacked, entries, part.start, index))
            }
        };
        let Ok(body) = gzip(&body) else { return Sent::failed("cannot compress") };
        let mut request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, content_type)
            .header(CONTENT_ENCODING, "gzip")
            .body(body);
        match self.authorization() {
            Ok(Some(value)) => request = request.header(AUTHORIZATION, value),
            Ok(None) => {}
            Err(why) => {
                return Sent::Not(Delivery::Held { hint: "check the output's token_file", why });
            }
        }
        match exchange(request, now).await {
            (Delivery::Delivered { .. }, body) => match &self.form {
                Form::Otlp => otlp::read_answer(&body),
                Form::Elasticsearch { .. } => elastic::read_answer(&body),
                Form::Loki | Form::JsonLines => Sent::ALL,
            },
            (delivery, _) => Sent::Not(delivery),
        }
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        let token = match &self.token {
            Token::None => return Ok(None),
            Token::Inline(token) => token.expose_secret().to_owned(),
            Token::File(file) => fs::read_to_string(file)
                .map_err(|error| format!("cannot read {}: {error}", file.display()))?,
        };
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.trim()))
            .map_err(|_| "the token has a character that cannot be sent".to_owned())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
