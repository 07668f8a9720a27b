//! Makes a workbook readable for calamine whose parts are right but not where, or not what, calamine expects.
//!
//! The parts are copied as they are, packed, to a temporary file, under names that the standard has for them. Sheets without
//! cells that calamine doesn't know (macro sheets, sheets without a part) are left out of the workbook's list.

use std::{borrow::Cow, io::Write as _};

use quick_xml::{
    Reader, Writer,
    events::{BytesStart, Event},
};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{
    Kind, SourceErrorKind,
    error::damaged,
    file::{FileReader, SourceFile},
    package::{self, ListedSheet},
};
use crate::output::temporary;

/// The file itself, or a copy that calamine can read.
pub(super) fn repaired(file: &SourceFile, kind: Kind) -> Result<SourceFile, SourceErrorKind> {
    let mut archive = ZipArchive::new(file.reader()).map_err(|error| damaged(&error))?;
    let Some(workbook) = package::workbook_part(&mut archive) else {
        return Ok(file.clone());
    };
    let sheets = package::sheets(&mut archive).unwrap_or_default();
    let is_listed = |sheet: &ListedSheet| is_readable(sheet, kind);
    let all_listed = sheets.iter().all(is_listed);
    let is_plain = |name: Cow<'_, str>| !name.contains('\\') && !name.starts_with('/');
    let are_names_plain = archive.file_names().flatten().all(is_plain);
    // Only the paths of binary workbooks are fixed.
    let is_in_place = kind != Kind::Xlsb || workbook.starts_with("xl/");
    if all_listed && are_names_plain && is_in_place {
        return Ok(file.clone());
    }
    let unlisted: Vec<bool> = sheets.iter().map(|sheet| !is_listed(sheet)).collect();
    let list = package::content(&mut archive, &workbook).and_then(|list| match kind {
        Kind::Xlsb => Some(package::without_sheets(&list, &unlisted)),
        _ => without_sheets(&list, &unlisted),
    });
    let copy = Copy {
        archive,
        moved: (!is_in_place).then(|| {
            let (folder, _) = workbook.rsplit_once('/').unwrap_or_default();
            folder.to_owned()
        }),
        list: list.map(|list| (workbook, list)),
    };
    copy.write(file)
}

/// True for the kinds of sheets that calamine knows, if the part is known. In a binary workbook, it goes by the folder.
fn is_readable(sheet: &ListedSheet, kind: Kind) -> bool {
    let Some(part) = &sheet.part else {
        return false;
    };
    let kinds = ["worksheet", "chartsheet", "dialogsheet"];
    kinds.into_iter().any(|it| match kind {
        Kind::Xlsb => part.contains(&format!("/{it}s/")),
        _ => sheet.kind == it,
    })
}

struct Copy {
    archive: ZipArchive<FileReader>,
    /// The folder that becomes `xl`.
    moved: Option<String>,
    /// The part that lists the sheets, and its new content.
    list: Option<(String, Vec<u8>)>,
}

impl Copy {
    fn write(mut self, file: &SourceFile) -> Result<SourceFile, SourceErrorKind> {
        let mut into = ZipWriter::new(temporary()?);
        for index in 0..self.archive.len() {
            // A part that can't be read may be one that is not needed.
            let Ok(part) = self.archive.by_index_raw(index) else {
                continue;
            };
            let Ok(name) = part.name().map(|name| package::part_name(&name)) else {
                continue;
            };
            let placed = placed(&name, self.moved.as_deref());
            match &self.list {
                Some((list, bytes)) if *list == name => {
                    let options = SimpleFileOptions::default();
                    into.start_file(placed, options)
                        .map_err(|error| damaged(&error))?;
                    into.write_all(bytes)?;
                }
                _ => into
                    .raw_copy_file_rename(part, placed)
                    .map_err(|error| damaged(&error))?,
            }
        }
        let copy = into.finish().map_err(|error| damaged(&error))?;
        Ok(file.replaced_by(copy)?)
    }
}

/// The name of a part in the copy.
fn placed(name: &str, moved: Option<&str>) -> String {
    let inside = moved.and_then(|folder| name.strip_prefix(folder));
    inside.map_or(name.to_owned(), |inside| {
        format!("xl/{}", inside.trim_start_matches('/'))
    })
}

/// The workbook without the sheets that are marked.
fn without_sheets(list: &[u8], unlisted: &[bool]) -> Option<Vec<u8>> {
    let mut reader = Reader::from_reader(list);
    let mut writer = Writer::new(Vec::new());
    let (mut buffer, mut unlisted) = (Vec::new(), unlisted.iter());
    let is_sheet = |tag: &BytesStart<'_>| tag.local_name().as_ref() == "sheet";
    let mut is_left_out = false;
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).ok()?;
        match &event {
            Event::Eof => return Some(writer.into_inner()),
            Event::Start(tag) | Event::Empty(tag) if is_sheet(tag) => {
                is_left_out = *unlisted.next().unwrap_or(&false);
            }
            Event::End(tag) if tag.local_name().as_ref() == "sheet" => {}
            _ => is_left_out = false,
        }
        if !is_left_out {
            writer.write_event(event).ok()?;
        }
    }
}
