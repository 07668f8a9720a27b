//! Why a row is handed back: the stable codes and what a problem says.

use std::{fmt, str::FromStr};

/// A stable word for one kind of problem. Others script against these: add, never rename.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "`as_str` and the README's table say what each means"
)]
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
    RefusedByServer,
    NotFound,
    ChangedSince,
}

impl RejectCode {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 24] = [
        Self::IdMissing,
        Self::IdTooLong,
        Self::NameMissing,
        Self::NameTooLong,
        Self::ResponsibleUserIdMissing,
        Self::ResponsibleUserIdTooLong,
        Self::ResponsibleUnknown,
        Self::UriMissing,
        Self::UriTooLong,
        Self::NoChat,
        Self::ChatTypeUnknown,
        Self::ChatIdMissing,
        Self::PhoneInvalid,
        Self::PhoneTruncated,
        Self::DigitsLost,
        Self::UsernameInvalid,
        Self::ContactDataInvalid,
        Self::DuplicateId,
        Self::RowRagged,
        Self::BytesUndecodable,
        Self::CellError,
        Self::RefusedByServer,
        Self::NotFound,
        Self::ChangedSince,
    ];

    /// The word that stands in the rejects file.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::IdMissing => "id_missing",
            Self::IdTooLong => "id_too_long",
            Self::NameMissing => "name_missing",
            Self::NameTooLong => "name_too_long",
            Self::ResponsibleUserIdMissing => "responsible_user_id_missing",
            Self::ResponsibleUserIdTooLong => "responsible_user_id_too_long",
            Self::ResponsibleUnknown => "responsible_unknown",
            Self::UriMissing => "uri_missing",
            Self::UriTooLong => "uri_too_long",
            Self::NoChat => "no_chat",
            Self::ChatTypeUnknown => "chat_type_unknown",
            Self::ChatIdMissing => "chat_id_missing",
            Self::PhoneInvalid => "phone_invalid",
            Self::PhoneTruncated => "phone_truncated",
            Self::DigitsLost => "digits_lost",
            Self::UsernameInvalid => "username_invalid",
            Self::ContactDataInvalid => "contact_data_invalid",
            Self::DuplicateId => "duplicate_id",
            Self::RowRagged => "row_ragged",
            Self::BytesUndecodable => "bytes_undecodable",
            Self::CellError => "cell_error",
            Self::RefusedByServer => "refused_by_server",
            Self::NotFound => "not_found",
            Self::ChangedSince => "changed_since",
        }
    }
}

impl fmt::Display for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RejectCode {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|code| code.as_str() == word)
            .ok_or(())
    }
}

/// One thing that is wrong with one row. A row may have several; all are reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The name of the column as it stands in the file, where one column is to blame.
    pub column: Option<String>,
    /// What kind of problem it is.
    pub code: RejectCode,
    /// A sentence that names the value and says what to do.
    pub reason: String,
}
