//! `[[output]]`: destinations besides the listener.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    config::{Error, in_range},
    output::{self, HttpSettings, MetricsSettings, Token},
    ship::tls,
};

/// What an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// OTLP over HTTP, logs: `url` such as `http://collector:4318/v1/logs`.
    Otlp,
    /// OTLP over HTTP, metrics: `url` such as `http://collector:4318/v1/metrics`.
    OtlpMetrics,
    /// Loki: `url` such as `http://loki:3100/loki/api/v1/push`.
    Loki,
    /// Elasticsearch and OpenSearch: `url` such as `http://search:9200/_bulk`, and `index`.
    Elasticsearch,
    /// Graylog over TCP, `address` such as `graylog:12201`, or HTTP, `url` such as
    /// `http://graylog:12201/gelf`.
    Gelf,
    /// JSON lines over HTTP: `url`.
    Http,
    /// JSON lines in a file: `path`.
    File,
    /// JSON lines on the agent's stdout.
    Stdout,
}

/// One output.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Its name, which must not change: the buffer knows its place by it.
    pub name: String,
    /// `otlp`, `otlp_metrics`, `loki`, `elasticsearch`, `gelf`, `http`, `file` or `stdout`.
    pub kind: Kind,
    /// The whole address, for those over HTTP.
    #[serde(default)]
    pub url: String,
    /// `host:port`, for GELF over TCP.
    #[serde(default)]
    pub address: String,
    /// The file, for `file`.
    #[serde(default)]
    pub path: PathBuf,
    /// The index or data stream, for Elasticsearch; `postgresql-logs` by default.
    #[serde(default = "usual_index")]
    pub index: String,
    /// Bearer token. Better in a file of its own.
    #[serde(default)]
    pub token: SecretString,
    /// File with the bearer token.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// Other headers, such as `Authorization` or `X-Scope-OrgID`.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretString>,
    /// PEM file with the only authorities that are trusted; the machine's own by default.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The time between two requests with metrics, in seconds; 60 by default, 10 to 3,600.
    #[serde(default = "usual_interval_s")]
    pub interval_s: u64,
    /// How long a request may take, in seconds; 10 by default, 1 to 60.
    #[serde(default = "usual_timeout_s")]
    pub timeout_s: u64,
}

fn usual_index() -> String {
    "postgresql-logs".to_owned()
}

const fn usual_interval_s() -> u64 {
    60
}

const fn usual_timeout_s() -> u64 {
    10
}

/// An output that makes sense.
pub(super) enum Checked {
    /// It gets the entries.
    Entries(output::Settings),
    /// It gets metrics.
    Metrics(MetricsSettings),
}

impl Output {
    /// Checks every key. `project` is the project's name.
    pub(super) fn check(&self, project: &str) -> Result<Checked, Error> {
        if self.name.is_empty() {
            let hint = "give each [[output]] a name of its own";
            return Err(Error::new("output.name", "it is empty", hint));
        }
        let kind = match self.kind {
            Kind::OtlpMetrics => return self.metrics(project),
            Kind::Otlp => output::Kind::Otlp(self.http()?),
            Kind::Loki => output::Kind::Loki(self.http()?),
            Kind::Http => output::Kind::JsonLines(self.http()?),
            Kind::Elasticsearch => {
                output::Kind::Elasticsearch { http: self.http()?, index: self.index.clone() }
            }
            Kind::Gelf if !self.url.is_empty() => output::Kind::GelfHttp(self.http()?),
            Kind::Gelf => {
                if !self.address.contains(':') {
                    let problem = format!("{:?} has no port", self.address);
                    let hint =
                        "write it like graylog.example.com:12201, or set url for GELF over HTTP";
                    return Err(Error::new("output.address", problem, hint));
                }
                output::Kind::Gelf { address: self.address.clone(), timeout: self.timeout()? }
            }
            Kind::File if self.path.as_os_str().is_empty() => {
                return Err(Error::new("output.path", "it is not set", "name the file"));
            }
            Kind::File => output::Kind::File(self.path.clone()),
            Kind::Stdout => output::Kind::Stdout,
        };
        Ok(Checked::Entries(output::Settings { name: self.name.clone(), kind }))
    }

    fn metrics(&self, project: &str) -> Result<Checked, Error> {
        let interval_s = in_range("output.interval_s", self.interval_s, 10..=3600)?;
        Ok(Checked::Metrics(MetricsSettings {
            name: self.name.clone(),
            http: self.http()?,
            interval: Duration::from_secs(interval_s),
            project: project.to_owned(),
        }))
    }

    fn http(&self) -> Result<HttpSettings, Error> {
        let hint = "write the whole address, such as http://collector:4318/v1/logs";
        let url = reqwest::Url::parse(&self.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| {
                let problem = format!("{:?} of {:?} is no address", self.url, self.name);
                Error::new("output.url", problem, hint)
            })?;
        let token = match (&self.token_file, self.token.expose_secret()) {
            (None, "") => Token::None,
            (None, _) => Token::Inline(self.token.clone()),
            (Some(file), "") => Token::File(file.clone()),
            (Some(_), _) => {
                let problem = "output.token_file is set as well";
                return Err(Error::new("output.token", problem, "keep one of the two"));
            }
        };
        let tls = tls::Settings { ca_file: self.ca_file.clone(), ..tls::Settings::default() };
        let (headers, timeout) = (self.headers.clone(), self.timeout()?);
        Ok(HttpSettings { url, token, headers, timeout, tls })
    }

    fn timeout(&self) -> Result<Duration, Error> {
        Ok(Duration::from_secs(in_range("output.timeout_s", self.timeout_s, 1..=60)?))
    }
}
