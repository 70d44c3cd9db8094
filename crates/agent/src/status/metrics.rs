//! The overview as metrics, whatever the form in which they are asked for or sent.

use wire::{BreakerState, FileHealth};

use crate::{
    ship::{LATENCY_BUCKETS, OUTCOMES, Progress},
    status::{OutputStatus, Snapshot},
};

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value of the moment.
    Gauge,
    /// A sum since the agent started.
    Counter,
    /// A sum since the buffer was made.
    Account,
    /// A distribution since the agent started.
    Histogram,
}

/// A metric with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name, without what stands before all of them, and with its unit.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it means, without a full stop.
    pub help: &'static str,
    /// Its values.
    pub samples: Vec<Sample>,
}

/// One value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What tells it from the others.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number.
    Count(u64),
    /// Any number.
    Measure(f64),
    /// A distribution: how many are in each bucket, and one count more for what is beyond the last bound.
    Histogram {
        /// Upper bounds of the buckets.
        bounds: &'static [f64],
        /// How many are in each.
        counts: Vec<u64>,
        /// The sum of all values.
        sum: f64,
    },
}

impl<T: Into<u64>> From<T> for Value {
    fn from(count: T) -> Self {
        Self::Count(count.into())
    }
}

/// Returns all metrics. `docs/delivery.md` lists them.
#[must_use]
pub fn metrics(snapshot: &Snapshot) -> Vec<Metric> {
    let mut list = List(Vec::new());
    let health = &snapshot.health;
    list.begin("build_info", Kind::Gauge, "The agent's version");
    list.sample(&[("version", &health.version), ("agent", &health.agent)], 1_u64);
    list.measure("start_time_seconds", "When the agent started", health.started_at);
    let help = "How long the slower of reading and sending has made no turn";
    list.measure("standstill_seconds", help, snapshot.standstill_s);
    ledger(&mut list, snapshot);
    buffer(&mut list, snapshot);
    sending(&mut list, &snapshot.sending);
    outputs(&mut list, snapshot);
    files(&mut list, snapshot);
    list.begin("log_entries_total", Kind::Counter, "Entries read, by level and event");
    for (level, event, count) in snapshot.tally.counts() {
        list.sample(&[("level", level), ("event", event)], count);
    }
    list.0
}

fn outputs(list: &mut List, snapshot: &Snapshot) {
    let mut of_outputs = |name, kind, help, value: fn(&OutputStatus) -> u64| {
        list.begin(name, kind, help);
        for output in &snapshot.outputs {
            list.sample(&[("output", &output.name)], value(output));
        }
    };
    let (counter, gauge) = (Kind::Account, Kind::Gauge);
    of_outputs("output_entries_delivered_total", counter, "Entries that an output took", |o| {
        o.delivered
    });
    of_outputs("output_entries_rejected_total", counter, "Entries that it refused", |o| o.rejected);
    of_outputs("output_entries_lost_total", counter, "Entries dropped before it had them", |o| {
        o.lost
    });
    of_outputs("output_breaker_open", gauge, "1 while its circuit breaker is not closed", |o| {
        u64::from(o.sending.breaker.state != BreakerState::Closed)
    });
    list.begin("metrics_points_total", Kind::Counter, "Data points sent, by what became of them");
    for export in &snapshot.exports {
        let name = ("output", export.name.as_str());
        list.sample(&[name, ("outcome", "delivered")], export.delivered);
        list.sample(&[name, ("outcome", "rejected")], export.rejected);
    }
}

fn ledger(list: &mut List, snapshot: &Snapshot) {
    let ledger = &snapshot.health.ledger;
    list.one("entries_read_total", Kind::Account, "Entries read and stored", ledger.read);
    list.one("entries_delivered_total", Kind::Account, "Entries confirmed", ledger.delivered);
    list.one("entries_waiting", Kind::Gauge, "Entries in the buffer", ledger.waiting);
    let help = "Entries that the listener refused for good";
    list.one("entries_dead_lettered", Kind::Gauge, help, ledger.dead_lettered);
    list.begin("entries_lost_total", Kind::Account, "Entries lost, by reason");
    for (reason, entries) in &ledger.lost {
        list.sample(&[("reason", reason)], *entries);
    }
}

fn buffer(list: &mut List, snapshot: &Snapshot) {
    let (buffer, detail) = (&snapshot.health.buffer, &snapshot.stats);
    list.one("buffer_batches", Kind::Gauge, "Batches that wait", buffer.batches);
    list.one("buffer_used_bytes", Kind::Gauge, "Bytes in use in the buffer", buffer.used_bytes);
    list.one("buffer_max_bytes", Kind::Gauge, "The bound on them", buffer.max_bytes);
    list.one("buffer_disk_bytes", Kind::Gauge, "Bytes that the folder takes", detail.disk_bytes);
    let help = "Age of the oldest batch that waits";
    list.measure("buffer_oldest_age_seconds", help, buffer.oldest_age_s);
    list.one("dead_letters", Kind::Gauge, "Dead letters", detail.dead_letters);
    let help = "1 where a damaged buffer was made anew since the start";
    list.one("buffer_was_damaged", Kind::Gauge, help, u64::from(detail.was_damaged));
}

fn sending(list: &mut List, progress: &Progress) {
    let breaker = &progress.breaker;
    list.begin("breaker_state", Kind::Gauge, "1 for the state that the circuit breaker is in");
    for state in [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen] {
        list.sample(&[("state", state.as_str())], u64::from(breaker.state == state));
    }
    let help = "Failures since the last success";
    list.one("breaker_consecutive_failures", Kind::Gauge, help, breaker.consecutive_failures);
    let help = "How often the circuit breaker opened";
    list.one("breaker_opened_total", Kind::Counter, help, breaker.opened_total);
    let help = "1 for each source that the listener refuses as a whole";
    list.begin("source_held", Kind::Gauge, help);
    for source in &progress.held_sources {
        list.sample(&[("source", source.as_str())], 1_u64);
    }
    list.begin("requests_total", Kind::Counter, "Requests, by what became of them");
    for (outcome, count) in OUTCOMES.iter().zip(progress.requests) {
        list.sample(&[("outcome", outcome)], count);
    }
    list.begin("request_duration_seconds", Kind::Histogram, "How long requests took");
    let (counts, sum) = (progress.latency.to_vec(), progress.latency_sum_s);
    list.sample(&[], Value::Histogram { bounds: &LATENCY_BUCKETS, counts, sum });
}

fn files(list: &mut List, snapshot: &Snapshot) {
    let mut of_files = |name, help, value: fn(&FileHealth) -> u64| {
        list.begin(name, Kind::Gauge, help);
        for file in &snapshot.health.files {
            list.sample(&[("path", &file.path)], value(file));
        }
    };
    of_files("file_size_bytes", "Bytes that a log has", |file| file.size);
    of_files("file_position_bytes", "Bytes of a log that are stored", |file| file.position);
    of_files("file_lag_bytes", "Bytes of a log that are not stored yet", |file| file.lag_bytes);
    let help = "How long ago a log had been read to its end";
    list.begin("file_lag_seconds", Kind::Gauge, help);
    for file in &snapshot.file_lags {
        list.sample(&[("path", &file.path)], Value::Measure(file.lag_s));
    }
}

/// Metrics, to the last of which samples are added.
struct List(Vec<Metric>);

impl List {
    fn begin(&mut self, name: &'static str, kind: Kind, help: &'static str) {
        self.0.push(Metric { name, kind, help, samples: Vec::new() });
    }

    fn sample(&mut self, labels: &[(&'static str, &str)], value: impl Into<Value>) {
        let labels = labels.iter().map(|(label, text)| (*label, (*text).to_owned())).collect();
        if let Some(metric) = self.0.last_mut() {
            metric.samples.push(Sample { labels, value: value.into() });
        }
    }

    fn one(&mut self, name: &'static str, kind: Kind, help: &'static str, count: impl Into<u64>) {
        self.begin(name, kind, help);
        self.sample(&[], count.into());
    }

    fn measure(&mut self, name: &'static str, help: &'static str, measure: f64) {
        self.begin(name, Kind::Gauge, help);
        self.sample(&[], Value::Measure(measure));
    }
}
