//! Undoes the escapes with which a text may quote another one: JSON, percent-encoding, entities, runs of white
//! space (which messages collapse), and invisible characters such as the NULs of UTF-16.

use std::{borrow::Cow, iter};

use html5ever::data::NAMED_ENTITIES;

use crate::characters::is_invisible;

/// No real quotation has more layers.
const LAYERS_MAX: usize = 5;

/// The original text, then the text with one, two and more layers of escapes undone.
pub(super) fn layers(text: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let next = |text: &Cow<'_, [u8]>| unescaped(text).map(Cow::Owned);
    iter::successors(Some(Cow::Borrowed(text)), next).take(LAYERS_MAX)
}

/// The text with one layer of escapes undone; `None` without escapes.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut next = next_escape(text, 0);
    next?;
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some((escape, length, meaning)) = next {
        plain.extend_from_slice(&text[at..escape]);
        at = escape + length;
        match meaning {
            Unescaped::Nothing => {}
            Unescaped::Byte(byte) => plain.push(byte),
            Unescaped::Char(c) => plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        next = next_escape(text, at);
    }
    plain.extend_from_slice(&text[at..]);
    Some(plain)
}

#[derive(Clone, Copy)]
enum Unescaped {
    Nothing,
    Byte(u8),
    Char(char),
}

/// The bytes with which an escape may begin. Almost all other bytes are skipped quickly.
const BEGINNINGS: [bool; 256] = {
    let mut beginnings = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        beginnings[byte] = matches!(
            byte,
            0..=0x20 | 0x7f | 0x25 | 0x26 | 0x5c | 0xc2 | 0xd8 | 0xe1 | 0xe2 | 0xef
        );
        byte += 1;
    }
    beginnings
};

/// The next escape from `at` on: its position, length and meaning.
fn next_escape(text: &[u8], mut at: usize) -> Option<(usize, usize, Unescaped)> {
    loop {
        at += plain_bytes(&text[at..]);
        let mut bytes = text[at..].iter();
        at += bytes.position(|byte| BEGINNINGS[usize::from(*byte)])?;
        if let Some((length, meaning)) = escape(&text[at..]) {
            return Some((at, length, meaning));
        }
        at += 1;
    }
}

/// The length of the chunks at the start of a text in which no escape can begin. Without an early exit in a chunk, this takes half
/// as long as a search for the first byte.
fn plain_bytes(text: &[u8]) -> usize {
    let may_begin = |any, byte: &u8| any | BEGINNINGS[usize::from(*byte)];
    let is_plain = |chunk: &&[u8; 16]| !chunk.iter().fold(false, may_begin);
    let (chunks, _) = text.as_chunks();
    chunks.iter().take_while(is_plain).count() * 16
}

/// The escape at the start of a text whose first byte is in [`BEGINNINGS`].
fn escape(text: &[u8]) -> Option<(usize, Unescaped)> {
    match text[0] {
        b'%' => percent(text),
        b'\\' => backslash(text),
        b'&' => entity(text),
        0 => Some((1, Unescaped::Nothing)),
        byte if is_space(byte) => space(text),
        // The first bytes of invisible characters, but not of Cyrillic letters.
        _ => invisible(text),
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, 1..=b' ' | 0x7f)
}

fn space(text: &[u8]) -> Option<(usize, Unescaped)> {
    let length = text.iter().take_while(|byte| is_space(**byte)).count();
    (text[..length] != *b" ").then_some((length, Unescaped::Byte(b' ')))
}

fn invisible(text: &[u8]) -> Option<(usize, Unescaped)> {
    let longest = &text[..text.len().min(4)];
    let c = longest.utf8_chunks().next()?.valid().chars().next()?;
    is_invisible(c).then_some((c.len_utf8(), Unescaped::Nothing))
}

fn percent(text: &[u8]) -> Option<(usize, Unescaped)> {
    let byte = u8::try_from(number(text.get(1..3)?, 16)?).ok()?;
    Some((3, Unescaped::Byte(byte)))
}

fn backslash(text: &[u8]) -> Option<(usize, Unescaped)> {
    let byte = match text.get(1)? {
        byte @ (b'"' | b'\\' | b'/' | b'\'') => *byte,
        b'n' | b'r' | b't' | b'b' | b'f' => b' ',
        b'x' => {
            let byte = u8::try_from(number(text.get(2..4)?, 16)?).ok()?;
            return Some((4, Unescaped::Char(char::from(byte))));
        }
        b'u' => return unicode(text),
        _ => return None,
    };
    Some((2, Unescaped::Byte(byte)))
}

/// `\u0041`, or a surrogate pair.
fn unicode(text: &[u8]) -> Option<(usize, Unescaped)> {
    let unit = number(text.get(2..6)?, 16)?;
    if let Some(c) = char::from_u32(unit) {
        return Some((6, Unescaped::Char(c)));
    }
    let second = text.get(6..)?.strip_prefix(br"\u")?;
    let low = number(second.get(..4)?, 16)?.checked_sub(0xDC00)?;
    let low = Some(low).filter(|low| *low < 0x400)?;
    let c = char::from_u32(0x1_0000 + (unit.checked_sub(0xD800)? << 10) + low)?;
    Some((12, Unescaped::Char(c)))
}

/// `&#65;`, `&#x41;` or `&amp;`. The semicolon of a number is optional, as in browsers.
fn entity(text: &[u8]) -> Option<(usize, Unescaped)> {
    let Some(numeric) = text.strip_prefix(b"&#") else {
        let end = text.iter().take(10).position(|byte| *byte == b';')?;
        let name = str::from_utf8(&text[1..=end]).ok()?;
        let (c, second) = NAMED_ENTITIES.get(name)?;
        let c = char::from_u32(*c).filter(|_| *second == 0)?;
        return Some((end + 1, Unescaped::Char(c)));
    };
    let (prefix, radix) = match numeric.first()? {
        b'x' | b'X' => (3, 16),
        _ => (2, 10),
    };
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
    let digits = text[prefix..].iter().take_while(is_digit).count();
    let end = prefix + digits;
    let c = char::from_u32(number(&text[prefix..end], radix)?)?;
    let semicolon = usize::from(text.get(end) == Some(&b';'));
    Some((end + semicolon, Unescaped::Char(c)))
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let is_plain = digits.iter().all(u8::is_ascii_alphanumeric);
    let text = str::from_utf8(digits).ok().filter(|_| is_plain)?;
    u32::from_str_radix(text, radix).ok()
}
