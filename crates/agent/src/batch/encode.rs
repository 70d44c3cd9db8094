//! Batches to request bodies.

use std::{fmt, io::Write as _, mem, path::Path};

use flate2::write::GzEncoder;
use serde::Deserialize;
use wire::{BEHIND_ENTRIES, BatchId, BatchMeta, LogBody, Source};
use zstd::zstd_safe::{CParameter, ParamSwitch};

use crate::batch::Batch;

/// How bodies are compressed; `auto` by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// The best that the listener is known to take: zstd.
    #[default]
    Auto,
    /// Smallest and fastest; not every receiver takes it.
    Zstd,
    /// What nearly every receiver takes.
    Gzip,
    /// For receivers that take nothing else.
    None,
}

/// How one body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip
    Gzip,
    /// zstd
    Zstd,
}

impl Encoding {
    /// Returns the value of the header `Content-Encoding`. `None` where there is to be no header.
    #[must_use]
    pub const fn header(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// A batch as it is stored and sent: from here on its bytes do not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBatch {
    /// The batch's name.
    pub id: BatchId,
    /// Where its data comes from.
    pub source: Source,
    /// How many entries it has.
    pub entries: u64,
    /// How the body is compressed.
    pub encoding: Encoding,
    /// The request's body.
    pub body: Vec<u8>,
}

/// zstd's level: beyond it a log costs much more time for little less space.
const ZSTD_LEVEL: i32 = 1;
/// How many bytes zstd leaves out between two looks where nothing repeats; level 1 has one. A log's JSON takes 0.3 to 3 %
/// more space for it and 5 % less time; with one more it would be 8 % for hardly more time.
const ZSTD_SKIPPED_BYTES: u32 = 2;

/// Turns batches into bodies.
#[derive(Debug)]
pub struct Encoder {
    project: String,
    agent: String,
    compression: Compression,
    packer: Packer,
}

impl Encoder {
    /// Makes an encoder for an agent that sends to a project.
    #[must_use]
    pub const fn new(project: String, agent: String, compression: Compression) -> Self {
        Self { project, agent, compression, packer: Packer::new() }
    }

    /// Makes the body of a batch of `file`. `timestamp` is in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn seal(
        &mut self,
        batch: &mut Batch,
        id: BatchId,
        file: &Path,
        timestamp: f64,
    ) -> SealedBatch {
        let meta = BatchMeta {
            id,
            agent: self.agent.clone(),
            file: file.to_string_lossy().into_owned(),
            start: batch.start,
            end: batch.end,
        };
        let body = LogBody {
            project: &self.project,
            timestamp,
            count: batch.entries,
            levels: &batch.levels,
            batch: &meta,
            entries: &batch.json,
        };
        let before = body.before_entries();
        let (encoding, body) = self.compress(enclose(&before, mem::take(&mut batch.json)));
        SealedBatch { id, source: Source::PgLog, entries: batch.entries, encoding, body }
    }

    /// Compresses as configured; what cannot be compressed is sent as it is. Blanks may stand before a body.
    fn compress(&mut self, mut body: Vec<u8>) -> (Encoding, Vec<u8>) {
        let text = body.trim_ascii_start();
        let blanks = body.len() - text.len();
        let encoding = match self.compression {
            Compression::Auto | Compression::Zstd => Encoding::Zstd,
            Compression::Gzip => Encoding::Gzip,
            Compression::None => {
                body.drain(..blanks);
                return (Encoding::Identity, body);
            }
        };
        match self.packer.pack(encoding, text) {
            Ok(packed) => (encoding, packed),
            Err(_) => (Encoding::Identity, body),
        }
    }
}

/// Puts the rest of a body around entries, without moving them where the blanks before them are room enough.
fn enclose(before: &[u8], mut entries: Vec<u8>) -> Vec<u8> {
    let blanks = entries.len() - entries.trim_ascii_start().len();
    match blanks.checked_sub(before.len()).and_then(|start| entries.get_mut(start..blanks)) {
        Some(room) => room.copy_from_slice(before),
        None => drop(entries.splice(..blanks, before.iter().copied())),
    }
    entries.extend_from_slice(BEHIND_ENTRIES);
    entries
}

/// How much room is kept for bodies to come; a full batch takes less.
const MAX_ROOM_BYTES: usize = 2 << 20;

/// Compresses one body after the other. zstd's tables are large, so they are made once.
pub(super) struct Packer {
    zstd: Option<zstd::bulk::Compressor<'static>>,
    /// Room for the next body.
    room: Vec<u8>,
}

impl Packer {
    pub(super) const fn new() -> Self {
        Self { zstd: None, room: Vec::new() }
    }

    pub(super) fn pack(&mut self, encoding: Encoding, body: &[u8]) -> std::io::Result<Vec<u8>> {
        match encoding {
            Encoding::Identity => Ok(body.to_vec()),
            Encoding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(body)?;
                encoder.finish()
            }
            Encoding::Zstd => self.pack_zstd(body),
        }
    }

    fn pack_zstd(&mut self, body: &[u8]) -> std::io::Result<Vec<u8>> {
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert(compressor()?),
        };
        self.room.clear();
        self.room.reserve(zstd::zstd_safe::compress_bound(body.len()));
        zstd.compress_to_buffer(body, &mut self.room)?;
        let packed = self.room.as_slice().to_vec();
        // One huge body must not hold its memory for ever.
        if self.room.capacity() > MAX_ROOM_BYTES {
            self.room = Vec::new();
        }
        Ok(packed)
    }
}

fn compressor() -> std::io::Result<zstd::bulk::Compressor<'static>> {
    let mut zstd = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
    zstd.set_parameter(CParameter::TargetLength(ZSTD_SKIPPED_BYTES))?;
    // Else zstd does not, as at the negative levels, whose parameter that is.
    zstd.set_parameter(CParameter::LiteralCompressionMode(ParamSwitch::Enable))?;
    Ok(zstd)
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read as _};

    use wire::{LogData, Payload};

    use super::*;

    #[test]
    fn body_of_every_encoding_is_the_same_payload() {
        let batch = |blanks| Batch {
            entries: 1,
            levels: BTreeMap::from([("LOG", 1)]),
            json: [vec![b' '; blanks], br#"{"message":"x"}"#.to_vec()].concat(),
            start: 10,
            end: 20,
        };
        let id = BatchId::new(uuid::Uuid::nil());
        let seal_with = |blanks, compression| {
            Encoder::new("shop".to_owned(), "db1".to_owned(), compression).seal(
                &mut batch(blanks),
                id,
                Path::new("/log/x.log"),
                1.5,
            )
        };
        let plain = seal_with(0, Compression::None);
        for blanks in [1, 100, 300, 1000] {
            assert_eq!(seal_with(blanks, Compression::None), plain);
        }
        let seal = |compression| seal_with(400, compression);
        assert_eq!((plain.encoding, plain.encoding.header()), (Encoding::Identity, None));
        let payload: Payload<LogData<serde_json::Value>> =
            serde_json::from_slice(&plain.body).unwrap();
        let meta = payload.data.batch.unwrap();
        assert_eq!((meta.id, meta.start, meta.end), (id, 10, 20));

        let zstd = seal(Compression::Auto);
        assert_eq!(zstd.encoding, Encoding::Zstd);
        assert_eq!(zstd::decode_all(&zstd.body[..]).unwrap(), plain.body);

        let gzip = seal(Compression::Gzip);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&gzip.body[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!((gzip.encoding, unpacked), (Encoding::Gzip, plain.body));
    }

    #[test]
    fn body_takes_little_more_space_than_the_level_alone_would_make_it() {
        let packed = include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../testdata/logs/pg15/debian/postgresql-2026-11-24_022019.log.gz"
        ));
        let mut log = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut log).unwrap();
        let mut json = Vec::new();
        let mut write = |found: &pglog::Assembled<'_>| found.entry.write_json(&mut json);
        let mut parser = pglog::Parser::new(pglog::ParserOptions::default(), 0);
        parser.push(&log, &mut write);
        parser.finish(&mut write);
        let body = Packer::new().pack(Encoding::Zstd, &json).unwrap();
        let by_level = zstd::bulk::compress(&json, ZSTD_LEVEL).unwrap();
        assert!(json.len() > 300_000 && body.len() * 100 < by_level.len() * 105);
    }
}
