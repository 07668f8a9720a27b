//! Files that appear complete or not at all: output is written to a temporary file in the same directory, which gets
//! its name when it is complete. A terminal or a pipe can't be replaced and is written directly.
//!
//! Symbolic links that the user names are followed: the target is replaced, and the link stays. At a path that the
//! user did not name, the link itself is replaced, because another user may have created it.

use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Write},
    path::{Path, PathBuf},
};

use memchr::memmem;
use tempfile::NamedTempFile;

pub(crate) use crate::paths::directory;
use crate::{
    environment::temporary_directory,
    paths,
    streams::{DirectOutput, is_pipe, is_special},
};

/// An I/O error with the file, port or stream that it concerns.
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

    pub(crate) fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// The error that the I/O error contains, if it is of this type.
    pub(crate) fn cause<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.source.get_ref()?.downcast_ref()
    }

    pub(crate) fn hint(&self) -> Option<String> {
        paths::advice(Path::new(&self.what), &self.source)
    }
}

/// The digest of a file, in hexadecimal.
pub(crate) fn file_digest(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// The path with all links resolved, even if the file does not exist yet.
pub(crate) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| unlinked(path))
}

/// The path with the links of its directory resolved. The file itself may be a link.
pub(crate) fn unlinked(path: &Path) -> PathBuf {
    match (directory(path).canonicalize(), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path.to_path_buf(),
    }
}

/// The treatment of a symbolic link at the path of an output file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symlinks {
    /// Replaces the file that the link points to.
    Follow,
    /// Replaces the link.
    Replace,
}

impl Symlinks {
    fn target(self, path: &Path) -> PathBuf {
        match self {
            Self::Follow => real(path),
            Self::Replace => path.to_path_buf(),
        }
    }
}

/// A temporary file in the same directory, readable by its owner only.
pub(crate) fn beside(path: &Path, links: Symlinks) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".wazzup-contacts-")
        .tempfile_in(directory(&links.target(path)))
        .map_err(|error| not_created(error, path))
}

/// Checks that a file named by the user can be written. Leaves nothing behind.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    if is_pipe(path) {
        // Opening it would wait for a reader, and closing it would end that reader's input.
        check_access(path)
    } else if is_special(path) {
        DirectOutput::open(path).map(drop)
    } else if path.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        beside(path, Symlinks::Follow).map(drop)
    }
}

#[cfg(unix)]
fn check_access(path: &Path) -> io::Result<()> {
    use rustix::fs::{Access, access};
    access(path, Access::WRITE_OK).map_err(io::Error::from)
}

#[cfg(not(unix))]
const fn check_access(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Bytes at the beginning of a file that identify its kind.
const HEAD_BYTES: u64 = 512;

/// True if the path is free or holds a text that begins with this marker. Any other file may be the only copy of a
/// token, a mapping or a list of ids.
pub(crate) fn is_replaceable(path: &Path, marker: &[u8]) -> bool {
    if is_special(path) {
        return true;
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    // An empty file, as made by `mktemp`, has nothing to lose. If the file can't be read, writing fails later with
    // a better message.
    read.is_err() || head.is_empty() || memmem::find(&head, marker).is_some()
}

/// The error of creating a temporary file in the directory of a file. Some directories, such as `/proc`, deny that any
/// new file exists.
fn not_created(error: io::Error, path: &Path) -> io::Error {
    if error.kind() == io::ErrorKind::NotFound && directory(path).is_dir() {
        return io::ErrorKind::ReadOnlyFilesystem.into();
    }
    without_name(error)
}

/// Removes the name of the temporary file from an error's text.
fn without_name(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path \"") {
        Some((words, _)) => io::Error::new(error.kind(), words),
        None => error,
    }
}

/// True if the extension belongs to a binary or structured format, which a text file would break.
pub(crate) fn promises_no_text(path: &Path) -> bool {
    const OTHERS: [&str; 20] = [
        "xlsx", "xlsm", "xlsb", "xls", "ods", "numbers", "json", "jsonl", "ndjson", "xml", "html",
        "htm", "pdf", "doc", "docx", "gz", "zst", "zip", "bz2", "prom",
    ];
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    OTHERS.iter().any(|other| ending == *other)
}

/// Creates an unnamed file in the system's temporary directory; it ends with the process.
pub(crate) fn temporary() -> Result<File, IoError> {
    let directory = temporary_directory();
    tempfile::tempfile_in(&directory).map_err(|error| IoError {
        what: format!(
            "no temporary file can be created in {}",
            directory.display()
        ),
        source: without_name(error),
    })
}

/// Creates an unnamed file in the directory of an output file. Errors name the output file.
pub(crate) fn temporary_beside(path: &Path) -> Result<File, IoError> {
    let file = tempfile::tempfile_in(directory(path));
    file.map_err(|error| not_created(error, path))
        .map_err(IoError::at(path))
}

/// Gives a file the mode and owner of the file that it replaces. If the owner can't be kept, the mode is narrowed.
#[cfg(unix)]
fn keep_access(file: &File, replaced: &std::fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let new = file.metadata()?;
    let mut mode = replaced.permissions().mode() & 0o777;
    if new.uid() != replaced.uid() && fchown(file, Some(replaced.uid()), None).is_err() {
        mode &= 0o770;
    }
    if new.gid() != replaced.gid() && fchown(file, None, Some(replaced.gid())).is_err() {
        mode &= 0o707;
    }
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

/// Moves a complete file to its final name. Readers find the old or the new file, even after a power cut.
pub(crate) fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_directory(directory(path))
}

/// Makes the names in a directory durable. Not every system can open a directory.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

pub(crate) enum OutputFile {
    /// Moved to this path at the end.
    Replacing(NamedTempFile, PathBuf),
    /// Written directly.
    Direct(DirectOutput),
}

impl OutputFile {
    /// Creates the temporary file. `path` is unchanged until [`Self::finish`].
    pub(crate) fn open(path: &Path, links: Symlinks) -> io::Result<Self> {
        if links == Symlinks::Follow && is_special(path) {
            return DirectOutput::open(path).map(Self::Direct);
        }
        Ok(Self::Replacing(beside(path, links)?, links.target(path)))
    }

    /// Lets all users read the file, unless it replaces a file that they can't read.
    pub(crate) fn open_to_readers(&self) -> io::Result<()> {
        #[cfg(unix)]
        if let Self::Replacing(file, _) = self {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::Permissions::from_mode(0o644);
            file.as_file().set_permissions(mode)?;
        }
        Ok(())
    }

    /// Moves the file to its final name, durably. It inherits the mode and owner of a file that it replaces.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Direct(_) => Ok(()),
            Self::Replacing(file, path) => {
                #[cfg(unix)]
                if let Ok(replaced) = path.symlink_metadata()
                    && replaced.is_file()
                {
                    keep_access(file.as_file(), &replaced)?;
                }
                persist(file, &path)
            }
        }
    }

    /// [`finish`](Self::finish), after what is in its buffer.
    pub(crate) fn finish_buffer(out: BufWriter<Self>) -> io::Result<()> {
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.finish()
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Replacing(file, _) => file.write(bytes),
            Self::Direct(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Replacing(file, _) => file.flush(),
            Self::Direct(out) => out.flush(),
        }
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_through_a_link_and_the_link_stays() {
        let [here, there] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let (link, file) = (here.path().join("link"), there.path().join("file"));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut out = OutputFile::open(&link, Symlinks::Follow).unwrap();
        out.write_all(b"new").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"old");
        out.finish().unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
    }

    #[test]
    fn a_file_that_replaces_another_one_has_its_mode_and_owner() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "old").unwrap();
        // Only root can give files away. Otherwise the owner is the same anyway.
        let _ = chown(&path, Some(4_711), Some(4_712));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let of = || {
            let data = path.metadata().unwrap();
            (data.uid(), data.gid(), data.permissions().mode() & 0o777)
        };
        let before = of();
        let mut out = OutputFile::open(&path, Symlinks::Follow).unwrap();
        out.write_all(b"new").unwrap();
        out.finish().unwrap();
        assert_eq!(
            (of(), std::fs::read(&path).unwrap()),
            (before, b"new".to_vec())
        );
    }
}
