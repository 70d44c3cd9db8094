//! Columns of addresses: the client's, or the server's own (PostgreSQL 18).

use crate::prefix::{
    escape::Escape,
    infer::{
        kind::Kind,
        table::{Column, Table},
    },
};

/// What stands in front of the client's address in the messages about connections, in every language.
const KEYS: [&str; 9] =
    ["host=", "Host=", "hôte=", "ホスト=", "ჰოსტი=", "узел=", "компьютер=", "värd=", "хост="];

pub(super) fn name(table: &mut Table<'_, '_>) {
    let verdicts: Vec<_> = table.columns.iter().map(|column| escape_of(table, column)).collect();
    let mut seen: Vec<Escape> = Vec::new();
    for (column, verdict) in table.columns.iter_mut().zip(verdicts) {
        let Some((escape, is_guess)) = verdict else { continue };
        // A second address that nothing tells apart from the first may be either.
        if is_guess && seen.iter().any(|escape| *escape != Escape::LocalHost) {
            continue;
        }
        seen.push(escape);
        column.escape = Some(escape);
        column.is_guess = is_guess;
    }
}

/// Returns the meaning, and whether it is a guess.
fn escape_of(table: &Table<'_, '_>, column: &Column<'_>) -> Option<(Escape, bool)> {
    if column.kind == Kind::HostAndPort {
        return Some((Escape::RemoteHostAndPort, false));
    }
    if column.kind != Kind::Host {
        return None;
    }
    let values = || column.values.iter().filter(|(_, value)| !value.is_empty());
    if values().any(|(_, value)| *value == "[none]") {
        // A column of its own behind the client's, which is empty here.
        return (!is_client_key(&column.key())).then_some((Escape::LocalHost, false));
    }
    let is_socket = values().all(|(_, value)| *value == "[local]");
    // Reads addresses with and without a port.
    let remote = if is_socket { Escape::RemoteHostAndPort } else { Escape::RemoteHost };
    let votes: Vec<bool> =
        values().filter_map(|(sample, value)| is_client(table, *sample, value)).collect();
    let clients = votes.iter().filter(|is_client| **is_client).count();
    if clients < votes.len() {
        return Some((Escape::LocalHost, false));
    }
    // Where there is no client there is no address of one, but one of the server.
    if (clients > 0 && !is_socket) || values().count() < column.values.len() {
        return Some((remote, false));
    }
    let mut hosts: Vec<_> = values().map(|(_, value)| *value).filter(|h| *h != "[local]").collect();
    hosts.sort_unstable();
    hosts.dedup();
    // A server has few addresses, and clients that many share one of are as rare.
    (is_socket || hosts.len() > 2 || is_client_key(&column.key())).then_some((remote, true))
}

fn is_client_key(key: &str) -> bool {
    matches!(key, "client" | "host" | "h" | "r" | "remote" | "remote_host" | "from" | "ip" | "addr")
}

/// Compares a value with the client's address: another column has it, or the message.
fn is_client(table: &Table<'_, '_>, sample: usize, value: &str) -> Option<bool> {
    let with_port = table.columns.iter().find(|column| column.kind == Kind::HostAndPort);
    if let Some(address) = with_port.and_then(|column| column.get(sample))
        && !address.is_empty()
    {
        let host = address.split('(').next().unwrap_or_default();
        return Some(host == value);
    }
    let text = table.samples.get(sample)?.text;
    let (_, behind) = KEYS.iter().find_map(|key| text.rsplit_once(key))?;
    let host = behind.split(' ').next().unwrap_or_default();
    Some(host == value)
}
