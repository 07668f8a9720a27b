//! Errors of reading a file, with their position and a hint.
//!
//! An error here stops the run, because the file as a whole can't be trusted or can't be read. An invalid row is
//! not an error: it is delivered with its [`CellFault`](super::CellFault)s.

use std::{fmt, io};

use super::TableOrigin;
use crate::{
    nearest,
    output::IoError,
    paths::{self, read_fault},
    progress::StopReason,
    wording::shortened,
};

/// Names of the formats in messages about damaged files.
pub(super) const GZIP: &str = "gzip file";
pub(super) const ZSTD: &str = "zstd file";

/// A file that can't be read.
#[derive(Debug)]
pub struct SourceError {
    pub(crate) origin: Box<TableOrigin>,
    /// The row as a spreadsheet numbers it, if the error concerns a row.
    pub row: Option<u32>,
    pub(crate) kind: SourceErrorKind,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SourceErrorKind {
    #[error("{}", read_fault(.0))]
    Io(#[from] io::Error),
    /// Data that is kept in a temporary file.
    #[error("can't be read: {0}")]
    Temporary(#[from] IoError),
    /// A signal ended the reading.
    #[error("interrupted")]
    Interrupted(StopReason),
    #[error("is a folder, not a file")]
    Folder,
    #[error("is empty")]
    Empty,
    /// Only blank rows, or fewer rows than `--header-row`.
    #[error("has no header row")]
    NoHeader,
    #[error("is {what}")]
    Foreign {
        /// The kind of file, with an article.
        what: &'static str,
        advice: &'static str,
    },
    #[error("is a damaged {what}: {why}")]
    Damaged { what: &'static str, why: String },
    #[error(
        "a quote (\") opens a cell here and is never closed, so the rows after it would be lost"
    )]
    UnclosedQuote {
        /// The row in which the cell opens, if known.
        row: Option<u32>,
    },
    #[error("a row is larger than {} MiB", limit >> 20)]
    RowTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    #[error("{what} has more than {limit}")]
    TooLarge {
        what: String,
        /// The limit with its unit.
        limit: String,
    },
    /// Wider than any spreadsheet program allows.
    #[error("has more than {limit} columns")]
    TooManyColumns { limit: usize },
    #[error("has no sheet `{wanted}`; its sheets are: {}", shortened(there.iter().cloned()))]
    NoSuchSheet { wanted: String, there: Vec<String> },
    #[error("has no sheet with data")]
    NoData,
    #[error(
        "can't be split at {0:?}: a delimiter is a single ASCII character other than a quote or a line end"
    )]
    BadDelimiter(char),
    /// The end of the file is missing, possibly with contacts.
    #[error("seems to be cut off: {seen}")]
    CutOff {
        seen: &'static str,
        /// The row at the end, if known.
        row: Option<u32>,
    },
    /// Part of the text is lost.
    #[error("is incomplete: NUL characters stand in the place of text")]
    Hole {
        /// The row in which it begins, if known.
        row: Option<u32>,
    },
    /// The names of the columns in another order, as in files that were joined.
    #[error(
        "this row is a second header with other columns or in another order, so the rows after it can't be read"
    )]
    AnotherHeader,
    /// Its rows may be of two states of the file.
    #[error("was changed while it was read")]
    Changed,
}

impl SourceError {
    /// The signal that ended the reading, if one did.
    pub(crate) const fn interrupted(&self) -> Option<StopReason> {
        match self.kind {
            SourceErrorKind::Interrupted(reason) => Some(reason),
            _ => None,
        }
    }

    /// True if contacts may be missing: the end of the source is missing, swallowed by a quote or in other columns, or the
    /// file was changed.
    pub(crate) const fn is_incomplete(&self) -> bool {
        use SourceErrorKind as Kind;
        matches!(
            self.kind,
            Kind::CutOff { .. }
                | Kind::UnclosedQuote { .. }
                | Kind::Hole { .. }
                | Kind::AnotherHeader
                | Kind::Changed
        )
    }

    pub(crate) fn hint(&self) -> Option<String> {
        use SourceErrorKind as Kind;
        let hint = match &self.kind {
            Kind::Foreign { advice, .. } => advice,
            Kind::UnclosedQuote { .. } => {
                "close the quote, or double it (\"\") if it belongs to the text; if the file does not use quotes to enclose cells, save it again as .xlsx"
            }
            Kind::CutOff { row: Some(_), .. } => {
                "export or download it again; if the last row is complete, end it with a line break"
            }
            Kind::CutOff { row: None, .. } | Kind::Hole { .. } => {
                "export it again, or download it again"
            }
            Kind::AnotherHeader => {
                "split the file before this row: several files can be imported at once, each with its own columns"
            }
            Kind::Changed => "run the command again once the file is complete",
            Kind::NoHeader => {
                "add a row with the column names; if --header-row N is set, N must be such a row of the file"
            }
            Kind::TooManyColumns { .. } => {
                "remove the columns that are not needed; if a text file has fewer, check --delimiter"
            }
            Kind::RowTooLong { .. } => {
                "if it is a text file, check --delimiter and --encoding; in others, shorten the longest cells"
            }
            Kind::NoSuchSheet { wanted, there } => {
                let meant = nearest::flag("--sheet ", wanted, there).map(|meant| meant + " ");
                return Some(
                    meant.unwrap_or_default() + "--sheet takes a name, a number from 1, or `all`",
                );
            }
            Kind::Empty => {
                "check that it is the right file, and that it was saved or downloaded completely"
            }
            Kind::Folder => "name a file in the folder",
            Kind::Damaged {
                what: GZIP | ZSTD, ..
            } => {
                "it is truncated or damaged: download it again, or unpack it with another program and import the unpacked file"
            }
            Kind::Damaged { .. } => {
                "open it in a spreadsheet program and save it again, as .xlsx or as CSV in UTF-8"
            }
            Kind::TooLarge { .. } => "save the sheet with the contacts as CSV and import that file",
            Kind::Temporary(_) => "set TMPDIR to a directory that exists and has room",
            Kind::NoData => "check that it is the right file",
            Kind::Io(error) => return paths::advice(&self.origin.path, error),
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)?;
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            SourceErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl SourceErrorKind {
    /// Adds the file and the row.
    pub(crate) fn at(self, origin: &TableOrigin, row: Option<u32>) -> SourceError {
        let own_row = match &self {
            Self::CutOff { row, .. } | Self::UnclosedQuote { row } | Self::Hole { row } => *row,
            _ => None,
        };
        SourceError {
            origin: Box::new(origin.clone()),
            row: own_row.or(row),
            kind: self,
        }
    }
}

/// The advice about a file in which contacts are rarely exported.
pub(super) const SAVE_AS: &str = "export the contacts as CSV or XLSX instead";

/// A file that can't be read: its kind, with an article.
pub(super) const fn foreign(what: &'static str, advice: &'static str) -> SourceErrorKind {
    SourceErrorKind::Foreign { what, advice }
}

pub(super) fn damaged(why: impl fmt::Display) -> SourceErrorKind {
    SourceErrorKind::Damaged {
        what: "workbook",
        why: why.to_string(),
    }
}

/// The error about a panic in the reader of a format.
pub(super) fn gave_up() -> SourceErrorKind {
    SourceErrorKind::Damaged {
        what: "file",
        why: "the reader for its format gave up".to_owned(),
    }
}

pub(super) fn too_large(what: &str, limit: String) -> SourceErrorKind {
    SourceErrorKind::TooLarge {
        what: what.to_owned(),
        limit,
    }
}

pub(super) fn mebibytes(bytes: u64) -> String {
    if bytes < 1 << 30 {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{} GiB", bytes >> 30)
    }
}
