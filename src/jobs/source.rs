//! Finds the source of a job: the newest file whose path matches a pattern.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

use glob::{MatchOptions, Pattern, glob_with};

use super::JobError;
use crate::{error::NoSourceError, paths::directory};

/// `*` does not cross directories. The option for hidden files is off, because with it `glob` panics on names that
/// are not UTF-8.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Parts of the names that this tool gives to rejects and dropped numbers, which are followed by a number if an earlier
/// file was edited.
const OWN_NAMES: [&str; 2] = [".rejected", ".dropped"];

pub(super) fn check(pattern: &str) -> Result<(), JobError> {
    let parsed = Pattern::new(pattern).map(drop);
    parsed.map_err(|source| JobError::Pattern {
        pattern: pattern.to_owned(),
        source,
    })
}

/// The most recently modified matching file; of several, the last by name. A file with exactly this name comes
/// first. Rejects of earlier runs match only if the pattern contains `.rejected`. Hidden files, often names of
/// incomplete files, match only if a component of the pattern begins with a dot.
pub(super) fn newest(pattern: &str) -> Result<PathBuf, NoSourceError> {
    let mut unreadable: Option<(PathBuf, io::Error)> = match fs::metadata(pattern) {
        Ok(data) if data.is_file() => return Ok(pattern.into()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Some((directory(Path::new(pattern)).into(), error))
        }
        _ => None,
    };
    // An invalid pattern was refused before.
    let found = glob_with(pattern, OPTIONS).into_iter().flatten();
    let found = found.filter_map(|found| match found {
        Ok(path) => Some(path),
        Err(error) => {
            let path = error.path().to_path_buf();
            unreadable.get_or_insert((path, error.into()));
            None
        }
    });
    let mut not_a_file = None;
    let dated = found.filter_map(|path| {
        if let Some(modified) = modified(&path) {
            return Some((modified, path));
        }
        not_a_file.get_or_insert(path);
        None
    });
    let dated = dated.filter(|(_, path)| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_own = |own: &&str| name.contains(own) && !pattern.contains(own);
        !OWN_NAMES.iter().any(is_own) && hidden_parts(path) <= hidden_parts(Path::new(pattern))
    });
    let last = dated.max().map(|(_, path)| path);
    last.ok_or_else(|| {
        let pattern = pattern.to_owned();
        match unreadable {
            Some((path, source)) => NoSourceError::Unreadable {
                pattern,
                path,
                source,
            },
            None => match not_a_file {
                Some(path) => NoSourceError::NotAFile { pattern, path },
                None => NoSourceError::NoMatch { pattern },
            },
        }
    })
}

/// The number of components of a path that begin with a dot.
fn hidden_parts(path: &Path) -> usize {
    let is_hidden = |part: &Component<'_>| matches!(part, Component::Normal(name) if name.as_encoded_bytes().starts_with(b"."));
    path.components().filter(is_hidden).count()
}

fn modified(path: &Path) -> Option<SystemTime> {
    let data = fs::metadata(path).ok()?;
    data.is_file().then(|| data.modified().ok())?
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_file_that_matches_is_taken_and_nothing_that_this_tool_wrote() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, age: u64| {
            let file = fs::File::create(directory.path().join(name)).unwrap();
            let time = SystemTime::now() - Duration::from_secs(age);
            file.set_modified(time).unwrap();
        };
        for (name, age) in [
            ("a-1.csv", 30),
            ("a-2.csv", 20),
            ("a-3.csv", 20),
            ("a-[1].csv", 90),
            ("a-3.rejected.csv", 0),
            ("a-3.rejected-2.csv", 10),
            ("a-3.dropped.csv", 0),
            (".a-4.csv", 0),
            ("b.txt", 0),
        ] {
            write(name, age);
        }
        fs::create_dir(directory.path().join("a-9.csv")).unwrap();
        fs::create_dir(directory.path().join(".git")).unwrap();
        write(".git/c.txt", 0);
        #[cfg(target_os = "linux")]
        {
            use std::os::unix::ffi::OsStrExt as _;
            let name = std::ffi::OsStr::from_bytes(b"a-\xff.csv");
            fs::write(directory.path().join(name), "").unwrap();
        }
        let newest = |pattern: &str| {
            let path = newest(directory.path().join(pattern).to_str().unwrap()).ok()?;
            Some(path.file_name().unwrap().to_string_lossy().into_owned())
        };
        for (pattern, name) in [
            ("*.csv", Some("a-3.csv")),
            ("a-[12].csv", Some("a-2.csv")),
            ("a-[1].csv", Some("a-[1].csv")),
            ("*.rejected.csv", Some("a-3.rejected.csv")),
            ("c*.csv", None),
            ("*/*.csv", None),
            (".a*.csv", Some(".a-4.csv")),
            ("./*.csv", Some("a-3.csv")),
            ("**/*.txt", Some("b.txt")),
            ("**/c.txt", None),
            (".git/*.txt", Some("c.txt")),
        ] {
            assert_eq!(newest(pattern).as_deref(), name, "{pattern}");
        }
        let pattern = directory.path().join("a-9*").display().to_string();
        let error = super::newest(&pattern).unwrap_err().to_string();
        assert!(error.contains("a-9.csv matches"), "{error}");
        assert!(check("a[").unwrap_err().to_string().contains("`a[`"));
    }
}
