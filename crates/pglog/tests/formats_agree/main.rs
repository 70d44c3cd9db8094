#![cfg(test)]
//! The server wrote each entry in several formats: all must say the same, whichever way the bytes come.
//!
//! `PGCOURIER_CORPUS=FOLDER` adds the runs of another folder to those of the repository.

#[path = "../corpus/mod.rs"]
mod corpus;
mod records;
mod side_by_side;
mod syslog;
mod wrapped;

use std::path::Path;

use corpus::Run;

fn runs() -> Vec<Run> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/logs")];
    folders.extend(std::env::var_os("PGCOURIER_CORPUS").map(Into::into));
    folders.iter().flat_map(|folder| Run::all(folder)).collect()
}
