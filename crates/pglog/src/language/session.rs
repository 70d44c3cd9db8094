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

/// The first bytes of each.
const FIRST_BYTES: [[u8; 4]; STARTS.len()] = first_bytes();

#[expect(clippy::indexing_slicing, reason = "a constant is computed when the crate is compiled")]
const fn first_bytes() -> [[u8; 4]; STARTS.len()] {
    let mut bytes = [[0; 4]; STARTS.len()];
    let mut at = 0;
    while at < STARTS.len() {
        if let Some(first) = STARTS[at].as_bytes().first_chunk() {
            bytes[at] = *first;
        }
        at += 1;
    }
    bytes
}

/// Tells whether a message, without a SQLSTATE in front, says that a session begins, with its names.
pub(crate) fn is_session_start(message: &str) -> bool {
    // A call to compare what differs in its first bytes costs more.
    message.as_bytes().first_chunk().is_some_and(|first| FIRST_BYTES.contains(first))
        && STARTS.iter().any(|start| message.starts_with(start))
}
