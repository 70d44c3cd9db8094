#![cfg(test)]
//! Keeps the architecture true: imports point upstream and files stay small.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Module, and the sibling modules that it may import.
type Layers = &'static [(&'static str, &'static [&'static str])];

const AGENT: Layers = &[
    ("tail", &[]),
    ("shutdown", &[]),
    ("trust", &[]),
    ("database", &["shutdown", "trust"]),
    ("batch", &[]),
    ("buffer", &["tail", "batch"]),
    ("ship", &["batch", "buffer", "shutdown", "trust"]),
    ("status", &["buffer", "ship"]),
    ("output", &["batch", "buffer", "ship", "shutdown", "status"]),
    ("server", &["buffer", "ship", "status"]),
    ("config", &["database", "tail", "batch", "buffer", "ship", "output"]),
    (
        "pipeline",
        &[
            "database", "tail", "batch", "buffer", "ship", "output", "config", "shutdown",
            "status", "server",
        ],
    ),
];

const PGLOG: Layers = &[
    ("severity", &[]),
    ("timestamp", &["digits"]),
    ("fingerprint", &[]),
    ("find", &[]),
    ("lanes", &[]),
    ("digits", &[]),
    ("text", &[]),
    ("entry", &["severity", "timestamp", "digits"]),
    ("language", &["severity", "entry"]),
    ("prefix", &["severity", "timestamp", "find", "lanes", "language"]),
    ("message", &["entry", "language"]),
    ("event", &["severity", "find", "lanes", "entry", "language"]),
    (
        "assemble",
        &[
            "fingerprint",
            "digits",
            "find",
            "lanes",
            "text",
            "severity",
            "timestamp",
            "prefix",
            "entry",
            "message",
            "language",
            "event",
        ],
    ),
    ("audit", &["timestamp", "entry"]),
    ("held", &[]),
    ("record", &["severity", "timestamp", "entry", "message", "event"]),
    (
        "csvlog",
        &[
            "fingerprint",
            "digits",
            "find",
            "lanes",
            "text",
            "severity",
            "timestamp",
            "entry",
            "assemble",
            "held",
            "record",
        ],
    ),
    ("json", &["lanes"]),
    (
        "jsonlog",
        &[
            "fingerprint",
            "text",
            "severity",
            "timestamp",
            "entry",
            "assemble",
            "held",
            "record",
            "json",
        ],
    ),
    ("syslog", &["text", "severity", "timestamp", "entry", "prefix", "assemble", "held"]),
    ("format", &["assemble", "csvlog", "jsonlog", "syslog"]),
    ("wrapping", &["format", "held", "json", "prefix", "syslog", "text", "timestamp"]),
    ("parser", PARSER),
];

const PARSER: &[&str] = &[
    "entry",
    "fingerprint",
    "timestamp",
    "text",
    "prefix",
    "assemble",
    "held",
    "language",
    "csvlog",
    "jsonlog",
    "syslog",
    "format",
    "wrapping",
];

const LISTENER: Layers = &[
    ("validate", &[]),
    ("store", &["validate"]),
    ("api", &["validate", "store"]),
    ("ui", &["validate", "store", "api"]),
    ("config", &["store", "api"]),
    ("server", &["validate", "store", "api", "ui", "config"]),
];

/// Lines of a file, its unit tests included.
const MAX_FILE_LINES: usize = 500;

#[test]
fn agent_imports_point_upstream() {
    check("agent", AGENT);
}

#[test]
fn parser_imports_point_upstream() {
    check("pglog", PGLOG);
}

#[test]
fn listener_imports_point_upstream() {
    check("listener", LISTENER);
}

fn check(crate_name: &str, layers: Layers) {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(crate_name).join("src");
    let listed = layers.iter().map(|(module, _)| (*module).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(listed, modules_of(&src), "the table must list every module of {crate_name}");

    for (module, allowed) in layers {
        for file in files_of(&src, module) {
            let text = fs::read_to_string(&file).unwrap();
            let name = file.display();
            assert!(
                text.lines().count() <= MAX_FILE_LINES,
                "{name} is longer than {MAX_FILE_LINES}"
            );
            assert!(
                !text.replace("super::*", "").contains("super::"),
                "{name}: write crate:: paths"
            );
            for other in listed.iter().filter(|other| other != module && names(&text, other)) {
                assert!(allowed.contains(&other.as_str()), "{module} imports {other} in {name}");
            }
        }
    }
}

/// True if the text names `crate::module`, alone or in a `crate::{..}` group.
fn names(text: &str, module: &str) -> bool {
    let is_word_char = |c: char| c.is_alphanumeric() || c == '_';
    text.split("crate::").skip(1).any(|path| match path.strip_prefix('{') {
        Some(group) => {
            let group = group.split(';').next().unwrap_or(group);
            group.split(|c| !is_word_char(c)).any(|word| word == module)
        }
        None => path.split(|c| !is_word_char(c)).next() == Some(module),
    })
}

fn modules_of(src: &Path) -> BTreeSet<String> {
    fs::read_dir(src)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "lib" && name != "main")
        .collect()
}

fn files_of(src: &Path, module: &str) -> Vec<PathBuf> {
    let mut files = vec![src.join(format!("{module}.rs"))];
    if let Ok(dir) = fs::read_dir(src.join(module)) {
        files.extend(dir.map(|entry| entry.unwrap().path()));
    }
    files.retain(|file| {
        file.extension().is_some_and(|extension| extension == "rs") && file.exists()
    });
    files
}
