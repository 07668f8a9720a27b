//! Files that are there as a whole or not at all. Where output goes: a file beside the place that gets its name when it is complete, so what stood there
//! before is replaced as a whole or stays; or straight into what can't be replaced (a terminal, a pipe).
//!
//! A link is followed: what it points to is replaced, and the link stays.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// An I/O error with the file, port or stream it concerns.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct IoError {
    what: String,
    source: io::Error,
}

impl IoError {
    /// Adds the path, or another name, to an I/O error.
    pub(crate) fn at(what: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let what = what.as_ref().display().to_string();
        |source| Self { what, source }
    }
}

/// A terminal, a pipe: nothing that could be replaced.
pub(crate) fn is_special(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|data| !data.is_file() && !data.is_dir())
}

/// The directory that a file is in, or would be.
pub(crate) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Where a file is, or would be, whatever names and links lead there.
pub(crate) fn real(path: &Path) -> PathBuf {
    let named = || {
        let directory = directory(path).canonicalize().ok()?;
        Some(directory.join(path.file_name()?))
    };
    let real = path.canonicalize().ok();
    real.or_else(named).unwrap_or_else(|| path.to_path_buf())
}

/// Has what was written to standard output arrived? A reader that goes (`… | head`) has what they wanted, and what they do
/// with it has an exit code of its own. So it is not an error and doesn't change the exit code.
pub(crate) fn is_read(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        result => result.map(|()| true),
    }
}

/// An empty file in the same directory, readable by its owner only, that goes when it is dropped.
pub(crate) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".wazzup-contacts-")
        .tempfile_in(directory(&real(path)))
        .map_err(without_name)
}

/// The system's error without the temporary file's name, which only its text has.
fn without_name(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path \"") {
        Some((words, _)) => io::Error::new(error.kind(), words),
        None => error,
    }
}

/// Does the name promise another kind of file than text? Who opens it would call it damaged.
pub(crate) fn promises_no_text(path: &Path) -> bool {
    const OTHERS: [&str; 19] = [
        "xlsx", "xlsm", "xlsb", "xls", "ods", "numbers", "json", "jsonl", "ndjson", "xml", "html",
        "htm", "pdf", "doc", "docx", "gz", "zst", "zip", "bz2",
    ];
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    OTHERS.iter().any(|other| ending == *other)
}

/// Gives a file that is complete its name: whoever reads there finds the old one or the new one, also after a power cut.
pub(crate) fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_directory(directory(path))
}

/// Writes a small file as a whole, readable by its owner only.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(directory(path))?;
    let mut file = beside(path)?;
    file.write_all(bytes)?;
    persist(file, &real(path))
}

/// Makes the names in a directory durable; not every system can open one.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// Where what is written goes until it is complete.
pub(crate) enum Target {
    /// It gets its name at the end.
    Replacing(NamedTempFile, PathBuf),
    /// It is written at once, and can't be taken back.
    Straight(File),
}

impl Target {
    /// Nothing is at `path` before [`Self::finish`], unless it can't be replaced.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if is_special(path) {
            let file = OpenOptions::new().append(true).open(path);
            return file.map(Self::Straight);
        }
        Ok(Self::Replacing(beside(path)?, real(path)))
    }

    /// Gives it its name, durably.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Straight(_) => Ok(()),
            Self::Replacing(file, path) => persist(file, &path),
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Replacing(file, _) => file.write(bytes),
            Self::Straight(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Replacing(file, _) => file.flush(),
            Self::Straight(file) => file.flush(),
        }
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_is_replaced_where_a_link_leads_and_the_link_stays() {
        let [here, there] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let (link, file) = (here.path().join("link"), there.path().join("file"));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
    }
}
