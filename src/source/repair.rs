//! Makes a valid workbook readable for calamine if it deviates from what calamine expects.
//!
//! The parts are copied, still packed, to a temporary file under their standard names. Sheets without cells that
//! calamine doesn't support (macro sheets, sheets without a part) are removed from the workbook's list.

use std::{borrow::Cow, fs::File, io::Write as _};

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
    let mut archive = ZipArchive::new(file.reader()).map_err(damaged)?;
    let Some(workbook) = package::workbook_part(&mut archive) else {
        return Ok(file.clone());
    };
    let sheets = package::sheets(&mut archive).unwrap_or_default();
    let unlisted: Vec<bool> = sheets.iter().map(|sheet| !is_readable(sheet)).collect();
    let is_plain = |name: Cow<'_, str>| !name.contains('\\') && !name.starts_with('/');
    if !unlisted.contains(&true) && archive.file_names().flatten().all(is_plain) {
        return Ok(file.clone());
    }
    let list = package::content(&mut archive, &workbook).and_then(|list| match kind {
        Kind::Xlsb => Some(package::without_sheets(&list, &unlisted)),
        _ => without_sheets(&list, &unlisted),
    });
    let copy = copy(&mut archive, &workbook, list.as_deref())?;
    Ok(file.replaced_by(copy)?)
}

/// The kinds of sheets that calamine supports.
const KINDS: [&str; 3] = ["worksheet", "chartsheet", "dialogsheet"];

/// True for a sheet of such a kind whose part is known. A relation without a type has the kind of its folder.
fn is_readable(sheet: &ListedSheet) -> bool {
    sheet.part.as_ref().is_some_and(|part| {
        KINDS.iter().any(|kind| match &*sheet.kind {
            "" => package::is_binary(part) && part.contains(&format!("/{kind}s/")),
            known => known == *kind,
        })
    })
}

/// Copies the parts, with a new list of sheets.
fn copy(
    archive: &mut ZipArchive<FileReader>,
    workbook: &str,
    list: Option<&[u8]>,
) -> Result<File, SourceErrorKind> {
    let mut into = ZipWriter::new(temporary()?);
    for index in 0..archive.len() {
        // An unreadable part may not be needed.
        let Ok(part) = archive.by_index_raw(index) else {
            continue;
        };
        let Ok(name) = part.name().map(|name| package::part_name(&name)) else {
            continue;
        };
        match list.filter(|_| name == workbook) {
            Some(list) => {
                let options = SimpleFileOptions::default();
                into.start_file(name, options).map_err(damaged)?;
                into.write_all(list)?;
            }
            None => into.raw_copy_file_rename(part, name).map_err(damaged)?,
        }
    }
    into.finish().map_err(damaged)
}

/// The workbook without the marked sheets.
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
