//! OTLP metrics: the agent's own, and how many entries of each level and event the logs have.
//!
//! `ExportMetricsServiceRequest` of opentelemetry-proto: <https://opentelemetry.io/docs/specs/otlp/>. Sums
//! are cumulative, so that the next request has all that one which failed had, and none is sent twice.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value as Json;

use crate::{
    output::{
        HttpSettings, Sent,
        http::{Http, PROTOBUF},
        otlp::{attribute, read_answer},
        protobuf::Message,
    },
    ship::{self, Delivery, Now},
    shutdown::Shutdown,
    status::{Export, Kind, Metric, Overview, Snapshot, Value, metrics},
};

/// Where metrics go, and how often.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The output's name.
    pub name: String,
    /// Where to.
    pub http: HttpSettings,
    /// The time between two requests.
    pub interval: Duration,
    /// The project's name.
    pub project: String,
}

/// Sends metrics to one receiver.
#[derive(Debug)]
pub struct Exporter {
    name: String,
    http: Http,
    interval: Duration,
    project: String,
    overview: Overview,
    export: Arc<Mutex<Export>>,
    is_failing: bool,
}

impl Exporter {
    /// Makes an exporter, which tells of itself in `export`. It connects when it sends.
    ///
    /// # Errors
    /// Where the client cannot be set up.
    pub fn new(
        settings: &Settings,
        overview: Overview,
        export: Arc<Mutex<Export>>,
    ) -> Result<Self, ship::Error> {
        let http = Http::new(&settings.http)?;
        let Settings { name, project, interval, .. } = settings.clone();
        Ok(Self { name, http, interval, project, overview, export, is_failing: false })
    }

    /// Sends until it is told to stop.
    pub async fn run(mut self, shutdown: Shutdown, clock: impl Fn() -> Now) {
        while !shutdown.is_requested() {
            let pause = self.turn(&clock).await;
            tokio::select! {
                () = shutdown.requested() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Sends what the metrics are now. Returns how long to wait before the next time.
    pub async fn turn(&mut self, clock: &impl Fn() -> Now) -> Duration {
        let now = clock();
        let snapshot = match self.overview.snapshot() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                tracing::error!(output = self.name, %error, "cannot read the buffer");
                return self.interval;
            }
        };
        let (body, points) = body(&snapshot, &self.project, now);
        let sent = match self.http.post(PROTOBUF, &body, now.wall).await {
            Ok(answer) => read_answer(&answer),
            Err(delivery) => Sent::Not(delivery),
        };
        let answered = clock();
        self.record(&sent, points, answered.monotonic.saturating_sub(now.monotonic), answered);
        match sent {
            Sent::Not(Delivery::Busy { retry_after }) => {
                self.interval.max(retry_after.unwrap_or_default())
            }
            _ => self.interval,
        }
    }

    fn record(&mut self, sent: &Sent, points: u64, took: Duration, now: Now) {
        let output = &self.name;
        let mut export = self.export.lock().unwrap_or_else(PoisonError::into_inner);
        let delivery = match sent {
            Sent::Taken { rejected, why } => {
                export.delivered += points.saturating_sub(*rejected);
                export.rejected += rejected;
                if *rejected > 0 {
                    tracing::warn!(output, rejected, why, "the output refuses data points");
                }
                &Delivery::Delivered { duplicate: false }
            }
            Sent::Not(delivery) => delivery,
        };
        export.sending.count(delivery, took, now.wall_ms());
        let is_failing = matches!(sent, Sent::Not(_));
        if is_failing && !self.is_failing {
            let why = &export.sending.last_problem;
            tracing::warn!(output, why, "the output does not take metrics; the next have it all");
        } else if !is_failing && self.is_failing {
            tracing::info!(output, "the output takes metrics again");
        }
        self.is_failing = is_failing;
    }
}

/// Writes a request. Returns it with the number of data points.
fn body(snapshot: &Snapshot, project: &str, now: Now) -> (Vec<u8>, u64) {
    let mut points = 0;
    let times = Times {
        started_ns: nanoseconds(Duration::try_from_secs_f64(snapshot.health.started_at)),
        now_ns: nanoseconds(now.wall.duration_since(std::time::UNIX_EPOCH)),
    };
    let mut request = Message::default();
    // ExportMetricsServiceRequest.resource_metrics
    request.message(1, |metrics_of| {
        // ResourceMetrics.resource
        metrics_of.message(1, |resource| {
            for (name, value) in [
                ("service.name", "pgcourier"),
                ("service.namespace", project),
                ("service.instance.id", snapshot.health.agent.as_str()),
                ("service.version", snapshot.health.version.as_str()),
                ("host.name", snapshot.health.agent.as_str()),
            ] {
                attribute(resource, 1, name, &Json::from(value));
            }
        });
        // ResourceMetrics.scope_metrics
        metrics_of.message(2, |scope| {
            scope.message(1, |scope| {
                scope.text(1, "pgcourier");
                scope.text(2, env!("CARGO_PKG_VERSION"));
            });
            for metric in metrics(snapshot).iter().filter(|metric| !metric.samples.is_empty()) {
                points += metric.samples.len() as u64;
                scope.message(2, |message| times.metric(message, metric));
            }
        });
    });
    (request.into_bytes(), points)
}

fn nanoseconds<E>(since_1970: Result<Duration, E>) -> u64 {
    since_1970.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// The times of all data points.
#[derive(Debug, Clone, Copy)]
struct Times {
    started_ns: u64,
    now_ns: u64,
}

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`
const CUMULATIVE: u64 = 2;

impl Times {
    fn metric(&self, message: &mut Message, metric: &Metric) {
        let (name, unit) = name_and_unit(metric.name);
        message.text(1, &name);
        message.text(2, metric.help);
        message.text(3, unit);
        // Metric.gauge, sum, histogram
        let field = match metric.kind {
            Kind::Gauge => 5,
            Kind::Counter | Kind::Account => 7,
            Kind::Histogram => 9,
        };
        message.message(field, |values| {
            for sample in &metric.samples {
                values.message(1, |point| {
                    self.point(point, metric.kind, &sample.value);
                    let field = if metric.kind == Kind::Histogram { 9 } else { 7 };
                    for (label, text) in &sample.labels {
                        attribute(point, field, label, &Json::from(text.as_str()));
                    }
                });
            }
            if metric.kind != Kind::Gauge {
                values.uint(2, CUMULATIVE);
            }
            if matches!(metric.kind, Kind::Counter | Kind::Account) {
                // Sum.is_monotonic
                values.uint(3, 1);
            }
        });
    }

    fn point(&self, point: &mut Message, kind: Kind, value: &Value) {
        // When the buffer was made is not known.
        if matches!(kind, Kind::Counter | Kind::Histogram) {
            point.fixed64(2, self.started_ns);
        }
        point.fixed64(3, self.now_ns);
        match value {
            Value::Count(count) => point.fixed64(6, *count),
            Value::Measure(measure) => point.double(4, *measure),
            Value::Histogram { bounds, counts, sum } => {
                point.fixed64(4, counts.iter().sum());
                point.double(5, *sum);
                point.bytes(6, &counts.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>());
                point.bytes(7, &bounds.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>());
            }
        }
    }
}

/// Returns a name as OpenTelemetry has them, whose unit stands by itself. What turns such metrics into
/// Prometheus' puts the unit back, so that names are those of `/metrics`.
fn name_and_unit(name: &str) -> (String, &'static str) {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let (name, unit) = match (name.strip_suffix("_seconds"), name.strip_suffix("_bytes")) {
        (Some(name), _) => (name, "s"),
        (None, Some(name)) => (name, "By"),
        (None, None) => (name, ""),
    };
    (format!("pgcourier.{name}"), unit)
}
