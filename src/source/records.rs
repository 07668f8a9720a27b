//! The kinds of the records of a binary workbook (.xlsb).
//!
//! A record is its kind in one or two bytes, its length in up to four bytes (seven bits each, the lowest first), and
//! that number of bytes (MS-XLSB 2.1.4).

/// A formula whose result is an error (`BrtFmlaError`).
pub(super) const FORMULA_ERROR: u16 = 0x000B;

/// Reads records that arrive in pieces.
#[derive(Debug, Default)]
pub(super) struct RecordScan {
    /// The incomplete head of a record.
    head: Vec<u8>,
    /// Remaining bytes of the current record.
    ahead: usize,
}

impl RecordScan {
    /// Calls `each` with the kind of every record whose head ends in these bytes.
    pub(super) fn walk(&mut self, mut bytes: &[u8], mut each: impl FnMut(u16)) {
        while !bytes.is_empty() {
            let passed = self.ahead.min(bytes.len());
            self.ahead -= passed;
            bytes = &bytes[passed..];
            while let Some((&byte, rest)) = bytes.split_first().filter(|_| self.ahead == 0) {
                self.head.push(byte);
                bytes = rest;
                if let Some((kind, length)) = head(&self.head) {
                    each(kind);
                    self.head.clear();
                    self.ahead = length;
                }
            }
        }
    }
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
                walk.walk(piece, |kind| found.push(kind));
            }
            let kinds: Vec<_> = records.into_iter().map(|(kind, _)| kind).collect();
            prop_assert_eq!(found, kinds);
        }

        #[test]
        fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
            RecordScan::default().walk(&bytes, |_| {});
        }
    }
}
