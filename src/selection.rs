//! The contacts that `--ids` names: one id on each line.

use std::{
    borrow::Cow,
    collections::HashMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::{characters::shown, formula::guarded, paths::is_stream, wording::grouped};

/// Maximum size of a file of ids, far more than any account needs.
const BYTES_MAX: u64 = 256 << 20;

/// Number of ids in a warning.
const SHOWN: usize = 5;

/// The ids to which a command is restricted.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    file: String,
    /// Each id and its position in the file.
    ids: HashMap<String, usize>,
}

/// The reason why a file of ids can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SelectionError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("larger than {} MiB", BYTES_MAX >> 20)]
    TooLarge,
    #[error("line {0} is not UTF-8 text")]
    NotText(usize),
    #[error("it contains no ids")]
    Empty,
}

impl Selection {
    /// Reads a file, or standard input for `-`.
    pub(crate) fn read(path: &Path) -> Result<Self, SelectionError> {
        let mut bytes = Vec::new();
        let input: &mut dyn Read = if is_stream(path) {
            &mut io::stdin()
        } else {
            &mut File::open(path)?
        };
        input.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(SelectionError::TooLarge);
        }
        Self::parse(path.display().to_string(), &bytes)
    }

    fn parse(file: String, bytes: &[u8]) -> Result<Self, SelectionError> {
        let mut ids = HashMap::new();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let id = str::from_utf8(line).map_err(|_| SelectionError::NotText(index + 1))?;
            if !id.trim().is_empty() {
                ids.entry(id.trim().to_owned()).or_insert(index);
            }
        }
        if ids.is_empty() {
            return Err(SelectionError::Empty);
        }
        Ok(Self { file, ids })
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        let mut spellings = Self::spellings(id).into_iter();
        spellings.any(|id| self.ids.contains_key(&*id))
    }

    /// The id, and with the guard that it has in a backup as CSV.
    fn spellings(id: &str) -> [Cow<'_, str>; 2] {
        let id = id.trim();
        [Cow::Borrowed(id), guarded(id)]
    }

    /// A warning about the ids that are not in `found`; `are_missing` is the phrase that says where they are
    /// missing.
    pub(crate) fn missing_warning<E>(
        &self,
        are_missing: &str,
        found: impl FnOnce(&mut dyn FnMut(&str)) -> Result<(), E>,
    ) -> Result<Option<String>, E> {
        let mut missing = self.ids.clone();
        found(&mut |id| {
            for spelling in Self::spellings(id) {
                missing.remove(&*spelling);
            }
        })?;
        if missing.is_empty() {
            return Ok(None);
        }
        let mut ids: Vec<_> = missing.into_iter().map(|(id, place)| (place, id)).collect();
        ids.sort_unstable();
        let examples: Vec<_> = ids.iter().take(SHOWN).map(|(_, id)| shown(id)).collect();
        let more = if ids.len() > SHOWN { ", …" } else { "" };
        Ok(Some(format!(
            "ids in {} {are_missing}: {} of {} ({}{more})",
            self.file,
            grouped(ids.len() as u64),
            grouped(self.ids.len() as u64),
            examples.join(", "),
        )))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn parsed(text: impl AsRef<[u8]>) -> Result<Selection, SelectionError> {
        Selection::parse("ids.txt".to_owned(), text.as_ref())
    }

    #[test]
    fn ids_are_lines_in_any_form_of_text() {
        let selection = parsed("\u{feff}7\r\n\r\n  a b \n7\n/?#\nщ\n'=1").unwrap();
        for id in ["7", "a b", " a b", "/?#", "щ", "=1", "'=1"] {
            assert!(selection.contains(id), "{id}");
        }
        for id in ["", " ", "8", "a", "\u{feff}7", "=7", "1"] {
            assert!(!selection.contains(id), "{id}");
        }
    }

    #[test]
    fn files_without_ids_and_other_files_are_refused() {
        assert!(matches!(parsed(" \n\r\n"), Err(SelectionError::Empty)));
        assert!(matches!(
            parsed(b"1\n\xff\xfe\n"),
            Err(SelectionError::NotText(2))
        ));
    }

    #[test]
    fn ids_that_were_not_found_are_named_in_their_order() {
        let selection = parsed("9\n8\n7\n6\n5\n4\n3\n").unwrap();
        let warning = |found: &[&str]| {
            selection.missing_warning("without a row", |each| {
                for id in found {
                    each(id);
                }
                Ok::<_, ()>(())
            })
        };
        assert_eq!(
            warning(&["9", "other"]).unwrap().unwrap(),
            "ids in ids.txt without a row: 6 of 7 (`8`, `7`, `6`, `5`, `4`, …)"
        );
        assert_eq!(warning(&["9", "8", "7", "6", "5", "4", "3"]), Ok(None));
    }
}
