//! The words in front of a message, in every language.

use std::sync::LazyLock;

use crate::language::{
    Language,
    damaged::{REPLACEMENT, damaged_length},
};
use crate::severity::{Label, Level};

/// A label as the server prints it, with its colon and blanks, and the languages that print it so.
pub(super) type Row = (&'static str, Label, &'static [Language]);

/// Every label that some server prints, sorted by its bytes.
///
/// Taken from the servers' own catalogs, `postgres-15.mo` to `postgres-18.mo`; some words are those of older
/// ones. Georgian has one word for `NOTICE` and `WARNING`; it stands for the more serious one. Turkish puts
/// no blanks behind some of its labels.
///
/// A server that is started without a language prints Russian and Ukrainian in Latin letters before it
/// knows the database, as iconv puts them; so do `SQL_ASCII` databases.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("ADVERTÊNCIA:  ", Label::Level(Level::Warning), &[Language::BrazilianPortuguese]),
    ("ANFRAGE:  ", Label::Query, &[Language::German]),
    ("ANWEISUNG:  ", Label::Statement, &[Language::German]),
    ("ASTUCE :  ", Label::Hint, &[Language::French]),
    ("ATTENTION:  ", Label::Level(Level::Warning), &[Language::French]),
    ("ATTENZIONE:  ", Label::Level(Level::Warning), &[Language::Italian]),
    ("AVISO:  ", Label::Level(Level::Warning), &[Language::BrazilianPortuguese]),
    ("AYRINTI:", Label::Detail, &[Language::Turkish]),
    ("BACKTRACE:  ", Label::Backtrace, &[Language::English, Language::German, Language::Spanish, Language::Italian, Language::Polish, Language::BrazilianPortuguese, Language::Swedish, Language::Turkish]),
    ("BAĞLAM:  ", Label::Context, &[Language::Turkish]),
    ("BİLGİ:  ", Label::Level(Level::Info), &[Language::Turkish]),
    ("BŁĄD:  ", Label::Level(Level::Error), &[Language::Polish]),
    ("COMANDO:  ", Label::Statement, &[Language::BrazilianPortuguese]),
    ("CONSULTA:  ", Label::Query, &[Language::Spanish, Language::BrazilianPortuguese]),
    ("CONTESTO:  ", Label::Context, &[Language::Italian]),
    ("CONTEXT:  ", Label::Context, &[Language::English]),
    ("CONTEXTE :  ", Label::Context, &[Language::French]),
    ("CONTEXTO:  ", Label::Context, &[Language::Spanish, Language::BrazilianPortuguese]),
    ("DEBUG1:  ", Label::Level(Level::Debug1), &[Language::English]),
    ("DEBUG2:  ", Label::Level(Level::Debug2), &[Language::English]),
    ("DEBUG3:  ", Label::Level(Level::Debug3), &[Language::English]),
    ("DEBUG4:  ", Label::Level(Level::Debug4), &[Language::English]),
    ("DEBUG5:  ", Label::Level(Level::Debug5), &[Language::English]),
    ("DEBUG:  ", Label::Level(Level::Debug), &[Language::English, Language::German, Language::Spanish, Language::French, Language::Italian, Language::Japanese, Language::Polish, Language::Swedish, Language::Turkish, Language::Indonesian]),
    ("DEPURAÇÃO:  ", Label::Level(Level::Debug), &[Language::BrazilianPortuguese]),
    ("DETAIL:  ", Label::Detail, &[Language::English, Language::German]),
    ("DETALHE:  ", Label::Detail, &[Language::BrazilianPortuguese]),
    ("DETALJ:  ", Label::Detail, &[Language::Swedish]),
    ("DETALLE:  ", Label::Detail, &[Language::Spanish]),
    ("DETIL:  ", Label::Detail, &[Language::Indonesian]),
    ("DETTAGLI:  ", Label::Detail, &[Language::Italian]),
    ("DICA:  ", Label::Hint, &[Language::BrazilianPortuguese]),
    ("DZIENNIK:  ", Label::Level(Level::Log), &[Language::Polish]),
    ("DÉTAIL :  ", Label::Detail, &[Language::French]),
    ("DÉTAIL:  ", Label::Detail, &[Language::French]),
    ("EMPLACEMENT :  ", Label::Location, &[Language::French]),
    ("ERREUR:  ", Label::Level(Level::Error), &[Language::French]),
    ("ERRO:  ", Label::Level(Level::Error), &[Language::BrazilianPortuguese]),
    ("ERROR:  ", Label::Level(Level::Error), &[Language::English, Language::Spanish, Language::Japanese, Language::Indonesian]),
    ("ERRORE:  ", Label::Level(Level::Error), &[Language::Italian]),
    ("FATAL:  ", Label::Level(Level::Fatal), &[Language::English, Language::German, Language::Spanish, Language::French, Language::Japanese, Language::BrazilianPortuguese, Language::Indonesian]),
    ("FATALE:  ", Label::Level(Level::Fatal), &[Language::Italian]),
    ("FATALT:  ", Label::Level(Level::Fatal), &[Language::Swedish]),
    ("FATAL`NO:  ", Label::Level(Level::Fatal), &[Language::Ukrainian]),
    ("FEHLER:  ", Label::Level(Level::Error), &[Language::German]),
    ("FEL:  ", Label::Level(Level::Error), &[Language::Swedish]),
    ("FRÅGA:  ", Label::Query, &[Language::Swedish]),
    ("HATA:  ", Label::Level(Level::Error), &[Language::Turkish]),
    ("HINT:  ", Label::Hint, &[Language::English, Language::Spanish]),
    ("HINWEIS:  ", Label::Level(Level::Notice), &[Language::German]),
    ("INFO:  ", Label::Level(Level::Info), &[Language::English, Language::German, Language::Spanish, Language::French, Language::Italian, Language::Japanese, Language::BrazilianPortuguese, Language::Swedish, Language::Indonesian]),
    ("INFORMACJA:  ", Label::Level(Level::Info), &[Language::Polish]),
    ("INFORMACZIYA:  ", Label::Level(Level::Info), &[Language::Ukrainian, Language::Russian]),
    ("INSTRUCTION :  ", Label::Statement, &[Language::French]),
    ("INSTRUKCZIYA:  ", Label::Statement, &[Language::Ukrainian]),
    ("INSTRUÇÂO:  ", Label::Statement, &[Language::BrazilianPortuguese]),
    ("ISTRUZIONE:  ", Label::Statement, &[Language::Italian]),
    ("KATASTROFALNY:  ", Label::Level(Level::Fatal), &[Language::Polish]),
    ("KOMUT:  ", Label::Statement, &[Language::Turkish]),
    ("KONTEKS:  ", Label::Context, &[Language::Indonesian]),
    ("KONTEKST:  ", Label::Context, &[Language::Polish, Language::Russian, Language::Ukrainian]),
    ("KONTEXT:  ", Label::Context, &[Language::Swedish]),
    ("KRİTİK:  ", Label::Level(Level::Panic), &[Language::Turkish]),
    ("LOCAL:  ", Label::Location, &[Language::BrazilianPortuguese]),
    ("LOCATION:  ", Label::Location, &[Language::English, Language::Turkish]),
    ("LOG:  ", Label::Level(Level::Log), &[Language::English, Language::German, Language::Spanish, Language::French, Language::Italian, Language::Japanese, Language::BrazilianPortuguese, Language::Turkish, Language::Indonesian]),
    ("LOGG:  ", Label::Level(Level::Log), &[Language::Swedish]),
    ("LOKASI:  ", Label::Location, &[Language::Indonesian]),
    ("NALAGODZHENNYA:  ", Label::Level(Level::Debug), &[Language::Ukrainian]),
    ("NOT:  ", Label::Level(Level::Notice), &[Language::Turkish]),
    ("NOTA:  ", Label::Level(Level::Notice), &[Language::BrazilianPortuguese]),
    ("NOTICE:  ", Label::Level(Level::Notice), &[Language::English, Language::Spanish, Language::French, Language::Japanese, Language::Indonesian]),
    ("NOTIFICA:  ", Label::Level(Level::Notice), &[Language::Italian]),
    ("NOTIS:  ", Label::Level(Level::Notice), &[Language::Swedish]),
    ("OPERATOR:  ", Label::Statement, &[Language::Russian]),
    ("ORT:  ", Label::Location, &[Language::German]),
    ("ORTAM:", Label::Context, &[Language::Turkish]),
    ("OSHIBKA:  ", Label::Level(Level::Error), &[Language::Russian]),
    ("OSTRZEŻENIE:  ", Label::Level(Level::Warning), &[Language::Polish]),
    ("OTLADKA:  ", Label::Level(Level::Debug), &[Language::Russian]),
    ("PANIC:  ", Label::Level(Level::Panic), &[Language::English, Language::Spanish, Language::French, Language::Japanese]),
    ("PANICO:  ", Label::Level(Level::Panic), &[Language::Italian]),
    ("PANIK:  ", Label::Level(Level::Panic), &[Language::German, Language::Swedish, Language::Indonesian]),
    ("PANIKA:  ", Label::Level(Level::Panic), &[Language::Polish, Language::Ukrainian, Language::Russian]),
    ("PERINGATAN:  ", Label::Level(Level::Warning), &[Language::Indonesian]),
    ("PERNYATAAN:  ", Label::Statement, &[Language::Indonesian]),
    ("PETUNJUK :  ", Label::Hint, &[Language::Indonesian]),
    ("PILE D'APPEL : ", Label::Backtrace, &[Language::French]),
    ("PILHA DE CHAMADAS:  ", Label::Backtrace, &[Language::BrazilianPortuguese]),
    ("PLATS:  ", Label::Location, &[Language::Swedish]),
    ("PODPOWIEDŹ:  ", Label::Hint, &[Language::Polish]),
    ("PODROBNOSTI:  ", Label::Detail, &[Language::Russian]),
    ("PODSKAZKA:  ", Label::Hint, &[Language::Russian]),
    ("POLOZHENIE: ", Label::Location, &[Language::Russian]),
    ("POMILKA:  ", Label::Level(Level::Error), &[Language::Ukrainian]),
    ("POPEREDZHENNYA:  ", Label::Level(Level::Warning), &[Language::Ukrainian]),
    ("POSIZIONE:  ", Label::Location, &[Language::Italian]),
    ("POVIDOMLENNYA:  ", Label::Level(Level::Notice), &[Language::Ukrainian]),
    ("POZYCJA:  ", Label::Location, &[Language::Polish]),
    ("PREDUPREZHDENIE:  ", Label::Level(Level::Warning), &[Language::Russian]),
    ("PÂNICO:  ", Label::Level(Level::Panic), &[Language::BrazilianPortuguese]),
    ("QUERY :  ", Label::Query, &[Language::Indonesian]),
    ("QUERY:  ", Label::Query, &[Language::English, Language::Italian]),
    ("REQUÊTE :  ", Label::Query, &[Language::French]),
    ("ROZTASHUVANNYA:  ", Label::Location, &[Language::Ukrainian]),
    ("SATS:  ", Label::Statement, &[Language::Swedish]),
    ("SENTENCIA:  ", Label::Statement, &[Language::Spanish]),
    ("SOOBSHHENIE:  ", Label::Level(Level::Log), &[Language::Russian]),
    ("SORGU:", Label::Query, &[Language::Turkish]),
    ("STATEMENT:  ", Label::Statement, &[Language::English]),
    ("STEK:  ", Label::Backtrace, &[Language::Russian]),
    ("SUGGERIMENTO:  ", Label::Hint, &[Language::Italian]),
    ("SZCZEGÓŁY:  ", Label::Detail, &[Language::Polish]),
    ("TIPP:  ", Label::Hint, &[Language::German]),
    ("TIPS:  ", Label::Hint, &[Language::Swedish]),
    ("UBICACIÓN:  ", Label::Location, &[Language::Spanish]),
    ("UKAZIVKA:  ", Label::Hint, &[Language::Ukrainian]),
    ("UWAGA:  ", Label::Level(Level::Notice), &[Language::Polish]),
    ("UYARI:  ", Label::Level(Level::Warning), &[Language::Turkish]),
    ("VARNING:  ", Label::Level(Level::Warning), &[Language::Swedish]),
    ("VAZHNO:  ", Label::Level(Level::Fatal), &[Language::Russian]),
    ("VIDOMOSTI:  ", Label::Detail, &[Language::Ukrainian]),
    ("VIDSTEZHUVATI:  ", Label::Backtrace, &[Language::Ukrainian]),
    ("WARNING:  ", Label::Level(Level::Warning), &[Language::English, Language::Spanish, Language::Japanese]),
    ("WARNUNG:  ", Label::Level(Level::Warning), &[Language::German]),
    ("WYRAŻENIE:  ", Label::Statement, &[Language::Polish]),
    ("YER: ", Label::Location, &[Language::Turkish]),
    ("ZAMECHANIE:  ", Label::Level(Level::Notice), &[Language::Russian]),
    ("ZAPISUVANNYA:  ", Label::Level(Level::Log), &[Language::Ukrainian]),
    ("ZAPIT:  ", Label::Query, &[Language::Ukrainian]),
    ("ZAPROS:  ", Label::Query, &[Language::Russian]),
    ("ZAPYTANIE:  ", Label::Query, &[Language::Polish]),
    ("ZUSAMMENHANG:  ", Label::Context, &[Language::German]),
    ("ÖLÜMCÜL (FATAL):  ", Label::Level(Level::Fatal), &[Language::Turkish]),
    ("İFADE:  ", Label::Statement, &[Language::Turkish]),
    ("İPUCU:", Label::Hint, &[Language::Turkish]),
    ("ІНСТРУКЦІЯ:  ", Label::Statement, &[Language::Ukrainian]),
    ("ІНФОРМАЦІЯ:  ", Label::Level(Level::Info), &[Language::Ukrainian]),
    ("ВІДОМОСТІ:  ", Label::Detail, &[Language::Ukrainian]),
    ("ВІДСТЕЖУВАТИ:  ", Label::Backtrace, &[Language::Ukrainian]),
    ("ВАЖНО:  ", Label::Level(Level::Fatal), &[Language::Russian]),
    ("ЗАМЕЧАНИЕ:  ", Label::Level(Level::Notice), &[Language::Russian]),
    ("ЗАПИСУВАННЯ:  ", Label::Level(Level::Log), &[Language::Ukrainian]),
    ("ЗАПИТ:  ", Label::Query, &[Language::Ukrainian]),
    ("ЗАПРОС:  ", Label::Query, &[Language::Russian]),
    ("ИНФОРМАЦИЯ:  ", Label::Level(Level::Info), &[Language::Russian]),
    ("КОНТЕКСТ:  ", Label::Context, &[Language::Russian, Language::Ukrainian]),
    ("НАЛАГОДЖЕННЯ:  ", Label::Level(Level::Debug), &[Language::Ukrainian]),
    ("ОПЕРАТОР:  ", Label::Statement, &[Language::Russian]),
    ("ОТЛАДКА:  ", Label::Level(Level::Debug), &[Language::Russian]),
    ("ОШИБКА:  ", Label::Level(Level::Error), &[Language::Russian]),
    ("ПАНІКА:  ", Label::Level(Level::Panic), &[Language::Ukrainian]),
    ("ПАНИКА:  ", Label::Level(Level::Panic), &[Language::Russian]),
    ("ПОВІДОМЛЕННЯ:  ", Label::Level(Level::Notice), &[Language::Ukrainian]),
    ("ПОДРОБНОСТИ:  ", Label::Detail, &[Language::Russian]),
    ("ПОДСКАЗКА:  ", Label::Hint, &[Language::Russian]),
    ("ПОЛОЖЕНИЕ: ", Label::Location, &[Language::Russian]),
    ("ПОМИЛКА:  ", Label::Level(Level::Error), &[Language::Ukrainian]),
    ("ПОПЕРЕДЖЕННЯ:  ", Label::Level(Level::Warning), &[Language::Ukrainian]),
    ("ПРЕДУПРЕЖДЕНИЕ:  ", Label::Level(Level::Warning), &[Language::Russian]),
    ("РОЗТАШУВАННЯ:  ", Label::Location, &[Language::Ukrainian]),
    ("СООБЩЕНИЕ:  ", Label::Level(Level::Log), &[Language::Russian]),
    ("СТЕК:  ", Label::Backtrace, &[Language::Russian]),
    ("УКАЗІВКА:  ", Label::Hint, &[Language::Ukrainian]),
    ("ФАТАЛЬНО:  ", Label::Level(Level::Fatal), &[Language::Ukrainian]),
    ("გამართვა:  ", Label::Level(Level::Debug), &[Language::Georgian]),
    ("გაფრთხილება:  ", Label::Level(Level::Warning), &[Language::Georgian]),
    ("დეტალები:  ", Label::Detail, &[Language::Georgian]),
    ("ინფორმაცია:  ", Label::Level(Level::Info), &[Language::Georgian]),
    ("კონტექსტი:  ", Label::Context, &[Language::Georgian]),
    ("მდებარეობა:   ", Label::Location, &[Language::Georgian]),
    ("მინიშნება:  ", Label::Hint, &[Language::Georgian]),
    ("მოთხოვნა:  ", Label::Query, &[Language::Georgian]),
    ("ოპერატორი:  ", Label::Statement, &[Language::Georgian]),
    ("პანიკა:  ", Label::Level(Level::Panic), &[Language::Georgian]),
    ("ჟურნალი:  ", Label::Level(Level::Log), &[Language::Georgian]),
    ("სტეკი:  ", Label::Backtrace, &[Language::Georgian]),
    ("ფატალური:  ", Label::Level(Level::Fatal), &[Language::Georgian]),
    ("შეცდომა:  ", Label::Level(Level::Error), &[Language::Georgian]),
    ("バックトレース:  ", Label::Backtrace, &[Language::Japanese]),
    ("ヒント:  ", Label::Hint, &[Language::Japanese]),
    ("上下文:  ", Label::Context, &[Language::SimplifiedChinese, Language::TraditionalChinese]),
    ("位置:  ", Label::Location, &[Language::SimplifiedChinese, Language::TraditionalChinese]),
    ("信息:  ", Label::Level(Level::Info), &[Language::SimplifiedChinese]),
    ("問い合わせ:  ", Label::Query, &[Language::Japanese]),
    ("嚴重錯誤:  ", Label::Level(Level::Panic), &[Language::TraditionalChinese]),
    ("回溯:  ", Label::Backtrace, &[Language::SimplifiedChinese, Language::TraditionalChinese]),
    ("場所:  ", Label::Location, &[Language::Japanese]),
    ("提示:  ", Label::Hint, &[Language::SimplifiedChinese, Language::TraditionalChinese]),
    ("文:  ", Label::Statement, &[Language::Japanese]),
    ("文脈:  ", Label::Context, &[Language::Japanese]),
    ("日志:  ", Label::Level(Level::Log), &[Language::SimplifiedChinese]),
    ("日誌:  ", Label::Level(Level::Log), &[Language::TraditionalChinese]),
    ("查詢:  ", Label::Query, &[Language::TraditionalChinese]),
    ("查询:  ", Label::Query, &[Language::SimplifiedChinese]),
    ("比致命错误还过分的错误:  ", Label::Level(Level::Panic), &[Language::SimplifiedChinese]),
    ("注意:  ", Label::Level(Level::Notice), &[Language::SimplifiedChinese, Language::TraditionalChinese]),
    ("灾难性错误:  ", Label::Level(Level::Panic), &[Language::SimplifiedChinese]),
    ("致命錯誤:  ", Label::Level(Level::Fatal), &[Language::TraditionalChinese]),
    ("致命错误:  ", Label::Level(Level::Fatal), &[Language::SimplifiedChinese]),
    ("詳情:  ", Label::Detail, &[Language::TraditionalChinese]),
    ("詳細:  ", Label::Detail, &[Language::Japanese]),
    ("警告:  ", Label::Level(Level::Warning), &[Language::SimplifiedChinese, Language::TraditionalChinese]),
    ("详情:  ", Label::Detail, &[Language::SimplifiedChinese]),
    ("详细信息:  ", Label::Detail, &[Language::SimplifiedChinese]),
    ("详细资料:  ", Label::Detail, &[Language::SimplifiedChinese]),
    ("语句:  ", Label::Statement, &[Language::SimplifiedChinese]),
    ("调试:  ", Label::Level(Level::Debug), &[Language::SimplifiedChinese]),
    ("資訊:  ", Label::Level(Level::Info), &[Language::TraditionalChinese]),
    ("錯誤:  ", Label::Level(Level::Error), &[Language::TraditionalChinese]),
    ("错误:  ", Label::Level(Level::Error), &[Language::SimplifiedChinese]),
    ("除錯:  ", Label::Level(Level::Debug), &[Language::TraditionalChinese]),
    ("陳述式:  ", Label::Statement, &[Language::TraditionalChinese]),
    ("경고:  ", Label::Level(Level::Warning), &[Language::Korean]),
    ("내용:  ", Label::Context, &[Language::Korean]),
    ("디버그:  ", Label::Level(Level::Debug), &[Language::Korean]),
    ("로그:  ", Label::Level(Level::Log), &[Language::Korean]),
    ("명령 구문:  ", Label::Statement, &[Language::Korean]),
    ("상세정보:  ", Label::Detail, &[Language::Korean]),
    ("손상:  ", Label::Level(Level::Panic), &[Language::Korean]),
    ("알림:  ", Label::Level(Level::Notice), &[Language::Korean]),
    ("역추적:  ", Label::Backtrace, &[Language::Korean]),
    ("오류:  ", Label::Level(Level::Error), &[Language::Korean]),
    ("위치: ", Label::Location, &[Language::Korean]),
    ("정보:  ", Label::Level(Level::Info), &[Language::Korean]),
    ("치명적오류:  ", Label::Level(Level::Fatal), &[Language::Korean]),
    ("쿼리:", Label::Query, &[Language::Korean]),
    ("힌트:  ", Label::Hint, &[Language::Korean]),
];

/// Finds the label at the start of a text. Returns its row and its length in the text.
pub(super) fn find(text: &str) -> Option<(&'static Row, usize)> {
    let (row, length) = find_row(text)?;
    // Some majors put blanks where others have none.
    let has_blanks = row.0.ends_with(':') && text.get(length..)?.starts_with("  ");
    Some((row, length + if has_blanks { 2 } else { 0 }))
}

fn find_row(text: &str) -> Option<(&'static Row, usize)> {
    let first = *text.as_bytes().first()?;
    if !FIRST_BYTES.get(usize::from(first)).copied().unwrap_or(false) {
        return None;
    }
    let bytes = text.as_bytes();
    let colon = memchr::memchr(b':', bytes.get(..MAX_LABEL_BYTES).unwrap_or(bytes))?;
    let start = ROWS.partition_point(|row| first_byte(row) < first);
    let of_first_byte = ROWS.get(start..)?.iter().take_while(|row| first_byte(row) == first);
    // No label is the beginning of another one: each ends with its colon.
    let has_colon = |row: &&Row| row.0.as_bytes().get(colon) == Some(&b':');
    let mut found = of_first_byte.filter(has_colon).filter(|row| text.starts_with(row.0));
    found.next().map(|row| (row, row.0.len())).or_else(|| find_damaged(text))
}

fn first_byte(row: &Row) -> u8 {
    row.0.as_bytes().first().copied().unwrap_or_default()
}

/// The bytes that a label, whole or damaged, can begin with.
const FIRST_BYTES: [bool; 256] = first_bytes();

#[expect(clippy::indexing_slicing, reason = "a constant is computed when the crate is compiled")]
const fn first_bytes() -> [bool; 256] {
    let mut bytes = [false; 256];
    let mut at = 0;
    while at < ROWS.len() {
        bytes[ROWS[at].0.as_bytes()[0] as usize] = true;
        at += 1;
    }
    bytes[b'?' as usize] = true;
    // U+FFFD
    bytes[0xef] = true;
    bytes
}

/// The longest label in bytes, and some.
const MAX_LABEL_BYTES: usize = 80;

/// Finds a label whose letters beyond ASCII were lost. Two letters must be left to know it by.
fn find_damaged(text: &str) -> Option<(&'static Row, usize)> {
    let head = text.get(..text.floor_char_boundary(MAX_LABEL_BYTES))?;
    let head = head.split(':').next()?;
    if !head.contains(['?', REPLACEMENT]) {
        return None;
    }
    let mut found = SURVIVORS
        .iter()
        .filter_map(|row| Some((*row, damaged_length(row.0.chars(), text.chars())?)));
    let first = found.next()?;
    // Two words that look the same with their letters lost.
    found.all(|(row, _)| row.1 == first.0.1).then_some(first)
}

/// The labels that can be known so.
static SURVIVORS: LazyLock<Vec<&Row>> =
    LazyLock::new(|| ROWS.iter().filter(|row| survives_damage(row.0)).collect());

/// Tells whether a word can be known with its letters beyond ASCII lost.
fn survives_damage(word: &str) -> bool {
    !word.is_ascii() && word.bytes().filter(u8::is_ascii_uppercase).count() >= 2
}

/// Finds the level that a language calls `name`; with no language, the one that most of them do.
pub(super) fn level(name: &str, preferred: Option<Language>) -> Option<Level> {
    let named = |row: &Row| {
        let Label::Level(level) = row.1 else { return None };
        (row.0.strip_suffix(":  ") == Some(name)).then_some(level)
    };
    let of_language = |row: &&Row| preferred.is_none_or(|language| row.2.contains(&language));
    ROWS.iter().filter(of_language).find_map(named).or_else(|| ROWS.iter().find_map(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_no_label_begins_another() {
        for pair in ROWS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{pair:?}");
            assert!(!pair[1].0.starts_with(pair[0].0), "{pair:?}");
        }
    }

    #[test]
    fn every_label_is_found() {
        for row in ROWS {
            let text = format!("{}rest: of it", row.0);
            assert_eq!(find(&text), Some((row, row.0.len())));
        }
    }

    #[test]
    fn lost_letters_do_not_hide_a_label() {
        for (text, label) in [
            ("D?TAIL:  x", Label::Detail),
            ("D\u{fffd}TAIL:  x", Label::Detail),
            ("REQU?TE :  x", Label::Query),
            ("UBICACI\u{fffd}N:  x", Label::Location),
            ("?PUCU:  x", Label::Hint),
        ] {
            let (row, length) = find(text).unwrap();
            assert_eq!((row.1, &text[length..]), (label, "x"), "{text}");
        }
        assert_eq!(find("??:  x"), None, "nothing is left to know it by");
        assert_eq!(find("D?TALL:  x"), None);
    }
}
