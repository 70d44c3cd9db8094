#![cfg(test)]
//! The agent's pages, and clients that hold their connections.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, SystemTime},
};

use agent::{
    buffer::{self, Buffer},
    server::{SOCKET, Server},
    ship::Now,
    status::Overview,
};

/// The most connections of one door.
const PLACES: usize = 64;

/// Serves the pages of an agent without any work, with this patience for each connection. Ends with the
/// test's process.
fn serve(folder: &Path, patience: Duration) -> std::net::SocketAddr {
    let settings = buffer::Settings { max_bytes: 1_000_000, ..buffer::Settings::at(folder) };
    let now = Now { monotonic: Duration::ZERO, wall: SystemTime::UNIX_EPOCH };
    let overview = Overview {
        agent: "db1".to_owned(),
        started_at: 0.0,
        buffer: Arc::new(Mutex::new(Buffer::open(&settings).unwrap())),
        status: Arc::default(),
        progress: Arc::default(),
        outputs: Vec::new(),
        exports: Vec::new(),
        clock: Arc::new(move || now),
    };
    let any = "127.0.0.1:0".parse().unwrap();
    let server = Server::bind(overview, Some(any), folder).unwrap().with_patience(patience);
    let address = server.address().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(server.run());
    });
    address
}

const GET: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn answer(mut stream: impl std::io::Read + std::io::Write) -> String {
    stream.write_all(GET).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Takes all places of the address, each with half a request.
fn take_all_places(address: std::net::SocketAddr) -> Vec<TcpStream> {
    let connections = (0..PLACES).map(|_| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&GET[..10]).unwrap();
        stream
    });
    connections.collect()
}

#[test]
fn connection_is_closed_with_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let address = serve(folder.path(), Duration::from_secs(60));
    let answer = answer(TcpStream::connect(address).unwrap());
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("connection: close\r\n") && answer.ends_with("\r\n\r\nok\n"),
        "{answer}"
    );
}

#[test]
fn clients_that_say_nothing_lose_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let address = serve(folder.path(), Duration::from_millis(200));
    let silent = take_all_places(address);
    let answer = answer(TcpStream::connect(address).unwrap());
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    for mut stream in silent {
        let mut rest = Vec::new();
        // Closed, or reset.
        let _ended = stream.read_to_end(&mut rest);
        assert!(rest.is_empty());
    }
}

#[test]
fn whoever_comes_takes_the_place_of_who_has_waited_longest() {
    let folder = tempfile::tempdir().unwrap();
    let address = serve(folder.path(), Duration::from_secs(60));
    let mut silent = take_all_places(address);
    let answered = answer(TcpStream::connect(address).unwrap());
    assert!(answered.starts_with("HTTP/1.1 200 OK\r\n"), "{answered}");
    // The others still may end what they ask.
    let mut last = silent.pop().unwrap();
    last.write_all(&GET[10..]).unwrap();
    let mut rest = String::new();
    last.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{rest}");
}

#[test]
fn many_who_come_at_once_are_all_answered() {
    let folder = tempfile::tempdir().unwrap();
    let address = serve(folder.path(), Duration::from_secs(60));
    let all: Vec<TcpStream> = (0..4 * PLACES)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(GET).unwrap();
            stream
        })
        .collect();
    for mut stream in all {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

#[test]
fn clients_of_the_address_do_not_keep_the_operator_out() {
    let folder = tempfile::tempdir().unwrap();
    let address = serve(folder.path(), Duration::from_secs(60));
    let _silent = take_all_places(address);
    let answer = answer(UnixStream::connect(folder.path().join(SOCKET)).unwrap());
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}
