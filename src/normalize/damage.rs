//! Recognizes text that was damaged before the file was saved, or is read in the wrong encoding: letters replaced by
//! question marks or U+FFFD, UTF-8 that was read as another encoding and saved again (`MarÃ­a`), and Cyrillic that was
//! read as a Western code page (`Îñòàòêè`). The tool can't restore it, so it warns.

use encoding_rs::{MACINTOSH, WINDOWS_1251, WINDOWS_1252};
use wide::u8x16;

use crate::characters::ByteKinds;

/// True for text that hardly anyone would write, unlike its undamaged form.
pub(super) fn is_damaged(text: &str) -> bool {
    let (is_ascii, may_have_lost_letters) = looked_at(text);
    (may_have_lost_letters
        && (has_lost_letters(text) || text.contains(char::REPLACEMENT_CHARACTER)))
        || (!is_ascii && may_be_misread(text) && (is_saved_twice(text) || is_cyrillic(text)))
}

/// True for ASCII; and true if a byte is a question mark or one with which U+FFFD begins.
fn looked_at(text: &str) -> (bool, bool) {
    const PART: usize = 16;
    let bytes = text.as_bytes();
    let Some(last) = bytes.last_chunk::<PART>() else {
        let bytes = ByteKinds::of(text);
        return (
            !bytes.has(ByteKinds::NOT_ASCII),
            bytes.has(ByteKinds::LOST_LETTER),
        );
    };
    let question_mark = u8x16::splat(b'?');
    let first_of_replacement = u8x16::splat(0xef);
    let (mut all, mut doubtful) = (u8x16::ZERO, u8x16::ZERO);
    let mut look_at = |part: &[u8; PART]| {
        let part = u8x16::new(*part);
        all |= part;
        doubtful |= part.simd_eq(question_mark) | part.simd_eq(first_of_replacement);
    };
    for part in bytes.as_chunks().0 {
        look_at(part);
    }
    // It may overlap the part before.
    look_at(last);
    (all.to_bitmask() == 0, doubtful.to_bitmask() != 0)
}

/// True for letters that were replaced by question marks: within a word, or more than a person would type.
fn has_lost_letters(text: &str) -> bool {
    const TYPED_MAX: usize = 3;
    let is_word = |char: char| char.is_alphanumeric();
    let within_word = text.match_indices('?').any(|(at, _)| {
        let after = text[at..].trim_start_matches('?');
        text[..at].ends_with(char::is_alphabetic) && after.starts_with(char::is_alphabetic)
    });
    let marks = text.matches('?').count();
    within_word
        || text.contains(&"?".repeat(TYPED_MAX + 1))
        || (marks > TYPED_MAX && !text.contains(is_word))
}

/// Rules out almost every name without encoding it: by its first two adjacent characters beyond ASCII, or because too
/// few may be later bytes. Of a character in UTF-8, all bytes but the first are later ones, and one of two may be lost.
fn may_be_misread(text: &str) -> bool {
    const FIRST: u8 = 0xc0;
    let mut pairs = text.as_bytes().windows(2);
    // The last byte of a character beyond ASCII, and the first byte of the next one.
    let pair = pairs.position(|pair| (0x80..FIRST).contains(&pair[0]) && pair[1] >= FIRST);
    let next = pair.and_then(|last| text[last + 1..].chars().next());
    let others = || text.chars().filter(|char| !char.is_ascii());
    next.is_some_and(may_be_later_byte)
        && 2 * others().count() <= 5 * others().filter(|&char| may_be_later_byte(char)).count()
}

/// True for characters that a byte after the first of a character in UTF-8 becomes in a code page. Basic Cyrillic
/// letters are first bytes.
const fn may_be_later_byte(char: char) -> bool {
    matches!(char,
        '\u{80}'..='\u{2ff}' | '\u{400}'..='\u{40f}' | '\u{450}'..='\u{491}' | '\u{2010}'..='\u{25ff}')
}

/// True for Cyrillic that was read as a Western code page: no language has so many adjacent accents.
fn is_cyrillic(text: &str) -> bool {
    const ADJACENT: usize = 4;
    let mut words = text.split(|char| !matches!(char, 'À'..='ÿ'));
    words.any(|word| word.chars().count() >= ADJACENT)
}

/// True for UTF-8 that was read as a code page, of Windows or the old Mac.
fn is_saved_twice(text: &str) -> bool {
    [WINDOWS_1252, WINDOWS_1251, MACINTOSH]
        .into_iter()
        .any(|page| {
            let (bytes, _, is_replaced) = page.encode(text);
            !is_replaced && is_mostly_utf8(&bytes)
        })
}

/// True if the bytes beyond ASCII form characters in UTF-8. Programs that read a code page may lose some bytes. A
/// single character may be a coincidence (`NESTLÉ®`) unless it is a Latin letter or has three bytes.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut characters, mut lost) = (0, 0);
    let mut is_sure = false;
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars().filter(|char| !char.is_ascii()) {
            characters += 1;
            is_sure |= matches!(char, '\u{80}'..='\u{17f}' | '\u{800}'..);
        }
        lost += chunk.invalid().len();
    }
    match characters {
        0 => false,
        1 => is_sure && lost == 0,
        _ => lost * 2 <= characters,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fast_paths_change_no_result(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "a", " ", "?", "1", "é", "Ã", "©", "\u{90}", "\u{fffd}", "А", "н", "ё", "Р", "С", "Ђ", "°", "µ", "»",
                    "â", "€", "™", "ð", "Ÿ", "˜", "√", "≠", "韩", "😀",
                ]),
                0..24,
            ),
        ) {
            let text = pieces.concat();
            let is_misread = || {
                let chars: Vec<_> = text.chars().filter(|char| !char.is_ascii()).collect();
                let mut pairs = text.chars().zip(text.chars().skip(1));
                let pair = pairs.find(|(char, next)| !char.is_ascii() && !next.is_ascii());
                let later = chars.iter().filter(|char| may_be_later_byte(**char)).count();
                pair.is_some_and(|(_, next)| may_be_later_byte(next))
                    && 2 * chars.len() <= 5 * later
                    && (is_saved_twice(&text) || is_cyrillic(&text))
            };
            let is_lost = has_lost_letters(&text) || text.contains(char::REPLACEMENT_CHARACTER);
            prop_assert_eq!(is_damaged(&text), is_lost || is_misread());
        }
    }

    #[test]
    fn damaged_names_are_told_from_others() {
        for damaged in [
            "????",
            "??? ???",
            "Jos? P?rez",
            "Mar??a",
            "Mu\u{fffd}oz",
            "MarÃ\u{ad}a",
            "JosÃ© PeÃ±a",
            "Ð\u{90}Ð½Ð½Ð°",
            "ÐÐ½Ð½Ð°",
            "Р°РЅРЅР°",
            "РђРЅРЅР° Р\u{98}РІР°РЅРѕРІР°",
            "Mar√≠a",
            "Anna ðŸ˜€",
            "Oâ€™Brien",
            "Îñòàòêè",
            "ID Ïåòð",
        ] {
            assert!(is_damaged(damaged), "{damaged:?}");
        }
        for sound in [
            "",
            "Ann",
            "Ann?",
            "???",
            "Anna ???",
            "who? me",
            "María Ñíguez",
            "JOÃO SÃO",
            "NESTLÉ®",
            "“CAFÉ”",
            "«É»",
            "ООО «Ромашка»",
            "Пётр Ёлкин",
            "Її Іївна",
            "Ґалаґан №5",
            "Łódź Żółć",
            "Ünlü Çağrı Öğüt",
            "Αθηνά",
            "김민준 李小龙",
            "👩\u{200d}🦰 Ann",
            "Ñ™",
            "Ç¢",
            "Þórður Fríðason",
            "Édéééd",
        ] {
            assert!(!is_damaged(sound), "{sound:?}");
        }
    }
}
