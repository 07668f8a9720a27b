//! Collects facts about the cells of a binary sheet (.xlsb), from its records as they are unpacked.

use std::collections::HashMap;

use super::{
    SourceErrorKind,
    facts::{Fact, KNOWN_ERRORS, Range, SheetFacts, error_name},
    number_format::{self, Patterns},
    records::{RecordScan, wide_text},
};

/// The records of a sheet.
#[derive(Debug, Default)]
pub(super) struct SheetRecords {
    records: RecordScan,
    row: u32,
    pub(super) facts: SheetFacts,
    /// Links by the id of their address, which is in another part.
    pub(super) links: Vec<(Range, String)>,
}

impl SheetRecords {
    pub(super) fn walk(&mut self, piece: &[u8]) -> Result<(), SourceErrorKind> {
        let Self {
            records,
            row,
            facts,
            links,
        } = self;
        records.walk(piece, |kind, record| {
            match kind {
                // BrtRowHdr
                0x0000 => *row = long(record, 0).unwrap_or(*row),
                // BrtMergeCell
                0x00B0 => {
                    if let Some(range) = range(record) {
                        facts.merge(range)?;
                    }
                }
                // BrtHLink
                0x01EE => {
                    if let (Some(range), Some((id, _))) = (range(record), wide_text(record, 16)) {
                        links.push((range, id));
                    }
                }
                0x0002 | 0x0003 | 0x0005 | 0x0009 | 0x000B => {
                    cell(*row, kind, record, facts);
                }
                _ => {}
            }
            Ok(())
        })
    }
}

/// A cell with a number or an error value.
fn cell(row: u32, kind: u16, record: &[u8], facts: &mut SheetFacts) -> Option<()> {
    let at = (row, long(record, 0)?);
    let format = long(record, 4)? & 0x00FF_FFFF;
    match kind {
        0x0003 | 0x000B => {
            let code = *record.get(8)?;
            if kind == 0x000B || !KNOWN_ERRORS.contains(&code) {
                facts.add(at, Fact::Error(error_name(code).into()));
            }
        }
        0x0009 if record.get(8..16)? == [0; 8] => facts.add(at, Fact::Uncalculated),
        _ if format > 0 => facts.add(at, Fact::Format(format)),
        _ => {}
    }
    Some(())
}

fn range(record: &[u8]) -> Option<Range> {
    Some(Range {
        rows: (long(record, 0)?, long(record, 4)?),
        columns: (long(record, 8)?, long(record, 12)?),
    })
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The records of the styles: the cell formats that show more than a number's digits.
#[derive(Debug, Default)]
pub(super) struct FormatRecords {
    records: RecordScan,
    codes: HashMap<u16, String>,
    /// The index of the next cell format, in their list.
    next: Option<u32>,
    pub(super) patterns: Patterns,
}

impl FormatRecords {
    pub(super) fn walk(&mut self, piece: &[u8]) -> Result<(), SourceErrorKind> {
        let Self {
            records,
            codes,
            next,
            patterns,
        } = self;
        let short = |bytes: &[u8], at: usize| {
            Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
        };
        records.walk(piece, |kind, record| {
            match kind {
                // BrtFmt
                0x002C => codes
                    .extend(short(record, 0).zip(Some(wide_text(record, 2).unwrap_or_default().0))),
                // BrtBeginCellXFs and BrtEndCellXFs
                0x0269 => *next = Some(0),
                0x026A => *next = None,
                // BrtXF
                0x002F => {
                    if let Some(index) = *next {
                        let code = short(record, 2).and_then(|id| codes.get(&id));
                        let pattern = code.and_then(|code| number_format::pattern_of_custom(code));
                        patterns.extend(pattern.map(|pattern| (index, pattern)));
                        *next = index.checked_add(1);
                    }
                }
                _ => {}
            }
            Ok(())
        })
    }
}
