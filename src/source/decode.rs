//! Decodes bytes in any encoding to UTF-8 without losing any.
//!
//! A byte that is invalid in its encoding is neither dropped nor replaced by something that looks like text: it
//! becomes a byte that is not valid UTF-8, so exactly its row is reported, and its offset in the file is kept.
//! UTF-8 text passes unchanged, with the same effect. Only NULs are dropped, because no cell means them, and
//! counted.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use memchr::{memchr, memchr2};

use super::{SourceErrorKind, inflate::Inflated};

/// Replaces an invalid byte; never part of UTF-8.
const MISFIT: u8 = 0xFF;
/// Bytes decoded at once.
const PIECE_BYTES: usize = 1 << 16;

/// Reads a file as UTF-8.
pub(super) struct TextReader {
    bytes: Inflated,
    decoding: Option<Decoding>,
    nuls: Nuls,
    /// Bytes of text returned so far.
    given: u64,
    mark_bytes: u64,
    at_start: bool,
}

/// NULs that were dropped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nuls {
    pub(super) count: u64,
    /// Lines with a NUL.
    pub(super) lines: u64,
    /// Offset of the first NUL in the text.
    pub(super) first: Option<u64>,
    /// True if the current line has a NUL.
    in_line: bool,
}

impl Nuls {
    fn pass(&mut self, byte: u8, text_before: u64) {
        match byte {
            0 => {
                self.count += 1;
                self.lines += u64::from(!self.in_line);
                self.first.get_or_insert(text_before);
                self.in_line = true;
            }
            b'\n' | b'\r' => self.in_line = false,
            _ => {}
        }
    }
}

struct Decoding {
    decoder: Decoder,
    /// True if an undefined byte becomes a control character, as in the code pages of the WHATWG.
    controls_are_misfits: bool,
    piece: Vec<u8>,
    /// Bytes decoded so far.
    consumed: u64,
    misfits: Vec<(usize, u64)>,
    ended: bool,
}

impl TextReader {
    pub(super) fn new(bytes: Inflated, encoding: &'static Encoding) -> Self {
        Self {
            bytes,
            decoding: (encoding != UTF_8).then(|| Decoding::new(encoding)),
            nuls: Nuls::default(),
            given: 0,
            mark_bytes: 0,
            at_start: true,
        }
    }

    /// Appends about `bytes` more to `into`; nothing only at the end. A BOM is dropped.
    pub(super) fn fill(
        &mut self,
        into: &mut Vec<u8>,
        bytes: usize,
    ) -> Result<usize, SourceErrorKind> {
        let before = into.len();
        loop {
            let read = match &mut self.decoding {
                None => self.bytes.fill(into, bytes)?,
                Some(decoding) => decoding.fill(&mut self.bytes, into, bytes)?,
            };
            if read == 0 {
                return Ok(into.len() - before);
            }
            if self.at_start && self.decoding.is_none() {
                self.mark_bytes = drop_byte_order_mark(into, before);
            }
            self.at_start = false;
            self.drop_nuls(into, before);
            self.given += (into.len() - before) as u64;
            if into.len() > before {
                return Ok(into.len() - before);
            }
        }
    }

    fn drop_nuls(&mut self, text: &mut Vec<u8>, from: usize) {
        if memchr(0, &text[from..]).is_none() {
            self.nuls.in_line &= memchr2(b'\n', b'\r', &text[from..]).is_none();
            return;
        }
        let mut kept = from;
        for at in from..text.len() {
            self.nuls.pass(text[at], self.given + (kept - from) as u64);
            if text[at] != 0 {
                text[kept] = text[at];
                kept += 1;
            }
        }
        if let Some(decoding) = &mut self.decoding {
            // Rare: offsets of invalid bytes after a dropped NUL are searched again.
            decoding.move_misfits(text.get(from..kept).unwrap_or_default(), from);
        }
        text.truncate(kept);
    }

    /// For UTF-8: bytes of the file that are not in the text so far.
    pub(super) fn dropped(&self) -> u64 {
        self.mark_bytes + self.nuls.count
    }

    /// NULs dropped so far.
    pub(super) fn nuls(&self) -> Nuls {
        self.nuls
    }

    /// The invalid bytes of the text read since the last call: their offsets in the buffer and in the file. Empty
    /// for UTF-8, for which the two are the same.
    pub(super) fn take_misfits(&mut self) -> Vec<(usize, u64)> {
        self.decoding
            .as_mut()
            .map(|decoding| std::mem::take(&mut decoding.misfits))
            .unwrap_or_default()
    }

    pub(super) fn finish(&mut self) -> Result<(u64, String), SourceErrorKind> {
        Ok(self.bytes.finish()?)
    }
}

fn drop_byte_order_mark(text: &mut Vec<u8>, from: usize) -> u64 {
    if !text[from..].starts_with(b"\xEF\xBB\xBF") {
        return 0;
    }
    text.drain(from..from + 3);
    3
}

impl Decoding {
    fn new(encoding: &'static Encoding) -> Self {
        Self {
            decoder: encoding.new_decoder_with_bom_removal(),
            controls_are_misfits: encoding.is_single_byte(),
            piece: Vec::new(),
            consumed: 0,
            misfits: Vec::new(),
            ended: false,
        }
    }

    /// Reads and decodes until there are `bytes` of text; returns the number of bytes read, or of text added at the
    /// end.
    fn fill(
        &mut self,
        from: &mut Inflated,
        into: &mut Vec<u8>,
        bytes: usize,
    ) -> Result<usize, SourceErrorKind> {
        let before = into.len();
        while into.len() - before < bytes && !self.ended {
            self.piece.clear();
            let read = from.fill(&mut self.piece, PIECE_BYTES)?;
            self.ended = read == 0;
            let piece = std::mem::take(&mut self.piece);
            self.decode(&piece, into);
            self.piece = piece;
            self.consumed += read as u64;
        }
        Ok(into.len() - before)
    }

    fn decode(&mut self, piece: &[u8], into: &mut Vec<u8>) {
        let begin = into.len();
        let mut at = 0;
        let mut text = String::new();
        loop {
            let room = self
                .decoder
                .max_utf8_buffer_length_without_replacement(piece.len() - at);
            text.clear();
            text.reserve(room.unwrap_or(4 * (piece.len() - at) + 16));
            let (result, read) = self.decoder.decode_to_string_without_replacement(
                &piece[at..],
                &mut text,
                self.ended,
            );
            at += read;
            into.extend_from_slice(text.as_bytes());
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, after) => {
                    let back = u64::from(length) + u64::from(after);
                    let offset = (self.consumed + at as u64).saturating_sub(back);
                    self.misfits.push((into.len(), offset));
                    into.push(MISFIT);
                }
            }
        }
        if self.controls_are_misfits {
            self.mark_controls(into, begin, piece);
        }
    }

    /// The code pages of the WHATWG decode undefined bytes as U+0080 to U+009F.
    fn mark_controls(&mut self, text: &mut [u8], begin: usize, piece: &[u8]) {
        if !text[begin..]
            .windows(2)
            .any(|pair| is_control(pair[0], pair[1]))
        {
            return;
        }
        let mut chars = 0;
        let mut at = begin;
        // Each byte is one character, so the offset in the file is the number of characters.
        debug_assert!(piece.len() <= PIECE_BYTES);
        while at < text.len() {
            if at + 1 < text.len() && is_control(text[at], text[at + 1]) {
                self.misfits.push((at, self.consumed + chars));
                // Two bytes replace two, so that no offset changes; neither is valid UTF-8.
                text[at] = MISFIT;
                text[at + 1] = MISFIT;
                at += 2;
            } else {
                at += width(text[at]);
            }
            chars += 1;
        }
        self.misfits.sort_unstable();
    }

    fn move_misfits(&mut self, text: &[u8], from: usize) {
        let mut places = memchr::memchr_iter(MISFIT, text);
        for misfit in self.misfits.iter_mut().filter(|misfit| misfit.0 >= from) {
            if let Some(place) = places.next() {
                misfit.0 = from + place;
            }
        }
    }
}

fn is_control(first: u8, second: u8) -> bool {
    first == 0xC2 && (0x80..=0x9F).contains(&second)
}

fn width(first: u8) -> usize {
    match first {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => 1,
    }
}

/// The byte order of UTF-16 without a BOM, from the NULs in every other byte of plain text.
pub(super) fn utf16_by_nuls(head: &[u8]) -> Option<&'static Encoding> {
    let pairs = head.len() / 2;
    if pairs == 0 {
        return None;
    }
    let nuls = |half: usize| head.chunks_exact(2).filter(|pair| pair[half] == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    // Line ends, delimiters and digits are a good part of any table, whatever its script.
    if odd * 12 >= pairs && even * 10 <= odd {
        Some(UTF_16LE)
    } else if even * 12 >= pairs && odd * 10 <= even {
        Some(UTF_16BE)
    } else {
        None
    }
}
