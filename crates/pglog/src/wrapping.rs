//! What collectors put around the lines of a log, in whatever format it is.

mod constant;
mod cut;
mod cutter;
mod document;
mod export;
mod lead;
mod lines;
mod local;
mod object;
mod pairs;
mod portion;
mod stamp;
mod table;

use std::{borrow::Cow, cmp::Reverse, collections::HashMap};

pub use constant::Lead;
pub(crate) use cut::Cut;
pub(crate) use cutter::{Cutter, Shape};

use crate::{
    format::Format,
    prefix::has_label,
    syslog,
    text::decode,
    wrapping::{
        export::is_export,
        lead::{
            behind_container, behind_labels, behind_machine, behind_mark, behind_name,
            behind_names, behind_number, behind_path, behind_pod, behind_stream, in_field,
            with_tab,
        },
        lines::{MANY_NUMBERS, has_blanks, is_expanded, is_record, lines_of, numbers_rise},
        local::{behind_local_time, may_begin_with_zone},
        object::{in_any_object, in_journal, in_object, in_properties, in_record_of_pod, only},
        pairs::{behind_tag, in_columns, in_event, in_list, in_pairs, is_event},
        portion::is_portion,
        stamp::{behind_time, time_off},
        table::is_table,
    },
};

/// How lines are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrapping {
    /// Docker's `json-file`, and what else has the line as `log` in an object.
    Docker,
    /// Kubernetes' container runtimes: time, stream, whether the line is whole, line.
    Cri,
    /// Google Cloud: the line as `textPayload` in an object.
    CloudLogging,
    /// Azure Database: the line as `message` within the `properties` of an object.
    Azure,
    /// A time in front of each line: `kubectl logs --timestamps`, `docker logs -t`, exports of
    /// `CloudWatch`, supervisors such as `svlogd`.
    Timestamps,
    /// A container's name in front of each line: `docker compose logs`, in colour or not.
    Compose,
    /// A pod's and a container's name in brackets in front of each line: `kubectl logs --prefix`.
    Kubectl,
    /// `CloudNativePG`: the server's line as `msg` in an object.
    CloudNativePg,
    /// `journalctl -o json`: the line as `MESSAGE` in an object.
    Journal,
    /// Any other collector that has the line as `message`, `msg`, `line` or `body` in an object.
    Json,
    /// A pod's and a container's name in front of each line, as `stern` prints them, in colour or not.
    Stern,
    /// fly.io: time, machine, region and level in front of each line: `fly logs`.
    Fly,
    /// A stream's labels in front of each line: `logcli query`.
    Labels,
    /// A mark in front of each object: `journalctl -o json-sse`, `-o json-seq`.
    Marked,
    /// The line as one of the fields of an entry: `journalctl -o verbose`.
    JournalVerbose,
    /// A path in front of each line: `grep -H`.
    Grep,
    /// A number in front of each line: `grep -n`, `cat -n`.
    Numbered,
    /// A container's name or id in front of each line: `podman logs` of several, `aws logs tail`.
    Container,
    /// Lines that end as on Windows.
    Crlf,
    /// Eight blanks for the TAB with which a line goes on: what was copied from a terminal, `expand`.
    Expanded,
    /// Objects in an array, be it a member of an object: what clouds give for download.
    JsonArray,
    /// Objects that stand over many lines each.
    JsonObjects,
    /// The line as a column of comma-separated values, whose names stand in the first line.
    CsvTable,
    /// `journalctl -o export`.
    JournalExport,
    /// A time in another form, or without a zone, in front of each line: pages that show a container's log,
    /// `s6-log`, pgpool.
    LocalTimes,
    /// A blank in front of each line: `docker logs --details` of a container without attributes.
    Details,
    /// OTLP in JSON: the lines as `body` of `logRecords`.
    Otlp,
    /// What Elasticsearch and `OpenSearch` answer: objects as `hits`.
    Hits,
    /// What Loki answers, and what is sent to it: a time and a line as `values` of streams.
    Loki,
    /// Amazon RDS: all lines as one text, `aws rds download-db-log-file-portion`.
    Portion,
    /// `logfmt`: names and values, the line being the one of `msg`, `message` or `log`.
    Logfmt,
    /// What Fluent Bit prints: `[0] TAG: [[TIME, {}], {"log"=>"LINE"}]`.
    FluentBit,
    /// What Fluentd writes: a time and a tag in front of an object.
    Fluentd,
    /// Columns with TABs between them: `aws logs get-log-events --output text`, archives of Papertrail.
    Columns,
    /// A text of JSON on each line, also as an element of an array: what `jq .message` prints.
    Texts,
    /// The same text in front of each line, in any other spelling: `db01: LINE`, `[postgres] LINE`.
    Lead(Lead),
}

/// A line without its wrapping.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unwrapped<'l> {
    pub(crate) text: Cow<'l, [u8]>,
    /// False for a piece of a line that goes on in the next one.
    pub(crate) is_whole: bool,
    /// The time that the collector gave it: RFC 3339, or a number since 1970.
    pub(crate) time: Option<&'l str>,
    /// What wrote the line, where several do side by side.
    pub(crate) origin: &'l [u8],
}

impl<'l> Unwrapped<'l> {
    /// A whole line.
    const fn of(text: &'l [u8]) -> Self {
        Self { text: Cow::Borrowed(text), is_whole: true, time: None, origin: b"" }
    }

    /// A whole line with a time.
    fn at(time: &'l str, text: &'l [u8]) -> Self {
        Self { time: Some(time), ..Self::of(text) }
    }

    /// A line of the wrapping that has nothing of the log.
    fn dropped() -> Self {
        Self { is_whole: false, ..Self::of(b"") }
    }

    /// Returns it as written by `origin`.
    fn from(self, origin: &'l [u8]) -> Self {
        Self { origin, ..self }
    }

    /// Tells whether the line goes on with a message of the server.
    fn goes_on(&self) -> bool {
        let text = time_off(&self.text).map_or(&*self.text, |(_, text)| text);
        text.starts_with(b"\t")
    }
}

impl Wrapping {
    /// Every wrapping but [`Wrapping::Lead`], the ones that cannot be mistaken first.
    pub const ALL: [Self; 35] = [
        Self::Docker,
        Self::CloudLogging,
        Self::Azure,
        Self::CloudNativePg,
        Self::Journal,
        Self::Fluentd,
        Self::Cri,
        Self::Fly,
        Self::Timestamps,
        Self::LocalTimes,
        Self::Compose,
        Self::Kubectl,
        Self::Json,
        Self::Labels,
        Self::Marked,
        Self::JournalVerbose,
        Self::Grep,
        Self::Numbered,
        Self::Stern,
        Self::Container,
        Self::Crlf,
        Self::JsonArray,
        Self::JsonObjects,
        Self::CsvTable,
        Self::JournalExport,
        Self::Otlp,
        Self::Hits,
        Self::Loki,
        Self::Portion,
        Self::Logfmt,
        Self::FluentBit,
        Self::Columns,
        Self::Texts,
        Self::Expanded,
        Self::Details,
    ];

    /// Returns a short name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Cri => "cri",
            Self::CloudLogging => "cloud-logging",
            Self::Azure => "azure",
            Self::Timestamps => "timestamps",
            Self::Compose => "compose",
            Self::Kubectl => "kubectl",
            Self::CloudNativePg => "cloudnative-pg",
            Self::Journal => "journal",
            Self::Json => "json",
            Self::Stern => "stern",
            Self::Fly => "fly",
            Self::Labels => "labels",
            Self::Marked => "marked",
            Self::JournalVerbose => "journal-verbose",
            Self::Grep => "grep",
            Self::Numbered => "numbered",
            Self::Container => "container",
            Self::Crlf => "crlf",
            Self::Expanded => "expanded",
            Self::JsonArray => "json-array",
            Self::JsonObjects => "json-objects",
            Self::CsvTable => "csv-table",
            Self::JournalExport => "journal-export",
            Self::LocalTimes => "local-times",
            Self::Details => "details",
            Self::Otlp => "otlp",
            Self::Hits => "hits",
            Self::Loki => "loki",
            Self::Portion => "portion",
            Self::Logfmt => "logfmt",
            Self::FluentBit => "fluent-bit",
            Self::Fluentd => "fluentd",
            Self::Columns => "columns",
            Self::Texts => "texts",
            Self::Lead(_) => "lead",
        }
    }

    /// Tells how the lines of a sample are wrapped, which may begin and end in the middle of a line.
    /// `None` where they are not.
    #[must_use]
    pub fn detect(sample: &[u8]) -> Option<Self> {
        let wrapping = Self::ALL.into_iter().find(|wrapping| match wrapping.shape() {
            Some(shape) => is_document(sample, shape),
            None => wrapping.fits_lines(sample),
        });
        let wrapping = wrapping.or_else(|| Lead::find(sample).map(Self::Lead))?;
        // The header of syslog begins with a time too, and blanks may stand in the place of one.
        let may_be_syslog =
            matches!(wrapping, Self::Timestamps | Self::LocalTimes | Self::Expanded);
        (!may_be_syslog || !syslog::is_syslog(sample)).then_some(wrapping)
    }

    /// Tells whether the lines of a sample are wrapped so.
    fn fits_lines(self, sample: &[u8]) -> bool {
        match self {
            Self::Expanded => return is_expanded(sample),
            Self::Details => return has_blanks(sample),
            _ => {}
        }
        // Lines that begin with a TAB say nothing about what others begin with.
        let lines = || lines_of(sample).filter(|line| !line.starts_with(b"\t"));
        let fitting = lines().filter(|line| self.unwrap(line).is_some()).count();
        let all = lines().count();
        if self == Self::Crlf {
            return lines_of(sample).all(|line| line.ends_with(b"\r")) && fitting > 0;
        }
        // The first one may be cut, and a few may have been written by something else.
        let is_most = fitting > 0 && fitting + 1 + all / 10 >= all;
        let is_stamp = matches!(self, Self::Timestamps | Self::LocalTimes);
        let is_server = || is_stamp && fitting > 1 && self.fits_server(sample);
        (is_most || is_server()) && self.is_sure(sample)
    }

    /// Tells whether all lines of the server are wrapped so.
    fn fits_server(self, sample: &[u8]) -> bool {
        let fits = |line: &[u8]| self.unwrap(line).is_some() || !has_label(&decode(line));
        lines_of(sample).all(fits) && Format::detect(sample) == Format::Stderr
    }

    /// Tells whether a sample that fits cannot be a plain log. Names may be a user and a database of the
    /// prefix as well, and a number a process, but then a line that goes on begins with its TAB, and no format
    /// without a prefix stands behind them.
    fn is_sure(self, sample: &[u8]) -> bool {
        let goes_on = |line: &[u8]| self.unwrap(line).is_some_and(|line| line.goes_on());
        let is_record = || is_record(&self.unwrap_all(sample));
        match self {
            Self::Stern => {
                let is_in_colour = |line: &[u8]| line.starts_with(b"\x1b[");
                lines_of(sample).any(|line| goes_on(line) || is_in_colour(line)) || is_record()
            }
            // It stands in front of each line, also of those that go on.
            Self::Compose => !lines_of(sample).skip(1).any(|line| line.starts_with(b"\t")),
            Self::JournalVerbose => lines_of(sample).any(|line| line.starts_with(b"    MESSAGE=")),
            // Text of other programs may stand in quotes too.
            Self::Texts => is_log(&self.unwrap_all(sample)),
            // Another text than the server's may be the one that is called `log`.
            Self::Docker => {
                is_log(&self.unwrap_all(sample)) || !is_log(&Self::Json.unwrap_all(sample))
            }
            Self::FluentBit => lines_of(sample).any(is_event),
            Self::LocalTimes => self.shows_no_zone(sample) || is_record(),
            Self::Container => self.names_recur(sample) || is_record(),
            Self::Numbered => {
                let is_listed = |line: &[u8]| line.starts_with(b" ") || goes_on(line);
                numbers_rise(sample)
                    && (lines_of(sample).any(is_listed)
                        || lines_of(sample).count() >= MANY_NUMBERS
                        || is_record())
            }
            _ => true,
        }
    }

    /// Tells whether lines of the server are among the wrapped ones, none of which has what may be a zone first.
    fn shows_no_zone(self, sample: &[u8]) -> bool {
        let lines = lines_of(sample).filter_map(|line| self.unwrap(line));
        let mut labelled = lines.filter(|line| has_label(&decode(&line.text))).peekable();
        labelled.peek().is_some() && labelled.all(|line| !may_begin_with_zone(&line.text))
    }

    /// Tells whether a name stands in front of a label as well as in front of a line that goes on.
    fn names_recur(self, sample: &[u8]) -> bool {
        let lines = || lines_of(sample).filter_map(|line| self.unwrap(line));
        let is_labelled = |line: &Unwrapped<'_>| has_label(&decode(&line.text));
        lines().filter(Unwrapped::goes_on).any(|found| {
            lines().filter(|line| line.origin == found.origin).any(|line| is_labelled(&line))
        })
    }

    /// Takes the wrapping off a sample.
    pub(crate) fn unwrap_all(self, sample: &[u8]) -> Vec<u8> {
        if let Some(shape) = self.shape() {
            return lines_of_document(sample, shape);
        }
        joined(&lines_of(sample).filter_map(|line| self.unwrap(line)).collect::<Vec<_>>())
    }

    /// Takes the wrapping off a sample, and leaves out what others have written than the one with most lines
    /// of a log.
    pub(crate) fn unwrap_sample(self, sample: &[u8]) -> Vec<u8> {
        if self.shape().is_some() {
            return self.unwrap_all(sample);
        }
        let mut labelled: HashMap<&[u8], usize> = HashMap::new();
        let mut lines = Vec::new();
        for line in lines_of(sample).filter_map(|line| self.unwrap(line)) {
            let is_labelled = has_label(&decode(&line.text));
            *labelled.entry(line.origin).or_default() += usize::from(is_labelled);
            lines.push(line);
        }
        let main = labelled.iter().max_by_key(|(origin, count)| (**count, Reverse(**origin)));
        match main {
            Some((main, 1..)) if labelled.len() > 1 => {
                lines.retain(|line| line.origin == *main || line.origin.is_empty());
                joined(&lines)
            }
            _ => joined(&lines),
        }
    }

    /// Tells whether each line is an object.
    const fn is_object(self) -> bool {
        matches!(
            self,
            Self::Docker
                | Self::CloudLogging
                | Self::Azure
                | Self::CloudNativePg
                | Self::Journal
                | Self::Json
        )
    }

    /// How the wrapping's records stand in the document that it is. `None` where it is one of lines.
    pub(crate) const fn shape(self) -> Option<Shape> {
        match self {
            Self::JsonArray => Some(Shape::Array),
            Self::JsonObjects => Some(Shape::Objects),
            Self::CsvTable => Some(Shape::Table),
            Self::JournalExport => Some(Shape::Export),
            Self::Otlp => Some(Shape::LogRecords),
            Self::Hits => Some(Shape::Hits),
            Self::Loki => Some(Shape::Values),
            Self::Portion => Some(Shape::Lines),
            _ => None,
        }
    }

    /// Takes the wrapping off a line. `None` where it has none.
    pub(crate) fn unwrap(self, line: &[u8]) -> Option<Unwrapped<'_>> {
        match self {
            Self::Docker => in_object(line, only(b"log")),
            Self::CloudLogging => in_object(line, only(b"textPayload")),
            Self::Azure => in_properties(line),
            Self::Cri => behind_stream(line),
            Self::Timestamps => behind_time(line),
            Self::LocalTimes => behind_local_time(line),
            Self::Compose => behind_name(line),
            Self::Kubectl => behind_pod(line),
            Self::CloudNativePg => in_record_of_pod(line),
            Self::Journal => in_journal(line),
            Self::Json => in_any_object(line),
            Self::Stern => behind_names(line),
            Self::Fly => behind_machine(line),
            Self::Labels => behind_labels(line),
            Self::Marked => behind_mark(line),
            Self::JournalVerbose => in_field(line),
            Self::Grep => behind_path(line),
            Self::Numbered => behind_number(line),
            Self::Container => behind_container(line),
            Self::Crlf => line.strip_suffix(b"\r").map(Unwrapped::of),
            Self::Expanded => Some(with_tab(line)),
            Self::Details => line.strip_prefix(b" ").map(Unwrapped::of),
            Self::Lead(lead) => lead.behind(line),
            Self::Logfmt => in_pairs(line),
            Self::FluentBit => in_event(line),
            Self::Fluentd => behind_tag(line),
            Self::Columns => in_columns(line),
            Self::Texts => in_list(line),
            // Their lines are records, not lines.
            Self::JsonArray
            | Self::JsonObjects
            | Self::CsvTable
            | Self::JournalExport
            | Self::Otlp
            | Self::Hits
            | Self::Loki
            | Self::Portion => None,
        }
    }
}

/// Tells whether a sample is the beginning of a document whose records are wrapped lines.
fn is_document(sample: &[u8], shape: Shape) -> bool {
    let begins = match shape {
        Shape::Array => sample.trim_ascii_start().first().is_some_and(|b| b"[{".contains(b)),
        Shape::Objects | Shape::LogRecords | Shape::Hits | Shape::Values => {
            sample.trim_ascii_start().starts_with(b"{")
        }
        Shape::Table => return is_table(sample),
        Shape::Export => return is_export(sample),
        Shape::Lines => return is_portion(sample),
    };
    begins && {
        let lines = lines_of_document(sample, shape);
        if shape == Shape::Values {
            return !lines.is_empty();
        }
        Wrapping::ALL.into_iter().any(|inner| inner.is_object() && inner.fits_lines(&lines))
    }
}

/// Tells whether a line of a text has a label, or the text a format without a prefix.
fn is_log(text: &[u8]) -> bool {
    lines_of(text).any(|line| has_label(&decode(line))) || is_record(text)
}

/// Puts lines together to a log.
fn joined(lines: &[Unwrapped<'_>]) -> Vec<u8> {
    let mut log = Vec::new();
    for line in lines {
        log.extend_from_slice(&line.text);
        if line.is_whole {
            log.push(b'\n');
        }
    }
    log
}

/// The records of a document, each on a line.
fn lines_of_document(sample: &[u8], shape: Shape) -> Vec<u8> {
    let mut records = Cutter::new(shape, false, sample.len());
    let mut lines = Vec::with_capacity(sample.len());
    let mut rest = sample;
    while !rest.is_empty() {
        let (used, record) = records.take(rest);
        if let Some(record) = record {
            lines.extend_from_slice(&record.text);
            lines.push(b'\n');
        }
        rest = rest.get(used..).unwrap_or_default();
    }
    lines
}

#[cfg(test)]
mod tests;
