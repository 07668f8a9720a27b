//! Tidying a cell without touching what it says: white space at the ends, Excel's tricks, our own guard.
//!
//! Almost every cell needs nothing, and is known from its first and last character to need nothing.

use std::borrow::Cow;

use super::notes::{Note, Notes};
use crate::source::is_margin;

/// Text for people: names, links. A quote mark that guards a formula is taken off, others are kept.
///
/// Line ends and control characters inside of it are kept as well: the account may have such names, and to export and import
/// them is to change nothing. Who shows them makes them [`visible`](crate::wording::visible).
pub(super) fn tidy<'r>(cell: &'r str, notes: &mut Notes) -> Cow<'r, str> {
    if is_tidy(cell) && !holds_carriage_return(cell.as_bytes()) {
        return Cow::Borrowed(cell);
    }
    let text = unwrap_formula(trimmed(cell, notes), notes);
    let text = unguarded(text, notes);
    if text.contains("_x000D_") {
        return Cow::Owned(text.replace("_x000D_", ""));
    }
    Cow::Borrowed(text)
}

/// An id, a handle or a number: one leading apostrophe is Excel's, whatever follows.
pub(super) fn tidy_code<'r>(cell: &'r str, notes: &mut Notes) -> &'r str {
    if is_tidy(cell) {
        return cell;
    }
    let text = unwrap_formula(trimmed(cell, notes), notes);
    match text.strip_prefix('\'') {
        Some(rest) => {
            notes.count(Note::Apostrophe, || format!("{text} → {rest}"));
            trimmed(rest, notes)
        }
        None => text,
    }
}

/// Does the cell begin and end with something visible that no trick begins with?
fn is_tidy(cell: &str) -> bool {
    let (Some(&first), Some(last)) = (cell.as_bytes().first(), cell.chars().next_back()) else {
        return true;
    };
    let plain_start = match first {
        b'\'' | b'=' | 0..=b' ' | 0x7f => false,
        // The white space and the marks of Unicode are in these rows; Latin and Cyrillic are not.
        0xc2 | 0xd8 | 0xe1..=0xe3 | 0xef => cell.chars().next().is_some_and(|c| !is_margin(c)),
        _ => true,
    };
    plain_start && !is_margin(last)
}

/// `_x000D_` is how a workbook writes a carriage return.
fn holds_carriage_return(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'_', bytes).any(|at| bytes[at..].starts_with(b"_x000D_"))
}

fn trimmed<'r>(cell: &'r str, notes: &mut Notes) -> &'r str {
    let text = cell.trim_matches(is_margin);
    if text.len() < cell.len() && cell.trim() != text {
        notes.count(Note::Invisible, || text.to_owned());
    }
    text
}

/// `="79991234567"` is how exporters keep Excel from reading a number.
fn unwrap_formula<'r>(text: &'r str, notes: &mut Notes) -> &'r str {
    let inner = text
        .strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|inner| !inner.contains('"'));
    inner.map_or(text, |inner| {
        notes.count(Note::Unquoted, || format!("{text} → {inner}"));
        inner.trim_matches(is_margin)
    })
}

/// Undoes the guard that our export and other careful exporters put before `= + - @`. Text that had
/// apostrophes before such a character got one more, so one is taken off however many there are.
fn unguarded<'r>(text: &'r str, notes: &mut Notes) -> &'r str {
    let Some(rest) = text.strip_prefix('\'') else {
        return text;
    };
    if !rest
        .trim_start_matches('\'')
        .starts_with(['=', '+', '-', '@', '\t', '\r'])
    {
        return text;
    }
    notes.count(Note::Apostrophe, || format!("{text} → {rest}"));
    rest
}

/// Has it more characters than `limit`? Counts only where the bytes do not settle it.
pub(super) fn is_longer(text: &str, limit: usize) -> bool {
    text.len() > limit && text.chars().count() > limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_tidied_and_nothing_else() {
        for (cell, wanted) in [
            ("Ann", "Ann"),
            ("Анна", "Анна"),
            (" Ann\u{a0}", "Ann"),
            ("\u{feff}Ann\u{200e}", "Ann"),
            ("\t\u{1f}Ann\r\n", "Ann"),
            ("O'Brien", "O'Brien"),
            ("'Abd", "'Abd"),
            ("'=Ann", "=Ann"),
            ("''=Ann", "'=Ann"),
            ("'+7", "+7"),
            ("=\"Ann\"", "Ann"),
            ("a  b\nc", "a  b\nc"),
            ("a\u{b}\u{1b}[31mb\u{7}.", "a\u{b}\u{1b}[31mb\u{7}."),
            ("a_x000D_\nb", "a\nb"),
            ("👩\u{200d}🦰 Ann", "👩\u{200d}🦰 Ann"),
            ("Ünal", "Ünal"),
            ("€uro", "€uro"),
            ("   ", ""),
            ("", ""),
        ] {
            assert_eq!(tidy(cell, &mut Notes::default()), wanted, "{cell:?}");
        }
    }

    #[test]
    fn codes_lose_one_apostrophe() {
        for (cell, wanted) in [
            ("'123", "123"),
            ("''123", "'123"),
            ("=\"00123\"", "00123"),
            ("a_b", "a_b"),
        ] {
            assert_eq!(tidy_code(cell, &mut Notes::default()), wanted, "{cell:?}");
        }
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        assert!(!is_longer(&"ж".repeat(100), 100));
        assert!(is_longer(&"ж".repeat(101), 100));
    }
}
