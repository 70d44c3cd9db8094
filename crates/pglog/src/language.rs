//! The languages that PostgreSQL speaks.
//!
//! `lc_messages` changes the severity, the labels of the lines behind it and the message itself; the
//! prefix, SQL and names stay as they are. The words of all languages are known at any time, because a
//! log may change its language, and because a server that cannot translate speaks English for a while.

mod damaged;
mod labels;
mod position;
mod raised;
mod session;
mod statements;

use std::fmt;

pub(crate) use position::split_position;
pub(crate) use raised::is_raised;
pub(crate) use session::is_session_start;
#[cfg(test)]
pub(crate) use statements::one_of_each_wording;
pub use statements::{StatementMessage, parameters_of, prepared_statement_of, statement_message};

use crate::severity::{Label, Level};

/// A language that some server ships its messages in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// What servers speak by default.
    English,
    /// `pt_BR`
    BrazilianPortuguese,
    /// `fr`
    French,
    /// `ka`
    Georgian,
    /// `de`
    German,
    /// `id`
    Indonesian,
    /// `it`
    Italian,
    /// `ja`
    Japanese,
    /// `ko`
    Korean,
    /// `pl`
    Polish,
    /// `ru`
    Russian,
    /// `zh_CN`
    SimplifiedChinese,
    /// `es`
    Spanish,
    /// `sv`
    Swedish,
    /// `zh_TW`
    TraditionalChinese,
    /// `tr`
    Turkish,
    /// `uk`
    Ukrainian,
}

impl Language {
    /// Every language, English first.
    pub const ALL: [Self; 17] = [
        Self::English,
        Self::BrazilianPortuguese,
        Self::French,
        Self::Georgian,
        Self::German,
        Self::Indonesian,
        Self::Italian,
        Self::Japanese,
        Self::Korean,
        Self::Polish,
        Self::Russian,
        Self::SimplifiedChinese,
        Self::Spanish,
        Self::Swedish,
        Self::TraditionalChinese,
        Self::Turkish,
        Self::Ukrainian,
    ];

    /// Returns the name of the language's message catalog, such as `de` or `pt_BR`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::BrazilianPortuguese => "pt_BR",
            Self::French => "fr",
            Self::Georgian => "ka",
            Self::German => "de",
            Self::Indonesian => "id",
            Self::Italian => "it",
            Self::Japanese => "ja",
            Self::Korean => "ko",
            Self::Polish => "pl",
            Self::Russian => "ru",
            Self::SimplifiedChinese => "zh_CN",
            Self::Spanish => "es",
            Self::Swedish => "sv",
            Self::TraditionalChinese => "zh_TW",
            Self::Turkish => "tr",
            Self::Ukrainian => "uk",
        }
    }

    /// Guesses the language of a log from its lines, each from its label on. English where nothing
    /// speaks against it; `None` without a label.
    ///
    /// ```
    /// use pglog::Language;
    ///
    /// let lines = ["LOG:  x", "FEHLER:  Division durch Null", "ANWEISUNG:  SELECT 1/0"];
    /// assert_eq!(Language::guess(lines), Some(Language::German));
    /// ```
    pub fn guess<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut votes = [0usize; Self::ALL.len()];
        for line in lines {
            let Some((row, length)) = labels::find(line) else { continue };
            let text = line.get(length..).unwrap_or_default();
            let by_text = statement_message(text).map(|message| message.language);
            for (language, votes) in Self::ALL.iter().zip(&mut votes) {
                *votes += usize::from(row.2.contains(language));
                *votes += usize::from(by_text == Some(*language));
            }
        }
        let (language, votes) =
            Self::ALL.iter().zip(votes).rev().max_by_key(|(_, votes)| *votes)?;
        (votes > 0).then_some(*language)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// Splits `LOG:  text` into label and text, in any language that PostgreSQL speaks. `None` where no label
/// with its colon and blanks stands at the start.
#[must_use]
pub fn split_label(text: &str) -> Option<(Label, &str)> {
    split_english_label(text).or_else(|| {
        let (row, length) = labels::find(text)?;
        Some((row.1, text.get(length..)?))
    })
}

/// The labels of most logs, without a search. Their first bytes are compared at once: a call for a few bytes costs
/// more.
#[inline(always)]
fn split_english_label(text: &str) -> Option<(Label, &str)> {
    const fn word(bytes: &[u8; 8]) -> u64 {
        u64::from_le_bytes(*bytes)
    }
    const LOG: u64 = word(b"LOG:  \0\0");
    const ERROR: u64 = word(b"ERROR:  ");
    const STATEMENT: u64 = word(b"STATEMEN");
    const DETAIL: u64 = word(b"DETAIL: ");
    const CONTEXT: u64 = word(b"CONTEXT:");
    const HINT: u64 = word(b"HINT:  \0");
    const FATAL: u64 = word(b"FATAL:  ");
    const WARNING: u64 = word(b"WARNING:");
    let bytes = text.as_bytes();
    let goes_on = |rest: &[u8]| bytes.get(8..8 + rest.len()).is_some_and(|found| found == rest);
    let first = word(bytes.first_chunk()?);
    let (label, length) = match first {
        ERROR => (Label::Level(Level::Error), 8),
        FATAL => (Label::Level(Level::Fatal), 8),
        STATEMENT if goes_on(b"T:  ") => (Label::Statement, 12),
        DETAIL if goes_on(b" ") => (Label::Detail, 9),
        CONTEXT if goes_on(b"  ") => (Label::Context, 10),
        WARNING if goes_on(b"  ") => (Label::Level(Level::Warning), 10),
        _ if first << 16 == LOG << 16 => (Label::Level(Level::Log), 6),
        _ if first << 8 == HINT << 8 => (Label::Hint, 7),
        _ => return None,
    };
    Some((label, text.get(length..)?))
}

impl Level {
    /// Reads a name in any language, as csvlog and jsonlog have it. Where languages disagree, the one
    /// that is preferred decides.
    #[must_use]
    pub fn from_any_name(name: &str, preferred: Option<Language>) -> Option<Self> {
        Self::from_name(name).or_else(|| labels::level(name, preferred))
    }
}

/// Tells whether a prefix's value is what a session prints for a name that it does not have yet, in any
/// language.
#[inline(always)]
pub(crate) fn is_unknown(value: &str) -> bool {
    value.starts_with('[') && is_unknown_in_brackets(value)
}

#[inline(never)]
fn is_unknown_in_brackets(value: &str) -> bool {
    // Every connection prints it, so the most frequent spelling is looked for first.
    if value == "[unknown]" || UNKNOWN.contains(&value) {
        return true;
    }
    let is = |unknown: &&str| {
        damaged::damaged_length(unknown.chars(), value.chars()) == Some(value.len())
    };
    // `[local]` and addresses come here too.
    let is_damaged = value.bytes().any(|byte| matches!(byte, b'?' | damaged::REPLACEMENT_LEAD));
    is_damaged && UNKNOWN.iter().any(is)
}

/// Translations of `[unknown]`, from the same catalogs as the labels.
const UNKNOWN: [&str; 15] = [
    "[desconhecido]",
    "[desconocido]",
    "[inconnu]",
    "[nieznany]",
    "[okänd]",
    "[sconosciuto]",
    "[tidak diketahui]",
    "[unbekannt]",
    "[н/д]",
    "[უცნობი]",
    "[不明]",
    "[未知]",
    "[알수없음]",
    "[bilinmeyen]",
    "[n/d]",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_needs_its_colon_and_two_spaces() {
        assert_eq!(split_label("LOG:  hello"), Some((Label::Level(Level::Log), "hello")));
        assert_eq!(split_label("STATEMENT:  "), Some((Label::Statement, "")));
        assert_eq!(split_label("LOG: hello"), None);
        assert_eq!(split_label("LOGS:  hello"), None);
        assert_eq!(split_label(" LOG:  hello"), None);
        assert_eq!(split_label(""), None);
    }

    #[test]
    fn language_is_that_of_most_lines() {
        let guess = |lines: &[&str]| Language::guess(lines.iter().copied());
        assert_eq!(guess(&["LOG:  x", "ERROR:  x"]), Some(Language::English));
        assert_eq!(guess(&["LOG:  x", "ERROR:  x", "詳細:  x"]), Some(Language::Japanese));
        assert_eq!(guess(&["LOG:  durée : 1.000 ms"]), Some(Language::French));
        assert_eq!(guess(&["LOGG:  x"]), Some(Language::Swedish));
        assert_eq!(guess(&["no label"]), None);
    }

    #[test]
    fn translated_names_of_levels_are_read() {
        for (name, level) in [
            ("FEHLER", Level::Error),
            ("ПРЕДУПРЕЖДЕНИЕ", Level::Warning),
            ("致命错误", Level::Fatal),
            ("ÖLÜMCÜL (FATAL)", Level::Fatal),
            ("LOG", Level::Log),
        ] {
            assert_eq!(Level::from_any_name(name, None), Some(level));
        }
        assert_eq!(Level::from_any_name("DETALLE", None), None);
    }

    #[test]
    fn unknown_is_known_in_every_language() {
        assert!(is_unknown("[unknown]") && is_unknown("[inconnu]"));
        assert!(is_unknown("[??]") && is_unknown("[ok\u{fffd}nd]"));
        assert!(!is_unknown("unknown") && !is_unknown("[local]"));
    }
}
