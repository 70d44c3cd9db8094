//! Full-text search without an index: the SQL function `mentions(json, words)`.

use rusqlite::{Connection, functions::FunctionFlags};
use serde::Deserialize;

use crate::validate::Text;

/// The texts of an entry that are searched.
#[derive(Deserialize)]
struct Texts<'a> {
    #[serde(borrow)]
    message: Option<Text<'a>>,
    statement: Option<Text<'a>>,
    detail: Option<Text<'a>>,
}

/// Adds `mentions` to a connection.
pub(super) fn install(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("mentions", 2, flags, |context| {
        let json = context.get_raw(0).as_str()?;
        let words = context.get_raw(1).as_str()?;
        Ok(mentions(json, words))
    })
}

/// True if message, statement or detail contain `words`, which are in lower case, in any case.
fn mentions(json: &str, words: &str) -> bool {
    if is_plain(json, words) && !json.to_ascii_lowercase().contains(words) {
        return false;
    }
    let Ok(texts) = serde_json::from_str::<Texts<'_>>(json) else { return false };
    [texts.message, texts.statement, texts.detail]
        .into_iter()
        .flatten()
        .any(|text| text.to_lowercase().contains(words))
}

/// True if `words` would stand in the JSON as they do in its texts: nobody has to escape them, and nothing
/// is escaped that need not be. What is not in such JSON is not in its texts, which saves reading most.
fn is_plain(json: &str, words: &str) -> bool {
    let must_be_escaped = |c: char| c.is_control() || matches!(c, '"' | '\\' | '/');
    json.is_ascii() && !json.contains("\\u") && !words.contains(must_be_escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_outside_of_the_searched_texts_are_not_found() {
        let json = r#"{"message":"a\nb","database":"shop"}"#;
        assert!(is_plain(json, "shop"));
        assert!(!mentions(json, "shop") && !mentions(json, "message"));
        assert!(mentions(json, "b") && mentions(json, "a\nb"));
    }

    #[test]
    fn words_are_found_in_any_case_behind_escapes_and_in_three_keys() {
        let json = r#"{"message":"a \"Gr\u00dcn\" line","statement":"SELECT\n1","detail":"Key (id)",
                       "user":"alice"}"#;
        for words in ["\"grün\"", "select\n1", "key (id)"] {
            assert!(mentions(json, words), "{words}");
        }
        assert!(!mentions(json, "alice"));
        assert!(mentions(r#"{"message":"\u0061bc"}"#, "abc"));
        assert!(!mentions("{}", "x"));
    }
}
