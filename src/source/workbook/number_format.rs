//! Number formats that display more than the digits: `00000` or `"ID-"0000`. Other systems know the displayed text
//! as the id.

use std::collections::HashMap;

/// Cell formats other than dates, by index.
pub(super) type Patterns = HashMap<u32, NumberPattern>;

/// The number formats in the records of a binary workbook.
#[derive(Debug, Default)]
pub(super) struct Formats {
    codes: HashMap<u16, String>,
    /// The index of the next cell format.
    next: u32,
    pub(super) patterns: Patterns,
}

impl Formats {
    pub(super) fn add_code(&mut self, id: Option<u16>, code: Option<String>) {
        self.codes.extend(id.zip(code));
    }

    /// Adds the next cell format, which has the number format with this id.
    pub(super) fn add_cell_format(&mut self, id: Option<u16>) {
        let code = id.and_then(|id| self.codes.get(&id));
        let pattern = code.and_then(|code| NumberPattern::new(code));
        self.patterns
            .extend(pattern.map(|pattern| (self.next, pattern)));
        self.next = self.next.saturating_add(1);
    }
}

/// The display format of whole numbers. Without parts, it displays the digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NumberPattern {
    parts: Vec<PatternPart>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PatternPart {
    /// A digit, or zero if the number has fewer.
    Zero,
    /// A digit, or nothing if the number has fewer.
    Digit,
    Literal(char),
}

impl NumberPattern {
    /// The pattern of a format's first section, without parts if it displays plain whole numbers, amounts or
    /// fractions; `None` for a date or a time.
    pub(in crate::source) fn new(format: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut is_other = false;
        let mut chars = format.chars();
        while let Some(char) = chars.next() {
            match char {
                '0' => parts.push(PatternPart::Zero),
                '#' | '?' => parts.push(PatternPart::Digit),
                '"' => parts.extend(
                    chars
                        .by_ref()
                        .take_while(|&char| char != '"')
                        .map(PatternPart::Literal),
                ),
                '\\' => parts.extend(chars.next().map(PatternPart::Literal)),
                // The next character is only a width or a fill character.
                '_' | '*' => drop(chars.next()),
                '[' => {
                    let name: String = chars.by_ref().take_while(|&char| char != ']').collect();
                    if !name.is_empty() && name.chars().all(|char| "hmsHMS".contains(char)) {
                        return None;
                    }
                    is_other |= !is_colour(&name);
                }
                ';' => break,
                _ if "ymdhsYMDHS".contains(char) => return None,
                ',' | '.' | '%' | '/' | '@' => is_other = true,
                _ if char.is_alphabetic() => is_other = true,
                _ => parts.push(PatternPart::Literal(char)),
            }
        }
        let is_digit = |part: &PatternPart| !matches!(part, PatternPart::Literal(_));
        let ends_with_digit = parts.last().is_some_and(is_digit);
        let is_plain = parts.iter().all(is_digit)
            && parts
                .iter()
                .filter(|part| **part == PatternPart::Zero)
                .count()
                < 2;
        if is_other || is_plain || !ends_with_digit {
            parts.clear();
        }
        Some(Self { parts })
    }

    /// The displayed text of a number, if it differs from the number's digits.
    pub(super) fn show(&self, number: f64) -> Option<String> {
        let is_digit = |part: &PatternPart| !matches!(part, PatternPart::Literal(_));
        let first = self.parts.iter().position(is_digit)?;
        let is_whole = number.fract() == 0.0 && (1.0..1e15).contains(&number);
        let plain = is_whole.then(|| number.to_string())?;
        let mut digits = plain.chars().rev();
        let mut reversed = String::new();
        for (at, part) in self.parts.iter().enumerate().rev() {
            match part {
                PatternPart::Zero => reversed.push(digits.next().unwrap_or('0')),
                PatternPart::Digit => reversed.extend(digits.next()),
                PatternPart::Literal(char) => reversed.push(*char),
            }
            if at == first {
                reversed.extend(&mut digits);
            }
        }
        let shown: String = reversed.chars().rev().collect();
        Some(shown).filter(|shown| *shown != plain)
    }
}

fn is_colour(name: &str) -> bool {
    let name = name.to_lowercase();
    let colours = [
        "black", "blue", "cyan", "green", "magenta", "red", "white", "yellow",
    ];
    colours.contains(&&*name) || name.starts_with("color")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(format: &str, number: f64) -> Option<String> {
        NumberPattern::new(format)?.show(number)
    }

    #[test]
    fn zeros_and_text_are_shown() {
        for (format, number, text) in [
            ("00000000", 123.0, "00000123"),
            ("\"ID-\"0000", 1234.0, "ID-1234"),
            ("\"ID-\"0000", 12.0, "ID-0012"),
            ("\\A\\-0", 12_345.0, "A-12345"),
            ("000-000", 12_345.0, "012-345"),
            ("[Red]000;-000", 7.0, "007"),
            ("+#", 79.0, "+79"),
        ] {
            assert_eq!(shown(format, number).as_deref(), Some(text), "{format}");
        }
    }

    #[test]
    fn other_formats_show_the_number() {
        for format in [
            "General",
            "0",
            "#",
            "##0",
            "#,##0",
            "0.00",
            "0%",
            "dd.mm.yyyy",
            "[h]:mm",
            "@",
            "0\" pcs\"",
            "[$€-407]000",
            "0E+00",
            "\"only text\"",
            "",
        ] {
            assert_eq!(shown(format, 1.0), None, "{format}");
        }
        for number in [0.5, -1.0, 0.0, 1e15, 12_345.0] {
            assert_eq!(shown("00000", number), None, "{number}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_digits_are_kept(format in "(0|#|\"A\"|\\\\A|-|_ |\\*x|\\[Red\\]|;){0,8}", number in 1_u32..) {
            if let Some(shown) = shown(&format, number.into()) {
                let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
                proptest::prop_assert!(digits.ends_with(&number.to_string()), "{}", shown);
            }
        }
    }
}
