//! The container of an old workbook (.xls): a file system within a file.
//!
//! calamine follows damaged containers into endless chains. So another library reads the container, and calamine
//! gets a new one with nothing but the workbook's stream.

use std::io::{Cursor, Read as _, Write as _};

use cfb::{CompoundFile, Version};

use super::{
    Limits, SourceErrorKind,
    archive::password,
    error::{SAVE_AS, damaged, foreign, mebibytes, too_large},
    file::SourceFile,
};
use crate::output::temporary;

type Container = CompoundFile<Cursor<Vec<u8>>>;

/// The largest sector.
const SECTOR_BYTES: usize = 4096;

/// Reads the stream of a workbook. Refuses a container that is too large, locked or of another program.
pub(super) fn stream_of(file: &SourceFile, limits: &Limits) -> Result<Vec<u8>, SourceErrorKind> {
    if file.bytes > limits.held_bytes {
        let limit = mebibytes(limits.held_bytes);
        return Err(too_large("an old workbook (.xls)", limit));
    }
    let mut bytes = file.head(file.bytes)?;
    // Some programs write an incomplete last sector.
    bytes.resize(bytes.len().next_multiple_of(SECTOR_BYTES), 0);
    let mut container = CompoundFile::open(Cursor::new(bytes)).map_err(damaged)?;
    if container.is_stream("/EncryptedPackage") {
        return Err(password());
    }
    let mut names = ["/Workbook", "/Book"].into_iter();
    let Some(name) = names.find(|name| container.is_stream(name)) else {
        return Err(no_workbook(&container));
    };
    let mut stream = Vec::new();
    let mut entry = container.open_stream(name).map_err(damaged)?;
    entry.read_to_end(&mut stream).map_err(damaged)?;
    Ok(stream)
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
