//! Decodes columns. If a value can't be decoded, [`RunError::of`](super::RunError::of) reports damage.

use std::str::FromStr;

use rusqlite::{Row, types::Type};
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A fast hash of stored text, to detect altered bytes. The seed is the row's number, so swapped rows are also
/// detected.
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

/// The error for a column that can't be decoded; reported as [`RunError::Damaged`].
fn undecodable(
    index: usize,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, error.into())
}
