//! How a log is read, and what of it is not: `--explain`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io,
    path::Path,
};

use pglog::{Assembled, Clock, Format, Kind, LinePrefix, Parser, ParserOptions};

use crate::command::parse::input::Input;

/// How much of the log is looked at for the language and the confidence, in bytes.
const SAMPLE_BYTES: usize = 256 << 10;
/// How many lines that do not fit are shown.
const SHOWN_LINES: usize = 5;
/// How much of a line is shown, in characters.
const SHOWN_CHARS: usize = 100;

/// What has been seen of a log.
#[derive(Debug, Default)]
struct Seen {
    entries: u64,
    unparsed: u64,
    ambiguous: u64,
    zones: BTreeMap<String, u64>,
    /// Zones of entries whose session does not say what the zone means.
    assumed_zones: BTreeSet<String>,
    /// Lines that no prefix fits, with their positions.
    strange: Vec<(u64, String)>,
}

impl Seen {
    fn take(&mut self, found: &Assembled<'_>) {
        self.entries += 1;
        self.ambiguous += u64::from(found.entry.timestamp_ambiguous);
        if let Some(zone) = found.entry.log_timezone.as_deref() {
            match self.zones.get_mut(zone) {
                Some(count) => *count += 1,
                None => {
                    self.zones.insert(zone.to_owned(), 1);
                }
            }
        }
        if let (Some(zone), None) = (&found.entry.log_timezone, &found.entry.session_id)
            && !self.assumed_zones.contains(&**zone)
        {
            self.assumed_zones.insert(zone.to_string());
        }
        if found.entry.unparsed {
            self.unparsed += 1;
            if self.strange.len() < SHOWN_LINES {
                let line = found.entry.message.lines().next().unwrap_or_default();
                self.strange.push((found.start, line.to_owned()));
            }
        }
    }
}

/// Reads a whole log and tells how.
///
/// # Errors
/// Those of reading it.
pub(super) fn explain(file: &Path, options: &ParserOptions) -> io::Result<String> {
    let mut parser = Parser::new(options.clone(), 0);
    let mut sample = Vec::new();
    let mut seen = Seen::default();
    Input::open(file).for_each(|chunk| {
        if sample.len() < SAMPLE_BYTES {
            sample.extend_from_slice(chunk);
        }
        parser.push(chunk, &mut |found| seen.take(found));
    })?;
    parser.finish(&mut |found| seen.take(found));
    let mut text = format!("{}\n", file.display());
    match parser.kind() {
        Some(Kind::Binary) => push(&mut text, "format", "none: this is a binary file"),
        Some(Kind::OtherText) | None => {
            push(&mut text, "format", "none that is known: no prefix fits any line");
        }
        Some(Kind::Log) => describe(&parser, options, &sample, &mut text),
    }
    describe_zones(&seen, &options.clock, &mut text);
    describe_entries(&seen, parser.log_line_prefix(), &mut text);
    Ok(text)
}

fn describe(parser: &Parser, options: &ParserOptions, sample: &[u8], text: &mut String) {
    let format = parser.format().unwrap_or(Format::Stderr);
    let wrappings = parser.wrappings();
    let names: Vec<&str> = wrappings.iter().map(|wrapping| wrapping.as_str()).collect();
    let wrapped =
        if names.is_empty() { String::new() } else { format!(", wrapped: {}", names.join(", ")) };
    push(text, "format", &format!("{}{wrapped}", format.as_str()));
    let sample = String::from_utf8_lossy(sample);
    let inferred = LinePrefix::infer(sample.lines().take(200));
    let inferred = inferred.filter(|_| format == Format::Stderr && wrappings.is_empty());
    let language = inferred.as_ref().map(|found| found.language.to_string());
    if let Some(prefix) = parser.log_line_prefix() {
        let inference = inferred.filter(|_| options.log_line_prefix.is_none());
        let source = match &inference {
            _ if options.log_line_prefix.as_ref() == Some(prefix) => "as given".to_owned(),
            // The confidence is that of the beginning; a log may change its prefix later.
            Some(found) if found.prefix == *prefix => {
                format!("found, confidence {:.0} %", found.confidence() * 100.0)
            }
            _ => "found".to_owned(),
        };
        push(text, "prefix", &format!("'{prefix}' ({source})"));
        for other in inference.iter().flat_map(|found| &found.alternatives) {
            push(text, "", &format!("'{other}' would fit as well"));
        }
    }
    if let Some(language) = language {
        push(text, "language", &language);
    }
}

fn describe_zones(seen: &Seen, clock: &Clock, text: &mut String) {
    let zones: Vec<&str> = seen.zones.keys().map(String::as_str).collect();
    if !zones.is_empty() {
        push(text, "zone", &zones.join(", "));
    }
    if clock.is_in_zone() {
        return;
    }
    for zone in &seen.assumed_zones {
        if let [taken, others @ ..] = &*Clock::meanings(zone)
            && !others.is_empty()
        {
            let others = others.join(" or ");
            push(text, "", &format!("{zone} is read as that of {taken}; it can be {others} too:"));
            push(text, "", "  give --log-timezone, or log %c, which tells it");
        }
    }
}

fn describe_entries(seen: &Seen, prefix: Option<&LinePrefix>, text: &mut String) {
    push(text, "entries", &seen.entries.to_string());
    if seen.ambiguous > 0 {
        push(text, "", &format!("{} with a local time that fits two moments", seen.ambiguous));
    }
    if seen.unparsed > 0 {
        push(text, "", &format!("{} without a readable prefix, such as", seen.unparsed));
    }
    for (position, line) in &seen.strange {
        let shown: String = line.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS).collect();
        push(text, "", &format!("  byte {position}: {shown}"));
        let Some(mismatch) = prefix.and_then(|prefix| prefix.explain(line)) else { continue };
        push(text, "", &format!("    {mismatch} of the line"));
    }
}

fn push(text: &mut String, name: &str, value: &str) {
    // Writing to memory does not fail.
    let _written = writeln!(text, "  {name:<10}{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_that_nothing_proves_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.log");
        let said = |line: &str, clock: Clock| {
            std::fs::write(&file, line).unwrap();
            let options = ParserOptions { clock, ..ParserOptions::default() };
            explain(&file, &options).unwrap().contains("it can be Asia/Shanghai")
        };
        let line = "2026-11-25 06:51:12.852 CST [7] LOG:  x\n";
        assert!(said(line, Clock::new()));
        assert!(!said(line, Clock::in_zone("Asia/Shanghai").unwrap()));
        let with_session = "2026-11-25 06:51:12.852 CST [6b0614e0.63b2] LOG:  x\n";
        assert!(!said(with_session, Clock::new()));
    }
}
