//! PostgreSQL server logs: bytes to entries.
//!
//! The crate does no I/O, reads no clock and starts no thread. It never panics on a log, whatever the
//! bytes are, and its memory is bounded whatever their number is.
//!
//! A log in the stderr format takes two steps. [`LinePrefix`] takes single lines apart; [`Assembler`]
//! puts the lines that belong together into one [`LogEntry`] and says up to where the log is used up.
//! [`Parser`] does both, and finds the prefix by itself.
//!
//! ```
//! use pglog::{Assembler, LinePrefix};
//!
//! let log = b"\
//! 2026-11-24 02:22:16.884 UTC [7628] ERROR:  division by zero
//! 2026-11-24 02:22:16.884 UTC [7628] STATEMENT:  SELECT 1
//! \t/ 0
//! ";
//! let mut assembler = Assembler::new(LinePrefix::compile("%m [%p] "));
//! let mut statements = Vec::new();
//! let mut keep = |entry: &pglog::Assembled<'_>| {
//!     statements.extend(entry.entry.statement.as_deref().map(str::to_owned));
//! };
//! assembler.push(log, &mut keep);
//! assembler.flush(&mut keep);
//! assert_eq!(statements, ["SELECT 1\n/ 0"]);
//! ```

mod assemble;
mod audit;
mod csvlog;
mod digits;
mod entry;
mod event;
mod find;
mod fingerprint;
mod format;
mod held;
mod json;
mod jsonlog;
mod lanes;
mod language;
mod message;
mod parser;
mod prefix;
mod record;
mod severity;
mod syslog;
mod text;
mod timestamp;
mod wrapping;

pub use assemble::{Assembled, Assembler, Limits};
pub use audit::{Audit, AuditState, Gap, SessionState};
pub use csvlog::{CsvReader, parse_csv_record};
pub use entry::{Depth, Event, Field, FieldValue, Fields, LogEntry, Phase, Plan, Text};
pub use format::Format;
pub use jsonlog::{JsonReader, parse_json_line};
pub use language::{
    Language, StatementMessage, parameters_of, prepared_statement_of, split_label,
    statement_message,
};
pub use parser::{Kind, Parser, ParserOptions};
pub use prefix::{
    Escape, Expected, Inference, LinePrefix, Mismatch, Padding, ParsedLine, PrefixFields, Token,
    parse_log_line,
};
pub use severity::{Label, Level};
pub use syslog::SyslogReader;
pub use timestamp::{Clock, LogTime, Precision, Timestamp, UnknownZone};
pub use wrapping::{Lead, Wrapping};
