//! Finds out how a log is to be read.

use std::borrow::Cow;

use crate::{
    format::Format,
    parser::{ParserOptions, reader::Reader, sample::SAMPLE_LINES},
    prefix::LinePrefix,
    syslog,
    wrapping::Wrapping,
};

/// How many collectors may have wrapped a line, one after the other.
const MAX_WRAPPINGS: usize = 4;

/// What the first bytes of a log have told about it.
#[derive(Debug)]
pub(super) struct Recognised {
    /// The outermost first.
    wrappings: Vec<Wrapping>,
    format: Format,
    prefix: LinePrefix,
}

impl Recognised {
    pub(super) fn reader(self, options: &ParserOptions, position: u64) -> Reader {
        let place = |is_outermost: bool| if is_outermost { position } else { 0 };
        let is_plain = self.wrappings.is_empty();
        let mut reader = Reader::new(self.format, self.prefix, options, place(is_plain));
        for (outer, wrapping) in self.wrappings.into_iter().enumerate().rev() {
            reader = Reader::wrapped(wrapping, reader, options, place(outer == 0));
        }
        reader
    }
}

/// Finds out what is not known about a log. `told` is the prefix that the server was said to use. `None` where
/// no prefix fits.
pub(super) fn recognise(
    sample: &[u8],
    options: &ParserOptions,
    told: Option<&LinePrefix>,
) -> Option<Recognised> {
    let mut wrappings = Vec::new();
    let mut layers = vec![Cow::Borrowed(sample)];
    while let Some(inner) = layers.last()
        && wrappings.len() < MAX_WRAPPINGS
        && options.format.is_none()
        && let Some(wrapping) = Wrapping::detect(inner)
    {
        let inner = wrapping.unwrap_all(inner);
        wrappings.push(wrapping);
        layers.push(Cow::Owned(inner));
    }
    // What looks like a wrapping may be the beginning of the prefix.
    while let Some(inner) = layers.pop() {
        if let Some((format, prefix)) = recognise_format(&inner, options, told) {
            wrappings.truncate(layers.len());
            return Some(Recognised { wrappings, format, prefix });
        }
    }
    None
}

fn recognise_format(
    sample: &[u8],
    options: &ParserOptions,
    told: Option<&LinePrefix>,
) -> Option<(Format, LinePrefix)> {
    let format = options.format.unwrap_or_else(|| Format::detect(sample));
    let prefix = match (&options.log_line_prefix, format) {
        (Some(prefix), _) => prefix.clone(),
        (None, Format::Stderr) => {
            let text = String::from_utf8_lossy(sample);
            match told {
                Some(told) if text.lines().any(|line| told.match_line(line).is_some()) => {
                    told.clone()
                }
                _ => infer(text.lines().map(str::to_owned))?,
            }
        }
        (None, Format::Syslog) => infer(syslog::server_lines(sample))?,
        (None, Format::Csvlog | Format::Jsonlog) => LinePrefix::compile(""),
    };
    Some((format, prefix))
}

fn infer(lines: impl Iterator<Item = String>) -> Option<LinePrefix> {
    let lines: Vec<String> = lines.take(SAMPLE_LINES).collect();
    LinePrefix::infer(lines.iter().map(String::as_str)).map(|inference| inference.prefix)
}
