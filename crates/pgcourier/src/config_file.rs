//! Reads a configuration: a TOML file, with the environment over it.

use std::{env, fs, path::Path};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::{failure::Failure, nearest::nearest};

/// What the names of environment variables begin with: `PGCOURIER_LISTENER__URL` is `listener.url`.
const VARIABLES: &str = "PGCOURIER_";

/// Loads a configuration. Without a file only the environment and the defaults count.
pub(crate) fn load<T: DeserializeOwned>(file: Option<&Path>) -> Result<T, Failure> {
    let table = match file {
        Some(file) => read::<T>(file)?,
        None => Table::new(),
    };
    overlay(table, variables()?.into_iter())
}

/// Returns what the environment sets for us. Others may hold any bytes.
fn variables() -> Result<Vec<(String, String)>, Failure> {
    let ours = env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(VARIABLES))?;
        Some((name, value))
    });
    ours.map(|(name, value)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => {
            Err(Failure::configuration(format!("the environment variable {name} is no text"))
                .with_hint("write it in UTF-8"))
        }
    })
    .collect()
}

/// Returns the file named, else the usual one where it exists.
pub(crate) fn named_or_usual<'a>(named: Option<&'a Path>, usual: &'a str) -> Option<&'a Path> {
    named.or_else(|| Some(Path::new(usual)).filter(|usual| usual.exists()))
}

/// Reads the file, and checks it by itself, so that a mistake is told with its place.
fn read<T: DeserializeOwned>(file: &Path) -> Result<Table, Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        let hint = "name the configuration with -c FILE; an example is in the README";
        let message = format!("cannot read the configuration {}: {error}", file.display());
        Failure::configuration(message).with_hint(hint)
    })?;
    toml::from_str::<T>(&text).map_err(|error| told_with_place(file, &text, &error))?;
    toml::from_str(&text).map_err(|error| told_with_place(file, &text, &error))
}

/// `FILE:LINE:COLUMN: what is wrong`, and what was probably meant.
fn told_with_place(file: &Path, text: &str, error: &toml::de::Error) -> Failure {
    let file = file.display();
    let problem = problem_of(error);
    let message = match error.span() {
        Some(span) => {
            let (line, column) = place(text, span.start);
            format!("{file}:{line}:{column}: {problem}")
        }
        None => format!("{file}: {problem}"),
    };
    let failure = Failure::configuration(message);
    match nearest_key(error.message()) {
        Some(hint) => failure.with_hint(hint),
        None => failure.with_hint("the README shows every key with its default"),
    }
}

/// The first line: those below it repeat the keys.
fn problem_of(error: &toml::de::Error) -> String {
    let message = error.message().lines().next().unwrap_or_default();
    message.split(", expected").next().unwrap_or(message).replace("unknown field", "unknown key")
}

/// Line and column of a byte, both from 1.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Finds the key that an unknown one is most like. serde names the unknown key first and then those
/// that it knows, each in backticks.
fn nearest_key(message: &str) -> Option<String> {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names.next().filter(|_| message.starts_with("unknown field"))?;
    let known: Vec<&str> = names.collect();
    if let Some(nearest) = nearest(unknown, known.iter().copied()) {
        return Some(format!("did you mean `{nearest}`?"));
    }
    Some(format!("the keys here are {}", known.join(", ")))
}

/// Puts the environment over the file.
fn overlay<T: DeserializeOwned>(
    mut table: Table,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<T, Failure> {
    for (name, value) in variables {
        let Some(path) = name.strip_prefix(VARIABLES) else { continue };
        let keys: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        if keys.len() < 2 {
            continue;
        }
        let value = value_for::<T>(&keys, &value).map_err(|error| {
            let message = format!("the environment variable {name}: {}", problem_of(&error));
            let hint = nearest_key(error.message());
            let hint = hint.unwrap_or_else(|| "its value is not what the key takes".to_owned());
            Failure::configuration(message).with_hint(hint)
        })?;
        insert(&mut table, &keys, value);
    }
    table.try_into().map_err(|error: toml::de::Error| {
        Failure::configuration(format!("the configuration: {}", problem_of(&error)))
    })
}

/// Reads a variable as the key wants it: as text where it takes text, else as a number and the like.
fn value_for<T: DeserializeOwned>(keys: &[String], text: &str) -> Result<Value, toml::de::Error> {
    let fits = |value: &Value| {
        let mut alone = Table::new();
        insert(&mut alone, keys, value.clone());
        alone.try_into::<T>().map(|_| ())
    };
    let as_text = Value::String(text.to_owned());
    let as_toml = toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"));
    match fits(&as_text) {
        Ok(()) => Ok(as_text),
        Err(error) => as_toml.filter(|value| fits(value).is_ok()).ok_or(error),
    }
}

fn insert(table: &mut Table, keys: &[String], value: Value) {
    let Some((key, rest)) = keys.split_first() else { return };
    if rest.is_empty() {
        table.insert(key.clone(), value);
        return;
    }
    let section = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(section) = section {
        insert(section, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use agent::config::Config;

    use super::*;

    fn problem(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        fs::write(&file, text).unwrap();
        let failure = load::<Config>(Some(&file)).unwrap_err();
        format!("{failure:?}").replace(&file.display().to_string(), "FILE")
    }

    #[test]
    fn unknown_key_is_told_with_its_place_and_the_nearest_one() {
        let told = problem("[collection]\nlog_pth = \"/x\"\n");
        assert!(told.contains("FILE:2:1: unknown key `log_pth`"), "{told}");
        assert!(told.contains("did you mean `log_path`?"), "{told}");
        assert!(told.contains("code: 78"), "{told}");
    }

    #[test]
    fn wrong_type_and_broken_syntax_are_told_with_their_place() {
        let told = problem("[buffer]\nmax_size_mb = \"many\"\n");
        assert!(told.contains("FILE:2:15: invalid type: string"), "{told}");
        let told = problem("[buffer\n");
        assert!(told.contains("FILE:1:8: "), "{told}");
    }

    #[test]
    fn file_that_is_missing_is_named() {
        let failure = load::<Config>(Some(Path::new("/nowhere.toml"))).unwrap_err();
        assert!(format!("{failure:?}").contains("/nowhere.toml"));
    }

    #[test]
    fn environment_wins_over_the_file() {
        let table = toml::from_str("[listener]\nurl = \"http://a\"\nproject_id = \"p\"\n").unwrap();
        let variables = [
            ("PGCOURIER_LISTENER__URL", "http://b"),
            ("PGCOURIER_LISTENER__PROJECT_ID", "42"),
            ("PGCOURIER_BUFFER__MAX_SIZE_MB", "7"),
            ("PGCOURIER_OTHER", "ignored"),
            ("HOME", "/root"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config: Config = overlay(table, variables.into_iter()).unwrap();
        assert_eq!(config.listener.url, "http://b");
        assert_eq!(config.listener.project_id, "42", "digits are text where text is wanted");
        assert_eq!(config.buffer.max_size_mb, 7);
    }

    #[test]
    fn variable_that_makes_no_sense_is_named() {
        let refused = |name: &str, value: &str| {
            let variables = [(name.to_owned(), value.to_owned())];
            format!("{:?}", overlay::<Config>(Table::new(), variables.into_iter()).unwrap_err())
        };
        let told = refused("PGCOURIER_LISTENER__URI", "x");
        assert!(told.contains("PGCOURIER_LISTENER__URI: unknown key `uri`"), "{told}");
        assert!(told.contains("did you mean `url`?"), "{told}");
        let told = refused("PGCOURIER_BUFFER__MAX_SIZE_MB", "many");
        assert!(told.contains("PGCOURIER_BUFFER__MAX_SIZE_MB: invalid type"), "{told}");
    }
}
