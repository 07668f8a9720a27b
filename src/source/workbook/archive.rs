//! Inspects a zip-based workbook before it is read.
//!
//! Reading a workbook takes memory for some parts and time for all of them, and an archive of a few kilobytes may
//! unpack to terabytes. So every part is unpacked once and its bytes are counted; the sizes in the archive's
//! directory are not trusted. The limits are absolute, because a limit on the compression ratio would refuse
//! normal files (styles compress a thousandfold). Hidden rows and facts about cells are collected in the same
//! pass.

use std::{collections::HashMap, io::Read, sync::Arc};

use memchr::memmem;

use super::{
    facts::SheetFacts,
    number_format::Patterns,
    package,
    sheet_records::{FormatRecords, SheetRecords},
    sheet_xml::SheetScan,
};
use crate::source::{
    Limits, SourceErrorKind,
    error::{damaged, foreign, mebibytes, too_large},
    file::{FileReader, SourceFile},
};

const PIECE_BYTES: usize = 1 << 18;
/// A part without a `>` within this many bytes has no cells.
const TAG_BYTES_MAX: usize = 1 << 22;
/// Maximum number of cell formats. Spreadsheet programs stop at 65,490.
const FORMATS_MAX: usize = 1 << 18;
/// Maximum number of shared texts, more than the names in all rows of a sheet.
const SHARED_TEXTS_MAX: usize = 1 << 23;
const PARTS_MAX: usize = 1 << 14;

type Archive = zip::ZipArchive<FileReader>;

/// Facts about the sheets, by their names.
pub(super) type Survey = HashMap<String, Arc<SheetFacts>>;

/// Unpacks all parts of an archive; an error if one exceeds its limit.
pub(in crate::source) fn survey(
    file: &SourceFile,
    limits: &Limits,
) -> Result<Survey, SourceErrorKind> {
    Surveyor::begin(file, limits)?.finish()
}

/// Inspects an archive in two steps. After the first, the workbook can be opened, because that reads no sheets.
pub(super) struct Surveyor {
    archive: Archive,
    limits: Limits,
    /// The parts of the sheets, by sheet name.
    sheets: HashMap<String, String>,
    parts: Vec<(String, SheetFacts)>,
    patterns: Patterns,
    total: u64,
}

impl Surveyor {
    /// Unpacks all parts except sheets.
    pub(super) fn begin(file: &SourceFile, limits: &Limits) -> Result<Self, SourceErrorKind> {
        let mut archive = Archive::new(file.reader()).map_err(damaged)?;
        if archive.len() > PARTS_MAX {
            return Err(too_large("the workbook", format!("{PARTS_MAX} parts")));
        }
        let sheets = package::sheets(&mut archive).unwrap_or_default();
        let mut surveyor = Self {
            archive,
            limits: *limits,
            sheets: sheets
                .into_iter()
                .filter_map(|sheet| Some((sheet.name, sheet.part?)))
                .collect(),
            parts: Vec::new(),
            patterns: Patterns::new(),
            total: 0,
        };
        surveyor.inspect(false)?;
        Ok(surveyor)
    }

    /// Unpacks the sheets.
    pub(super) fn finish(mut self) -> Result<Survey, SourceErrorKind> {
        self.inspect(true)?;
        let patterns = Arc::new(self.patterns);
        let mut parts = HashMap::new();
        for (name, mut facts) in self.parts {
            add_links(&mut self.archive, &name, &mut facts)?;
            facts.complete(Arc::clone(&patterns));
            parts.insert(name, Arc::new(facts));
        }
        let sheets = self.sheets.into_iter();
        let sheets = sheets.filter_map(|(name, part)| Some((name, Arc::clone(parts.get(&part)?))));
        Ok(sheets.collect())
    }

    /// Unpacks the sheets, or all other parts.
    fn inspect(&mut self, sheets: bool) -> Result<(), SourceErrorKind> {
        for index in 0..self.archive.len() {
            // An unreadable part may be irrelevant, such as a thumbnail.
            let Ok(mut part) = self.archive.by_index(index) else {
                continue;
            };
            if part.encrypted() {
                return Err(password());
            }
            let Ok(name) = part.name().map(|name| package::part_name(&name)) else {
                continue;
            };
            let is_sheet = self.sheets.values().any(|part| *part == name);
            let mut scan = PartScan::new(&name, is_sheet, &self.limits);
            if scan.is_sheet() != sheets {
                continue;
            }
            self.total += scan.unpack(&name, &mut part, &self.limits)?;
            let limit = self.limits.workbook_bytes;
            if self.total > limit {
                return Err(too_large("the workbook", mebibytes(limit)));
            }
            match scan {
                PartScan::Sheet(scan) => self.parts.push((name, scan.facts)),
                PartScan::Records(scan) => self.parts.push((name, scan.facts)),
                PartScan::FormatRecords(scan) => self.patterns = scan.formats.patterns,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Adds the links of a sheet. Their addresses are in a separate part.
fn add_links(
    archive: &mut Archive,
    part: &str,
    facts: &mut SheetFacts,
) -> Result<(), SourceErrorKind> {
    let links = std::mem::take(&mut facts.link_ids);
    if links.is_empty() {
        return Ok(());
    }
    let relations = package::relations_of(archive, part);
    for (range, id) in links {
        if let Some(relation) = relations.get(&id) {
            facts.link(range, &relation.target)?;
        }
    }
    Ok(())
}

pub(in crate::source) fn password() -> SourceErrorKind {
    foreign(
        "a workbook that is protected with a password",
        "open it and save it without a password",
    )
}

/// The inspection of a part.
enum PartScan {
    Sheet(SheetScan),
    /// A sheet of a binary workbook.
    Records(Box<SheetRecords>),
    /// The sheets of an `OpenDocument` spreadsheet.
    Document,
    /// The number of shared texts so far.
    Texts(usize),
    /// The number of cell formats so far.
    Formats(usize),
    /// The cell formats of a binary workbook.
    FormatRecords(FormatRecords),
    Other,
}

impl PartScan {
    fn new(name: &str, is_sheet: bool, limits: &Limits) -> Self {
        let last = name.rsplit('/').next().unwrap_or_default();
        let is_sheet =
            is_sheet || name.contains("worksheets/") && last.rsplit('.').next() != Some("rels");
        // A workbook may list any part as a sheet, including parts that its reader holds in memory.
        match (last, last.rsplit('.').next() == Some("xml")) {
            (_, true) if last.starts_with("sharedstrings.") => Self::Texts(0),
            (_, true) if last.starts_with("styles.") => Self::Formats(0),
            (_, false) if last.starts_with("styles.") => {
                Self::FormatRecords(FormatRecords::default())
            }
            _ if last.starts_with("sharedstrings.") => Self::Other,
            ("content.xml", _) if name == last => Self::Document,
            (_, true) if is_sheet => Self::Sheet(SheetScan::new(limits.record_bytes)),
            (_, false) if is_sheet => Self::Records(Box::default()),
            _ => Self::Other,
        }
    }

    /// True for a part that is streamed rather than held in memory.
    const fn is_sheet(&self) -> bool {
        matches!(self, Self::Sheet(_) | Self::Records(_) | Self::Document)
    }

    /// Inspects a part, and returns its unpacked size.
    fn unpack(
        &mut self,
        name: &str,
        part: &mut impl Read,
        limits: &Limits,
    ) -> Result<u64, SourceErrorKind> {
        let limit = if self.is_sheet() {
            limits.workbook_bytes
        } else {
            limits.held_bytes
        };
        let (mut bytes, mut window) = (0, Vec::new());
        loop {
            let read = match part.take(PIECE_BYTES as u64).read_to_end(&mut window) {
                Ok(0) => return Ok(bytes),
                Ok(read) => read,
                // If the part is needed, its reader reports the damage.
                Err(_) if matches!(self, Self::Other) => return Ok(bytes),
                Err(error) => return Err(damaged(format!("{name}: {error}"))),
            };
            bytes += read as u64;
            if bytes > limit {
                return Err(too_large(&format!("its part {name}"), mebibytes(limit)));
            }
            let end = match self {
                Self::Other | Self::Records(_) | Self::FormatRecords(_) => window.len(),
                // Whole tags.
                _ => memchr::memrchr(b'>', &window).map_or(0, |last| last + 1),
            };
            if end == 0 && window.len() > TAG_BYTES_MAX {
                let limit = mebibytes(TAG_BYTES_MAX as u64);
                return Err(too_large(&format!("a cell in its part {name}"), limit));
            }
            self.walk(&window[..end])?;
            window.drain(..end);
        }
    }

    fn walk(&mut self, piece: &[u8]) -> Result<(), SourceErrorKind> {
        match self {
            Self::Sheet(scan) => scan.walk(piece),
            Self::Records(scan) => scan.walk(piece),
            Self::FormatRecords(scan) => scan.walk(piece),
            Self::Texts(count) => {
                check_declared(piece)?;
                add_items(count, piece, b"<si", SHARED_TEXTS_MAX, "shared texts")
            }
            Self::Formats(count) => add_items(count, piece, b"<xf", FORMATS_MAX, "cell formats"),
            Self::Document | Self::Other => Ok(()),
        }
    }
}

/// Adds the number of these tags.
fn add_items(
    count: &mut usize,
    tags: &[u8],
    tag: &[u8],
    limit: usize,
    what: &str,
) -> Result<(), SourceErrorKind> {
    *count += memmem::find_iter(tags, tag).count();
    if *count > limit {
        return Err(too_large("the workbook", format!("{limit} {what}")));
    }
    Ok(())
}

/// Checks the number of texts that the part declares, because the reader allocates memory for it.
fn check_declared(tags: &[u8]) -> Result<(), SourceErrorKind> {
    for at in memmem::find_iter(tags, b"uniqueCount") {
        let digits = tags[at..]
            .iter()
            .skip("uniqueCount".len())
            .skip_while(|byte| matches!(byte, b'=' | b'"' | b'\'' | b' '))
            .take_while(|byte| byte.is_ascii_digit());
        let declared = digits.fold(0_usize, |sum, digit| {
            sum.saturating_mul(10)
                .saturating_add(usize::from(digit - b'0'))
        });
        if declared > SHARED_TEXTS_MAX {
            return Err(too_large(
                "the workbook",
                format!("{SHARED_TEXTS_MAX} shared texts"),
            ));
        }
    }
    Ok(())
}
