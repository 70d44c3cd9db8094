//! One HTTP client for one listener.

use std::{
    env,
    fs::File,
    io::{self, Read as _},
    net::IpAddr,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{
    Url,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    redirect,
};
use secrecy::{ExposeSecret as _, SecretString};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    batch::SealedBatch,
    ship::{
        delivery::{Delivery, OUTPUT, Reply},
        tls,
    },
};

/// The most bytes of an answer that are read.
const MAX_REPLY_BYTES: usize = 64 << 10;
/// The most bytes of an answer of a receiver that answers for each entry.
const MAX_OTHER_REPLY_BYTES: usize = 4 << 20;
/// The most bytes of a key file that are read.
const MAX_KEY_BYTES: u64 = 64 << 10;

/// Where and how to send.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The listener's address with its path, such as `https://listener:8443/ingest/postgres`.
    pub url: Url,
    /// The project's key.
    pub api_key: SecretString,
    /// The file that the key came from, which is read again when the listener refuses the key.
    pub api_key_file: Option<PathBuf>,
    /// How long a request may take in all; 5 s by default.
    pub timeout: Duration,
    /// Whom to trust, and as whom to present oneself.
    pub tls: tls::Settings,
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key has characters that a header cannot carry.
    #[error("listener.api_key has a character that cannot be sent: only visible ASCII can")]
    Key,
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The TLS or proxy set-up failed.
    #[error("cannot set the HTTP client up")]
    Setup(#[source] reqwest::Error),
}

/// Sends requests, one after the other, over a connection that is kept.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    authorization: HeaderValue,
    api_key_file: Option<PathBuf>,
    /// The variable of the environment that sets a proxy.
    proxy: Option<&'static str>,
}

impl Client {
    /// Makes a client. It connects when it sends.
    ///
    /// # Errors
    /// [`Error`] where the key or the machine's TLS set-up is unusable.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let authorization = bearer(settings.api_key.expose_secret()).ok_or(Error::Key)?;
        let http = http_client(&settings.url, settings.timeout, &settings.tls)?;
        let (url, api_key_file) = (settings.url.clone(), settings.api_key_file.clone());
        let proxy = proxy_of(&url);
        Ok(Self { http, url, authorization, api_key_file, proxy })
    }

    /// Reads the key file again. Tells whether there is another key in it now.
    pub fn refresh_key(&mut self) -> bool {
        let Some(file) = &self.api_key_file else { return false };
        let mut key = String::new();
        let read =
            File::open(file).and_then(|file| file.take(MAX_KEY_BYTES).read_to_string(&mut key));
        // Whoever changes it may be about to write it.
        let key = without_marks(&key);
        let Some(found) = read.ok().and_then(|_| bearer(key)) else { return false };
        let is_new = !key.is_empty() && found != self.authorization;
        if is_new {
            self.authorization = found;
        }
        is_new
    }

    /// Returns a number that tells this listener's address from others.
    pub(super) fn address_hash(&self) -> i64 {
        xxh3_64(self.url.as_str().as_bytes()).cast_signed()
    }

    /// Sends a batch and says how it went. `now` is the time of day.
    pub async fn send(&self, batch: &SealedBatch, now: SystemTime) -> Delivery {
        let mut request = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, self.authorization.clone())
            .header(wire::IDEMPOTENCY_KEY, format!("\"{}\"", batch.id))
            .body(batch.body.clone());
        if let Some(encoding) = batch.encoding.header() {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        match answer(request, MAX_REPLY_BYTES).await {
            Ok((status, retry_after, body)) => {
                let reply = Reply { status, retry_after: retry_after.as_deref(), body: &body };
                Delivery::of(&reply, now)
            }
            Err(error) => {
                let mut why = in_words(&error);
                if let Some(variable) = self.proxy.filter(|_| error.is_connect()) {
                    why.push_str(&format!("; {variable} of the environment sets a proxy"));
                }
                Delivery::Failed { why }
            }
        }
    }
}

/// Returns the variable of the environment that sets a proxy for an address, where one does.
fn proxy_of(url: &Url) -> Option<&'static str> {
    let intercepts = Matcher::from_env().intercept(&url.as_str().parse().ok()?).is_some();
    if is_loopback(url) || !intercepts {
        return None;
    }
    let names = match url.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    names.into_iter().find(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Tells whether an address is this machine itself, which no proxy can reach for us.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Makes a client for one server.
pub(crate) fn http_client(
    url: &Url,
    timeout: Duration,
    tls: &tls::Settings,
) -> Result<reqwest::Client, Error> {
    // A second call in one process finds the provider installed, which is as good.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let tls = match url.scheme() {
        "https" => tls::config(tls)?,
        // A machine without certificates can still do without them.
        _ => tls::unused()?,
    };
    let builder = reqwest::Client::builder();
    let builder = if is_loopback(url) { builder.no_proxy() } else { builder };
    builder
        .tls_backend_preconfigured(tls)
        .timeout(timeout)
        // A redirect would carry the key to a server that nobody configured.
        .redirect(redirect::Policy::none())
        .user_agent(concat!("pgcourier/", env!("CARGO_PKG_VERSION")))
        .pool_max_idle_per_host(1)
        .build()
        .map_err(Error::Setup)
}

/// Sends a request to a receiver that is no listener of ours. Every success counts as one; the body says
/// more.
pub(crate) async fn exchange(
    request: reqwest::RequestBuilder,
    now: SystemTime,
) -> (Delivery, Vec<u8>) {
    match answer(request, MAX_OTHER_REPLY_BYTES).await {
        Ok((status, retry_after, body)) => {
            let reply = Reply { status, retry_after: retry_after.as_deref(), body: &body };
            (Delivery::of_status(&reply, now, &OUTPUT), body)
        }
        Err(error) => (Delivery::Failed { why: in_words(&error) }, Vec::new()),
    }
}

/// Returns what a file with a secret holds, without what editors put around it: line ends, spaces, and the
/// mark by which some tell UTF-8.
pub(crate) fn without_marks(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

/// Returns the header that carries a key. `None` where it cannot carry it.
pub(crate) fn bearer(key: &str) -> Option<HeaderValue> {
    if !key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return None;
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {key}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Sends a request and reads its answer, of which only the first part counts.
async fn answer(
    request: reqwest::RequestBuilder,
    max_bytes: usize,
) -> Result<(u16, Option<String>, Vec<u8>), reqwest::Error> {
    let mut response = request.send().await?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = max_bytes.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= max_bytes {
            break;
        }
    }
    Ok((status, retry_after, body))
}

/// The last cause says what happened; those above it only who noticed.
fn in_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    let mut hint = hint_of(cause);
    while let Some(source) = cause.source() {
        cause = source;
        hint = hint.or_else(|| hint_of(cause));
    }
    match hint {
        Some(hint) => format!("{cause}; {hint}"),
        None => cause.to_string(),
    }
}

/// What to do about an error, where it is one of TLS. The network's errors hide it, once or more often.
fn hint_of(cause: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(hidden) => hint_of(hidden),
        None => cause.downcast_ref().and_then(tls::hint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_addresses() {
        let is_own = |url: &str| is_loopback(&url.parse().unwrap());
        assert!(is_own("http://127.0.0.1:8443/x") && is_own("https://127.8.9.1/"));
        assert!(is_own("http://[::1]:8443/") && is_own("http://localhost/"));
        assert!(!is_own("http://10.0.0.1/") && !is_own("http://localhost.example.com/"));
    }

    #[test]
    fn key_is_what_a_header_can_carry() {
        assert_eq!(without_marks("\u{feff} key\r\n"), "key");
        assert!(bearer("pgc_0-~").is_some());
        for key in ["k\u{e9}y", "\u{feff}key", "k\ney", "k\0y", "k\u{7f}y"] {
            assert_eq!(bearer(key), None, "{key:?}");
        }
    }
}
