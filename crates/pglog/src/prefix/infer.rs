//! Finds out which prefix a log was written with.

use crate::prefix::LinePrefix;

/// Prefixes that servers are shipped or set up with. Where two fit a log equally well the earlier one
/// is taken, so what reads more lines stands before what reads fewer of the same.
const KNOWN: [&str; 14] = [
    // Debian, Ubuntu. Reads the default prefix as well, which differs in sessions only.
    "%m [%p] %q%u@%d ",
    // PostgreSQL 10 and later.
    "%m [%p] ",
    // pgBadger's advice, and its shorter form.
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    // Amazon RDS and Aurora, and their longer form.
    "%t:%r:%u@%d:[%p]:",
    "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
    // Google Cloud SQL.
    "%m [%p]: [%l-1] db=%d,user=%u ",
    // Azure Database.
    "%t-%c-",
    // Spilo and other Patroni images.
    "%t [%p]: [%l-1] %c %x %d %u %a %h ",
    // Packages before PostgreSQL 10.
    "< %m > ",
    "%t ",
    "",
];

/// A guess at the prefix of a log, and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Inference {
    /// The prefix that fits best.
    pub prefix: LinePrefix,
    /// How many lines fit it.
    pub matched: usize,
    /// How many lines could have fitted: all but continuation lines.
    pub lines: usize,
}

impl Inference {
    /// Returns how sure the guess is, from 0 to 1: the share of lines that fit.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        // Counts of lines are far below 2^52.
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
        let share = self.matched as f64 / self.lines.max(1) as f64;
        share
    }
}

impl LinePrefix {
    /// Guesses the prefix from lines of a log; 200 of them are plenty. `None` where none fits any.
    ///
    /// ```
    /// use pglog::LinePrefix;
    ///
    /// let lines = ["2026-11-24 02:20:47 UTC:[local]:bob@shop:[77]:LOG:  hello"];
    /// let inference = LinePrefix::infer(lines).expect("a known prefix");
    /// assert_eq!(inference.prefix.as_str(), "%t:%r:%u@%d:[%p]:");
    /// ```
    pub fn infer<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Inference> {
        let lines: Vec<&str> =
            lines.into_iter().filter(|line| !line.is_empty() && !line.starts_with('\t')).collect();
        let mut best: Option<Inference> = None;
        for prefix in KNOWN.map(Self::compile) {
            let matched = lines.iter().filter(|line| prefix.match_line(line).is_some()).count();
            if matched > best.as_ref().map_or(0, |best| best.matched) {
                best = Some(Inference { prefix, matched, lines: lines.len() });
            }
        }
        best
    }
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
