//! One reader for each format, behind one face.

use crate::{
    assemble::{Assembled, Assembler},
    csvlog::CsvReader,
    entry::Depth,
    fingerprint::Fingerprint,
    format::Format,
    jsonlog::JsonReader,
    parser::{ParserOptions, document::Document, recipe::Recipe, wrapped::Wrapped},
    prefix::LinePrefix,
    syslog::SyslogReader,
    timestamp::Clock,
    wrapping::Wrapping,
};

/// The reader of a log whose format is known.
#[derive(Debug)]
pub(super) enum Reader {
    Stderr(Box<Assembler>),
    Csvlog(Box<CsvReader>),
    Jsonlog(Box<JsonReader>),
    Syslog(Box<SyslogReader>),
    Wrapped(Box<Wrapped>),
    Document(Box<Document>),
}

impl Reader {
    /// Makes a reader for bytes from `position` on. The prefix is for the formats that have one.
    pub(super) fn new(
        format: Format,
        prefix: LinePrefix,
        options: &ParserOptions,
        position: u64,
    ) -> Self {
        let clock = options.clock.clone();
        let (limits, depth) = (options.limits, options.depth);
        match format {
            Format::Stderr => Self::Stderr(Box::new(
                Assembler::new(prefix)
                    .starting_at(position)
                    .with_clock(clock)
                    .with_limits(limits)
                    .with_depth(depth),
            )),
            Format::Csvlog => Self::Csvlog(Box::new(
                CsvReader::new()
                    .starting_at(position)
                    .with_clock(clock)
                    .with_limits(limits)
                    .with_depth(depth),
            )),
            Format::Jsonlog => Self::Jsonlog(Box::new(
                JsonReader::new()
                    .starting_at(position)
                    .with_clock(clock)
                    .with_limits(limits)
                    .with_depth(depth),
            )),
            Format::Syslog => Self::Syslog(Box::new(
                SyslogReader::new(prefix)
                    .starting_at(position)
                    .with_clock(clock, options.not_after)
                    .with_limits(limits)
                    .with_depth(depth),
            )),
        }
    }

    /// Makes a reader for a file that is read from `position` on, within whose wrapping logs stand that are
    /// read as `inner` says.
    pub(super) fn wrapped(wrapping: Wrapping, inner: Recipe, position: u64) -> Self {
        let limits = inner.options.limits;
        match wrapping.shape() {
            Some(shape) => {
                let kind = (wrapping, shape);
                Self::Document(Box::new(Document::new(kind, inner.reader(0), position, limits)))
            }
            None => Self::Wrapped(Box::new(Wrapped::new(wrapping, inner, position))),
        }
    }

    /// The wrappings, the outermost first.
    pub(super) fn wrappings(&self) -> Vec<Wrapping> {
        let (wrapping, inner) = match self {
            Self::Wrapped(reader) => (reader.wrapping(), reader.inner()),
            Self::Document(reader) => (reader.wrapping(), reader.inner()),
            Self::Stderr(_) | Self::Csvlog(_) | Self::Jsonlog(_) | Self::Syslog(_) => {
                return Vec::new();
            }
        };
        let mut wrappings = vec![wrapping];
        wrappings.extend(inner.wrappings());
        wrappings
    }

    pub(super) fn format(&self) -> Format {
        match self {
            Self::Stderr(_) => Format::Stderr,
            Self::Csvlog(_) => Format::Csvlog,
            Self::Jsonlog(_) => Format::Jsonlog,
            Self::Syslog(_) => Format::Syslog,
            Self::Wrapped(reader) => reader.inner().format(),
            Self::Document(reader) => reader.inner().format(),
        }
    }

    pub(super) fn log_line_prefix(&self) -> Option<&LinePrefix> {
        match self {
            Self::Stderr(assembler) => Some(assembler.prefix()),
            Self::Syslog(reader) => Some(reader.prefix()),
            Self::Wrapped(reader) => reader.inner().log_line_prefix(),
            Self::Document(reader) => reader.inner().log_line_prefix(),
            Self::Csvlog(_) | Self::Jsonlog(_) => None,
        }
    }

    /// Has what comes be read with this prefix and these times, where they fit.
    pub(super) fn tell(&mut self, prefix: Option<&LinePrefix>, clock: Option<&Clock>) {
        match (self, clock) {
            (Self::Stderr(assembler), clock) => assembler.tell(prefix, clock),
            (Self::Wrapped(reader), clock) => reader.tell(prefix, clock),
            (Self::Document(reader), clock) => reader.inner_mut().tell(prefix, clock),
            (Self::Csvlog(reader), Some(clock)) => reader.set_clock(clock.clone()),
            (Self::Jsonlog(reader), Some(clock)) => reader.set_clock(clock.clone()),
            // Syslog has lines of many servers.
            (Self::Csvlog(_) | Self::Jsonlog(_), None) | (Self::Syslog(_), _) => {}
        }
    }

    /// Sets how much is read out of the texts of entries to come.
    pub(super) fn set_depth(&mut self, depth: Depth) {
        match self {
            Self::Stderr(assembler) => assembler.set_depth(depth),
            Self::Csvlog(reader) => reader.set_depth(depth),
            Self::Jsonlog(reader) => reader.set_depth(depth),
            Self::Syslog(reader) => reader.set_depth(depth),
            Self::Wrapped(reader) => reader.set_depth(depth),
            Self::Document(reader) => reader.inner_mut().set_depth(depth),
        }
    }

    /// Adds what decides how the reader reads on. `None` for readers that remember too much.
    pub(super) fn add_to(&self, fingerprint: &mut Fingerprint) -> Option<()> {
        match self {
            Self::Stderr(assembler) => assembler.add_to(fingerprint),
            Self::Csvlog(reader) => reader.add_to(fingerprint),
            Self::Jsonlog(reader) => reader.add_to(fingerprint),
            Self::Syslog(_) | Self::Wrapped(_) | Self::Document(_) => return None,
        }
        Some(())
    }

    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(&Assembled<'_>)) {
        match self {
            Self::Stderr(assembler) => assembler.push(bytes, sink),
            Self::Csvlog(reader) => reader.push(bytes, sink),
            Self::Jsonlog(reader) => reader.push(bytes, sink),
            Self::Syslog(reader) => reader.push(bytes, sink),
            Self::Wrapped(reader) => reader.push(bytes, sink),
            Self::Document(reader) => reader.push(bytes, sink),
        }
    }

    pub(super) fn flush_before(&mut self, position: u64, sink: &mut impl FnMut(&Assembled<'_>)) {
        match self {
            Self::Stderr(assembler) => assembler.flush_before(position, sink),
            Self::Csvlog(reader) => reader.flush_before(position, sink),
            Self::Syslog(reader) => reader.flush_before(position, sink),
            Self::Wrapped(reader) => reader.flush_before(position, sink),
            Self::Document(reader) => reader.flush_before(position, sink),
            // A line is given out as soon as it is whole.
            Self::Jsonlog(_) => {}
        }
    }

    pub(super) fn flush(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        match self {
            Self::Stderr(assembler) => assembler.flush(sink),
            Self::Csvlog(reader) => reader.flush(sink),
            Self::Syslog(reader) => reader.flush(sink),
            Self::Wrapped(reader) => reader.flush(sink),
            Self::Document(reader) => reader.flush(sink),
            Self::Jsonlog(_) => {}
        }
    }

    pub(super) fn finish(&mut self, sink: &mut impl FnMut(&Assembled<'_>)) {
        match self {
            Self::Stderr(assembler) => assembler.finish(sink),
            Self::Csvlog(reader) => reader.finish(sink),
            Self::Jsonlog(reader) => reader.finish(sink),
            Self::Syslog(reader) => reader.finish(sink),
            Self::Wrapped(reader) => reader.finish(sink),
            Self::Document(reader) => reader.finish(sink),
        }
    }

    pub(super) fn safe_position(&self) -> u64 {
        match self {
            Self::Stderr(assembler) => assembler.safe_position(),
            Self::Csvlog(reader) => reader.safe_position(),
            Self::Jsonlog(reader) => reader.safe_position(),
            Self::Syslog(reader) => reader.safe_position(),
            Self::Wrapped(reader) => reader.safe_position(),
            Self::Document(reader) => reader.safe_position(),
        }
    }

    pub(super) fn position(&self) -> u64 {
        match self {
            Self::Stderr(assembler) => assembler.position(),
            Self::Csvlog(reader) => reader.position(),
            Self::Jsonlog(reader) => reader.position(),
            Self::Syslog(reader) => reader.position(),
            Self::Wrapped(reader) => reader.position(),
            Self::Document(reader) => reader.position(),
        }
    }
}
