//! Decodes bytes in any encoding to UTF-8, losslessly.
//!
//! A byte that is invalid in its encoding is neither dropped nor replaced by a valid character: it becomes a byte
//! that is invalid UTF-8, so exactly its cell is reported. UTF-8 text passes unchanged, with the same effect. Only
//! NULs are dropped and counted, because they are not part of any value.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use memchr::{memchr, memchr2, memrchr};

use super::quoting::Requoter;
use crate::{
    source::{SourceErrorKind, cell::RowsEnd, input::Inflated},
    wording::counted,
};

/// Replaces an invalid byte. Never part of valid UTF-8.
const MISFIT: u8 = 0xFF;
const PIECE_BYTES: usize = 1 << 16;

/// Reads a file as UTF-8.
pub(in crate::source) struct TextReader {
    bytes: Inflated,
    /// `None` for UTF-8.
    decoding: Option<Decoding>,
    nuls: Nuls,
    /// Bytes of text returned so far.
    given: u64,
    at_start: bool,
    /// Rewrites cells as CSV if they are quoted in another way.
    requoter: Option<Requoter>,
}

/// NULs that were dropped.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::source) struct Nuls {
    pub(super) count: u64,
    pub(super) lines: u64,
    /// Offset of the first NUL in the text.
    pub(in crate::source) first: Option<u64>,
    /// True if the current line has a NUL.
    in_line: bool,
    /// True if the current line has text.
    has_text: bool,
    /// The length of the current run of NULs.
    run: u64,
    /// Offset in the text of the first run that stands for lost text.
    pub(in crate::source) hole: Option<u64>,
    /// True if whole lines, cells or rows consist of NULs.
    hides_lines: bool,
}

/// The shortest run of NULs that no program writes to fill up a cell, unless a cell ends after it.
const HOLE_BYTES: u64 = 64;

/// The shortest run of NULs that is longer than any value.
const LONG_HOLE_BYTES: u64 = 512;

/// Longer than an end tag and the blanks after it.
const END_TAG_BYTES: usize = 128;

impl Nuls {
    /// `before`: the end of the text before this byte.
    fn pass(&mut self, byte: u8, text_before: u64, before: &[u8]) {
        if byte != 0 {
            self.end_run(byte, text_before, before);
            self.has_text = !matches!(byte, b'\n' | b'\r');
        }
        match byte {
            0 => {
                self.count += 1;
                self.run += 1;
                self.lines += u64::from(!self.in_line);
                self.first.get_or_insert(text_before);
                self.in_line = true;
            }
            b'\n' | b'\r' => self.in_line = false,
            _ => {}
        }
    }

    /// Ends a run of NULs before this byte. A lost part of the file is a run between two parts of different rows.
    fn end_run(&mut self, next: u8, text_before: u64, before: &[u8]) {
        let run = std::mem::take(&mut self.run);
        if run < HOLE_BYTES {
            return;
        }
        let may_be_whole = matches!(next, b'\n' | b'\r' | b'<');
        if may_be_whole && (!self.has_text || ends_with_end_tag(before)) {
            self.hides_lines = true;
        } else if run >= LONG_HOLE_BYTES || !(may_be_whole || b",;\t|\"'".contains(&next)) {
            self.hole.get_or_insert(text_before);
        }
    }

    /// The facts about the rows of the text, after its end. A warning names the row of the first NUL if it is known.
    pub(in crate::source) fn end(&self, first_row: Option<u32>) -> RowsEnd {
        let (count, lines) = (self.count, counted(self.lines, "line"));
        let first = first_row.map_or_else(String::new, |row| format!(" (first: row {row})"));
        let note = format!("NUL characters removed: {count}, in {lines}{first}");
        RowsEnd {
            notes: (count > 0).then_some(note).into_iter().collect(),
            may_lack_rows: self.hides_lines || self.run >= HOLE_BYTES,
        }
    }
}

/// True after an end tag of a web page, where whole cells and rows may follow.
fn ends_with_end_tag(text: &[u8]) -> bool {
    let end = text[text.len().saturating_sub(END_TAG_BYTES)..].trim_ascii_end();
    let tag = memrchr(b'<', end).map(|at| &end[at..]);
    tag.is_some_and(|tag| tag.starts_with(b"</") && tag.ends_with(b">"))
}

struct Decoding {
    decoder: Decoder,
    /// True if undefined bytes become control characters, as in the WHATWG's code pages.
    controls_are_misfits: bool,
    piece: Vec<u8>,
    text: String,
    ended: bool,
}

impl TextReader {
    pub(in crate::source) fn new(bytes: Inflated, encoding: &'static Encoding) -> Self {
        let decoding = || Decoding {
            decoder: encoding.new_decoder_with_bom_removal(),
            controls_are_misfits: encoding.is_single_byte(),
            piece: Vec::new(),
            text: String::new(),
            ended: false,
        };
        Self {
            bytes,
            decoding: (encoding != UTF_8).then(decoding),
            nuls: Nuls::default(),
            given: 0,
            at_start: true,
            requoter: None,
        }
    }

    /// The same text with its cells rewritten as CSV.
    pub(super) fn rewritten(self, requoter: Requoter) -> Self {
        Self {
            requoter: Some(requoter),
            ..self
        }
    }

    /// Appends about `bytes` of text (if it is not decoded), and nothing only at the end. A BOM is dropped.
    pub(in crate::source) fn fill(
        &mut self,
        into: &mut Vec<u8>,
        bytes: usize,
    ) -> Result<usize, SourceErrorKind> {
        let before = into.len();
        loop {
            let read = match &mut self.decoding {
                None => self.bytes.fill(into, bytes)?,
                Some(decoding) => decoding.fill(&mut self.bytes, into)?,
            };
            if self.at_start && self.decoding.is_none() {
                drop_byte_order_mark(into, before);
            }
            self.at_start = false;
            self.drop_nuls(into, before);
            if let Some(requoter) = &mut self.requoter {
                requoter.rewrite(into, before, read == 0);
            }
            self.given += (into.len() - before) as u64;
            if read == 0 || into.len() > before {
                return Ok(into.len() - before);
            }
        }
    }

    fn drop_nuls(&mut self, text: &mut Vec<u8>, from: usize) {
        if memchr(0, &text[from..]).is_none() {
            self.nuls.in_line &= memchr2(b'\n', b'\r', &text[from..]).is_none();
            if let (Some(&first), Some(&last)) = (text.get(from), text.last()) {
                self.nuls.end_run(first, self.given, &text[..from]);
                self.nuls.has_text = !matches!(last, b'\n' | b'\r');
            }
            return;
        }
        let mut kept = from;
        for at in from..text.len() {
            let given = self.given + (kept - from) as u64;
            self.nuls.pass(text[at], given, &text[..kept]);
            if text[at] != 0 {
                text[kept] = text[at];
                kept += 1;
            }
        }
        text.truncate(kept);
    }

    /// The dropped NULs. Their position is unknown in rewritten text.
    pub(in crate::source) fn nuls(&self) -> Nuls {
        let first = self.nuls.first.filter(|_| self.requoter.is_none());
        Nuls { first, ..self.nuls }
    }

    pub(super) fn finish(&mut self) -> Result<String, SourceErrorKind> {
        Ok(self.bytes.finish()?)
    }
}

fn drop_byte_order_mark(text: &mut Vec<u8>, from: usize) {
    if text[from..].starts_with(b"\xEF\xBB\xBF") {
        text.drain(from..from + 3);
    }
}

impl Decoding {
    /// Decodes the next piece and returns its size; 0 only at the end, where text may still be appended.
    fn fill(&mut self, from: &mut Inflated, into: &mut Vec<u8>) -> Result<usize, SourceErrorKind> {
        if self.ended {
            return Ok(0);
        }
        self.piece.clear();
        let read = from.fill(&mut self.piece, PIECE_BYTES)?;
        self.ended = read == 0;
        self.decode(into);
        Ok(read)
    }

    fn decode(&mut self, into: &mut Vec<u8>) {
        let begin = into.len();
        let mut rest = self.piece.as_slice();
        loop {
            let room = self
                .decoder
                .max_utf8_buffer_length_without_replacement(rest.len());
            self.text.clear();
            self.text.reserve(room.unwrap_or(4 * rest.len() + 16));
            let (result, read) =
                self.decoder
                    .decode_to_string_without_replacement(rest, &mut self.text, self.ended);
            rest = &rest[read..];
            into.extend_from_slice(self.text.as_bytes());
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => into.push(MISFIT),
            }
        }
        if self.controls_are_misfits {
            mark_controls(&mut into[begin..]);
        }
    }
}

/// Marks U+0080 to U+009F as invalid: the WHATWG's code pages decode undefined bytes to them.
fn mark_controls(text: &mut [u8]) {
    for at in 1..text.len() {
        if text[at - 1] == 0xC2 && (0x80..=0x9F).contains(&text[at]) {
            text[at - 1..=at].fill(MISFIT);
        }
    }
}

/// The byte order of UTF-16 without a BOM, from the NULs in every other byte of plain text.
pub(super) fn utf16_by_nuls(head: &[u8]) -> Option<&'static Encoding> {
    let pairs = head.len() / 2;
    // Also a fast path for text without NULs.
    memchr(0, head)?;
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
