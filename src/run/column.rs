//! Decodes columns, and packs the texts of a block. A value that can't be decoded is an error that
//! [`RunError`](super::RunError) reports as damage.

use std::{
    cell::RefCell,
    io::{self, ErrorKind},
    str::FromStr,
};

use rusqlite::{Row, types::Type};
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64_with_seed;
use zstd::bulk::{Compressor, Decompressor};

use crate::sqlite::ROW_BYTES_MAX;

/// Costs less time than writing the saved bytes, as measured on contact files.
const ZSTD_LEVEL: i32 = 1;

/// A fast hash of stored text, to detect bytes that were altered. The seed is the row's number, so that swapped rows
/// are detected too.
pub(super) fn text_hash(seed: u64, text: &[u8]) -> i64 {
    xxh3_64_with_seed(text, seed).cast_signed()
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    serde_json::from_slice(row.get_ref(index)?.as_bytes()?)
        .map_err(|error| undecodable(index, error))
}

/// Decodes a text column, such as an enum's word.
pub(super) fn decoded<T>(
    row: &Row<'_>,
    index: usize,
    decode: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text = row.get_ref(index)?.as_str()?;
    decode(text).ok_or_else(|| undecodable(index, format!("unknown value `{text}`")))
}

/// Decodes an enum's word.
pub(super) fn word<T: FromStr>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    decoded(row, index, |word| word.parse().ok())
}

/// The error for a column that can't be decoded; reported as [`RunError::Damaged`](super::RunError::Damaged).
fn undecodable(
    index: usize,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, error.into())
}

thread_local! {
    // Reused: their tables are large, and each text would allocate them again.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

pub(super) fn pack(text: &[u8]) -> Vec<u8> {
    // In one piece, because a stream encoder copies its input and takes a third more instructions. Compressing into
    // memory can't fail.
    COMPRESSOR
        .with_borrow_mut(|kept| {
            let compressor = match kept {
                Some(compressor) => compressor,
                None => kept.insert(Compressor::new(ZSTD_LEVEL)?),
            };
            compressor.compress(text)
        })
        .unwrap_or_default()
}

/// Unpacks a text up to the maximum row size. Anything longer is a decompression bomb.
pub(super) fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let length = zstd::zstd_safe::get_frame_content_size(packed)
        .ok()
        .flatten();
    let length = length.filter(|length| *length <= ROW_BYTES_MAX.unsigned_abs().into());
    let length = length.and_then(|length| usize::try_from(length).ok());
    let wrong = || io::Error::new(ErrorKind::InvalidData, "too long, or not compressed");
    let length = length.ok_or_else(wrong)?;
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new()?),
        };
        decompressor.decompress(packed, length)
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_and_a_bomb_is_refused() {
        for text in [&b""[..], b"[\n]", &[b'x'; 10_000]] {
            assert_eq!(unpack(&pack(text)).unwrap(), text);
        }
        let bomb = pack(&vec![0; usize::try_from(ROW_BYTES_MAX).unwrap() + 1]);
        assert!(unpack(&bomb).is_err());
        assert!(unpack(b"text").is_err());
    }
}
