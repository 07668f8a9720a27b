//! Counts what was changed in cells, and what looks odd: nothing is changed silently.
//!
//! Every worker has its own [`Edits`]. They are merged in the order of the file, so the examples do not depend on the
//! number of threads.

use std::collections::BTreeMap;

use csv::StringRecord;

use super::country::{LackingCountry, NumberCounts};
use crate::reject::DroppedNumber;
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
    MessengerNamed,
    Apostrophe,
    Unquoted,
    Hyperlink,
    Invisible,
    Expanded,
    WholeId,
    Split,
    LinkReduced,
    AtRemoved,
    NamesJoined,
    Duplicate,
    ValueMapped,
    OwnerMatched,
    PhoneUnused,
    PhoneLeftOut,
    NumberDropped,
    NoValue,
    FaxSkipped,
    OwnAddress,
    EightWithoutRegion,
    TenWithoutRegion,
    OtherNational,
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
            Self::MessengerNamed => ("number", "sent to the messenger that is named beside it", None),
            Self::Apostrophe => ("cell", "leading apostrophe removed", None),
            Self::Unquoted => ("cell", "=\"…\" unwrapped", None),
            Self::Hyperlink => ("cell", "=HYPERLINK(…) replaced by its text, or by its address in a column of links", None),
            Self::Invisible => ("cell", "invisible characters removed", None),
            Self::Expanded => ("number", "spreadsheet notation expanded", None),
            Self::WholeId => ("id", "written as a fraction or with an exponent, read as the whole number", None),
            Self::Split => ("cell", "several values split", None),
            Self::LinkReduced => ("link", "reduced to the account", None),
            Self::AtRemoved => ("name", "@ removed", None),
            Self::NamesJoined => ("name", "joined from parts", None),
            Self::Duplicate => ("chat", "given twice in one row, sent once", None),
            Self::ValueMapped => ("value", "replaced by the mapping file", None),
            Self::OwnerMatched => ("owner", "replaced by the id of the employee", None),
            Self::PhoneUnused => ("number", "not used because the row has its own chat of that type", None),
            Self::PhoneLeftOut => ("value", "in a phone column but not a number, left out because the row has other chats", None),
            Self::NumberDropped => ("number", "not valid, left out because of --bad-numbers drop", None),
            Self::NoValue => ("cell", "#N/A read as empty because the row has the value elsewhere", None),
            Self::FaxSkipped => ("number", "fax or pager, left out", None),
            Self::OwnAddress => ("link", "left out because it is the API's own address of a contact", None),
            Self::EightWithoutRegion => ("number", "11 digits that begin with 8", Some("add --region RU (or KZ)")),
            Self::TenWithoutRegion => ("number", "10 digits without a country code",
                Some("add --region with the country's two letters, such as --region RU or --region MX")),
            Self::OtherNational => ("number", "apparently without a country code", Some("add --region with the country's two letters")),
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
    /// Names in `responsible_user_id` that have no id, with their counts.
    unknown_owners: BTreeMap<String, u64>,
    owners_known_by: OwnersKnownBy,
    /// True if `--owners match` may find their ids.
    can_look_up_owners: bool,
    /// Owners that are not among the account's employees, with their counts.
    unlisted_owners: BTreeMap<String, u64>,
    has_named_owner: bool,
    unmapped: Vec<UnmappedColumn>,
    /// Advice about the columns.
    about_columns: Vec<String>,
    /// The numbers of each column.
    numbers: BTreeMap<usize, NumberCounts>,
    /// The numbers that were left out of the row, and not taken yet.
    pub(crate) dropped: Vec<DroppedNumber>,
    /// The column that is read; `None` if the numbers are not counted.
    column: Option<usize>,
}

/// Where the ids of names in `responsible_user_id` are looked up, each place in addition to those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OwnersKnownBy {
    #[default]
    Nothing,
    /// The value table of a mapping file.
    Table,
    /// The employees of the account.
    Account,
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

/// Maximum number of different owners that are kept: a wrong column must not fill the memory.
const OWNERS_MAX: usize = 1000;

/// Adds to the count of an owner.
fn count_owner(owners: &mut BTreeMap<String, u64>, owner: &str, count: u64) {
    if let Some(known) = owners.get_mut(owner) {
        *known += count;
    } else if owners.len() < OWNERS_MAX {
        owners.insert(owner.to_owned(), count);
    }
}

/// The most frequent owners first, as text.
fn owner_list(owners: &BTreeMap<String, u64>) -> String {
    const SHOWN: usize = 10;
    let mut sorted: Vec<_> = owners.iter().collect();
    sorted.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
    let shown = sorted.iter().take(SHOWN);
    let shown: Vec<_> = shown
        .map(|(name, count)| format!("{name:?} ({})", grouped(**count)))
        .collect();
    let more = match owners.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {} more", grouped(more as u64)),
    };
    format!("{}{more}", shown.join(", "))
}

impl Edits {
    /// Counts one edit; the example is only made for the first of its kind.
    #[cold]
    pub(super) fn count(&mut self, edit: Edit, example: impl FnOnce() -> String) {
        let first = || (0, clipped(&example(), EXAMPLE_CHARS_MAX));
        self.counts.entry(edit).or_insert_with(first).0 += 1;
    }

    /// Adds advice about the columns.
    pub(crate) fn about_columns(hints: Vec<String>) -> Self {
        Self {
            about_columns: hints,
            ..Self::default()
        }
    }

    /// Counts the numbers that were left out of a row that is a contact.
    pub(super) fn count_dropped(&mut self) {
        for at in 0..self.dropped.len() {
            let value = self.dropped[at].value.clone();
            self.count(Edit::NumberDropped, || value);
        }
    }

    /// Counts a row of column names among the data.
    pub(crate) fn repeated_header(&mut self, cells: &StringRecord) {
        self.count(Edit::HeaderRepeated, || {
            cells.iter().collect::<Vec<_>>().join(",")
        });
    }

    /// Counts a name in `responsible_user_id` without an id.
    #[cold]
    pub(super) fn unknown_owner(&mut self, name: &str, known_by: OwnersKnownBy, can_look_up: bool) {
        self.can_look_up_owners |= can_look_up;
        self.owners_known_by = self.owners_known_by.max(known_by);
        count_owner(&mut self.unknown_owners, name, 1);
    }

    /// Counts an owner that is not an employee of the account.
    #[cold]
    pub(super) fn unlisted_owner(&mut self, owner: &str) {
        count_owner(&mut self.unlisted_owners, owner, 1);
    }

    /// Notes that a contact has an owner that the guard counts as a name.
    pub(super) fn named_owner(&mut self) {
        self.has_named_owner = true;
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

    /// Counts the numbers that are read from now on as those of a column.
    pub(super) const fn begin_numbers(&mut self, column: usize) {
        self.column = Some(column);
    }

    /// Counts no more numbers.
    pub(super) const fn end_numbers(&mut self) {
        self.column = None;
    }

    /// Counts a number that is sent; it is bare if it was written without a `+`.
    pub(super) fn number_sent(&mut self, digits: &str, is_bare: bool) {
        if let Some(column) = self.column {
            self.numbers
                .entry(column)
                .or_default()
                .sent(digits, is_bare);
        }
    }

    /// Counts a number that is rejected because it lacks its country code.
    pub(super) fn number_rejected(&mut self, digits: &str) {
        if let Some(column) = self.column {
            self.numbers.entry(column).or_default().rejected(digits);
        }
    }

    /// Warnings about numbers that are sent although their country has no such number.
    pub(crate) fn number_warnings(&self, columns: &[String]) -> Vec<String> {
        let numbers = self.numbers.iter();
        let warnings = numbers.filter_map(|(column, counts)| counts.warning(columns.get(*column)?));
        warnings.collect()
    }

    /// The first column most of whose numbers lack their country code.
    pub(crate) fn lacking_country<'c>(
        &self,
        columns: &'c [String],
    ) -> Option<(&'c String, LackingCountry)> {
        let mut numbers = self.numbers.iter();
        numbers.find_map(|(column, counts)| Some((columns.get(*column)?, counts.lacking()?)))
    }

    /// Adds the edits of a later part of the same table.
    pub(crate) fn merge(&mut self, later: Self) {
        for (column, counts) in later.numbers {
            self.numbers.entry(column).or_default().merge(counts);
        }
        for (edit, (count, example)) in later.counts {
            self.counts.entry(edit).or_insert((0, example)).0 += count;
        }
        for hint in later.about_columns {
            if !self.about_columns.contains(&hint) {
                self.about_columns.push(hint);
            }
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
            count_owner(&mut self.unknown_owners, &name, count);
        }
        for (owner, count) in later.unlisted_owners {
            count_owner(&mut self.unlisted_owners, &owner, count);
        }
        self.owners_known_by = self.owners_known_by.max(later.owners_known_by);
        self.can_look_up_owners |= later.can_look_up_owners;
        self.has_named_owner |= later.has_named_owner;
    }

    /// The names in `responsible_user_id` that have no id.
    pub(crate) fn unknown_owners(&self) -> impl Iterator<Item = &str> {
        self.unknown_owners.keys().map(String::as_str)
    }

    /// True if a contact has an owner that the guard counts as a name.
    pub(crate) const fn has_named_owner(&self) -> bool {
        self.has_named_owner
    }

    /// The warning about owners that are not among the account's employees.
    pub(crate) fn unlisted_owners_warning(&self) -> Option<String> {
        let owners = &self.unlisted_owners;
        (!owners.is_empty()).then(|| {
            format!(
                "{} not among the account's employees: {} (`wazzup-contacts users` lists them)",
                counted(owners.len() as u64, "owner"),
                owner_list(owners)
            )
        })
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
        let about_columns = self.about_columns.iter().cloned();
        about_columns
            .chain(oddities)
            .chain(self.unknown_owners_hint())
            .chain(self.unmapped.iter().filter_map(UnmappedColumn::hint))
            .collect()
    }

    fn unknown_owners_hint(&self) -> Option<String> {
        const TABLE: &str = "[values.responsible_user_id]";
        const LOOK_UP: &str = "look up their ids with --owners match (import, plan), or ";
        let number = self.unknown_owners.len() as u64;
        let names = owner_list(&self.unknown_owners);
        let look_up = if self.can_look_up_owners { LOOK_UP } else { "" };
        let (noun, what, advice) = match self.owners_known_by {
            OwnersKnownBy::Nothing => (
                "value",
                "that look like names rather than ids",
                format!(
                    "give the ids in {TABLE} of a mapping file (`check FILE --write-mapping NEW.toml` lists the names)"
                ),
            ),
            OwnersKnownBy::Table => (
                "name",
                "without an id in the mapping file",
                format!("add them to {TABLE}"),
            ),
            OwnersKnownBy::Account => (
                "name",
                "not found among the account's employees",
                format!("correct them, or give their ids in {TABLE} of a mapping file"),
            ),
        };
        let hint = format!(
            "{} in responsible_user_id {what}: {names}; {look_up}{advice}",
            counted(number, noun)
        );
        (number > 0).then_some(hint)
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
        first.unknown_owner("Ivan", OwnersKnownBy::Table, true);
        let mut second = Edits::default();
        second.count(Edit::EightToSeven, || "c → d".into());
        second.count(Edit::EightWithoutRegion, || "89".into());
        second.unknown_owner("Ivan", OwnersKnownBy::Table, true);
        first.merge(second);
        assert_eq!(first.lines(), ["2 numbers: 8 → 7 (a → b)"]);
        assert_eq!(owner_list(&first.unknown_owners), "\"Ivan\" (2)");
        let hints = first.hints();
        assert!(
            hints[0].contains("--region RU")
                && hints[0].starts_with("1 number: 11 digits that begin")
        );
        assert!(hints[1].contains("[values.responsible_user_id]"));
    }
}
