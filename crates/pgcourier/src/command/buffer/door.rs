//! The way into a buffer: the socket of a running agent, or the files of a stopped one.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use agent::{
    buffer::{Buffer, Error, Settings},
    server::{Answer, SOCKET, control},
};
use jiff::Timestamp;

use crate::failure::{Failure, in_words};

/// How a buffer was named.
pub(crate) enum Named {
    Folder(PathBuf),
    Settings(Settings),
}

pub(crate) enum Door {
    Files(Box<Buffer>),
    Socket(PathBuf),
}

impl Door {
    /// Opens the buffer, or finds the socket of the agent that has it open.
    pub(crate) fn find(named: &Named) -> Result<Self, Failure> {
        let folder = match named {
            Named::Folder(folder) => folder,
            Named::Settings(settings) => &settings.folder,
        };
        match folder.join("buffer.db").try_exists() {
            Ok(true) => {}
            Ok(false) => {
                let hint = "name its folder with --path, or the agent's configuration with -c";
                let message = format!("there is no buffer in {}", folder.display());
                return Err(Failure::new(message).with_hint(hint));
            }
            Err(error) => {
                let message = format!("cannot look into {}: {error}", folder.display());
                return Err(Failure::new(message).with_hint("run the command as the agent's user"));
            }
        }
        let opened = match named {
            Named::Folder(folder) => Buffer::open_found(folder),
            Named::Settings(settings) => Buffer::open(settings),
        };
        match opened {
            Ok(buffer) => Ok(Self::Files(Box::new(buffer))),
            Err(Error::InUse { .. }) => Ok(Self::Socket(folder.join(SOCKET))),
            Err(error) => Err(Failure::new(in_words(&error)).with_hint(error.hint())),
        }
    }

    /// Asks, and returns the body of the answer.
    pub(crate) fn ask(&mut self, method: &str, target: &str) -> Result<Vec<u8>, Failure> {
        let body = self.ask_for(method, target)?;
        body.ok_or_else(|| Failure::new("there is no such thing in the buffer"))
    }

    /// The same; `None` where what is asked for is not there.
    pub(crate) fn ask_for(
        &mut self,
        method: &str,
        target: &str,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let answer = match self {
            Self::Files(buffer) => {
                let now_ms = Timestamp::now().as_millisecond();
                control(buffer, method, target, now_ms)
            }
            Self::Socket(path) => over_socket(path, method, target).map_err(|error| {
                let message = format!("cannot ask the agent over {}: {error}", path.display());
                let hint = match error.kind() {
                    io::ErrorKind::NotFound => "reload the agent, which makes the socket again",
                    _ => "run the command as the agent's user",
                };
                Failure::new(message).with_hint(hint)
            })?,
        };
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            _ => Err(Failure::new(String::from_utf8_lossy(&answer.body).trim())),
        }
    }
}

fn over_socket(path: &Path, method: &str, target: &str) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(path)?;
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head_end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let (head, body) = head_end
        .and_then(|end| Some((answer.get(..end)?, answer.get(end + 4..)?)))
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8_lossy(head);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(io::ErrorKind::InvalidData)?;
    Ok(Answer { status, content_type: "", body: body.to_vec() })
}
