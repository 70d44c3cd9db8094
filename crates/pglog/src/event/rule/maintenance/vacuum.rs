//! What autovacuum did. Each major says it in other words: PostgreSQL 13 in few, 14 adds indexes, 15 the
//! ages, 16 what was frozen, 18 the visibility map.

use crate::{
    entry::{FieldValue, Fields},
    event::{
        Event,
        rule::{
            self,
            At::Log,
            Rule, Step,
            Step::{
                By, Count, Decimal, Either, Flag, Is, Maybe, Quoted, QuotedToEnd, Seconds, Until,
            },
        },
        scan::Scan,
    },
    find::each_line,
};

pub(super) const AUTOMATIC: &[Rule] = &[
    Rule {
        at: Log,
        event: Event::AutovacuumCompleted,
        head: &[
            Is("automatic "),
            Maybe(&[Is("aggressive "), Flag("aggressive")]),
            Is("vacuum "),
            Maybe(&[Is("to prevent wraparound "), Flag("to_prevent_wraparound")]),
            Is("of table "),
            Quoted("table", ": index scans: "),
            Count("index_scans"),
        ],
        rest: &[By(lines)],
    },
    Rule {
        at: Log,
        event: Event::AutoanalyzeCompleted,
        head: &[
            Is("automatic analyze of table "),
            // PostgreSQL 13 has it all in one line.
            Either(&[&[Quoted("table", "\n")], &[Quoted("table", " ")], &[QuotedToEnd("table")]]),
        ],
        rest: &[By(lines)],
    },
];

/// Returns the shapes of the lines that begin with a byte. A line of no shape is passed over.
const fn shapes(first: u8) -> &'static [&'static [Step]] {
    match first {
        b'p' => &[PAGES],
        b't' => &[TUPLES, TUPLES_MISSED],
        b'r' => &[CUTOFF],
        b'n' => &[RELFROZENXID, RELMINMXID],
        b'f' => &[FROZEN],
        b'v' => &[VISIBILITY_MAP],
        b'i' => &[INDEX_SCAN],
        b'I' => &[IO_TIMINGS],
        b'a' => &[RATES],
        b'b' => &[BUFFER_USAGE],
        b'W' => &[WAL_USAGE],
        b'd' => &[DELAY_TIME],
        b's' => &[SYSTEM_USAGE],
        _ => &[],
    }
}

const PAGES: &[Step] = &[
    Is("pages: "),
    Count("pages_removed"),
    Is(" removed, "),
    Count("pages_remain"),
    Is(" remain, "),
    Either(&[
        &[
            Count("pages_scanned"),
            Is(" scanned ("),
            Decimal("pages_scanned_percent"),
            Is("% of total)"),
            Maybe(&[Is(", "), Count("pages_eagerly_scanned"), Is(" eagerly scanned")]),
        ],
        &[
            Count("pages_skipped_due_to_pins"),
            Is(" skipped due to pins, "),
            Count("pages_skipped_frozen"),
            Is(" skipped frozen"),
        ],
    ]),
];

const TUPLES: &[Step] = &[
    Is("tuples: "),
    Count("tuples_removed"),
    Is(" removed, "),
    Count("tuples_remain"),
    Is(" remain, "),
    Count("tuples_dead_but_not_yet_removable"),
    Is(" are dead but not yet removable"),
    Maybe(&[Is(", oldest xmin: "), Count("oldest_xmin")]),
];

const TUPLES_MISSED: &[Step] = &[
    Is("tuples missed: "),
    Count("tuples_missed"),
    Is(" dead from "),
    Count("tuples_missed_pages"),
    Is(" pages"),
];

const CUTOFF: &[Step] = &[
    Is("removable cutoff: "),
    Count("removable_cutoff"),
    Is(", which was "),
    By(cutoff_age),
    Is(" XIDs old"),
];

const RELFROZENXID: &[Step] = &[
    Is("new relfrozenxid: "),
    Count("new_relfrozenxid"),
    Is(", which is "),
    Count("relfrozenxid_ahead"),
    Is(" XIDs ahead"),
];

const RELMINMXID: &[Step] = &[
    Is("new relminmxid: "),
    Count("new_relminmxid"),
    Is(", which is "),
    Count("relminmxid_ahead"),
    Is(" MXIDs ahead"),
];

const FROZEN: &[Step] = &[
    Is("frozen: "),
    Count("frozen_pages"),
    Is(" pages from table ("),
    Decimal("frozen_pages_percent"),
    Is("% of total) had "),
    Count("frozen_tuples"),
    Is(" tuples frozen"),
];

const VISIBILITY_MAP: &[Step] = &[
    Is("visibility map: "),
    Count("pages_set_all_visible"),
    Is(" pages set all-visible, "),
    Count("pages_set_all_frozen"),
    Is(" pages set all-frozen ("),
    Count("pages_were_all_visible"),
    Is(" were all-visible)"),
];

const INDEX_SCAN: &[Step] = &[
    Is("index scan "),
    Until("index_scan", ": "),
    Count("index_scan_pages"),
    Is(" pages from table ("),
    Decimal("index_scan_pages_percent"),
    Is("% of total) "),
    Either(&[&[Is("had ")], &[Is("have ")]]),
    Count("dead_item_identifiers"),
    Is(" dead item identifiers"),
];

const IO_TIMINGS: &[Step] = &[
    Is("I/O timings: read: "),
    Decimal("read_ms"),
    Is(" ms, write: "),
    Decimal("write_ms"),
    Is(" ms"),
];

const RATES: &[Step] = &[
    Is("avg read rate: "),
    Decimal("avg_read_rate_mb_per_s"),
    Is(" MB/s, avg write rate: "),
    Decimal("avg_write_rate_mb_per_s"),
    Is(" MB/s"),
];

const BUFFER_USAGE: &[Step] = &[
    Is("buffer usage: "),
    Count("buffers_hit"),
    Is(" hits, "),
    Count("buffers_read"),
    Either(&[&[Is(" misses, ")], &[Is(" reads, ")]]),
    Count("buffers_dirtied"),
    Is(" dirtied"),
];

const WAL_USAGE: &[Step] = &[
    Is("WAL usage: "),
    Count("wal_records"),
    Is(" records, "),
    Count("wal_full_page_images"),
    Is(" full page images, "),
    Count("wal_bytes"),
    Is(" bytes"),
    Maybe(&[Is(", "), Count("wal_buffers_full"), Is(" buffers full")]),
];

const DELAY_TIME: &[Step] = &[Is("delay time: "), Decimal("delay_time_ms"), Is(" ms")];

const SYSTEM_USAGE: &[Step] = &[
    Is("system usage: CPU: user: "),
    Seconds("cpu_user_ms"),
    Is(" s, system: "),
    Seconds("cpu_system_ms"),
    Is(" s, elapsed: "),
    Seconds("elapsed_ms"),
    Is(" s"),
];

/// An index's own line.
const INDEX: &[Step] = &[
    Is("index "),
    Quoted("name", ": pages: "),
    Count("pages"),
    Is(" in total, "),
    Count("newly_deleted"),
    Is(" newly deleted, "),
    Count("currently_deleted"),
    Is(" currently deleted, "),
    Count("reusable"),
    Is(" reusable"),
];

/// A table has fewer indexes, each of which makes a line.
const MAX_LINES: usize = 1000;

fn lines<'x>(scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    let mut indexes = Vec::new();
    for line in each_line(scan.take_rest()).take(MAX_LINES) {
        let Some(first) = line.bytes().next() else { continue };
        if first == b'i' {
            let mut index = Fields::new();
            if rule::attempt(INDEX, &mut Scan::of(line), &mut index).is_some() {
                indexes.push(FieldValue::Object(index));
                continue;
            }
        }
        let mut shapes = shapes(first).iter();
        shapes.find_map(|shape| rule::attempt(shape, &mut Scan::of(line), fields));
    }
    if !indexes.is_empty() {
        fields.push("indexes", indexes);
    }
    Some(())
}

/// The age is signed, for the cutoff may lie ahead.
fn cutoff_age<'x>(scan: &mut Scan<'x>, fields: &mut Fields<'x>) -> Option<()> {
    fields.push("removable_cutoff_age", scan.signed()?);
    Some(())
}
