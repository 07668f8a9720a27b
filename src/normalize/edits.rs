//! Counts changes to cells and oddities, so that nothing is changed silently.
//!
//! Every worker has its own [`Edits`]. They are merged in file order, so the examples do not depend on the number
//! of threads.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use self::ReportedAs::{Change, Hint, Warning};
use super::{
    country::Numbers, damage::is_damaged, owner_notes::OwnerNotes, unmapped::UnmappedColumns,
};
use crate::{characters::clipped, reject::DroppedNumber, wording::counted};

/// Declares the kinds of edits, each with a noun, the text after its count, and where it is reported.
macro_rules! edits {
    ($($edit:ident: $noun:literal, $text:literal, $reported:expr;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Edit {
            $($edit),*
        }

        impl Edit {
            const fn text(self) -> (&'static str, &'static str, ReportedAs) {
                match self {
                    $(Self::$edit => ($noun, $text, $reported)),*
                }
            }
        }
    };
}

edits! {
    EightToSeven: "number", "8 → 7", Change;
    TrunkResolved: "number", "national prefix → country code", Change;
    CodeAdded: "number", "country code added", Change;
    DoubleZero: "number", "leading 00 removed", Change;
    Punctuation: "number", "spaces and punctuation removed", Change;
    TextDropped: "number", "text beside it removed", Change;
    ExtensionDropped: "number", "extension dropped", Change;
    MessengerNamed: "number", "sent to the messenger that is named beside it", Change;
    Apostrophe: "cell", "leading apostrophe removed", Change;
    Unquoted: "cell", "=\"…\" unwrapped", Change;
    Hyperlink: "cell", "=HYPERLINK(…) replaced by its text, or by its address in a column of links", Change;
    Invisible: "cell", "invisible characters removed", Change;
    Expanded: "number", "spreadsheet notation expanded", Change;
    WholeId: "id", "written as a fraction or with an exponent, read as the whole number", Change;
    Split: "cell", "several values split", Change;
    LinkReduced: "link", "reduced to the account", Change;
    AtRemoved: "name", "@ removed", Change;
    NamesJoined: "name", "joined from parts", Change;
    Duplicate: "chat", "given twice in one row, sent once", Change;
    ValueMapped: "value", "replaced by the mapping file", Change;
    OwnerMatched: "owner", "replaced by the id of the employee", Change;
    PhoneUnused: "number", "not used because the row has its own chat of that type", Change;
    PhoneLeftOut: "value", "not a number or an account, left out because the row has other chats", Change;
    NumberDropped: "number", "not valid, left out because of --bad-numbers drop", Change;
    NoValue: "cell", "#N/A read as empty because the row has the value elsewhere", Change;
    FaxSkipped: "number", "fax or pager, left out", Change;
    OwnAddress: "link", "left out because it is the API's own address of a contact", Change;
    EightWithoutRegion: "number", "11 digits that begin with 8", Hint("add --region RU (or KZ)");
    TenWithoutRegion: "number", "10 digits without a country code",
        Hint("add --region with the country's two letters, such as --region RU or --region MX");
    OtherNational: "number", "apparently without a country code", Hint("add --region with the country's two letters");
    LongIdInTelegram: "value", "in a telegram or max column, read as an account id but similar to a phone number",
        Hint("if it is a phone, add --map telegram_phone='…' (or max_phone='…'), or write it with + in a column that also has accounts");
    NotDigits: "value", "in a chat_id of whatsapp or viber, which has only digits: sent as written, like everything in a backup",
        Warning("write the digits of the number with its country code");
    NotContact: "row", "marked as something other than a contact",
        Hint("such rows are read like the others; to leave them out, export only contacts, or remove the rows from the file");
    HeaderRepeated: "row", "the column names again, skipped", Change;
    NoValueRead: "row", "without a value in the columns that are read, skipped", Change;
    LinkWithoutScheme: "link", "without https:// or another scheme",
        Warning("correct the column, or make the address with --map ignore='COLUMN' --set uri='https://{COLUMN}'");
    TwoSpellings: "number", "in two spellings in the same row, both sent",
        Warning("only one of them reaches the person: keep the one that WhatsApp shows");
    Damaged: "text", "damaged before the file was read, or in another encoding, in names, owners or column names",
        Warning("export again as UTF-8 (in Excel: “CSV UTF-8” or .xlsx), or set the file's own --encoding, such as windows-1251");
    EmptyWord: "cell", "a word for a missing value, read as empty", Change;
    YesOrNo: "value", "yes or no in a column of accounts or numbers, left out",
        Warning("if the column only says that there is a chat, read the number with --map phone='…'");
}

/// Where an edit is reported, with the advice about it.
#[derive(Clone, Copy)]
enum ReportedAs {
    Change,
    Hint(&'static str),
    Warning(&'static str),
}

/// The number of edits of a kind, and the first as an example.
#[derive(Clone, Debug)]
struct EditCount {
    count: u64,
    example: String,
    /// The row of the example.
    row: u64,
}

/// The edits of each kind, and other facts about cells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edits {
    counts: BTreeMap<Edit, EditCount>,
    /// The current row, counted from the first row of the block, until [`Self::locate`].
    pub(super) row: u64,
    pub(crate) owners: OwnerNotes,
    /// Words that were read as a missing value, with their counts. All are from fixed tables.
    missing_values: BTreeMap<String, u64>,
    pub(super) unmapped: UnmappedColumns,
    /// Advice about the columns.
    about_columns: Vec<String>,
    pub(crate) numbers: Numbers,
    /// The numbers that were left out of the current row.
    pub(crate) dropped: Vec<DroppedNumber>,
    /// True if a chat of the last row was left out because it can't be read.
    pub(crate) has_unread_chat: bool,
}

/// A kind of change to cells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CellChange {
    /// Number of such changes.
    pub count: u64,
    /// The noun for what was changed: `number`, `cell`.
    pub noun: String,
    /// A description of the change.
    pub change: String,
    /// The first change of this kind.
    pub example: String,
}

/// `412 numbers: 8 → 7 (8 (999) 123-45-67 → 79991234567)`.
impl fmt::Display for CellChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = counted(self.count, &self.noun);
        write!(f, "{what}: {} ({})", self.change, self.example)
    }
}

/// Maximum length of an example in characters.
const EXAMPLE_CHARS_MAX: usize = 120;

impl Edits {
    /// Counts an edit. The example is only made for the first of its kind.
    #[cold]
    pub(crate) fn count(&mut self, edit: Edit, example: impl FnOnce() -> String) {
        let row = self.row;
        let first = || EditCount {
            count: 0,
            example: clipped(&example(), EXAMPLE_CHARS_MAX),
            row,
        };
        self.counts.entry(edit).or_insert_with(first).count += 1;
    }

    /// Counts a word that is read as a missing value.
    #[cold]
    pub(super) fn missing_value(&mut self, word: &str) {
        *self
            .missing_values
            .entry(word.trim().to_owned())
            .or_default() += 1;
    }

    /// The words that were read as a missing value, with their counts.
    pub(crate) const fn missing_values(&self) -> &BTreeMap<String, u64> {
        &self.missing_values
    }

    /// Counts a value that the mapping file replaces.
    pub(super) fn replaced(&mut self, value: &str, meant: &str) {
        if value != meant {
            self.count(Edit::ValueMapped, || format!("{value} → {meant}"));
        }
    }

    /// Adds advice about the columns, and counts damaged names. `row`: the row of the names.
    pub(crate) fn about_columns(columns: &[String], row: u32, hints: Vec<String>) -> Self {
        let mut edits = Self {
            about_columns: hints,
            row: row.into(),
            ..Self::default()
        };
        for name in columns {
            edits.inspect_text(name);
        }
        edits
    }

    /// Counts a text that was damaged before the file was read.
    pub(super) fn inspect_text(&mut self, text: &str) {
        if is_damaged(text) {
            self.count(Edit::Damaged, || text.to_owned());
        }
    }

    /// Counts the numbers that were left out of an accepted row.
    pub(super) fn count_dropped(&mut self) {
        for at in 0..self.dropped.len() {
            let value = self.dropped[at].value.clone();
            self.count(Edit::NumberDropped, || value);
        }
    }

    /// Sets the first row of the block.
    pub(crate) fn locate(&mut self, first_row: u64) {
        for found in self.counts.values_mut() {
            found.row += first_row;
        }
    }

    /// Adds advice about the columns of a table that was read to its end.
    pub(crate) fn end_table(&mut self, columns: &[String]) {
        let unmapped = std::mem::take(&mut self.unmapped);
        self.about_columns.extend(unmapped.hints(columns));
    }

    /// Adds the edits of a later part of the same table, or of another one.
    pub(crate) fn merge(&mut self, later: Self) {
        self.numbers.merge(later.numbers);
        for (edit, later) in later.counts {
            let known = self.counts.entry(edit);
            known
                .and_modify(|known| known.count += later.count)
                .or_insert(later);
        }
        for hint in later.about_columns {
            if !self.about_columns.contains(&hint) {
                self.about_columns.push(hint);
            }
        }
        self.unmapped.merge(later.unmapped);
        for (word, count) in later.missing_values {
            *self.missing_values.entry(word).or_default() += count;
        }
        self.owners.merge(later.owners);
    }

    /// Warnings about values that are sent although they are hardly meaningful, or left out although they may be.
    pub(crate) fn value_warnings(&self) -> Vec<String> {
        let warnings = self.lines_of(|reported| match reported {
            ReportedAs::Warning(advice) => Some(advice),
            ReportedAs::Change | ReportedAs::Hint(_) => None,
        });
        warnings.chain(self.owners.warnings()).collect()
    }

    /// A line for each kind of edit with such advice.
    fn lines_of(
        &self,
        advice: impl Fn(ReportedAs) -> Option<&'static str>,
    ) -> impl Iterator<Item = String> {
        self.counts.iter().filter_map(move |(edit, found)| {
            let (noun, text, reported) = edit.text();
            let advice = advice(reported)?;
            let what = counted(found.count, noun);
            let EditCount { example, row, .. } = found;
            Some(format!(
                "{what}: {text} (such as `{example}` in row {row}): {advice}"
            ))
        })
    }

    /// The kinds of changes.
    pub(crate) fn changes(&self) -> Vec<CellChange> {
        let counts = self.counts.iter();
        let changes = counts.filter_map(|(edit, found)| match edit.text() {
            (noun, change, ReportedAs::Change) => Some(CellChange {
                count: found.count,
                noun: noun.to_owned(),
                change: change.to_owned(),
                example: found.example.clone(),
            }),
            _ => None,
        });
        changes.collect()
    }

    /// A line for each kind of change.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.changes().iter().map(CellChange::to_string).collect()
    }

    /// A line for each oddity, with the flag that may help.
    pub(crate) fn hints(&self) -> Vec<String> {
        let oddities = self.lines_of(|reported| match reported {
            ReportedAs::Hint(advice) => Some(advice),
            ReportedAs::Change | ReportedAs::Warning(_) => None,
        });
        let about_columns = self.about_columns.iter().cloned();
        about_columns
            .chain(oddities)
            .chain(self.owners.hint())
            .collect()
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
        let mut second = Edits::default();
        second.count(Edit::EightToSeven, || "c → d".into());
        second.count(Edit::EightWithoutRegion, || "89".into());
        first.merge(second);
        assert_eq!(first.lines(), ["2 numbers: 8 → 7 (a → b)"]);
        let hints = first.hints();
        assert!(
            hints[0].contains("--region RU")
                && hints[0].starts_with("1 number: 11 digits that begin")
        );
    }
}
