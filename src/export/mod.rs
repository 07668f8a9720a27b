//! Exports all contacts of an account to a file.
//!
//! ```text
//! pages ─► spool (JSON lines, an unnamed file) ─► format ─► temporary file ─► renamed
//! ```
//!
//! The number of columns is known only after all contacts were read, so they are spooled to disk first. Memory holds 16 bytes for
//! each contact, to notice that two pages show the same one. If the account changed during a pass, it is read again; if it keeps
//! changing, nothing is written. The output file gets its name when it is complete.

mod csv;
pub(crate) mod excel;
mod spool;

use std::{
    collections::HashSet,
    io::{self, BufWriter, Write},
    path::Path,
};

use crate::{
    account::{Reader, listing::ListPass},
    api::ApiError,
    contact::reading::UnreadableContact,
    output::{self, IoError, OutputFile, Symlinks},
    progress::StopReason,
};
pub(crate) use csv::CsvDialect;
use spool::Spool;

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The account can't be read.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A file can't be written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The account kept changing, so some contacts may not have been read.
    #[error(
        "the account kept changing while it was read, so some of its contacts may be missing: nothing was written"
    )]
    Restless,
    /// A signal stopped it.
    #[error("interrupted")]
    Interrupted(StopReason),
}

/// The result of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exported {
    /// Contacts written.
    pub contacts: u64,
    /// Pages read.
    pub pages: u64,
    /// False if standard output was closed early.
    pub is_read: bool,
    /// Contacts of the account that can't be read, and are not in the output.
    pub unreadable: Vec<UnreadableContact>,
}

/// Exports all contacts to `output`, or to standard output.
pub(crate) fn export(
    account: Reader<'_>,
    output: Option<&Path>,
    dialect: CsvDialect,
) -> Result<Exported, ExportError> {
    let shown = output.map_or_else(|| "standard output".into(), Path::to_path_buf);
    // The directory of a pipe may not be writable.
    let file = output.filter(|path| !output::is_special(path));
    let named = |error| IoError::at(&shown)(error);
    let mut spool = Spool::create(file)?;
    let mut exported = Exported::default();
    let mut order = None;
    let is_steady = account.until_steady(|| {
        spool.clear().map_err(named)?;
        let (pass, moved) = read(account, &mut spool, named)?;
        exported.pages += pass.pages;
        exported.unreadable = pass.unreadable;
        // A server may also list a contact twice for good.
        let is_same = order.replace(pass.order) == Some(pass.order);
        Ok::<_, ExportError>(pass.steady && (moved == 0 || is_same))
    })?;
    if !is_steady {
        return Err(ExportError::Restless);
    }
    exported.is_read = write(&mut spool, dialect, output).map_err(named)?;
    exported.contacts = spool.contacts();
    Ok(exported)
}

/// Reads the account into the spool; also returns how often a contact was listed again.
fn read(
    account: Reader<'_>,
    spool: &mut Spool,
    named: impl Fn(io::Error) -> IoError,
) -> Result<(ListPass, u64), ExportError> {
    let mut seen = HashSet::new();
    let mut moved = 0_u64;
    let pass = account.list(|contacts| {
        if let Some(reason) = account.monitor.stop_requested() {
            return Err(ExportError::Interrupted(reason));
        }
        for contact in contacts {
            if seen.insert(xxhash_rust::xxh3::xxh3_128(contact.id.as_bytes())) {
                spool.add(contact).map_err(&named)?;
            } else {
                // It was moved, so others may have been moved to where they are not read.
                moved += 1;
            }
        }
        Ok(())
    })?;
    Ok((pass, moved))
}

fn write(spool: &mut Spool, dialect: CsvDialect, path: Option<&Path>) -> io::Result<bool> {
    let Some(path) = path else {
        let mut out = BufWriter::new(io::stdout().lock());
        let written = csv::write(spool, dialect, &mut out).and_then(|()| out.flush());
        return output::is_read(written);
    };
    let mut out = BufWriter::new(OutputFile::open(path, Symlinks::Follow)?);
    csv::write(spool, dialect, &mut out)?;
    let target = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    target.finish()?;
    Ok(true)
}
