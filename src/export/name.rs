//! The name of a backup, with placeholders.

use std::path::{Path, PathBuf};

use jiff::Zoned;
use strum::VariantNames as _;

use crate::output::unlinked;

/// A placeholder in braces for a fact about the export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "lowercase")]
enum NamePlaceholder {
    /// The day, in local time.
    Date,
    /// The time of day, in local time.
    Time,
    /// The fingerprint of the account.
    Account,
    Profile,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum NamePart {
    Text(String),
    Fact(NamePlaceholder),
}

/// The path of a backup as typed.
#[derive(Clone, Debug)]
pub(crate) struct BackupName {
    path: PathBuf,
    /// The parts of the file name; empty if it is not UTF-8, so that it contains no placeholders.
    parts: Vec<NamePart>,
}

/// The reason why a name can't be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BackupNameError {
    #[error("unknown placeholder `{{{0}}}`")]
    Unknown(String),
    #[error("`{{{0}}}` is only replaced in the file name, not in the name of a directory")]
    InDirectory(String),
}

/// The values of placeholders.
#[derive(Debug)]
pub(crate) struct ExportFacts<'a> {
    pub now: &'a Zoned,
    pub account: &'a str,
    pub profile: &'a str,
}

impl BackupName {
    pub(crate) fn parse(path: &Path) -> Result<Self, BackupNameError> {
        let directories = path.parent().unwrap_or(Path::new("")).to_string_lossy();
        for part in parts(&directories).filter_map(Result::ok) {
            if let NamePart::Fact(placeholder) = part {
                return Err(BackupNameError::InDirectory(placeholder.name().to_owned()));
            }
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let parts: Result<_, _> = parts(name.unwrap_or_default()).collect();
        Ok(Self {
            path: path.to_path_buf(),
            parts: parts.map_err(BackupNameError::Unknown)?,
        })
    }

    /// True if later exports get different names.
    pub(crate) fn varies(&self) -> bool {
        let varies = |part: &NamePart| matches!(part, NamePart::Fact(it) if it.varies());
        self.parts.iter().any(varies)
    }

    pub(crate) fn path(&self, facts: &ExportFacts<'_>) -> PathBuf {
        self.filled(|placeholder| placeholder.value(facts))
    }

    /// Identifies all exports of the account and the profile to this name: the path without links, with time
    /// placeholders unreplaced.
    pub(crate) fn pattern(&self, facts: &ExportFacts<'_>) -> String {
        let path = self.filled(|placeholder| {
            if placeholder.varies() {
                format!("{{{}}}", placeholder.name())
            } else {
                placeholder.value(facts)
            }
        });
        unlinked(&path).to_string_lossy().into_owned()
    }

    fn filled(&self, value: impl Fn(NamePlaceholder) -> String) -> PathBuf {
        if self.parts.is_empty() {
            return self.path.clone();
        }
        let parts = self.parts.iter().map(|part| match part {
            NamePart::Text(text) => text.clone(),
            NamePart::Fact(placeholder) => value(*placeholder),
        });
        self.path.with_file_name(parts.collect::<String>())
    }
}

impl NamePlaceholder {
    const fn varies(self) -> bool {
        matches!(self, Self::Date | Self::Time)
    }

    fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }

    fn value(self, facts: &ExportFacts<'_>) -> String {
        match self {
            Self::Date => facts.now.strftime("%Y-%m-%d").to_string(),
            Self::Time => facts.now.strftime("%H%M%S").to_string(),
            Self::Account => facts.account.to_owned(),
            Self::Profile => facts.profile.replace(|c| !is_plain(c), "_"),
        }
    }
}

/// True for characters that are allowed in file names on every system.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "-_.".contains(c)
}

impl BackupNameError {
    /// Lists the known placeholders.
    pub(crate) fn hint() -> String {
        let known = NamePlaceholder::VARIANTS.iter();
        let known: Vec<_> = known.map(|name| format!("{{{name}}}")).collect();
        format!("the file name can contain {}", known.join(", "))
    }
}

/// The parts of a name, in order. An error is an unknown placeholder.
fn parts(name: &str) -> impl Iterator<Item = Result<NamePart, String>> {
    let mut rest = name;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((word, after)) = rest.strip_prefix('{').and_then(|it| it.split_once('}'))
            && !word.is_empty()
            && word.chars().all(|c| c.is_alphanumeric() || c == '_')
        {
            rest = after;
            let known = word.parse().map(NamePart::Fact);
            return Some(known.map_err(|_| word.to_owned()));
        }
        let start = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[start..].find('{').map_or(rest.len(), |at| start + at);
        let text;
        (text, rest) = rest.split_at(end);
        Some(Ok(NamePart::Text(text.to_owned())))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn filled(path: &str) -> Result<String, BackupNameError> {
        let now = "2026-11-28T21:05:09[Europe/Madrid]".parse().unwrap();
        let facts = ExportFacts {
            now: &now,
            account: "0123456789abcdef",
            profile: "shop/ñ one",
        };
        let path = BackupName::parse(Path::new(path))?.path(&facts);
        Ok(path.to_string_lossy().into_owned())
    }

    #[test]
    fn placeholders_are_replaced_in_the_name_of_the_file() {
        for (name, expected) in [
            ("a.csv", "a.csv"),
            ("{date}.csv", "2026-11-28.csv"),
            ("b/c-{date}T{time}.xlsx", "b/c-2026-11-28T210509.xlsx"),
            ("/x/{account}{profile}", "/x/0123456789abcdefshop_ñ_one"),
            ("{/{date}{}{x y}}{", "{/2026-11-28{}{x y}}{"),
            ("{q}/a", "{q}/a"),
        ] {
            assert_eq!(filled(name).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn unknown_words_and_placeholders_in_directories_are_refused() {
        for word in ["day", "Date", "date_", "год"] {
            let error = filled(&format!("{{date}}-{{{word}}}.csv")).unwrap_err();
            assert_eq!(error, BackupNameError::Unknown(word.to_owned()));
            assert!(BackupNameError::hint().ends_with("{date}, {time}, {account}, {profile}"));
        }
        let error = filled("{date}/a.csv").unwrap_err();
        assert_eq!(error, BackupNameError::InDirectory("date".to_owned()));
    }

    #[test]
    fn a_name_varies_with_the_time_only() {
        for (name, varies) in [
            ("{date}", true),
            ("{time}", true),
            ("{account}{profile}", false),
        ] {
            assert_eq!(BackupName::parse(Path::new(name)).unwrap().varies(), varies);
        }
    }
}
