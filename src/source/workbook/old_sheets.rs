//! Inspects the sheets of an old workbook (.xls) before they are read.
//!
//! calamine holds whole sheets in memory, up to their farthest cells, so oversized ones are refused here. Facts
//! that calamine doesn't return are collected.

use std::sync::Arc;

use super::{
    archive::password,
    facts::{Fact, Range, SheetFacts, UNKNOWN_ERROR, error_name},
    number_format::{Formats, Patterns},
    records::{long, short, utf16, wide_text},
};
use crate::source::{SourceErrorKind, error::too_large};

/// `#N/A`, which takes the place of unknown error values: calamine would refuse the whole file for one of them.
const NOT_AVAILABLE: u8 = 0x2A;

/// An old workbook, before its cells are read.
pub(super) struct OldBook {
    /// True if its text is UTF-16, whatever its code page (Excel 97 and later).
    pub(super) is_unicode: bool,
    /// The facts about its sheets, in order.
    pub(super) sheets: Vec<Arc<SheetFacts>>,
}

impl OldBook {
    /// Inspects the stream of a workbook, and replaces error values that calamine can't read; an error if its sheets
    /// span more than `held_cells` cells.
    pub(in crate::source) fn new(
        stream: &mut [u8],
        held_cells: u64,
    ) -> Result<Self, SourceErrorKind> {
        let mut book = Self {
            is_unicode: false,
            sheets: Vec::new(),
        };
        let (mut sheets, mut formats) = (Vec::new(), Formats::default());
        for (kind, data) in records(stream, 0) {
            match kind {
                0x2F => return Err(password()),
                0x85 => sheets.extend(long(data, 0)),
                0x0809 => book.is_unicode = short(data, 0) == Some(0x0600),
                0x041E => formats.add_code(short(data, 0), format_code(data, book.is_unicode)),
                0xE0 => formats.add_cell_format(short(data, 2)),
                0x0A => break,
                _ => {}
            }
        }
        let (mut cells, patterns) = (0_u64, Arc::new(formats.patterns));
        for start in sheets {
            let (of_sheet, mut facts) = inspect_sheet(stream, start as usize, &patterns)?;
            cells = cells.saturating_add(of_sheet);
            if cells > held_cells {
                let what = "an old workbook (.xls) whose cells are far apart";
                return Err(too_large(what, format!("{held_cells} cells")));
            }
            facts.complete(Arc::clone(&patterns));
            book.sheets.push(Arc::new(facts));
        }
        replace_unknown_errors(stream);
        Ok(book)
    }
}

fn replace_unknown_errors(stream: &mut [u8]) {
    let mut at = 0;
    while let (Some(kind), Some(length)) = (short(stream, at), short(stream, at + 2)) {
        let place = error_place(kind, &stream[at + 4..]).map(|place| at + 4 + place);
        if let Some(place) = place.filter(|&place| error_name(stream[place]).is_none()) {
            stream[place] = NOT_AVAILABLE;
        }
        at += 4 + usize::from(length);
    }
}

/// The offset of the error value in the record of a cell: a value or the result of a formula.
fn error_place(kind: u16, record: &[u8]) -> Option<usize> {
    let place = match kind {
        0x0205 if record.get(7) == Some(&1) => 6,
        0x0006 if record.get(6) == Some(&2) && record.get(12..14) == Some(&[0xFF; 2]) => 8,
        _ => return None,
    };
    (place < record.len()).then_some(place)
}

/// The text of a custom number format.
fn format_code(record: &[u8], is_unicode: bool) -> Option<String> {
    let text = record.get(2..)?;
    if is_unicode {
        return unicode_text(text);
    }
    // Only ASCII characters matter.
    let text = text.get(1..)?;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// A text with its length in characters, and a flag for two bytes per character.
fn unicode_text(bytes: &[u8]) -> Option<String> {
    let length = usize::from(short(bytes, 0)?);
    let text = bytes.get(3..)?;
    Some(if bytes[2] & 1 == 0 {
        text.iter().take(length).copied().map(char::from).collect()
    } else {
        let text = utf16(text.get(..length.checked_mul(2)?)?);
        text.trim_end_matches('\0').to_owned()
    })
}

/// The number of cells that a sheet spans (of the rectangle with all its cells, or of the declared one if that is
/// larger), and facts about it.
fn inspect_sheet(
    stream: &[u8],
    start: usize,
    patterns: &Patterns,
) -> Result<(u64, SheetFacts), SourceErrorKind> {
    let (mut span, mut facts) = (Span::EMPTY, SheetFacts::default());
    let mut declared = 0;
    for (kind, data) in records(stream, start) {
        match kind {
            0x0A => break,
            0x0200 => declared = declared.max(declared_cells(data)),
            0x0208 => facts.hidden_rows += u64::from(is_hidden(data)),
            // Several consecutive numbers of six bytes each.
            0x00BD => {
                span.add(data, data.len() as u64 / 6);
                add_formats(data, patterns, &mut facts);
            }
            0x0006 | 0x00D6 | 0x00FD | 0x0203 | 0x0204 | 0x0205 | 0x027E => {
                span.add(data, 0);
                add_fact(kind, data, patterns, &mut facts);
            }
            0x00E5 => {
                for range in data.get(2..).unwrap_or_default().as_chunks::<8>().0 {
                    facts.merge(area(range).unwrap_or_default())?;
                }
            }
            0x01B8 => {
                if let (Some(range), Some(address)) = (area(data), link_address(data)) {
                    facts.link(range, &address)?;
                }
            }
            _ => {}
        }
    }
    Ok((span.cells().max(declared), facts))
}

/// Adds facts about a cell with a number or a formula.
fn add_fact(kind: u16, data: &[u8], patterns: &Patterns, facts: &mut SheetFacts) {
    let (Some(at), Some(format)) = (position(data), short(data, 4)) else {
        return;
    };
    let error = error_place(kind, data).map(|place| data[place]);
    if error.is_some_and(|code| error_name(code).is_none()) {
        facts.add(at, Fact::Error(UNKNOWN_ERROR.into()));
    } else if kind == 0x0006 && is_uncalculated(data) {
        facts.add(at, Fact::Uncalculated);
    } else if matches!(kind, 0x0006 | 0x0203 | 0x027E) && patterns.contains_key(&format.into()) {
        facts.add(at, Fact::Format(format.into()));
    }
}

/// True for a formula with 0, or with an empty text that is to be calculated on loading, in the place of its result.
fn is_uncalculated(formula: &[u8]) -> bool {
    let is_empty_text = formula.get(6) == Some(&3) && formula.get(12..14) == Some(&[0xFF; 2]);
    let is_calculated_on_load = short(formula, 14).is_some_and(|flags| flags & 2 != 0);
    formula.get(6..14) == Some(&[0; 8]) || is_empty_text && is_calculated_on_load
}

fn add_formats(data: &[u8], patterns: &Patterns, facts: &mut SheetFacts) {
    let Some((row, first)) = position(data) else {
        return;
    };
    for (column, number) in (first..).zip(data[4..].as_chunks::<6>().0) {
        let format = u32::from(u16::from_le_bytes([number[0], number[1]]));
        if patterns.contains_key(&format) {
            facts.add((row, column), Fact::Format(format));
        }
    }
}

/// The row and the column of a cell.
fn position(data: &[u8]) -> Option<(u32, u32)> {
    Some((short(data, 0)?.into(), short(data, 2)?.into()))
}

fn area(data: &[u8]) -> Option<Range> {
    let end = |at| short(data, at).map(u32::from);
    Some(Range {
        rows: (end(0)?, end(2)?),
        columns: (end(4)?, end(6)?),
    })
}

/// The address of a link (MS-XLS 2.4.140, MS-OSHARED 2.3.7.1): after optional texts, as text or in a URL moniker.
fn link_address(data: &[u8]) -> Option<String> {
    const URL_MONIKER: [u8; 4] = [0xE0, 0xC9, 0xEA, 0x79];
    let flags = long(data, 28)?;
    let mut at = 32_usize;
    for flag in [0x10, 0x80] {
        if flags & flag != 0 {
            at = wide_text(data, at)?.1;
        }
    }
    if flags & 0x1 == 0 {
        return None;
    }
    let address = if flags & 0x100 != 0 {
        wide_text(data, at)?.0
    } else if data.get(at..at + 4)? == URL_MONIKER {
        let start = at + 20;
        let end = start.checked_add(long(data, at + 16)? as usize)?;
        utf16(data.get(start..end)?)
    } else {
        return None;
    };
    // Other fields may follow the address.
    address.split('\0').next().map(str::to_owned)
}

/// True if the row is hidden and has cells.
fn is_hidden(row: &[u8]) -> bool {
    let has_cells = short(row, 2) < short(row, 4);
    has_cells && short(row, 12).is_some_and(|flags| flags & 0x20 != 0)
}

/// The declared number of cells, for which calamine allocates memory.
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
        // The declared range ends before it begins.
        _ => u64::MAX >> 8,
    }
}

/// The first and the last row and column with a cell.
struct Span {
    first: (u64, u64),
    last: (u64, u64),
}

impl Span {
    const EMPTY: Self = Self {
        first: (u64::MAX, u64::MAX),
        last: (0, 0),
    };

    fn add(&mut self, data: &[u8], more_columns: u64) {
        if let Some((row, column)) = position(data) {
            let (row, column) = (row.into(), column.into());
            self.first = (self.first.0.min(row), self.first.1.min(column));
            self.last = (self.last.0.max(row), self.last.1.max(column + more_columns));
        }
    }

    fn cells(&self) -> u64 {
        let sides =
            (self.last.0.checked_sub(self.first.0)).zip(self.last.1.checked_sub(self.first.1));
        sides.map_or(0, |(rows, columns)| (rows + 1) * (columns + 1))
    }
}

/// The records of the stream from an offset, with their kinds.
fn records(stream: &[u8], mut at: usize) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let kind = short(stream, at)?;
        let start = at + 4;
        at = start + usize::from(short(stream, at + 2)?);
        Some((kind, stream.get(start..at.min(stream.len()))?))
    })
}
