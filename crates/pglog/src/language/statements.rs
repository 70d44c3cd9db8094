//! Messages about statements and their durations, in every language.

use std::sync::LazyLock;

use crate::entry::Phase;
use crate::language::{
    Language,
    damaged::{REPLACEMENT, REPLACEMENT_LEAD, damaged_length},
};

/// How one language words one kind of message: `head NUMBER behind_number NAME behind_name SQL`.
///
/// Without a `behind_name` the message has no name; without a `head` it has no duration; without a
/// `phase` it ends behind the duration.
#[derive(Debug)]
struct Wording {
    language: Language,
    phase: Option<Phase>,
    head: &'static str,
    behind_number: &'static str,
    behind_name: Option<&'static str>,
}

const fn wording(
    language: Language,
    phase: Option<Phase>,
    [head, behind_number]: [&'static str; 2],
    behind_name: Option<&'static str>,
) -> Wording {
    Wording { language, phase, head, behind_number, behind_name }
}

/// A message about a statement, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementMessage<'a> {
    /// The language that it is in.
    pub language: Language,
    /// Milliseconds with three decimals. `None` for the messages of `log_statement`.
    pub duration: Option<&'a str>,
    /// `None` where there is nothing but a duration.
    pub phase: Option<Phase>,
    /// The prepared statement, with its portal behind a slash; `<unnamed>` too.
    pub name: Option<&'a str>,
    /// The SQL.
    pub statement: Option<&'a str>,
}

/// Takes a message of `log_statement`, `log_duration` or `log_min_duration_statement` apart. `None` for any
/// other message.
///
/// ```
/// use pglog::{Language, Phase, statement_message};
///
/// let read = statement_message("durée : 0.123 ms, lien s1 : SELECT $1").expect("a duration");
/// assert_eq!(read.language, Language::French);
/// assert_eq!((read.duration, read.phase), (Some("0.123"), Some(Phase::Bind)));
/// assert_eq!((read.name, read.statement), (Some("s1"), Some("SELECT $1")));
/// ```
#[must_use]
pub fn statement_message(message: &str) -> Option<StatementMessage<'_>> {
    let [first, second, ..] = *message.as_bytes() else { return None };
    let start = usize::from(*STARTS.get(usize::from(first))?);
    let alike = FIRST_BYTES.get(start..)?.iter().zip(WORDINGS.get(start..)?);
    // Most messages that begin with the same letter go on with another one.
    alike
        .take_while(|(bytes, _)| bytes[0] == first)
        .filter(|(bytes, _)| bytes[1] == second)
        .find_map(|(_, wording)| wording.read(message, strip_whole))
        .or_else(|| damaged_message(message))
}

/// How far behind the start of a message it is worded, names aside.
const MAX_WORDING_BYTES: usize = 80;

/// The same where letters beyond ASCII were lost.
fn damaged_message(message: &str) -> Option<StatementMessage<'_>> {
    let head = message.get(..message.floor_char_boundary(MAX_WORDING_BYTES))?;
    let first = *head.as_bytes().first()?;
    memchr::memchr2(b'?', REPLACEMENT_LEAD, head.as_bytes())?;
    if !head.contains(['?', REPLACEMENT]) {
        return None;
    }
    let may_be_lost = matches!(first, b'?' | REPLACEMENT_LEAD);
    // Most wordings show in their first letter that they are other ones.
    let mut alike =
        DAMAGEABLE.iter().filter(|(start, _)| *start == first || may_be_lost && !start.is_ascii());
    alike.find_map(|(_, wording)| wording.read(message, strip_damaged))
}

/// The wordings that can be known with their letters beyond ASCII lost, and their first bytes.
static DAMAGEABLE: LazyLock<Vec<(u8, &Wording)>> = LazyLock::new(|| {
    let all = FIRST_BYTES.iter().map(|bytes| bytes[0]).zip(WORDINGS);
    all.filter(|(_, wording)| wording.survives_damage()).collect()
});

/// Takes a word off the start of a text.
type Strip = for<'a> fn(&'a str, &str) -> Option<&'a str>;

fn strip_whole<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.strip_prefix(word)
}

fn strip_damaged<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.get(damaged_length(word.chars(), text.chars())?..)
}

impl Wording {
    /// Tells whether it can be known with its letters beyond ASCII lost.
    fn survives_damage(&self) -> bool {
        let letters = || self.head.chars().chain(self.behind_number.chars());
        let lost = letters().filter(|letter| !letter.is_ascii()).count();
        lost > 0 && letters().filter(char::is_ascii_alphabetic).count() >= lost * 2
    }

    fn read<'a>(&self, message: &'a str, strip: Strip) -> Option<StatementMessage<'a>> {
        let rest = strip(message, self.head)?;
        let digits = match self.head {
            "" => 0,
            _ => rest.bytes().position(|b| !b.is_ascii_digit() && b != b'.')?,
        };
        let (number, rest) = rest.split_at_checked(digits)?;
        let rest = strip(rest, self.behind_number)?;
        let (name, statement) = match (self.phase, self.behind_name) {
            (None, _) if !rest.is_empty() => return None,
            (None, _) => (None, None),
            (Some(_), None) => (None, Some(rest)),
            (Some(_), Some(behind)) => {
                let (name, statement) = rest.split_once(behind)?;
                (Some(name), Some(statement))
            }
        };
        let duration = (!number.is_empty()).then_some(number);
        Some(StatementMessage {
            language: self.language,
            duration,
            phase: self.phase,
            name,
            statement,
        })
    }
}

/// The first two bytes of each wording.
const FIRST_BYTES: [[u8; 2]; WORDINGS.len()] = first_bytes();

#[expect(clippy::indexing_slicing, reason = "a constant is computed when the crate is compiled")]
const fn first_bytes() -> [[u8; 2]; WORDINGS.len()] {
    let mut bytes = [[0; 2]; WORDINGS.len()];
    let mut at = 0;
    while at < WORDINGS.len() {
        let Wording { head, behind_number, .. } = WORDINGS[at];
        let text = if head.is_empty() { behind_number } else { head };
        bytes[at] = [text.as_bytes()[0], text.as_bytes()[1]];
        at += 1;
    }
    bytes
}

/// Where the wordings are that begin with a byte; behind them all where none does.
const STARTS: [u8; 256] = starts();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a constant is computed when the crate is compiled, from a short list"
)]
const fn starts() -> [u8; 256] {
    let mut starts = [WORDINGS.len() as u8; 256];
    let mut at = WORDINGS.len();
    while at > 0 {
        at -= 1;
        starts[FIRST_BYTES[at][0] as usize] = at as u8;
    }
    starts
}

/// Sorted by their first byte, the longest first, because some begin others.
///
/// Taken from the servers' own catalogs, `postgres-15.mo` to `postgres-18.mo`: the translations
/// of `duration: %s ms`, `duration: %s ms  statement: %s` and their like.
#[rustfmt::skip]
const WORDINGS: &[Wording] = &[
    wording(Language::German, Some(Phase::Execute), ["", "Ausführen Fetch von "], Some(": ")),
    wording(Language::German, Some(Phase::Statement), ["", "Anweisung: "], None),
    wording(Language::German, Some(Phase::Execute), ["", "Ausführen "], Some(": ")),
    wording(Language::German, Some(Phase::Execute), ["Dauer: ", " ms  Ausführen Fetch von "], Some(": ")),
    wording(Language::German, Some(Phase::Statement), ["Dauer: ", " ms  Anweisung: "], None),
    wording(Language::German, Some(Phase::Execute), ["Dauer: ", " ms  Ausführen "], Some(": ")),
    wording(Language::German, Some(Phase::Bind), ["Dauer: ", " ms  Binden "], Some(": ")),
    wording(Language::German, Some(Phase::Parse), ["Dauer: ", " ms  Parsen "], Some(": ")),
    wording(Language::German, None, ["Dauer: ", " ms"], None),
    wording(Language::Polish, Some(Phase::Execute), ["czas trwania: ", " ms  wykonanie pobrania z "], Some(": ")),
    wording(Language::Polish, Some(Phase::Statement), ["czas trwania: ", " ms  wyrażenie: "], None),
    wording(Language::Polish, Some(Phase::Bind), ["czas trwania: ", " ms  dowiązanie "], Some(": ")),
    wording(Language::Polish, Some(Phase::Parse), ["czas trwania: ", " ms  parsowanie "], Some(": ")),
    wording(Language::Polish, Some(Phase::Execute), ["czas trwania: ", " ms  wykonanie "], Some(": ")),
    wording(Language::Polish, None, ["czas trwania: ", " ms"], None),
    wording(Language::BrazilianPortuguese, Some(Phase::Statement), ["", "comando: "], None),
    wording(Language::French, Some(Phase::Execute), ["durée : ", " ms  exécute fetch à partir de "], Some(": ")),
    wording(Language::Indonesian, Some(Phase::Execute), ["durasi: ", " ms  menjalankan 'fetch' dari "], Some(": ")),
    wording(Language::Spanish, Some(Phase::Execute), ["duración: ", " ms  ejecutar fetch desde "], Some(": ")),
    wording(Language::Italian, Some(Phase::Execute), ["durata: ", " ms  esecuzione di fetch da "], Some(": ")),
    wording(Language::English, Some(Phase::Execute), ["duration: ", " ms  execute fetch from "], Some(": ")),
    wording(Language::BrazilianPortuguese, Some(Phase::Execute), ["duração: ", " ms  executar busca de "], Some(": ")),
    wording(Language::BrazilianPortuguese, Some(Phase::Statement), ["duração: ", " ms  instrução: "], None),
    wording(Language::French, Some(Phase::Statement), ["durée : ", " ms, instruction : "], None),
    wording(Language::BrazilianPortuguese, Some(Phase::Parse), ["duração: ", " ms  análise de "], Some(": ")),
    wording(Language::Italian, Some(Phase::Execute), ["durata: ", " ms  esecuzione di "], Some(": ")),
    wording(Language::Spanish, Some(Phase::Statement), ["duración: ", " ms  sentencia: "], None),
    wording(Language::English, Some(Phase::Statement), ["duration: ", " ms  statement: "], None),
    wording(Language::BrazilianPortuguese, Some(Phase::Bind), ["duração: ", " ms  ligação "], Some(": ")),
    wording(Language::Spanish, Some(Phase::Execute), ["duración: ", " ms  ejecutar "], Some(": ")),
    wording(Language::Italian, Some(Phase::Statement), ["durata: ", " ms  istruzione: "], None),
    wording(Language::Indonesian, Some(Phase::Execute), ["durasi: ", " ms  menjalankan "], Some(": ")),
    wording(Language::BrazilianPortuguese, Some(Phase::Execute), ["duração: ", " ms  executar "], Some(": ")),
    wording(Language::BrazilianPortuguese, Some(Phase::Statement), ["duração: ", " ms  comando: "], None),
    wording(Language::Italian, Some(Phase::Parse), ["durata: ", " ms  analisi di "], Some(": ")),
    wording(Language::English, Some(Phase::Execute), ["duration: ", " ms  execute "], Some(": ")),
    wording(Language::French, Some(Phase::Execute), ["durée : ", " ms  exécute "], Some(": ")),
    wording(Language::Spanish, Some(Phase::Parse), ["duración: ", " ms  parse: "], Some(": ")),
    wording(Language::Indonesian, Some(Phase::Statement), ["durasi: ", " ms, perintah: "], None),
    wording(Language::French, Some(Phase::Parse), ["durée : ", " ms, analyse "], Some(" : ")),
    wording(Language::Spanish, Some(Phase::Bind), ["duración: ", " ms  bind "], Some(": ")),
    wording(Language::English, Some(Phase::Parse), ["duration: ", " ms  parse "], Some(": ")),
    wording(Language::Indonesian, Some(Phase::Parse), ["durasi: ", " ms, memilah "], Some(" : ")),
    wording(Language::English, Some(Phase::Bind), ["duration: ", " ms  bind "], Some(": ")),
    wording(Language::French, Some(Phase::Bind), ["durée : ", " ms, lien "], Some(" : ")),
    wording(Language::Italian, Some(Phase::Bind), ["durata: ", " ms  bind "], Some(": ")),
    wording(Language::Indonesian, Some(Phase::Bind), ["durasi: ", " ms, ikat "], Some(": ")),
    wording(Language::Spanish, None, ["duración: ", " ms"], None),
    wording(Language::BrazilianPortuguese, None, ["duração: ", " ms"], None),
    wording(Language::English, None, ["duration: ", " ms"], None),
    wording(Language::French, None, ["durée : ", " ms"], None),
    wording(Language::Italian, None, ["durata: ", " ms"], None),
    wording(Language::Indonesian, None, ["durasi: ", " ms"], None),
    wording(Language::French, Some(Phase::Execute), ["", "exécute fetch à partir de "], Some(": ")),
    wording(Language::Italian, Some(Phase::Execute), ["", "esecuzione di fetch da "], Some(": ")),
    wording(Language::Spanish, Some(Phase::Execute), ["", "ejecutar fetch desde "], Some(": ")),
    wording(Language::English, Some(Phase::Execute), ["", "execute fetch from "], Some(": ")),
    wording(Language::BrazilianPortuguese, Some(Phase::Execute), ["", "executar busca de "], Some(": ")),
    wording(Language::Italian, Some(Phase::Execute), ["", "esecuzione di "], Some(": ")),
    wording(Language::Spanish, Some(Phase::Execute), ["", "ejecutar "], Some(": ")),
    wording(Language::French, Some(Phase::Execute), ["", "exécute "], Some(": ")),
    wording(Language::BrazilianPortuguese, Some(Phase::Execute), ["", "executar "], Some(": ")),
    wording(Language::English, Some(Phase::Execute), ["", "execute "], Some(": ")),
    wording(Language::French, Some(Phase::Statement), ["", "instruction : "], None),
    wording(Language::BrazilianPortuguese, Some(Phase::Statement), ["", "instrução: "], None),
    wording(Language::Italian, Some(Phase::Statement), ["", "istruzione: "], None),
    wording(Language::Swedish, Some(Phase::Execute), ["", "kör hämtning från "], Some(": ")),
    wording(Language::Turkish, Some(Phase::Statement), ["", "komut: "], None),
    wording(Language::Swedish, Some(Phase::Execute), ["", "kör "], Some(": ")),
    wording(Language::Indonesian, Some(Phase::Execute), ["", "menjalankan 'fetch' dari "], Some(": ")),
    wording(Language::Indonesian, Some(Phase::Execute), ["", "menjalankan "], Some(": ")),
    wording(Language::Indonesian, Some(Phase::Statement), ["", "perintah: "], None),
    wording(Language::Turkish, Some(Phase::Execute), ["süre: ", " ms  execute fetch from "], Some(": ")),
    wording(Language::Turkish, Some(Phase::Statement), ["süre: ", " milisaniye  komut: "], None),
    wording(Language::Turkish, Some(Phase::Parse), ["süre: ", " milisaniye  parse "], Some(": ")),
    wording(Language::Turkish, Some(Phase::Bind), ["süre: ", " milisaniye  bind "], Some(": ")),
    wording(Language::Turkish, Some(Phase::Execute), ["süre: ", " ms  execute "], Some(": ")),
    wording(Language::Turkish, None, ["süre: ", " milisaniye"], None),
    wording(Language::Spanish, Some(Phase::Statement), ["", "sentencia: "], None),
    wording(Language::English, Some(Phase::Statement), ["", "statement: "], None),
    wording(Language::Swedish, Some(Phase::Statement), ["", "sats: "], None),
    wording(Language::Swedish, Some(Phase::Execute), ["varaktighet: ", " ms  kör hämtning från "], Some(": ")),
    wording(Language::Swedish, Some(Phase::Parse), ["varaktighet: ", " ms  parse "], Some(": ")),
    wording(Language::Swedish, Some(Phase::Statement), ["varaktighet: ", " ms  sats: "], None),
    wording(Language::Swedish, Some(Phase::Bind), ["varaktighet: ", " ms  bind "], Some(": ")),
    wording(Language::Swedish, Some(Phase::Execute), ["varaktighet: ", " ms  kör "], Some(": ")),
    wording(Language::Swedish, None, ["varaktighet ", " ms"], None),
    wording(Language::Polish, Some(Phase::Execute), ["", "wykonanie pobrania z "], Some(": ")),
    wording(Language::Polish, Some(Phase::Statement), ["", "wyrażenie: "], None),
    wording(Language::Polish, Some(Phase::Execute), ["", "wykonanie "], Some(": ")),
    wording(Language::Russian, Some(Phase::Bind), ["продолжительность: ", " мс, сообщение Bind "], Some(": ")),
    wording(Language::Russian, Some(Phase::Execute), ["продолжительность: ", " мс  выполнение "], Some(": ")),
    wording(Language::Russian, Some(Phase::Execute), ["продолжительность: ", " мс  выборка из "], Some(": ")),
    wording(Language::Russian, Some(Phase::Statement), ["продолжительность: ", " мс, оператор: "], None),
    wording(Language::Russian, Some(Phase::Parse), ["продолжительность: ", " мс, разбор "], Some(": ")),
    wording(Language::Russian, None, ["продолжительность: ", " мс"], None),
    wording(Language::Ukrainian, Some(Phase::Execute), ["", "виконати витягнення з "], Some(": ")),
    wording(Language::Ukrainian, Some(Phase::Execute), ["", "виконувати "], Some(": ")),
    wording(Language::Russian, Some(Phase::Execute), ["", "выполнение "], Some(": ")),
    wording(Language::Russian, Some(Phase::Execute), ["", "выборка из "], Some(": ")),
    wording(Language::Russian, Some(Phase::Statement), ["", "оператор: "], None),
    wording(Language::Ukrainian, Some(Phase::Statement), ["", "оператор: "], None),
    wording(Language::Ukrainian, Some(Phase::Execute), ["тривалість: ", " мс виконати витягнення з "], Some(": ")),
    wording(Language::Ukrainian, Some(Phase::Bind), ["тривалість: ", " мс, повідомлення bind "], Some(": ")),
    wording(Language::Ukrainian, Some(Phase::Parse), ["тривалість: ", " мс, аналізування "], Some(": ")),
    wording(Language::Ukrainian, Some(Phase::Execute), ["тривалість: ", " мс виконувати "], Some(": ")),
    wording(Language::Ukrainian, Some(Phase::Statement), ["тривалість: ", " мс, оператор: "], None),
    wording(Language::Ukrainian, None, ["тривалість: ", " мс"], None),
    wording(Language::Georgian, Some(Phase::Statement), ["ხანგრძლივობა: ", " მწმ  გამოსახულება: "], None),
    wording(Language::Georgian, Some(Phase::Execute), ["ხანგრძლივობა: ", " მწმs  გაშვება "], Some(": ")),
    wording(Language::Georgian, Some(Phase::Execute), ["ხანგრძლივობა: ", " მწმs  execute fetch from "], Some(": ")),
    wording(Language::Georgian, Some(Phase::Bind), ["ხანგრძლივობა: ", " მწმ  მიბმა "], Some(": ")),
    wording(Language::Georgian, Some(Phase::Parse), ["ხანგრძლივობა: ", " მწმ  "], Some("-ის დამუშავება: ")),
    wording(Language::Georgian, None, ["ხანგრძლივობა: ", " მწმ"], None),
    wording(Language::Georgian, Some(Phase::Statement), ["", "ოპერატორი: "], None),
    wording(Language::Georgian, Some(Phase::Execute), ["", "გაშვება "], Some(": ")),
    wording(Language::TraditionalChinese, Some(Phase::Execute), ["", "執行擷取，來源為 "], Some(": ")),
    wording(Language::Japanese, Some(Phase::Execute), ["", "取り出し実行 "], Some(": ")),
    wording(Language::TraditionalChinese, Some(Phase::Execute), ["", "執行 "], Some(": ")),
    wording(Language::Japanese, Some(Phase::Execute), ["", "実行 "], Some(": ")),
    wording(Language::TraditionalChinese, Some(Phase::Execute), ["持續時間: ", " 毫秒  執行擷取，來源為 "], Some(": ")),
    wording(Language::Japanese, Some(Phase::Execute), ["期間: ", " ミリ秒  取り出し実行 "], Some(": ")),
    wording(Language::SimplifiedChinese, Some(Phase::Execute), ["执行时间: ", " ms 执行FETCH操作"], Some(": ")),
    wording(Language::TraditionalChinese, Some(Phase::Statement), ["持續時間: ", " 毫秒  陳述式: "], None),
    wording(Language::Japanese, Some(Phase::Bind), ["期間: ", " ミリ秒  バインド "], Some(": ")),
    wording(Language::TraditionalChinese, Some(Phase::Execute), ["持續時間: ", " 毫秒  執行 "], Some(": ")),
    wording(Language::TraditionalChinese, Some(Phase::Bind), ["持續時間: ", " 毫秒  繫結 "], Some(": ")),
    wording(Language::TraditionalChinese, Some(Phase::Parse), ["持續時間: ", " 毫秒  解析 "], Some(": ")),
    wording(Language::Japanese, Some(Phase::Parse), ["期間: ", " ミリ秒  パース"], Some(" : ")),
    wording(Language::Japanese, Some(Phase::Execute), ["期間: ", " ミリ秒  実行 "], Some(": ")),
    wording(Language::SimplifiedChinese, Some(Phase::Parse), ["执行时间: ", " ms  解析 "], Some(": ")),
    wording(Language::SimplifiedChinese, Some(Phase::Statement), ["执行时间: ", " ms 语句: "], None),
    wording(Language::Japanese, Some(Phase::Statement), ["期間: ", " ミリ秒  文: "], None),
    wording(Language::SimplifiedChinese, Some(Phase::Execute), ["", "执行提取，来源为 "], Some(": ")),
    wording(Language::SimplifiedChinese, Some(Phase::Execute), ["执行时间: ", " ms 执行"], Some(": ")),
    wording(Language::SimplifiedChinese, Some(Phase::Bind), ["执行时间: ", " ms 绑定"], Some(": ")),
    wording(Language::TraditionalChinese, None, ["持續時間: ", " 毫秒"], None),
    wording(Language::Japanese, None, ["期間: ", " ミリ秒"], None),
    wording(Language::SimplifiedChinese, Some(Phase::Execute), ["", "执行FETCH操作 "], Some(": ")),
    wording(Language::SimplifiedChinese, None, ["执行时间: ", " ms"], None),
    wording(Language::SimplifiedChinese, Some(Phase::Execute), ["", "执行 "], Some(": ")),
    wording(Language::Japanese, Some(Phase::Statement), ["", "文: "], None),
    wording(Language::SimplifiedChinese, Some(Phase::Execute), ["耗时: ", " ms  执行提取，来源为 "], Some(": ")),
    wording(Language::SimplifiedChinese, Some(Phase::Statement), ["耗时: ", " ms  语句: "], None),
    wording(Language::SimplifiedChinese, Some(Phase::Execute), ["耗时: ", " ms  执行 "], Some(": ")),
    wording(Language::SimplifiedChinese, Some(Phase::Bind), ["耗时: ", " ms  绑定 "], Some(": ")),
    wording(Language::SimplifiedChinese, Some(Phase::Parse), ["耗时: ", " ms  解析 "], Some(": ")),
    wording(Language::SimplifiedChinese, None, ["耗时: ", " ms"], None),
    wording(Language::SimplifiedChinese, Some(Phase::Statement), ["", "语句: "], None),
    wording(Language::TraditionalChinese, Some(Phase::Statement), ["", "陳述式: "], None),
    wording(Language::Korean, Some(Phase::Statement), ["", "명령 구문: "], None),
    wording(Language::Korean, Some(Phase::Statement), ["실행시간: ", " ms  명령 구문: "], None),
    wording(Language::Korean, Some(Phase::Execute), ["수행시간: ", " ms  자료뽑기 "], Some(": ")),
    wording(Language::Korean, Some(Phase::Execute), ["수행시간: ", " ms  쿼리실행 "], Some(": ")),
    wording(Language::Korean, Some(Phase::Parse), ["실행시간: ", " ms  "], Some(" 구문분석: ")),
    wording(Language::Korean, Some(Phase::Bind), ["실행시간: ", " ms  "], Some(" 접속: ")),
    wording(Language::Korean, None, ["실행시간: ", " ms"], None),
    wording(Language::Korean, Some(Phase::Execute), ["", "자료뽑기 "], Some(": ")),
    wording(Language::Korean, Some(Phase::Execute), ["", "쿼리실행 "], Some(": ")),
];

/// Returns the bind values of a `DETAIL:`, such as `$1 = '5', $2 = NULL`. `None` for any other detail.
#[must_use]
pub fn parameters_of(detail: &str) -> Option<&str> {
    PARAMETERS.iter().find_map(|label| detail.strip_prefix(label)).or_else(|| {
        // Turkish puts its word behind them.
        detail.strip_suffix(" parametresi").filter(|values| values.starts_with("$1 = "))
    })
}

/// Returns the SQL of the prepared statement of an `EXECUTE` that the server puts into the `DETAIL:`.
/// `None` for any other detail.
#[must_use]
pub fn prepared_statement_of(detail: &str) -> Option<&str> {
    // Nearly all others have bind values.
    if let [b'p' | b'P', b'a', ..] = detail.as_bytes() {
        return None;
    }
    PREPARE.iter().find_map(|label| detail.strip_prefix(label))
}

/// Translations of `parameters: %s` (13 to 16) and `Parameters: %s` (17 and later).
const PARAMETERS: &[&str] = &[
    "Parameter: ",
    "Parameters: ",
    "Parametrar: ",
    "Parámetros: ",
    "parameter: ",
    "parameters: ",
    "parametrar: ",
    "parametri: ",
    "parametry: ",
    "paramètres : ",
    "parámetros: ",
    "parâmetros: ",
    "Параметри: ",
    "Параметры: ",
    "параметри: ",
    "параметры: ",
    "პარამეტრები: ",
    "パラメータ: ",
    "参数: ",
    "參數: ",
    "매개 변수: ",
];

/// Translations of `prepare: %s`.
const PREPARE: &[&str] = &[
    "preparazione: ",
    "préparation : ",
    "Vorbereiten: ",
    "menyiapkan: ",
    "подготовка: ",
    "підготовка: ",
    "preparado: ",
    "przygotuj: ",
    "მომზადება: ",
    "prepare:  ",
    "prepare: ",
    "預備敘述: ",
    "预备语句: ",
    "准备: ",
    "準備: ",
];

/// One message in each wording, whether it has a duration, and its phase.
#[cfg(test)]
pub(crate) fn one_of_each_wording() -> impl Iterator<Item = (String, bool, Option<Phase>)> {
    WORDINGS.iter().map(|Wording { phase, head, behind_number, behind_name, .. }| {
        let has_duration = !head.is_empty();
        let number = if has_duration { "1.234" } else { "" };
        let name = behind_name.map_or_else(String::new, |behind| format!("s1{behind}"));
        (format!("{head}{number}{behind_number}{name}"), has_duration, *phase)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts<'a> = (Option<&'a str>, Option<Phase>, Option<&'a str>, Option<&'a str>);

    fn parts(message: &str) -> Option<Parts<'_>> {
        let read = statement_message(message)?;
        Some((read.duration, read.phase, read.name, read.statement))
    }

    #[test]
    fn every_wording_is_read_back() {
        for wording in WORDINGS {
            let (number, name) = (if wording.head.is_empty() { "" } else { "1.234" }, "s1/p1");
            let mut message = format!("{}{number}{}", wording.head, wording.behind_number);
            if let Some(behind) = wording.behind_name {
                message += &format!("{name}{behind}");
            }
            let sql = wording.phase.map(|_| "SELECT 'a: b'\n, 1");
            message += sql.unwrap_or_default();
            let expected = (
                (!number.is_empty()).then_some(number),
                wording.phase,
                wording.behind_name.map(|_| name),
                sql,
            );
            assert_eq!(parts(&message), Some(expected), "{message}");
        }
    }

    #[test]
    fn lost_letters_do_not_hide_a_duration() {
        for lost in ["?", "\u{fffd}"] {
            for (message, name, statement) in [
                ("durée : 1.234 ms, instruction : SELECT 'é'", None, "SELECT 'é'"),
                ("durée : 1.234 ms  exécute s1: SELECT 1", Some("s1"), "SELECT 1"),
                ("duración: 1.234 ms  sentencia: SELECT 1", None, "SELECT 1"),
                ("Dauer: 1.234 ms  Ausführen s1: SELECT 1", Some("s1"), "SELECT 1"),
            ] {
                let message = message.replace(|c: char| !c.is_ascii(), lost);
                let statement = statement.replace(|c: char| !c.is_ascii(), lost);
                let read = statement_message(&message).unwrap();
                assert_eq!(read.duration, Some("1.234"), "{message}");
                assert_eq!((read.name, read.statement), (name, Some(&*statement)), "{message}");
            }
        }
        assert_eq!(statement_message("??: 1.234 ms  ?: SELECT 1"), None, "nothing is left of it");
    }

    #[test]
    fn details_of_statements_are_read() {
        assert_eq!(parameters_of("Parameters: $1 = 'x'"), Some("$1 = 'x'"));
        assert_eq!(parameters_of("paramètres : $1 = NULL"), Some("$1 = NULL"));
        assert_eq!(parameters_of("$1 = 'a', $2 = '5' parametresi"), Some("$1 = 'a', $2 = '5'"));
        assert_eq!(
            prepared_statement_of("prepare: PREPARE s AS SELECT 1"),
            Some("PREPARE s AS SELECT 1")
        );
        assert_eq!(parameters_of("Key (a)=(1) already exists."), None);
    }

    #[test]
    fn other_messages_are_not_read() {
        for message in ["", "Dauer: lang", "Dauer: 1.000 ms und mehr", "duration: 1 min", "x"] {
            assert_eq!(parts(message), None, "{message}");
        }
    }
}
