//! `log_line_prefix`, compiled.
//!
//! The server prints the prefix in front of each line's label (`LOG:`, `DETAIL:`, …), so the prefix tells
//! where a line begins, who wrote it and when. It is configured, not marked: only the setting, or a look
//! at many lines, says what `5432 bob shop` means.

mod escape;
mod fields;
mod infer;
mod matcher;
mod pass;
mod pattern;
mod readings;
mod recent;
mod shape;
mod variants;
mod words;

use std::{fmt, ops::ControlFlow};

pub use escape::{Escape, Padding, Token};
pub use fields::PrefixFields;
pub(crate) use fields::{host_and_port, without_padding};
pub use infer::Inference;
pub(crate) use infer::{has_label, is_well_known};
use matcher::Search;
use pass::Outcome;
use readings::Separators;
pub(crate) use recent::{Head, Recent};
pub(crate) use words::program_length;

use crate::severity::Label;

/// Up to which byte of a line another one is looked for in it.
const MAX_STARTS: usize = 16 << 10;

/// How often a line is searched for another one in it.
const MAX_SEARCHES: u32 = 64;

/// A compiled `log_line_prefix`.
///
/// ```
/// use pglog::{Label, Level, LinePrefix};
///
/// let prefix = LinePrefix::compile("%m [%p] %q%u@%d ");
/// let line = "2026-11-24 02:22:16.884 UTC [7628] bob@shop ERROR:  division by zero";
/// let parsed = prefix.match_line(line).expect("the line fits");
/// assert_eq!(parsed.fields.user, Some("bob"));
/// assert_eq!(parsed.label, Label::Level(Level::Error));
/// assert_eq!(parsed.text, "division by zero");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePrefix {
    setting: String,
    tokens: Vec<Token>,
    separators: Separators,
}

/// A line of the log, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedLine<'a> {
    /// What the prefix says.
    pub fields: PrefixFields<'a>,
    /// What the line carries.
    pub label: Label,
    /// The text behind the label, to the end of the line.
    pub text: &'a str,
}

/// Whether a line fits a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    No,
    Yes,
    /// It fits, and so does each line that is the same up to this byte and has a label there, with the
    /// same values.
    UpTo(usize),
}

impl ParsedLine<'_> {
    /// A place for a line.
    pub(crate) fn blank() -> Self {
        Self { fields: PrefixFields::default(), label: Label::Statement, text: "" }
    }
}

/// Where a line does not fit a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Up to which byte the line fits.
    pub at: usize,
    /// What should stand there.
    pub expected: Expected,
}

/// What a prefix expects somewhere in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// A part of the prefix.
    Token(Token),
    /// A label such as `LOG:` behind the prefix.
    Label,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.expected {
            Expected::Label => write!(f, "a label such as LOG: expected at byte {}", self.at),
            Expected::Token(token) => {
                let token = escape::setting_of(std::slice::from_ref(token));
                write!(f, "{token:?} expected at byte {}", self.at)
            }
        }
    }
}

/// Takes one line apart. `None` where it does not begin with the prefix and a label, as continuation
/// lines and other programs' output do not.
#[must_use]
pub fn parse_log_line<'a>(prefix: &LinePrefix, line: &'a str) -> Option<ParsedLine<'a>> {
    prefix.match_line(line)
}

impl LinePrefix {
    /// Compiles a value of the setting `log_line_prefix`.
    ///
    /// Every text is a prefix: like the server, this prints nothing for escapes that it does not know.
    #[must_use]
    pub fn compile(setting: &str) -> Self {
        let tokens = escape::tokens_of(setting);
        Self { setting: setting.to_owned(), separators: Separators::of(&tokens), tokens }
    }

    /// The prefix of a server that prints none.
    pub(crate) const fn empty() -> Self {
        Self { setting: String::new(), tokens: Vec::new(), separators: Separators::NONE }
    }

    /// Tells whether the prefix carries a time or what tells processes apart: one that does not may be
    /// found in any text.
    pub(crate) fn tells_time_or_process(&self) -> bool {
        let telling =
            [Escape::Time, Escape::TimeMillis, Escape::TimeEpoch, Escape::Pid, Escape::SessionId];
        telling.into_iter().any(|escape| self.has(escape))
    }

    /// Makes a prefix of tokens.
    fn of_tokens(tokens: Vec<Token>) -> Self {
        let separators = Separators::of(&tokens);
        Self { setting: escape::setting_of(&tokens), tokens, separators }
    }

    /// Takes a line, without its line break, apart. `None` where it does not fit.
    #[must_use]
    pub fn match_line<'a>(&self, line: &'a str) -> Option<ParsedLine<'a>> {
        let mut parsed = ParsedLine::blank();
        (self.match_into(&mut parsed, line) != Fit::No).then_some(parsed)
    }

    /// The same in place, for a line taken apart is large.
    pub(crate) fn match_into<'a>(&self, parsed: &mut ParsedLine<'a>, line: &'a str) -> Fit {
        match pass::pass(&self.tokens, line, parsed) {
            Outcome::Fits => Fit::Yes,
            Outcome::FitsUpTo(at) => Fit::UpTo(at),
            Outcome::FitsNot => Fit::No,
            Outcome::Unclear => match self.search(line) {
                Some(found) => {
                    *parsed = found;
                    Fit::Yes
                }
                None => Fit::No,
            },
        }
    }

    fn search<'a>(&self, line: &'a str) -> Option<ParsedLine<'a>> {
        let mut first = None;
        Search::run(&self.tokens, line, |found| {
            first = Some(found);
            ControlFlow::Break(())
        });
        first
    }

    /// Tells where a line does not fit. `None` where it does.
    ///
    /// ```
    /// use pglog::{Expected, LinePrefix, Token};
    ///
    /// let prefix = LinePrefix::compile("%m [%p] ");
    /// let line = "2026-11-24 02:22:16.884 UTC (7628) LOG:  hello";
    /// let mismatch = prefix.explain(line).expect("it does not fit");
    /// assert_eq!(mismatch.at, "2026-11-24 02:22:16.884 UTC".len());
    /// assert_eq!(mismatch.expected, Expected::Token(Token::Literal(" [".to_owned())));
    /// ```
    #[must_use]
    pub fn explain(&self, line: &str) -> Option<Mismatch> {
        let mut fits = false;
        let (at, tokens_left) = Search::run(&self.tokens, line, |_| {
            fits = true;
            ControlFlow::Break(())
        });
        let token = self.tokens.iter().rev().nth(tokens_left.checked_sub(1).unwrap_or(usize::MAX));
        let expected = token.map_or(Expected::Label, |token| Expected::Token(token.clone()));
        (!fits).then_some(Mismatch { at, expected })
    }

    /// Finds the start of an entry within a line, behind text that has lost its line break: another
    /// program wrote none, or the server was stopped in the middle of a line. Returns its first byte.
    #[must_use]
    pub fn find_within(&self, line: &str) -> Option<usize> {
        self.starts_within(line)
            .find(|(_, label)| matches!(label, Label::Level(_)))
            .map(|(at, _)| at)
    }

    /// Tells whether a line of this prefix, whatever its label, stands within a line.
    pub(crate) fn occurs_within(&self, line: &str) -> bool {
        self.starts_within(line).next().is_some()
    }

    fn starts_within<'a>(
        &self,
        line: &'a str,
    ) -> impl Iterator<Item = (usize, Label)> + use<'a, '_> {
        let last_label = memchr::memmem::rfind(line.as_bytes(), b":  ").unwrap_or(0);
        // One pass for each place, and few searches: a line that is made to confuse must not take long.
        let mut searches = 0..MAX_SEARCHES;
        let mut parsed = ParsedLine::blank();
        (1..last_label.min(MAX_STARTS)).filter_map(move |start| {
            let rest = line.get(start..)?;
            let label = match pass::pass(&self.tokens, rest, &mut parsed) {
                Outcome::Fits | Outcome::FitsUpTo(_) => parsed.label,
                Outcome::FitsNot => return None,
                Outcome::Unclear => searches.next().and_then(|_| self.search(rest))?.label,
            };
            Some((start, label))
        })
    }

    /// Returns the setting as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.setting
    }

    /// Returns the prefix in pieces.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Tells whether the prefix carries this value.
    #[must_use]
    pub fn has(&self, escape: Escape) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Field(found, _) if *found == escape))
    }
}

impl fmt::Display for LinePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.setting)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::severity::Level;

    fn parsed<'a>(prefix: &str, line: &'a str) -> Option<(PrefixFields<'a>, Label, &'a str)> {
        let parsed = LinePrefix::compile(prefix).match_line(line)?;
        Some((parsed.fields, parsed.label, parsed.text))
    }

    #[test]
    fn every_escape_of_one_long_prefix_is_found() {
        let line = "1795486862.227 6126 6b04f48d.17ee 6 2026-11-24 02:21:01 UTC 3/567 0 22012 \
                    client backend 1658122521570528528 ERROR:  division by zero";
        let (fields, label, text) = parsed("%n %p %c %l %s %v %x %e %b %Q ", line).unwrap();
        let expected = PrefixFields {
            epoch: Some("1795486862.227"),
            pid: Some("6126"),
            session_id: Some("6b04f48d.17ee"),
            line_num: Some("6"),
            session_start: Some("2026-11-24 02:21:01 UTC"),
            vxid: Some("3/567"),
            txid: Some("0"),
            state_code: Some("22012"),
            backend_type: Some("client backend"),
            query_id: Some("1658122521570528528"),
            ..PrefixFields::default()
        };
        assert_eq!(fields, expected);
        assert_eq!((label, text), (Label::Level(Level::Error), "division by zero"));
    }

    #[test]
    fn background_process_stops_at_q() {
        let (fields, _, text) =
            parsed("%m [%p] %q%u@%d ", "2026-11-24 02:21:01.123 UTC [5443] LOG:  hello").unwrap();
        assert_eq!(fields.pid, Some("5443"));
        assert_eq!((fields.user, fields.database), (None, None));
        assert_eq!(text, "hello");
    }

    #[test]
    fn empty_fields_of_a_background_process_leave_their_literals() {
        let prefix = "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ";
        let line = "2026-11-24 02:21:59 UTC [7220]: [3-1] user=,db=,app=,client= LOG:  hello";
        let (fields, _, text) = parsed(prefix, line).unwrap();
        assert_eq!((fields.pid, fields.line_num, fields.user), (Some("7220"), Some("3"), None));
        assert_eq!(text, "hello");
    }

    #[test]
    fn rds_prefix_without_blanks_is_found() {
        let prefix = "%t:%r:%u@%d:[%p]:";
        for (host, port) in [("::1", Some("5432")), ("10.0.0.9", Some("40000")), ("[local]", None)]
        {
            let address = port.map_or_else(|| host.to_owned(), |port| format!("{host}({port})"));
            let line = format!("2026-11-24 02:20:47 UTC:{address}:bob@shop:[77]:FATAL:  no");
            let (fields, _, _) = parsed(prefix, &line).unwrap();
            assert_eq!((fields.remote_host, fields.remote_port), (Some(host), port));
            assert_eq!((fields.user, fields.database), (Some("bob"), Some("shop")));
        }
        let (fields, _, _) = parsed(prefix, "2026-11-24 02:20:47 UTC::@:[77]:LOG:  x").unwrap();
        assert_eq!((fields.remote_host, fields.user), (None, None));
    }

    #[test]
    fn padded_fields_lose_their_blanks() {
        let prefix = "%-8p|%10u|%-14a|%5l|%m|%i|%h|%P|%%|";
        let line = "5443    |      alice|we are x      |   12|2026-11-24 02:21:01.123 UTC|SELECT|[local]||%|LOG:  x";
        let (fields, _, _) = parsed(prefix, line).unwrap();
        assert_eq!(
            fields.user,
            Some("      alice"),
            "eleven bytes in a width of ten are all the name's"
        );
        let line = "5443    |     alice|we are x      |   12|2026-11-24 02:21:01.123 UTC|SELECT|[local]||%|LOG:  x";
        let (fields, _, _) = parsed(prefix, line).unwrap();
        assert_eq!(fields.pid, Some("5443"));
        assert_eq!(fields.user, Some("alice"));
        assert_eq!(fields.application_name, Some("we are x"));
        assert_eq!((fields.line_num, fields.ps), (Some("12"), Some("SELECT")));
        assert_eq!((fields.remote_host, fields.leader_pid), (Some("[local]"), None));
        let background =
            "5443    |          |              |    1|2026-11-24 02:21:01.123 UTC||||%|LOG:  x";
        assert_eq!(parsed(prefix, background).unwrap().0.user, None);
    }

    #[test]
    fn names_with_separators_in_them_are_found_where_only_one_reading_fits() {
        let (fields, _, _) =
            parsed("%m [%p] %q%u@%d ", "2026-11-24 02:21:01.123 UTC [1] bob@my db ERROR:  x")
                .unwrap();
        assert_eq!((fields.user, fields.database), (Some("bob"), Some("my db")));
        let (fields, _, _) = parsed(
            "%m [%p] %q[user=%u,db=%d] ",
            "2026-11-24 02:21:01.123 UTC [1] [user=a]b,db=c]d] LOG:  x",
        )
        .unwrap();
        assert_eq!((fields.user, fields.database), (Some("a]b"), Some("c]d")));
    }

    #[test]
    fn lines_without_the_whole_prefix_do_not_fit() {
        for line in [
            "",
            "\tcontinued",
            "LOG:  x",
            "2026-11-24 02:21:01.123 UTC [1",
            "2026-11-24 02:21:01.123 UTC [1] ",
            "2026-11-24 02:21:01.123 UTC [1] LOG: one blank",
            "2026-11-24 02:21:01.123 UTC [x] LOG:  x",
            "x 2026-11-24 02:21:01.123 UTC [1] LOG:  x",
        ] {
            assert_eq!(parsed("%m [%p] ", line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn one_pass_finds_what_a_search_finds(
            setting in prop::sample::select(vec![
                "%m [%p] %q%u@%d ", "%t:%r:%u@%d:[%p]:", "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
                "%n %p %c %l %s %v %x %e %b %Q ", "%-8p|%10u|%i|%h|%P|", "%m [%p] %q[user=%u,db=%d,app=%a] ",
                "%t-%c-", "%u%d ", "%v%x", "%q%a %L", "",
            ]),
            pieces in prop::collection::vec(prop::sample::select(vec![
                "2026-11-24 02:21:01.123 UTC", "2026-11-24 02:21:01 UTC", " [", "77", "] ", "bob", "@", "shop",
                " ", ":", "LOG:  ", "ERROR:  x", "10.0.0.1(5432)", "[local]", "6b04f48d.17ee", "3/5", "00000",
                "1795486862.227", "-", "]: [", "-1] user=", ",db=", ",app=", ",client=", "client backend",
                "idle in transaction", "|", "77      |", "[user=", "[unknown]", "-8441324848661855122",
            ]), 0..20),
        ) {
            let prefix = LinePrefix::compile(setting);
            let line = pieces.concat();
            prop_assert_eq!(prefix.match_line(&line), prefix.search(&line));
        }
    }

    #[test]
    fn mismatch_names_the_token_that_is_missing() {
        let prefix = LinePrefix::compile("%m [%p] %q%u@%d ");
        let why = |line: &str| prefix.explain(line).map(|mismatch| mismatch.to_string());
        let time = "2026-11-24 02:21:01.123 UTC";
        assert_eq!(why("hello").unwrap(), "\"%m\" expected at byte 0");
        assert_eq!(why(&format!("{time} [x] LOG:  y")).unwrap(), "\"%p\" expected at byte 29");
        let no_label = format!("{time} [1] bob@shop hello");
        assert_eq!(why(&no_label).unwrap(), "a label such as LOG: expected at byte 41");
        assert_eq!(why(&format!("{time} [1] bob@shop LOG:  y")), None);
    }

    #[test]
    fn prefix_behind_a_lost_line_break_is_found() {
        let prefix = LinePrefix::compile("%m [%p] ");
        let line = "2026-11-24 02:2noise2026-11-24 02:21:01.123 UTC [1] LOG:  x";
        assert_eq!(prefix.find_within(line), Some("2026-11-24 02:2noise".len()));
        assert_eq!(prefix.find_within("noise LOG:  x"), None);
        assert_eq!(LinePrefix::compile("").find_within("noiseLOG:  x"), Some("noise".len()));
        assert_eq!(LinePrefix::compile("").find_within("noise DETAIL:  x"), None);
    }

    #[test]
    fn line_that_is_made_to_confuse_takes_no_long_time() {
        let prefix = LinePrefix::compile("%u@%d,%a ");
        let line = format!("{}LOG:  x", "@, ".repeat(20_000));
        // Each place could begin the prefix in thousands of ways; few of them are tried.
        assert_eq!(prefix.find_within(&line), None);
    }

    #[test]
    fn empty_prefix_leaves_the_label() {
        assert_eq!(parsed("", "ERROR:  x").unwrap().2, "x");
        assert_eq!(parsed("", "no label"), None);
    }

    #[test]
    fn line_made_of_separators_is_given_up() {
        let line = format!("{} LOG:  x", ",".repeat(5_000));
        assert_eq!(parsed("%u,%d,%a,%i,%b,[%p] ", &line), None);
    }
}
