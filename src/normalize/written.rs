//! A number as it was written: its digits, whether a `+` leads them, and what stood around them.

use smallvec::SmallVec;

use super::notes::{Note, Notes};
use crate::source::is_invisible;

/// What was found in the text.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) digits: String,
    pub(super) plus: bool,
    /// Words came after digits: no more digits may follow.
    interrupted: bool,
    /// What was taken away, each kind once.
    changes: SmallVec<[Note; 4]>,
}

/// Why there is no telling what the number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    NoDigits,
    /// Digits after words, a second `+`, digits of a script that we can't read.
    Ambiguous,
}

impl Written {
    pub(super) fn read(text: &str) -> Result<Self, Unreadable> {
        let mut written = Self {
            digits: String::with_capacity(text.len().min(32)),
            ..Self::default()
        };
        for (at, c) in text.char_indices() {
            if written.ends_at(&text[at..], c) {
                break;
            }
            written.take(c)?;
        }
        if written.digits.is_empty() {
            return Err(Unreadable::NoDigits);
        }
        Ok(written)
    }

    /// An extension: the number is over.
    fn ends_at(&mut self, rest: &str, c: char) -> bool {
        const ENOUGH: usize = 7;
        let starts = c == '#' || c == ';' || c.is_alphabetic();
        let ends = starts && self.digits.len() >= ENOUGH && is_extension(rest);
        if ends {
            self.changed(Note::ExtensionDropped);
        }
        ends
    }

    fn take(&mut self, c: char) -> Result<(), Unreadable> {
        if matches!(c, ' ' | '-' | '(' | ')' | '.') {
            self.changed(Note::Punctuation);
        } else if let Some(digit) = digit(c) {
            // `+7 999 123-45-67 кв. 5`: the 5 is no part of the number.
            if self.interrupted {
                return Err(Unreadable::Ambiguous);
            }
            self.digits.push(digit);
        } else if matches!(c, '+' | '＋') {
            if self.plus || !self.digits.is_empty() {
                return Err(Unreadable::Ambiguous);
            }
            self.plus = true;
            self.changed(Note::Punctuation);
        } else if is_invisible(c) {
            self.changed(Note::Invisible);
        } else if c.is_numeric() {
            return Err(Unreadable::Ambiguous);
        } else if c.is_alphabetic() {
            self.interrupted |= !self.digits.is_empty();
            self.changed(Note::TextDropped);
        } else {
            self.changed(Note::Punctuation);
        }
        Ok(())
    }

    fn changed(&mut self, change: Note) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// Counts what was taken away.
    pub(super) fn count(&self, text: &str, number: &str, notes: &mut Notes) {
        for change in &self.changes {
            notes.count(*change, || format!("{text} → {number}"));
        }
    }
}

/// Digits of the scripts in which people write telephone numbers.
fn digit(c: char) -> Option<char> {
    let zero = match c {
        '0'..='9' => return Some(c),
        '\u{660}'..='\u{669}' => 0x660,
        '\u{6f0}'..='\u{6f9}' => 0x6f0,
        '\u{966}'..='\u{96f}' => 0x966,
        '\u{ff10}'..='\u{ff19}' => 0xff10,
        _ => return None,
    };
    char::from_digit(u32::from(c) - zero, 10)
}

/// `доб. 12`, `ext. 5`, `x5`, `#5`: a word for it, then up to six digits and nothing else.
fn is_extension(rest: &str) -> bool {
    const WORDS: [&str; 14] = [
        "добавочный",
        "доб",
        "внутр",
        "вн",
        "extension",
        "extn",
        "ext",
        "x",
        "х",
        "ramal",
        "anexo",
        "interno",
        "int",
        "#",
    ];
    let rest = rest.trim_start_matches(';').to_lowercase();
    let number = WORDS.iter().find_map(|word| rest.strip_prefix(word));
    number.is_some_and(|number| {
        let number = number.trim_matches(|c: char| !c.is_alphanumeric());
        (1..=6).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}
