//! Inspects the container of an old workbook (.xls) before it is read.
//!
//! calamine follows sector chains without limit, so cyclic chains are refused here, as are locked files and files
//! that are not workbooks. If calamine would refuse the file for a harmless fault, it gets a corrected copy.

use std::io::Write as _;

use super::{
    Limits, SourceErrorKind,
    archive::password,
    error::{damaged, mebibytes, too_large},
    facts::KNOWN_ERRORS,
    file::SourceFile,
    records::{long, short, utf16},
};
use crate::output::temporary;

const END_OF_CHAIN: u32 = 0xFFFF_FFFE;
/// Larger numbers are markers, not sectors.
const MARKS_FROM: u32 = 0xFFFF_FFFA;
/// Smaller streams are in the mini stream.
const MINI_STREAM_BELOW: usize = 4096;
const MINI_SECTOR_BYTES: usize = 64;

/// `#N/A`, a placeholder for unknown error values until the facts about the cells replace it.
const NOT_AVAILABLE: u8 = 0x2A;

/// Refuses an OLE file that is not a workbook, is locked or too large. Returns the stream of the workbook, and the
/// file in a form that calamine can read.
pub(super) fn stream_of(
    file: &SourceFile,
    limits: &Limits,
) -> Result<(Vec<u8>, SourceFile), SourceErrorKind> {
    if file.bytes > limits.held_bytes {
        let limit = mebibytes(limits.held_bytes);
        return Err(too_large("an old workbook (.xls)", limit));
    }
    let mut bytes = file.head(file.bytes)?;
    let is_padded = pad(&mut bytes);
    let ole = Ole::new(&bytes).ok_or_else(|| damaged("its table of contents can't be read"))?;
    if ole.entry("EncryptedPackage").is_some() {
        return Err(password());
    }
    let Some(entry) = ole.entry("Workbook").or_else(|| ole.entry("Book")) else {
        return Err(no_workbook(&ole));
    };
    let stream = ole
        .stream(entry)
        .ok_or_else(|| damaged("its sectors form a cycle or are beyond the end"))?;
    let unknown = ole.places(entry, &unknown_errors(&stream));
    if !is_padded && unknown.is_empty() {
        return Ok((stream, file.clone()));
    }
    for place in unknown {
        if let Some(code) = bytes.get_mut(place) {
            *code = NOT_AVAILABLE;
        }
    }
    let mut copy = temporary()?;
    copy.write_all(&bytes)?;
    Ok((stream, file.replaced_by(copy)?))
}

/// The offsets of unknown error values, any of which makes calamine refuse the whole file.
fn unknown_errors(stream: &[u8]) -> Vec<usize> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let (Some(kind), Some(length)) = (short(stream, at), short(stream, at + 2)) {
        let code = error_place(kind, &stream[at + 4..]).map(|place| at + 4 + place);
        let is_unknown = |&place: &usize| !KNOWN_ERRORS.contains(&stream[place]);
        found.extend(code.filter(is_unknown));
        at += 4 + usize::from(length);
    }
    found
}

/// The offset of the error value in the record of a cell: a value or the result of a formula.
pub(super) fn error_place(kind: u16, record: &[u8]) -> Option<usize> {
    let place = match kind {
        0x0205 if record.get(7) == Some(&1) => 6,
        0x0006 if record.get(6) == Some(&2) && record.get(12..14) == Some(&[0xFF; 2]) => 8,
        _ => return None,
    };
    (place < record.len()).then_some(place)
}

/// Completes the last sector, which calamine requires and some programs omit. Returns true if it was incomplete.
fn pad(bytes: &mut Vec<u8>) -> bool {
    let sector_bytes = if short(bytes, 30) == Some(12) {
        4096
    } else {
        512
    };
    let padded = bytes.len().next_multiple_of(sector_bytes);
    let is_incomplete = padded > bytes.len();
    bytes.resize(padded, 0);
    is_incomplete
}

fn no_workbook(ole: &Ole<'_>) -> SourceErrorKind {
    let advice = "export the contacts as CSV or XLSX instead";
    let what = if ole.entry("WordDocument").is_some() {
        "a text document (Word)"
    } else if ole.entry("PowerPoint Document").is_some() {
        "a presentation (PowerPoint)"
    } else if ole.entry("__properties_version1.0").is_some() {
        "a message of Outlook"
    } else {
        "an Office file without a workbook"
    };
    SourceErrorKind::Foreign { what, advice }
}

/// The container of old Office files: a file system within a file.
struct Ole<'a> {
    bytes: &'a [u8],
    sector_bytes: usize,
    /// The next sector in the chain, for each sector.
    next: Vec<u32>,
    mini_next: Vec<u32>,
    mini_stream: Vec<u8>,
    entries: Vec<OleEntry>,
}

struct OleEntry {
    name: String,
    start: u32,
    bytes: usize,
}

impl<'a> Ole<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let sector_bytes = match short(bytes, 30)? {
            9 => 512,
            12 => 4096,
            _ => return None,
        };
        let mut ole = Self {
            bytes,
            sector_bytes,
            next: Vec::new(),
            mini_next: Vec::new(),
            mini_stream: Vec::new(),
            entries: Vec::new(),
        };
        ole.next = ole.allocation_table()?;
        let directory = ole.chain(long(bytes, 48)?)?;
        ole.entries = directory
            .chunks_exact(128)
            .filter_map(|entry| read_entry(entry, sector_bytes))
            .collect();
        if long(bytes, 64)? > 0 {
            ole.mini_stream = ole.chain(ole.entries.first()?.start)?;
            ole.mini_next = longs(&ole.chain(long(bytes, 60)?)?);
        }
        Some(ole)
    }

    /// The sectors after the header.
    fn sectors(&self) -> &'a [u8] {
        self.bytes.get(self.sector_bytes..).unwrap_or_default()
    }

    fn sector(&self, id: u32) -> Option<&'a [u8]> {
        self.sectors().chunks(self.sector_bytes).nth(id as usize)
    }

    fn sectors_max(&self) -> usize {
        self.bytes.len() / self.sector_bytes + 1
    }

    fn allocation_table(&self) -> Option<Vec<u32>> {
        let mut tables = longs(self.bytes.get(76..512)?);
        let mut more = long(self.bytes, 68)?;
        let mut steps = 0;
        while more < MARKS_FROM {
            steps += 1;
            if steps > self.sectors_max() {
                return None;
            }
            tables.extend(longs(self.sector(more)?));
            more = tables.pop()?;
        }
        let mut next = Vec::new();
        for id in tables.into_iter().filter(|&id| id < MARKS_FROM) {
            next.extend(longs(self.sector(id)?));
            if next.len() > self.sectors_max() + self.sector_bytes {
                break;
            }
        }
        Some(next)
    }

    fn chain(&self, start: u32) -> Option<Vec<u8>> {
        gathered(self.sectors(), self.sector_bytes, &ids(&self.next, start)?)
    }

    fn entry(&self, name: &str) -> Option<&OleEntry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// The offsets in the file of some bytes of a stream.
    fn places(&self, of: &OleEntry, offsets: &[usize]) -> Vec<usize> {
        if offsets.is_empty() {
            return Vec::new();
        }
        let place = |ids: &[usize], unit: usize, offset: usize| {
            Some(ids.get(offset / unit)? * unit + offset % unit)
        };
        let is_mini = of.bytes < MINI_STREAM_BELOW;
        let stream = if is_mini {
            self.entries.first()
        } else {
            Some(of)
        };
        let sectors = stream.and_then(|stream| ids(&self.next, stream.start));
        let sectors = sectors.unwrap_or_default();
        let mini = ids(&self.mini_next, of.start).filter(|_| is_mini);
        let in_file = |&offset: &usize| {
            let offset = match &mini {
                Some(mini) => place(mini, MINI_SECTOR_BYTES, offset)?,
                None => offset,
            };
            Some(place(&sectors, self.sector_bytes, offset)? + self.sector_bytes)
        };
        offsets.iter().filter_map(in_file).collect()
    }

    fn stream(&self, at: &OleEntry) -> Option<Vec<u8>> {
        let mut stream = if at.bytes < MINI_STREAM_BELOW {
            let ids = ids(&self.mini_next, at.start)?;
            gathered(&self.mini_stream, MINI_SECTOR_BYTES, &ids)?
        } else {
            self.chain(at.start)?
        };
        stream.truncate(at.bytes);
        Some(stream)
    }
}

/// The sector numbers of a chain; `None` if it does not end.
fn ids(next: &[u32], start: u32) -> Option<Vec<usize>> {
    let mut ids = Vec::new();
    let mut id = start;
    while id != END_OF_CHAIN {
        if ids.len() == next.len() {
            return None;
        }
        ids.push(id as usize);
        id = *next.get(id as usize)?;
    }
    Some(ids)
}

/// The content of some sectors.
fn gathered(sectors: &[u8], sector_bytes: usize, ids: &[usize]) -> Option<Vec<u8>> {
    let all = ids.iter().map(|&id| sectors.chunks(sector_bytes).nth(id));
    Some(all.collect::<Option<Vec<_>>>()?.concat())
}

fn read_entry(entry: &[u8], sector_bytes: usize) -> Option<OleEntry> {
    let high = if sector_bytes == 512 {
        0
    } else {
        long(entry, 124)?
    };
    let bytes = u64::from(high) << 32 | u64::from(long(entry, 120)?);
    Some(OleEntry {
        name: utf16(&entry[..64]).split('\0').next()?.to_owned(),
        start: long(entry, 116)?,
        bytes: usize::try_from(bytes).ok()?,
    })
}

fn longs(bytes: &[u8]) -> Vec<u32> {
    bytes
        .chunks_exact(4)
        .filter_map(|four| long(four, 0))
        .collect()
}
