//! The display of text by a spreadsheet program after a double click on a CSV file.
//!
//! Such a program interprets a cell as a formula, a number, a date or a boolean if it looks like one, and displays
//! and saves something else: `007` becomes 7, `1-2` a date, and an id of 18 digits loses its last ones. `="007"`
//! is displayed unchanged, and import unwraps it. Numbers of up to eleven digits stay numbers, so that people can
//! sort and filter them.

use std::borrow::Cow;

use crate::{
    characters::is_margin,
    formula::{self, GUARD, is_formula},
};

/// Numbers with up to this many digits are displayed in full.
pub(super) const BARE_DIGITS_MAX: usize = 11;

/// Maximum length of a quoted text in a formula, in UTF-16 units. \[Excel's specification\]
const QUOTED_MAX: usize = 255;

/// The first three letters of months in the users' languages: `MAR1` and `5 мая` become dates.
const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec ene abr ago dic fev mai set out dez \
                      янв фев мар апр май мая июн июл авг сен окт ноя дек";

/// The words for booleans in these languages.
const BOOLEANS: [&str; 9] = [
    "true",
    "false",
    "истина",
    "ложь",
    "verdadero",
    "falso",
    "verdadeiro",
    "wahr",
    "falsch",
];

/// True if a text must be written as `="…"` and is short enough.
pub(super) fn is_converted(text: &str) -> bool {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() || text.encode_utf16().count() > QUOTED_MAX {
        return false;
    }
    if is_number {
        return text.len() > BARE_DIGITS_MAX || (text.len() > 1 && text.starts_with('0'));
    }
    let text = text.trim().to_lowercase();
    if !text.contains(|c: char| c.is_numeric()) {
        return text.starts_with('#') || BOOLEANS.contains(&text.as_str());
    }
    !text.starts_with(char::is_alphabetic) || is_date(&text)
}

/// A cell of any source in a form that spreadsheet programs display unchanged and that import reads like the
/// original cell. Import ignores surrounding white space, removes one guard, and unwraps `="…"`. Words and dashes
/// stay, because import treats some of them as empty.
pub(crate) fn shown_as_it_is(cell: &str) -> Cow<'_, str> {
    let text = cell.trim_matches(is_margin);
    let quoted = text
        .strip_prefix("=\"")
        .and_then(|text| text.strip_suffix('"'));
    if quoted.is_some_and(|quoted| !quoted.contains('"')) {
        text.into()
    } else if is_formula(text) && text.contains(char::is_alphanumeric) {
        formula::guarded(text)
    } else if is_converted(text) && text.contains(char::is_numeric) && !text.contains(['"', GUARD])
    {
        format!("=\"{text}\"").into()
    } else if is_formula(cell) {
        text.into()
    } else {
        cell.into()
    }
}

/// True if a lowercase text begins with a month followed by numbers.
fn is_date(text: &str) -> bool {
    let letters = text.find(|c: char| !c.is_alphabetic());
    let (word, rest) = text.split_at(letters.unwrap_or(text.len()));
    let is_month = MONTHS.split(' ').any(|month| word.starts_with(month));
    is_month && !rest.contains(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_number_a_date_or_a_boolean_is_converted() {
        for text in [
            "007",
            "00",
            "799911122334",
            "120363025246125486",
            "1e5",
            "1-2",
            "1/2",
            "10:30",
            "1.5",
            "1,5",
            "1 000",
            "5%",
            "$5",
            "(5)",
            ".5",
            "TRUE",
            "Ложь",
            "verdadero",
            "MAR1",
            "5 мая",
            "Jan 2020",
            "мая 5",
            "#N/A",
            "#ССЫЛКА!",
            " 7",
        ] {
            assert!(is_converted(text), "{text}");
        }
        for text in [
            "",
            "0",
            "7",
            "79991112233",
            "Ann",
            "Ann 2",
            "user-1",
            "Marta",
            "Marta 5 b",
            "https://crm.example.com/5",
        ] {
            assert!(!is_converted(text), "{text}");
        }
        assert!(!is_converted(&"5 ".repeat(200)), "too long for a formula");
    }

    #[test]
    fn a_cell_of_a_source_is_guarded_or_quoted_and_nothing_twice() {
        for (cell, written) in [
            ("=1+1", "'=1+1"),
            ("+7 999", "'+7 999"),
            ("'=1+1", "'=1+1"),
            ("\t=1", "'=1"),
            ("\tAnn", "Ann"),
            ("=\"007\"", "=\"007\""),
            ("=\"a\"&A1&\"b\"", "'=\"a\"&A1&\"b\""),
            ("=\"", "=\""),
            ("-", "-"),
            ("TRUE", "TRUE"),
            ("'7", "'7"),
            (" 007 ", "=\"007\""),
            ("120363025246125486", "=\"120363025246125486\""),
            ("5\"", "5\""),
            (" Ann ", " Ann "),
        ] {
            assert_eq!(shown_as_it_is(cell), written, "{cell}");
        }
    }
}
