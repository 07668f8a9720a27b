//! An open file and its kind, unpacked if it is compressed (gzip, zstd), up to a limit.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use flate2::bufread::GzDecoder;

use super::{
    Kind, ReadOptions, TableOrigin,
    error::{GZIP, SourceErrorKind, ZSTD, mebibytes, too_large},
    file::{Hashed, SourceFile},
    kind,
};
use crate::{output::temporary, progress::Monitor};

#[derive(Clone, Copy, PartialEq, Eq)]
enum InputCompression {
    None,
    /// Any number of members.
    Gzip,
    /// Any number of frames.
    Zstd,
}

impl InputCompression {
    fn of(head: &[u8]) -> Self {
        if head.starts_with(&[0x1F, 0x8B]) {
            Self::Gzip
        } else if head.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
            Self::Zstd
        } else {
            Self::None
        }
    }
}

/// The unpacked bytes of a file, and the hash of the packed file.
pub(super) struct Inflated {
    file: SourceFile,
    inner: Inner,
    left: u64,
    limit: u64,
}

enum Inner {
    Plain(Box<Hashed>),
    Gzip(Box<GzipMembers>),
    Zstd(Box<zstd::Decoder<'static, Compressed>>),
}

type Compressed = BufReader<Hashed>;

/// The members of a gzip file, one after the other.
struct GzipMembers {
    /// `None` after the last member.
    member: Option<GzDecoder<Compressed>>,
    /// The file after the last member.
    rest: Option<Compressed>,
    ignored: Arc<IgnoredBytes>,
}

/// Bytes after the last member of a gzip file.
#[derive(Debug, Default)]
struct IgnoredBytes {
    are_there: AtomicBool,
    /// True unless they begin with a NUL, which is usually padding.
    are_data: AtomicBool,
}

impl GzipMembers {
    fn file(&mut self) -> Option<&mut Compressed> {
        let member = self.member.as_mut().map(GzDecoder::get_mut);
        member.or(self.rest.as_mut())
    }
}

impl Read for GzipMembers {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while let Some(mut member) = self.member.take() {
            let read = member.read(buf);
            if !matches!(read, Ok(0)) || buf.is_empty() {
                self.member = Some(member);
                return read;
            }
            let mut rest = member.into_inner();
            match rest.fill_buf()?.first() {
                Some(&GZIP_BYTE) => self.member = Some(GzDecoder::new(rest)),
                next => {
                    let IgnoredBytes {
                        are_there,
                        are_data,
                    } = &*self.ignored;
                    are_there.fetch_or(next.is_some(), Ordering::Relaxed);
                    are_data.fetch_or(next.is_some_and(|byte| *byte != 0), Ordering::Relaxed);
                    self.rest = Some(rest);
                }
            }
        }
        Ok(0)
    }
}

/// The first byte of a member.
const GZIP_BYTE: u8 = 0x1F;

/// Room for reading on past the expected end of a file.
const END_BYTES: usize = 1 << 13;

/// The largest window of zstd: 128 MiB, like its command-line tool.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

#[derive(Clone)]
pub(super) struct Packed {
    pub(super) file: SourceFile,
    compression: InputCompression,
    /// Maximum number of unpacked bytes.
    limit: u64,
    ignored: Arc<IgnoredBytes>,
}

impl Packed {
    /// `head`: the first bytes of the file.
    fn new(file: SourceFile, head: &[u8], limit: u64) -> Self {
        Self {
            compression: InputCompression::of(head),
            file,
            limit,
            ignored: Arc::default(),
        }
    }

    /// A warning if bytes after the last member were ignored. Complete once the file has been read to its end.
    pub(super) fn ignored_note(&self) -> Option<String> {
        let note = "ignored bytes after the end of the gzip data: check that the file is complete";
        self.ignored
            .are_there
            .load(Ordering::Relaxed)
            .then(|| note.to_owned())
    }

    /// True if the ignored bytes may be contacts.
    pub(super) fn has_ignored_data(&self) -> bool {
        self.ignored.are_data.load(Ordering::Relaxed)
    }

    /// Unpacks the file from its start, and hashes it.
    pub(super) fn unpack(&self) -> io::Result<Inflated> {
        self.unpack_from(Hashed::new(self.file.reader()))
    }

    /// Like [`Self::unpack`], for a look at the content: nothing is hashed.
    pub(super) fn peek(&self) -> io::Result<Inflated> {
        self.unpack_from(Hashed::without_hash(self.file.reader()))
    }

    fn unpack_from(&self, hashed: Hashed) -> io::Result<Inflated> {
        let inner = match self.compression {
            InputCompression::None => Inner::Plain(Box::new(hashed)),
            InputCompression::Gzip => Inner::Gzip(Box::new(GzipMembers {
                member: Some(GzDecoder::new(BufReader::with_capacity(1 << 16, hashed))),
                rest: None,
                ignored: Arc::clone(&self.ignored),
            })),
            InputCompression::Zstd => {
                let buffered = BufReader::with_capacity(1 << 16, hashed);
                let mut decoder = zstd::Decoder::with_buffer(buffered)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Inner::Zstd(Box::new(decoder))
            }
        };
        Ok(Inflated {
            file: self.file.clone(),
            inner,
            left: self.limit,
            limit: self.limit,
        })
    }
}

impl Inflated {
    /// Appends up to `bytes` to `into`, fewer only at the end.
    pub(super) fn fill(
        &mut self,
        into: &mut Vec<u8>,
        bytes: usize,
    ) -> Result<usize, SourceErrorKind> {
        self.file.check_stop()?;
        let read = match &mut self.inner {
            Inner::Plain(reader) => read_plain(reader, into, bytes)?,
            Inner::Gzip(reader) => unpack(reader, into, bytes, GZIP)?,
            Inner::Zstd(reader) => unpack(reader, into, bytes, ZSTD)?,
        };
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or_else(|| too_large("the compressed file", mebibytes(self.limit)))?;
        Ok(read)
    }

    /// Copies all bytes to a temporary file, for formats that need random access.
    pub(super) fn spool(
        mut self,
        monitor: &Arc<dyn Monitor>,
    ) -> Result<SourceFile, SourceErrorKind> {
        let mut file = temporary()?;
        let mut piece = Vec::new();
        while self.fill(&mut piece, 1 << 20)? > 0 {
            file.write_all(&piece)?;
            piece.clear();
        }
        Ok(SourceFile::from(file, monitor)?)
    }

    /// The size and hash of the packed file, after reading to its end.
    pub(super) fn finish(&mut self) -> io::Result<(u64, String)> {
        match &mut self.inner {
            Inner::Plain(reader) => reader.finish(),
            Inner::Gzip(reader) => match reader.file() {
                Some(file) => file.get_mut().finish(),
                // Only missing after a read error.
                None => Err(io::ErrorKind::UnexpectedEof.into()),
            },
            Inner::Zstd(reader) => reader.get_mut().get_mut().finish(),
        }
    }
}

/// Appends up to `bytes` to `into`, fewer only at the end. Room for more than the file would be cleared for nothing.
fn read_plain(reader: &mut Hashed, into: &mut Vec<u8>, bytes: usize) -> io::Result<usize> {
    let begin = into.len();
    let left = |reader: &Hashed| usize::try_from(reader.left()).unwrap_or(usize::MAX);
    into.reserve(bytes.min(left(reader).saturating_add(END_BYTES)));
    loop {
        let read = into.len() - begin;
        let wanted = (bytes - read).min(left(reader).max(END_BYTES));
        if wanted == 0 {
            return Ok(read);
        }
        into.resize(begin + read + wanted, 0);
        let added = reader.read(&mut into[begin + read..]);
        into.truncate(begin + read + added.as_ref().map_or(0, |added| *added));
        match added {
            Ok(0) => return Ok(read),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}

fn unpack(
    reader: &mut impl Read,
    into: &mut Vec<u8>,
    bytes: usize,
    what: &'static str,
) -> Result<usize, SourceErrorKind> {
    into.reserve(bytes);
    reader
        .take(bytes as u64)
        .read_to_end(into)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => SourceErrorKind::CutOff {
                seen: "the compressed data is incomplete",
                row: None,
            },
            _ => SourceErrorKind::Damaged {
                what,
                why: error.to_string(),
            },
        })
}

/// An open file with its detected kind.
pub(super) struct Input<'a> {
    pub(super) origin: &'a TableOrigin,
    pub(super) options: &'a ReadOptions<'a>,
    pub(super) kind: Kind,
    /// The original file, which is hashed.
    pub(super) raw: Packed,
    /// The file, unpacked if its kind needs random access.
    pub(super) file: SourceFile,
}

impl<'a> Input<'a> {
    pub(super) fn new(
        file: SourceFile,
        origin: &'a TableOrigin,
        options: &'a ReadOptions<'a>,
    ) -> Result<Self, SourceErrorKind> {
        let mut head = file.head(kind::HEAD_BYTES as u64)?;
        let raw = Packed::new(file, &head, options.limits.inflated_bytes);
        if raw.compression != InputCompression::None {
            head.clear();
            raw.peek()?.fill(&mut head, kind::HEAD_BYTES)?;
        }
        let kind = kind::of_head(&head)?;
        let is_binary = matches!(kind, None | Some(Kind::Xls));
        let file = if is_binary && raw.compression != InputCompression::None {
            raw.peek()?.spool(&options.monitor)?
        } else {
            raw.file.clone()
        };
        let kind = match kind {
            Some(kind) => kind,
            None => kind::of_archive(file.reader())?,
        };
        Ok(Self {
            origin,
            options,
            kind,
            raw,
            file,
        })
    }
}
