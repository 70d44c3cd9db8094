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

/// Where in them four bytes tell them best from other messages: not where `connection received: ` is the same.
const TELLING_AT: usize = 8;

/// True where one of them has telling bytes with this mark.
const MARKS: [bool; 256] = marks();

#[expect(clippy::indexing_slicing, reason = "a constant is computed when the crate is compiled")]
const fn marks() -> [bool; 256] {
    let mut marks = [false; 256];
    let mut at = 0;
    while at < STARTS.len() {
        if let Some(telling) = telling(STARTS[at].as_bytes()) {
            marks[mark_of(telling)] = true;
        }
        at += 1;
    }
    marks
}

/// The telling bytes of a message, if it is that long.
const fn telling(message: &[u8]) -> Option<[u8; 4]> {
    let Some(start) = message.first_chunk::<{ TELLING_AT + 4 }>() else { return None };
    start.last_chunk().copied()
}

/// A number below 256 that tells most of them apart.
const fn mark_of(telling: [u8; 4]) -> usize {
    (u32::from_le_bytes(telling).wrapping_mul(0x9e37_79b1) >> 24) as usize
}

/// Tells whether a message, without a SQLSTATE in front, says that a session begins, with its names.
#[inline(always)]
pub(crate) fn is_session_start(message: &str) -> bool {
    // A call to compare what differs in these bytes costs more.
    let Some(bytes) = telling(message.as_bytes()) else { return false };
    MARKS.get(mark_of(bytes)).is_some_and(|is_telling| *is_telling) && is_start(message)
}

#[inline(never)]
fn is_start(message: &str) -> bool {
    STARTS.iter().any(|start| message.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_is_known() {
        assert!(STARTS.iter().all(|start| is_session_start(&format!("{start}x"))));
        assert!(!is_session_start("connection received: host=[local]"));
        assert!(!is_session_start("connection"));
    }
}
