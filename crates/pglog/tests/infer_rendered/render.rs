//! Records to the lines that a server with some prefix writes.

use std::{collections::HashMap, fmt::Write as _};

use pglog::{LinePrefix, Padding, Token};

use crate::records::Record;

/// A log, and where each record begins in it.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) text: String,
    pub(crate) starts: Vec<u64>,
    /// The number of each record's first line in its session.
    pub(crate) line_nums: Vec<usize>,
    lines: HashMap<String, usize>,
}

impl Log {
    pub(crate) fn add(&mut self, record: &Record, prefix: &LinePrefix) {
        self.starts.push(self.text.len() as u64);
        let message = format!("{}:  {}", record.severity, record.message);
        let number = self.add_line(record, prefix, &message);
        self.line_nums.push(number);
        for (label, text) in &record.parts {
            self.add_line(record, prefix, &format!("{label}:  {text}"));
        }
    }

    fn add_line(&mut self, record: &Record, prefix: &LinePrefix, text: &str) -> usize {
        let line = self.lines.entry(record.session_id.clone()).or_default();
        *line += 1;
        let number = *line;
        self.text += &head(record, prefix, number);
        self.text += &text.replace('\n', "\n\t");
        self.text.push('\n');
        number
    }
}

fn head(record: &Record, prefix: &LinePrefix, number: usize) -> String {
    let mut head = String::new();
    for token in prefix.tokens() {
        match token {
            Token::Literal(text) => head += text,
            Token::SessionOnly if !record.in_session() => break,
            Token::SessionOnly => {}
            Token::Field(escape, padding) => {
                let value = record.printed(*escape, number);
                let blanks = " ".repeat(padding.width().saturating_sub(value.len()));
                match padding {
                    Padding::None => head += &value,
                    Padding::Left(_) => write!(head, "{blanks}{value}").unwrap(),
                    Padding::Right(_) => write!(head, "{value}{blanks}").unwrap(),
                }
            }
            Token::Unknown { .. } => panic!("no setting has it"),
        }
    }
    head
}
