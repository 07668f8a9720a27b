//! Makes a valid workbook readable for calamine if it deviates from what calamine expects.
//!
//! The parts are copied, still packed, to a temporary file under their standard names. Sheets without cells that
//! calamine doesn't support (macro sheets, sheets without a part) are removed from the workbook's list.

use std::{borrow::Cow, collections::HashMap, io::Write as _};

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
    let all_listed = sheets.iter().all(is_readable);
    let displaced = match kind {
        Kind::Xlsb => displaced(&sheets),
        _ => HashMap::new(),
    };
    let is_plain = |name: Cow<'_, str>| !name.contains('\\') && !name.starts_with('/');
    let are_names_plain = archive.file_names().flatten().all(is_plain);
    // Only the paths of binary workbooks need repair.
    let is_in_place = kind != Kind::Xlsb || workbook.starts_with("xl/");
    if all_listed && are_names_plain && is_in_place && displaced.is_empty() {
        return Ok(file.clone());
    }
    let unlisted: Vec<bool> = sheets.iter().map(|sheet| !is_readable(sheet)).collect();
    let list = package::content(&mut archive, &workbook).and_then(|list| match kind {
        Kind::Xlsb => Some(package::without_sheets(&list, &unlisted)),
        _ => without_sheets(&list, &unlisted),
    });
    let mut parts: HashMap<_, _> = list
        .map(|list| (workbook.clone(), list))
        .into_iter()
        .collect();
    if !displaced.is_empty() {
        let mut relations = package::relations_of(&mut archive, &workbook);
        for relation in relations.values_mut() {
            if let Some(place) = displaced.get(&package::target_part(&workbook, &relation.target)) {
                relation.target.clone_from(place);
            }
        }
        let list = package::relations_part(&workbook);
        parts.insert(list, package::written_relations(&relations));
    }
    let copy = Copy {
        archive,
        displaced: places(&displaced, &workbook),
        parts,
        moved: (!is_in_place).then(|| {
            let (folder, _) = workbook.rsplit_once('/').unwrap_or_default();
            folder.to_owned()
        }),
    };
    copy.write(file)
}

/// The kinds of sheets that calamine supports.
const KINDS: [&str; 3] = ["worksheet", "chartsheet", "dialogsheet"];

/// The kind of a sheet that calamine can read, if its part is known. A relation without a type has the kind of its
/// folder.
fn readable_kind(sheet: &ListedSheet) -> Option<&'static str> {
    let part = sheet.part.as_ref()?;
    KINDS.into_iter().find(|kind| match &*sheet.kind {
        "" => package::is_binary(part) && part.contains(&format!("/{kind}s/")),
        known => known == *kind,
    })
}

fn is_readable(sheet: &ListedSheet) -> bool {
    readable_kind(sheet).is_some()
}

/// The sheets of a binary workbook outside the folder where calamine looks for their kind: part names and new
/// addresses.
fn displaced(sheets: &[ListedSheet]) -> HashMap<String, String> {
    let place = |(number, sheet): (usize, &ListedSheet)| {
        let kind = readable_kind(sheet)?;
        let part = sheet.part.as_ref()?;
        let is_in_place = sheet.target.starts_with(&format!("{kind}s/"));
        let place = format!("{kind}s/moved{number}.bin");
        (!is_in_place).then(|| (part.clone(), place))
    };
    sheets.iter().enumerate().filter_map(place).collect()
}

/// The new names of the parts of displaced sheets and of their relations.
fn places(displaced: &HashMap<String, String>, workbook: &str) -> HashMap<String, String> {
    let new_names = displaced.iter().flat_map(|(part, target)| {
        let place = package::target_part(workbook, target);
        let [old_list, new_list] = [part, &place].map(|part| package::relations_part(part));
        [(part.clone(), place), (old_list, new_list)]
    });
    new_names.collect()
}

struct Copy {
    archive: ZipArchive<FileReader>,
    /// The folder that becomes `xl`.
    moved: Option<String>,
    /// The new names of parts.
    displaced: HashMap<String, String>,
    /// The parts that list the sheets, with new content.
    parts: HashMap<String, Vec<u8>>,
}

impl Copy {
    fn write(mut self, file: &SourceFile) -> Result<SourceFile, SourceErrorKind> {
        let mut into = ZipWriter::new(temporary()?);
        for index in 0..self.archive.len() {
            // An unreadable part may not be needed.
            let Ok(part) = self.archive.by_index_raw(index) else {
                continue;
            };
            let Ok(name) = part.name().map(|name| package::part_name(&name)) else {
                continue;
            };
            let named = self.displaced.get(&name).unwrap_or(&name);
            let placed = placed(named, self.moved.as_deref());
            match self.parts.get(&name) {
                Some(bytes) => {
                    let options = SimpleFileOptions::default();
                    into.start_file(placed, options).map_err(damaged)?;
                    into.write_all(bytes)?;
                }
                None => into.raw_copy_file_rename(part, placed).map_err(damaged)?,
            }
        }
        let copy = into.finish().map_err(damaged)?;
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
