#![cfg(test)]
//! Random sequences of writes, rotations, kills and starts against a model of what must arrive.
//!
//! Each line is written once and has a number. Whatever happens, it arrives once; it may be missing only
//! where the model says that nobody could have read it. `PGCOURIER_SEQUENCES` sets how many sequences
//! are tried, `PGCOURIER_SEED` the first one.

mod reader;
mod world;

use std::{collections::BTreeMap, env, sync::Mutex, thread};

use agent::tail::Reading;
use reader::{Limits, Reader};
use world::{Habits, World};

/// Sequences that found a bug once.
const PAST_FAILURES: [u64; 27] = [
    1, 21, 35, 117, 570, 574, 596, 744, 1079, 1170, 1407, 1672, 4077, 6908, 1722, 5080, 9857,
    17758, 18084, 22909, 47961, 24880, 4576, 7396, 9062, 32511, 87842,
];

/// The same among those in which server and `logrotate` do whatever they like.
const PAST_WILD_FAILURES: [u64; 24] = [
    265, 489, 510, 647, 964, 1385, 1478, 3512, 4573, 5661, 6058, 9291, 1817, 1990, 23970, 24751,
    30293, 32378, 38640, 39444, 39867, 51134, 112_494, 117_669,
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

/// How the files are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// All that `logrotate` does at once, and rotated files are kept.
    Tame,
    /// Whatever can happen, at any moment.
    Wild,
}

/// What happened, for whoever has to find out why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Write,
    WritePart,
    Poll,
    Glance,
    PollPaused,
    PollStopped,
    Store,
    Rename,
    CopyTruncate,
    BeginCopy,
    CopySome,
    CopyRest,
    Cut,
    NewName,
    DeleteRecreate,
    Truncate,
    Refill,
    Compress,
    BeginPacking,
    FinishWork,
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

fn next_wild_step(random: &mut Random) -> Step {
    match random.below(110) {
        0..22 => Step::Write,
        22..27 => Step::WritePart,
        27..40 => Step::Poll,
        40..46 => Step::Glance,
        46..48 => Step::PollPaused,
        48..50 => Step::PollStopped,
        50..60 => Step::Store,
        60..64 => Step::Rename,
        64..67 => Step::CopyTruncate,
        67..70 => Step::BeginCopy,
        70..75 => Step::CopySome,
        75..78 => Step::CopyRest,
        78..81 => Step::Cut,
        81..84 => Step::NewName,
        84..86 => Step::DeleteRecreate,
        86..87 => Step::Truncate,
        87..88 => Step::Refill,
        88..90 => Step::Compress,
        90..93 => Step::BeginPacking,
        93..95 => Step::FinishWork,
        95..96 => Step::Copy,
        96..99 => Step::Stop,
        99..103 => Step::Kill,
        _ => Step::Start,
    }
}

/// One sequence.
struct Sequence {
    random: Random,
    /// What is drawn from these numbers changes no other step.
    own: Random,
    world: World,
    reader: Reader,
    follows_new_names: bool,
}

impl Sequence {
    fn take(&mut self, step: Step) {
        let Self { random, own, world, reader, follows_new_names } = self;
        match step {
            Step::Write => world.write(1 + random.below(5), random),
            Step::WritePart => world.write_part(),
            Step::Poll => reader.poll(random, world),
            Step::Glance => reader.glance(random, world),
            Step::PollPaused => reader.turn(Reading::Paused, random, world),
            Step::PollStopped => reader.turn(Reading::Stopped, random, world),
            Step::Store => reader.store(),
            Step::Rename => world.rename(random, reader),
            Step::CopyTruncate => world.copy_truncate(reader),
            Step::BeginCopy => world.begin_copy(reader),
            Step::CopySome => world.copy_some(random.below(1500)),
            Step::CopyRest => world.copy_some(u64::MAX),
            Step::Cut => world.cut(reader),
            Step::NewName if *follows_new_names => world.new_name(reader),
            Step::NewName => {}
            Step::DeleteRecreate => world.delete_and_recreate(reader),
            Step::Truncate => world.truncate(reader),
            Step::Refill => world.refill(reader),
            Step::Compress => world.compress(reader),
            Step::BeginPacking => world.begin_packing(reader),
            Step::FinishWork => world.finish_work(reader),
            Step::Copy => world.copy(reader),
            Step::Stop => reader.stop(world),
            Step::Kill => match own.index(4) {
                transactions @ 0..2 => reader.kill_while_storing(world, transactions),
                _ => reader.kill(world),
            },
            Step::Start => reader.go_on(),
        }
    }
}

/// Runs one sequence. Returns what is wrong, if anything is.
fn run(kind: Kind, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let mut own = Random::new(!seed);
    let (habits, limits) = match kind {
        Kind::Tame => (Habits::USUAL, Limits::usual()),
        Kind::Wild => (Habits::any(&mut own), Limits::any(&mut own)),
    };
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path(), habits);
    let pattern = ["x.log", "*.log", "*.log*"][random.index(3)];
    let pattern = if habits.has_link { "link.log" } else { pattern };
    let reader = Reader::start(&folder.path().join(pattern), limits);
    let follows_new_names = pattern != "x.log";
    let mut sequence = Sequence { random, own, world, reader, follows_new_names };
    // What was rotated away before the first look is history.
    sequence.take(Step::Poll);
    for _ in 0..sequence.random.below(60) {
        let step = match kind {
            Kind::Tame => next_step(&mut sequence.random),
            Kind::Wild => next_wild_step(&mut sequence.random),
        };
        sequence.reader.note(&format!("{step:?}"));
        sequence.take(step);
        let files = sequence.world.files();
        sequence.reader.note(&files);
    }
    let Sequence { mut random, mut world, mut reader, .. } = sequence;
    world.end_line();
    reader.go_on();
    reader.read_all(&mut random, &mut world);
    reader.store();
    check(&world, &reader).map_err(|problem| {
        format!(
            "seed {seed}, {kind:?}, {pattern}: {problem}\n{habits:?} {limits:?}\n{}",
            reader.history()
        )
    })
}

fn check(world: &World, reader: &Reader) -> Result<(), String> {
    let mut times: BTreeMap<u64, u64> = BTreeMap::new();
    for line in reader.stored() {
        *times.entry(*line).or_default() += 1;
    }
    for line in 0..world.lines() {
        match times.remove(&line) {
            Some(1) => {}
            Some(_) if world.may_come_twice() => {}
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

fn try_all(kind: Kind, past_failures: &[u64]) {
    let first = number("PGCOURIER_SEED", 0);
    let seeds = first..first + number("PGCOURIER_SEQUENCES", 250);
    let seeds = Mutex::new(past_failures.iter().copied().chain(seeds));
    let failures = Mutex::new(Vec::new());
    let next = || seeds.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    if let Err(problem) = run(kind, seed) {
                        failures.lock().unwrap().push(problem);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_line_comes_once_whatever_happens_to_the_files() {
    try_all(Kind::Tame, &PAST_FAILURES);
}

#[test]
fn every_line_comes_once_whatever_happens_at_any_moment() {
    try_all(Kind::Wild, &PAST_WILD_FAILURES);
}
