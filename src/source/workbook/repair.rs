//! Makes a valid workbook readable for calamine if it deviates from what calamine expects.
//!
//! The parts are copied, still packed, to a temporary file under their standard names. Sheets without cells that
//! calamine doesn't support (macro sheets, sheets without a part) are called chart sheets, which are never read.

use std::{borrow::Cow, fs::File, io::Write as _};

use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::package::{self, ListedSheet, Relation};
use crate::{
    output::temporary,
    source::{
        SourceErrorKind,
        error::damaged,
        file::{FileReader, SourceFile},
    },
};

/// The file itself, or a copy that calamine can read.
pub(super) fn repaired(file: &SourceFile) -> Result<SourceFile, SourceErrorKind> {
    let mut archive = ZipArchive::new(file.reader()).map_err(damaged)?;
    let Some(workbook) = package::workbook_part(&mut archive) else {
        return Ok(file.clone());
    };
    let mut sheets = package::sheets(&mut archive).unwrap_or_default();
    sheets.retain(|sheet| !is_readable(sheet));
    let is_plain = |name: Cow<'_, str>| !name.contains('\\') && !name.starts_with('/');
    if sheets.is_empty() && archive.file_names().flatten().all(is_plain) {
        return Ok(file.clone());
    }
    let mut relations = package::relations_of(&mut archive, &workbook);
    for sheet in sheets {
        let chart = Relation {
            kind: "chartsheet".to_owned(),
            target: "chartsheets/none".to_owned(),
        };
        relations.insert(sheet.relation, chart);
    }
    let list = package::relations_part(&workbook);
    let copy = copy(&mut archive, &list, &package::written_relations(&relations))?;
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

/// Copies the parts, one of them with new content.
fn copy(
    archive: &mut ZipArchive<FileReader>,
    changed: &str,
    content: &[u8],
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
        if name == changed {
            let options = SimpleFileOptions::default();
            into.start_file(name, options).map_err(damaged)?;
            into.write_all(content)?;
        } else {
            into.raw_copy_file_rename(part, name).map_err(damaged)?;
        }
    }
    into.finish().map_err(damaged)
}
