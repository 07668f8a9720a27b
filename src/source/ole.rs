//! Inspects the container of an old workbook (.xls), before it is read.
//!
//! calamine follows chains of sectors without limit. So the container is checked here first: cyclic chains are refused, and so
//! are files that are locked or are not workbooks. It gets a copy if it would refuse the file for something that does no harm.

use std::io::Write as _;

use super::{
    Limits, SourceErrorKind,
    archive::password,
    error::{damaged, mebibytes, too_large},
    facts::KNOWN_ERRORS,
    file::SourceFile,
};
use crate::output::temporary;

const END_OF_CHAIN: u32 = 0xFFFF_FFFE;
/// Numbers from here on are markers, not sectors.
const MARKS_FROM: u32 = 0xFFFF_FFFA;
/// Smaller streams are in the mini stream.
const MINI_STREAM_BELOW: usize = 4096;

/// `#N/A`, which stands for others until the facts about the cells say which.
const NOT_AVAILABLE: u8 = 0x2A;

/// Refuses an OLE file that is not a workbook, is locked, or is too large. Returns the stream of the workbook, and the file
/// as calamine can read it.
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
    let ole = Ole::new(&bytes).ok_or_else(|| damaged(&"its table of contents can't be read"))?;
    if ole.entry("EncryptedPackage").is_some() {
        return Err(password());
    }
    let Some(entry) = ole.entry("Workbook").or_else(|| ole.entry("Book")) else {
        return Err(no_workbook(&ole));
    };
    let stream = ole
        .stream(entry)
        .ok_or_else(|| damaged(&"its sectors form a cycle or are beyond the end"))?;
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

/// The offsets of the error values that calamine doesn't know: for one of them, it refuses the whole file.
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

/// The place of the error value in the record of a cell that has one: a value, or the result of a formula.
pub(super) fn error_place(kind: u16, record: &[u8]) -> Option<usize> {
    let place = match kind {
        0x0205 if record.get(7) == Some(&1) => 6,
        0x0006 if record.get(6) == Some(&2) && record.get(12..14) == Some(&[0xFF; 2]) => 8,
        _ => return None,
    };
    (place < record.len()).then_some(place)
}

/// Completes the last sector, because calamine needs it and some programs leave it out. Returns true if it was incomplete.
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

/// The container of old Office files: a file system in a file.
struct Ole<'a> {
    bytes: &'a [u8],
    sector_bytes: usize,
    /// For each sector, the next one of its chain.
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
        let directory = ole.chain(long(bytes, 48)?, usize::MAX)?;
        ole.entries = directory
            .chunks_exact(128)
            .filter_map(|entry| read_entry(entry, sector_bytes))
            .collect();
        if long(bytes, 64)? > 0 {
            let root = ole.entries.first()?;
            ole.mini_stream = ole.chain(root.start, root.bytes)?;
            ole.mini_next = longs(&ole.chain(long(bytes, 60)?, usize::MAX)?);
        }
        Some(ole)
    }

    fn sector(&self, id: u32) -> Option<&'a [u8]> {
        let start = (id as usize)
            .checked_add(1)?
            .checked_mul(self.sector_bytes)?;
        let end = (start + self.sector_bytes).min(self.bytes.len());
        self.bytes.get(start..end)
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

    fn chain(&self, start: u32, bytes: usize) -> Option<Vec<u8>> {
        let mut chain = Vec::new();
        let (mut id, mut steps) = (start, 0);
        while id != END_OF_CHAIN && chain.len() < bytes {
            steps += 1;
            if steps > self.sectors_max() {
                return None;
            }
            chain.extend_from_slice(self.sector(id)?);
            id = *self.next.get(id as usize)?;
        }
        chain.truncate(bytes);
        Some(chain)
    }

    fn entry(&self, name: &str) -> Option<&OleEntry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// The places in the file of some bytes of a stream that can be read.
    fn places(&self, of: &OleEntry, offsets: &[usize]) -> Vec<usize> {
        if offsets.is_empty() {
            return Vec::new();
        }
        let place = |ids: &[usize], unit: usize, offset: usize| {
            Some(ids.get(offset / unit)? * unit + offset % unit)
        };
        let in_sectors = |start: u32, offsets: &mut dyn Iterator<Item = usize>| {
            let ids = ids(&self.next, start);
            let places = offsets.filter_map(|offset| place(&ids, self.sector_bytes, offset));
            places.map(|place| place + self.sector_bytes).collect()
        };
        if of.bytes >= MINI_STREAM_BELOW {
            return in_sectors(of.start, &mut offsets.iter().copied());
        }
        let Some(root) = self.entries.first() else {
            return Vec::new();
        };
        let mini = ids(&self.mini_next, of.start);
        let mut offsets = offsets
            .iter()
            .filter_map(|&offset| place(&mini, 64, offset));
        in_sectors(root.start, &mut offsets)
    }

    fn stream(&self, at: &OleEntry) -> Option<Vec<u8>> {
        if at.bytes >= MINI_STREAM_BELOW {
            return self.chain(at.start, at.bytes);
        }
        let mut stream = Vec::new();
        let (mut id, mut steps) = (at.start, 0);
        while id != END_OF_CHAIN && stream.len() < at.bytes {
            steps += 1;
            if steps > MINI_STREAM_BELOW {
                return None;
            }
            let start = (id as usize).checked_mul(64)?;
            stream.extend_from_slice(self.mini_stream.get(start..start.checked_add(64)?)?);
            id = *self.mini_next.get(id as usize)?;
        }
        stream.truncate(at.bytes);
        Some(stream)
    }
}

/// The numbers of a chain, which ends.
fn ids(next: &[u32], start: u32) -> Vec<usize> {
    let step = |&id: &u32| next.get(id as usize).copied();
    let chain = std::iter::successors(Some(start), step).take(next.len() + 1);
    chain
        .take_while(|&id| id < MARKS_FROM)
        .map(|id| id as usize)
        .collect()
}

fn read_entry(entry: &[u8], sector_bytes: usize) -> Option<OleEntry> {
    let units: Vec<u16> = (0..32)
        .map_while(|index| short(entry, index * 2))
        .take_while(|&unit| unit != 0)
        .collect();
    let high = if sector_bytes == 512 {
        0
    } else {
        long(entry, 124)?
    };
    let bytes = u64::from(high) << 32 | u64::from(long(entry, 120)?);
    Some(OleEntry {
        name: String::from_utf16_lossy(&units),
        start: long(entry, 116)?,
        bytes: usize::try_from(bytes).ok()?,
    })
}

pub(super) fn short(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(pair.try_into().ok()?))
}

pub(super) fn long(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

fn longs(bytes: &[u8]) -> Vec<u32> {
    bytes
        .chunks_exact(4)
        .filter_map(|four| long(four, 0))
        .collect()
}
