#![cfg(test)]
//! Records of real runs, written with other prefixes as the server would: what is read of them with
//! nothing known beforehand is what was written.
//!
//! `RENDERED_CASES=100` tries more logs for each prefix, `RENDERED_CORPUS=FOLDER` takes the records of
//! more runs, `RENDERED_ONLY=TEXT` only the prefixes with a text in them, `RENDERED_PREFIXES=FILE` takes others,
//! one a line, `RENDERED_DUMP=FOLDER` keeps what was read wrongly. The table is printed.

mod compare;
#[expect(dead_code, reason = "what it says of stderr is for other tests")]
#[path = "../corpus/mod.rs"]
mod corpus;
#[path = "../server/dice.rs"]
mod dice;
mod prefixes;
mod records;
mod render;

use std::path::Path;

use compare::{Score, compare};
use corpus::Run;
use dice::Dice;
use pglog::LinePrefix;
use records::{Flavour, Record};
use render::Log;

const LENGTHS: [usize; 6] = [1, 3, 10, 50, 200, 5000];

fn runs() -> Vec<Vec<Record>> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/logs")];
    folders.extend(std::env::var_os("RENDERED_CORPUS").map(Into::into));
    let runs = folders.iter().flat_map(|folder| Run::all(folder));
    runs.map(|run| records::of_run(&run)).filter(|records| records.len() > 100).collect()
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Reads one log that begins somewhere in a run.
fn one(runs: &[Vec<Record>], dice: &mut Dice, setting: &str, length: usize) -> Score {
    let run = &runs[dice.below(runs.len())];
    let flavour = Flavour::ALL[dice.below(Flavour::ALL.len())];
    let from = dice.below(run.len());
    // What a flavour leaves out is made up for by what comes later.
    let mut records: Vec<Record> = run[from..].to_vec();
    records.extend_from_slice(&run[..from]);
    records.truncate(length * 3 + 20);
    let mut records = flavour.of(&records);
    records.truncate(length);
    let prefix = LinePrefix::compile(setting);
    let mut log = Log::default();
    for record in &records {
        log.add(record, &prefix);
    }
    let score = compare(&records, &log, &|_| setting.to_owned());
    if let Some(folder) = std::env::var_os("RENDERED_DUMP")
        && (score.wrong + score.lost > 0 || std::env::var_os("RENDERED_MISSING").is_some())
    {
        let name: String =
            setting.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        std::fs::write(Path::new(&folder).join(format!("{length}{name}")), &log.text).unwrap();
    }
    score
}

fn table(settings: &[String], cases: usize, seed: u64) -> Vec<Score> {
    let runs = runs();
    let only = std::env::var("RENDERED_ONLY").unwrap_or_default();
    let mut totals = vec![Score::default(); LENGTHS.len()];
    for (at, setting) in settings.iter().enumerate().filter(|(_, s)| s.contains(&only)) {
        let mut row = String::new();
        let mut examples = Vec::new();
        for (length, total) in LENGTHS.iter().zip(&mut totals) {
            let mut score = Score::default();
            for case in 0..cases {
                let mut dice = Dice::new(seed + (at * 1000 + case * 77 + length) as u64 * 7919);
                dice.below(2);
                score.add(&one(&runs, &mut dice, setting, *length));
            }
            row += &format!("{:>5}/{:<5}/{:<4}", score.wrong, score.missing, score.lost);
            total.add(&score);
            examples.extend(score.examples);
        }
        println!("{row} {setting}");
        for example in examples.iter().take(number("RENDERED_EXAMPLES", 2)) {
            println!("      {example}");
        }
    }
    for (length, total) in LENGTHS.iter().zip(&totals) {
        println!(
            "length {length}: {} values, {} wrong, {} missing; {} entries, {} wrong",
            total.values, total.wrong, total.missing, total.entries, total.lost
        );
    }
    totals
}

#[test]
fn used_prefixes_are_read_rightly() {
    let settings: Vec<String> = match std::env::var_os("RENDERED_PREFIXES") {
        Some(file) => std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect(),
        None => prefixes::USED.iter().map(|s| (*s).to_owned()).collect(),
    };
    let totals = table(&settings, number("RENDERED_CASES", 1), 1);
    // Most of what is left are names that somebody has made up to be mistaken. A few lines tell little.
    for (length, total) in LENGTHS.iter().zip(&totals) {
        let percent = if *length < 10 { 2 } else { 1 };
        assert!(
            total.wrong * 100 <= total.values * percent,
            "{} wrong values of {length}",
            total.wrong
        );
        assert!(
            total.lost * 100 <= total.entries * percent,
            "{} lost entries of {length}",
            total.lost
        );
    }
    let longest = totals.last().unwrap();
    assert!(longest.wrong * 1000 <= longest.values, "{} wrong values", longest.wrong);
}

#[test]
fn random_prefixes_are_read_rightly() {
    let mut dice = Dice::new(4711);
    let settings: Vec<String> =
        (0..number("RENDERED_RANDOM", 20)).map(|_| prefixes::random(&mut dice)).collect();
    let totals = table(&settings, number("RENDERED_CASES", 1), 2);
    for (length, total) in LENGTHS.iter().zip(&totals) {
        assert!(total.wrong * 100 <= total.values * 4, "{} wrong values of {length}", total.wrong);
    }
}
