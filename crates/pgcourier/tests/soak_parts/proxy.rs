//! Stands before the listener and fails in every way.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crate::soak_parts::sleep;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The connection is closed at once.
    Closed,
    /// The request is read, and the connection closed.
    NotPassedOn,
    /// The listener stores it, and the answer is lost.
    AnswerLost,
    /// The listener stores it, and the answer is cut.
    AnswerCut,
    /// 503, not passed on.
    Unavailable,
    /// The listener stores it, and 500 is answered.
    WrongAnswer,
    /// Passed on late.
    Slow,
}

impl Fault {
    pub(crate) const ALL: [Self; 8] = [
        Self::None,
        Self::Closed,
        Self::NotPassedOn,
        Self::AnswerLost,
        Self::AnswerCut,
        Self::Unavailable,
        Self::WrongAnswer,
        Self::Slow,
    ];
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    fault: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) fn start(listener: SocketAddr) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let fault = Arc::new(AtomicUsize::new(0));
        let shared = Arc::clone(&fault);
        thread::spawn(move || {
            for stream in socket.incoming().map_while(Result::ok) {
                let fault = Fault::ALL[shared.load(Ordering::Relaxed)];
                thread::spawn(move || serve(stream, listener, fault));
            }
        });
        Self { address, fault }
    }

    pub(crate) fn set(&self, fault: Fault) {
        let index = Fault::ALL.iter().position(|one| *one == fault).unwrap();
        self.fault.store(index, Ordering::Relaxed);
    }
}

/// Serves one request and closes the connection.
fn serve(mut client: TcpStream, listener: SocketAddr, fault: Fault) -> io::Result<()> {
    if fault == Fault::Closed {
        return Ok(());
    }
    let request = read_message(&mut client)?;
    match fault {
        Fault::NotPassedOn => return Ok(()),
        Fault::Unavailable => return client.write_all(&status("503 Service Unavailable")),
        Fault::Slow => sleep(Duration::from_millis(100)),
        _ => {}
    }
    let mut server = TcpStream::connect(listener)?;
    server.write_all(&request)?;
    let answer = read_message(&mut server)?;
    match fault {
        Fault::AnswerLost => Ok(()),
        Fault::AnswerCut => client.write_all(&answer[..answer.len() / 2]),
        Fault::WrongAnswer => client.write_all(&status("500 Internal Server Error")),
        _ => client.write_all(&answer),
    }
}

fn status(line: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

/// Reads a request or an answer whose length is told.
fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    let mut chunk = [0; 16 << 10];
    loop {
        let head = message.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&message[..head]).to_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if message.len() >= head + 4 + length {
                return Ok(message);
            }
        }
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => message.extend_from_slice(&chunk[..read]),
        }
    }
}
