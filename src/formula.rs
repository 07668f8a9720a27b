//! Text that a spreadsheet program takes for a formula, and the apostrophe that prevents it.
//!
//! Export puts one apostrophe before such text, and import removes exactly one, so a value that begins with an apostrophe
//! and looks guarded gets another one. A file of its own, because both sides have to agree on it. A workbook needs no
//! guard: its cells are written as text, which is never calculated.

use std::borrow::Cow;

/// The guard.
pub(crate) const GUARD: char = '\'';

/// True if a spreadsheet program calculates a text that begins like this.
pub(crate) fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// True for a text that already looks guarded: a formula behind one or more apostrophes.
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
}
