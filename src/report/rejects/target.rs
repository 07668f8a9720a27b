//! Where the rejects go: a file beside the place that gets its name when it is complete, so what stood there
//! before is replaced as a whole or stays; or straight into what can't be replaced (a terminal, a pipe).

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use tempfile::NamedTempFile;

use crate::error::Error;

/// A terminal, a pipe: nothing that could be replaced.
pub(super) fn is_special(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|data| !data.is_file() && !data.is_dir())
}

/// An empty file in the same directory, readable by its owner only, that goes when it is dropped.
pub(super) fn beside(path: &Path) -> Result<NamedTempFile, Error> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    tempfile::Builder::new()
        .prefix(".rejects-")
        .tempfile_in(directory)
        .map_err(Error::output(path))
}

/// Where the lines go until they are complete.
pub(super) enum Target {
    Replacing(NamedTempFile),
    Straight(File),
}

impl Target {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        if is_special(path) {
            let file = OpenOptions::new().append(true).open(path);
            return file.map(Self::Straight).map_err(Error::output(path));
        }
        beside(path).map(Self::Replacing)
    }

    pub(super) fn finish(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Straight(_) => Ok(()),
            Self::Replacing(file) => {
                file.as_file().sync_all()?;
                file.persist(path).map(drop).map_err(|error| error.error)
            }
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Replacing(file) => file.write(bytes),
            Self::Straight(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Replacing(file) => file.flush(),
            Self::Straight(file) => file.flush(),
        }
    }
}
