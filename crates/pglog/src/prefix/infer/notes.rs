//! What the messages of a log say about the processes that wrote them.

use std::borrow::Cow;

use crate::{
    event,
    prefix::infer::sample::Sample,
    severity::{Label, Level},
};

/// What one line says besides its prefix.
#[derive(Debug)]
pub(super) struct Note<'a> {
    /// Whether a session wrote it, where the message tells.
    pub(super) in_session: Option<bool>,
    /// A message about a connection, in English, with or without a SQLSTATE in front.
    pub(super) connection: Option<Cow<'a, str>>,
}

/// Where the messages of sessions begin, which nothing else writes.
const OF_SESSIONS: [&str; 8] = [
    "connection received: ",
    "connection authenticated: ",
    "connection authorized: ",
    "replication connection authorized: ",
    "disconnection: ",
    "duration: ",
    "statement: ",
    "execute ",
];

/// Where the messages of other processes begin.
const OF_OTHERS: [&str; 14] = [
    "checkpoint ",
    "restartpoint ",
    "starting PostgreSQL ",
    "listening on ",
    "database system ",
    "automatic ",
    "redo ",
    "received fast shutdown ",
    "received smart shutdown ",
    "received SIGHUP",
    "background worker ",
    "shutting down",
    "entering standby mode",
    "consistent recovery state ",
];

impl<'a> Note<'a> {
    pub(super) fn of(sample: &Sample<'a>) -> Self {
        let text = behind_state_code(sample.text);
        let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
        let in_session = match sample.label {
            Label::Level(Level::Log) if starts(&OF_SESSIONS) => Some(true),
            Label::Level(Level::Log) if starts(&OF_OTHERS) => Some(false),
            _ => None,
        };
        let is_told = sample.label == Label::Level(Level::Log) && text.contains('=');
        let connection = is_told.then(|| event::in_english(text)).filter(|text| {
            let words = [
                "connection authorized: ",
                "replication connection authorized: ",
                "disconnection: ",
            ];
            words.iter().any(|word| text.starts_with(word)) && text.contains(" user=")
        });
        Self { in_session: in_session.or(connection.as_ref().map(|_| true)), connection }
    }
}

/// Takes `00000: ` off, which `log_error_verbosity = verbose` puts in front of a message.
fn behind_state_code(text: &str) -> &str {
    let Some((code, rest)) = text.split_once(": ") else { return text };
    let is_code =
        code.len() == 5 && code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    if is_code { rest } else { text }
}
