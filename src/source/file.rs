//! The bytes of the source: a file that several readers can read concurrently.
//!
//! The file is opened once and read by position, so the imported file is the inspected one, even if it is replaced
//! meanwhile. Standard input and pipes are first copied to an unnamed temporary file.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use super::{
    SourceErrorKind,
    error::{mebibytes, too_large},
};
use crate::{
    output::temporary,
    paths::is_stream,
    progress::{Monitor, WaitFor, Waiting, unless_stopped},
};

/// Size of a copied piece.
const COPIED_BYTES: u64 = 1 << 16;

#[derive(Clone)]
pub(super) struct SourceFile {
    file: Arc<File>,
    pub(super) bytes: u64,
    /// The time of the last change before it was opened; `None` if the system does not know it.
    changed_at: Option<SystemTime>,
    monitor: Arc<dyn Monitor>,
    /// Bytes read by all readers since [`Self::restart_count`].
    read: Arc<AtomicU64>,
}

impl SourceFile {
    /// Opens a file; `-` is standard input. `limit`: the maximum size of input from a pipe or a device.
    pub(super) fn open(
        path: &Path,
        limit: u64,
        monitor: &Arc<dyn Monitor>,
    ) -> Result<Self, SourceErrorKind> {
        if is_stream(path) {
            return Self::spool(|| Ok(io::stdin()), limit, monitor);
        }
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            Err(SourceErrorKind::Folder)
        } else if metadata.is_file() {
            Ok(Self::from(File::open(path)?, monitor)?)
        } else {
            let path = path.to_owned();
            Self::spool(move || File::open(path), limit, monitor)
        }
    }

    /// Fails if another program changed the file since it was opened. `blake3`: the hash of the bytes that were read.
    pub(super) fn check_unchanged(&self, blake3: &str) -> Result<(), SourceErrorKind> {
        let metadata = self.file.metadata()?;
        let is_same = metadata.len() == self.bytes
            // Some file systems set the time of a change later.
            && (metadata.modified().ok() == self.changed_at || self.blake3()? == blake3);
        is_same.then_some(()).ok_or(SourceErrorKind::Changed)
    }

    /// Copies all bytes to an unnamed temporary file. Blocks until another program opens the pipe and writes to
    /// it.
    fn spool<R: Read>(
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
        limit: u64,
        monitor: &Arc<dyn Monitor>,
    ) -> Result<Self, SourceErrorKind> {
        let for_thread = Arc::clone(monitor);
        let _waiting = Waiting::begin(&**monitor, WaitFor::Input);
        let copied = unless_stopped(&**monitor, move || copy(open()?, limit, &*for_thread));
        Ok(Self::from(
            copied.map_err(SourceErrorKind::Interrupted)??,
            monitor,
        )?)
    }

    pub(super) fn from(file: File, monitor: &Arc<dyn Monitor>) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            file: Arc::new(file),
            bytes: metadata.len(),
            changed_at: metadata.modified().ok(),
            monitor: Arc::clone(monitor),
            read: Arc::default(),
        })
    }

    /// A file to be read in place of this one.
    pub(super) fn replaced_by(&self, file: File) -> io::Result<Self> {
        Ok(Self {
            read: Arc::clone(&self.read),
            ..Self::from(file, &self.monitor)?
        })
    }

    /// The number of bytes read, for a progress bar.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed).min(self.bytes)
    }

    /// Counts only the bytes that are read from now on.
    pub(super) fn restart_count(&self) {
        self.read.store(0, Ordering::Relaxed);
    }

    /// Fails if a stop was requested.
    pub(super) fn check_stop(&self) -> Result<(), SourceErrorKind> {
        let stop = self.monitor.stop_requested();
        stop.map_or(Ok(()), |reason| Err(SourceErrorKind::Interrupted(reason)))
    }

    pub(super) fn reader(&self) -> FileReader {
        FileReader {
            file: self.clone(),
            at: 0,
        }
    }

    /// The first bytes, fewer if the file is shorter.
    pub(super) fn head(&self, bytes: u64) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.reader().take(bytes).read_to_end(&mut head)?;
        Ok(head)
    }

    /// The BLAKE3 hash of all bytes, in hex.
    pub(super) fn blake3(&self) -> io::Result<String> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(self.reader())?;
        Ok(hasher.finalize().to_hex().to_string())
    }
}

/// Copies at most `limit` bytes to a temporary file.
fn copy(from: impl Read, limit: u64, monitor: &dyn Monitor) -> Result<File, SourceErrorKind> {
    let mut file = temporary()?;
    let mut from = from.take(limit.saturating_add(1));
    while from.limit() > 0 {
        if let Some(reason) = monitor.stop_requested() {
            return Err(SourceErrorKind::Interrupted(reason));
        }
        if io::copy(&mut (&mut from).take(COPIED_BYTES), &mut file)? == 0 {
            return Ok(file);
        }
    }
    Err(too_large("the input", mebibytes(limit)))
}

/// Reads a [`SourceFile`] at its own position.
pub(super) struct FileReader {
    file: SourceFile,
    at: u64,
}

impl FileReader {
    /// The number of bytes that are probably left.
    pub(super) fn left(&self) -> u64 {
        self.file.bytes.saturating_sub(self.at)
    }
}

impl Read for FileReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // `open` and the stager report any error after a requested stop as an interruption.
        self.file.check_stop().map_err(io::Error::other)?;
        let read = read_at(&self.file.file, buf, self.at)?;
        self.at += read as u64;
        self.file.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for FileReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.file.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buf: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, at)
}

#[cfg(windows)]
fn read_at(file: &File, buf: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, at)
}
