#![cfg(test)]
//! Inference finds the prefix of every real log from its first 200 lines, and gives no wrong value.
//!
//! `PGCOURIER_CORPUS=FOLDER` adds the runs of another folder to those of the repository.

#[expect(dead_code, reason = "what it says of csvlog is for another test")]
mod corpus;

use std::path::Path;

use corpus::Run;
use pglog::LinePrefix;

#[test]
fn every_run_s_prefix_is_found_from_200_lines() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/logs")];
    folders.extend(std::env::var_os("PGCOURIER_CORPUS").map(Into::into));
    let mut wrong = Vec::new();
    for run in folders.iter().flat_map(|folder| Run::all(folder)) {
        for file in run.files("stderr") {
            let text = String::from_utf8_lossy(&file).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            // From the file's head, and from its middle.
            for part in [&lines[..], &lines[lines.len() / 2..]] {
                check(&run, &part[..part.len().min(200)], &mut wrong);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(run: &Run, lines: &[&str], wrong: &mut Vec<String>) {
    let truth = LinePrefix::compile(run.log_line_prefix());
    let Some(inference) = LinePrefix::infer(lines.iter().copied()) else {
        if lines.iter().any(|line| truth.match_line(line).is_some()) {
            wrong.push(format!("{}: nothing found", run.name()));
        }
        return;
    };
    let name = format!("{} {:?} for {:?}", run.name(), inference.prefix.as_str(), truth.as_str());
    for line in lines {
        let Some(expected) = truth.match_line(line) else { continue };
        match inference.prefix.match_line(line) {
            None => wrong.push(format!("{name}: no match: {line}")),
            Some(found) if (found.label, found.text) != (expected.label, expected.text) => {
                wrong.push(format!("{name}: other label: {line}"));
            }
            Some(found) => {
                let pairs = [
                    (found.fields.pid, expected.fields.pid),
                    (found.fields.user, expected.fields.user),
                    (found.fields.database, expected.fields.database),
                    (found.fields.application_name, expected.fields.application_name),
                    (found.fields.time, expected.fields.time),
                    (found.fields.session_id, expected.fields.session_id),
                ];
                for (found, expected) in pairs {
                    if found.is_some() && found != expected {
                        wrong.push(format!("{name}: {found:?} is {expected:?}: {line}"));
                    }
                }
            }
        }
    }
}
