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
        LinePrefix,
        infer::{align::Aligner, known::KNOWN, sample::Sample},
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
            _ => put_together(&lines, &samples),
        };
        let (best, other) = match (known, aligned) {
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

/// What the names of a prefix that fits may cost, for blanks and the like in some of them.
const CLEAN: f64 = 0.2;

/// Makes a prefix of what the lines have in common.
fn put_together(lines: &[&str], samples: &[Sample<'_>]) -> Option<Candidate> {
    let template = Aligner::align(samples)?;
    let (tokens, uncertain) = meaning::tokens_of(&template, samples);
    let prefix = LinePrefix::of_tokens(tokens);
    let matched = lines.iter().filter(|line| prefix.match_line(line).is_some()).count();
    (matched > 0).then_some(Candidate {
        prefix,
        matched,
        cost: template.cost,
        uncertain,
        is_sure: false,
    })
}

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
    fn text_that_is_no_log_has_no_prefix() {
        assert_eq!(LinePrefix::infer(["hello", "world"]), None);
        assert_eq!(LinePrefix::infer([]), None);
    }
}
