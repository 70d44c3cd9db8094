//! A body's way back, and halves of a batch.

use std::{
    collections::BTreeMap,
    io::{self, Read as _},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Builder;
use wire::{BatchId, BatchMeta, Payload};
use xxhash_rust::xxh3::Xxh3;

use crate::batch::{Encoding, SealedBatch, encode::Packer};

/// The most bytes that a body is unpacked to; a batch of ours has far fewer.
const MAX_DECODED_BYTES: u64 = 256 << 20;

/// The data of a batch of ours, as [`wire::LogData`] has it, with however many entries.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OwnData {
    pub(crate) entries: Vec<Box<RawValue>>,
    count: u64,
    #[serde(default)]
    levels: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<BatchMeta>,
}

/// The part of an entry that a batch counts.
#[derive(Deserialize)]
struct Counted<'a> {
    #[serde(borrow, default)]
    level: Option<std::borrow::Cow<'a, str>>,
}

impl SealedBatch {
    /// Returns the body as JSON.
    ///
    /// # Errors
    /// Where it is not what its encoding says.
    pub fn decoded(&self) -> io::Result<Vec<u8>> {
        let body = &self.body[..];
        let mut decoded = Vec::new();
        let bytes = match self.encoding {
            Encoding::Identity => return Ok(self.body.clone()),
            Encoding::Gzip => flate2::read::GzDecoder::new(body)
                .take(MAX_DECODED_BYTES)
                .read_to_end(&mut decoded)?,
            Encoding::Zstd => {
                // Ours tell their size, so that they are unpacked without growing.
                let told = zstd::zstd_safe::get_frame_content_size(body).ok().flatten();
                let size = told.filter(|size| *size < MAX_DECODED_BYTES);
                if let Some(size) = size.and_then(|size| usize::try_from(size).ok()) {
                    return zstd::bulk::decompress(body, size);
                }
                zstd::stream::read::Decoder::new(body)?
                    .take(MAX_DECODED_BYTES)
                    .read_to_end(&mut decoded)?
            }
        };
        if bytes as u64 == MAX_DECODED_BYTES {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        Ok(decoded)
    }

    /// Returns the batch in two halves, each with its first or its second half of the entries and with an
    /// id that follows from the batch's own. `None` where there is nothing to halve: one entry, or a
    /// body that has no entries.
    #[must_use]
    pub fn split(&self) -> Option<[Self; 2]> {
        let decoded = self.decoded().ok()?;
        let mut payload: Payload<OwnData> = serde_json::from_slice(&decoded).ok()?;
        if payload.data.entries.len() < 2 {
            return None;
        }
        let middle = payload.data.entries.len().div_ceil(2);
        let second = payload.data.entries.split_off(middle);
        let first = self.part(&mut payload, 0)?;
        payload.data.entries = second;
        let second = self.part(&mut payload, 1)?;
        Some([first, second])
    }

    /// Seals the entries that are in the payload now.
    fn part(&self, payload: &mut Payload<OwnData>, index: u8) -> Option<Self> {
        let id = child_of(self.id, index);
        let data = &mut payload.data;
        let entries = data.entries.len() as u64;
        data.count = entries;
        data.levels = levels_of(&data.entries);
        if let Some(meta) = &mut data.batch {
            meta.id = id;
        }
        let body = serde_json::to_vec(payload).ok()?;
        let body = Packer::new().pack(self.encoding, &body).ok()?;
        Some(Self { id, source: self.source, entries, encoding: self.encoding, body })
    }
}

fn levels_of(entries: &[Box<RawValue>]) -> BTreeMap<String, u64> {
    let mut levels = BTreeMap::new();
    for entry in entries {
        let counted = serde_json::from_str::<Counted<'_>>(entry.get());
        if let Some(level) = counted.ok().and_then(|counted| counted.level) {
            *levels.entry(level.into_owned()).or_default() += 1;
        }
    }
    levels
}

/// The id of a batch's half: always the same one, so that a half that is made twice is still stored
/// once. It keeps the parent's time, by which ids sort.
fn child_of(parent: BatchId, index: u8) -> BatchId {
    let mut hash = Xxh3::new();
    hash.update(parent.as_bytes());
    hash.update(&[index]);
    let mut bytes = hash.digest128().to_be_bytes();
    for (byte, time) in bytes.iter_mut().zip(parent.as_bytes()).take(6) {
        *byte = *time;
    }
    BatchId::new(Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::batch::{Batch, Compression, Encoder};

    fn batch(entries: u64, compression: Compression) -> SealedBatch {
        let json: Vec<String> = (0..entries)
            .map(|n| {
                format!(
                    r#"{{"level":"{}","message":"é {n}"}}"#,
                    if n % 2 == 0 { "LOG" } else { "ERROR" }
                )
            })
            .collect();
        let mut batch = Batch {
            entries,
            levels: BTreeMap::new(),
            json: json.join(",").into_bytes(),
            start: 0,
            end: 99,
        };
        let id = "0198c5d2-7a0e-7cc3-98c4-dc0c0c07398f".parse().unwrap();
        Encoder::new("shop".to_owned(), "db1".to_owned(), compression).seal(
            &mut batch,
            id,
            Path::new("/x.log"),
            1.5,
        )
    }

    fn entries_of(batch: &SealedBatch) -> Vec<String> {
        let decoded = batch.decoded().unwrap();
        let payload: Payload<OwnData> = serde_json::from_slice(&decoded).unwrap();
        assert_eq!(payload.data.count, batch.entries);
        assert_eq!(payload.data.levels.values().sum::<u64>(), batch.entries);
        assert_eq!(payload.data.batch.unwrap().id, batch.id);
        payload.data.entries.iter().map(|entry| entry.get().to_owned()).collect()
    }

    #[test]
    fn halves_hold_all_entries_in_their_order_and_byte_for_byte() {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let whole = batch(7, compression);
            let [first, second] = whole.split().unwrap();
            assert_eq!((first.entries, second.entries), (4, 3));
            assert_eq!((first.encoding, first.source), (whole.encoding, whole.source));
            let whole = String::from_utf8(whole.decoded().unwrap()).unwrap();
            let entries = [entries_of(&first), entries_of(&second)].concat();
            assert!(whole.contains(&entries.join(",")), "{whole}");
        }
    }

    #[test]
    fn halves_made_twice_are_the_same_to_the_byte_and_have_ids_of_their_own() {
        let whole = batch(8, Compression::Zstd);
        assert_eq!(whole.split(), whole.split());
        let [first, second] = whole.split().unwrap();
        let [third, _] = second.split().unwrap();
        let mut ids = [whole.id, first.id, second.id, third.id].to_vec();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4);
        assert!(first.id.to_string().starts_with("0198c5d2-7a0e-8"), "{}", first.id);
    }

    #[test]
    fn batch_of_more_entries_than_a_listener_takes_can_be_halved() {
        let entries = wire::MAX_ENTRIES as u64 + 1;
        let [first, second] = batch(entries, Compression::Zstd).split().unwrap();
        assert_eq!(entries_of(&first).len() + entries_of(&second).len(), 10_001);
    }

    #[test]
    fn what_cannot_be_halved_is_not() {
        assert_eq!(batch(1, Compression::Zstd).split(), None);
        let broken = SealedBatch { body: b"no zstd".to_vec(), ..batch(2, Compression::Zstd) };
        assert_eq!(broken.split(), None);
        let other = SealedBatch {
            body: br#"{"project":"p","timestamp":1,"source":"pg_locks","data":{"locks":[]}}"#
                .to_vec(),
            ..batch(2, Compression::None)
        };
        assert_eq!(other.split(), None);
    }
}
