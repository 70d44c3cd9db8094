//! Who may come in: keys, names, and what a browser is told not to do.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{self, HeaderName},
        request::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

use crate::api::{App, Refused};

/// What a browser is told with every answer: run and load nothing but our own files, show it nowhere
/// else, tell nobody, keep nothing.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

/// A key. It is never printed and is compared in a time that does not tell how much of it was right.
#[derive(Debug, Clone)]
pub(crate) struct Secret(SecretString);

impl Secret {
    pub(crate) const fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    pub(crate) fn is(&self, presented: &[u8]) -> Choice {
        self.0.expose_secret().as_bytes().ct_eq(presented)
    }
}

/// The keys that agents send with, each for one project.
#[derive(Debug)]
pub(crate) struct Keys(Vec<(Arc<str>, Secret)>);

impl Keys {
    /// Takes a key for each project, in the order of the projects' names.
    pub(crate) const fn new(keys: Vec<(Arc<str>, Secret)>) -> Self {
        Self(keys)
    }

    pub(crate) fn projects(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(project, _)| &**project)
    }

    /// Returns the project whose key this is. Looks at every key, whichever fits.
    fn project_of(&self, presented: &[u8]) -> Option<&Arc<str>> {
        let mut found = None;
        for (project, key) in &self.0 {
            if bool::from(key.is(presented)) {
                found = Some(project);
            }
        }
        found
    }
}

/// The key to read with.
pub(crate) type ReadKey = Secret;

/// The names by which this listener may be asked. A page elsewhere can make a name of its own point to
/// this machine and read what it answers; the browser then still says that name.
#[derive(Debug)]
pub(crate) enum Hosts {
    /// Any name: whoever reads must know a key.
    Any,
    /// Names of this machine itself, and these.
    LoopbackAnd(Vec<String>),
}

impl Hosts {
    fn admit(&self, authority: &str) -> bool {
        let Self::LoopbackAnd(names) = self else { return true };
        let host = host_of(authority);
        if let Ok(address) = host.parse::<IpAddr>() {
            return address.is_loopback() || names.iter().any(|name| name == host);
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        host == "localhost"
            || host.ends_with(".localhost")
            || names.iter().any(|name| name.eq_ignore_ascii_case(&host))
    }
}

/// Returns the project whose key the request bears.
pub(super) fn project_of(app: &App, headers: &HeaderMap) -> Result<Arc<str>, Refused> {
    let refused = |message| Refused::unauthorized(message, "Bearer");
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(refused("Missing Authorization header"));
    };
    let Some(key) = credentials(value, "Bearer") else {
        return Err(refused("Missing Bearer token"));
    };
    if key.is_empty() {
        return Err(refused("Empty API key"));
    }
    let project = app.settings.keys.project_of(key);
    project.map(Arc::clone).ok_or_else(|| {
        refused("Invalid API key")
            .detail("hint: the agent's listener.api_key must be the key under projects here")
    })
}

/// Lets a reader through who knows the key: as Bearer token, or as the password of any user.
pub(super) async fn require_read_key(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(key) = &app.settings.read_key else { return next.run(request).await };
    let presented = request.headers().get(header::AUTHORIZATION);
    if presented.is_some_and(|value| is_reader(key, value)) {
        return next.run(request).await;
    }
    let message = if presented.is_some() { "Invalid read key" } else { "Missing read key" };
    Refused::unauthorized(message, r#"Basic realm="pgcourier", charset="UTF-8""#)
        .detail("hint: any user name, and server.read_key as password or Bearer token")
        .into_response()
}

fn is_reader(key: &ReadKey, value: &HeaderValue) -> bool {
    if let Some(token) = credentials(value, "Bearer") {
        return key.is(token).into();
    }
    let basic = credentials(value, "Basic").and_then(|basic| BASE64_STANDARD.decode(basic).ok());
    let Some(basic) = basic else { return false };
    let password = basic.splitn(2, |byte| *byte == b':').nth(1);
    password.is_some_and(|password| key.is(password).into())
}

/// Refuses names that are not ours and tells browsers what not to do.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let authority = authority(&parts);
    // A load balancer asks for our health by whatever name it has for us.
    let mut response = if parts.uri.path() == "/health" || app.settings.hosts.admit(authority) {
        next.run(Request::from_parts(parts, body)).await
    } else {
        Refused::misdirected(format!("This listener is not called {}", host_of(authority)))
            .detail("hint: add the name to server.host_names")
            .into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The name and port that the request is for.
fn authority(parts: &Parts) -> &str {
    if let Some(authority) = parts.uri.authority() {
        return authority.as_str();
    }
    let host = parts.headers.get(header::HOST);
    host.and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// The name without the port; `[::1]` without the brackets.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    }
}

/// Returns what stands behind the scheme's name, if the header is of that scheme.
fn credentials<'a>(value: &'a HeaderValue, scheme: &str) -> Option<&'a [u8]> {
    let value = value.as_bytes();
    let (name, rest) = value.split_at_checked(scheme.len())?;
    let is_separated = rest.is_empty() || rest.starts_with(b" ");
    (name.eq_ignore_ascii_case(scheme.as_bytes()) && is_separated).then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(key: &str) -> Secret {
        Secret::new(key.into())
    }

    #[test]
    fn a_key_decides_the_project_and_is_not_printed() {
        let keys = Keys::new(vec![("a".into(), secret("key-a")), ("b".into(), secret("key-b"))]);
        assert_eq!(keys.project_of(b"key-b").map(|project| &**project), Some("b"));
        assert_eq!(keys.project_of(b"key-"), None);
        assert_eq!(keys.project_of(b""), None);
        assert!(!format!("{keys:?}").contains("key-a"));
    }

    #[test]
    fn only_names_of_this_machine_and_those_listed_are_ours() {
        let hosts = Hosts::LoopbackAnd(vec!["Logs.example".to_owned(), "10.0.0.7".to_owned()]);
        for ours in [
            "localhost:8443",
            "LOCALHOST",
            "a.localhost",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:8443",
            "logs.example:80",
            "logs.example.",
            "10.0.0.7:8443",
        ] {
            assert!(hosts.admit(ours), "{ours}");
        }
        for other in
            ["", "evil.example", "10.0.0.8", "localhost.evil.example", "xlocalhost", "[::2]"]
        {
            assert!(!hosts.admit(other), "{other}");
        }
        assert!(Hosts::Any.admit("evil.example"));
    }

    #[test]
    fn a_reader_shows_the_key_as_token_or_as_password() {
        let key = secret("k:1");
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        let basic = |pair: &str| value(&format!("Basic {}", BASE64_STANDARD.encode(pair)));
        assert!(is_reader(&key, &value("Bearer k:1")));
        assert!(is_reader(&key, &value("bearer  k:1")));
        assert!(is_reader(&key, &basic("anybody:k:1")));
        for wrong in [value("Bearer"), value("k:1"), basic("k:1"), basic("x:y"), value("Basic ?")] {
            assert!(!is_reader(&key, &wrong), "{wrong:?}");
        }
    }
}
