//! Finds out how a log is to be read.

use std::borrow::Cow;

use crate::{
    format::Format,
    parser::{ParserOptions, reader::Reader, recipe::Recipe, sample::SAMPLE_LINES},
    prefix::LinePrefix,
    syslog,
    text::decode,
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
    /// No line fits the prefix that was given.
    pub(super) is_replaced: bool,
}

impl Recognised {
    pub(super) fn reader(self, options: &ParserOptions, position: u64) -> Reader {
        let Self { wrappings, format, prefix, .. } = self;
        Recipe { wrappings, format, prefix, options: options.clone() }.reader(position)
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
        let inner = wrapping.unwrap_sample(inner);
        wrappings.push(wrapping);
        layers.push(Cow::Owned(inner));
    }
    // What looks like a wrapping may be the beginning of the prefix.
    while let Some(inner) = layers.pop() {
        if let Some((format, prefix)) = recognise_format(&inner, options, told) {
            wrappings.truncate(layers.len());
            let given = options.log_line_prefix.as_ref();
            let is_replaced = has_prefix(format) && given.is_some_and(|given| *given != prefix);
            return Some(Recognised { wrappings, format, prefix, is_replaced });
        }
    }
    None
}

const fn has_prefix(format: Format) -> bool {
    matches!(format, Format::Stderr | Format::Syslog)
}

fn recognise_format(
    sample: &[u8],
    options: &ParserOptions,
    told: Option<&LinePrefix>,
) -> Option<(Format, LinePrefix)> {
    let format = options.format.unwrap_or_else(|| Format::detect(sample));
    let given = options.log_line_prefix.as_ref();
    let prefix = match format {
        Format::Stderr => {
            let lines = decode(sample);
            settled(lines.lines().map(str::to_owned), [given, told])?
        }
        Format::Syslog => settled(syslog::server_lines(sample), [given, told])?,
        Format::Csvlog | Format::Jsonlog => LinePrefix::compile(""),
    };
    Some((format, prefix))
}

/// Returns the first prefix of those that are said to be the log's that any line fits, else the one that the
/// lines tell. Where syslog has lines of several servers it is that of the server that was asked.
fn settled(
    lines: impl Iterator<Item = String>,
    said: [Option<&LinePrefix>; 2],
) -> Option<LinePrefix> {
    let lines: Vec<String> = lines.take(SAMPLE_LINES).collect();
    let fits = |said: &&LinePrefix| lines.iter().any(|line| said.match_line(line).is_some());
    if let Some(said) = said.into_iter().flatten().find(fits) {
        return Some(said.clone());
    }
    LinePrefix::infer(lines.iter().map(String::as_str)).map(|inference| inference.prefix)
}
