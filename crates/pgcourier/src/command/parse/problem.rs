//! What is wrong with a file, for the one who named it.

use std::{
    io::{self, Write as _},
    path::Path,
};

use pglog::{Kind, LinePrefix, Parser, ParserOptions};

use crate::{command::parse::output::Unwritable, failure::Failure};

/// Says that a log is read with another prefix than the one that was given, if it is.
pub(super) fn note_other_prefix(file: &Path, options: &ParserOptions, parser: &Parser) {
    let given = options.log_line_prefix.as_ref().map(LinePrefix::as_str);
    let (Some(given), Some(found)) = (given, parser.log_line_prefix()) else { return };
    if !parser.is_prefix_replaced() {
        return;
    }
    let note = format!(
        "pgcourier: warning: no line of {} fits --log-line-prefix '{given}'; it is read with '{found}'\n  \
         hint: the file may be older than the setting, or another server's; leave the option out, or see \
         --explain\n",
        file.display()
    );
    let _nobody_looks = io::stderr().write_all(note.as_bytes());
}

/// Says why a file could not be read to its end.
pub(super) fn unreadable(file: &Path, error: &io::Error) -> Failure {
    if error.get_ref().and_then(|inner| inner.downcast_ref::<Unwritable>()).is_some() {
        return Failure::new(format!("cannot write the output: {error}"));
    }
    let failure = Failure::new(format!("cannot parse {}: {error}", file.display()));
    match error.kind() {
        io::ErrorKind::NotFound => failure.with_hint(
            "SHOW log_directory and pg_current_logfile() on the server tell where its log is",
        ),
        io::ErrorKind::PermissionDenied => failure.with_hint(
            "read it as a member of its group (adm on Debian), or as postgres: sudo -u postgres pgcourier …",
        ),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            failure
                .with_hint("the file is packed and damaged, or not whole; what could be read was")
        }
        _ => failure,
    }
}

/// Says why nothing of a file was read.
pub(super) fn unrecognised(file: &Path, kind: Kind, options: &ParserOptions) -> Failure {
    let file = file.display();
    if kind == Kind::Binary {
        return Failure::new(format!("{file} is a binary file")).with_hint(
            "only text logs can be read, plain or packed with gzip, zstd, bzip2, xz, lz4",
        );
    }
    if let Some(given) = &options.log_line_prefix {
        let message =
            format!("no line of {file} fits --log-line-prefix '{given}', nor any other prefix");
        return Failure::new(message).with_hint(
            "SHOW log_line_prefix on the server tells it; --explain shows where lines break off",
        );
    }
    let message = format!("{file} does not look like a PostgreSQL log");
    let hint = "give the prefix with --log-line-prefix; SHOW log_line_prefix on the server tells it. \
         --explain shows where lines break off";
    Failure::new(message).with_hint(hint)
}
