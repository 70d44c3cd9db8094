//! Whether logs are whole, by the numbers that the server gives to lines: `--audit`.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use pglog::{Assembled, Audit, Gap, Parser, ParserOptions, Timestamp};

use crate::{command::parse::input::Input, failure::Failure};

/// Reads logs in the order in which they are named, and tells what is missing.
pub(super) fn audit(
    files: &[PathBuf],
    options: impl Fn(&Path) -> ParserOptions,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut audit = Audit::new();
    let mut gaps = 0;
    for file in files {
        read(file, &options(file), &mut |found| {
            let Some(gap) = audit.note(&found.entry) else { return Ok(()) };
            gaps += 1;
            writeln!(out, "{}", in_words(&gap))
        })
        .map_err(|error| {
            Failure::new(format!("cannot audit {}: {error}", file.display()))
                .with_hint("the file must be there and readable by you")
        })?;
    }
    if audit.numbered() == 0 {
        return Err(Failure::new("no line has a number, so nothing can be told").with_hint(
            "the audit takes csvlog, jsonlog, or a log_line_prefix with both %c and %l",
        ));
    }
    let (missing, numbered) = (audit.missing(), audit.numbered());
    let summary = format!(
        "{numbered} entries with a number, {} without; {missing} numbers missing in {gaps} gaps, \
         {} came again\n",
        audit.unnumbered(),
        audit.repeated()
    );
    let written = out.write_all(summary.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::new(format!("cannot write the output: {error}")))?;
    if missing > 0 {
        return Err(Failure::new(format!("{missing} lines are missing"))
            .with_hint("name all files of the log, in their order; the oldest first"));
    }
    Ok(())
}

fn read(
    file: &Path,
    options: &ParserOptions,
    take: &mut dyn FnMut(&Assembled<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut parser = Parser::new(options.clone(), 0);
    let mut result = Ok(());
    let mut sink = |found: &Assembled<'_>| {
        if result.is_ok() {
            result = take(found);
        }
    };
    Input::open(file).for_each(|chunk| parser.push(chunk, &mut sink))?;
    parser.finish(&mut sink);
    result
}

fn in_words(gap: &Gap) -> String {
    let time = |time: Option<Timestamp>| time.map_or("?".to_owned(), |time| time.to_string());
    format!(
        "session {}: {} to {} missing, between {} and {}",
        gap.session,
        gap.first,
        gap.last,
        time(gap.after),
        time(gap.before)
    )
}
