//! Prefixes that have come before.
//!
//! Times and numbers change from line to line, but names come again and again. So a line is compared with
//! an earlier one: where what changes has its form, and all the rest is the same, it fits as that one did, with
//! the same names in the same places. This is found out much faster than where names end.

mod stencil;

pub(crate) use stencil::Head;
use stencil::{Stencil, Stencils};

use crate::{
    language::split_label,
    prefix::{
        ParsedLine, PrefixFields,
        escape::{Escape, Padding, Token},
        pass,
        shape::Shape,
    },
};

/// How many groups of earlier lines are kept; a power of two.
const GROUPS: usize = 16;

/// How many lines whose names begin alike are kept.
const LINES_OF_GROUP: usize = 8;

/// Earlier lines of one prefix.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// The prefix, divided. `None` where a line says nothing about another one.
    parts: Option<Vec<Part>>,
    /// The prefix of a process that is no session, divided. `None` where it has names, or where it does not take
    /// a name to tell that a line is a session's.
    outside: Option<Vec<Part>>,
    groups: Vec<Group>,
    stencils: Stencils,
}

/// A part of a prefix.
#[derive(Debug)]
enum Part {
    Literal(String),
    /// A value that each line may have anew.
    Changing(Escape, Shape),
    /// Names, and what stands around them, up to a literal.
    Steady {
        /// Length of the literal in front of the first name.
        head_bytes: usize,
        /// How many tokens it takes, the literal in front included.
        tokens: usize,
    },
}

/// Lines whose first names begin alike, or by chance in the same place.
#[derive(Debug, Default, Clone)]
struct Group {
    lines: [Earlier; LINES_OF_GROUP],
    /// Which of them the next one replaces.
    oldest: usize,
}

/// What was steady in an earlier line.
#[derive(Debug, Default, Clone)]
struct Earlier {
    /// One for each steady part.
    texts: Vec<Steady>,
}

/// The text of a steady part.
#[derive(Debug, Default, Clone)]
struct Steady {
    text: String,
    /// Where values stand in it.
    values: Vec<(Escape, usize, usize)>,
}

impl Recent {
    /// Makes room for the lines of a prefix.
    pub(crate) fn of(tokens: &[Token]) -> Self {
        let parts = parts_of(tokens);
        let groups = if parts.is_some() { vec![Group::default(); GROUPS] } else { Vec::new() };
        let outside = outside_of(tokens).filter(|_| parts.is_some());
        Self { parts, outside, groups, stencils: Stencils::default() }
    }

    /// Takes a line apart whose head is like that of an earlier one, as those of most lines are, at once.
    ///
    /// The text behind the label must not hide another one.
    #[inline(always)]
    pub(crate) fn head<'s, 'a>(&'s mut self, line: &'a str) -> Option<Head<'s, 'a>> {
        self.stencils.find(line)
    }

    /// Takes a line apart that fits as an earlier one, into a place that is blank. Returns up to which byte it
    /// is known to fit: where its label begins. `None` where no earlier line tells, and then `parsed` is not the
    /// line.
    ///
    /// The text behind the label must not hide another one.
    pub(crate) fn match_into<'a>(
        &mut self,
        parsed: &mut ParsedLine<'a>,
        line: &'a str,
    ) -> Option<usize> {
        for parts in [&self.parts, &self.outside].into_iter().flatten() {
            if let Some((at, texts)) = match_parts(parts, &self.groups, parsed, line)
                && let Some((label, text)) = line.get(at..).and_then(split_label)
            {
                (parsed.label, parsed.text) = (label, text);
                self.stencils.note(|| Stencil::of(parts, texts, line));
                return Some(at);
            }
            parsed.fields = PrefixFields::default();
        }
        None
    }

    /// Keeps a line that fits up to where its label begins, for those that are like it.
    pub(crate) fn note(&mut self, tokens: &[Token], line: &str) {
        let Some(parts) = &self.parts else { return };
        if let Some((group, earlier)) = Earlier::read(parts, tokens, line)
            && let Some(group) = self.groups.get_mut(group)
        {
            group.push(earlier);
        }
    }
}

/// Takes a line apart, part by part. Returns where its label should begin, and the texts that were steady.
fn match_parts<'a, 'r>(
    parts: &[Part],
    groups: &'r [Group],
    parsed: &mut ParsedLine<'a>,
    line: &'a str,
) -> Option<(usize, &'r [Steady])> {
    let mut at = 0;
    let mut earlier: Option<&Earlier> = None;
    let mut texts = [].iter();
    for part in parts {
        at = match part {
            Part::Literal(literal) => pass::starts_with(line.as_bytes(), at, literal.as_bytes())
                .then_some(at + literal.len())?,
            Part::Changing(escape, shape) => {
                let (_, length) = shape.lengths(line.as_bytes().get(at..)?)?;
                parsed.fields.set(*escape, line.get(at..at + length)?);
                at + length
            }
            Part::Steady { head_bytes, .. } => {
                if earlier.is_none() {
                    let names = line.as_bytes().get(at + head_bytes..)?;
                    let group = groups.get(group_of(names)?)?;
                    let found = earlier.insert(group.line_at(line.get(at..)?)?);
                    texts = found.texts.iter();
                }
                texts.next()?.match_into(parsed, line, at)?
            }
        };
    }
    Some((at, earlier.map_or(&[], |earlier| &earlier.texts)))
}

impl Group {
    /// Returns the line whose first steady text stands at the start of a text.
    fn line_at(&self, text: &str) -> Option<&Earlier> {
        let begins = |steady: &Steady| text.starts_with(&steady.text);
        self.lines.iter().find(|line| line.texts.first().is_some_and(begins))
    }

    fn push(&mut self, line: Earlier) {
        if let Some(oldest) = self.lines.get_mut(self.oldest) {
            *oldest = line;
        }
        self.oldest = (self.oldest + 1) % LINES_OF_GROUP;
    }
}

impl Steady {
    fn match_into<'a>(
        &self,
        parsed: &mut ParsedLine<'a>,
        line: &'a str,
        at: usize,
    ) -> Option<usize> {
        let rest = line.get(at..).filter(|rest| rest.starts_with(&self.text))?;
        for (escape, start, end) in &self.values {
            parsed.fields.set(*escape, rest.get(*start..*end)?);
        }
        Some(at + self.text.len())
    }
}

impl Earlier {
    /// Reads a line that fits. Returns its group too.
    fn read(parts: &[Part], tokens: &[Token], line: &str) -> Option<(usize, Self)> {
        let mut earlier = Self::default();
        let mut tokens = tokens.iter().filter(|token| **token != Token::SessionOnly);
        let mut group = None;
        let mut at = 0;
        for part in parts {
            let (count, head_bytes) = match part {
                Part::Literal(_) | Part::Changing(..) => (1, None),
                Part::Steady { tokens, head_bytes } => (*tokens, Some(*head_bytes)),
            };
            let start = at;
            let mut values = Vec::new();
            for _ in 0..count {
                let token = tokens.next()?;
                let end = pass::end_of(token, tokens.clone().next(), line, at)?;
                if let Token::Field(escape, _) = token {
                    values.push((*escape, at - start, end - start));
                }
                at = end;
            }
            let Some(head_bytes) = head_bytes else { continue };
            let key = line.as_bytes().get(start + head_bytes..)?;
            group = group.or_else(|| group_of(key));
            earlier.texts.push(Steady { text: line.get(start..at)?.to_owned(), values });
        }
        Some((group?, earlier))
    }
}

/// Where a line is looked for, given its bytes from the first name on. `None` for a line that is too short.
fn group_of(bytes: &[u8]) -> Option<usize> {
    let key = u64::from_le_bytes(*bytes.first_chunk()?);
    let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - GROUPS.ilog2());
    usize::try_from(spread).ok()
}

/// Divides a prefix. `None` where what a line's names are may depend on what changes behind them, or where one
/// pass does not tell.
fn parts_of(tokens: &[Token]) -> Option<Vec<Part>> {
    if tokens.iter().filter(|token| **token == Token::SessionOnly).count() > 1 {
        return None;
    }
    let tokens: Vec<_> = tokens.iter().filter(|token| **token != Token::SessionOnly).collect();
    let mut parts = Vec::new();
    let mut rest = &*tokens;
    while let Some((token, behind)) = rest.split_first() {
        let steady = rest.iter().take_while(|token| !is_changing(token)).count();
        let has_names = rest.iter().take(steady).any(|token| matches!(token, Token::Field(..)));
        let taken = match token {
            Token::Field(escape, Padding::None) if is_changing(token) => {
                parts.push(Part::Changing(*escape, Shape::of(*escape)));
                1
            }
            Token::Literal(literal) if !has_names => {
                parts.push(Part::Literal(literal.clone()));
                1
            }
            _ => {
                let part = rest.get(..steady).filter(|part| ends_all(part))?;
                let head_bytes = if let Token::Literal(head) = token { head.len() } else { 0 };
                parts.push(Part::Steady { head_bytes, tokens: part.len() });
                steady
            }
        };
        rest = rest.get(taken..).unwrap_or(behind);
    }
    // A value at the end might go on where the label is.
    matches!(tokens.last(), Some(Token::Literal(_))).then_some(parts)
}

/// Divides what a prefix has of a process that is no session.
fn outside_of(tokens: &[Token]) -> Option<Vec<Part>> {
    let session_only = tokens.iter().position(|token| *token == Token::SessionOnly)?;
    let (outside, of_session) = tokens.split_at_checked(session_only)?;
    let is_name = |token: &Token| matches!(token, Token::Field(escape, _) if escape.is_name());
    let is_steady = |part: &Part| matches!(part, Part::Steady { .. });
    let parts = parts_of(outside)?;
    (of_session.iter().any(is_name) && !parts.iter().any(is_steady)).then_some(parts)
}

/// Tells whether a part has a literal behind each name, and behind its hosts something that ends them.
fn ends_all(part: &[&Token]) -> bool {
    let is_known = |pair: &[&Token]| {
        matches!(
            pair,
            [Token::Literal(_), ..] | [Token::Field(_, Padding::None), Token::Literal(_)]
        )
    };
    let is_host = |token: &&Token| match token {
        Token::Field(escape, _) => matches!(Shape::of(*escape), Shape::Host | Shape::HostAndPort),
        _ => false,
    };
    let behind_hosts = part.iter().rposition(is_host).and_then(|last| part.get(last + 1..));
    let ends_host = |token: &&Token| match token {
        Token::Literal(literal) => literal.bytes().any(is_in_no_host),
        _ => false,
    };
    matches!(part.last(), Some(Token::Literal(_)))
        && part.windows(2).all(is_known)
        && behind_hosts.is_none_or(|behind| behind.iter().any(ends_host))
}

const fn is_in_no_host(byte: u8) -> bool {
    matches!(byte, b' ' | b',' | b';' | b'|' | b'@' | b'=' | b'"' | b'\'')
}

const fn is_changing(token: &Token) -> bool {
    matches!(
        token,
        Token::Field(
            Escape::Pid
                | Escape::LeaderPid
                | Escape::Time
                | Escape::TimeMillis
                | Escape::TimeEpoch
                | Escape::SessionId
                | Escape::LineNum
                | Escape::SessionStart
                | Escape::Vxid
                | Escape::Txid
                | Escape::QueryId,
            _
        )
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prefix::{Fit, LinePrefix};

    /// Matches a line as one that is like an earlier one.
    fn like<'a>(setting: &str, earlier: &str, line: &'a str) -> Option<(ParsedLine<'a>, usize)> {
        let prefix = LinePrefix::compile(setting);
        let mut recent = Recent::of(prefix.tokens());
        let mut parsed = ParsedLine::blank();
        assert!(matches!(prefix.match_into(&mut parsed, earlier), Fit::UpTo(_)), "{earlier}");
        recent.note(prefix.tokens(), earlier);
        let mut parsed = ParsedLine::blank();
        recent.match_into(&mut parsed, line).map(|at| (parsed, at))
    }

    #[test]
    fn line_of_the_same_names_fits_as_the_earlier_one() {
        let debian = "%m [%p] %q%u@%d ";
        let earlier = "2026-11-24 02:21:01.123 UTC [77] bob@shop LOG:  one";
        let line = "2026-11-25 12:21:01.456 CET [1234567] bob@shop ERROR:  two";
        let (parsed, at) = like(debian, earlier, line).unwrap();
        assert_eq!(Some(parsed), LinePrefix::compile(debian).match_line(line));
        assert_eq!(&line[at..], "ERROR:  two");
        for other in [
            "2026-11-25 12:21:01.456 CET [1234567] bob@stop ERROR:  two",
            "2026-11-25 12:21:01.456 CET [1234567] bob@shop ERROR: two",
            "2026-11-25 12:21:01.456 CET [] bob@shop ERROR:  two",
            "2026-11-25 12:21:01.456 [7] bob@shop ERROR:  two",
            "2026-11-25 12:21:01.456 CET [7] bob@shop",
            "",
        ] {
            assert_eq!(like(debian, earlier, other), None, "{other}");
        }
    }

    #[test]
    fn line_of_no_session_fits_whatever_has_come_before() {
        let prefix = LinePrefix::compile("%m [%p] %q%u@%d ");
        let mut recent = Recent::of(prefix.tokens());
        for line in [
            "2026-11-24 02:21:01.123 UTC [77] LOG:  checkpoint starting: time",
            "2026-11-24 02:21:01.123 UTC [123] LOG:  mail to a@b is not sent",
            "2026-11-24 02:21:01.124 UTC [78] DETAIL:  one",
        ] {
            let mut parsed = ParsedLine::blank();
            assert!(recent.match_into(&mut parsed, line).is_some());
            assert_eq!(Some(parsed), prefix.match_line(line));
        }
        let hiding = "2026-11-25 12:21:01.456 CET [7] LOG:  bob@shop ERROR:  two";
        let mut parsed = ParsedLine::blank();
        assert!(recent.match_into(&mut parsed, hiding).is_some());
        assert!(prefix.may_text_be_read_otherwise(parsed.text));
        let of_session = "2026-11-24 02:21:01.123 UTC [77] bob@shop LOG:  one";
        assert_eq!(recent.match_into(&mut ParsedLine::blank(), of_session), None);
    }

    #[test]
    fn prefixes_whose_names_may_end_elsewhere_are_left_out() {
        for setting in ["%u%d %p ", "%m %h-%p ", "%m [%p] %u", "%10u %p ", "%i%p ", "%u %a"] {
            assert!(parts_of(LinePrefix::compile(setting).tokens()).is_none(), "{setting}");
        }
        for setting in [
            "%m [%p] ",
            "%m [%p] %q%u@%d ",
            "%t:%r:%u@%d:[%p]:",
            "%m [%p] %b: ",
            "%i %p ",
            "%m [%p] %q[user=%u,db=%d,app=%a] ",
            "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
        ] {
            assert!(parts_of(LinePrefix::compile(setting).tokens()).is_some(), "{setting}");
        }
    }

    proptest! {
        #[test]
        fn what_is_like_an_earlier_line_is_what_one_pass_finds(
            setting in prop::sample::select(vec![
                "%m [%p] %q%u@%d ", "%t:%r:%u@%d:[%p]:", "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
                "%m [%p] ", "%n %h %c,%l,%s,%v,%x %e %a@", "%u@%h %v %d|%x %L|", "%p %h=%Q %u ",
                "%p %b %q%u@%d ", "%b[%p] %i|", "%p cmd=%i,app=%a ", "%i %p ",
            ]),
            fills in prop::collection::vec(prop::collection::vec(0_usize..4, 12), 2..8),
        ) {
            let prefix = LinePrefix::compile(setting);
            let mut recent = Recent::of(prefix.tokens());
            for fill in fills {
                let mut fill = fill.into_iter();
                let mut line = String::new();
                for token in prefix.tokens() {
                    match token {
                        Token::SessionOnly if fill.next() == Some(3) => break,
                        Token::Literal(literal) => line += literal,
                        Token::Field(escape, _) => line += sample(*escape, fill.next().unwrap_or(0)),
                        _ => {}
                    }
                }
                line += ["LOG:  x", "ERROR:  a b LOG:  y", "Дело", "DETAIL:  @ | ="][fill.next().unwrap_or(0)];
                let mut parsed = ParsedLine::blank();
                let is_like = recent.match_into(&mut parsed, &line).map(|at| (Fit::UpTo(at), parsed));
                let mut expected = ParsedLine::blank();
                let fit = prefix.match_into(&mut expected, &line);
                if let Some((found, parsed)) = is_like {
                    if prefix.may_text_be_read_otherwise(parsed.text) {
                        continue;
                    }
                    prop_assert_eq!(parsed, expected, "{}", line);
                    let is_outside = prefix.has(Escape::User) && parsed.fields.user.is_none();
                    prop_assert!(found == fit || (is_outside && fit == Fit::Yes), "{}", line);
                } else if matches!(fit, Fit::UpTo(_)) {
                    recent.note(prefix.tokens(), &line);
                }
            }
        }
    }

    fn sample(escape: Escape, which: usize) -> &'static str {
        let samples = match escape {
            Escape::Time | Escape::SessionStart => [
                "2026-11-24 02:21:01 UTC",
                "2026-01-02 22:21:01 +0545",
                "2026-11-24 02:21:01 CET",
                "x",
            ],
            Escape::TimeMillis => [
                "2026-11-24 02:21:01.123 UTC",
                "2026-11-24 02:21:01.9 UTC",
                "2026-11-24 02:21:01.000 -03",
                "",
            ],
            Escape::TimeEpoch => ["1795486862.227", "1795486862.228", "1.2", "x"],
            Escape::SessionId => ["6b04f48d.17ee", "6b04f48d.17ef", "6.1", "x"],
            Escape::Vxid => ["3/567", "", "4/1", "3/"],
            Escape::RemoteHost | Escape::LocalHost => {
                ["[local]", "10.0.0.1", "db-1.example", "::1"]
            }
            Escape::RemoteHostAndPort => ["[local]", "10.0.0.1(5432)", "db-1(77)", "::1(5432)"],
            Escape::User | Escape::Database => ["bob", "[unknown]", "", "a@b"],
            Escape::ApplicationName => ["psql", "my app LOG:  x", "", "a,b=c"],
            Escape::StateCode => ["00000", "22012", "XX000", "2201"],
            Escape::Ps => ["idle in transaction", "idle", "", "SELECT INTO x"],
            Escape::BackendType => {
                ["client backend", "autovacuum worker", "my worker", "walsender"]
            }
            Escape::QueryId => ["-8441324848661855122", "0", "12", "-"],
            _ => ["77", "1234567", "1", ""],
        };
        samples[which]
    }
}
