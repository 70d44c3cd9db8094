//! Messages about statements: `log_statement`, `log_duration`, `log_min_duration_statement` and
//! `auto_explain`.

use std::{borrow::Cow, time::Duration};

use crate::event::{Event, Meaning, Texts, parameters, plan, scan::Scan};
use crate::{
    entry::{Field, Fields, Phase, Text},
    find::split_once,
    language::{prepared_statement_of, statement_message},
    severity::Level,
};

/// Reads a message with a statement and its duration. `None` for any other message.
#[inline(always)]
pub(super) fn read_timed(message: &str) -> Option<(Duration, Sql<'_>)> {
    let mut scan = Scan::of(message.strip_prefix("duration: ")?);
    let duration = millis(&mut scan)?;
    scan.literal("  ")?;
    Some((duration, Sql::read(scan.rest())?))
}

/// Reads a message about a statement. False, and nothing read, for any other message.
pub(super) fn read<'x>(texts: &Texts<'_, 'x>, meaning: &mut Meaning<'x>) -> bool {
    let is_log = texts.entry.level == Some(Level::Log);
    let is_read = match texts.message.strip_prefix("duration: ") {
        Some(rest) => timed(Scan::of(rest), is_log, texts, meaning),
        None if is_log => untimed(texts, meaning).or_else(|| translated(texts, meaning)),
        None => None,
    };
    if is_read.is_none() {
        return false;
    }
    // Where the statement has a line of its own the message is not one of those that carry it, whatever
    // it looks like.
    let is_own = match (&texts.entry.statement, &meaning.statement) {
        (None, _) => true,
        (Some(beside), Some(inside)) => beside == inside,
        (Some(_), None) => false,
    };
    if !is_own {
        *meaning = Meaning::default();
    }
    is_own
}

/// Reads a message with a duration, behind its first word. Plans have any level.
fn timed<'x>(
    mut scan: Scan<'x>,
    is_log: bool,
    texts: &Texts<'_, 'x>,
    meaning: &mut Meaning<'x>,
) -> Option<()> {
    let duration = millis(&mut scan)?;
    if scan.eat("  plan:\n") {
        *meaning = plan::read(scan.rest(), duration, texts.entry.is_truncated(Field::Message));
        return Some(());
    }
    if !is_log {
        return None;
    }
    let mut event = Event::StatementDuration;
    if !scan.is_at_end() {
        scan.literal("  ")?;
        match Sql::read(scan.rest()) {
            Some(sql) => {
                event = sql.timed_event();
                sql.give_to(meaning, texts);
            }
            None => meaning.fields = fastpath(scan)?,
        }
    }
    meaning.event = Some(event);
    meaning.duration = Some(duration);
    Some(())
}

/// Reads a message of `log_statement`.
fn untimed<'x>(texts: &Texts<'_, 'x>, meaning: &mut Meaning<'x>) -> Option<()> {
    let sql = Sql::read(texts.message)?;
    match sql.phase {
        Phase::Statement | Phase::Execute => sql.give_to(meaning, texts),
        // The other phases are logged with their durations only.
        Phase::Parse | Phase::Bind => return None,
    }
    meaning.event = Some(Event::StatementLog);
    meaning.phase = None;
    Some(())
}

/// Reads a message of a server that speaks another language.
fn translated<'x>(texts: &Texts<'_, 'x>, meaning: &mut Meaning<'x>) -> Option<()> {
    let read = statement_message(texts.message)?;
    let duration = match read.duration {
        Some(number) => Some(micros(&mut Scan::of(number))?),
        None => None,
    };
    if let (Some(phase), Some(text)) = (read.phase, read.statement) {
        Sql::of(phase, read.name, false, text).give_to(meaning, texts);
    }
    meaning.event = Some(match (duration, read.phase) {
        (None, _) => Event::StatementLog,
        (Some(_), Some(Phase::Parse)) => Event::StatementParse,
        (Some(_), _) => Event::StatementDuration,
    });
    meaning.duration = duration;
    if duration.is_none() {
        meaning.phase = None;
    }
    Some(())
}

/// Passes `1.234 ms`.
#[inline(always)]
fn millis(scan: &mut Scan<'_>) -> Option<Duration> {
    let text = scan.rest();
    let bytes = text.as_bytes();
    let mut whole: u64 = 0;
    let mut count = 0;
    while let Some(byte @ b'0'..=b'9') = bytes.get(count) {
        whole = whole.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
        count += 1;
    }
    let [b'.', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', b'm', b's', ..] =
        bytes.get(count..).filter(|_| count > 0)?
    else {
        return None;
    };
    let digit = |byte: &u8| u64::from(byte - b'0');
    let micros = digit(a) * 100 + digit(b) * 10 + digit(c);
    *scan = Scan::of(text.get(count + ".000 ms".len()..)?);
    Some(Duration::from_micros(whole.checked_mul(1000)?.checked_add(micros)?))
}

/// Passes a number with three decimals.
fn micros(scan: &mut Scan<'_>) -> Option<Duration> {
    let whole = scan.number()?;
    scan.literal(".")?;
    let (micros, count) = scan.digits();
    if count != 3 {
        return None;
    }
    Some(Duration::from_micros(whole.checked_mul(1000)?.checked_add(micros)?))
}

/// Reads the call of a function by its number, a relic of the protocol.
fn fastpath(mut scan: Scan<'_>) -> Option<Fields<'_>> {
    scan.literal("fastpath function call: ")?;
    let mut fields = Fields::new();
    fields.push("function", scan.quoted_before(" (OID ")?);
    fields.push("function_oid", scan.number()?);
    Some(fields)
}

/// How the server calls a statement without a name, in every language.
const UNNAMED: &str = "<unnamed>";

/// A statement in a message, and how it is named.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sql<'x> {
    pub(super) phase: Phase,
    /// The prepared statement.
    name: Option<&'x str>,
    portal: Option<&'x str>,
    is_fetch: bool,
    pub(super) text: &'x str,
}

impl<'x> Sql<'x> {
    /// Reads `statement: SQL`, `parse NAME: SQL`, `bind NAME/PORTAL: SQL`, `execute NAME/PORTAL: SQL` or
    /// `execute fetch from NAME/PORTAL: SQL`.
    #[inline(always)]
    fn read(message: &'x str) -> Option<Self> {
        let mut scan = Scan::of(message);
        let phase = match message.as_bytes().first()? {
            b's' => {
                let text = message.strip_prefix("statement: ")?;
                let (name, portal) = (None, None);
                return Some(Self { phase: Phase::Statement, name, portal, is_fetch: false, text });
            }
            b'e' => scan.literal("execute ").map(|()| Phase::Execute)?,
            b'b' => scan.literal("bind ").map(|()| Phase::Bind)?,
            b'p' => scan.literal("parse ").map(|()| Phase::Parse)?,
            _ => return None,
        };
        let is_fetch = phase == Phase::Execute && scan.eat("fetch from ");
        let names = scan.until(": ")?;
        Some(Self::of(phase, Some(names), is_fetch, scan.rest()))
    }

    /// Takes the name apart, `STATEMENT/PORTAL`.
    fn of(phase: Phase, names: Option<&'x str>, is_fetch: bool, text: &'x str) -> Self {
        let (name, portal) = match names.map(|names| (names, split_once(names, "/"))) {
            Some((_, Some((name, portal)))) if phase != Phase::Parse => (Some(name), Some(portal)),
            Some((names, _)) => (Some(names), None),
            None => (None, None),
        };
        Self { phase, name: name.filter(|name| *name != UNNAMED), portal, is_fetch, text }
    }

    /// Returns the event of the statement where its duration is known.
    pub(super) fn timed_event(&self) -> Event {
        match self.phase {
            Phase::Parse => Event::StatementParse,
            Phase::Bind | Phase::Execute | Phase::Statement => Event::StatementDuration,
        }
    }

    fn give_to(self, meaning: &mut Meaning<'x>, texts: &Texts<'_, 'x>) {
        meaning.phase = Some(self.phase);
        meaning.statement = Some(Cow::Borrowed(self.text));
        self.give_values(texts.detail, &mut meaning.fields, &mut meaning.parameters);
    }

    /// Gives its names away, and the bind values in the detail.
    pub(super) fn give_values(
        self,
        detail: Option<&'x str>,
        fields: &mut Fields<'x>,
        values: &mut Vec<Option<Text<'x>>>,
    ) {
        fields.push_some("statement_name", self.name);
        fields.push_some("portal", self.portal);
        if self.is_fetch {
            fields.push("fetch", true);
        }
        let Some(detail) = detail else { return };
        if let Some(prepared) = prepared_statement_of(detail) {
            fields.push("prepare", prepared);
            return;
        }
        if let Some(parameters) = parameters::in_detail(detail, std::mem::take(values)) {
            parameters.give_to(fields, values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::LogEntry;

    fn read_log(message: &str, detail: Option<&str>) -> LogEntry<'static> {
        let mut entry = LogEntry {
            level: Some(Level::Log),
            message: message.into(),
            detail: detail.map(Cow::from),
            ..LogEntry::default()
        };
        crate::event::interpret(&mut entry);
        entry.into_owned()
    }

    fn parts(message: &str) -> (Option<u128>, Option<Phase>, Option<String>) {
        let entry = read_log(message, None);
        let micros = entry.duration.map(|duration| duration.as_micros());
        (micros, entry.phase, entry.statement.map(Cow::into_owned))
    }

    fn found(
        micros: u128,
        phase: Phase,
        sql: &str,
    ) -> (Option<u128>, Option<Phase>, Option<String>) {
        (Some(micros), Some(phase), Some(sql.to_owned()))
    }

    #[test]
    fn durations_of_every_phase_are_read() {
        assert_eq!(
            parts("duration: 1234.056 ms  statement: SELECT 1"),
            found(1_234_056, Phase::Statement, "SELECT 1")
        );
        assert_eq!(
            parts("duration: 0.001 ms  bind <unnamed>: SELECT ': $1'"),
            found(1, Phase::Bind, "SELECT ': $1'")
        );
        assert_eq!(
            parts("duration: 0.001 ms  execute fetch from s1/p1: SELECT a\nFROM b"),
            found(1, Phase::Execute, "SELECT a\nFROM b")
        );
        assert_eq!(
            parts("duration: 0.001 ms  parse s1: SELECT 1"),
            found(1, Phase::Parse, "SELECT 1")
        );
        assert_eq!(parts("duration: 3.100 ms"), (Some(3100), None, None));
    }

    #[test]
    fn borrowed_messages_are_read_as_all_others_are() {
        let messages = [
            "duration: 1234.056 ms  statement: SELECT 1",
            "duration: 0.001 ms  execute <unnamed>: SELECT 1\nFROM a",
            "duration: 0.001 ms  bind <unnamed>: ",
            "duration: 0.001 ms  parse <unnamed>: x: y",
            "duration: 0.001 ms  bind s/1/p: x",
            "duration: 0.001 ms  execute fetch from s1/p1: SELECT 1",
        ];
        let details = [
            None,
            Some("x"),
            Some("parameters: $1 = 'it''s', $2 = NULL, $3 = 'abc...'"),
            Some("parameters: $1 = 'a"),
            Some("prepare: PREPARE q AS SELECT $1"),
        ];
        for (message, detail) in
            messages.iter().flat_map(|text| details.map(|detail| (text, detail)))
        {
            assert!(read_timed(message).is_some());
            let mut entry = LogEntry {
                level: Some(Level::Log),
                message: Cow::Owned((*message).to_owned()),
                detail: detail.map(Cow::from),
                ..LogEntry::default()
            };
            crate::event::interpret(&mut entry);
            assert_eq!(read_log(message, detail), entry.into_owned());
        }
    }

    #[test]
    fn logged_statements_have_no_duration_and_no_phase() {
        for message in
            ["statement: SELECT 1", "execute s1: SELECT 1", "execute <unnamed>: SELECT 1"]
        {
            assert_eq!(parts(message), (None, None, Some("SELECT 1".to_owned())));
            assert_eq!(read_log(message, None).event, Some(Event::StatementLog));
        }
    }

    #[test]
    fn names_of_statement_and_portal_become_fields() {
        let entry = read_log("duration: 0.001 ms  execute fetch from s1/p1: SELECT 1", None);
        let fields: Vec<_> = entry.fields.iter().collect();
        let expected =
            [("statement_name", &"s1".into()), ("portal", &"p1".into()), ("fetch", &true.into())];
        assert_eq!(fields, expected);
        let unnamed = read_log("duration: 0.001 ms  bind <unnamed>/p1: SELECT 1", None);
        assert_eq!(unnamed.fields.iter().collect::<Vec<_>>(), [("portal", &"p1".into())]);
    }

    #[test]
    fn each_phase_has_its_event() {
        let event = |message| read_log(message, None).event.map(Event::as_str);
        assert_eq!(event("duration: 0.001 ms  parse s1: SELECT 1"), Some("statement.parse"));
        assert_eq!(event("duration: 0.001 ms  bind s1: SELECT 1"), Some("statement.duration"));
        assert_eq!(event("duration: 0.001 ms"), Some("statement.duration"));
        assert_eq!(
            event("duration: 0.001 ms  fastpath function call: \"lo_open\" (OID 952)"),
            Some("statement.duration")
        );
    }

    #[test]
    fn execute_of_a_prepared_statement_shows_what_was_prepared() {
        let entry = read_log(
            "duration: 0.204 ms  statement: EXECUTE q(1)",
            Some("prepare: PREPARE q AS SELECT $1"),
        );
        assert_eq!(entry.fields.get("prepare"), Some(&"PREPARE q AS SELECT $1".into()));
        assert_eq!(entry.parameters, []);
    }

    #[test]
    fn other_languages_are_read_alike() {
        let german = "Dauer: 0.123 ms  Binden s1/p1: SELECT $1";
        let entry = read_log(german, Some("Parameter: $1 = 'it''s'"));
        assert_eq!(parts(german), found(123, Phase::Bind, "SELECT $1"));
        assert_eq!(entry.fields.get("portal"), Some(&"p1".into()));
        assert_eq!(entry.parameters, [Some("it's".into())]);
        let french = read_log("instruction : SELECT 1", None);
        assert_eq!((french.event, french.phase), (Some(Event::StatementLog), None));
        assert_eq!(parts("durée : 3.100 ms"), (Some(3100), None, None));
        assert_eq!(
            read_log("durée : 0.001 ms, analyse s1 : SELECT 1", None).event,
            Some(Event::StatementParse)
        );
    }

    #[test]
    fn messages_that_only_look_alike_carry_nothing() {
        let alike = [
            "duration: long",
            "duration: 1 ms",
            "duration: 1.000 ms  and more",
            "duration: 1.0000 ms",
            "duration: 99999999999999999999.000 ms",
            "statements: x",
            "parse s1: SELECT 1",
            "execute",
            "x",
            "",
        ];
        for message in alike {
            assert_eq!(parts(message), (None, None, None), "{message}");
            assert_eq!(read_log(message, None).event, None, "{message}");
        }
    }

    #[test]
    fn statement_beside_the_message_shows_that_a_user_wrote_it() {
        let mut entry = LogEntry {
            level: Some(Level::Log),
            message: "duration: 1.234 ms  statement: SELECT fake".into(),
            statement: Some("SELECT f('duration: 1.234 ms  statement: SELECT fake')".into()),
            ..LogEntry::default()
        };
        crate::event::interpret(&mut entry);
        assert_eq!((entry.event, entry.duration), (None, None));
    }
}
