//! Rejected rows and the reasons: the stable codes, a fault of a value, a problem of a row, and the stored row.

use std::borrow::Cow;

use crate::contact::ContactField;

/// The columns that a rejects file adds to those of the source.
pub(crate) const ADDED_COLUMNS: [&str; 5] = ["_file", "_row", "_column", "_code", "_reason"];

/// True for the columns of a rejects file, from whichever run of this tool.
pub(crate) fn is_rejects_file(columns: &[String]) -> bool {
    let is_there = |added: &&str| columns.iter().any(|column| column == added);
    ADDED_COLUMNS[1..].iter().all(is_there)
}

/// A stable code for one kind of problem. Scripts depend on the codes: they are added, never renamed.
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
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the README explains each code")]
pub enum RejectCode {
    IdMissing,
    IdTooLong,
    NameMissing,
    NameTooLong,
    ResponsibleUserIdMissing,
    ResponsibleUserIdTooLong,
    ResponsibleUnknown,
    UriMissing,
    UriTooLong,
    NoChat,
    ChatTypeUnknown,
    ChatIdMissing,
    PhoneInvalid,
    PhoneTruncated,
    DigitsLost,
    UsernameInvalid,
    ContactDataInvalid,
    DuplicateId,
    RowRagged,
    BytesUndecodable,
    CellError,
    JsonInvalid,
    RefusedByServer,
    NotFound,
    ChangedSince,
    ContactUnreadable,
}

impl RejectCode {
    /// Every code, in the order of the README.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The code in the rejects file.
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
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
    /// Fields without a value or a problem, which a new contact needs and an existing one may have. Only planning
    /// needs them.
    pub lacks: Vec<ContactField>,
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
            lacks: Vec::new(),
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
            lacks: self.lacks.clone(),
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
