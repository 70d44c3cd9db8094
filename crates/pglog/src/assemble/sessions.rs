//! Whose lines are whose, where the lines alone don't tell.
//!
//! A line whose names have separators in them fits its prefix in more than one way. What the server says
//! of the session when it begins and ends (`connection authorized: user=… database=…`) decides. Where it
//! says nothing, names that other lines have shown are taken, else the plainest, and where two readings are
//! as plain, the names that differ are left out.

mod names;

use std::collections::VecDeque;

use names::Names;

use crate::{
    event,
    find::{find, has},
    fingerprint::Fingerprint,
    language::is_session_start,
    message,
    prefix::{Head, LinePrefix, ParsedLine, program_length},
    severity::{Label, Level},
};

/// The most sessions that are remembered. Only those with a separator in a name are.
const MAX_SESSIONS: usize = 256;

/// The longest name that the server keeps, in bytes.
const MAX_NAME_BYTES: usize = 63;

/// Sessions whose names have separators in them.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    known: VecDeque<Session>,
    names: Names,
}

/// The names of a session, as the server has told them.
#[derive(Debug, PartialEq, Eq)]
struct Session {
    process: String,
    user: Option<String>,
    database: Option<String>,
    application_name: Option<String>,
}

/// How many readings a line may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readings {
    One,
    Several,
}

/// How well a reading agrees with what the server told of its session, the better the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Agreement {
    No,
    /// Other lines have shown this user and this database.
    OfNames,
    /// Some other session has this user and this database.
    OfAnother,
    /// The user and the database; programs change their name.
    InOwner,
    InAll,
    /// The line itself tells its names.
    OfItself,
}

/// How odd the names of a reading are, the odder the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Oddity {
    Plain,
    /// Something that separates names stands in one.
    Odd,
    /// A blank stands at the edge of one, or a process is of no type.
    Ragged,
    /// The server keeps no name as long.
    TooLong,
}

/// Tells whether a line says that a session begins, with or without a SQLSTATE in front of the message.
#[inline(always)]
fn begins_session(label: Label, text: &str) -> bool {
    let behind_code = || message::split_state_code(text).map_or("", |(_, text)| text);
    label == Label::Level(Level::Log) && (is_session_start(text) || is_session_start(behind_code()))
}

impl Sessions {
    /// Adds what decides how lines are read.
    pub(super) fn add_to(&self, fingerprint: &mut Fingerprint) {
        fingerprint.add(&(&self.known, &self.names));
    }

    /// Turns the first reading of a line into the likeliest one. Tells whether there may be several.
    pub(super) fn read<'a>(
        &mut self,
        prefix: &LinePrefix,
        line: &'a str,
        reading: &mut ParsedLine<'a>,
    ) -> Readings {
        let mut found = Readings::One;
        if prefix.may_read_otherwise(reading) {
            found = Readings::Several;
            let readings = prefix.readings(line);
            if readings.len() > 1 {
                if let Some(likeliest) = self.decide(prefix, &readings) {
                    *reading = likeliest;
                }
                return found;
            }
        }
        self.note(prefix, reading);
        found
    }

    /// Takes notice of a line that has one reading.
    pub(super) fn note(&mut self, prefix: &LinePrefix, line: &ParsedLine<'_>) {
        if prefix.has_common_separators() {
            self.names.add(line);
        }
        if prefix.has_names() && begins_session(line.label, line.text) {
            self.learn(prefix, line);
        }
    }

    /// Takes notice of a line that has one reading, if it tells anything.
    #[inline(always)]
    pub(super) fn note_head(&mut self, prefix: &LinePrefix, head: &Head<'_, '_>) {
        let tells_names = prefix.has_common_separators()
            || (prefix.has_names() && begins_session(head.label, head.text));
        if tells_names {
            self.note(prefix, &head.parsed());
        }
    }

    /// Decides between readings. `None` where there are none.
    fn decide<'a>(
        &mut self,
        prefix: &LinePrefix,
        readings: &[ParsedLine<'a>],
    ) -> Option<ParsedLine<'a>> {
        let agreements: Vec<_> = readings.iter().map(|reading| self.agreement(reading)).collect();
        let best = *agreements.iter().max()?;
        let agreeing = readings.iter().zip(&agreements).filter(|(_, found)| **found == best);
        let agreeing: Vec<_> = agreeing.map(|(reading, _)| *reading).collect();
        // Of readings that differ in it, a name with a separator is no surer than others with one.
        let program = |reading: &ParsedLine<'a>| reading.fields.application_name;
        let same = agreeing.first().and_then(program);
        let differs = agreeing.iter().any(|reading| program(reading) != same);
        let separates = |name: &str| prefix.separates_in(name);
        let oddity = |reading: &ParsedLine<'a>| match oddity(reading) {
            Oddity::Plain
                if differs
                    && program(reading).is_some_and(separates)
                    && !is_known_program(reading) =>
            {
                Oddity::Odd
            }
            found => found,
        };
        let least = agreeing.iter().map(oddity).min()?;
        let plainest: Vec<_> =
            agreeing.into_iter().filter(|reading| oddity(reading) == least).collect();
        // Where the message begins is not to be left open.
        let longest = plainest.iter().map(|reading| reading.text.len()).max()?;
        let mut likely = plainest.into_iter().filter(|reading| reading.text.len() == longest);
        let first = likely.next()?;
        let decided = likely.fold(first, common);
        if best == Agreement::OfItself && decided == first {
            self.names.add(&decided);
            self.learn(prefix, &decided);
        }
        Some(decided)
    }

    fn agreement(&self, reading: &ParsedLine<'_>) -> Agreement {
        if names_itself(reading) {
            return Agreement::OfItself;
        }
        let fields = &reading.fields;
        let is_owner = |session: &&Session| {
            session.user.as_deref() == fields.user && session.database.as_deref() == fields.database
        };
        let mut same_owner = self.known.iter().filter(is_owner).peekable();
        if same_owner.peek().is_none() {
            return if self.names.know(reading) { Agreement::OfNames } else { Agreement::No };
        }
        let own = same_owner.find(|session| Some(&*session.process) == fields.process());
        match own {
            None => Agreement::OfAnother,
            Some(own) if own.application_name.as_deref() == fields.application_name => {
                Agreement::InAll
            }
            Some(_) => Agreement::InOwner,
        }
    }

    /// Remembers what a line that begins or ends a session tells of it.
    fn learn(&mut self, prefix: &LinePrefix, line: &ParsedLine<'_>) {
        let Some(process) = line.fields.process() else { return };
        let Some(mut application_name) = told_application_name(line) else { return };
        // The end of a session does not name its program, whose lines may go on.
        if !begins_session(line.label, line.text) {
            application_name = line.fields.application_name.map(str::to_owned);
        }
        self.known.retain(|session| session.process != process);
        let separates = |name: Option<&str>| name.is_some_and(|name| prefix.separates_in(name));
        let fields = &line.fields;
        if !prefix.separates_in_names(line) && !separates(application_name.as_deref()) {
            return;
        }
        if self.known.len() >= MAX_SESSIONS {
            self.known.pop_front();
        }
        self.known.push_back(Session {
            process: process.to_owned(),
            user: fields.user.map(str::to_owned),
            database: fields.database.map(str::to_owned),
            application_name,
        });
    }
}

/// Tells whether a line says of its session that it has the names which the line was read with.
fn names_itself(reading: &ParsedLine<'_>) -> bool {
    match reading.label {
        Label::Level(Level::Log) => {
            told_application_name(reading).is_some() || tells_who_was_authenticated(reading)
        }
        Label::Level(Level::Fatal) => quotes_names(reading),
        _ => false,
    }
}

/// What a line says that its session's application is called, if it says that its user and its database
/// are called as the line was read.
fn told_application_name(line: &ParsedLine<'_>) -> Option<Option<String>> {
    // In no language is a name translated. One with a blank may be made up of the words around it.
    let is_missing = |user: &str| !user.contains(' ') && !has(line.text, user);
    if line.fields.user.is_some_and(is_missing) {
        return None;
    }
    // With `log_error_verbosity = verbose` the SQLSTATE comes first.
    let text = message::split_state_code(line.text).map_or(line.text, |(_, text)| text);
    let text = event::in_english(text);
    let rest = text
        .strip_prefix("connection authorized: ")
        .or_else(|| text.strip_prefix("replication connection authorized: "))
        .or_else(|| Some(text.strip_prefix("disconnection: session time: ")?.split_once(' ')?.1))?;
    let rest = rest.strip_prefix("user=")?;
    let rest = match line.fields.user {
        Some(user) => rest.strip_prefix(user)?,
        None => from(rest, " database="),
    };
    if !ends_name(rest, " database=") {
        return None;
    }
    let rest = match line.fields.database {
        Some(database) => rest.strip_prefix(" database=")?.strip_prefix(database)?,
        None => from(rest, " application_name="),
    };
    if !ends_name(rest, " application_name=") {
        return None;
    }
    let Some(name) = rest.strip_prefix(" application_name=") else { return Some(None) };
    let marks = [" SSL enabled (", " GSS ("].into_iter().filter(|_| name.ends_with(')'));
    let end = marks.filter_map(|mark| name.rfind(mark)).min().unwrap_or(name.len());
    Some(name.get(..end).map(str::to_owned))
}

/// Tells whether a name has ended where a text goes on with what follows it, be it a blank and the next key.
fn ends_name(rest: &str, next: &str) -> bool {
    let behind = [next, " application_name=", " host=", " SSL enabled (", " GSS ("];
    rest.is_empty() || behind.iter().any(|words| rest.starts_with(words))
}

/// The rest of a text from some words on; none of it where they are missing.
fn from<'a>(text: &'a str, words: &str) -> &'a str {
    find(text.as_bytes(), words.as_bytes()).and_then(|at| text.get(at..)).unwrap_or_default()
}

/// The same, before it is known what the session may do: `connection authenticated: user="bob"`. Programs
/// have no name yet.
fn tells_who_was_authenticated(line: &ParsedLine<'_>) -> bool {
    let text = message::split_state_code(line.text).map_or(line.text, |(_, text)| text);
    line.fields.application_name.is_none()
        && is_quoted(line.fields.user, text)
        && event::in_english(text).starts_with("connection authenticated: ")
}

/// Tells whether an error quotes the names that its line was read with, as those of a refused connection
/// do: `database "shop" does not exist`. A name with a label in it has to be quoted itself: words of another
/// server may be quoted within a message.
fn quotes_names(reading: &ParsedLine<'_>) -> bool {
    let fields = &reading.fields;
    let quotes = |name: Option<&str>| is_quoted(name, reading.text);
    let hides_label = |name: &str| has(name, ":  ") || is_too_long(name);
    let mut names = [fields.user, fields.database, fields.application_name].into_iter();
    (quotes(fields.user) || quotes(fields.database))
        && names.all(|name| !name.is_some_and(hides_label) || quotes(name))
}

fn is_quoted(name: Option<&str>, text: &str) -> bool {
    let is_in = |name: &str| {
        QUOTES.iter().any(|(open, close)| text.contains(&format!("{open}{name}{close}")))
    };
    name.is_some_and(|name| has(text, name) && is_in(name))
}

/// Quotation marks of the languages that the server speaks.
const QUOTES: [(char, char); 5] = [('"', '"'), ('«', '»'), ('»', '«'), ('„', '“'), ('“', '”')];

/// How odd the names of a reading are. What separates names elsewhere makes one as odd as another.
fn oddity(reading: &ParsedLine<'_>) -> Oddity {
    let fields = &reading.fields;
    let names = [fields.user, fields.database, fields.application_name];
    let is_type = |name: &str| !name.contains('[');
    let is_odd = fields.user.is_some_and(|user| !is_plain(user) && !is_mail_address(user))
        || fields.database.is_some_and(|database| !is_plain(database))
        || fields.application_name.is_some_and(|name| name.contains('=') || name.contains(":  "));
    let names = || names.into_iter().flatten();
    if names().any(is_too_long) {
        Oddity::TooLong
    } else if names().any(|name| name.starts_with(' ') || name.ends_with(' '))
        || !fields.backend_type.is_none_or(is_type)
    {
        Oddity::Ragged
    } else if is_odd {
        Oddity::Odd
    } else {
        Oddity::Plain
    }
}

/// Tells whether a program is one that many use. More words may be its own only where no other name stands
/// behind them.
fn is_known_program(reading: &ParsedLine<'_>) -> bool {
    let fields = &reading.fields;
    let Some(name) = fields.application_name else { return false };
    let is_behind = |other: &str| other.as_ptr() < name.as_ptr();
    let is_last = [fields.user, fields.database].into_iter().flatten().all(is_behind);
    program_length(name).is_some_and(|length| is_last || length == name.len())
}

/// Text that is no UTF-8 is longer here than in the server.
fn is_too_long(name: &str) -> bool {
    name.len() > MAX_NAME_BYTES && !name.contains('\u{fffd}')
}

fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$' | '\u{fffd}'))
}

/// Services that keep their users elsewhere name them by their addresses.
fn is_mail_address(name: &str) -> bool {
    name.split_once('@')
        .is_some_and(|(user, host)| is_plain(user) && is_plain(host) && host.contains('.'))
}

/// What two readings of one text have in common.
fn common<'a>(a: ParsedLine<'a>, b: ParsedLine<'a>) -> ParsedLine<'a> {
    let mut both = a;
    let fields = &mut both.fields;
    let same = |a: Option<&'a str>, b: Option<&'a str>| a.filter(|_| a == b);
    fields.user = same(a.fields.user, b.fields.user);
    fields.database = same(a.fields.database, b.fields.database);
    fields.application_name = same(a.fields.application_name, b.fields.application_name);
    fields.remote_host = same(a.fields.remote_host, b.fields.remote_host);
    fields.remote_port = same(a.fields.remote_port, b.fields.remote_port);
    fields.backend_type = same(a.fields.backend_type, b.fields.backend_type);
    fields.ps = same(a.fields.ps, b.fields.ps);
    both
}

#[cfg(test)]
mod tests;
