//! An open file and its kind, unpacked if it is compressed (gzip, zstd), up to a limit.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write as _},
    sync::Arc,
};

use flate2::bufread::GzDecoder;
use parking_lot::Mutex;

use super::{
    Kind, ReadOptions, TableOrigin,
    error::{GZIP, SourceErrorKind, ZSTD, mebibytes, too_large},
    file::{FileReader, SourceFile},
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
    bytes: InflatedBytes,
    /// The hash of a packed file, or of the bytes so far of another one; `None` for a look at the content.
    hasher: Option<Box<blake3::Hasher>>,
    left: u64,
    limit: u64,
}

enum InflatedBytes {
    Plain(FileReader),
    /// Unpacked bytes, and the name of the format.
    Unpacked(Box<dyn Read + Send>, &'static str),
}

/// The members of a gzip file, one after the other.
struct GzipMembers {
    /// `None` after the last member.
    member: Option<GzDecoder<BufReader<FileReader>>>,
    ignored: IgnoredByte,
}

/// The first byte after the last member of a gzip file, if there is one. A NUL is usually padding.
type IgnoredByte = Arc<Mutex<Option<u8>>>;

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
                next => *self.ignored.lock() = next.copied(),
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
    ignored: IgnoredByte,
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
        self.ignored.lock().map(|_| note.to_owned())
    }

    /// True if the ignored bytes may be contacts.
    pub(super) fn has_ignored_data(&self) -> bool {
        self.ignored.lock().is_some_and(|byte| byte != 0)
    }

    /// Unpacks the file from its start, and hashes it. A packed file is hashed before, because what unpacks it may not
    /// read all of it.
    pub(super) fn unpack(&self) -> io::Result<Inflated> {
        let mut hasher = Box::new(blake3::Hasher::new());
        if self.compression != InputCompression::None {
            hasher.update_reader(self.file.reader())?;
        }
        Ok(Inflated {
            hasher: Some(hasher),
            ..self.peek()?
        })
    }

    /// Like [`Self::unpack`], for a look at the content: nothing is hashed.
    pub(super) fn peek(&self) -> io::Result<Inflated> {
        let packed = || BufReader::with_capacity(1 << 16, self.file.reader());
        let bytes = match self.compression {
            InputCompression::None => InflatedBytes::Plain(self.file.reader()),
            InputCompression::Gzip => {
                let members = GzipMembers {
                    member: Some(GzDecoder::new(packed())),
                    ignored: Arc::clone(&self.ignored),
                };
                InflatedBytes::Unpacked(Box::new(members), GZIP)
            }
            InputCompression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(packed())?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                InflatedBytes::Unpacked(Box::new(decoder), ZSTD)
            }
        };
        Ok(Inflated {
            file: self.file.clone(),
            bytes,
            hasher: None,
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
        let begin = into.len();
        let read = match &mut self.bytes {
            InflatedBytes::Plain(reader) => {
                let read = read_plain(reader, into, bytes)?;
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(&into[begin..]);
                }
                read
            }
            InflatedBytes::Unpacked(reader, what) => unpack(reader, into, bytes, what)?,
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

    /// The hash of the packed file, after reading to its end. For bytes from [`Packed::unpack`].
    pub(super) fn finish(&mut self) -> io::Result<String> {
        let mut hasher = self.hasher.take().unwrap_or_default();
        if let InflatedBytes::Plain(reader) = &mut self.bytes {
            hasher.update_reader(reader)?;
        }
        Ok(hasher.finalize().to_hex().to_string())
    }
}

/// Appends up to `bytes` to `into`, fewer only at the end. Room for more than the file would be cleared for nothing.
fn read_plain(reader: &mut FileReader, into: &mut Vec<u8>, bytes: usize) -> io::Result<usize> {
    let begin = into.len();
    let left = |reader: &FileReader| usize::try_from(reader.left()).unwrap_or(usize::MAX);
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
