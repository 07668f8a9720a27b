//! The bytes of the source: a file that several readers can read at the same time.
//!
//! The file is opened once and read by position, so the file that is imported is the one that was inspected, even if
//! it is replaced meanwhile. Standard input and pipes are first copied to an unnamed temporary file.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::SourceErrorKind;
use crate::output::temporary;

#[derive(Clone, Debug)]
pub(super) struct SourceFile {
    file: Arc<File>,
    pub(super) bytes: u64,
}

impl SourceFile {
    /// Opens a file; `-` is standard input.
    pub(super) fn open(path: &Path) -> Result<Self, SourceErrorKind> {
        if path.as_os_str() == "-" {
            return Self::spool(io::stdin().lock());
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            Err(SourceErrorKind::Folder)
        } else if metadata.is_file() {
            Ok(Self {
                file: Arc::new(file),
                bytes: metadata.len(),
            })
        } else {
            Self::spool(file)
        }
    }

    /// Copies all bytes to an unnamed temporary file, which ends with the process.
    fn spool(mut from: impl Read) -> Result<Self, SourceErrorKind> {
        let mut file = temporary()?;
        io::copy(&mut from, &mut file)?;
        Ok(Self::from(file)?)
    }

    pub(super) fn from(file: File) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        Ok(Self {
            file: Arc::new(file),
            bytes,
        })
    }

    pub(super) fn reader(&self) -> FileReader {
        self.counted_reader(Arc::default())
    }

    /// A reader from the start that counts its bytes.
    pub(super) fn counted_reader(&self, counter: Arc<AtomicU64>) -> FileReader {
        FileReader {
            file: self.clone(),
            at: 0,
            read: counter,
        }
    }

    /// The first bytes, fewer if the file is shorter.
    pub(super) fn head(&self, bytes: u64) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.reader().take(bytes).read_to_end(&mut head)?;
        Ok(head)
    }

    /// blake3 of all bytes, in hex.
    pub(super) fn blake3(&self) -> io::Result<String> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(self.reader())?;
        Ok(hasher.finalize().to_hex().to_string())
    }
}

/// Reads a [`SourceFile`] at its own position.
#[derive(Debug)]
pub(super) struct FileReader {
    file: SourceFile,
    at: u64,
    read: Arc<AtomicU64>,
}

impl Read for FileReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file.file, buf, self.at)?;
        self.at += read as u64;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
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

pub(super) struct Hashed<R> {
    inner: R,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<R: Read> Hashed<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            hasher: blake3::Hasher::new(),
            bytes: 0,
        }
    }

    /// Reads the rest, so that the hash covers the whole file; returns the size and the hash.
    pub(super) fn finish(&mut self) -> io::Result<(u64, String)> {
        io::copy(self, &mut io::sink())?;
        Ok((self.bytes, self.hasher.finalize().to_hex().to_string()))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.hasher.update(&buf[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}
