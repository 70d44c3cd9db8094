//! What entries mean: the class of the message, and the values that stand in it.
//!
//! Errors are told apart by their SQLSTATE, and by their words where the log does not have it. All other
//! messages are told apart by their words. What a function raised is nobody's class, whatever it says.

mod detail;
mod error;
mod letters;
mod messages;
mod parameters;
mod pgbouncer;
mod plan;
mod rule;
mod scan;
mod statement;
mod translation;

use std::{borrow::Cow, time::Duration};

use self::rule::Rule;
use crate::{
    entry::{Event, Field, FieldValue, Fields, LogEntry, Phase, Plan, Text, owned},
    language,
    severity::Level,
};

impl Event {
    /// Tells what a message means and which values it carries. `None` for a message of no class.
    ///
    /// Entries of this crate's parsers have been classified already, see [`LogEntry::event`].
    ///
    /// ```
    /// use pglog::{Event, Level, LogEntry};
    ///
    /// let entry = LogEntry {
    ///     level: Some(Level::Log),
    ///     message: "duration: 12.500 ms  parse s1: SELECT 1".into(),
    ///     ..LogEntry::default()
    /// };
    /// let (event, fields) = Event::classify(&entry).unwrap();
    /// assert_eq!(event.as_str(), "statement.parse");
    /// assert_eq!(fields.get("statement_name"), Some(&"s1".into()));
    /// ```
    #[must_use]
    pub fn classify<'e>(entry: &'e LogEntry<'_>) -> Option<(Self, Fields<'e>)> {
        if entry.unparsed {
            return pgbouncer::read(&entry.message).map(|line| (line.event, line.fields));
        }
        let meaning = Meaning::of(&Texts::of(entry));
        meaning.event.map(|event| (event, meaning.fields))
    }
}

/// Fills the fields of an entry that come from its texts. To be called once, when all texts are whole.
pub(crate) fn interpret(entry: &mut LogEntry<'_>) {
    if entry.unparsed {
        interpret_foreign(entry);
        return;
    }
    if interpret_duration(entry) {
        return;
    }
    // They are empty, but have room.
    let fields = std::mem::take(&mut entry.fields);
    let parameters = std::mem::take(&mut entry.parameters);
    let mut meaning = Meaning { fields, parameters, ..Meaning::default() };
    match Texts::borrowed(entry) {
        Some(texts) => meaning.read(&texts),
        None => meaning = Meaning::of(&Texts::of(entry)).into_owned(),
    }
    meaning.give_to(entry);
}

/// Reads by far the commonest message, that of a statement with its duration, straight to where it belongs.
fn interpret_duration(entry: &mut LogEntry<'_>) -> bool {
    let is_alone = entry.statement.is_none() && entry.context.is_none();
    if entry.level != Some(Level::Log) || !is_alone || !entry.truncated.is_empty() {
        return false;
    }
    let Cow::Borrowed(message) = entry.message else { return false };
    let Some(detail) = borrowed(&entry.detail) else { return false };
    let Some((duration, sql)) = statement::read_timed(message) else { return false };
    entry.event = Some(sql.timed_event());
    entry.duration = Some(duration);
    entry.phase = Some(sql.phase);
    entry.statement = Some(Cow::Borrowed(sql.text));
    sql.give_values(detail, &mut entry.fields, &mut entry.parameters);
    true
}

/// Fills what can be known of another program's line.
fn interpret_foreign(entry: &mut LogEntry<'_>) {
    let read = match &entry.message {
        Cow::Borrowed(line) => pgbouncer::read(line),
        Cow::Owned(line) => pgbouncer::read(line).map(pgbouncer::Line::into_owned),
    };
    let Some(line) = read else { return };
    entry.pid = Some(line.pid);
    entry.level = Some(line.level);
    entry.event = Some(line.event);
    entry.fields = line.fields;
}

/// Returns the SQLSTATE that a server gives a message in English, if it is known.
pub(crate) fn state_code_of(message: &str) -> Option<&'static str> {
    messages::state_code_of(message)
}

/// Returns what the server says in English, if it is known what it says.
pub(crate) fn in_english(message: &str) -> Cow<'_, str> {
    let is_english = ["connection ", "replication ", "disconnection: "];
    if is_english.iter().any(|start| message.starts_with(start)) {
        return Cow::Borrowed(message);
    }
    translation::to_english(message).map_or(Cow::Borrowed(message), Cow::Owned)
}

/// What of an entry carries its meaning. `'x` is the life of what values are taken from.
#[derive(Debug, Clone, Copy)]
struct Texts<'e, 'x> {
    message: &'x str,
    detail: Option<&'x str>,
    context: Option<&'x str>,
    /// The entry, for all that no value is taken from.
    entry: &'e LogEntry<'e>,
}

impl<'e, 'x> Texts<'e, 'x> {
    /// Returns the texts of an entry that borrows those from which values are taken.
    fn borrowed(entry: &'e LogEntry<'x>) -> Option<Self> {
        let Cow::Borrowed(message) = entry.message else { return None };
        let (detail, context) = (borrowed(&entry.detail)?, borrowed(&entry.context)?);
        Some(Self { message, detail, context, entry })
    }

    fn of(entry: &'x LogEntry<'_>) -> Texts<'x, 'x> {
        Texts {
            message: &entry.message,
            detail: entry.detail.as_deref(),
            context: entry.context.as_deref(),
            entry,
        }
    }

    /// Tells whether a worker of autovacuum wrote it. Kinds of processes are not translated in logs.
    fn is_autovacuum_worker(&self) -> bool {
        self.entry.backend_type.as_deref() == Some("autovacuum worker")
    }
}

/// The statement in a record of pgaudit, unless the record says why there is none.
fn audited_statement<'x>(fields: &Fields<'x>) -> Option<Text<'x>> {
    match fields.get("statement")? {
        FieldValue::Text(text) if text != "<previously logged>" && text != "<not logged>" => {
            Some(text.clone())
        }
        _ => None,
    }
}

/// Tells whether messages of a level may have an event by their words. Those to clients have none.
fn has_classes(level: Level) -> bool {
    level == Level::Log || level >= Level::Warning
}

/// Returns a text for as long as it is borrowed. `None` where it is not.
#[expect(clippy::option_option, reason = "an absent text is borrowed for as long as one likes")]
fn borrowed<'x>(text: &Option<Text<'x>>) -> Option<Option<&'x str>> {
    match text {
        None => Some(None),
        Some(Cow::Borrowed(text)) => Some(Some(text)),
        Some(Cow::Owned(_)) => None,
    }
}

/// What was read out of an entry's texts.
#[derive(Debug, Default)]
struct Meaning<'x> {
    event: Option<Event>,
    fields: Fields<'x>,
    duration: Option<Duration>,
    phase: Option<Phase>,
    /// The SQL in the message.
    statement: Option<Text<'x>>,
    parameters: Vec<Option<Text<'x>>>,
    plan: Option<Plan<'x>>,
    query_id: Option<i64>,
}

impl<'x> Meaning<'x> {
    fn of(texts: &Texts<'_, 'x>) -> Self {
        let mut meaning = Self::default();
        meaning.read(texts);
        meaning
    }

    fn read(&mut self, texts: &Texts<'_, 'x>) {
        let Some(level) = texts.entry.level else { return };
        if !texts.context.is_some_and(language::is_raised) {
            let rules = rule::of(texts.message);
            // What begins with a word that has rules is no statement in any language.
            if rules.is_empty() && statement::read(texts, self) {
                return;
            }
            self.read_message(level, texts, rules);
        }
        // The bind values are the server's words, whoever wrote the message.
        if level >= Level::Error {
            self.read_context(texts);
        }
    }

    /// Reads a message that is not about a statement.
    fn read_message(&mut self, level: Level, texts: &Texts<'_, 'x>, rules: &'static [Rule]) {
        if self.read_words(level, texts, rules) || !has_classes(level) {
            return;
        }
        // What is known in English needs no translation.
        let known = messages::state_code_of(texts.message);
        if known.is_some() || !self.read_translated_words(level, texts) {
            self.read_state_code(level, texts, known);
        }
    }

    /// Reads a message whose words tell its class. False where they do not.
    fn read_words(&mut self, level: Level, texts: &Texts<'_, 'x>, rules: &'static [Rule]) -> bool {
        let event = rule::read(rules, level, texts.message, &mut self.fields);
        let Some(event) = event else { return false };
        self.event = Some(event);
        detail::read(event, texts, self);
        if matches!(event, Event::AuditSession | Event::AuditObject) {
            self.statement = audited_statement(&self.fields);
        }
        true
    }

    /// Reads a message of a server that speaks another language. False where it is not known what it
    /// says.
    fn read_translated_words(&mut self, level: Level, texts: &Texts<'_, 'x>) -> bool {
        let Some(message) = translation::to_english(texts.message) else { return false };
        let line = |text: Option<&str>| {
            text.map(|text| translation::to_english(text).unwrap_or_else(|| text.to_owned()))
        };
        let (detail, context) = (line(texts.detail), line(texts.context));
        let english = Texts {
            message: &message,
            detail: detail.as_deref(),
            context: context.as_deref(),
            ..*texts
        };
        let mut meaning = Meaning::default();
        let is_known = statement::read(&english, &mut meaning)
            || meaning.read_words(level, &english, rule::of(&message));
        if !is_known {
            meaning.read_state_code(level, &english, messages::state_code_of(&message));
        }
        *self = meaning.into_owned();
        true
    }

    /// Reads an error, or what is wrong with the configuration. `known` is the SQLSTATE that the message's
    /// words have.
    fn read_state_code(&mut self, level: Level, texts: &Texts<'_, 'x>, known: Option<&str>) {
        let is_read = level >= Level::Error || level == Level::Log;
        let state_code = texts.entry.state_code.as_deref().or(known).filter(|_| is_read);
        let event = state_code.and_then(|code| error::classify(level, code, texts));
        let Some(event) = event else { return };
        self.event = Some(event);
        error::read_values(event, texts.message, &mut self.fields);
        detail::read(event, texts, self);
    }

    /// Reads the bind values of a statement that failed (`log_parameter_max_length_on_error`).
    fn read_context(&mut self, texts: &Texts<'_, 'x>) {
        let Some(context) = texts.context else { return };
        if let Some(parameters) = parameters::in_context(context) {
            parameters.give_to(&mut self.fields, &mut self.parameters);
        } else if let Some((number, value)) = parameters::refused_in_context(context) {
            self.fields.push("parameter_number", number);
            self.fields.push_some("parameter_value", value);
        }
    }

    fn into_owned(self) -> Meaning<'static> {
        Meaning {
            event: self.event,
            fields: self.fields.into_owned(),
            duration: self.duration,
            phase: self.phase,
            statement: owned(self.statement),
            parameters: self.parameters.into_iter().map(owned).collect(),
            plan: self.plan.map(Plan::into_owned),
            query_id: self.query_id,
        }
    }

    fn give_to(self, entry: &mut LogEntry<'x>) {
        entry.event = self.event;
        entry.fields = self.fields;
        entry.duration = self.duration;
        entry.phase = self.phase;
        entry.parameters = self.parameters;
        entry.plan = self.plan;
        // A plan inside a function has an identifier of its own; the log's is that of the statement.
        let logged = entry.query_id.filter(|id| *id != 0);
        let is_alone = || entry.context.as_deref().is_none_or(parameters::are_all_of);
        let own = self.query_id.filter(|_| is_alone());
        entry.query_id = logged.or(own).or(entry.query_id);
        let Some(statement) = self.statement.filter(|_| entry.statement.is_none()) else { return };
        let whole = entry.truncated.iter().find(|(field, _)| *field == Field::Message);
        if let Some((_, bytes)) = whole.copied() {
            let head_bytes = entry.message.len().saturating_sub(statement.len());
            entry.truncated.push((Field::Statement, bytes.saturating_sub(head_bytes as u64)));
        }
        entry.statement = Some(statement);
    }
}

#[cfg(test)]
mod tests;
