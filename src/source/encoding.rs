//! Detects the encoding of a text file.
//!
//! In this order: a BOM; NULs (UTF-16 without a BOM is valid UTF-8, so they come first); UTF-8, also with a few
//! invalid bytes; otherwise the code page whose text looks most like names and column names. Pairs of letters are
//! scored: a Russian name has neither a capital after a small letter nor a Latin letter, a Spanish one does not
//! have two accents in a row. Known column names decide for most files.

use std::fmt;

use encoding_rs::{
    Encoding, IBM866, KOI8_R, KOI8_U, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1250,
    WINDOWS_1251, WINDOWS_1252, X_MAC_CYRILLIC,
};

use super::{SourceErrorKind, decode::utf16_by_nuls};

/// The code pages of contact files; on a tie, the first wins.
const CODE_PAGES: [&Encoding; 8] = [
    WINDOWS_1251,
    WINDOWS_1252,
    KOI8_R,
    IBM866,
    MACINTOSH,
    X_MAC_CYRILLIC,
    KOI8_U,
    WINDOWS_1250,
];
/// Text that is enough to tell code pages apart.
const SCORED_BYTES: usize = 1 << 16;
/// The score of a known column name, in plausible pairs of letters.
const KNOWN_COLUMN: i64 = 40;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EncodingFinding {
    pub encoding: &'static Encoding,
    pub because: EncodingReason,
    /// The first words that look different in another encoding, decoded.
    pub sample: String,
}

impl EncodingFinding {
    /// The note about an encoding that was detected from the letters alone.
    pub(super) fn doubt(&self) -> Option<String> {
        let EncodingReason::Detected { confidence } = self.because else {
            return None;
        };
        let name = self.encoding.name();
        Some(format!(
            "detected encoding {name} ({confidence} % sure): {}; override it with --encoding NAME",
            self.sample
        ))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EncodingReason {
    /// Set by the caller.
    Given,
    /// Declared in the file, as in web pages.
    Declared,
    Mark,
    /// UTF-16 text has a NUL in every other byte.
    Nuls,
    Ascii,
    /// UTF-8, apart from some invalid places in the part that was read.
    Utf8 {
        invalid: usize,
    },
    /// The code page that fits best.
    Detected {
        confidence: u8,
    },
}

impl fmt::Display for EncodingReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("as asked for"),
            Self::Declared => f.write_str("as the file says"),
            Self::Mark => f.write_str("byte order mark"),
            Self::Nuls => f.write_str("no BOM; inferred from NUL bytes"),
            Self::Ascii => f.write_str("plain ASCII"),
            Self::Utf8 { invalid: 0 } => f.write_str("valid"),
            Self::Utf8 { invalid } => write!(f, "invalid places: {invalid}"),
            Self::Detected { confidence } => write!(f, "detected, {confidence} % sure"),
        }
    }
}

/// Detects the encoding from the first bytes of a file, up to and beyond the first byte that is not ASCII.
pub(super) fn detect(
    head: &[u8],
    known_columns: &dyn Fn(&str) -> usize,
) -> Result<EncodingFinding, SourceErrorKind> {
    let (encoding, because) = if let Some(encoding) = by_mark(head)? {
        (encoding, EncodingReason::Mark)
    } else if let Some(encoding) = utf16_by_nuls(&head[..head.len().min(SCORED_BYTES)]) {
        (encoding, EncodingReason::Nuls)
    } else if head.is_ascii() {
        (UTF_8, EncodingReason::Ascii)
    } else if let Some(invalid) = as_utf8(head) {
        (UTF_8, EncodingReason::Utf8 { invalid })
    } else {
        let (encoding, confidence) = best_code_page(telling_part(head), known_columns);
        (encoding, EncodingReason::Detected { confidence })
    };
    Ok(EncodingFinding {
        encoding,
        because,
        sample: sample(head, encoding),
    })
}

fn by_mark(head: &[u8]) -> Result<Option<&'static Encoding>, SourceErrorKind> {
    if head.starts_with(&[0xFF, 0xFE, 0, 0]) || head.starts_with(&[0, 0, 0xFE, 0xFF]) {
        return Err(SourceErrorKind::Foreign {
            what: "text in UTF-32, which is not supported",
            advice: "save it as CSV in UTF-8",
        });
    }
    Ok(Encoding::for_bom(head)
        .map(|(encoding, _)| encoding)
        .filter(|encoding| [UTF_8, UTF_16LE, UTF_16BE].contains(encoding)))
}

/// The result if the text is UTF-8 apart from a few places. Text in a code page rarely has valid sequences.
fn as_utf8(head: &[u8]) -> Option<usize> {
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

/// True if these last bytes can be the beginning of a UTF-8 sequence.
fn starts_sequence(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// The header and the lines around bytes that are not ASCII.
fn telling_part(head: &[u8]) -> &[u8] {
    let line = telling_line(head);
    let start = if line > SCORED_BYTES / 2 { line } else { 0 };
    &head[start..head.len().min(start + SCORED_BYTES)]
}

/// Offset of the first line that is not ASCII.
fn telling_line(head: &[u8]) -> usize {
    let first = head.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    memchr::memrchr2(b'\n', b'\r', &head[..first]).map_or(0, |at| at + 1)
}

fn best_code_page(part: &[u8], known_columns: &dyn Fn(&str) -> usize) -> (&'static Encoding, u8) {
    let mut scores = CODE_PAGES.map(|encoding| (score(part, encoding, known_columns), encoding));
    // A stable sort: on a tie, the more common one stays first.
    scores.sort_by_key(|score| std::cmp::Reverse(score.0));
    let [(best, encoding), (second, _), ..] = scores;
    (encoding, confidence(best, second))
}

/// Confidence in the best code page, in percent: its lead over the second.
fn confidence(best: i64, second: i64) -> u8 {
    if best <= 0 {
        return 10;
    }
    let lead = (best - second.max(0)) * 100 / best;
    u8::try_from(50 + lead.clamp(0, 98) / 2).unwrap_or(99)
}

fn score(part: &[u8], encoding: &'static Encoding, known_columns: &dyn Fn(&str) -> usize) -> i64 {
    let (text, misfits) = encoding.decode_without_bom_handling(part);
    let known = i64::try_from(known_columns(&text)).unwrap_or(0);
    let mut score = known * KNOWN_COLUMN - if misfits { 200 } else { 0 };
    let mut previous = Letter::Other;
    for char in text.chars() {
        let letter = Letter::of(char);
        score += meeting(previous, letter);
        previous = letter;
    }
    score
}

/// The class of a character for scoring pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letter {
    Latin {
        small: bool,
    },
    Accented {
        small: bool,
    },
    Cyrillic {
        small: bool,
        usual: bool,
    },
    /// Punctuation between words: ASCII, a quotation mark, a dash, a no-break space.
    Other,
    /// A sign that is rare next to a letter.
    Odd,
}

impl Letter {
    fn of(char: char) -> Self {
        let small = char.is_lowercase();
        match char {
            'a'..='z' | 'A'..='Z' => Self::Latin { small },
            '\0'..='\x7F'
            | '\u{A0}'
            | '«'
            | '»'
            | '№'
            | '–'
            | '—'
            | '’'
            | '“'
            | '”'
            | '„'
            | '…'
            | '°' => Self::Other,
            'А'..='я' | 'ё' | 'Ё' => Self::Cyrillic {
                small,
                usual: "оеаинтсрвлкмдпуяй".contains(char),
            },
            '\u{400}'..='\u{45F}' | 'ґ' | 'Ґ' => Self::Cyrillic {
                small,
                usual: false,
            },
            '\u{C0}'..='\u{24F}' if char.is_alphabetic() => Self::Accented { small },
            char if char.is_alphabetic() => Self::Accented { small: true },
            _ => Self::Odd,
        }
    }
}

/// The score of an encoding for this pair.
fn meeting(left: Letter, right: Letter) -> i64 {
    use Letter::{Accented, Cyrillic, Latin, Odd, Other};
    match (left, right) {
        (Latin { .. } | Other, Latin { .. } | Other) | (Odd, Other) => 0,
        (Cyrillic { small: true, .. }, Cyrillic { small: false, .. })
        | (Latin { small: true } | Accented { small: true }, Accented { small: false })
        | (Accented { small: true }, Latin { small: false }) => -6,
        (Cyrillic { .. }, Cyrillic { usual, .. }) => 2 + i64::from(usual),
        (Cyrillic { .. }, Latin { .. } | Accented { .. })
        | (Latin { .. } | Accented { .. }, Cyrillic { .. }) => -8,
        (Accented { .. }, Accented { .. }) => -4,
        (Latin { .. }, Accented { .. }) | (Accented { .. }, Latin { .. }) => 3,
        (Other, Cyrillic { .. } | Accented { .. }) | (Cyrillic { .. } | Accented { .. }, Other) => {
            1
        }
        (Odd, _) | (_, Odd) => -3,
    }
}

/// The warning about text that was decoded with the wrong code page: `Îñòàòêè` for `Остатки`. `is_ours`: it was decoded
/// here, so another encoding can be chosen.
pub(super) fn misread_note(text: &str, is_ours: bool) -> Option<String> {
    let word = misread_word(text)?;
    let advice = if is_ours {
        "for Cyrillic, set --encoding windows-1251"
    } else {
        "it was damaged before it came into this file, so export it again"
    };
    Some(format!(
        "the text was apparently decoded with the wrong encoding (`{word}`): {advice}"
    ))
}

/// A word that consists of accented letters, if most words with accents do. Such words are Cyrillic text that was
/// decoded as Western.
fn misread_word(text: &str) -> Option<&str> {
    let is_accented = |char: char| ('À'..='ÿ').contains(&char);
    let words = text.split(|char: char| !char.is_alphabetic() && !is_accented(char));
    let (misread, others): (Vec<_>, Vec<_>) = words
        .filter(|word| word.chars().any(is_accented))
        .partition(|word| word.chars().count() > 2 && word.chars().all(is_accented));
    (misread.len() > others.len().max(2)).then(|| misread[0])
}

/// The first line that is not ASCII, clipped.
pub(super) fn sample(head: &[u8], encoding: &'static Encoding) -> String {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    // In UTF-16 a byte is half a character, so every line is useful.
    let start = if encoding.is_ascii_compatible() {
        telling_line(head)
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
