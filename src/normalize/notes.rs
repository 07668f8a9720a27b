//! What was changed on the way from cells to contacts, counted: nothing is changed silently.
//!
//! Every worker has its own [`Notes`]; they are merged in the order of the file, so the examples that are
//! shown do not depend on the number of threads.

use std::collections::BTreeMap;

use crate::wording::{clipped, grouped};

/// A kind of change or of oddity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    EightToSeven,
    TrunkResolved,
    CodeAdded,
    DoubleZero,
    Punctuation,
    TextDropped,
    ExtensionDropped,
    Apostrophe,
    Unquoted,
    Invisible,
    Expanded,
    Split,
    LinkReduced,
    AtRemoved,
    NamesJoined,
    Duplicate,
    ValueMapped,
    PhoneUnused,
    PhoneLeftOut,
    NoValue,
    KindSkipped,
    OwnAddress,
    EightWithoutRegion,
    TenWithoutRegion,
    OtherNational,
    OwnerIsName,
    LongIdInTelegram,
    NoContact,
}

const NOTES: usize = Note::NoContact as usize + 1;

/// How many of each kind there were, with the first of each.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    counts: [u64; NOTES],
    examples: [Option<String>; NOTES],
    /// Values of `responsible_user_id` that the table does not have, with how often.
    unmapped: BTreeMap<String, u64>,
    strangers: Vec<Stranger>,
}

/// A column that is not read.
#[derive(Clone, Debug)]
struct Stranger {
    column: usize,
    name: String,
    /// Cells with something in them.
    filled: u64,
    /// Cells with a telephone number.
    phones: u64,
}

impl Stranger {
    fn hint(&self) -> Option<String> {
        let Self {
            name,
            filled,
            phones,
            ..
        } = self;
        (phones * 2 > *filled).then(|| {
            format!(
                "the column `{name}` is not read, and {} of its {} values look like phone numbers: \
                 read it with --map phone='{name}', or say --map ignore='{name}'",
                grouped(*phones),
                grouped(*filled)
            )
        })
    }
}

/// Characters of an example that are shown.
const EXAMPLE_CHARS_MAX: usize = 120;

/// Different unmapped names that are kept: a wrong column must not fill the memory.
const UNMAPPED_MAX: usize = 1000;

impl Notes {
    /// Counts one; the example is only made for the first of its kind.
    #[cold]
    pub(super) fn count(&mut self, note: Note, example: impl FnOnce() -> String) {
        self.counts[note as usize] += 1;
        self.examples[note as usize].get_or_insert_with(|| clipped(&example(), EXAMPLE_CHARS_MAX));
    }

    #[cold]
    pub(super) fn unmapped(&mut self, name: &str) {
        if let Some(count) = self.unmapped.get_mut(name) {
            *count += 1;
        } else if self.unmapped.len() < UNMAPPED_MAX {
            self.unmapped.insert(name.to_owned(), 1);
        }
    }

    /// Counts a cell of a column that is not read.
    pub(super) fn stranger(
        &mut self,
        column: usize,
        name: impl FnOnce() -> String,
        is_phone: bool,
    ) {
        let known = self.strangers.iter().position(|it| it.column == column);
        let at = known.unwrap_or_else(|| {
            self.strangers.push(Stranger {
                column,
                name: name(),
                filled: 0,
                phones: 0,
            });
            self.strangers.len() - 1
        });
        let stranger = &mut self.strangers[at];
        stranger.filled += 1;
        stranger.phones += u64::from(is_phone);
    }

    fn of(&self, note: Note) -> u64 {
        self.counts[note as usize]
    }

    /// Adds what a later part of the file gave.
    pub(crate) fn merge(&mut self, other: Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        for (example, later) in self.examples.iter_mut().zip(other.examples) {
            if example.is_none() {
                *example = later;
            }
        }
        for other in other.strangers {
            // Several files may have the same column in different places.
            match self.strangers.iter_mut().find(|it| it.name == other.name) {
                Some(stranger) => {
                    stranger.filled += other.filled;
                    stranger.phones += other.phones;
                }
                None => self.strangers.push(other),
            }
        }
        for (name, count) in other.unmapped {
            if self.unmapped.len() < UNMAPPED_MAX || self.unmapped.contains_key(&name) {
                *self.unmapped.entry(name).or_default() += count;
            }
        }
    }

    /// The names in `responsible_user_id` that the mapping file's table does not have, most frequent first.
    #[must_use]
    pub(crate) fn unmapped_responsible(&self) -> Vec<(&str, u64)> {
        let mut names: Vec<_> = self
            .unmapped
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        names.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        names
    }

    /// A line for each kind of change: `412 numbers: 8 → 7 (8 (999) 123-45-67 → 79991234567)`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        CHANGES
            .iter()
            .filter_map(|(note, one, many)| self.line(*note, one, many))
            .collect()
    }

    fn line(&self, note: Note, one: &str, many: &str) -> Option<String> {
        let example = self.example(note)?;
        let count = self.of(note);
        let what = if count == 1 { one } else { many };
        Some(format!("{} {what} ({example})", grouped(count)))
    }

    fn example(&self, note: Note) -> Option<&str> {
        self.examples[note as usize].as_deref()
    }

    /// What the counts suggest, each with the flag that helps.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let mut hints: Vec<_> = HINTS
            .iter()
            .filter(|(note, ..)| self.of(*note) > 0)
            .map(|(note, one, many, advice)| {
                let count = self.of(*note);
                let what = if count == 1 { one } else { many };
                let example = self.example(*note).unwrap_or_default();
                format!("{} {what} (such as `{example}`): {advice}", grouped(count))
            })
            .collect();
        hints.extend(self.unmapped_hint());
        hints.extend(self.strangers.iter().filter_map(Stranger::hint));
        hints
    }

    fn unmapped_hint(&self) -> Option<String> {
        const SHOWN: usize = 10;
        let names = self.unmapped_responsible();
        if names.is_empty() {
            return None;
        }
        let shown: Vec<_> = names
            .iter()
            .take(SHOWN)
            .map(|(name, count)| format!("{name:?} ({})", grouped(*count)))
            .collect();
        let more = match names.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {} more", grouped(more as u64)),
        };
        Some(format!(
            "{} no id in the mapping file: {}{more}; add them to [values.responsible_user_id]",
            match names.len() {
                1 => "1 name in responsible_user_id has".to_owned(),
                count => format!(
                    "{} names in responsible_user_id have",
                    grouped(count as u64)
                ),
            },
            shown.join(", ")
        ))
    }
}

type Hint = (Note, &'static str, &'static str, &'static str);

const HINTS: [Hint; 6] = [
    (
        Note::EightWithoutRegion,
        "number begins with 8 and has 11 digits",
        "numbers begin with 8 and have 11 digits",
        "add --region RU (or KZ)",
    ),
    (
        Note::TenWithoutRegion,
        "number has 10 digits and no country code",
        "numbers have 10 digits and no country code",
        "add --region with the country's two letters, such as --region RU or --region MX",
    ),
    (
        Note::OtherNational,
        "number seems to be written without its country code",
        "numbers seem to be written without their country code",
        "add --region with the country's two letters",
    ),
    (
        Note::OwnerIsName,
        "value of responsible_user_id looks like a person's name, not like an id",
        "values of responsible_user_id look like people's names, not like ids",
        "give the ids in a mapping file: [values.responsible_user_id] with \"Name\" = \"id\", and --mapping FILE.toml",
    ),
    (
        Note::LongIdInTelegram,
        "value of a telegram or max column was taken for an account id and looks like a phone number",
        "values of telegram or max columns were taken for account ids and look like phone numbers",
        "if they are phones, add --map telegram_phone='…' (or max_phone='…')",
    ),
    (
        Note::NoContact,
        "row says that it is no contact",
        "rows say that they are no contacts",
        "such rows are read like the others; to leave them out, export contacts only, or remove them from the file",
    ),
];

/// The kinds of changes, one of them and many.
#[rustfmt::skip]
const CHANGES: [(Note, &str, &str); 22] = [
    (Note::EightToSeven, "number: 8 → 7", "numbers: 8 → 7"),
    (Note::TrunkResolved, "number: national prefix → country code", "numbers: national prefix → country code"),
    (Note::CodeAdded, "number: country code added", "numbers: country code added"),
    (Note::DoubleZero, "number: leading 00 removed", "numbers: leading 00 removed"),
    (Note::Punctuation, "number: spaces and punctuation removed", "numbers: spaces and punctuation removed"),
    (Note::TextDropped, "number: text beside it dropped", "numbers: text beside them dropped"),
    (Note::ExtensionDropped, "number: extension dropped", "numbers: extensions dropped"),
    (Note::Apostrophe, "cell: leading apostrophe removed", "cells: leading apostrophe removed"),
    (Note::Unquoted, "cell: =\"…\" unwrapped", "cells: =\"…\" unwrapped"),
    (Note::Invisible, "cell: invisible characters removed", "cells: invisible characters removed"),
    (Note::Expanded, "number: spreadsheet notation expanded", "numbers: spreadsheet notation expanded"),
    (Note::Split, "cell with several values split", "cells with several values split"),
    (Note::LinkReduced, "link reduced to the account", "links reduced to the account"),
    (Note::AtRemoved, "name: @ removed", "names: @ removed"),
    (Note::NamesJoined, "name joined from its parts", "names joined from their parts"),
    (Note::Duplicate, "chat given twice in one row, sent once", "chats given twice in one row, sent once"),
    (Note::ValueMapped, "value replaced by the mapping file's", "values replaced by the mapping file's"),
    (Note::PhoneUnused, "number not used: the row has its own chat of that type", "numbers not used: the rows have their own chats of that type"),
    (Note::PhoneLeftOut, "value in a phone column left out: it is no number, and the row has other chats", "values in phone columns left out: they are no numbers, and the rows have other chats"),
    (Note::NoValue, "cell with #N/A read as empty: the row has the value elsewhere", "cells with #N/A read as empty: the rows have the values elsewhere"),
    (Note::KindSkipped, "fax or pager number left out", "fax or pager numbers left out"),
    (Note::OwnAddress, "link left out: the API's own address of a contact, not one of yours", "links left out: the API's own addresses of contacts, not ones of yours"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_as_everywhere() {
        let mut notes = Notes::default();
        for _ in 0..5_000 {
            notes.count(Note::EightToSeven, || "a → b".into());
            notes.count(Note::EightWithoutRegion, || "89".into());
        }
        assert_eq!(notes.lines(), ["5,000 numbers: 8 → 7 (a → b)"]);
        assert!(notes.hints()[0].starts_with("5,000 numbers begin"));
    }

    #[test]
    fn merging_adds_counts_and_keeps_the_earlier_example() {
        let mut first = Notes::default();
        first.count(Note::EightToSeven, || "a → b".into());
        first.unmapped("Ivan");
        let mut second = Notes::default();
        second.count(Note::EightToSeven, || "c → d".into());
        second.count(Note::EightWithoutRegion, || "89".into());
        second.unmapped("Ivan");
        first.merge(second);
        assert_eq!(first.lines(), ["2 numbers: 8 → 7 (a → b)"]);
        assert_eq!(first.unmapped_responsible(), [("Ivan", 2)]);
        let hints = first.hints();
        assert!(hints[0].contains("--region RU") && hints[0].starts_with("1 number begins"));
        assert!(hints[1].contains("[values.responsible_user_id]"));
    }
}
