//! The records of a binary workbook (.xlsb), and numbers and text in its and in an old workbook's records.
//!
//! A record is its kind in one or two bytes, its length in up to four bytes (seven bits each, lowest first), and
//! that many bytes (MS-XLSB 2.1.4).

/// Maximum number of bytes of a record that are kept.
const KEPT_BYTES: usize = 1 << 13;

/// Reads records that arrive in pieces.
#[derive(Debug, Default)]
pub(super) struct RecordScan {
    /// The incomplete head of a record.
    head: Vec<u8>,
    kind: u16,
    /// Remaining bytes of the current record; `None` between two records.
    ahead: Option<usize>,
    kept: Vec<u8>,
}

impl RecordScan {
    /// Calls `each` with every record that ends in these bytes: its kind and its first bytes.
    pub(super) fn walk<E>(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(u16, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            if let Some(ahead) = self.ahead {
                let (passed, rest) = bytes.split_at(ahead.min(bytes.len()));
                let room = KEPT_BYTES - self.kept.len();
                self.kept
                    .extend_from_slice(&passed[..passed.len().min(room)]);
                bytes = rest;
                self.ahead = Some(ahead - passed.len()).filter(|&left| left > 0);
                if self.ahead.is_some() {
                    return Ok(());
                }
                each(self.kind, &self.kept)?;
                self.kept.clear();
            }
            let Some((&byte, rest)) = bytes.split_first() else {
                return Ok(());
            };
            self.head.push(byte);
            bytes = rest;
            if let Some((kind, length)) = head(&self.head) {
                self.head.clear();
                self.kind = kind;
                self.ahead = Some(length);
            }
        }
    }
}

/// A length-prefixed text at an offset, and the offset after it.
pub(super) fn wide_text(record: &[u8], at: usize) -> Option<(String, usize)> {
    let start = at.checked_add(4)?;
    let end = start.checked_add((long(record, at)? as usize).checked_mul(2)?)?;
    Some((utf16(record.get(start..end)?), end))
}

pub(super) fn utf16(bytes: &[u8]) -> String {
    let pairs = bytes.as_chunks::<2>().0.iter();
    let units: Vec<u16> = pairs.map(|pair| u16::from_le_bytes(*pair)).collect();
    String::from_utf16_lossy(&units)
}

pub(super) fn short(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(pair.try_into().ok()?))
}

pub(super) fn long(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

/// The kind and the length of a record, if the bytes contain both.
fn head(bytes: &[u8]) -> Option<(u16, usize)> {
    let (&first, rest) = bytes.split_first()?;
    let (kind, length) = if first & 0x80 == 0 {
        (u16::from(first), rest)
    } else {
        let (&second, rest) = rest.split_first()?;
        let digits = [second, first].map(|byte| u16::from(byte & 0x7F));
        (digits[0] << 7 | digits[1], rest)
    };
    let last = length.iter().position(|byte| byte & 0x80 == 0);
    let end = last.or_else(|| (length.len() == 4).then_some(3))?;
    let digits = length[..=end].iter().rev();
    let length = digits.fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7F));
    Some((kind, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number in groups of seven bits, the lowest first.
    fn digits(mut number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let digit = u8::try_from(number & 0x7F).unwrap_or_default();
            number >>= 7;
            if number == 0 {
                bytes.push(digit);
                return bytes;
            }
            bytes.push(digit | 0x80);
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same_kinds(
            records in proptest::collection::vec((0_u16..1 << 14, 0_usize..300), 0..20),
            piece in 1_usize..50,
        ) {
            let mut bytes = Vec::new();
            for &(kind, length) in &records {
                bytes.extend([digits(kind.into()), digits(length), vec![0xFF; length]].concat());
            }
            let (mut walk, mut found) = (RecordScan::default(), Vec::new());
            for piece in bytes.chunks(piece) {
                let walked = walk.walk(piece, |kind, bytes| {
                    found.push((kind, bytes.len()));
                    Ok::<_, ()>(())
                });
                prop_assert_eq!(walked, Ok(()));
            }
            prop_assert_eq!(found, records);
        }

        #[test]
        fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
            let _ = RecordScan::default().walk(&bytes, |_, _| Ok::<_, ()>(()));
        }
    }
}
