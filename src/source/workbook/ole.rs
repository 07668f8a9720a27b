//! The container of an old workbook (.xls): a file system within a file.
//!
//! calamine follows damaged containers into endless chains. So another library reads the container, and calamine
//! gets a new one with nothing but the workbook's stream.

use std::io::{Cursor, Read as _, Write as _};

use cfb::{CompoundFile, Version};

use super::archive::password;
use crate::{
    output::temporary,
    source::{
        Limits, SourceErrorKind,
        error::{SAVE_AS, damaged, foreign, mebibytes, too_large},
        file::SourceFile,
    },
};

type Container = CompoundFile<Cursor<Vec<u8>>>;

/// The largest sector.
const SECTOR_BYTES: usize = 4096;

/// The place in the header at which the sectors of the allocation table are listed, and their maximum number.
const LIST_AT: usize = 76;
const LISTED_MAX: usize = 109;

/// An unused sector.
const FREE: u32 = u32::MAX;

/// Reads the stream of a workbook. Refuses a container that is too large, locked or of another program.
pub(super) fn stream_of(file: &SourceFile, limits: &Limits) -> Result<Vec<u8>, SourceErrorKind> {
    if file.bytes > limits.held_bytes {
        let limit = mebibytes(limits.held_bytes);
        return Err(too_large("an old workbook (.xls)", limit));
    }
    let mut bytes = file.head(file.bytes)?;
    let is_cut_off = is_cut_off(&bytes);
    let failed = |error| {
        if is_cut_off {
            let seen = "the end of the workbook is missing";
            return SourceErrorKind::CutOff { seen, row: None };
        }
        damaged(error)
    };
    // Some programs write an incomplete last sector.
    bytes.resize(bytes.len().next_multiple_of(SECTOR_BYTES), 0);
    let mut container = CompoundFile::open(Cursor::new(bytes)).map_err(failed)?;
    if container.is_stream("/EncryptedPackage") {
        return Err(password());
    }
    let mut names = ["/Workbook", "/Book"].into_iter();
    let Some(name) = names.find(|name| container.is_stream(name)) else {
        return Err(no_workbook(&container));
    };
    let mut stream = Vec::new();
    let mut entry = container.open_stream(name).map_err(failed)?;
    entry.read_to_end(&mut stream).map_err(failed)?;
    Ok(stream)
}

/// True if the allocation table of the container has sectors beyond the end of the file. Only the part of the table
/// that the header lists is read, which is enough for 6 MiB.
fn is_cut_off(bytes: &[u8]) -> bool {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let sector_bytes = match bytes.get(30..32) {
        Some([9, 0]) => 512,
        Some([12, 0]) => SECTOR_BYTES,
        _ => return false,
    };
    let sectors = bytes.len().div_ceil(sector_bytes) - 1;
    let entries = sector_bytes / 4;
    let listed = (0..LISTED_MAX).map_while(|index| number(LIST_AT + 4 * index));
    let mut tables = listed.take_while(|sector| *sector != FREE).zip(0..);
    tables.any(|(table, index)| {
        let start = (table as usize + 1) * sector_bytes;
        let last_used = (0..entries)
            .rfind(|entry| number(start + 4 * entry).is_none_or(|sector| sector != FREE));
        last_used.is_some_and(|last| index * entries + last >= sectors)
    })
}

/// A file that calamine can read, with this stream.
pub(super) fn file_of(stream: &[u8], file: &SourceFile) -> Result<SourceFile, SourceErrorKind> {
    let mut container = CompoundFile::create_with_version(Version::V3, temporary()?)?;
    container.create_stream("/Workbook")?.write_all(stream)?;
    container.flush()?;
    Ok(file.replaced_by(container.into_inner())?)
}

fn no_workbook(container: &Container) -> SourceErrorKind {
    let known = [
        ("/WordDocument", "a text document (Word)"),
        ("/PowerPoint Document", "a presentation (PowerPoint)"),
        ("/__properties_version1.0", "a message of Outlook"),
    ];
    let known = known.iter().find(|(name, _)| container.is_stream(name));
    let what = known.map_or("an Office file without a workbook", |(_, what)| what);
    foreign(what, SAVE_AS)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_container_without_its_end_is_cut_off() {
        for version in [Version::V3, Version::V4] {
            let file = Cursor::new(Vec::new());
            let mut container = CompoundFile::create_with_version(version, file).unwrap();
            let mut stream = container.create_stream("/Workbook").unwrap();
            stream.write_all(&vec![1; 200_000]).unwrap();
            drop(stream);
            let bytes = container.into_inner().into_inner();
            assert!(!is_cut_off(&bytes) && !is_cut_off(b"") && !is_cut_off(&[0; 600]));
            for percent in [10, 50, 90, 95] {
                assert!(
                    is_cut_off(&bytes[..bytes.len() * percent / 100]),
                    "{percent}"
                );
            }
        }
    }
}
