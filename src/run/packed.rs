//! Compressed text of a block.

use std::io::{self, Read as _};

use crate::sqlite::ROW_BYTES_MAX;

/// Costs less time than writing the saved bytes, as measured on contact files.
const ZSTD_LEVEL: i32 = 1;

pub(super) fn pack(text: &[u8]) -> Vec<u8> {
    // In one piece, because a stream encoder copies its input and takes a third more instructions. Compressing
    // into memory can't fail.
    zstd::bulk::compress(text, ZSTD_LEVEL).unwrap_or_default()
}

/// Unpacks a text up to the maximum row size. Anything longer is a decompression bomb.
pub(super) fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let limit = u64::from(ROW_BYTES_MAX.unsigned_abs());
    let too_long = || io::Error::new(io::ErrorKind::InvalidData, "too long");
    // Files of earlier builds don't contain the length of the text.
    if let Ok(Some(length)) = zstd::zstd_safe::get_frame_content_size(packed) {
        let length = usize::try_from(length).ok();
        let length = length.filter(|length| *length as u64 <= limit);
        return zstd::bulk::decompress(packed, length.ok_or_else(too_long)?);
    }
    let mut text = Vec::new();
    let unpacked = zstd::Decoder::new(packed)?;
    unpacked.take(limit + 1).read_to_end(&mut text)?;
    if text.len() as u64 > limit {
        return Err(too_long());
    }
    Ok(text)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_bombs_do_not() {
        for text in [&b""[..], b"[{\"id\":\"1\"}]"] {
            for packed in [pack(text), zstd::encode_all(text, ZSTD_LEVEL).unwrap()] {
                assert_eq!(unpack(&packed).unwrap(), text);
            }
        }
        assert!(unpack(b"no zstd").is_err());
        let zeros = vec![0; (ROW_BYTES_MAX as usize) + 1];
        for bomb in [
            pack(&zeros),
            zstd::encode_all(&zeros[..], ZSTD_LEVEL).unwrap(),
        ] {
            assert!(bomb.len() < 64 << 10);
            assert_eq!(unpack(&bomb).unwrap_err().to_string(), "too long");
        }
    }
}
