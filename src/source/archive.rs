//! Inspects a workbook that is a zip archive, before it is read.
//!
//! Reading a workbook takes memory for some parts and time for all of them, and an archive of some kilobytes may
//! unpack to terabytes. So every part is unpacked once, and its bytes are counted: the sizes in the archive's
//! directory are not trusted. The limits are absolute, because a ratio would refuse normal files (styles compress
//! a thousandfold). Formulas and hidden rows are counted on the way.

use std::{collections::HashMap, io::Read};

use memchr::memmem;
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{
    Limits, SourceErrorKind,
    error::{damaged, mebibytes, too_large},
    file::{FileReader, SourceFile},
    records::{FORMULA_ERROR, RecordScan},
};

const PIECE_BYTES: usize = 1 << 18;
/// A part without a `>` for this many bytes has no cells.
const TAG_BYTES_MAX: usize = 1 << 22;
/// The most cell formats; programs stop at 65,490.
const FORMATS_MAX: usize = 1 << 18;
/// The most shared texts: more than the names in all rows of a sheet.
const SHARED_TEXTS_MAX: usize = 1 << 23;
const PARTS_MAX: usize = 1 << 14;

/// The end of a formula's cell that was saved without its result.
const EMPTY_FORMULAS: [&[u8]; 4] = [
    b"</f></c>",
    b"</f><v/></c>",
    b"</f><v /></c>",
    b"</f><v></v></c>",
];

type Archive = zip::ZipArchive<FileReader>;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SheetSurvey {
    pub(super) hidden_rows: u64,
    /// Formulas that were saved without their result.
    pub(super) empty_formulas: u64,
    /// Formulas whose result is an error, which the reader skips (.xlsb).
    pub(super) lost_errors: u64,
}

/// Counts for a workbook: a survey of each part that is a sheet.
#[derive(Debug, Default)]
pub(super) struct Survey {
    parts: HashMap<String, SheetSurvey>,
    sheets: HashMap<String, String>,
}

impl Survey {
    /// For a binary workbook, in which the parts of the sheets are unknown: the counts of all sheets.
    pub(super) fn sheet(&self, name: &str) -> SheetSurvey {
        let part = self.sheets.get(name).and_then(|part| self.parts.get(part));
        part.copied().unwrap_or_else(|| SheetSurvey {
            lost_errors: self.parts.values().map(|part| part.lost_errors).sum(),
            ..SheetSurvey::default()
        })
    }
}

/// Unpacks all parts of an archive; an error if one exceeds its limit.
pub(super) fn survey(file: &SourceFile, limits: &Limits) -> Result<Survey, SourceErrorKind> {
    let mut archive = Archive::new(file.reader()).map_err(|error| damaged(&error))?;
    if archive.len() > PARTS_MAX {
        return Err(too_large("the workbook", format!("{PARTS_MAX} parts")));
    }
    let mut survey = Survey::default();
    let mut total = 0;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(|error| damaged(&error))?;
        if part.encrypted() {
            return Err(password());
        }
        let name = part
            .name()
            .map_err(|error| damaged(&error))?
            .trim_start_matches('/')
            .to_owned();
        let mut inspection = Inspection::new(&name, limits);
        total += inspection.unpack(&mut part)?;
        if total > limits.workbook_bytes {
            return Err(too_large("the workbook", mebibytes(limits.workbook_bytes)));
        }
        let counts = inspection.counts;
        survey.parts.insert(name, counts);
    }
    survey.sheets = sheet_parts(&mut archive).unwrap_or_default();
    Ok(survey)
}

pub(super) fn password() -> SourceErrorKind {
    SourceErrorKind::Foreign {
        what: "a workbook that is protected with a password",
        advice: "open it and save it without a password",
    }
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
    fn of(name: &str) -> Self {
        let name = name.to_lowercase();
        let last = name.rsplit('/').next().unwrap_or_default();
        if name.contains("worksheets/") || name == "content.xml" {
            Self::Sheet
        } else if last.starts_with("sharedstrings.") {
            Self::SharedTexts
        } else if last.starts_with("styles.") {
            Self::Styles
        } else {
            Self::Other
        }
    }
}

struct Inspection<'a> {
    name: &'a str,
    role: Role,
    is_xml: bool,
    /// For a sheet that is not XML.
    records: RecordScan,
    limit: u64,
    window: Vec<u8>,
    /// Shared texts or formats, depending on the role.
    items: usize,
    since_cell: usize,
    cell_bytes_max: usize,
    in_data: bool,
    counts: SheetSurvey,
}

impl<'a> Inspection<'a> {
    fn new(name: &'a str, limits: &Limits) -> Self {
        let role = Role::of(name);
        Self {
            name,
            role,
            is_xml: name.to_lowercase().ends_with(".xml"),
            records: RecordScan::default(),
            limit: if role == Role::Sheet {
                limits.part_bytes
            } else {
                limits.held_bytes
            },
            window: Vec::new(),
            items: 0,
            since_cell: 0,
            cell_bytes_max: limits.record_bytes,
            in_data: false,
            counts: SheetSurvey::default(),
        }
    }

    fn unpack(&mut self, part: &mut impl Read) -> Result<u64, SourceErrorKind> {
        let mut bytes = 0;
        loop {
            let read = part
                .take(PIECE_BYTES as u64)
                .read_to_end(&mut self.window)
                .map_err(|error| damaged(&format!("{}: {error}", self.name)))?;
            if read == 0 {
                return Ok(bytes);
            }
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
                if self.role == Role::Sheet {
                    let lost = &mut self.counts.lost_errors;
                    self.records.walk(&self.window, |kind| {
                        *lost += u64::from(kind == FORMULA_ERROR);
                    });
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
            Role::Sheet => self.inspect_cells(&tags),
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

    fn inspect_cells(&mut self, tags: &[u8]) -> Result<(), SourceErrorKind> {
        for pattern in EMPTY_FORMULAS {
            self.counts.empty_formulas += memmem::find_iter(tags, pattern).count() as u64;
        }
        for pattern in [b" hidden=\"1\"".as_slice(), b" hidden=\"true\""] {
            let hidden = memmem::find_iter(tags, pattern).filter(|&at| is_row_tag(&tags[..at]));
            self.counts.hidden_rows += hidden.count() as u64;
        }
        self.in_data |= memmem::find(tags, b"sheetData").is_some();
        // A cell may end with any namespace: `</c>`, `</x:c>`.
        match memmem::rfind(tags, b"c>") {
            Some(at) => self.since_cell = tags.len() - at,
            None => self.since_cell += tags.len(),
        }
        if memmem::find(tags, b"/sheetData>").is_some() || self.name == "content.xml" {
            self.in_data = false;
        }
        if self.in_data && self.since_cell > self.cell_bytes_max {
            return Err(too_large(
                &format!("a cell in its part {}", self.name),
                mebibytes(self.cell_bytes_max as u64),
            ));
        }
        Ok(())
    }
}

/// The reader allocates memory for the number of texts that the part declares.
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

/// True if the incomplete tag is that of a row.
fn is_row_tag(head: &[u8]) -> bool {
    let tag = memchr::memrchr(b'<', head).map_or(head, |at| &head[at + 1..]);
    tag.starts_with(b"row ") || memmem::find(&tag[..tag.len().min(12)], b":row ").is_some()
}

/// The part of each sheet, by the sheet's name. Only for messages: calamine finds the cells itself.
fn sheet_parts(archive: &mut Archive) -> Option<HashMap<String, String>> {
    let mut targets = HashMap::new();
    each_tag(archive, "xl/_rels/workbook.xml.rels", |tag| {
        if let (Some(id), Some(target)) = (attribute(tag, "Id"), attribute(tag, "Target")) {
            let target = target
                .strip_prefix('/')
                .map_or_else(|| format!("xl/{target}"), str::to_owned);
            targets.insert(id, target);
        }
    })?;
    let mut parts = HashMap::new();
    each_tag(archive, "xl/workbook.xml", |tag| {
        if tag.local_name().as_ref() == "sheet"
            && let (Some(name), Some(id)) = (attribute(tag, "name"), attribute(tag, "r:id"))
            && let Some(part) = targets.get(&id)
        {
            parts.insert(name, part.clone());
        }
    })?;
    Some(parts)
}

fn each_tag(
    archive: &mut Archive,
    part: &str,
    mut each: impl FnMut(&BytesStart<'_>),
) -> Option<()> {
    let part = archive.by_name(part).ok()?;
    let mut reader = Reader::from_reader(std::io::BufReader::new(part));
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(tag) | Event::Empty(tag) => each(&tag),
            Event::Eof => return Some(()),
            _ => {}
        }
    }
}

/// The value of an attribute, by its full name.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    let value = attribute
        .normalized_value(quick_xml::XmlVersion::Implicit1_0)
        .ok()?;
    Some(value.into_owned())
}
