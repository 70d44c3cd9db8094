//! Text whose lines end with a carriage return alone, as old programs of the Macintosh write it.

use std::io::{self, Read};

/// Tells whether lines end so: there is no other end, and what looks like a label stands in more than one.
pub(super) fn ends_lines(head: &[u8]) -> bool {
    let has_label = |line: &&[u8]| line.windows(3).any(|bytes| bytes == b":  ");
    !head.contains(&b'\n') && head.split(|byte| *byte == b'\r').filter(has_label).nth(1).is_some()
}

/// Reads each carriage return as a line feed.
#[derive(Debug)]
pub(super) struct Returns<R>(pub(super) R);

impl<R: Read> Read for Returns<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        for byte in buffer.iter_mut().take(read).filter(|byte| **byte == b'\r') {
            *byte = b'\n';
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriage_returns_end_lines_where_nothing_else_does() {
        let log = b"[1] LOG:  a\r[1] ERROR:  b\r";
        assert!(ends_lines(log));
        assert_eq!(io::read_to_string(Returns(&log[..])).unwrap(), "[1] LOG:  a\n[1] ERROR:  b\n");
        for log in
            ["", "[1] LOG:  a\r\n[1] LOG:  b\r\n", "[1] LOG:  SELECT\r1,\r2", "[1] LOG:  a\r"]
        {
            assert!(!ends_lines(log.as_bytes()), "{log:?}");
        }
    }
}
