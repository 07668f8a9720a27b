//! Cleans up a cell without changing its meaning: surrounding white space, Excel's workarounds, our own formula
//! guard.
//!
//! Almost every cell is already clean, which its first and last characters reveal.

use std::borrow::Cow;

use super::edits::{Edit, Edits};
use crate::{
    characters::is_margin,
    contact::is_web_address,
    formula::{self, unquoted},
};

/// Cleans up free text: names and links. Removes an apostrophe only if it guards a formula.
///
/// Line ends and control characters inside the text are kept, because the account may have such names, and
/// exporting and importing must not change anything. Messages show them with [`visible`](crate::characters::visible).
pub(super) fn tidy<'r>(cell: &'r str, edits: &mut Edits) -> Cow<'r, str> {
    if is_tidy(cell) {
        return Cow::Borrowed(cell);
    }
    let text = trimmed(cell, edits);
    if let Some(inner) = unwrapped(text, edits) {
        return inner;
    }
    Cow::Borrowed(unguarded(text, edits))
}

/// Counts a link that browsers can't open.
pub(super) fn inspect_link(link: &str, edits: &mut Edits) {
    let is_scheme =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let has_scheme = is_web_address(link)
        || link
            .split_once(':')
            .is_some_and(|(scheme, _)| is_scheme(scheme));
    if !link.is_empty() && !has_scheme {
        edits.count(Edit::LinkWithoutScheme, || link.to_owned());
    }
}

/// Cleans up an id, a handle or a number. Removes one leading apostrophe, which is Excel's.
pub(super) fn tidy_code<'r>(cell: &'r str, edits: &mut Edits) -> &'r str {
    if is_tidy(cell) {
        return cell;
    }
    let text = trimmed(cell, edits);
    // Ids and handles contain no quotes.
    if let Some(Cow::Borrowed(inner)) = unwrapped(text, edits) {
        return inner;
    }
    match text.strip_prefix('\'') {
        Some(rest) => {
            edits.count(Edit::Apostrophe, || format!("{text} → {rest}"));
            trimmed(rest, edits)
        }
        None => text,
    }
}

/// True if the cell begins and ends with visible characters and does not begin with a workaround.
fn is_tidy(cell: &str) -> bool {
    let Some(&first) = cell.as_bytes().first() else {
        return true;
    };
    let plain_start = match first {
        b'\'' | b'=' | 0..=b' ' | 0x7f => false,
        // The first bytes of Unicode's white space and marks, but not of Latin and Cyrillic letters.
        0xc2 | 0xd8 | 0xe1..=0xe3 | 0xef => cell.chars().next().is_some_and(|c| !is_margin(c)),
        _ => true,
    };
    let plain_end = match cell.as_bytes() {
        // The first bytes of letters, most of them Latin and Cyrillic, but not of white space and marks.
        [.., b'!'..=b'~'] | [.., 0xc3..=0xd7, _] => true,
        _ => !cell.ends_with(is_margin),
    };
    plain_start && plain_end
}

fn trimmed<'r>(cell: &'r str, edits: &mut Edits) -> &'r str {
    let text = cell.trim_matches(is_margin);
    if text.len() < cell.len() && cell.trim() != text {
        edits.count(Edit::Invisible, || text.to_owned());
    }
    text
}

/// Unwraps `="79991234567"`, which exporters write to stop Excel from converting a number, and `=" Ann"`, which
/// our export writes to keep surrounding spaces. The text in the quotes is the literal value, with quotes doubled.
fn unwrapped<'r>(text: &'r str, edits: &mut Edits) -> Option<Cow<'r, str>> {
    if let Some((_, shown)) = hyperlink(text) {
        edits.count(Edit::Hyperlink, || format!("{text} → {shown}"));
        return Some(Cow::Borrowed(shown));
    }
    let escaped = formula::unescaped(text).map(Cow::Owned);
    let value = escaped.or_else(|| unquoted(text))?;
    edits.count(Edit::Unquoted, || format!("{text} → {value}"));
    Some(value)
}

/// The web address and the text of `=HYPERLINK("https://…","Open")`. Without a text, the address is displayed.
fn hyperlink(text: &str) -> Option<(&str, &str)> {
    let (address, others) = formula::hyperlink(text.strip_prefix('=')?)?;
    let shown = if others.is_empty() {
        address
    } else {
        others.strip_prefix('"')?.strip_suffix('"')?
    };
    (!shown.contains('"')).then_some((address, shown))
}

/// The web address of a cell that is a formula for a link.
pub(super) fn link_target<'r>(cell: &'r str, edits: &mut Edits) -> Option<&'r str> {
    if is_tidy(cell) {
        return None;
    }
    let text = cell.trim_matches(is_margin);
    let (address, _) = hyperlink(text).filter(|(address, _)| is_web_address(address))?;
    edits.count(Edit::Hyperlink, || format!("{text} → {address}"));
    Some(address)
}

/// Removes the apostrophe that our export and other exporters put before `= + - @`. Text that already began with
/// apostrophes got another one, so exactly one is removed.
fn unguarded<'r>(text: &'r str, edits: &mut Edits) -> &'r str {
    let rest = formula::unguarded(text);
    if rest.len() < text.len() {
        edits.count(Edit::Apostrophe, || format!("{text} → {rest}"));
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fast_paths_know_every_margin() {
        for c in ('\0'..=char::MAX).filter(|c| !matches!(c, '\'' | '=')) {
            let is_plain = !is_margin(c);
            assert_eq!(is_tidy(&format!("{c}a")), is_plain, "{c:?}");
            assert_eq!(is_tidy(&format!("a{c}")), is_plain, "{c:?}");
        }
    }

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
            ("=\"\"\"Ann\"\" \"", "\"Ann\" "),
            ("=\"a\"b\"", "=\"a\"b\""),
            ("'=JSON\"A\\r\\nB\"", "A\r\nB"),
            ("'=JSON", "=JSON"),
            ("=HYPERLINK(\"https://a\",\"Ann\")", "Ann"),
            ("=Hyperlink( \"https://a\" ; \"Ann\" )", "Ann"),
            ("=HYPERLINK(\"https://a\")", "https://a"),
            (
                "=HYPERLINK(\"a\",\"\"\"b\"\"\")",
                "=HYPERLINK(\"a\",\"\"\"b\"\"\")",
            ),
            ("=HYPERLINK(A1,\"Ann\")", "=HYPERLINK(A1,\"Ann\")"),
            ("=HYPERLINK(\"", "=HYPERLINK(\""),
            (" =\" Ann \" ", " Ann "),
            ("a  b\nc", "a  b\nc"),
            ("a\u{b}\u{1b}[31mb\u{7}.", "a\u{b}\u{1b}[31mb\u{7}."),
            ("👩\u{200d}🦰 Ann", "👩\u{200d}🦰 Ann"),
            ("Ünal", "Ünal"),
            ("€uro", "€uro"),
            ("   ", ""),
            ("", ""),
        ] {
            assert_eq!(tidy(cell, &mut Edits::default()), wanted, "{cell:?}");
        }
    }

    #[test]
    fn codes_lose_one_apostrophe() {
        for (cell, wanted) in [
            ("'123", "123"),
            ("''123", "'123"),
            ("=\"00123\"", "00123"),
            ("=\"'7 \"", "'7 "),
            ("a_b", "a_b"),
        ] {
            assert_eq!(tidy_code(cell, &mut Edits::default()), wanted, "{cell:?}");
        }
    }
}
