//! Finds out which prefix a log was written with.
//!
//! Prefixes that many servers have are tried first. Any other one is put together from what the lines
//! have in common: first its form, the literals and columns of a template, then what each column means.

mod align;
mod kind;
mod known;
mod meaning;
mod sample;

use crate::{
    language::Language,
    prefix::{
        LinePrefix, Token,
        infer::{
            align::{Aligner, Template},
            known::KNOWN,
            sample::Sample,
        },
    },
};

/// A guess at the prefix of a log, and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Inference {
    /// The prefix that fits best.
    pub prefix: LinePrefix,
    /// How many lines fit it.
    pub matched: usize,
    /// How many lines could have fitted: all but continuation lines.
    pub lines: usize,
    /// How many values of the prefix are named by convention only, or not at all.
    pub uncertain: usize,
    /// The language of the log.
    pub language: Language,
    /// Other prefixes that fit as many lines, the likelier one first.
    pub alternatives: Vec<LinePrefix>,
}

impl Inference {
    /// Returns how sure the guess is, from 0 to 1: the share of lines that fit, and less for each value
    /// whose meaning nothing in the log proves.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        let narrow = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        narrow(self.matched) / narrow(self.lines).max(1.0) * 0.95_f64.powf(narrow(self.uncertain))
    }
}

impl LinePrefix {
    /// Guesses the prefix from lines of a log; 200 of them are plenty. `None` where none fits any.
    ///
    /// ```
    /// use pglog::LinePrefix;
    ///
    /// let lines = [
    ///     "[17] app/psql | 2026-11-24 02:20:47 UTC | LOG:  hello",
    ///     "[18] app/ | 2026-11-24 02:20:48 UTC | ERROR:  division by zero",
    /// ];
    /// let inference = LinePrefix::infer(lines).expect("a prefix");
    /// let parsed = inference.prefix.match_line(lines[0]).expect("the line fits");
    /// assert_eq!(parsed.fields.pid, Some("17"));
    /// assert_eq!(parsed.fields.time, Some("2026-11-24 02:20:47 UTC"));
    /// assert_eq!(parsed.text, "hello");
    /// ```
    pub fn infer<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Inference> {
        let lines: Vec<&str> =
            lines.into_iter().filter(|line| !line.is_empty() && !line.starts_with('\t')).collect();
        let samples: Vec<Sample<'_>> =
            lines.iter().zip(0..).filter_map(|(line, n)| Sample::of_line(n, line)).collect();
        let known = best_known(&lines, &samples);
        let aligned = match &known {
            Some(known) if known.is_sure => None,
            _ => put_together(&lines, &samples).map_or_else(
                || put_parts_together(&lines, &samples),
                |whole| {
                    let is_poor = whole.is_poorer_than(known.as_ref(), samples.len());
                    let better = is_poor.then(|| put_parts_together(&lines, &samples)).flatten();
                    Some(better.unwrap_or(whole))
                },
            ),
        };
        let (best, other) = match (known, aligned) {
            // A few strange lines are no reason to know less of all the others.
            (Some(known), Some(aligned))
                if aligned.matched < known.matched
                    || aligned.is_poorer_than(Some(&known), samples.len()) =>
            {
                (known, Some(aligned))
            }
            (Some(known), Some(aligned)) if aligned.cost + KNOWN_BONUS < known.cost => {
                (aligned, Some(known))
            }
            (Some(known), aligned) => (known, aligned),
            (None, aligned) => (aligned?, None),
        };
        let alternatives = other
            .filter(|other| other.matched >= best.matched && other.prefix != best.prefix)
            .map(|other| other.prefix);
        let language = Language::guess(samples.iter().map(Sample::tail));
        Some(Inference {
            prefix: best.prefix,
            matched: best.matched,
            lines: lines.len(),
            uncertain: best.uncertain,
            language: language.unwrap_or(Language::English),
            alternatives: alternatives.into_iter().collect(),
        })
    }
}

/// Tells whether a prefix is one of those that many servers have.
pub(crate) fn is_well_known(prefix: &LinePrefix) -> bool {
    KNOWN.contains(&prefix.as_str())
}

/// Tells whether a label stands somewhere in a line.
pub(crate) fn has_label(line: &str) -> bool {
    Sample::of_line(0, line).is_some()
}

/// How much likelier a prefix is that many servers have.
const KNOWN_BONUS: f64 = 0.5;

/// A prefix, and how well it fits.
#[derive(Debug)]
struct Candidate {
    prefix: LinePrefix,
    matched: usize,
    cost: f64,
    uncertain: usize,
    /// Nothing can fit better.
    is_sure: bool,
}

/// Returns the prefix of [`KNOWN`] that fits most lines.
fn best_known(lines: &[&str], samples: &[Sample<'_>]) -> Option<Candidate> {
    let mut best: Option<Candidate> = None;
    for prefix in KNOWN.map(LinePrefix::compile) {
        let matched = lines.iter().filter(|line| prefix.match_line(line).is_some()).count();
        if matched <= best.as_ref().map_or(0, |best| best.matched) {
            continue;
        }
        let Some(cost) = meaning::cost_of_known(&prefix, lines, samples) else { continue };
        let is_sure = matched >= samples.len() && cost < CLEAN;
        best = Some(Candidate { prefix, matched, cost, uncertain: 0, is_sure });
    }
    best
}

impl Candidate {
    /// Tells whether it takes for text what other lines show to be a value: it was made of lines with
    /// nothing in common, such as those of two prefixes.
    fn is_poorer_than(&self, known: Option<&Self>, labelled_lines: usize) -> bool {
        let named = |prefix: &LinePrefix| {
            prefix.tokens().iter().filter(|token| matches!(token, Token::Field(..))).count()
        };
        let has_frozen_time = self.prefix.tokens().iter().any(|token| match token {
            Token::Literal(text) => {
                text.bytes().filter(u8::is_ascii_digit).count() >= FROZEN_DIGITS
            }
            _ => false,
        });
        // Enough lines that are taken apart better are a log's, whatever stands between them.
        let is_outdone = |known: &Self| {
            // One that also reads the lines without any prefix, which the other one leaves over.
            let reads_bare_lines = self.prefix.tokens().first() == Some(&Token::SessionOnly)
                && self.matched > known.matched;
            !reads_bare_lines
                && known.matched * 2 >= labelled_lines
                && named(&known.prefix) > named(&self.prefix)
        };
        has_frozen_time || known.is_some_and(is_outdone)
    }
}

/// So many digits in a literal are a moment that many lines share, and no text.
const FROZEN_DIGITS: usize = 4;

/// Makes a prefix of a part of the lines: a log that changes its prefix has lines of the one first and
/// lines of the other later. The prefix that comes first is best, for it is read first.
fn put_parts_together(lines: &[&str], samples: &[Sample<'_>]) -> Option<Candidate> {
    let halves = |samples: &[Sample<'_>]| samples.len().div_ceil(2).max(1);
    let (first, second) = samples.split_at_checked(halves(samples))?;
    let quarter = first.get(..halves(first)).unwrap_or(first);
    let parts = [first, second, quarter];
    let made = parts.into_iter().filter(|part| part.len() < samples.len() && !part.is_empty());
    made.filter_map(|part| put_together(lines, part))
        .find(|candidate| !candidate.is_poorer_than(None, samples.len()))
}

/// What the names of a prefix that fits may cost, for blanks and the like in some of them.
const CLEAN: f64 = 0.2;

/// Makes a prefix of what the lines have in common: of the likeliest templates the one in which most
/// columns are what messages of the log say.
fn put_together(lines: &[&str], samples: &[Sample<'_>]) -> Option<Candidate> {
    let read = |template: &Template<'_>| {
        let reading = meaning::read(template, samples);
        let proofs = f64::from(u8::try_from(reading.proven).unwrap_or(u8::MAX));
        (template.cost, template.cost - proofs * PROOF, reading)
    };
    let templates = Aligner::align(samples);
    let readings = templates.iter().map(read).filter(|(_, _, reading)| ends_well(&reading.tokens));
    let (cost, _, reading) = readings.min_by(|(_, a, _), (_, b, _)| a.total_cmp(b))?;
    let prefix = LinePrefix::of_tokens(reading.tokens);
    let matched = lines.iter().filter(|line| prefix.match_line(line).is_some()).count();
    let uncertain = reading.uncertain;
    (matched > 0).then_some(Candidate { prefix, matched, cost, uncertain, is_sure: false })
}

/// Tells whether sessions print a value that other processes don't, if the prefix says that they print
/// more. Where they print words only, some names have in them what looks like the end of the prefix.
fn ends_well(tokens: &[Token]) -> bool {
    let mut of_sessions = tokens.iter().skip_while(|token| **token != Token::SessionOnly);
    of_sessions.next().is_none() || of_sessions.any(|token| !matches!(token, Token::Literal(_)))
}

/// How much likelier a column makes a template that messages of the log prove.
const PROOF: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_programs_lines_do_not_decide() {
        let lines = [
            "LOG:  a line of some program",
            "2026-11-24 02:21:01.123 UTC [1] bob@shop LOG:  x",
            "\tLOG:  continued",
            "2026-11-24 02:21:01.123 UTC [2] LOG:  y",
        ];
        let inference = LinePrefix::infer(lines).unwrap();
        assert_eq!(inference.prefix.as_str(), "%m [%p] %q%u@%d ");
        assert_eq!((inference.matched, inference.lines), (2, 3));
        assert!((inference.confidence() - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn few_strange_lines_do_not_cost_the_values_of_the_others() {
        let mut lines = vec!["2026-11-24 02:21:05.123 UTC (9) LOG:  x"];
        lines.extend(["2026-11-24 02:21:01.123 UTC [1] bob@shop LOG:  x"; 4]);
        let inference = LinePrefix::infer(lines).unwrap();
        assert_eq!(inference.prefix.as_str(), "%m [%p] %q%u@%d ");
    }

    #[test]
    fn log_that_changes_its_prefix_begins_with_the_first_one() {
        let first = |n: u32| {
            format!("2026-11-24 02:21:{:02}.123 UTC [{}] bob@shop LOG:  x", n % 60, n % 7 + 100)
        };
        let second = |n: u32| {
            format!("2026-11-24 02:21:{:02} UTC:10.0.0.1(40{n:03}):bob@shop:[7]:LOG:  x", n % 60)
        };
        let strange =
            |n: u32| format!("<{}> 2026-11-24 02:21:{:02} UTC | LOG:  x", n % 7 + 100, n % 60);
        let infer = |lines: Vec<String>| {
            LinePrefix::infer(lines.iter().map(String::as_str)).unwrap().prefix.to_string()
        };
        let known = infer((0..100).map(first).chain((0..100).map(second)).collect());
        assert_eq!(known, "%m [%p] %q%u@%d ");
        let unknown = infer((0..100).map(strange).chain((0..100).map(second)).collect());
        assert!(unknown.contains("%t"), "{unknown}");
    }

    #[test]
    fn messages_about_connections_are_evidence_in_every_language() {
        for message in [
            "connexion autorisée : utilisateur=alice base de données shop application_name=psql",
            "anslutning auktoriserad: användare=alicedatabas=shop applikationsnamn=psql",
            "подключение авторизовано: пользователь=alice база=shop приложение=psql",
        ] {
            for (names, expected) in
                [("alice@shop ", "%u@%d "), ("user=alice,db=shop ", "user=%u,db=%d ")]
            {
                let head =
                    |n: u32| format!("2026-11-24 02:21:{n}.123 UTC [{}] {names}", 1000 + n % 7);
                let lines: Vec<String> =
                    (10..50).map(|n| format!("{}LOG:  {message}", head(n))).collect();
                let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
                assert!(inference.prefix.as_str().ends_with(expected), "{message}");
            }
        }
    }

    #[test]
    fn one_odd_name_does_not_cost_the_names_of_all_others() {
        let mut lines = Vec::new();
        for n in 10..50 {
            let names = ["psql", "/usr/bin/pg_dump", "app [0 of 10 busy]"];
            let app = if n % 12 == 1 { "my-app,worker=1" } else { names[n % 3] };
            let (user, database) = (["alice", "bob", "eve"][n % 3], ["shop", "crm"][n % 2]);
            let head = |app: &str| {
                format!("2026-11-24 02:21:{n}.123 UTC,{},{user},{database},{app},", n + 1000)
            };
            let authorized = format!("user={user} database={database} application_name={app}");
            lines.push(head("[unknown]") + "LOG:  connection authorized: " + &authorized);
            lines.push(head(app) + "LOG:  duration: 0.1 ms");
        }
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        assert!(inference.prefix.as_str().ends_with(",%u,%d,%a,"), "{}", inference.prefix);
    }

    #[test]
    fn lines_outside_of_sessions_may_have_no_prefix_at_all() {
        let session = |n: u32| format!("2026-11-24 02:21:{n}.123 UTC [{}] LOG:  x", 1000 + n % 7);
        let bare = |n: u32| format!("LOG:  checkpoint {n}");
        let lines: Vec<String> = (10..50).map(session).chain((0..5).map(bare)).collect();
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        assert!(inference.prefix.as_str().starts_with("%q%m ["), "{}", inference.prefix);
        assert_eq!(inference.matched, lines.len());
    }

    #[test]
    fn only_time_of_a_few_lines_is_theirs() {
        let line = |n: u32| {
            format!("2026-11-24 22:41:47 UTC <5788> {n} sess=6b0612ab.169c LOG:  duration: 1.2 ms")
        };
        let lines: Vec<String> = (63..66).map(line).collect();
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        assert!(inference.prefix.as_str().starts_with("%t "), "{}", inference.prefix);
    }

    #[test]
    fn text_that_is_no_log_has_no_prefix() {
        assert_eq!(LinePrefix::infer(["hello", "world"]), None);
        assert_eq!(LinePrefix::infer([]), None);
    }
}
