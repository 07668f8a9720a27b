//! Guards cells whose value a spreadsheet program or `import` would change.

use std::borrow::Cow;

use super::{
    excel::{BARE_DIGITS_MAX, is_converted},
    rows::ExportCell,
};
use crate::{
    characters::{is_blank, is_margin},
    formula::{GUARD, escaped, is_formula, literal_code, literal_text, looks_escaped},
    normalize::{has_lost_digits, is_error_value},
};

/// The readers against which cells are guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GuardedFrom {
    /// `import`, which trims white space and apostrophes of foreign files.
    Import,
    /// Also spreadsheet programs that open a CSV file.
    Spreadsheets,
    /// `import` of a workbook of this tool, whose cells are text.
    OwnImport,
}

impl GuardedFrom {
    pub(super) fn guard<'c>(self, cell: &'c ExportCell<'_>) -> Cow<'c, str> {
        let (value, is_code) = match cell {
            ExportCell::Code(value) => (&**value, true),
            ExportCell::Text(value) | ExportCell::Json(value) => (&**value, false),
        };
        if self.leaves(value) {
            return value.into();
        }
        if looks_escaped(value) || value.contains(|c| self.loses(c)) {
            return escaped(value).into();
        }
        let is_guarded = is_misread(value, is_code) || self.is_mistakable(value, is_code);
        let is_converted = self == Self::Spreadsheets && !is_guarded && is_converted(value);
        let is_error = is_error_value(value);
        let is_padded = match self {
            Self::OwnImport => is_blank(value) && !value.is_empty(),
            _ => value.trim_matches(is_margin) != value,
        };
        if is_converted || is_padded || is_error {
            format!("=\"{}\"", value.replace('"', "\"\"")).into()
        } else if is_guarded {
            format!("{GUARD}{value}").into()
        } else {
            value.into()
        }
    }

    /// True if no reader changes the value (most values): the fast path.
    fn leaves(self, value: &str) -> bool {
        let mut chars = value.chars();
        let Some(first) = chars.next() else {
            return true;
        };
        if self == Self::Spreadsheets {
            let are_digits = value.bytes().all(|byte| byte.is_ascii_digit());
            return are_digits && first != '0' && value.len() <= BARE_DIGITS_MAX;
        }
        let last = chars.next_back().unwrap_or(first);
        let begins_a_guard = matches!(first, '=' | GUARD | '#');
        // `+` occurs in numbers that lost digits; 0xC2 begins control characters and spaces.
        let is_left = |byte: u8| byte >= b' ' && !matches!(byte, b'+' | 0x7f | 0xc2);
        // Without an early exit, the loop is vectorized.
        let are_left = value.bytes().fold(true, |all, byte| all & is_left(byte));
        are_left && !begins_a_guard && !is_margin(first) && !is_margin(last)
    }

    /// True for a character that such a file does not preserve.
    fn loses(self, c: char) -> bool {
        match self {
            Self::OwnImport => c.is_control() && c != '\n' && c != '\t',
            _ => c == '\0',
        }
    }

    /// True if a spreadsheet program, or `import` of a file with other columns, would change the value.
    fn is_mistakable(self, value: &str, is_code: bool) -> bool {
        match self {
            Self::Import => value.starts_with('=') || is_code && value.starts_with(GUARD),
            Self::Spreadsheets => is_formula(value) || is_code && value.starts_with(GUARD),
            Self::OwnImport => false,
        }
    }
}

/// True if `import` of a backup would read another value.
fn is_misread(value: &str, is_code: bool) -> bool {
    if is_code {
        literal_code(value) != value || has_lost_digits(value)
    } else {
        literal_text(value) != value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarded(from: GuardedFrom, value: &str) -> [String; 2] {
        let cells = [
            ExportCell::Code(value.into()),
            ExportCell::Text(value.into()),
        ];
        cells.map(|cell| from.guard(&cell).into_owned())
    }

    #[test]
    fn what_import_would_take_for_a_guard_is_guarded() {
        for (value, code, text) in [
            ("'7", "''7", "'7"),
            ("=1", "'=1", "'=1"),
            ("'=1", "''=1", "''=1"),
            ("7", "7", "7"),
            ("+1", "+1", "+1"),
            ("007", "007", "007"),
            (" 7", "=\" 7\"", "=\" 7\""),
            ("\"A\" ", "=\"\"\"A\"\" \"", "=\"\"\"A\"\" \""),
            ("1.20363E+17", "'1.20363E+17", "1.20363E+17"),
            ("a\0", "'=JSON\"a\\u0000\"", "'=JSON\"a\\u0000\""),
        ] {
            assert_eq!(guarded(GuardedFrom::Import, value), [code, text]);
        }
    }

    #[test]
    fn for_spreadsheets_neither_formulas_nor_numbers_are_left() {
        for (value, code, text) in [
            ("+7", "'+7", "'+7"),
            ("-1", "'-1", "'-1"),
            ("@x", "'@x", "'@x"),
            ("'-1", "''-1", "''-1"),
            ("'n Sync", "''n Sync", "'n Sync"),
            ("007", "=\"007\"", "=\"007\""),
            ("79991112233", "79991112233", "79991112233"),
            (
                "120363025246125486",
                "=\"120363025246125486\"",
                "=\"120363025246125486\"",
            ),
            (" =1", "=\" =1\"", "=\" =1\""),
            ("\tx", "=\"\tx\"", "=\"\tx\""),
            ("1-2", "=\"1-2\"", "=\"1-2\""),
            ("TRUE", "=\"TRUE\"", "=\"TRUE\""),
            ("Ann", "Ann", "Ann"),
        ] {
            assert_eq!(guarded(GuardedFrom::Spreadsheets, value), [code, text]);
        }
    }

    #[test]
    fn in_a_workbook_only_what_import_would_change_is_guarded() {
        for (value, code, text) in [
            ("=1", "=1", "=1"),
            ("'=1", "''=1", "''=1"),
            ("=\"7\"", "'=\"7\"", "'=\"7\""),
            (" 7", " 7", " 7"),
            (" ", "=\" \"", "=\" \""),
            ("+7", "+7", "+7"),
            ("007", "007", "007"),
            ("a\r\n", "'=JSON\"a\\r\\n\"", "'=JSON\"a\\r\\n\""),
        ] {
            assert_eq!(guarded(GuardedFrom::OwnImport, value), [code, text]);
        }
    }
}
