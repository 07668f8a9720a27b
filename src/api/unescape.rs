//! Undoes the escapes with which a text may quote another one: JSON, percent-encoding, entities, runs of white
//! space (which messages collapse), and invisible characters such as the NULs of UTF-16.

use std::{borrow::Cow, iter};

use html5ever::data::NAMED_ENTITIES;
use wide::u8x16;

use crate::characters::is_invisible;

/// No real quotation has more layers.
const LAYERS_MAX: usize = 5;

/// The original text, then the text with one, two and more layers of escapes undone.
pub(super) fn layers(text: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let next = |text: &Cow<'_, [u8]>| unescaped(text).map(Cow::Owned);
    iter::successors(Some(Cow::Borrowed(text)), next).take(LAYERS_MAX)
}

/// The text with one layer of escapes undone; `None` if it has none but `\"`, like many pages of contacts. A quote is not
/// part of other escapes, so undoing these reveals none.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    escapes(text).find(|(at, length, _)| text[*at..at + length] != *br#"\""#)?;
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    for (escape, length, meaning) in escapes(text) {
        plain.extend_from_slice(&text[at..escape]);
        at = escape + length;
        match meaning {
            Unescaped::Nothing => {}
            Unescaped::Byte(byte) => plain.push(byte),
            Unescaped::Char(c) => plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
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

/// The escapes of a text: position, length and meaning.
fn escapes(text: &[u8]) -> impl Iterator<Item = (usize, usize, Unescaped)> {
    let mut at = 0;
    iter::from_fn(move || {
        let (escape, length, meaning) = next_escape(text, at)?;
        at = escape + length;
        Some((escape, length, meaning))
    })
}

/// The next escape from `at` on.
fn next_escape(text: &[u8], at: usize) -> Option<(usize, usize, Unescaped)> {
    let escape_in = |start: usize, chunk: &[u8; CHUNK]| {
        let mut left = beginnings(chunk);
        while left != 0 {
            let at = start + left.trailing_zeros() as usize;
            if let Some((length, meaning)) = escape(&text[at..]) {
                return Some((at, length, meaning));
            }
            left &= left - 1;
        }
        None
    };
    let (chunks, rest) = text[at..].as_chunks();
    let mut numbered = (at..).step_by(CHUNK).zip(chunks);
    numbered
        .find_map(|(start, chunk)| escape_in(start, chunk))
        .or_else(|| {
            let mut last = [b'.'; CHUNK];
            last[..rest.len()].copy_from_slice(rest);
            escape_in(text.len() - rest.len(), &last)
        })
}

/// The number of bytes that are looked at together.
const CHUNK: usize = 16;

/// Bit n: an escape may begin at byte n. Almost all bytes are ruled out here.
#[inline]
fn beginnings(chunk: &[u8; CHUNK]) -> u32 {
    let chunk = u8x16::new(*chunk);
    let is = |byte| chunk.simd_eq(u8x16::splat(byte));
    let is_space = chunk.min(u8x16::splat(b' ')).simd_eq(chunk) | is(0x7f);
    let is_mark = is(b'%') | is(b'&') | is(b'\\');
    // The first bytes of invisible characters, but not of Cyrillic letters.
    let may_be_invisible = is(0xc2) | is(0xd8) | is(0xe1) | is(0xe2) | is(0xef);
    (is_space | is_mark | may_be_invisible).to_bitmask()
}

/// The escape at the start of a text that [`beginnings`] found.
fn escape(text: &[u8]) -> Option<(usize, Unescaped)> {
    match text[0] {
        b'%' => percent(text),
        b'\\' => backslash(text),
        b'&' => entity(text),
        0 => Some((1, Unescaped::Nothing)),
        byte if is_space(byte) => space(text),
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
