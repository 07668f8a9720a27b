//! Characters of foreign text that show nothing or command a terminal: they are trimmed, escaped or left out.

use std::{borrow::Cow, fmt::Write as _, ops::Range};

/// Shown instead of a secret.
pub(crate) const HIDDEN: &str = "(hidden)";

/// Untrusted text on one line, safe for a terminal: characters that move the cursor or change colours or the
/// writing direction are escaped as in JSON (`\u001b`), line breaks as `\n`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, commands_terminal)
}

/// Like [`visible`], but keeps line breaks.
pub(crate) fn visible_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && commands_terminal(c))
}

/// True for control characters and characters that change the writing direction.
fn commands_terminal(c: char) -> bool {
    c != '\t' && (c.is_control() || ends_line_or_turns(c))
}

/// True for separators of lines and paragraphs, and for characters that change the writing direction.
const fn ends_line_or_turns(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// True for characters without a glyph: directional marks, joiners, soft hyphens, BOMs.
pub(crate) const fn is_invisible(c: char) -> bool {
    ends_line_or_turns(c)
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// True for white space, control characters and invisible ones, which are trimmed from the ends of a cell.
pub(crate) fn is_margin(c: char) -> bool {
    if c.is_ascii_graphic() {
        return false;
    }
    c.is_whitespace() || c.is_control() || is_invisible(c)
}

/// True for text that shows nothing, including the 0x1A with which DOS programs end a file.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(is_margin)
}

/// The kinds of bytes that a text has, found in one pass. Most texts are too short for vectorised searches.
#[derive(Clone, Copy)]
pub(crate) struct ByteKinds(u8);

impl ByteKinds {
    pub(crate) const DIGIT: u8 = 1;
    pub(crate) const SPACE: u8 = 1 << 1;
    /// A control character of ASCII.
    pub(crate) const CONTROL: u8 = 1 << 2;
    pub(crate) const AT: u8 = 1 << 3;
    /// A quotation mark or a backslash, which JSON escapes.
    pub(crate) const QUOTE: u8 = 1 << 4;
    pub(crate) const NOT_ASCII: u8 = 1 << 5;
    /// A question mark, or a byte with which U+FFFD begins: both replace letters that an encoding lacks.
    pub(crate) const LOST_LETTER: u8 = 1 << 6;
    pub(crate) const COMMA: u8 = 1 << 7;

    const TABLE: [u8; 256] = {
        let mut table = [Self::NOT_ASCII; 256];
        let mut byte = 0;
        while byte < 0x80 {
            table[byte as usize] = Self::of_ascii(byte);
            byte += 1;
        }
        table[0xef] |= Self::LOST_LETTER;
        table
    };

    const fn of_ascii(byte: u8) -> u8 {
        match byte {
            b'0'..=b'9' => Self::DIGIT,
            b' ' => Self::SPACE,
            b',' => Self::COMMA,
            b'@' => Self::AT,
            b'"' | b'\\' => Self::QUOTE,
            b'?' => Self::LOST_LETTER,
            b'!'..=b'~' => 0,
            _ => Self::CONTROL,
        }
    }

    pub(crate) fn of(text: &str) -> Self {
        let add = |kinds, byte: &u8| kinds | Self::TABLE[usize::from(*byte)];
        // The compiler unrolls loops of a known length: half the instructions.
        let (chunks, rest) = text.as_bytes().as_chunks::<8>();
        let of_chunks = chunks
            .iter()
            .fold(0, |kinds, chunk| chunk.iter().fold(kinds, add));
        Self(rest.iter().fold(of_chunks, add))
    }

    /// True if the text has a byte of one of these kinds.
    pub(crate) const fn has(self, kinds: u8) -> bool {
        self.0 & kinds != 0
    }
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    // A fast path: most text needs no escapes.
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if !is_escaped(c) => shown.push(c),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            // Writing to a String can't fail.
            c => drop(write!(shown, "\\u{:04x}", u32::from(c))),
        }
    }
    Cow::Owned(shown)
}

/// The first characters of a text, on one line.
pub(crate) fn clipped(text: &str, chars_max: usize) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let mut clipped: String = text.chars().take(chars_max).map(visible).collect();
    if text.chars().nth(chars_max).is_some() {
        clipped.push('…');
    }
    clipped
}

/// A server's text on one line of at most 300 characters, without control characters.
pub(crate) fn plain(text: &str) -> String {
    const CHARS_MAX: usize = 300;
    let start: String = text.chars().take(CHARS_MAX * 4).collect();
    let words: Vec<_> = start
        .split(is_margin)
        .filter(|word| !word.is_empty())
        .collect();
    clipped(&words.join(" "), CHARS_MAX)
}

/// A value or a name from a file: clipped and in backticks.
pub(crate) fn shown(value: &str) -> String {
    format!("`{}`", clipped(value, 60))
}

/// The text with these ranges, in order of their starts, replaced by `(hidden)`.
pub(crate) fn masked(text: &str, ranges: Vec<Range<usize>>) -> Cow<'_, str> {
    let (mut shown, mut from) = (String::new(), 0);
    for range in ranges.into_iter().filter(|range| !range.is_empty()) {
        shown.push_str(text.get(from..range.start).unwrap_or_default());
        shown.push_str(HIDDEN);
        from = range.end.max(from);
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[from..]);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_command_a_terminal_is_shown_instead() {
        assert_eq!(visible("Ann\tБел 👩\u{200d}🦰"), "Ann\tБел 👩\u{200d}🦰");
        assert_eq!(
            visible("\u{1b}[31ma\u{7}\r\nb\u{9b}c\u{202e}d"),
            r"\u001b[31ma\u0007\r\nb\u009bc\u202ed"
        );
        assert_eq!(visible_lines("a\nb\u{1b}"), "a\nb\\u001b");
    }

    #[test]
    fn foreign_text_is_one_short_line_without_control_characters() {
        assert_eq!(plain("bad\x1b[31m\r\nname\u{202e}x"), "bad [31m name x");
        let long = plain(&"я".repeat(5000));
        assert_eq!(long.chars().count(), 301);
        assert!(long.ends_with('…'));
    }
}
