//! What a function raised with `RAISE`: all of such a message is the function's text, and none the server's.

use crate::language::damaged::damaged_length;

/// The statement, which is not translated.
const STATEMENT: &str = "RAISE";

/// What stands behind the statement, where a language does not end with it.
///
/// Translations of `PL/pgSQL function %s line %d at %s` in the catalogs of `plpgsql`.
const BEHIND: [&str; 2] = ["-სთან", " içinde"];

/// Tells whether the innermost function of a context stands at its `RAISE`.
pub(crate) fn is_raised(context: &str) -> bool {
    let Some(innermost) = context.lines().next() else { return false };
    innermost.contains("PL/pg") && (ends_with_it(innermost) || begins_with_it(innermost))
}

fn ends_with_it(line: &str) -> bool {
    line.ends_with(STATEMENT)
        || BEHIND.iter().any(|behind| {
            let length = damaged_length(behind.chars().rev(), line.chars().rev());
            let before = length.and_then(|length| line.get(..line.len().checked_sub(length)?));
            before.is_some_and(|before| before.ends_with(STATEMENT))
        })
}

/// In Chinese it is the second word, and a word of the language follows (`在RAISE的第`).
fn begins_with_it(line: &str) -> bool {
    let is_other = |letter: char| !letter.is_ascii() || letter == '?';
    let rest = line.trim_start_matches(is_other).strip_prefix(STATEMENT);
    rest.is_some_and(|rest| rest.starts_with(is_other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement_of_the_innermost_function_is_known_in_every_language() {
        for line in [
            "PL/pgSQL function f() line 3 at RAISE",
            "PL/pgSQL-Funktion f() Zeile 3 bei RAISE",
            "fonction PL/pgsql f(), ligne 3, à RAISE",
            "PL/pgSQL関数f()の3行目 - RAISE",
            "PL/pgSQL ფუნქცია f() ხაზზე 3 RAISE-სთან",
            "PL/pgSQL ??????? f() ????? 3 RAISE-????",
            "PL/pgSQL 함수 \"f()\" 의 3번째 RAISE",
            "f() PL/pgSQL fonksiyonu, 3. satır, RAISE içinde",
            "f() PL/pgSQL fonksiyonu, 3. sat?r, RAISE i?inde",
            "在RAISE的第3行的PL/pgSQL函数f()",
            "?RAISE??3???PL/pgSQL??f()",
            "\u{fffd}\u{fffd}RAISE\u{fffd}\u{135}\u{fffd}3\u{fffd}PL/pgSQL\u{fffd}\u{fffd}f()",
        ] {
            assert!(is_raised(line), "{line}");
            assert!(is_raised(&format!("{line}\nSQL statement \"x\"")), "{line}");
            assert!(!is_raised(&format!("SQL statement \"x\"\n{line}")), "{line}");
        }
        for line in [
            "",
            "PL/pgSQL function raise() line 3 at SQL statement",
            "在SQL语句的第3行的PL/pgSQL函数f()",
            "SQL statement \"SELECT 1 -- RAISE",
            "PL/pgSQL function \"RAISE\"() line 3 at PERFORM",
        ] {
            assert!(!is_raised(line), "{line}");
        }
    }
}
