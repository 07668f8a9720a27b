//! The parts of an Office workbook (.xlsx, .xlsb) and their relations.
//!
//! Part names are compared without case, with forward slashes and without a leading slash, because not every
//! program follows the standard.

use std::{
    collections::HashMap,
    convert::Infallible,
    io::{BufReader, Read, Seek},
};

use quick_xml::{
    Reader,
    escape::escape,
    events::{BytesStart, Event},
};
use zip::ZipArchive;

use super::records::{RecordScan, wide_text};

/// Maximum size of a part that lists other parts.
const LIST_BYTES_MAX: u64 = 64 << 20;

/// The relation of one part to another.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    /// The last segment of its type: `worksheet`, `hyperlink`.
    pub(super) kind: String,
    /// The address as written: a part, or a link.
    pub(super) target: String,
}

/// Relations by their ids.
pub(super) type Relations = HashMap<String, Relation>;

/// The normalized name of a part.
pub(super) fn part_name(name: &str) -> String {
    name.replace('\\', "/")
        .trim_start_matches('/')
        .to_ascii_lowercase()
}

/// True for a part of binary records.
pub(in crate::source) fn is_binary(part: &str) -> bool {
    part.rsplit('.').next() == Some("bin")
}

/// The part with the workbook, according to the package.
pub(in crate::source) fn workbook_part<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
) -> Option<String> {
    let relations = relations_of(archive, "");
    let office = relations
        .values()
        .find(|relation| relation.kind == "officeDocument");
    let target = office.map(|relation| part_name(&relation.target));
    let candidates = target
        .into_iter()
        .chain(["xl/workbook.xml".to_owned(), "xl/workbook.bin".to_owned()]);
    let parts: Vec<String> = names(archive).collect();
    candidates.into_iter().find(|part| parts.contains(part))
}

/// The normalized names of all parts.
pub(in crate::source) fn names<R: Read + Seek>(
    archive: &ZipArchive<R>,
) -> impl Iterator<Item = String> + use<'_, R> {
    archive
        .file_names()
        .filter_map(|name| Some(part_name(&name.ok()?)))
}

/// The relations of a part or of the package; empty if they can't be read.
pub(super) fn relations_of<R: Read + Seek>(archive: &mut ZipArchive<R>, part: &str) -> Relations {
    let list = relations_part(part);
    let mut relations = Relations::new();
    each_tag(archive, &list, |tag| {
        if let (Some(id), Some(target)) = (attribute(tag, "Id"), attribute(tag, "Target")) {
            let kind = attribute(tag, "Type").unwrap_or_default();
            let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
            relations.insert(id, Relation { kind, target });
        }
    });
    relations
}

/// The name of the part with the relations of a part or of the package.
pub(super) fn relations_part(part: &str) -> String {
    let (folder, file) = part
        .rsplit_once('/')
        .map_or(("", part), |(folder, file)| (folder, file));
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}_rels/{file}.rels")
}

/// The relations as a part, for calamine.
pub(super) fn written_relations(relations: &Relations) -> Vec<u8> {
    let mut text = "<Relationships>".to_owned();
    for (id, Relation { kind, target }) in relations {
        let attributes = [("Id", id), ("Type", kind), ("Target", target)];
        let attributes = attributes.map(|(name, value)| format!(" {name}=\"{}\"", escape(value)));
        text.extend(["<Relationship", &attributes.concat(), "/>"]);
    }
    (text + "</Relationships>").into_bytes()
}

/// The name of the part that a relation of `from` points to.
fn target_part(from: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    if target.starts_with('/') {
        return part_name(&target);
    }
    let mut path: Vec<&str> = from.split('/').collect();
    path.pop();
    for step in target.split('/') {
        match step {
            ".." => drop(path.pop()),
            "." => {}
            _ => path.push(step),
        }
    }
    part_name(&path.join("/"))
}

/// The index of a part in the archive.
pub(super) fn index_of<R: Read + Seek>(archive: &ZipArchive<R>, part: &str) -> Option<usize> {
    (0..archive.len()).find(|&index| {
        let name = archive.name_for_index(index);
        name.is_some_and(|name| name.is_ok_and(|name| part_name(&name) == part))
    })
}

/// The content of a part that lists others; `None` if it is missing, damaged or too large.
pub(in crate::source) fn content<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    part: &str,
) -> Option<Vec<u8>> {
    let index = index_of(archive, part)?;
    let mut bytes = Vec::new();
    let part = archive.by_index(index).ok()?;
    part.take(LIST_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LIST_BYTES_MAX).then_some(bytes)
}

/// Calls `each` for every tag of a part that lists others.
pub(in crate::source) fn each_tag<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    part: &str,
    mut each: impl FnMut(&BytesStart<'_>),
) -> Option<()> {
    let index = index_of(archive, part)?;
    let part = archive.by_index(index).ok()?.take(LIST_BYTES_MAX);
    let mut reader = Reader::from_reader(BufReader::new(part));
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

/// A sheet in the workbook's list.
#[derive(Debug)]
pub(super) struct ListedSheet {
    pub(super) name: String,
    /// The id of its relation.
    pub(super) relation: String,
    /// The last segment of its type: `worksheet`, `chartsheet`, `xlMacrosheet`; empty if its part is unknown.
    pub(super) kind: String,
    pub(super) part: Option<String>,
}

impl ListedSheet {
    fn new(name: String, id: String, workbook: &str, relations: &Relations) -> Self {
        let relation = relations.get(&id);
        Self {
            name,
            kind: relation.map(|it| it.kind.clone()).unwrap_or_default(),
            part: relation.map(|it| target_part(workbook, &it.target)),
            relation: id,
        }
    }
}

/// The sheets of a workbook, in order.
pub(super) fn sheets<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Option<Vec<ListedSheet>> {
    let workbook = workbook_part(archive)?;
    let relations = relations_of(archive, &workbook);
    let mut sheets = Vec::new();
    let mut add = |name, id| sheets.push(ListedSheet::new(name, id, &workbook, &relations));
    if is_binary(&workbook) {
        let list = content(archive, &workbook)?;
        let walked = RecordScan::default().walk(&list, |kind, record| {
            if kind == BUNDLE_SHEET
                && let Some((name, id)) = bundle_sheet(record)
            {
                add(name, id);
            }
            Ok::<_, Infallible>(())
        });
        walked.ok()?;
    } else {
        each_tag(archive, &workbook, |tag| {
            if tag.local_name().as_ref() == "sheet" {
                add(attribute(tag, "name").unwrap_or_default(), relation_id(tag));
            }
        })?;
    }
    Some(sheets)
}

/// The record of a sheet in a binary workbook.
const BUNDLE_SHEET: u16 = 0x009C;

/// The name of a sheet and its relation id.
fn bundle_sheet(record: &[u8]) -> Option<(String, String)> {
    let (id, end) = wide_text(record, 8)?;
    Some((wide_text(record, end)?.0, id))
}

/// The relation id of a sheet, with any namespace prefix.
fn relation_id(tag: &BytesStart<'_>) -> String {
    let id = tag
        .attributes()
        .flatten()
        .find(|it| it.key.local_name().as_ref() == "id" && it.key.prefix().is_some());
    let key = id.map(|it| it.key.as_ref().to_owned());
    key.and_then(|key| attribute(tag, &key)).unwrap_or_default()
}

/// The value of an attribute by its full name.
pub(in crate::source) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    let value = attribute
        .normalized_value(quick_xml::XmlVersion::Implicit1_0)
        .ok()?;
    Some(value.into_owned())
}
