//! What was written to each rejects file, so that it is known whether anybody has touched it since: somebody
//! mends rejects for a while, and the import of the next night is not to take that from them.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// The rejects files of all runs; one small file for each, as several runs may write theirs at once.
#[derive(Debug)]
pub(crate) struct RejectsFiles {
    directory: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Left {
    path: PathBuf,
    blake3: String,
}

impl RejectsFiles {
    /// What the state directory knows.
    #[must_use]
    pub(crate) fn of(state_directory: &Path) -> Self {
        Self {
            directory: state_directory.join("rejects"),
        }
    }

    /// Is this what was left there? What can't be read was not.
    #[must_use]
    pub(crate) fn is_untouched(&self, path: &Path, blake3: &str) -> bool {
        let text = fs::read(self.place(path)).unwrap_or_default();
        let left: Option<Left> = serde_json::from_slice(&text).ok();
        left.is_some_and(|left| left.path == path && left.blake3 == blake3)
    }

    /// This is left there from now on.
    pub(crate) fn remember(&self, path: &Path, blake3: &str) -> io::Result<()> {
        let left = Left {
            path: path.into(),
            blake3: blake3.into(),
        };
        crate::output::replace(&self.place(path), &serde_json::to_vec(&left)?)
    }

    fn place(&self, path: &Path) -> PathBuf {
        let name = blake3::hash(path.as_os_str().as_encoded_bytes());
        self.directory
            .join(format!("{}.json", &name.to_hex()[..32]))
    }
}

/// The digest of a file's bytes, in hexadecimal.
pub(crate) fn digest(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_untouched_as_long_as_it_is_what_was_left() {
        let state = tempfile::tempdir().unwrap();
        let path = Path::new("/x/contacts.rejected.csv");
        let files = RejectsFiles::of(state.path());
        assert!(!files.is_untouched(path, "a"));
        files.remember(path, "a").unwrap();
        let files = RejectsFiles::of(state.path());
        assert!(files.is_untouched(path, "a"));
        assert!(!files.is_untouched(path, "b"));
        assert!(!files.is_untouched(Path::new("/y/contacts.rejected.csv"), "a"));
    }
}
