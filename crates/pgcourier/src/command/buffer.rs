//! `pgcourier buffer`: looks into the buffer of a stopped or a running agent.

pub(super) mod door;

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
};

use agent::config::Config;
use clap::Subcommand;
use door::{Door, Named};
use jiff::Timestamp;
use serde_json::Value;

use crate::{config_file, failure::Failure};

/// What `pgcourier buffer` takes.
#[derive(Debug, clap::Args)]
#[command(about = ABOUT, long_about = LONG_ABOUT, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The agent's configuration [default: /etc/pgcourier/pgcourier.toml, where it exists]
    #[arg(short, long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The buffer's folder, instead of the one in the configuration
    #[arg(long, value_name = "FOLDER", global = true, conflicts_with = "config")]
    path: Option<PathBuf>,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const ABOUT: &str = "Look into the buffer of a stopped or a running agent";
const LONG_ABOUT: &str = "\
Look into the buffer of a stopped or a running agent

A running agent is asked over the socket in its buffer's folder; the buffer of a stopped one is opened.
So the command needs the rights of the agent's user.";
const EXAMPLES: &str = "\
Examples:
  pgcourier buffer stats
  pgcourier buffer dead-letters list
  pgcourier buffer dead-letters retry all";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show how full it is, and what became of all entries
    Stats,
    /// List the batches that wait, the oldest first
    List,
    /// Print one batch as it is sent, unpacked
    Show {
        /// Its number in the list
        seq: i64,
    },
    /// Print all batches that wait as they are sent, unpacked, one a line
    Export,
    /// What the listener refused for good
    #[command(subcommand)]
    DeadLetters(DeadLetters),
}

#[derive(Debug, Subcommand)]
enum DeadLetters {
    /// List them with the listener's words
    List,
    /// Put them back into the queue
    Retry {
        /// Their numbers, or `all`
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<String>,
    },
    /// Drop them; they are counted as lost
    Drop {
        /// Their numbers, or `all`
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<String>,
    },
}

const USUAL_FILE: &str = "/etc/pgcourier/pgcourier.toml";
/// How many rows are asked for at a time.
const PAGE: usize = 1000;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut door = Door::find(&named(args)?)?;
    match &args.command {
        Command::Stats => stats(&mut door, args.json),
        Command::List => list(&mut door, args.json),
        Command::Show { seq } => {
            print(&String::from_utf8_lossy(&door.ask("GET", &format!("/buffer/batches/{seq}"))?))
        }
        Command::Export => export(&mut door),
        Command::DeadLetters(DeadLetters::List) => dead_letters(&mut door, args.json),
        Command::DeadLetters(DeadLetters::Retry { numbers }) => {
            for_each_letter(&mut door, numbers, "POST", "/retry", "back in the queue")
        }
        Command::DeadLetters(DeadLetters::Drop { numbers }) => {
            for_each_letter(&mut door, numbers, "DELETE", "", "dropped")
        }
    }
}

fn named(args: &Args) -> Result<Named, Failure> {
    if let Some(path) = &args.path {
        return Ok(Named::Folder(path.clone()));
    }
    let file = config_file::named_or_usual(args.config.as_deref(), USUAL_FILE);
    let config: Config = config_file::load(file)?;
    Ok(Named::Settings(config.check_buffer()?))
}

fn stats(door: &mut Door, as_json: bool) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(&door.ask("GET", "/buffer")?).into_owned();
    if as_json {
        return print(&text);
    }
    let stats: Value = parsed(&text)?;
    let mut out = String::new();
    for (name, value) in stats.as_object().into_iter().flatten() {
        match value {
            Value::Object(accounts) => {
                for (account, value) in accounts {
                    line(&mut out, account, value);
                }
            }
            Value::Number(ms) if name == "oldest_ms" => {
                line(&mut out, "oldest", &Value::String(time(ms.as_i64())));
            }
            Value::Null if name == "oldest_ms" => line(&mut out, "oldest", value),
            value => line(&mut out, name, value),
        }
    }
    print(&out)
}

fn line(out: &mut String, name: &str, value: &Value) {
    let value = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let _written = writeln!(out, "{name:<14} {value}");
}

fn list(door: &mut Door, as_json: bool) -> Result<(), Failure> {
    if !as_json {
        print("         SEQ  STORED                    SOURCE              ENTRIES      BYTES\n")?;
    }
    each_row(door, "/buffer/batches", "seq", |row, _| {
        if as_json {
            return print(&format!("{row}\n"));
        }
        let number = |name: &str| row[name].as_i64().unwrap_or_default();
        let (stored, source) = (time(row["created_ms"].as_i64()), text(&row["source"]));
        let (seq, entries, bytes) = (number("seq"), number("entries"), number("bytes"));
        print(&format!("{seq:>12}  {stored:<24}  {source:<18}  {entries:>7}  {bytes:>9}\n"))
    })
}

fn export(door: &mut Door) -> Result<(), Failure> {
    each_row(door, "/buffer/batches", "seq", |row, door| {
        let seq = &row["seq"];
        // It may have been delivered since it was listed.
        match door.ask_for("GET", &format!("/buffer/batches/{seq}"))? {
            Some(body) => print(&String::from_utf8_lossy(&body)),
            None => Ok(()),
        }
    })
}

fn dead_letters(door: &mut Door, as_json: bool) -> Result<(), Failure> {
    each_row(door, "/buffer/dead-letters", "number", |row, _| {
        if as_json {
            return print(&format!("{row}\n"));
        }
        let (number, entries) = (&row["number"], &row["entries"]);
        let (at, source, words) =
            (time(row["at_ms"].as_i64()), text(&row["source"]), text(&row["words"]));
        let message = row.pointer("/body/data/entries/0/message").map(text).unwrap_or_default();
        let message: String = message.chars().take(100).collect();
        print(&format!("{number}  {at}  {source}, {entries} entries: {words}\n    {message}\n"))
    })
}

fn for_each_letter(
    door: &mut Door,
    numbers: &[String],
    method: &str,
    action: &str,
    done: &str,
) -> Result<(), Failure> {
    let numbers = if numbers == ["all"] {
        let mut all = Vec::new();
        each_row(door, "/buffer/dead-letters", "number", |row, _| {
            all.push(row["number"].to_string());
            Ok(())
        })?;
        all
    } else {
        numbers.to_vec()
    };
    for number in numbers {
        if number.parse::<u64>().is_err() {
            return Err(Failure::new(format!("{number:?} is neither a number nor `all`"))
                .with_hint("the numbers stand first in: pgcourier buffer dead-letters list"));
        }
        door.ask_for(method, &format!("/buffer/dead-letters/{number}{action}"))?
            .ok_or_else(|| Failure::new(format!("there is no dead letter {number}")))?;
        print(&format!("{number} {done}\n"))?;
    }
    Ok(())
}

/// Goes through all rows, page by page.
fn each_row(
    door: &mut Door,
    target: &str,
    key: &str,
    mut take: impl FnMut(&Value, &mut Door) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut after = i64::MIN;
    loop {
        let page = door.ask("GET", &format!("{target}?after={after}&limit={PAGE}"))?;
        let rows: Vec<Value> = parsed(&String::from_utf8_lossy(&page))?;
        for row in &rows {
            after = row[key].as_i64().unwrap_or(i64::MAX);
            take(row, door)?;
        }
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text)
        .map_err(|error| Failure::new(format!("the agent's answer cannot be read: {error}")))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn time(ms: Option<i64>) -> String {
    let time = ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| "-".to_owned(), |time| time.to_string())
}

/// Whoever closed stdout does not want to know more.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => result.map_err(|error| Failure::new(format!("cannot write: {error}"))),
    }
}
