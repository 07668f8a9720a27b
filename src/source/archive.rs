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
    Limits, SourceErrorKind,
    error::{damaged, foreign, mebibytes, too_large},
    facts::SheetFacts,
    file::{FileReader, SourceFile},
    number_format::Patterns,
    package,
    sheet_records::{FormatRecords, SheetRecords},
    sheet_xml::SheetScan,
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

/// Facts about the sheets, and their parts by sheet name.
#[derive(Debug, Default)]
pub(super) struct Survey {
    parts: HashMap<String, Arc<SheetFacts>>,
    sheets: HashMap<String, String>,
}

impl Survey {
    pub(super) fn sheet(&self, name: &str) -> Arc<SheetFacts> {
        let part = self.sheets.get(name).and_then(|part| self.parts.get(part));
        part.cloned().unwrap_or_default()
    }
}

/// Unpacks all parts of an archive; an error if one exceeds its limit.
pub(super) fn survey(file: &SourceFile, limits: &Limits) -> Result<Survey, SourceErrorKind> {
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
        surveyor.inspect(|role| role != Role::Sheet)?;
        Ok(surveyor)
    }

    /// Unpacks the sheets.
    pub(super) fn finish(mut self) -> Result<Survey, SourceErrorKind> {
        self.inspect(|role| role == Role::Sheet)?;
        let patterns = Arc::new(self.patterns);
        let mut parts = HashMap::new();
        for (name, mut facts) in self.parts {
            add_links(&mut self.archive, &name, &mut facts)?;
            facts.complete(Arc::clone(&patterns));
            parts.insert(name, Arc::new(facts));
        }
        Ok(Survey {
            parts,
            sheets: self.sheets,
        })
    }

    /// Unpacks the parts with these roles.
    fn inspect(&mut self, is_due: impl Fn(Role) -> bool) -> Result<(), SourceErrorKind> {
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
            let role = Role::of(&name, is_sheet);
            if !is_due(role) {
                continue;
            }
            let mut inspection = Inspection::new(&name, role, &self.limits);
            self.total += inspection.unpack(&mut part)?;
            let limit = self.limits.workbook_bytes;
            if self.total > limit {
                return Err(too_large("the workbook", mebibytes(limit)));
            }
            match inspection.scan {
                Scan::Sheet(scan) => self.parts.push((name, scan.facts)),
                Scan::Records(scan) => self.parts.push((name, scan.facts)),
                Scan::Formats(scan) => self.patterns = scan.formats.patterns,
                Scan::None => {}
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

pub(super) fn password() -> SourceErrorKind {
    foreign(
        "a workbook that is protected with a password",
        "open it and save it without a password",
    )
}

/// The role of a part, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Streamed: rows of cells.
    Sheet,
    SharedTexts,
    Styles,
    Other,
}

impl Role {
    fn of(name: &str, is_sheet: bool) -> Self {
        let last = name.rsplit('/').next().unwrap_or_default();
        let is_sheet =
            is_sheet || name.contains("worksheets/") && last.rsplit('.').next() != Some("rels");
        // A workbook may list any part as a sheet, including parts that its reader holds in memory.
        if last.starts_with("sharedstrings.") {
            Self::SharedTexts
        } else if last.starts_with("styles.") {
            Self::Styles
        } else if is_sheet || name == "content.xml" {
            Self::Sheet
        } else {
            Self::Other
        }
    }
}

struct Inspection<'a> {
    name: &'a str,
    role: Role,
    is_xml: bool,
    scan: Scan,
    limit: u64,
    window: Vec<u8>,
    /// Shared texts or formats, depending on the role.
    items: usize,
}

/// Collects facts from a part.
enum Scan {
    None,
    Sheet(SheetScan),
    Records(Box<SheetRecords>),
    Formats(FormatRecords),
}

impl<'a> Inspection<'a> {
    fn new(name: &'a str, role: Role, limits: &Limits) -> Self {
        let is_xml = name.rsplit('.').next() == Some("xml");
        Self {
            name,
            role,
            is_xml,
            scan: match role {
                Role::Sheet if is_xml && name != "content.xml" => {
                    Scan::Sheet(SheetScan::new(limits.record_bytes))
                }
                Role::Sheet if !is_xml => Scan::Records(Box::default()),
                Role::Styles if !is_xml => Scan::Formats(FormatRecords::default()),
                _ => Scan::None,
            },
            limit: if role == Role::Sheet {
                limits.part_bytes
            } else {
                limits.held_bytes
            },
            window: Vec::new(),
            items: 0,
        }
    }

    fn unpack(&mut self, part: &mut impl Read) -> Result<u64, SourceErrorKind> {
        let mut bytes = 0;
        loop {
            let read = match part.take(PIECE_BYTES as u64).read_to_end(&mut self.window) {
                Ok(0) => return Ok(bytes),
                Ok(read) => read,
                // If the part is needed, its reader reports the damage.
                Err(_) if self.role == Role::Other => return Ok(bytes),
                Err(error) => return Err(damaged(format!("{}: {error}", self.name))),
            };
            bytes += read as u64;
            if bytes > self.limit {
                return Err(too_large(
                    &format!("its part {}", self.name),
                    mebibytes(self.limit),
                ));
            }
            if self.is_xml && self.role != Role::Other {
                self.inspect()?;
            } else {
                match &mut self.scan {
                    Scan::Records(scan) => scan.walk(&self.window)?,
                    Scan::Formats(scan) => scan.walk(&self.window)?,
                    Scan::Sheet(_) | Scan::None => {}
                }
                self.window.clear();
            }
        }
    }

    /// Inspects the complete tags and keeps the rest.
    fn inspect(&mut self) -> Result<(), SourceErrorKind> {
        let Some(last) = memchr::memrchr(b'>', &self.window) else {
            if self.window.len() > TAG_BYTES_MAX {
                return Err(too_large(
                    &format!("a cell in its part {}", self.name),
                    mebibytes(TAG_BYTES_MAX as u64),
                ));
            }
            return Ok(());
        };
        let rest = self.window.split_off(last + 1);
        let tags = std::mem::replace(&mut self.window, rest);
        match self.role {
            Role::Sheet => match &mut self.scan {
                Scan::Sheet(scan) => scan.walk(&tags),
                _ => Ok(()),
            },
            Role::SharedTexts => {
                check_declared(&tags)?;
                self.count(&tags, b"<si", SHARED_TEXTS_MAX, "shared texts")
            }
            Role::Styles => self.count(&tags, b"<xf", FORMATS_MAX, "cell formats"),
            Role::Other => Ok(()),
        }
    }

    fn count(
        &mut self,
        tags: &[u8],
        tag: &[u8],
        limit: usize,
        what: &str,
    ) -> Result<(), SourceErrorKind> {
        self.items += memmem::find_iter(tags, tag).count();
        if self.items > limit {
            return Err(too_large("the workbook", format!("{limit} {what}")));
        }
        Ok(())
    }
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
