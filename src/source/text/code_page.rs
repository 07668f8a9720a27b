//! Detects the code page of a text: the one in which its words look most like words.
//!
//! Code pages agree on ASCII, so only words with other bytes are compared. Each candidate decodes them, and the
//! score of a word is its log probability: that of its letters in the language that fits best, and that of its
//! symbols between their neighbours. The lead over a candidate that decodes different text is a ratio of
//! probabilities that grows with the number of words, so a small lead means doubt.

use std::collections::HashSet;

use encoding_rs::{
    Encoding, IBM866, KOI8_R, KOI8_U, MACINTOSH, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252,
    X_MAC_CYRILLIC,
};

use super::languages::{MODEL, is_letter};
use crate::wording::float;

/// The code pages of contact files, with log priors. On a tie, the first wins.
const CODE_PAGES: [(&Encoding, f64); 8] = [
    (WINDOWS_1252, 0.0),
    (WINDOWS_1251, 0.0),
    (WINDOWS_1250, -1.5),
    (KOI8_R, -2.0),
    (IBM866, -2.0),
    (MACINTOSH, -4.0),
    (KOI8_U, -4.0),
    (X_MAC_CYRILLIC, -5.0),
];
/// The upper half of code page 850, in which Excel saves "CSV (MS-DOS)" in Western Europe and Latin America. The
/// letters of Spanish and Portuguese in 437 are the same. It is recognized to be named: there is no decoder for it.
const DOS: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{AD}±‗¾¶§÷¸°¨·¹³²■\u{A0}";
/// The log prior of MS-DOS.
const DOS_SHARE: f64 = -4.0;
/// Maximum number of distinct words that are compared. More don't change the result.
const WORDS_MAX: usize = 500;
/// Longer words are clipped, so that text without spaces doesn't take long.
const WORD_BYTES_MAX: usize = 200;
/// The minimum lead of a result without doubt.
const SURE: f64 = 4.0;
/// The score of a known column name.
const KNOWN_COLUMN: f64 = 6.0;
/// The score of a word in another language than the file's.
const OTHER_LANGUAGE: f64 = -6.0;

/// A code page that is almost as likely as the best one and decodes different text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) struct Rival {
    pub(super) encoding: &'static Encoding,
    /// Words that differ, as decoded by the best code page and by this one.
    pub(in crate::source) words: Vec<(String, String)>,
}

/// The best code page, and a rival if the result is uncertain. `None` for text that is surely of MS-DOS.
pub(super) fn best(
    text: &[u8],
    known_columns: &dyn Fn(&str) -> usize,
) -> Option<(&'static Encoding, Option<Rival>)> {
    let words = non_ascii_words(text);
    let head = &text[..text.len().min(1 << 13)];
    let total = |share: f64, decode: &dyn Fn(&[u8]) -> String| {
        let known = float(known_columns(&decode(head)) as u64);
        share + known * KNOWN_COLUMN + score(&words, decode)
    };
    let mut scores = CODE_PAGES.map(|(encoding, share)| {
        let score = total(share, &|bytes| decode(bytes, encoding));
        (score, encoding)
    });
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (best, encoding) = scores[0];
    if total(DOS_SHARE, &of_dos) - best > SURE {
        return None;
    }
    let others = scores[1..].iter();
    let rival = others
        .take_while(|(score, _)| best - score < SURE)
        .map(|&(_, other)| Rival {
            encoding: other,
            words: differing(&words, encoding, other),
        })
        .find(|rival| !rival.words.is_empty());
    Some((encoding, rival))
}

fn of_dos(text: &[u8]) -> String {
    let upper: Vec<char> = DOS.chars().collect();
    let decoded = text.iter().map(|&byte| match byte.checked_sub(0x80) {
        Some(at) => upper[usize::from(at)],
        None => char::from(byte),
    });
    decoded.collect()
}

/// The words that differ in two code pages, without surrounding characters.
fn differing(
    words: &[&[u8]],
    one: &'static Encoding,
    other: &'static Encoding,
) -> Vec<(String, String)> {
    let is_around = |char: char| char.is_ascii() && !char.is_ascii_alphanumeric();
    let decoded = |word, encoding| decode(word, encoding).trim_matches(is_around).to_owned();
    let both = words
        .iter()
        .map(|word| (decoded(word, one), decoded(word, other)));
    both.filter(|(one, other)| one != other).collect()
}

fn decode(word: &[u8], encoding: &'static Encoding) -> String {
    encoding.decode_without_bom_handling(word).0.into_owned()
}

/// The distinct words with non-ASCII characters, with surrounding characters.
fn non_ascii_words(text: &[u8]) -> Vec<&[u8]> {
    let is_part = |byte: &u8| !byte.is_ascii() || byte.is_ascii_alphanumeric();
    let mut seen = HashSet::new();
    let mut at = 0;
    while seen.len() < WORDS_MAX
        && let Some(next) = text[at..].iter().position(|byte| !byte.is_ascii())
    {
        let first = at + next;
        let before = text[at..first].iter().rposition(|byte| !is_part(byte));
        let start = before.map_or(at, |before| at + before);
        let len = text[first..].iter().position(|byte| !is_part(byte));
        let end = len.map_or(text.len(), |len| first + len);
        let clipped = (end + 1).min(start + WORD_BYTES_MAX).min(text.len());
        seen.insert(&text[start..clipped]);
        at = end;
    }
    let mut words: Vec<_> = seen.into_iter().collect();
    // Back to file order.
    words.sort_by_key(|word| word.as_ptr());
    words
}

fn score(words: &[&[u8]], decode: &dyn Fn(&[u8]) -> String) -> f64 {
    let mut beside_language = 0.0;
    let mut in_language: Vec<f64> = Vec::new();
    for word in words {
        let text: Vec<char> = decode(word).chars().collect();
        beside_language += neighbours(&text);
        let scores: Vec<f64> = MODEL.scores(&text).collect();
        let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        in_language.resize(scores.len(), 0.0);
        for (sum, score) in in_language.iter_mut().zip(scores) {
            *sum += score.max(best + OTHER_LANGUAGE);
        }
    }
    let of_language = in_language.into_iter().reduce(f64::max);
    beside_language + of_language.unwrap_or_default()
}

/// The score of each non-ASCII character for its neighbours, whatever the language.
fn neighbours(text: &[char]) -> f64 {
    let at = |index: Option<usize>| {
        index
            .and_then(|index| text.get(index))
            .copied()
            .unwrap_or(' ')
    };
    (0..text.len())
        .map(|index| {
            let (left, right) = (at(index.checked_sub(1)), at(Some(index + 1)));
            match text[index] {
                char if char.is_ascii() => 0.0,
                letter if is_letter(letter) => beside(left, letter, right),
                sign => symbol(left, sign, right),
            }
        })
        .sum()
}

/// The score of a letter for its case and for adjacent digits.
fn beside(left: char, letter: char, right: char) -> f64 {
    let mut score = 0.0;
    let is_capital = letter.is_uppercase();
    if !is_letter(left) && !is_letter(right) {
        score -= 5.0;
    }
    // A capital after a small letter, counted once per pair.
    if left.is_lowercase() && is_capital || right.is_ascii_uppercase() && letter.is_lowercase() {
        score -= 5.0;
    }
    for other in [left, right] {
        if other.is_ascii_digit() {
            score -= 3.0;
        }
    }
    score
}

/// The score of a symbol, which is low if its neighbours are implausible.
fn symbol(left: char, sign: char, right: char) -> f64 {
    let is_digit = |char: char| char.is_ascii_digit();
    let is_word = |char: char| is_letter(char) || is_digit(char);
    let beside_letter = is_letter(left) || is_letter(right);
    let (is_usual, usual, otherwise) = match sign {
        '\u{A0}' => (is_word(left) || is_word(right), -3.0, -6.5),
        // Within a word, it compensates for the two word ends.
        '’' if is_letter(left) && is_letter(right) => (true, 1.0, 1.0),
        '’' => (beside_letter, -5.5, -8.0),
        '‘' | '“' | '”' | '„' | '«' | '»' => {
            (is_word(left) || is_word(right), -4.5, -6.0)
        }
        '–' | '—' => {
            let is_range = is_digit(left) && is_digit(right);
            (is_range || !is_word(left) && !is_word(right), -4.5, -8.5)
        }
        '…' => (is_word(left), -4.0, -7.0),
        '№' => (!is_word(left) && !is_letter(right), -3.5, -9.0),
        '£' | '€' | '¥' | '¢' => (!beside_letter, -6.5, -10.0),
        '©' | '®' | '™' => (!is_word(left) || !is_word(right), -6.0, -9.0),
        '°' | 'º' | 'ª' => (is_word(left) && !is_digit(right), -5.5, -9.0),
        '¿' | '¡' => (!is_word(left) && is_letter(right), -5.0, -10.0),
        '·' | '•' | '´' | '§' | '×' | '½' | '¼' | '¾' | '±' | 'µ' | '²' | '³' | '¹' | '†' | '¦'
        | '¬' => (!beside_letter, -8.0, -10.5),
        '\u{80}'..='\u{9F}' | char::REPLACEMENT_CHARACTER => (false, -18.0, -18.0),
        _ => (false, -13.0, -13.0),
    };
    if is_usual { usual } else { otherwise }
}
