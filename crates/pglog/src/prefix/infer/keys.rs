//! Keys in front of values, `client=10.0.0.5`, that some names made look like values.

use std::collections::BTreeMap;

use crate::prefix::{escape::Token, infer::sample::Sample};

/// Takes for a key what stands between a separator and an equals sign in nearly all lines: a name such as
/// `cron, nightly` in front of `,client=` is no reason to take `client` for a value.
pub(super) fn with_keys(mut tokens: Vec<Token>, samples: &[Sample<'_>]) -> Vec<Token> {
    while let Some((at, key)) = missing_key(&tokens, samples) {
        let (Some(Token::Literal(before)), Some(Token::Literal(behind))) =
            (tokens.get(at - 1).cloned(), tokens.get(at + 1).cloned())
        else {
            break;
        };
        tokens.splice(at - 1..=at + 1, [Token::Literal(before + key + &behind)]);
    }
    tokens
}

/// Returns the place of a value that is a key, and the key.
fn missing_key<'a>(tokens: &[Token], samples: &[Sample<'a>]) -> Option<(usize, &'a str)> {
    tokens.windows(3).zip(1..).find_map(|(window, at)| match window {
        [Token::Literal(before), Token::Unknown { .. }, Token::Literal(behind)]
            if behind.starts_with('=') =>
        {
            let key = common_key(before.chars().next_back()?, tokens, samples)?;
            Some((at, key))
        }
        _ => None,
    })
}

/// Returns the word between a separator and an equals sign that nearly all lines with keys have, and the
/// prefix has not yet.
fn common_key<'a>(separator: char, tokens: &[Token], samples: &[Sample<'a>]) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let with_keys = samples.iter().filter(|sample| sample.head.contains('='));
    let lines = with_keys.clone().count();
    for sample in with_keys {
        for (at, _) in sample.head.match_indices('=') {
            let before = sample.head.get(..at).unwrap_or_default();
            let key = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next();
            let key = key.filter(|key| !key.is_empty()).unwrap_or_default();
            if before.strip_suffix(key).is_some_and(|rest| rest.ends_with(separator)) {
                *counts.entry(key).or_default() += 1;
            }
        }
    }
    let has = |key: &str| {
        tokens
            .iter()
            .any(|token| matches!(token, Token::Literal(text) if text.contains(&format!("{key}="))))
    };
    let common = counts.into_iter().filter(|(key, n)| !key.is_empty() && n * 10 >= lines * 9);
    let mut missing = common.filter(|(key, _)| !has(key)).map(|(key, _)| key);
    missing.next().filter(|_| missing.next().is_none())
}

#[cfg(test)]
mod tests {
    use crate::LinePrefix;

    #[test]
    fn names_with_commas_leave_the_keys_alone() {
        let programs = ["psql", "cron, nightly", "my app v1.2", "pgbench", "web: worker [3]"];
        let line = |n: usize| {
            let (user, database) = (["alice", "bob"][n % 2], ["shop", "crm"][n / 2 % 2]);
            let (program, pid) = (programs[n % 5], 4000 + n * 37);
            format!(
                "2026-11-24 02:21:{:02}.{n:03} UTC [{pid}] [user={user},db={database},app={program},\
                 client=10.0.0.{},sqlstate=00000,qid={}] LOG:  x",
                n % 60,
                n % 9,
                n * 7_919_345_671
            )
        };
        let lines: Vec<String> = (0..200).map(line).collect();
        let inference = LinePrefix::infer(lines.iter().map(String::as_str)).unwrap();
        for (n, line) in lines.iter().enumerate() {
            let fields = inference.prefix.match_line(line).expect("the line fits").fields;
            assert_eq!(fields.application_name, Some(programs[n % 5]), "{}", inference.prefix);
        }
    }
}
