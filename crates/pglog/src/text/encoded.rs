//! Labels in the encodings that servers had before UTF-8.
//!
//! A server on Windows prints in the encoding of its system until it knows the database, and one whose database
//! is not in UTF-8 prints in that one's. Of a label without an ASCII letter nothing would be left to know it by.

/// Labels as bytes, and what they are in UTF-8, sorted: in KOI8, Windows-1251 and CP866 for Russian and
/// Ukrainian, in GBK, Big5, CP949, EUC-JP and CP932 for the languages of East Asia.
#[rustfmt::skip]
const LABELS: &[(&[u8], &str)] = &[
    (b"\x82\x80\x86\x8d\x8e", "ВАЖНО"),
    (b"\x83o\x83b\x83N\x83g\x83\x8c\x81[\x83X", "バックトレース"),
    (b"\x83q\x83\x93\x83g", "ヒント"),
    (b"\x87\x80\x8c\x85\x97\x80\x8d\x88\x85", "ЗАМЕЧАНИЕ"),
    (b"\x87\x80\x8f\x90\x8e\x91", "ЗАПРОС"),
    (b"\x88\x8d\x94\x8e\x90\x8c\x80\x96\x88\x9f", "ИНФОРМАЦИЯ"),
    (b"\x8a\x8e\x8d\x92\x85\x8a\x91\x92", "КОНТЕКСТ"),
    (b"\x8e\x8f\x85\x90\x80\x92\x8e\x90", "ОПЕРАТОР"),
    (b"\x8e\x92\x8b\x80\x84\x8a\x80", "ОТЛАДКА"),
    (b"\x8e\x98\x88\x81\x8a\x80", "ОШИБКА"),
    (b"\x8f\x80\x8d\x88\x8a\x80", "ПАНИКА"),
    (b"\x8f\x8e\x84\x90\x8e\x81\x8d\x8e\x91\x92\x88", "ПОДРОБНОСТИ"),
    (b"\x8f\x8e\x84\x91\x8a\x80\x87\x8a\x80", "ПОДСКАЗКА"),
    (b"\x8f\x8e\x8b\x8e\x86\x85\x8d\x88\x85", "ПОЛОЖЕНИЕ"),
    (b"\x8f\x90\x85\x84\x93\x8f\x90\x85\x86\x84\x85\x8d\x88\x85", "ПРЕДУПРЕЖДЕНИЕ"),
    (b"\x8f\xda\x8d\xd7", "詳細"),
    (b"\x8f\xea\x8f\x8a", "場所"),
    (b"\x91\x8e\x8e\x81\x99\x85\x8d\x88\x85", "СООБЩЕНИЕ"),
    (b"\x91\x92\x85\x8a", "СТЕК"),
    (b"\x95\xb6", "文"),
    (b"\x95\xb6\x96\xac", "文脈"),
    (b"\x96\xe2\x82\xa2\x8d\x87\x82\xed\x82\xb9", "問い合わせ"),
    (b"\xa4W\xa4U\xa4\xe5", "上下文"),
    (b"\xa4\xe9\xbbx", "日誌"),
    (b"\xa5\xd0\xa5\xc3\xa5\xaf\xa5\xc8\xa5\xec\xa1\xbc\xa5\xb9", "バックトレース"),
    (b"\xa5\xd2\xa5\xf3\xa5\xc8", "ヒント"),
    (b"\xa6^\xb7\xb9", "回溯"),
    (b"\xa6\xec\xb8m", "位置"),
    (b"\xaa`\xb7N", "注意"),
    (b"\xacd\xb8\xdf", "查詢"),
    (b"\xadP\xa9R\xbf\xf9\xbb~", "致命錯誤"),
    (b"\xb0\xa3\xbf\xf9", "除錯"),
    (b"\xb0\xe6\xb0\xed", "경고"),
    (b"\xb1\xc8\xd6\xc2\xc3\xfc\xb4\xed\xce\xf3\xbb\xb9\xb9\xfd\xb7\xd6\xb5\xc4\xb4\xed\xce\xf3", "比致命错误还过分的错误"),
    (b"\xb2\xcd\xd1\xd2\xd0\xd3\xca\xd6\xb2\xdf", "ІНСТРУКЦІЯ"),
    (b"\xb2\xcd\xd4\xce\xd0\xcc\xc0\xd6\xb2\xdf", "ІНФОРМАЦІЯ"),
    (b"\xb2\xe9\xd1\xaf", "查询"),
    (b"\xb3\xaf\xadz\xa6\xa1", "陳述式"),
    (b"\xb3\xbb\xbf\xeb", "내용"),
    (b"\xb4\xa3\xa5\xdc", "提示"),
    (b"\xb4\xed\xce\xf3", "错误"),
    (b"\xb5\xf0\xb9\xf6\xb1\xd7", "디버그"),
    (b"\xb5\xf7\xca\xd4", "调试"),
    (b"\xb6\xee\xe6\xef\xf2\xed\xe1\xe3\xb6\xf1", "ІНФОРМАЦІЯ"),
    (b"\xb6\xee\xf3\xf4\xf2\xf5\xeb\xe3\xb6\xf1", "ІНСТРУКЦІЯ"),
    (b"\xb7\xce\xb1\xd7", "로그"),
    (b"\xb8\xd4\xb1\xa1", "詳情"),
    (b"\xb8\xea\xb0T", "資訊"),
    (b"\xb8\xed\xb7\xc9\x20\xb1\xb8\xb9\xae", "명령 구문"),
    (b"\xbb\xd8\xcb\xdd", "回溯"),
    (b"\xbb\xf3\xbc\xbc\xc1\xa4\xba\xb8", "상세정보"),
    (b"\xbc\xd5\xbb\xf3", "손상"),
    (b"\xbe\xaf\xb8\xe6", "警告"),
    (b"\xbe\xcb\xb8\xb2", "알림"),
    (b"\xbe\xdc\xba\xd9", "詳細"),
    (b"\xbe\xec\xbd\xea", "場所"),
    (b"\xbf\xaa\xc3\xdf\xc0\xfb", "역추적"),
    (b"\xbf\xc0\xb7\xf9", "오류"),
    (b"\xbf\xf9\xbb~", "錯誤"),
    (b"\xc0\xa7\xc4\xa1", "위치"),
    (b"\xc1\xa4\xba\xb8", "정보"),
    (b"\xc2\xb2\xc4\xce\xcc\xce\xd1\xd2\xb2", "ВІДОМОСТІ"),
    (b"\xc2\xb2\xc4\xd1\xd2\xc5\xc6\xd3\xc2\xc0\xd2\xc8", "ВІДСТЕЖУВАТИ"),
    (b"\xc2\xc0\xc6\xcd\xce", "ВАЖНО"),
    (b"\xc4Y\xad\xab\xbf\xf9\xbb~", "嚴重錯誤"),
    (b"\xc4\xa1\xb8\xed\xc0\xfb\xbf\xc0\xb7\xf9", "치명적오류"),
    (b"\xc4\xb5\xa7i", "警告"),
    (b"\xc4\xf5\xb8\xae", "쿼리"),
    (b"\xc7\xc0\xcc\xc5\xd7\xc0\xcd\xc8\xc5", "ЗАМЕЧАНИЕ"),
    (b"\xc7\xc0\xcf\xc8\xd1\xd3\xc2\xc0\xcd\xcd\xdf", "ЗАПИСУВАННЯ"),
    (b"\xc7\xc0\xcf\xc8\xd2", "ЗАПИТ"),
    (b"\xc7\xc0\xcf\xd0\xce\xd1", "ЗАПРОС"),
    (b"\xc8\xcd\xd4\xce\xd0\xcc\xc0\xd6\xc8\xdf", "ИНФОРМАЦИЯ"),
    (b"\xc8\xd5\xd6\xbe", "日志"),
    (b"\xc8\xf9\xc6\xae", "힌트"),
    (b"\xc9\xcf\xcf\xc2\xce\xc4", "上下文"),
    (b"\xca\xb8", "文"),
    (b"\xca\xb8\xcc\xae", "文脈"),
    (b"\xca\xce\xcd\xd2\xc5\xca\xd1\xd2", "КОНТЕКСТ"),
    (b"\xcc\xe1\xca\xbe", "提示"),
    (b"\xcc\xe4\xa4\xa4\xb9\xe7\xa4\xef\xa4\xbb", "問い合わせ"),
    (b"\xcd\xc0\xcb\xc0\xc3\xce\xc4\xc6\xc5\xcd\xcd\xdf", "НАЛАГОДЖЕННЯ"),
    (b"\xce\xbb\xd6\xc3", "位置"),
    (b"\xce\xcf\xc5\xd0\xc0\xd2\xce\xd0", "ОПЕРАТОР"),
    (b"\xce\xd2\xcb\xc0\xc4\xca\xc0", "ОТЛАДКА"),
    (b"\xce\xd8\xc8\xc1\xca\xc0", "ОШИБКА"),
    (b"\xcf\xc0\xcd\xb2\xca\xc0", "ПАНІКА"),
    (b"\xcf\xc0\xcd\xc8\xca\xc0", "ПАНИКА"),
    (b"\xcf\xce\xc2\xb2\xc4\xce\xcc\xcb\xc5\xcd\xcd\xdf", "ПОВІДОМЛЕННЯ"),
    (b"\xcf\xce\xc4\xd0\xce\xc1\xcd\xce\xd1\xd2\xc8", "ПОДРОБНОСТИ"),
    (b"\xcf\xce\xc4\xd1\xca\xc0\xc7\xca\xc0", "ПОДСКАЗКА"),
    (b"\xcf\xce\xcb\xce\xc6\xc5\xcd\xc8\xc5", "ПОЛОЖЕНИЕ"),
    (b"\xcf\xce\xcc\xc8\xcb\xca\xc0", "ПОМИЛКА"),
    (b"\xcf\xce\xcf\xc5\xd0\xc5\xc4\xc6\xc5\xcd\xcd\xdf", "ПОПЕРЕДЖЕННЯ"),
    (b"\xcf\xd0\xc5\xc4\xd3\xcf\xd0\xc5\xc6\xc4\xc5\xcd\xc8\xc5", "ПРЕДУПРЕЖДЕНИЕ"),
    (b"\xcf\xea\xc7\xe9", "详情"),
    (b"\xcf\xea\xcf\xb8\xd0\xc5\xcf\xa2", "详细信息"),
    (b"\xcf\xea\xcf\xb8\xd7\xca\xc1\xcf", "详细资料"),
    (b"\xd0\xc5\xcf\xa2", "信息"),
    (b"\xd0\xce\xc7\xd2\xc0\xd8\xd3\xc2\xc0\xcd\xcd\xdf", "РОЗТАШУВАННЯ"),
    (b"\xd1\xce\xce\xc1\xd9\xc5\xcd\xc8\xc5", "СООБЩЕНИЕ"),
    (b"\xd1\xd2\xc5\xca", "СТЕК"),
    (b"\xd3\xca\xc0\xc7\xb2\xc2\xca\xc0", "УКАЗІВКА"),
    (b"\xd3\xef\xbe\xe4", "语句"),
    (b"\xd4\xc0\xd2\xc0\xcb\xdc\xcd\xce", "ФАТАЛЬНО"),
    (b"\xd4\xd6\xc4\xd1\xd0\xd4\xb4\xed\xce\xf3", "灾难性错误"),
    (b"\xd6\xc2\xc3\xfc\xb4\xed\xce\xf3", "致命错误"),
    (b"\xd7\xa2\xd2\xe2", "注意"),
    (b"\xe6\xe1\xf4\xe1\xec\xf8\xee\xef", "ФАТАЛЬНО"),
    (b"\xe9\xee\xe6\xef\xf2\xed\xe1\xe3\xe9\xf1", "ИНФОРМАЦИЯ"),
    (b"\xeb\xef\xee\xf4\xe5\xeb\xf3\xf4", "КОНТЕКСТ"),
    (b"\xee\xe1\xec\xe1\xe7\xef\xe4\xf6\xe5\xee\xee\xf1", "НАЛАГОДЖЕННЯ"),
    (b"\xef\xf0\xe5\xf2\xe1\xf4\xef\xf2", "ОПЕРАТОР"),
    (b"\xef\xf4\xec\xe1\xe4\xeb\xe1", "ОТЛАДКА"),
    (b"\xef\xfb\xe9\xe2\xeb\xe1", "ОШИБКА"),
    (b"\xf0\xe1\xee\xb6\xeb\xe1", "ПАНІКА"),
    (b"\xf0\xe1\xee\xe9\xeb\xe1", "ПАНИКА"),
    (b"\xf0\xef\xe4\xf2\xef\xe2\xee\xef\xf3\xf4\xe9", "ПОДРОБНОСТИ"),
    (b"\xf0\xef\xe4\xf3\xeb\xe1\xfa\xeb\xe1", "ПОДСКАЗКА"),
    (b"\xf0\xef\xec\xef\xf6\xe5\xee\xe9\xe5", "ПОЛОЖЕНИЕ"),
    (b"\xf0\xef\xed\xe9\xec\xeb\xe1", "ПОМИЛКА"),
    (b"\xf0\xef\xf0\xe5\xf2\xe5\xe4\xf6\xe5\xee\xee\xf1", "ПОПЕРЕДЖЕННЯ"),
    (b"\xf0\xef\xf7\xb6\xe4\xef\xed\xec\xe5\xee\xee\xf1", "ПОВІДОМЛЕННЯ"),
    (b"\xf0\xf2\xe5\xe4\xf5\xf0\xf2\xe5\xf6\xe4\xe5\xee\xe9\xe5", "ПРЕДУПРЕЖДЕНИЕ"),
    (b"\xf2\xef\xfa\xf4\xe1\xfb\xf5\xf7\xe1\xee\xee\xf1", "РОЗТАШУВАННЯ"),
    (b"\xf3\xef\xef\xe2\xfd\xe5\xee\xe9\xe5", "СООБЩЕНИЕ"),
    (b"\xf3\xf4\xe5\xeb", "СТЕК"),
    (b"\xf5\xeb\xe1\xfa\xb6\xf7\xeb\xe1", "УКАЗІВКА"),
    (b"\xf7\xb6\xe4\xef\xed\xef\xf3\xf4\xb6", "ВІДОМОСТІ"),
    (b"\xf7\xb6\xe4\xf3\xf4\xe5\xf6\xf5\xf7\xe1\xf4\xe9", "ВІДСТЕЖУВАТИ"),
    (b"\xf7\xe1\xf6\xee\xef", "ВАЖНО"),
    (b"\xfa\xe1\xed\xe5\xfe\xe1\xee\xe9\xe5", "ЗАМЕЧАНИЕ"),
    (b"\xfa\xe1\xf0\xe9\xf3\xf5\xf7\xe1\xee\xee\xf1", "ЗАПИСУВАННЯ"),
    (b"\xfa\xe1\xf0\xe9\xf4", "ЗАПИТ"),
    (b"\xfa\xe1\xf0\xf2\xef\xf3", "ЗАПРОС"),
];

/// Those with one blank or none behind their colon.
const WITHOUT_BLANKS: [&str; 3] = ["ПОЛОЖЕНИЕ", "위치", "쿼리"];

/// What stands in a prefix for a name that a session does not have yet.
#[rustfmt::skip]
const UNKNOWN: &[(&[u8], &str)] = &[
    (b"[\x95s\x96\xbe]", "[不明]"),
    (b"[\xa4\xa3\xa9\xfa]", "[不明]"),
    (b"[\xa5\xbc\xaa\xbe]", "[未知]"),
    (b"[\xbe\xcb\xbc\xf6\xbe\xf8\xc0\xbd]", "[알수없음]"),
    (b"[\xc9\xd4\xcc\xc0]", "[不明]"),
    (b"[\xce\xb4\xd6\xaa]", "[未知]"),
];

/// How many bytes the longest label has.
const MAX_BYTES: usize = 22;

/// Puts into UTF-8 what the server has put into each line of a text that is not: the label, and unknown names in
/// front of it. So it does with a text that is nothing but the name of a level. `None` where there is none.
pub(super) fn labels_in_utf8(bytes: &[u8]) -> Option<Vec<u8>> {
    if let Ok(at) = LABELS.binary_search_by_key(&bytes, |(label, _)| label) {
        return LABELS.get(at).map(|(_, word)| word.as_bytes().to_vec());
    }
    let mut whole = Vec::new();
    let mut copied = 0;
    let mut is_behind_label = false;
    for at in memchr::memchr3_iter(b':', b']', b'\n', bytes) {
        let before = bytes.get(copied..at).unwrap_or_default();
        let rest = bytes.get(at..).unwrap_or_default();
        let (old, new, end) = match rest.first() {
            Some(b'\n') => {
                is_behind_label = false;
                continue;
            }
            _ if is_behind_label => continue,
            Some(b':') => match label_at_end(before, rest) {
                Some((label, word)) => (label, word, at),
                None => continue,
            },
            _ => match unknown_at_end(bytes.get(copied..=at).unwrap_or_default()) {
                Some((name, word)) => (name, word, at + 1),
                None => continue,
            },
        };
        is_behind_label = rest.first() == Some(&b':');
        whole.extend_from_slice(bytes.get(copied..end - old.len()).unwrap_or_default());
        whole.extend_from_slice(new.as_bytes());
        copied = end;
    }
    if copied == 0 {
        return None;
    }
    whole.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    Some(whole)
}

/// Finds the label that a text ends with, behind a byte that is in no other word, given what follows.
fn label_at_end(text: &[u8], rest: &[u8]) -> Option<(&'static [u8], &'static str)> {
    let near = text.get(text.len().saturating_sub(MAX_BYTES)..)?;
    if near.is_ascii() {
        return None;
    }
    let stands_apart = |label: &[u8]| {
        let last = text.len().checked_sub(label.len() + 1).and_then(|at| text.get(at));
        last.is_none_or(u8::is_ascii)
    };
    let has_blanks = rest.starts_with(b":  ");
    let is_end = |(label, word): &&(&[u8], &str)| {
        // A call to compare what differs in its last byte costs more.
        label.last() == near.last()
            && near.ends_with(label)
            && (has_blanks || WITHOUT_BLANKS.contains(word))
            && stands_apart(label)
    };
    LABELS.iter().find(is_end).copied()
}

fn unknown_at_end(text: &[u8]) -> Option<(&'static [u8], &'static str)> {
    UNKNOWN.iter().find(|(name, _)| text.ends_with(name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::decode;

    #[test]
    fn every_label_is_put_into_utf_8() {
        assert!(LABELS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (label, word) in LABELS {
            assert!(label.len() <= MAX_BYTES, "{word}");
            let line = [b"[7] ".as_slice(), label, b":  \xff"].concat();
            assert_eq!(decode(&line), format!("[7] {word}:  \u{fffd}"));
        }
    }

    #[test]
    fn labels_of_other_encodings_are_found() {
        let line = b"[7] \xd1\xce\xce\xc1\xd9\xc5\xcd\xc8\xc5:  \xe7\xe0\xef\xf3\xf1\xea";
        assert_eq!(decode(line), format!("[7] СООБЩЕНИЕ:  {}", "\u{fffd}".repeat(6)));
        assert_eq!(decode(b"\xb4\xed\xce\xf3"), "错误", "csvlog has no colon");
        assert_eq!(labels_in_utf8(b"\xff\xb4\xed\xce\xf3:  x"), None, "a part of a word");
        assert_eq!(labels_in_utf8(b"x\xff:  \xd1\xce"), None);
        let lines = b"[\xce\xb4\xd6\xaa]@[\xce\xb4\xd6\xaa] \xb4\xed\xce\xf3:  \xb4\xed\xce\xf3:  x\n\xb4\xed\xce\xf3:  y";
        let lost = "\u{fffd}".repeat(4);
        assert_eq!(decode(lines), format!("[未知]@[未知] 错误:  {lost}:  x\n错误:  y"));
    }
}
