//! What an agent would read, before it does.

use std::{path::PathBuf, sync::Arc, time::Duration};

use pglog::{Format, Kind, LinePrefix, Parser, Wrapping};

use crate::{
    config::Settings,
    database::{self, Connection, Server},
    pipeline::{Error, told::Told},
    tail::{Event, History, Reading, Tailer},
};

/// What an agent would read.
#[derive(Debug)]
pub struct Preview {
    /// What the server says of its logs. `None` where no `[database]` is configured.
    pub server: Option<Result<Arc<Server>, database::Error>>,
    /// What is looked for: files, folders and patterns.
    pub paths: Vec<String>,
    /// The files, in the order in which they are read.
    pub files: Vec<PlannedFile>,
}

/// A file that would be read.
#[derive(Debug)]
pub struct PlannedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Where reading begins, in bytes.
    pub position: u64,
    /// Its size; for a compressed one the position.
    pub size: u64,
    /// What it is. `None` where it has too few lines to tell.
    pub kind: Option<Kind>,
    /// Its format, where it is a log.
    pub format: Option<Format>,
    /// What is wrapped around its lines, the outermost first.
    pub wrappings: Vec<Wrapping>,
    /// The prefix of its lines, in formats that have one.
    pub log_line_prefix: Option<LinePrefix>,
    /// Where the prefix comes from.
    pub source: PrefixSource,
}

/// Who says what the prefix is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PrefixSource {
    /// The configuration.
    Given,
    /// The server.
    Server,
    /// The lines around the position, with this confidence, from 0 to 1. `None` where it took more than
    /// these lines.
    Lines(Option<f64>),
}

/// Finds out what an agent with these settings would read, where `history` says how far it has come. Asks
/// the server if one is configured. Reads none of the logs but for a sample, and stores nothing.
///
/// # Errors
/// Where the system gives no more sockets.
pub fn preview(settings: &Settings, history: History) -> Result<Preview, Error> {
    let server = settings.database.as_ref().map(ask).transpose()?;
    let (_, mut told) = Told::open(settings);
    if let Some(Ok(server)) = &server {
        told.take(server);
    }
    let paths = told.paths();
    let mut tailer = Tailer::open(
        crate::tail::Settings { paths: paths.clone(), ..settings.tail.clone() },
        history,
    );
    let mut files = Vec::new();
    tailer.poll(Duration::ZERO, Reading::Stopped, &mut |event| {
        if let Event::Opened { path, position, sample, .. } = event {
            files.push(planned(settings, &told, path.to_owned(), position, sample));
        }
    });
    for progress in tailer.progress() {
        let planned = files.iter_mut().find(|file| file.path == progress.path);
        if let Some(planned) = planned {
            planned.size = progress.size;
        }
    }
    Ok(Preview { server, paths: paths.iter().map(ToString::to_string).collect(), files })
}

fn ask(settings: &database::Settings) -> Result<Result<Arc<Server>, database::Error>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(Error::Thread)?.block_on(async {
        let connection = Connection::open(settings).await?;
        Ok(Arc::new(Server::ask(&connection).await?))
    }))
}

fn planned(
    settings: &Settings,
    told: &Told,
    path: PathBuf,
    position: u64,
    sample: &[u8],
) -> PlannedFile {
    let mut parser = Parser::new(settings.parser.clone(), position);
    let (prefix, clock) = told.words_for(&path);
    parser.tell(prefix, clock);
    parser.learn(sample);
    let found = parser.log_line_prefix().cloned();
    let source = if found.is_some() && found == settings.parser.log_line_prefix {
        PrefixSource::Given
    } else if found.is_some() && found.as_ref() == prefix {
        PrefixSource::Server
    } else {
        let lines = String::from_utf8_lossy(sample);
        let inferred = LinePrefix::infer(lines.lines().take(200));
        let same = inferred.filter(|inferred| Some(&inferred.prefix) == found.as_ref());
        PrefixSource::Lines(same.map(|inferred| inferred.confidence()))
    };
    PlannedFile {
        path,
        position,
        size: position,
        kind: parser.kind(),
        format: parser.format(),
        wrappings: parser.wrappings(),
        log_line_prefix: found,
        source,
    }
}
