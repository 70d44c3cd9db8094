//! How messages are told apart by their words, and values taken out of them: tables, and what reads them.

use crate::event::{Event, scan::Scan};
use crate::{
    entry::{FieldValue, Fields},
    severity::Level,
};

mod audit;
mod connection;
mod maintenance;
mod process;
mod replication;
mod server;
mod timeout;

/// A class of messages.
#[derive(Debug)]
struct Rule {
    at: At,
    event: Event,
    /// What makes a message one of the class.
    head: &'static [Step],
    /// What follows, for as long as it fits: later majors add to the end, earlier ones leave out.
    rest: &'static [Step],
}

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

/// Finds the class of a message by its words, and the values in it.
pub(super) fn read<'x>(level: Level, message: &'x str) -> Option<(Event, Fields<'x>)> {
    let by_word = rules_of(message).and_then(|rules| apply(rules, level, message));
    // Messages about a process begin with its name, which may be the first word of others.
    by_word.or_else(|| apply(process::rules(message)?, level, message))
}

fn apply<'x>(
    rules: &'static [Rule],
    level: Level,
    message: &'x str,
) -> Option<(Event, Fields<'x>)> {
    rules.iter().filter(|rule| rule.at.includes(level)).find_map(|rule| {
        let mut scan = Scan::of(message);
        let mut fields = Fields::new();
        all(rule.head, &mut scan, &mut fields)?;
        // What does not fit any more leaves what did.
        all(rule.rest, &mut scan, &mut fields);
        Some((rule.event, fields))
    })
}

/// Returns the rules for messages with this first word.
fn rules_of(message: &str) -> Option<&'static [Rule]> {
    let end = memchr::memchr2(b' ', b':', message.as_bytes()).unwrap_or(message.len());
    let word = message.get(..end)?;
    connection::rules(word)
        .or_else(|| maintenance::rules(word))
        .or_else(|| replication::rules(word))
        .or_else(|| timeout::rules(word))
        .or_else(|| server::rules(word))
        .or_else(|| audit::rules(word))
}

/// Takes steps in order. `None` at the first that does not fit; those before it have left their values.
fn all<'x>(steps: &'static [Step], scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    steps.iter().try_for_each(|step| one(step, scan, fields))
}

fn one<'x>(step: &'static Step, scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    match step {
        Step::Is(words) => scan.literal(words)?,
        Step::End => scan.is_at_end().then_some(())?,
        Step::Count(name) => fields.push(name, scan.number()?),
        Step::Decimal(name) => fields.push(name, scan.decimal()?),
        Step::Seconds(name) => fields.push(name, scan.seconds()?),
        Step::KiloBytes(name) => fields.push(name, scan.number()?.saturating_mul(1024)),
        Step::Lsn(name) => fields.push(name, scan.lsn()?),
        Step::Clock(name) => fields.push(name, clock(scan)?),
        Step::Quoted(name, behind) => fields.push(name, scan.quoted_before(behind)?),
        Step::QuotedToEnd(name) => fields.push(name, scan.quoted_to_end()?),
        Step::Until(name, end) => fields.push(name, scan.until(end)?),
        Step::Words(name) => fields.push(name, words(scan)),
        Step::Rest(name) => fields.push(name, scan.take_rest()),
        Step::Flag(name) => fields.push(name, true),
        Step::By(read) => read(scan, fields)?,
        Step::Maybe(steps) => {
            attempt(steps, scan, fields);
        }
        Step::Either(choices) => choices.iter().find_map(|steps| attempt(steps, scan, fields))?,
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
