//! Inspects an old workbook (.xls), before it is read.
//!
//! calamine holds whole sheets in memory, up to their farthest cells, and follows chains of sectors without limit.
//! So the container is checked here first: cyclic chains and sheets that are too large are refused, and so are files
//! that are locked or are not workbooks.

use super::{
    Limits, SourceErrorKind,
    archive::password,
    error::{damaged, mebibytes, too_large},
    file::SourceFile,
};

const END_OF_CHAIN: u32 = 0xFFFF_FFFE;
/// Numbers from here on are markers, not sectors.
const MARKS_FROM: u32 = 0xFFFF_FFFA;
/// Smaller streams are in the mini stream.
const MINI_STREAM_BELOW: usize = 4096;

/// Refuses an OLE file that is not a workbook, is locked, or is too large. Returns the number of hidden rows of each
/// sheet.
pub(super) fn check(file: &SourceFile, limits: &Limits) -> Result<Vec<u64>, SourceErrorKind> {
    if file.bytes > limits.held_bytes {
        let limit = mebibytes(limits.held_bytes);
        return Err(too_large("an old workbook (.xls)", limit));
    }
    let bytes = file.head(file.bytes)?;
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
    check_sheets(&stream, limits.held_cells)
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

/// Checks the total number of cells that the sheets span.
fn check_sheets(stream: &[u8], held_cells: u64) -> Result<Vec<u64>, SourceErrorKind> {
    let mut sheets = Vec::new();
    for (kind, data) in records(stream, 0) {
        match kind {
            0x2F => return Err(password()),
            0x85 => sheets.extend(long(data, 0)),
            0x0A => break,
            _ => {}
        }
    }
    let (mut cells, mut hidden_rows) = (0_u64, Vec::new());
    for start in sheets {
        let (of_sheet, hidden) = inspect_sheet(stream, start as usize);
        cells = cells.saturating_add(of_sheet);
        hidden_rows.push(hidden);
        if cells > held_cells {
            let what = "an old workbook (.xls) whose cells are far apart";
            return Err(too_large(what, format!("{held_cells} cells")));
        }
    }
    Ok(hidden_rows)
}

/// The number of cells that a sheet spans (of the rectangle with all its cells, or of the declared one if that is larger),
/// and the number of its hidden rows.
fn inspect_sheet(stream: &[u8], start: usize) -> (u64, u64) {
    let mut span = Span::default();
    let (mut declared, mut hidden_rows) = (0, 0);
    for (kind, data) in records(stream, start) {
        match kind {
            0x0A => break,
            0x0200 => declared = declared.max(declared_cells(data)),
            0x0208 => hidden_rows += u64::from(is_hidden(data)),
            // Several consecutive numbers, six bytes each.
            0x00BD => span.add(data, data.len() as u64 / 6),
            0x0006 | 0x00D6 | 0x00FD | 0x0203 | 0x0204 | 0x0205 | 0x027E => span.add(data, 0),
            _ => {}
        }
    }
    (span.cells().max(declared), hidden_rows)
}

/// True if the row is hidden and has cells.
fn is_hidden(row: &[u8]) -> bool {
    let has_cells = short(row, 2) < short(row, 4);
    has_cells && short(row, 12).is_some_and(|flags| flags & 0x20 != 0)
}

/// The declared number of cells; calamine allocates memory for them.
fn declared_cells(data: &[u8]) -> u64 {
    let (rows, columns) = if data.len() < 14 {
        (
            short(data, 0)
                .zip(short(data, 2))
                .map(|(from, to)| (from.into(), to.into())),
            short(data, 6),
        )
    } else {
        (long(data, 0).zip(long(data, 4)), short(data, 10))
    };
    match (rows, columns) {
        (Some((_, 0)) | None, _) | (_, Some(0) | None) => 1,
        (Some((from, to)), Some(columns)) if from < to => u64::from(to - from) * u64::from(columns),
        // It ends before it begins.
        _ => u64::MAX >> 8,
    }
}

#[derive(Default)]
struct Span {
    rows: Option<(u64, u64)>,
    columns: (u64, u64),
}

impl Span {
    fn add(&mut self, data: &[u8], more_columns: u64) {
        let (Some(row), Some(column)) = (short(data, 0), short(data, 2)) else {
            return;
        };
        let (row, column) = (u64::from(row), u64::from(column));
        let last = column + more_columns;
        let (rows, columns) = match self.rows {
            Some((first, end)) => (
                (first.min(row), end.max(row)),
                (self.columns.0.min(column), self.columns.1.max(last)),
            ),
            None => ((row, row), (column, last)),
        };
        self.rows = Some(rows);
        self.columns = columns;
    }

    fn cells(&self) -> u64 {
        self.rows.map_or(0, |(first, last)| {
            (last - first + 1) * (self.columns.1 - self.columns.0 + 1)
        })
    }
}

/// The records of the stream from an offset, each with its kind.
fn records(stream: &[u8], mut at: usize) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let kind = short(stream, at)?;
        let start = at + 4;
        at = start + usize::from(short(stream, at + 2)?);
        Some((kind, stream.get(start..at.min(stream.len()))?))
    })
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(pair.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

fn longs(bytes: &[u8]) -> Vec<u32> {
    bytes
        .chunks_exact(4)
        .filter_map(|four| long(four, 0))
        .collect()
}
