//! Reasons for rejecting a row: the stable codes, a fault of a value, and a problem of a row.

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
