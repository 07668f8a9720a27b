//! Detects the encoding of a text file.
//!
//! In this order: a BOM; NULs (UTF-16 without a BOM may be valid UTF-8, so they come first); UTF-8, also with a
//! few invalid bytes; otherwise the code page whose text looks most like words.

use std::fmt;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    code_page::{self, Rival},
    decode::utf16_by_nuls,
};
use crate::{
    characters::clipped,
    source::{SourceErrorKind, TableOrigin, error::foreign},
};

/// Enough text to distinguish code pages.
const SCORED_BYTES: usize = 1 << 16;
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EncodingFinding {
    pub encoding: &'static Encoding,
    pub because: EncodingReason,
    /// The first words that differ in another encoding, decoded.
    pub sample: String,
    /// Another code page, if it is almost as likely as the detected one.
    pub(in crate::source) rival: Option<Rival>,
}

impl EncodingFinding {
    /// The note about an encoding that was detected from the letters alone, or that does not fit.
    pub(super) fn note(&self) -> Option<String> {
        if self.because == (EncodingReason::Given { is_utf8: true }) {
            return Some(format!(
                "the text is valid UTF-8, but is read as {}, as requested ({}): set --encoding utf-8",
                self.encoding.name(),
                self.sample
            ));
        }
        (self.because == EncodingReason::Detected && self.rival.is_none()).then(|| {
            format!(
                "detected encoding {}: {}; override it with --encoding NAME",
                self.encoding.name(),
                self.sample
            )
        })
    }

    /// The encoding as JSON: its name, whether it is certain, and otherwise the words that another encoding
    /// decodes differently.
    pub(crate) fn object(&self, origin: &TableOrigin) -> Value {
        let doubt = self.doubt(origin);
        json!({
            "name": self.encoding.name(), "sure": doubt.is_none(),
            "other": doubt.as_ref().map(|doubt| &doubt.other),
            "words": doubt.as_ref().map_or(&[][..], |doubt| &doubt.words),
        })
    }

    pub(in crate::source) fn doubt(&self, origin: &TableOrigin) -> Option<EncodingDoubt> {
        let rival = self.rival.as_ref()?;
        let words = rival.words.iter().take(WORDS_SHOWN).cloned();
        let clip = |word: String| clipped(&word, WORD_CHARS_SHOWN);
        Some(EncodingDoubt {
            path: origin.path.display().to_string(),
            encoding: self.encoding.name().to_owned(),
            other: rival.encoding.name().to_owned(),
            words: words.map(|(one, other)| (clip(one), clip(other))).collect(),
        })
    }
}

/// Number of words in a message about doubt.
const WORDS_SHOWN: usize = 5;
const WORD_CHARS_SHOWN: usize = 30;

/// A text file whose encoding is uncertain: two code pages decode different, plausible words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodingDoubt {
    path: String,
    /// The encoding that is used.
    encoding: String,
    other: String,
    /// The first words that differ, in both encodings.
    words: Vec<(String, String)>,
}

impl EncodingDoubt {
    /// The doubt as a warning with advice.
    pub(crate) fn advised(&self) -> String {
        format!("{self}: read it with {}", self.options())
    }

    /// The options that settle the doubt.
    pub(crate) fn options(&self) -> String {
        let Self {
            encoding, other, ..
        } = self;
        format!("--encoding {encoding} or --encoding {other}, whichever has the right letters")
    }
}

impl fmt::Display for EncodingDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            encoding,
            other,
            words,
        } = self;
        let words = |pick: fn(&(String, String)) -> &String| {
            let words = words.iter().map(|pair| format!("`{}`", pick(pair)));
            words.collect::<Vec<_>>().join(", ")
        };
        write!(
            f,
            "the encoding of {path} is uncertain: {encoding} reads {}, and {other} reads {}",
            words(|pair| &pair.0),
            words(|pair| &pair.1)
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EncodingReason {
    /// Set by the caller. `is_utf8`: the text is valid UTF-8, but another encoding was set.
    Given {
        is_utf8: bool,
    },
    /// Declared in the file, as in web pages.
    Declared,
    Mark,
    /// UTF-16 text has a NUL in every other byte.
    Nuls,
    Ascii,
    /// UTF-8, apart from some invalid bytes in the part that was read.
    Utf8 {
        invalid: usize,
    },
    /// The code page that fits best.
    Detected,
}

impl fmt::Display for EncodingReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given { .. } => f.write_str("as requested"),
            Self::Declared => f.write_str("declared in the file"),
            Self::Mark => f.write_str("BOM"),
            Self::Nuls => f.write_str("no BOM; inferred from NUL bytes"),
            Self::Ascii => f.write_str("plain ASCII"),
            Self::Utf8 { invalid: 0 } => f.write_str("valid"),
            Self::Utf8 { invalid } => write!(f, "invalid bytes: {invalid}"),
            Self::Detected => f.write_str("detected"),
        }
    }
}

/// Detects the encoding from the first bytes of a file, beyond the first non-ASCII byte.
pub(in crate::source) fn detect(
    head: &[u8],
    known_columns: &dyn Fn(&str) -> usize,
) -> Result<EncodingFinding, SourceErrorKind> {
    let mut rival = None;
    let (encoding, because) = if let Some(encoding) = by_mark(head)? {
        (encoding, EncodingReason::Mark)
    } else if let Some(encoding) = utf16_by_nuls(&head[..head.len().min(SCORED_BYTES)]) {
        (encoding, EncodingReason::Nuls)
    } else if head.is_ascii() {
        (UTF_8, EncodingReason::Ascii)
    } else if let Some(invalid) = as_utf8(head) {
        (UTF_8, EncodingReason::Utf8 { invalid })
    } else {
        let of_dos = || {
            let what = "text in an MS-DOS code page (850 or 437), which is not supported";
            foreign(what, "save it as CSV in UTF-8")
        };
        let best = code_page::best(head, known_columns).ok_or_else(of_dos)?;
        rival = best.1;
        (best.0, EncodingReason::Detected)
    };
    Ok(EncodingFinding {
        encoding,
        because,
        sample: sample(head, encoding),
        rival,
    })
}

/// True for valid UTF-8 with other than ASCII characters: text in another encoding hardly ever is.
pub(super) fn is_utf8_text(head: &[u8]) -> bool {
    !head.is_ascii() && as_utf8(head) == Some(0)
}

/// True for text in a code page.
pub(super) fn is_not_utf8(head: &[u8]) -> bool {
    !head.is_ascii() && as_utf8(head).is_none()
}

fn by_mark(head: &[u8]) -> Result<Option<&'static Encoding>, SourceErrorKind> {
    if head.starts_with(&[0xFF, 0xFE, 0, 0]) || head.starts_with(&[0, 0, 0xFE, 0xFF]) {
        let what = "text in UTF-32, which is not supported";
        return Err(foreign(what, "save it as CSV in UTF-8"));
    }
    Ok(Encoding::for_bom(head)
        .map(|(encoding, _)| encoding)
        .filter(|encoding| [UTF_8, UTF_16LE, UTF_16BE].contains(encoding)))
}

/// The number of invalid places if the text is otherwise UTF-8. Text in a code page rarely has valid sequences.
fn as_utf8(head: &[u8]) -> Option<usize> {
    // A fast path: nearly every file is valid, except for a character that is cut at the end.
    let whole = match simdutf8::compat::from_utf8(head) {
        Ok(_) => head.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => 0,
    };
    if !head[..whole].is_ascii() {
        return Some(0);
    }
    let (mut valid, mut invalid) = (0, 0);
    let mut chunks = head.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        valid += chunk
            .valid()
            .chars()
            .filter(|char| !char.is_ascii())
            .count();
        let cut_short = chunks.peek().is_none()
            && chunk.invalid().len() < 4
            && starts_sequence(chunk.invalid());
        invalid += usize::from(!chunk.invalid().is_empty() && !cut_short);
    }
    (valid >= invalid && valid > 0).then_some(invalid)
}

/// True if these last bytes can begin a UTF-8 sequence.
fn starts_sequence(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// Offset of the first line with non-ASCII bytes.
fn first_non_ascii_line(head: &[u8]) -> usize {
    let first = head.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    memchr::memrchr2(b'\n', b'\r', &head[..first]).map_or(0, |at| at + 1)
}

/// The first line with non-ASCII characters, clipped.
pub(super) fn sample(head: &[u8], encoding: &'static Encoding) -> String {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    // In UTF-16 a byte is half a character, so any line will do.
    let start = if encoding.is_ascii_compatible() {
        first_non_ascii_line(head)
    } else {
        0
    };
    let part = &head[start..head.len().min(start + SCORED_BYTES)];
    let (text, _) = encoding.decode_with_bom_removal(part);
    let lines = || text.split(['\n', '\r']).filter(|line| !line.is_empty());
    let line = lines()
        .find(|line| !line.is_ascii())
        .or_else(|| lines().next())
        .unwrap_or_default();
    let from = line
        .char_indices()
        .rev()
        .find(|(at, char)| char.is_ascii() && !char.is_alphanumeric() && line[..*at].is_ascii());
    let start = from.map_or(0, |(at, _)| if at > 40 { at + 1 } else { 0 });
    line[start..]
        .chars()
        .take(60)
        .collect::<String>()
        .trim()
        .to_owned()
}
