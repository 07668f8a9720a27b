//! The files that the user names beside the result: rejects, report, metrics. Each is checked before the work begins,
//! and a report or a metrics file replaces only one of its kind.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    output,
    paths::{advice, shown_path},
    streams::is_special,
};

/// The generator that a report names.
pub(crate) const GENERATOR: &str = "wazzup-contacts";

/// The first line of a metrics file.
pub(crate) const METRICS_TITLE: &str = "# The last run of wazzup-contacts";

/// The content of a requested file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestedFile {
    Rejects,
    Report,
    Metrics,
    Backup,
    Changes,
}

/// The reason why a requested file can't be written.
#[derive(Debug, thiserror::Error)]
pub enum RequestedFileError {
    /// The named file must not be replaced, or has another extension.
    #[error("{reason}")]
    Misplaced {
        /// The content.
        file: RequestedFile,
        /// A sentence.
        reason: String,
    },
    /// The file can't be created.
    #[error("can't write the {} to {}: {source}", file.word(), shown_path(path))]
    Unwritable {
        /// The content.
        file: RequestedFile,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl RequestedFile {
    const fn word(self) -> &'static str {
        match self {
            Self::Rejects => "rejects",
            Self::Report => "report",
            Self::Metrics => "metrics",
            Self::Backup => "backup",
            Self::Changes => "changes",
        }
    }

    /// The refusal to replace a file of another kind.
    pub(crate) fn foreign(self, path: &Path) -> RequestedFileError {
        let kind = match self {
            Self::Rejects | Self::Report => "a report",
            Self::Metrics => "metrics",
            Self::Backup => "a backup",
            Self::Changes => "a list of changes",
        };
        self.misplaced(format!(
            "{} exists and does not hold {kind} of this tool: choose another name, or remove the file",
            shown_path(path)
        ))
    }

    /// Checks that the report or the metrics can be written to this path, and returns the absolute path.
    pub(crate) fn check(self, path: &Path) -> Result<PathBuf, RequestedFileError> {
        let (endings, needed): (&[&str], _) = match self {
            Self::Metrics => (
                &["prom"],
                "node_exporter reads only files whose names end in .prom",
            ),
            Self::Rejects | Self::Report | Self::Backup | Self::Changes => (
                &["html", "htm"],
                "the report is an HTML page, so its name must end in .html",
            ),
        };
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        if !is_special(path) && endings.iter().all(|it| ending != **it) {
            return Err(self.misplaced(format!("{}: {needed}", path.display())));
        }
        self.check_replaceable(path)?;
        output::check_writable(path).map_err(self.unwritable(path))?;
        std::path::absolute(path).map_err(self.unwritable(path))
    }

    /// Checks that the path is free or holds a file of this kind. Another program may create one at any time.
    pub(crate) fn check_replaceable(self, path: &Path) -> Result<(), RequestedFileError> {
        let marker = match self {
            Self::Rejects | Self::Report | Self::Backup | Self::Changes => {
                format!("name=\"generator\" content=\"{GENERATOR}\"")
            }
            Self::Metrics => METRICS_TITLE.to_owned(),
        };
        if output::is_replaceable(path, marker.as_bytes()) {
            return Ok(());
        }
        Err(self.foreign(path))
    }

    pub(crate) fn misplaced(self, reason: String) -> RequestedFileError {
        RequestedFileError::Misplaced { file: self, reason }
    }

    pub(crate) fn unwritable(self, path: &Path) -> impl FnOnce(io::Error) -> RequestedFileError {
        move |source| RequestedFileError::Unwritable {
            file: self,
            path: path.to_path_buf(),
            source,
        }
    }
}

impl RequestedFileError {
    /// Advice for the user.
    pub(crate) fn hint(&self) -> String {
        let (file, advice) = match self {
            Self::Misplaced { file, .. } => (file, None),
            Self::Unwritable { file, path, source } => (file, advice(path, source)),
        };
        let another = match file {
            RequestedFile::Rejects => "name another file with --rejects FILE",
            RequestedFile::Report => "name another file for the report, such as report.html",
            RequestedFile::Backup => "name another file with -o, such as backup-{date}.csv",
            RequestedFile::Changes => "name another file with -o, such as changes.xlsx",
            RequestedFile::Metrics => {
                "name another file with --metrics, such as wazzup.prom in the directory that node_exporter reads"
            }
        };
        advice.map_or_else(
            || another.to_owned(),
            |advice| format!("{advice}, or {another}"),
        )
    }
}
