#![cfg(test)]
//! Random sequences of writes, rotations, kills and starts against a model of what must arrive.
//!
//! Each line is written once and has a number. Whatever happens, it arrives once; it may be missing only
//! where the model says that nobody could have read it. `PGCOURIER_SEQUENCES` sets how many sequences
//! are tried, `PGCOURIER_SEED` the first one.

mod reader;
mod world;

use std::{collections::BTreeMap, env, sync::Mutex, thread};

use reader::Reader;
use world::World;

/// Sequences that found a bug once.
const PAST_FAILURES: [u64; 21] = [
    1, 21, 35, 117, 570, 574, 596, 744, 1079, 1170, 1407, 1672, 4077, 6908, 1722, 5080, 9857,
    17758, 18084, 22909, 47961,
];

/// Numbers that look random, the same ones for the same seed.
pub(crate) struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    /// The same, to pick with.
    pub(crate) fn index(&mut self, end: u64) -> usize {
        usize::try_from(self.below(end)).unwrap()
    }

    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// What happened, for whoever has to find out why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Write,
    WritePart,
    Poll,
    PollPaused,
    Store,
    Rename,
    CopyTruncate,
    NewName,
    DeleteRecreate,
    Truncate,
    Compress,
    Copy,
    Stop,
    Kill,
    Start,
}

fn next_step(random: &mut Random) -> Step {
    match random.below(100) {
        0..25 => Step::Write,
        25..30 => Step::WritePart,
        30..50 => Step::Poll,
        50..53 => Step::PollPaused,
        53..64 => Step::Store,
        64..70 => Step::Rename,
        70..76 => Step::CopyTruncate,
        76..79 => Step::NewName,
        79..82 => Step::DeleteRecreate,
        82..84 => Step::Truncate,
        84..88 => Step::Compress,
        88..89 => Step::Copy,
        89..92 => Step::Stop,
        92..95 => Step::Kill,
        _ => Step::Start,
    }
}

/// Runs one sequence. Returns what is wrong, if anything is.
fn run(seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    // What is drawn from these numbers changes no other step.
    let mut own = Random::new(!seed);
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path());
    let pattern = ["x.log", "*.log", "*.log*"][random.index(3)];
    let mut reader = Reader::start(&folder.path().join(pattern));
    let follows_new_names = pattern != "x.log";
    // What was rotated away before the first look is history.
    reader.poll(&mut random, &mut world);
    for _ in 0..random.below(60) {
        let step = next_step(&mut random);
        reader.note(&format!("{step:?}"));
        match step {
            Step::Write => world.write(1 + random.below(5), &mut random),
            Step::WritePart => world.write_part(),
            Step::Poll => reader.poll(&mut random, &mut world),
            Step::PollPaused => reader.poll_paused(&mut random, &mut world),
            Step::Store => reader.store(),
            Step::Rename => world.rename(&mut random),
            Step::CopyTruncate => world.copy_truncate(),
            Step::NewName if follows_new_names => world.new_name(),
            Step::NewName => {}
            Step::DeleteRecreate => world.delete_and_recreate(),
            Step::Truncate => world.truncate(),
            Step::Compress => world.compress(),
            Step::Copy => world.copy(),
            Step::Stop => reader.stop(&mut world),
            Step::Kill => match own.index(4) {
                files @ 0..2 => reader.kill_while_storing(&mut world, files),
                _ => reader.kill(&mut world),
            },
            Step::Start => reader.go_on(),
        }
        reader.note(&world.files());
    }
    world.end_line();
    reader.go_on();
    for _ in 0..12 {
        reader.poll(&mut random, &mut world);
    }
    reader.store();
    check(&world, &reader)
        .map_err(|problem| format!("seed {seed}, {pattern}: {problem}\n{}", reader.history()))
}

fn check(world: &World, reader: &Reader) -> Result<(), String> {
    let mut times: BTreeMap<u64, u64> = BTreeMap::new();
    for line in reader.stored() {
        *times.entry(*line).or_default() += 1;
    }
    for line in 0..world.lines() {
        match times.remove(&line) {
            Some(1) => {}
            Some(more) => return Err(format!("line {line} came {more} times")),
            None if world.may_be_missing(line) => {}
            None => return Err(format!("line {line} did not come")),
        }
    }
    match times.keys().next() {
        Some(line) => Err(format!("line {line} was never written")),
        None => reader.order(),
    }
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// How many sequences run at once. Most of their time they wait for the system to end a watch.
const THREADS: usize = 16;

#[test]
fn every_line_comes_once_whatever_happens_to_the_files() {
    let first = number("PGCOURIER_SEED", 0);
    let seeds = first..first + number("PGCOURIER_SEQUENCES", 250);
    let seeds = Mutex::new(PAST_FAILURES.into_iter().chain(seeds));
    let failures = Mutex::new(Vec::new());
    let next = || seeds.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    if let Err(problem) = run(seed) {
                        failures.lock().unwrap().push(problem);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
