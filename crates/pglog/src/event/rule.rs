//! How messages are told apart by their words, and values taken out of them: tables, and what reads them.

use crate::event::{Event, scan::Scan};
use crate::{
    entry::{FieldValue, Fields},
    severity::Level,
};

mod audit;
mod connection;
mod index;
mod maintenance;
mod process;
mod replication;
mod server;
mod timeout;

/// A class of messages.
#[derive(Debug)]
pub(super) struct Rule {
    at: At,
    event: Event,
    /// What makes a message one of the class.
    head: &'static [Step],
    /// What follows, for as long as it fits: later majors add to the end, earlier ones leave out.
    rest: &'static [Step],
}

/// The rules of some first words.
type FirstWords = &'static [(&'static str, &'static [Rule])];

/// The levels of a class's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Log,
    /// `WARNING`, or `LOG` from background processes.
    Warning,
    Notice,
    /// `ERROR`, `FATAL` and `PANIC`.
    Error,
    Any,
}

impl At {
    fn includes(self, level: Level) -> bool {
        match self {
            Self::Log => level == Level::Log,
            Self::Warning => matches!(level, Level::Log | Level::Warning),
            Self::Notice => level == Level::Notice,
            Self::Error => level >= Level::Error,
            Self::Any => true,
        }
    }
}

/// Reads a part of a message.
type Reader = for<'x> fn(&mut Scan<'x>, &mut Fields<'x>) -> Option<()>;

/// A part of a message.
#[derive(Debug)]
pub(super) enum Step {
    /// Words.
    Is(&'static str),
    /// The end of the message.
    End,
    /// A whole number.
    Count(&'static str),
    /// A number with a fraction.
    Decimal(&'static str),
    /// Seconds, kept as milliseconds.
    Seconds(&'static str),
    /// Kilobytes, kept as bytes.
    KiloBytes(&'static str),
    /// A position in the WAL.
    Lsn(&'static str),
    /// `1:02:03.456`, kept as milliseconds.
    Clock(&'static str),
    /// A name in quotes, and the words behind it.
    Quoted(&'static str, &'static str),
    /// A name in quotes at the end of the message.
    QuotedToEnd(&'static str),
    /// A text, and the words behind it.
    Until(&'static str, &'static str),
    /// Words, each of which is a value.
    Words(&'static str),
    /// All that is left.
    Rest(&'static str),
    /// Nothing, but it means that something is so.
    Flag(&'static str),
    /// What takes more than steps.
    By(Reader),
    /// What may be there or not.
    Maybe(&'static [Self]),
    /// The first of these that is there.
    Either(&'static [&'static [Self]]),
}

/// Returns the rules for messages that begin as this one. There are none for most errors.
pub(super) fn of(message: &str) -> &'static [Rule] {
    index::rules_of(message)
}

/// Finds the class of a message by its words, and puts the values in it behind the fields. `rules` are those
/// of its first word.
pub(super) fn read<'x>(
    rules: &'static [Rule],
    level: Level,
    message: &'x str,
    fields: &mut Fields<'x>,
) -> Option<Event> {
    let by_word = apply(rules, level, message, fields);
    // Messages about a process begin with its name, which may be the first word of others.
    by_word.or_else(|| apply(process::rules(level, message)?, level, message, fields))
}

fn apply<'x>(
    rules: &'static [Rule],
    level: Level,
    message: &'x str,
    fields: &mut Fields<'x>,
) -> Option<Event> {
    let before = fields.len();
    for rule in rules {
        if !rule.at.includes(level) {
            continue;
        }
        let mut scan = Scan::of(message);
        if all(rule.head, &mut scan, fields).is_some() {
            // What does not fit any more leaves what did.
            all(rule.rest, &mut scan, fields);
            return Some(rule.event);
        }
        fields.truncate(before);
    }
    None
}

/// Takes steps in order. `None` at the first that does not fit; those before it have left their values.
fn all<'x>(steps: &'static [Step], scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    for step in steps {
        let (name, value) = match step {
            Step::Is(words) => {
                scan.literal(words)?;
                continue;
            }
            Step::End if scan.is_at_end() => continue,
            Step::End => return None,
            Step::By(read) => {
                read(scan, fields)?;
                continue;
            }
            Step::Maybe(steps) => {
                attempt(steps, scan, fields);
                continue;
            }
            Step::Either(choices) => {
                choices.iter().find_map(|steps| attempt(steps, scan, fields))?;
                continue;
            }
            Step::Count(name) => (name, FieldValue::U64(scan.number()?)),
            Step::Decimal(name) => (name, FieldValue::F64(scan.decimal()?)),
            Step::Seconds(name) => (name, scan.seconds()?.into()),
            Step::KiloBytes(name) => (name, scan.number()?.saturating_mul(1024).into()),
            Step::Lsn(name) => (name, scan.lsn()?.into()),
            Step::Clock(name) => (name, clock(scan)?.into()),
            Step::Quoted(name, behind) => (name, scan.quoted_before(behind)?.into()),
            Step::QuotedToEnd(name) => (name, scan.quoted_to_end()?.into()),
            Step::Until(name, end) => (name, scan.until(end)?.into()),
            Step::Words(name) => (name, words(scan)),
            Step::Rest(name) => (name, scan.take_rest().into()),
            Step::Flag(name) => (name, true.into()),
        };
        fields.push(name, value);
    }
    Some(())
}

/// Takes all steps or none.
pub(super) fn attempt<'x>(
    steps: &'static [Step],
    scan: &mut Scan<'x>,
    fields: &mut Fields<'x>,
) -> Option<()> {
    let (before, count) = (*scan, fields.len());
    let taken = all(steps, scan, fields);
    if taken.is_none() {
        *scan = before;
        fields.truncate(count);
    }
    taken
}

/// Reads `1:02:03.456` as milliseconds.
fn clock(scan: &mut Scan<'_>) -> Option<f64> {
    let hours = u32::try_from(scan.number()?).ok()?;
    scan.literal(":")?;
    let minutes = u32::try_from(scan.number()?).ok()?;
    scan.literal(":")?;
    let millis = scan.seconds()?;
    Some((f64::from(hours) * 60.0 + f64::from(minutes)) * 60_000.0 + millis)
}

fn words<'x>(scan: &mut Scan<'x>) -> FieldValue<'x> {
    FieldValue::List(scan.take_rest().split_ascii_whitespace().map(FieldValue::from).collect())
}
