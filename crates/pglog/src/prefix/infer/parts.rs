//! Parts of a log whose lines are alike.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::prefix::{
    escape::Token,
    infer::{candidate::Candidate, sample::Sample},
};

/// Tells whether a part of the lines may tell more than what all of them have in common: nothing but blanks stands
/// between values, and more blanks where some lines have none.
pub(super) fn tell_more(all: &Candidate<'_>, samples: &[Sample<'_>]) -> bool {
    let is_blank =
        |token: &Token| !matches!(token, Token::Literal(text) if !text.trim().is_empty());
    let runs_together = |sample: &Sample<'_>| sample.head.trim_end().contains("  ");
    samples.len() >= MIN_LINES
        && all.prefix.tokens().iter().all(is_blank)
        && samples.iter().any(runs_together)
}

/// Of fewer lines no part tells more than all of them.
const MIN_LINES: usize = 20;

/// Groups lines by how many words their prefix has, and returns the largest groups. Blanks run together
/// where padded values are not there; among lines with as many words they don't.
pub(super) fn wordiest(samples: &[Sample<'_>]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, sample) in samples.iter().enumerate() {
        groups.entry(sample.head.split_whitespace().count()).or_default().push(at);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    if groups.len() < 2 {
        return Vec::new();
    }
    groups.sort_by_key(|(words, lines)| Reverse((lines.len() * 4 >= samples.len(), *words)));
    groups.into_iter().take(MAX_GROUPS).map(|(_, lines)| lines).collect()
}

/// So many groups of lines are looked at.
const MAX_GROUPS: usize = 2;

#[cfg(test)]
mod tests {
    use crate::prefix::LinePrefix;

    fn infer(lines: &[String]) -> String {
        LinePrefix::infer(lines.iter().map(String::as_str)).unwrap().prefix.to_string()
    }

    #[test]
    fn values_that_run_together_elsewhere_are_told_by_the_lines_that_have_them() {
        let runs = [
            ("[unknown] [unknown] 17157 LOG:  connection received: host=[local]", 1),
            ("bob app 17157 LOG:  connection authorized: user=bob database=app", 1),
            ("  16660 LOG:  x", 1),
            ("  16660 DETAIL:  x", 1),
            ("  16660 LOG:  x", 2),
            ("  17173 LOG:  x", 7),
            ("  17174 LOG:  x", 2),
            ("  16660 LOG:  x", 1),
            ("[unknown] [unknown] 17200 LOG:  connection received: host=[local]", 1),
            ("bob crm 17200 LOG:  connection authorized: user=bob database=crm", 1),
            (
                "bob crm 17200 LOG:  disconnection: session time: 0:00:00.130 user=bob database=crm",
                1,
            ),
            ("  16660 LOG:  x", 2),
        ];
        let lines = runs.iter().flat_map(|(line, count)| std::iter::repeat_n(*line, *count));
        let lines: Vec<String> =
            lines.map(|line| format!("2026-11-24 02:07:33 UTC {line}")).collect();
        let prefix = infer(&lines);
        assert!(["%t %u %d %p ", "%t %? %? %p "].contains(&prefix.as_str()), "{prefix}");
    }
}
