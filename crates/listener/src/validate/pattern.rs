//! What statements and messages have in common when their values are taken out.
//!
//! A pattern groups entries for a reader; it is no parser. Text that it misunderstands lands in a group
//! of its own, which costs a line in a list and nothing else.

/// How much of a text makes its pattern, in bytes. Enough to tell statements apart, and a bound on the
/// work for the longest.
const MAX_PATTERN_BYTES: usize = 8 << 10;

/// Stands where a value was, in a statement.
const VALUE: &str = "?";

/// Stands where more values were.
const MORE_VALUES: &str = ", …";

/// Takes literals, parameters, comments and superfluous space out of a statement.
pub fn statement_pattern(sql: &str) -> String {
    let mut rest = beginning(sql);
    let mut pattern = String::with_capacity(rest.len());
    let mut is_spaced = false;
    while let Some(first) = rest.chars().next() {
        let token = token_at(rest, first);
        rest = rest.get(token.len..).unwrap_or_default();
        if matches!(token.kind, Kind::Space) {
            is_spaced = true;
            continue;
        }
        if std::mem::take(&mut is_spaced) && !pattern.is_empty() {
            pattern.push(' ');
        }
        match token.kind {
            Kind::Value => push_value(&mut pattern),
            Kind::Text | Kind::Space => pattern.push_str(token.text),
        }
    }
    pattern
}

/// Takes numbers and quoted values out of a message. Quoted names stay: they are what it is about.
pub fn message_pattern(message: &str) -> String {
    let mut rest = beginning(message);
    let mut pattern = String::with_capacity(rest.len());
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' => quoted_len(rest, '"'),
            // Between letters it is an apostrophe.
            '\'' if !pattern.ends_with(char::is_alphanumeric) => quoted_len(rest, '\''),
            '0'..='9' => number_len(rest),
            _ if is_word(first) => word_len(rest),
            _ => first.len_utf8(),
        };
        let (token, behind) = rest.split_at_checked(len).unwrap_or((rest, ""));
        rest = behind;
        if first.is_ascii_digit() {
            pattern.push('…');
        } else if token.len() > 1 && is_value(token, first, pattern.ends_with(": ")) {
            pattern.extend([first, '…', first]);
        } else {
            pattern.push_str(token);
        }
    }
    pattern
}

/// Hashes a pattern (FNV-1a). Stored, so it must not change between versions as std's may.
pub(super) fn hash(pattern: &str) -> i64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in pattern.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash.cast_signed()
}

/// A piece of SQL.
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    len: usize,
}

enum Kind {
    /// White space or a comment.
    Space,
    /// A literal or a parameter.
    Value,
    /// Anything else.
    Text,
}

/// Reads the token at the start of `sql`, which is not empty and begins with `first`.
fn token_at(sql: &str, first: char) -> Token<'_> {
    let (kind, len) = match first {
        _ if first.is_whitespace() => (Kind::Space, first.len_utf8()),
        '-' if sql.starts_with("--") => (Kind::Space, sql.find('\n').unwrap_or(sql.len())),
        '/' if sql.starts_with("/*") => (Kind::Space, comment_len(sql)),
        '\'' => (Kind::Value, quoted_len(sql, '\'')),
        'e' | 'E' if sql.get(1..).is_some_and(|rest| rest.starts_with('\'')) => {
            (Kind::Value, escaped_len(sql))
        }
        '"' => (Kind::Text, quoted_len(sql, '"')),
        '$' => match dollar_len(sql) {
            Some(len) => (Kind::Value, len),
            None => (Kind::Text, 1),
        },
        '0'..='9' => (Kind::Value, number_len(sql)),
        _ if is_word(first) => (Kind::Text, word_len(sql)),
        _ => (Kind::Text, first.len_utf8()),
    };
    Token { kind, text: sql.get(..len).unwrap_or(sql), len }
}

/// Adds a value; lists of any length end up the same.
fn push_value(pattern: &mut String) {
    let before = pattern.trim_end();
    if let Some(list) = before.strip_suffix(',') {
        if list.ends_with(VALUE) {
            pattern.truncate(list.len());
            pattern.push_str(MORE_VALUES);
            return;
        }
        if list.ends_with(MORE_VALUES) {
            pattern.truncate(list.len());
            return;
        }
    }
    pattern.push_str(VALUE);
}

/// True if a quoted token of a message is a value and not a name. The server puts values behind a colon.
fn is_value(token: &str, quote: char, is_behind_colon: bool) -> bool {
    match quote {
        '\'' => true,
        '"' => is_behind_colon || !token.trim_matches('"').chars().all(is_word_or_dot),
        _ => false,
    }
}

fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_PATTERN_BYTES)).unwrap_or_default()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_word_or_dot(c: char) -> bool {
    is_word(c) || matches!(c, '.' | '$' | '-')
}

fn word_len(text: &str) -> usize {
    text.find(|c| !is_word(c)).unwrap_or(text.len())
}

fn number_len(text: &str) -> usize {
    text.find(|c| !is_word(c) && c != '.').unwrap_or(text.len())
}

/// Length of a quoted token with its quotes, or of all the rest where the end was cut off. A doubled
/// quote stands for itself.
fn quoted_len(text: &str, quote: char) -> usize {
    let mut len = 1;
    while let Some(end) = text.get(len..).and_then(|inner| inner.find(quote)) {
        len += end + 1;
        if !text.get(len..).is_some_and(|behind| behind.starts_with(quote)) {
            return len;
        }
        len += 1;
    }
    text.len()
}

/// Length of an `E'..'` literal, in which a backslash escapes the quote.
fn escaped_len(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, c) in text.char_indices().skip(2) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\'' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of `$1` or of `$tag$ .. $tag$`.
fn dollar_len(text: &str) -> Option<usize> {
    let inner = text.get(1..)?;
    let tag = word_len(inner);
    if inner.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(1 + tag);
    }
    let open = text.get(..tag + 2).filter(|open| open.ends_with('$'))?;
    let body = text.get(open.len()..)?;
    Some(body.find(open).map_or(text.len(), |end| end + 2 * open.len()))
}

/// Length of a comment; PostgreSQL's comments nest.
fn comment_len(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut rest = text;
    loop {
        let Some(at) = rest.find(['/', '*']) else { return text.len() };
        rest = rest.get(at..).unwrap_or_default();
        let step = match rest.get(..2) {
            Some("/*") => {
                depth += 1;
                2
            }
            Some("*/") => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        rest = rest.get(step..).unwrap_or_default();
        if depth == 0 {
            return text.len() - rest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn statements_that_differ_in_values_have_one_pattern() {
        for sql in [
            "SELECT * FROM t WHERE id IN (1, 2, 3) AND name = 'O''Reilly'",
            "SELECT * FROM t\n  WHERE id IN (7,8) AND name = E'\\'x'",
            "SELECT * FROM t WHERE id IN ($1, $2) AND name = $tag$ a 'b' $tag$ -- why",
            "/* route:/home /* nested */ */ SELECT * FROM t WHERE id IN (1.5e3,2) AND name = ''",
        ] {
            let expected = "SELECT * FROM t WHERE id IN (?, …) AND name = ?";
            assert_eq!(statement_pattern(sql), expected, "{sql}");
        }
    }

    #[test]
    fn names_with_digits_stay() {
        assert_eq!(statement_pattern(r#"TABLE orders_2024, "t 1""#), r#"TABLE orders_2024, "t 1""#);
    }

    #[test]
    fn messages_that_differ_in_values_have_one_pattern() {
        let pattern = |text| message_pattern(text);
        assert_eq!(
            pattern("process 4711 still waiting for ShareLock on transaction 99 after 1000.5 ms"),
            "process … still waiting for ShareLock on transaction … after … ms"
        );
        assert_eq!(
            pattern(r#"invalid input syntax for type integer: "abc""#),
            r#"invalid input syntax for type integer: "…""#
        );
        assert_eq!(
            pattern(r#"relation "orders_2024" doesn't exist at character 15"#),
            r#"relation "orders_2024" doesn't exist at character …"#
        );
    }

    proptest! {
        #[test]
        fn any_text_has_a_pattern(text in ".{0,200}", sql in "[-/*'\"$eE01a\\\\ ,()\n]{0,60}") {
            message_pattern(&text);
            statement_pattern(&text);
            message_pattern(&sql);
            statement_pattern(&sql);
        }
    }
}
