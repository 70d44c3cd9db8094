//! How the server says that a session begins.

/// The start of `connection authorized: user=` in the catalogs that the labels come from, and of the same
/// for replication.
const STARTS: [&str; 30] = [
    "connection authorized: ",
    "replication connection authorized: ",
    "Verbindung autorisiert: ",
    "Replikationsverbindung autorisiert: ",
    "conexión autorizada: ",
    "connexion autorisée : ",
    "connessione autorizzata: ",
    "połączenie autoryzowane: ",
    "conexão autorizada: ",
    "anslutning auktoriserad: ",
    "接続の認証完了: ",
    "შეერთება ავტორიზებულია: ",
    "연결 인증: ",
    "подключение авторизовано: ",
    "підключення авторизовано: ",
    "连接已授权: ",
    "連線已授權: ",
    "conexión de replicación autorizada: ",
    "connexion de réplication autorisée : ",
    "koneksi replikasi terautorisasi: ",
    "connessione di replica autorizzata: ",
    "レプリケーション接続の認証完了: ",
    "რეპლიკაციის შეერთება ავტორიზებულია: ",
    "복제 연결 인증: ",
    "zautoryzowano połączenie replikacji: ",
    "conexão de replicação autorizada: ",
    "подключение для репликации авторизовано: ",
    "replikeringsanslutning auktoriserad: ",
    "підключення для реплікації авторизовано: ",
    "复制连接已经授权: ",
];

/// True where one of them has first bytes with this mark.
const MARKS: [bool; 256] = marks();

#[expect(clippy::indexing_slicing, reason = "a constant is computed when the crate is compiled")]
const fn marks() -> [bool; 256] {
    let mut marks = [false; 256];
    let mut at = 0;
    while at < STARTS.len() {
        if let Some(first) = STARTS[at].as_bytes().first_chunk() {
            marks[mark_of(*first)] = true;
        }
        at += 1;
    }
    marks
}

/// A number below 256 that tells most beginnings apart.
const fn mark_of(first: [u8; 4]) -> usize {
    (u32::from_le_bytes(first).wrapping_mul(0x9e37_79b1) >> 24) as usize
}

/// Tells whether a message, without a SQLSTATE in front, says that a session begins, with its names.
#[inline]
pub(crate) fn is_session_start(message: &str) -> bool {
    // A call to compare what differs in its first bytes costs more.
    let Some(first) = message.as_bytes().first_chunk() else { return false };
    MARKS.get(mark_of(*first)).is_some_and(|is_first| *is_first) && is_start(message, *first)
}

#[inline(never)]
fn is_start(message: &str, first: [u8; 4]) -> bool {
    STARTS
        .iter()
        .any(|start| start.as_bytes().first_chunk() == Some(&first) && message.starts_with(start))
}
