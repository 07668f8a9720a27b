//! Rejected rows and the reasons: the stable codes, a fault of a value, a problem of a row, and the stored row.

use std::borrow::Cow;

use strum::EnumMessage as _;

/// The columns that a rejects file adds to those of the source.
pub(crate) const ADDED_COLUMNS: [&str; 5] = ["_file", "_row", "_column", "_code", "_reason"];

/// True for the columns of a rejects file, from whichever run of this tool.
pub(crate) fn is_rejects_file(columns: &[String]) -> bool {
    let is_there = |added: &&str| columns.iter().any(|column| column == added);
    ADDED_COLUMNS[1..].iter().all(is_there)
}

/// A stable code for one kind of problem. Its message is its title, and its documentation is the advice for people.
/// Scripts depend on the codes: they are added, never renamed.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
#[non_exhaustive]
#[expect(clippy::doc_markdown, reason = "people read the advice as plain text")]
pub enum RejectCode {
    /// Fill in the id column: without it, a contact can't be found again.
    #[strum(message = "No id")]
    IdMissing,
    /// Shorten the id to 100 characters.
    #[strum(message = "Id too long")]
    IdTooLong,
    /// Fill in the name.
    #[strum(message = "No name")]
    NameMissing,
    /// Shorten the name to 200 characters.
    #[strum(message = "Name too long")]
    NameTooLong,
    /// Fill in the column, or set one employee for all such rows with --set responsible_user_id=ID.
    #[strum(message = "No responsible employee")]
    ResponsibleUserIdMissing,
    /// Write the employee's id of at most 100 characters.
    #[strum(message = "Employee id too long")]
    ResponsibleUserIdTooLong,
    /// Write the employee's id, or add the name to the mapping file; `wazzup-contacts users` lists the ids.
    #[strum(message = "Unknown employee")]
    ResponsibleUnknown,
    /// Fill in the link, or build it for all rows with --set uri='https://…/{id}'.
    #[strum(message = "No link")]
    UriMissing,
    /// Shorten the link to 200 characters.
    #[strum(message = "Link too long")]
    UriTooLong,
    /// Add a phone number or an account of a messenger, or leave the row out.
    #[strum(message = "No phone and no account")]
    NoChat,
    /// Write one of the messengers that Wazzup supports, such as whatsapp or telegram.
    #[strum(message = "Unknown messenger")]
    ChatTypeUnknown,
    /// Fill in the number or the account of the chat.
    #[strum(message = "Chat without an address")]
    ChatIdMissing,
    /// Correct the number and its country code; for numbers without a country code, add --region with the country's two letters.
    #[strum(message = "Not a phone number")]
    PhoneInvalid,
    /// Format the column as text, and copy the numbers from the original again.
    #[strum(message = "Number cut off by a spreadsheet")]
    PhoneTruncated,
    /// Format the column as text, and copy the values from the original again.
    #[strum(message = "Digits lost in a spreadsheet")]
    DigitsLost,
    /// Write the name as the messenger shows it, without spaces.
    #[strum(message = "Not an account name")]
    UsernameInvalid,
    /// Correct the JSON in contact_data, or use columns for the chats.
    #[strum(message = "Chats can't be read")]
    ContactDataInvalid,
    /// Keep one of the rows, or choose with --on-duplicate first, last or merge.
    #[strum(message = "Same id, different values")]
    DuplicateId,
    /// Put cells that contain the delimiter in quotes.
    #[strum(message = "Too many cells in the row")]
    RowRagged,
    /// Remove the extra quote (") before the first of them, or add the missing one.
    #[strum(message = "Whole rows in a cell")]
    RowsInCell,
    /// Save the file as UTF-8, or name its encoding with --encoding.
    #[strum(message = "Unreadable letters")]
    BytesUndecodable,
    /// Correct the formula, or replace it with its value.
    #[strum(message = "Formula error")]
    CellError,
    /// Correct the line.
    #[strum(message = "Line is not valid JSON")]
    JsonInvalid,
    /// The reason is the server's message; correct the value and import the row again.
    #[strum(message = "Refused by the server")]
    RefusedByServer,
    /// The contact does not exist: import the row with --mode upsert to create it.
    #[strum(message = "Not in the account")]
    NotFound,
    /// The contact was changed by others, so it was left alone. The next steps overwrite it.
    #[strum(message = "Changed since the plan")]
    ChangedSince,
    /// The run wrote the contact without reading it first, so it was left alone: check it in Wazzup.
    #[strum(message = "Unknown before the run")]
    NotRead,
    /// The account's contact can't be read, so it was left alone: check it in Wazzup.
    #[strum(message = "Contact can't be read")]
    ContactUnreadable,
}

impl RejectCode {
    /// Every code, in the order of the README.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The code in the rejects file.
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }

    /// A title for people.
    pub(crate) fn title(self) -> &'static str {
        self.get_message().unwrap_or_default()
    }

    /// The advice to correct rows with this problem.
    pub(crate) fn advice(self) -> &'static str {
        self.get_documentation().unwrap_or_default()
    }
}

/// An invalid value: a code and a sentence that shows the value and says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: RejectCode,
    pub(crate) reason: String,
}

impl Fault {
    pub(crate) fn new(code: RejectCode, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { code, reason }
    }

    pub(crate) fn at(self, column: Option<String>) -> Problem {
        Problem {
            column,
            code: self.code,
            reason: self.reason,
        }
    }
}

/// A fault with its column. A row may have several problems, and all are reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The column's name in the file; `None` if the problem concerns the whole row.
    pub column: Option<String>,
    pub code: RejectCode,
    /// A sentence that shows the value and says what to do.
    pub reason: String,
}

/// The stage that rejected a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum RejectedAt {
    /// The cells are invalid.
    Stage,
    /// The row contradicts other rows or the account.
    Plan,
    /// The server refused the contact.
    Apply,
}

/// A rejected row, as the run file stores it.
#[derive(Clone, Debug)]
pub(crate) struct RejectedRow<'a> {
    pub source: u32,
    /// Its number; before [`located`](Self::located), counted from the first row of its block.
    pub row: u64,
    /// Number of the contact, if the row became one.
    pub seq: Option<u64>,
    /// The contact's id, if it can be read. In a ragged row its column is unknown.
    pub id: Option<Cow<'a, str>>,
    pub at: RejectedAt,
    pub problems: Cow<'a, [Problem]>,
}

impl<'a> RejectedRow<'a> {
    /// A row of a block that did not become a contact.
    pub(crate) fn of_block(row: u32, id: Option<&'a str>, problems: Vec<Problem>) -> Self {
        Self {
            source: 0,
            row: row.into(),
            seq: None,
            id: id.map(Cow::Borrowed),
            at: RejectedAt::Stage,
            problems: problems.into(),
        }
    }

    /// The row, with its block's position in the source.
    pub(crate) fn located(&self, source: u32, first_row: u64) -> RejectedRow<'_> {
        RejectedRow {
            source,
            row: first_row + self.row,
            seq: self.seq,
            id: self.id.as_deref().map(Cow::Borrowed),
            at: self.at,
            problems: Cow::Borrowed(&self.problems),
        }
    }

    /// Copies borrowed text.
    pub(crate) fn into_owned(self) -> RejectedRow<'static> {
        RejectedRow {
            id: self.id.map(|id| id.into_owned().into()),
            problems: self.problems.into_owned().into(),
            ..self
        }
    }
}

/// A number that was left out because it is invalid; the contact has another chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DroppedNumber {
    /// The row, counted from the first of its block.
    pub row: u32,
    pub id: String,
    /// The text of the cell.
    pub value: String,
    /// The reason for leaving it out.
    pub problem: Problem,
}

impl DroppedNumber {
    pub(crate) fn at(self, row: u32) -> Self {
        Self { row, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_title_and_advice() {
        for code in RejectCode::ALL {
            assert!(
                !code.title().is_empty() && code.advice().ends_with('.'),
                "{code}"
            );
        }
    }
}
