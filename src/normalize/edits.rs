//! Counts what was changed in cells, and what looks odd: nothing is changed silently.
//!
//! Every worker has its own [`Edits`]. They are merged in the order of the file, so the examples do not depend on the
//! number of threads.

use std::collections::BTreeMap;

use csv::StringRecord;

use crate::wording::{clipped, counted, grouped, looks_like_number, shell_quoted};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Edit {
    EightToSeven,
    TrunkResolved,
    CodeAdded,
    DoubleZero,
    Punctuation,
    TextDropped,
    ExtensionDropped,
    Apostrophe,
    Unquoted,
    Hyperlink,
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
    FaxSkipped,
    OwnAddress,
    EightWithoutRegion,
    TenWithoutRegion,
    OtherNational,
    OwnerIsName,
    LongIdInTelegram,
    NotContact,
    HeaderRepeated,
    EmptyWord,
    YesOrNo,
}

impl Edit {
    /// A noun and the text after its count; for an oddity also the advice.
    #[rustfmt::skip]
    const fn text(self) -> (&'static str, &'static str, Option<&'static str>) {
        match self {
            Self::EightToSeven => ("number", "8 → 7", None),
            Self::TrunkResolved => ("number", "national prefix → country code", None),
            Self::CodeAdded => ("number", "country code added", None),
            Self::DoubleZero => ("number", "leading 00 removed", None),
            Self::Punctuation => ("number", "spaces and punctuation removed", None),
            Self::TextDropped => ("number", "text beside it removed", None),
            Self::ExtensionDropped => ("number", "extension dropped", None),
            Self::Apostrophe => ("cell", "leading apostrophe removed", None),
            Self::Unquoted => ("cell", "=\"…\" unwrapped", None),
            Self::Hyperlink => ("cell", "=HYPERLINK(…) replaced by its text, or by its address in a column of links", None),
            Self::Invisible => ("cell", "invisible characters removed", None),
            Self::Expanded => ("number", "spreadsheet notation expanded", None),
            Self::Split => ("cell", "several values split", None),
            Self::LinkReduced => ("link", "reduced to the account", None),
            Self::AtRemoved => ("name", "@ removed", None),
            Self::NamesJoined => ("name", "joined from parts", None),
            Self::Duplicate => ("chat", "given twice in one row, sent once", None),
            Self::ValueMapped => ("value", "replaced by the mapping file", None),
            Self::PhoneUnused => ("number", "not used because the row has its own chat of that type", None),
            Self::PhoneLeftOut => ("value", "in a phone column but not a number, left out because the row has other chats", None),
            Self::NoValue => ("cell", "#N/A read as empty because the row has the value elsewhere", None),
            Self::FaxSkipped => ("number", "fax or pager, left out", None),
            Self::OwnAddress => ("link", "left out because it is the API's own address of a contact", None),
            Self::EightWithoutRegion => ("number", "11 digits that begin with 8", Some("add --region RU (or KZ)")),
            Self::TenWithoutRegion => ("number", "10 digits without a country code",
                Some("add --region with the country's two letters, such as --region RU or --region MX")),
            Self::OtherNational => ("number", "apparently without a country code", Some("add --region with the country's two letters")),
            Self::OwnerIsName => ("value", "in responsible_user_id that look like names rather than ids",
                Some("give the ids in a mapping file: [values.responsible_user_id] with \"Name\" = \"id\", and --mapping FILE.toml")),
            Self::LongIdInTelegram => ("value", "in a telegram or max column, read as an account id but similar to a phone number",
                Some("if it is a phone, add --map telegram_phone='…' (or max_phone='…')")),
            Self::HeaderRepeated => ("row", "the column names again, skipped", None),
            Self::EmptyWord => ("cell", "a word for a missing value, read as empty", None),
            Self::YesOrNo => ("value", "yes or no in a column of accounts or numbers, left out",
                Some("if the column only says that there is a chat, read the number with --map phone='…'")),
            Self::NotContact => ("row", "marked as something other than a contact",
                Some("such rows are read like the others; to leave them out, export only contacts, or remove the rows from the file")),
        }
    }
}

/// The number of edits of each kind, with the first of each as an example.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edits {
    counts: BTreeMap<Edit, (u64, String)>,
    /// Values of `responsible_user_id` that the value table does not have, with their counts.
    unknown_owners: BTreeMap<String, u64>,
    unmapped: Vec<UnmappedColumn>,
}

#[derive(Clone, Debug)]
struct UnmappedColumn {
    column: usize,
    name: String,
    filled: u64,
    phones: u64,
}

impl UnmappedColumn {
    fn hint(&self) -> Option<String> {
        let name = &self.name;
        let advice = if looks_like_number(name) {
            "its name is a number too, so the row used as the column names seems to be data: add a row of names above it"
                .to_owned()
        } else {
            let quoted = shell_quoted(name);
            format!("read it with --map phone={quoted}, or ignore it with --map ignore={quoted}")
        };
        (self.phones * 2 > self.filled).then(|| {
            format!(
                "the column `{name}` is not read, and {} of its {} values look like phone numbers: {advice}",
                grouped(self.phones),
                grouped(self.filled)
            )
        })
    }
}

/// Maximum length of an example in characters.
const EXAMPLE_CHARS_MAX: usize = 120;

/// Maximum number of different unknown owners: a wrong column must not fill the memory.
const OWNERS_MAX: usize = 1000;

impl Edits {
    /// Counts one edit; the example is only made for the first of its kind.
    #[cold]
    pub(super) fn count(&mut self, edit: Edit, example: impl FnOnce() -> String) {
        let first = || (0, clipped(&example(), EXAMPLE_CHARS_MAX));
        self.counts.entry(edit).or_insert_with(first).0 += 1;
    }

    /// Counts a row of column names among the data.
    pub(crate) fn repeated_header(&mut self, cells: &StringRecord) {
        self.count(Edit::HeaderRepeated, || {
            cells.iter().collect::<Vec<_>>().join(",")
        });
    }

    #[cold]
    pub(super) fn unknown_owner(&mut self, name: &str) {
        if let Some(count) = self.unknown_owners.get_mut(name) {
            *count += 1;
        } else if self.unknown_owners.len() < OWNERS_MAX {
            self.unknown_owners.insert(name.to_owned(), 1);
        }
    }

    /// Counts a filled cell of a column that is not read.
    pub(super) fn unmapped_cell(
        &mut self,
        column: usize,
        name: impl FnOnce() -> String,
        is_phone: bool,
    ) {
        let known = self.unmapped.iter().position(|it| it.column == column);
        let at = known.unwrap_or_else(|| {
            self.unmapped.push(UnmappedColumn {
                column,
                name: name(),
                filled: 0,
                phones: 0,
            });
            self.unmapped.len() - 1
        });
        let unmapped = &mut self.unmapped[at];
        unmapped.filled += 1;
        unmapped.phones += u64::from(is_phone);
    }

    /// Adds the edits of a later part of the file.
    pub(crate) fn merge(&mut self, later: Self) {
        for (edit, (count, example)) in later.counts {
            self.counts.entry(edit).or_insert((0, example)).0 += count;
        }
        for later in later.unmapped {
            // Several files may have the same column in different places.
            match self.unmapped.iter_mut().find(|it| it.name == later.name) {
                Some(unmapped) => {
                    unmapped.filled += later.filled;
                    unmapped.phones += later.phones;
                }
                None => self.unmapped.push(later),
            }
        }
        for (name, count) in later.unknown_owners {
            if self.unknown_owners.len() < OWNERS_MAX || self.unknown_owners.contains_key(&name) {
                *self.unknown_owners.entry(name).or_default() += count;
            }
        }
    }

    /// The names in `responsible_user_id` that the value table does not have, most frequent first.
    #[must_use]
    pub(crate) fn unmapped_responsible(&self) -> Vec<(&str, u64)> {
        let names = self.unknown_owners.iter();
        let mut names: Vec<_> = names.map(|(name, count)| (name.as_str(), *count)).collect();
        names.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        names
    }

    /// A line for each kind of change: `412 numbers: 8 → 7 (8 (999) 123-45-67 → 79991234567)`.
    #[must_use]
    pub(crate) fn lines(&self) -> Vec<String> {
        let counts = self.counts.iter();
        counts
            .filter_map(|(edit, (count, example))| match edit.text() {
                (noun, text, None) => {
                    Some(format!("{}: {text} ({example})", counted(*count, noun)))
                }
                _ => None,
            })
            .collect()
    }

    /// A line for each oddity, with the flag that helps.
    #[must_use]
    pub(crate) fn hints(&self) -> Vec<String> {
        let counts = self.counts.iter();
        let oddities = counts.filter_map(|(edit, (count, example))| match edit.text() {
            (noun, text, Some(advice)) => Some(format!(
                "{}: {text} (such as `{example}`): {advice}",
                counted(*count, noun)
            )),
            _ => None,
        });
        oddities
            .chain(self.unknown_owners_hint())
            .chain(self.unmapped.iter().filter_map(UnmappedColumn::hint))
            .collect()
    }

    fn unknown_owners_hint(&self) -> Option<String> {
        const SHOWN: usize = 10;
        let names = self.unmapped_responsible();
        let shown = names.iter().take(SHOWN);
        let shown: Vec<_> = shown
            .map(|(name, count)| format!("{name:?} ({})", grouped(*count)))
            .collect();
        let more = match names.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {} more", grouped(more as u64)),
        };
        (!names.is_empty()).then(|| {
            format!(
                "{} in responsible_user_id without an id in the mapping file: {}{more}; add them to [values.responsible_user_id]",
                counted(names.len() as u64, "name"),
                shown.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_as_everywhere() {
        let mut edits = Edits::default();
        for _ in 0..5_000 {
            edits.count(Edit::EightToSeven, || "a → b".into());
            edits.count(Edit::EightWithoutRegion, || "89".into());
        }
        assert_eq!(edits.lines(), ["5,000 numbers: 8 → 7 (a → b)"]);
        assert!(edits.hints()[0].starts_with("5,000 numbers: 11 digits that begin"));
    }

    #[test]
    fn merging_adds_counts_and_keeps_the_earlier_example() {
        let mut first = Edits::default();
        first.count(Edit::EightToSeven, || "a → b".into());
        first.unknown_owner("Ivan");
        let mut second = Edits::default();
        second.count(Edit::EightToSeven, || "c → d".into());
        second.count(Edit::EightWithoutRegion, || "89".into());
        second.unknown_owner("Ivan");
        first.merge(second);
        assert_eq!(first.lines(), ["2 numbers: 8 → 7 (a → b)"]);
        assert_eq!(first.unmapped_responsible(), [("Ivan", 2)]);
        let hints = first.hints();
        assert!(
            hints[0].contains("--region RU")
                && hints[0].starts_with("1 number: 11 digits that begin")
        );
        assert!(hints[1].contains("[values.responsible_user_id]"));
    }
}
