//! Ends of the server's processes, whose names come first: `server process (PID 7) was terminated by
//! signal 9: Killed`.

use crate::event::Event;
use crate::event::rule::{
    At::Log,
    Rule,
    Step::{Count, Is, Maybe, Quoted, Rest, Until},
};
use crate::{find::find, severity::Level};

pub(super) fn rules(level: Level, message: &str) -> Option<&'static [Rule]> {
    /// The longest name is that of a background worker, of at most 96 bytes.
    const MAX_NAME_BYTES: usize = 200;
    if level != Level::Log {
        return None;
    }
    let window = message.as_bytes().get(..message.len().min(MAX_NAME_BYTES))?;
    find(window, b" (PID ").map(|_| ENDS)
}

const ENDS: &[Rule] = &[
    Rule {
        at: Log,
        event: Event::ServerCrashed,
        head: &[
            Maybe(&[Is("background worker "), Quoted("worker", " (PID "), Count("pid")]),
            Maybe(&[Until("process", " (PID "), Count("pid")]),
            Is(") was terminated by signal "),
            Count("signal"),
        ],
        rest: &[Is(": "), Rest("signal_name")],
    },
    // Windows has no signals.
    Rule {
        at: Log,
        event: Event::ServerCrashed,
        head: &[
            Maybe(&[Is("background worker "), Quoted("worker", " (PID "), Count("pid")]),
            Maybe(&[Until("process", " (PID "), Count("pid")]),
            Is(") was terminated by exception "),
        ],
        rest: &[Rest("exception")],
    },
    Rule {
        at: Log,
        event: Event::ServerWorkerExited,
        head: &[
            Is("background worker "),
            Quoted("worker", " (PID "),
            Count("pid"),
            Is(") exited with exit code "),
            Count("exit_code"),
        ],
        rest: &[],
    },
    Rule {
        at: Log,
        event: Event::ServerProcessExited,
        head: &[
            Maybe(&[Is("worker process: ")]),
            Until("process", " (PID "),
            Count("pid"),
            Is(") exited with exit code "),
            Count("exit_code"),
        ],
        rest: &[],
    },
];
