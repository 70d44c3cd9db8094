//! Metrics in the text format of Prometheus:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use std::fmt::{Display, Write as _};

use crate::status::metrics::{Kind, Metric, Value};

/// Writes metrics.
#[must_use]
pub fn prometheus(metrics: &[Metric]) -> String {
    let mut page = Page(String::new());
    for metric in metrics {
        page.metric(metric);
    }
    page.0
}

/// The text. Writing to it cannot fail.
struct Page(String);

impl Page {
    fn metric(&mut self, metric: &Metric) {
        let Metric { name, help, .. } = metric;
        let kind = match metric.kind {
            Kind::Gauge => "gauge",
            Kind::Counter | Kind::Account => "counter",
            Kind::Histogram => "histogram",
        };
        let _written =
            write!(self.0, "# HELP pgcourier_{name} {help}.\n# TYPE pgcourier_{name} {kind}\n");
        for sample in &metric.samples {
            match &sample.value {
                Value::Count(count) => self.sample(name, &sample.labels, count),
                Value::Measure(measure) => self.sample(name, &sample.labels, measure),
                Value::Histogram { bounds, counts, sum } => {
                    self.histogram(name, bounds, counts, *sum);
                }
            }
        }
    }

    fn histogram(&mut self, name: &str, bounds: &[f64], counts: &[u64], sum: f64) {
        let mut count = 0;
        let bounds = bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        for (bound, in_bucket) in bounds.zip(counts) {
            count += in_bucket;
            self.sample(&format!("{name}_bucket"), &[("le", bound)], count);
        }
        self.sample(&format!("{name}_sum"), &[], sum);
        self.sample(&format!("{name}_count"), &[], count);
    }

    fn sample(&mut self, name: &str, labels: &[(&str, String)], value: impl Display) {
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
        page.sample("x", &[("path", "/a \"b\"\\\n".to_owned()), ("b", "c".to_owned())], 1.5);
        assert_eq!(page.0, "pgcourier_x{path=\"/a \\\"b\\\"\\\\\\n\",b=\"c\"} 1.5\n");
    }

    #[test]
    fn buckets_are_told_with_those_below_them() {
        let mut page = Page(String::new());
        page.histogram("t", &[0.5, 1.0], &[1, 2, 4], 9.5);
        assert_eq!(
            page.0,
            "pgcourier_t_bucket{le=\"0.5\"} 1\npgcourier_t_bucket{le=\"1\"} 3\n\
             pgcourier_t_bucket{le=\"+Inf\"} 7\npgcourier_t_sum 9.5\npgcourier_t_count 7\n"
        );
    }
}
