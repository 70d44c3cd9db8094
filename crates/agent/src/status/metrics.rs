//! The overview in the text format of Prometheus.

use std::fmt::{Display, Write as _};

use wire::{BreakerState, FileHealth};

use crate::{
    ship::{LATENCY_BUCKETS, OUTCOMES, Progress},
    status::{OutputStatus, Snapshot},
};

/// Writes all metrics. `docs/delivery.md` lists them.
#[must_use]
pub fn metrics(snapshot: &Snapshot) -> String {
    let mut page = Page(String::new());
    let health = &snapshot.health;
    page.help("build_info", "gauge", "The agent's version");
    page.sample("build_info", &[("version", &health.version), ("agent", &health.agent)], 1);
    page.one("start_time_seconds", "gauge", "When the agent started", health.started_at);
    page.one(
        "standstill_seconds",
        "gauge",
        "How long the slower of reading and sending has made no turn",
        snapshot.standstill_s,
    );
    ledger(&mut page, snapshot);
    buffer(&mut page, snapshot);
    sending(&mut page, &snapshot.sending);
    outputs(&mut page, snapshot);
    files(&mut page, snapshot);
    page.0
}

fn outputs(page: &mut Page, snapshot: &Snapshot) {
    let mut of_outputs = |name: &str, kind: &str, help: &str, value: fn(&OutputStatus) -> u64| {
        page.help(name, kind, help);
        for output in &snapshot.outputs {
            page.sample(name, &[("output", &output.name)], value(output));
        }
    };
    of_outputs("output_entries_delivered_total", "counter", "Entries that an output took", |o| {
        o.delivered
    });
    of_outputs("output_entries_rejected_total", "counter", "Entries that it refused", |o| {
        o.rejected
    });
    of_outputs("output_entries_lost_total", "counter", "Entries dropped before it had them", |o| {
        o.lost
    });
    of_outputs("output_breaker_open", "gauge", "1 while its circuit breaker is not closed", |o| {
        u64::from(o.sending.breaker.state != BreakerState::Closed)
    });
}

fn ledger(page: &mut Page, snapshot: &Snapshot) {
    let ledger = &snapshot.health.ledger;
    page.one("entries_read_total", "counter", "Entries read and stored", ledger.read);
    page.one("entries_delivered_total", "counter", "Entries confirmed", ledger.delivered);
    page.one("entries_waiting", "gauge", "Entries in the buffer", ledger.waiting);
    page.one(
        "entries_dead_lettered",
        "gauge",
        "Entries that the listener refused for good",
        ledger.dead_lettered,
    );
    page.help("entries_lost_total", "counter", "Entries lost, by reason");
    for (reason, entries) in &ledger.lost {
        page.sample("entries_lost_total", &[("reason", reason)], entries);
    }
}

fn buffer(page: &mut Page, snapshot: &Snapshot) {
    let (buffer, detail) = (&snapshot.health.buffer, &snapshot.stats);
    page.one("buffer_batches", "gauge", "Batches that wait", buffer.batches);
    page.one("buffer_used_bytes", "gauge", "Bytes in use in the buffer", buffer.used_bytes);
    page.one("buffer_max_bytes", "gauge", "The bound on them", buffer.max_bytes);
    page.one("buffer_disk_bytes", "gauge", "Bytes that the folder takes", detail.disk_bytes);
    page.one(
        "buffer_oldest_age_seconds",
        "gauge",
        "Age of the oldest batch that waits",
        buffer.oldest_age_s,
    );
    page.one("dead_letters", "gauge", "Dead letters", detail.dead_letters);
    page.one(
        "buffer_was_damaged",
        "gauge",
        "1 where a damaged buffer was made anew since the start",
        u8::from(detail.was_damaged),
    );
}

fn sending(page: &mut Page, progress: &Progress) {
    page.help("breaker_state", "gauge", "1 for the state that the circuit breaker is in");
    for state in [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen] {
        let is_it = u8::from(progress.breaker.state == state);
        page.sample("breaker_state", &[("state", state.as_str())], is_it);
    }
    page.one(
        "breaker_consecutive_failures",
        "gauge",
        "Failures since the last success",
        progress.breaker.consecutive_failures,
    );
    page.one(
        "breaker_opened_total",
        "counter",
        "How often the circuit breaker opened",
        progress.breaker.opened_total,
    );
    page.help("source_held", "gauge", "1 for each source that the listener refuses as a whole");
    for source in &progress.held_sources {
        page.sample("source_held", &[("source", source.as_str())], 1);
    }
    page.help("requests_total", "counter", "Requests, by what became of them");
    for (outcome, count) in OUTCOMES.iter().zip(progress.requests) {
        page.sample("requests_total", &[("outcome", outcome)], count);
    }
    page.help("request_duration_seconds", "histogram", "How long requests took");
    let mut count = 0;
    let bounds = LATENCY_BUCKETS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    for (bound, in_bucket) in bounds.zip(progress.latency) {
        count += in_bucket;
        page.sample("request_duration_seconds_bucket", &[("le", &bound)], count);
    }
    page.sample("request_duration_seconds_sum", &[], progress.latency_sum_s);
    page.sample("request_duration_seconds_count", &[], count);
}

fn files(page: &mut Page, snapshot: &Snapshot) {
    let mut of_files = |name: &str, help: &str, value: fn(&FileHealth) -> u64| {
        page.help(name, "gauge", help);
        for file in &snapshot.health.files {
            page.sample(name, &[("path", &file.path)], value(file));
        }
    };
    of_files("file_size_bytes", "Bytes that a log has", |file| file.size);
    of_files("file_position_bytes", "Bytes of a log that are stored", |file| file.position);
    of_files("file_lag_bytes", "Bytes of a log that are not stored yet", |file| file.lag_bytes);
    page.help("file_lag_seconds", "gauge", "How long ago a log had been read to its end");
    for file in &snapshot.file_lags {
        page.sample("file_lag_seconds", &[("path", &file.path)], file.lag_s);
    }
}

/// The text. Writing to it cannot fail.
struct Page(String);

impl Page {
    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.help(name, kind, help);
        self.sample(name, &[], value);
    }

    fn help(&mut self, name: &str, kind: &str, help: &str) {
        let _written =
            write!(self.0, "# HELP pgcourier_{name} {help}.\n# TYPE pgcourier_{name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let _written = write!(self.0, "pgcourier_{name}");
        for (index, (label, text)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _written = write!(self.0, "{before}{label}=\"{text}\"");
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _written = writeln!(self.0, "{after} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut page = Page(String::new());
        page.sample("x", &[("path", "/a \"b\"\\\n"), ("b", "c")], 1.5);
        assert_eq!(page.0, "pgcourier_x{path=\"/a \\\"b\\\"\\\\\\n\",b=\"c\"} 1.5\n");
    }
}
