//! Reads a file, and unpacks it if it is compressed (gzip, zstd), up to a limit.

use std::{
    io::{self, BufReader, Read, Write as _},
    sync::{Arc, atomic::AtomicU64},
};

use flate2::read::MultiGzDecoder;

use super::{
    error::{GZIP, SourceErrorKind, ZSTD},
    file::{FileReader, Hashed, SourceFile},
};
use crate::output::temporary;

/// The compression of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not compressed.
    #[default]
    None,
    /// gzip, of any number of members.
    Gzip,
    /// zstd, of any number of frames.
    Zstd,
}

impl Compression {
    /// Detects the compression from the first bytes of a file.
    pub(super) fn of(head: &[u8]) -> Self {
        if head.starts_with(&[0x1F, 0x8B]) {
            Self::Gzip
        } else if head.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
            Self::Zstd
        } else {
            Self::None
        }
    }
}

/// The unpacked bytes of a file; the hash is that of the file itself.
pub(super) struct Inflated {
    inner: Inner,
    left: u64,
    limit: u64,
}

enum Inner {
    Plain(Box<Hashed<FileReader>>),
    Gzip(Box<MultiGzDecoder<BufReader<Hashed<FileReader>>>>),
    Zstd(Box<zstd::Decoder<'static, BufReader<Hashed<FileReader>>>>),
}

/// The largest window of zstd: 128 MiB, like its command-line tool.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

impl Inflated {
    pub(super) fn new(file: &SourceFile, compression: Compression, limit: u64) -> io::Result<Self> {
        Self::counted(file, compression, limit, Arc::default())
    }

    /// Counts the bytes of the file that have been read.
    pub(super) fn counted(
        file: &SourceFile,
        compression: Compression,
        limit: u64,
        counter: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let hashed = Hashed::new(file.counted_reader(counter));
        let inner = match compression {
            Compression::None => Inner::Plain(Box::new(hashed)),
            Compression::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(
                BufReader::with_capacity(1 << 16, hashed),
            ))),
            Compression::Zstd => {
                let buffered = BufReader::with_capacity(1 << 16, hashed);
                let mut decoder = zstd::Decoder::with_buffer(buffered)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Inner::Zstd(Box::new(decoder))
            }
        };
        Ok(Self {
            inner,
            left: limit,
            limit,
        })
    }

    /// Appends up to `bytes` to `into`; fewer only at the end.
    pub(super) fn fill(
        &mut self,
        into: &mut Vec<u8>,
        bytes: usize,
    ) -> Result<usize, SourceErrorKind> {
        into.reserve(bytes);
        let read = match &mut self.inner {
            Inner::Plain(reader) => reader.take(bytes as u64).read_to_end(into)?,
            Inner::Gzip(reader) => unpack(reader, into, bytes, GZIP)?,
            Inner::Zstd(reader) => unpack(reader, into, bytes, ZSTD)?,
        };
        self.left =
            self.left
                .checked_sub(read as u64)
                .ok_or_else(|| SourceErrorKind::TooLarge {
                    what: "the compressed file".to_owned(),
                    limit: format!("{} GiB", self.limit >> 30),
                })?;
        Ok(read)
    }

    /// Copies all bytes to a temporary file, for formats that need random access.
    pub(super) fn spool(mut self) -> Result<SourceFile, SourceErrorKind> {
        let mut file = temporary(None)?;
        let mut piece = Vec::new();
        while self.fill(&mut piece, 1 << 20)? > 0 {
            file.write_all(&piece)?;
            piece.clear();
        }
        Ok(SourceFile::from(file)?)
    }

    /// The size and the hash of the file itself, after reading to the end.
    pub(super) fn finish(&mut self) -> io::Result<(u64, String)> {
        match &mut self.inner {
            Inner::Plain(reader) => reader.finish(),
            Inner::Gzip(reader) => reader.get_mut().get_mut().finish(),
            Inner::Zstd(reader) => reader.get_mut().get_mut().finish(),
        }
    }
}

fn unpack(
    reader: &mut impl Read,
    into: &mut Vec<u8>,
    bytes: usize,
    what: &'static str,
) -> Result<usize, SourceErrorKind> {
    reader
        .take(bytes as u64)
        .read_to_end(into)
        .map_err(|error| SourceErrorKind::Damaged {
            what,
            why: error.to_string(),
        })
}
