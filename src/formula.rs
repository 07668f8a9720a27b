//! Text that a spreadsheet program would interpret as a formula, and the apostrophe that prevents it.
//!
//! Export puts one apostrophe before such text, and import removes exactly one, so a value that already begins
//! with an apostrophe and looks guarded gets another one. Both sides use this file. In a workbook, cells are text
//! and never calculated, so only values that import would change are guarded.

use std::borrow::Cow;

pub(crate) const GUARD: char = '\'';

/// True if a spreadsheet program interprets a text with this beginning as a formula.
pub(crate) fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// True for text that already looks guarded: a formula after one or more apostrophes.
pub(crate) fn is_guarded(text: &str) -> bool {
    text.starts_with(GUARD) && is_formula(text.trim_start_matches(GUARD))
}

/// The text, with a guard if it is a formula.
pub(crate) fn guarded(text: &str) -> Cow<'_, str> {
    if is_formula(text) {
        format!("{GUARD}{text}").into()
    } else {
        text.into()
    }
}

/// The text without its guard, if it has one.
pub(crate) fn unguarded(text: &str) -> &str {
    let guarded = text.strip_prefix(GUARD).filter(|_| is_guarded(text));
    guarded.unwrap_or(text)
}

/// The prefix of a cell whose value can't be written directly: the value follows as a JSON string.
const ESCAPE: &str = "'=JSON";

/// The value as an escaped cell.
pub(crate) fn escaped(value: &str) -> String {
    // A text is always valid JSON.
    format!(
        "{ESCAPE}{}",
        serde_json::to_string(value).unwrap_or_default()
    )
}

/// True if a guarded value would be read as an escaped one.
pub(crate) fn looks_escaped(value: &str) -> bool {
    value.starts_with(&ESCAPE[1..])
}

/// The value of an id, a handle or a number in a backup. Only the guards of `export` are removed.
pub(crate) fn literal_code(cell: &str) -> Cow<'_, str> {
    if !cell.starts_with([GUARD, '=']) {
        return Cow::Borrowed(cell);
    }
    let guarded = || Cow::Borrowed(cell.strip_prefix(GUARD).unwrap_or(cell));
    unwrapped(cell).unwrap_or_else(guarded)
}

/// The value of a name or a link in a backup. Only the guards of `export` are removed.
pub(crate) fn literal_text(cell: &str) -> Cow<'_, str> {
    if !cell.starts_with([GUARD, '=']) {
        return Cow::Borrowed(cell);
    }
    unwrapped(cell).unwrap_or(Cow::Borrowed(unguarded(cell)))
}

/// The value of `="…"`, in which quotes are doubled, or of an escaped cell.
fn unwrapped(cell: &str) -> Option<Cow<'_, str>> {
    if cell.starts_with(ESCAPE) {
        return unescaped(cell).map(Cow::Owned);
    }
    unquoted(cell)
}

/// The value of an escaped cell. Only `export` writes such cells, so they are read in every table: a backup with
/// another header may be one that a user edited.
pub(crate) fn unescaped(cell: &str) -> Option<String> {
    serde_json::from_str(cell.strip_prefix(ESCAPE)?).ok()
}

/// The address and the other arguments of `HYPERLINK("https://…","Open")`.
pub(crate) fn hyperlink(call: &str) -> Option<(&str, &str)> {
    const START: &str = "HYPERLINK(";
    let (start, rest) = call.split_at_checked(START.len())?;
    let arguments = rest.trim_end().strip_suffix(')')?.trim();
    let (address, others) = arguments.strip_prefix('"')?.split_once('"')?;
    let others = others.trim_start();
    let is_call =
        start.eq_ignore_ascii_case(START) && (others.is_empty() || others.starts_with([',', ';']));
    is_call.then(|| (address, others.trim_start_matches([',', ';']).trim()))
}

/// The text of `="…"`, in which quotes are doubled.
pub(crate) fn unquoted(cell: &str) -> Option<Cow<'_, str>> {
    let inner = cell.strip_prefix("=\"")?.strip_suffix('"')?;
    if !inner.contains('"') {
        return Some(Cow::Borrowed(inner));
    }
    let value = inner.replace("\"\"", "\"");
    (value.replace('"', "\"\"") == inner).then_some(Cow::Owned(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_gets_one_guard_and_looks_guarded_then() {
        for text in ["=1", "+1", "-1", "@A", "\t=1", "\r=1"] {
            assert!(is_guarded(&guarded(text)), "{text}");
            assert_eq!(unguarded(&guarded(text)), text);
        }
        for text in ["", "1", "'n Sync", " =1"] {
            assert_eq!(guarded(text), text);
            assert!(!is_guarded(text), "{text}");
            assert_eq!(unguarded(text), text);
        }
        assert!(is_guarded("''=1"));
    }

    #[test]
    fn of_a_backup_only_the_guards_are_removed() {
        for (cell, code, text) in [
            ("'7", "7", "'7"),
            ("''7", "'7", "''7"),
            ("'=1", "=1", "=1"),
            ("''=1", "'=1", "'=1"),
            ("=\" 7\"", " 7", " 7"),
            ("=\"\"\"a\"\" \"", "\"a\" ", "\"a\" "),
            ("=\"a\"b\"", "=\"a\"b\"", "=\"a\"b\""),
            ("=\"", "=\"", "=\""),
            (" 7 ", " 7 ", " 7 "),
            ("'=JSON\"a\\u0000\"", "a\0", "a\0"),
            ("'=JSON", "=JSON", "=JSON"),
        ] {
            assert_eq!(literal_code(cell), code, "{cell}");
            assert_eq!(literal_text(cell), text, "{cell}");
        }
        for value in ["a\0", "=JSON\"x\"", "\u{1}"] {
            assert_eq!(literal_code(&escaped(value)), value);
            assert_eq!(literal_text(&escaped(value)), value);
        }
    }
}
