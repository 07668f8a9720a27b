//! Collects facts about the cells of a binary sheet (.xlsb) from its records while they are unpacked.

use super::{
    facts::{Fact, Range, SheetFacts, UNKNOWN_ERROR, error_name},
    number_format::Formats,
    records::{RecordScan, long, short, wide_text},
};
use crate::source::SourceErrorKind;

/// The records of a sheet.
#[derive(Debug, Default)]
pub(super) struct SheetRecords {
    records: RecordScan,
    row: u32,
    pub(super) facts: SheetFacts,
}

impl SheetRecords {
    pub(super) fn walk(&mut self, piece: &[u8]) -> Result<(), SourceErrorKind> {
        let Self {
            records,
            row,
            facts,
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
                        facts.link_ids.push((range, id));
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
            let name = error_name(code);
            if kind == 0x000B || name.is_none() {
                facts.add(at, Fact::Error(name.unwrap_or(UNKNOWN_ERROR).into()));
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

/// The records of the styles: cell formats that display more than a number's digits.
#[derive(Debug, Default)]
pub(super) struct FormatRecords {
    records: RecordScan,
    in_cell_formats: bool,
    pub(super) formats: Formats,
}

impl FormatRecords {
    pub(super) fn walk(&mut self, piece: &[u8]) -> Result<(), SourceErrorKind> {
        let Self {
            records,
            in_cell_formats,
            formats,
        } = self;
        records.walk(piece, |kind, record| {
            match kind {
                // BrtFmt
                0x002C => {
                    let code = wide_text(record, 2).unwrap_or_default().0;
                    formats.add_code(short(record, 0), Some(code));
                }
                // BrtBeginCellXFs and BrtEndCellXFs
                0x0269 | 0x026A => *in_cell_formats = kind == 0x0269,
                // BrtXF
                0x002F if *in_cell_formats => formats.add_cell_format(short(record, 2)),
                _ => {}
            }
            Ok(())
        })
    }
}
