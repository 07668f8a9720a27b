//! Exports all contacts of an account to a file.
//!
//! ```text
//! pages ─► spool (JSON lines, an unnamed file) ─► rows ─► format ─► temporary file ─► renamed
//! ```
//!
//! The number of columns is only known after all contacts were read, so they are spooled to disk. Memory holds 16
//! bytes per contact, to detect that two pages contain the same one. If the account changed during a pass, it is
//! read again; if it keeps changing, nothing is written. The output file appears when it is complete.

pub(crate) mod book;
pub(crate) mod excel;
pub(crate) mod format;
mod guard;
pub(crate) mod name;
pub(crate) mod rotation;
mod rows;
mod spool;
mod text;

use std::{
    collections::HashSet,
    io::{self, BufWriter, Write},
    path::Path,
};

use crate::{
    account::{Reader, listing::ListPass},
    api::ApiError,
    contact::{Contact, reading::UnreadableContact},
    environment::temporary_directory,
    mapping::BackupLayout,
    output::{self, IoError, OutputFile, Symlinks},
    progress::StopReason,
    source::SHEET_ROWS_MAX,
    streams,
};
use format::{Compression, TableFormat};
use rotation::{ShrinkError, ShrinkGuard};
pub(crate) use rows::OwnerNames;
use rows::{ExportCell, RowMaker};
use spool::{BUFFER_BYTES, Spool, SpooledContact};

#[derive(Debug)]
pub(crate) struct BackupForm {
    pub format: TableFormat,
    pub compression: Compression,
    pub layout: BackupLayout,
    /// The names for the column `responsible`.
    pub owner_names: Option<OwnerNames>,
}

/// The reason why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The account can't be read.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A file can't be written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The account kept changing, so some contacts may be missing.
    #[error(
        "the account kept changing while it was read, so contacts may be missing: nothing was written"
    )]
    Restless,
    /// The account has far fewer contacts than the previous backup.
    #[error(transparent)]
    Shrunk(#[from] ShrinkError),
    /// A signal stopped it.
    #[error("interrupted")]
    Interrupted(StopReason),
}

impl ExportError {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Restless => Some("run the command again while no other program writes to the account; an existing file is unchanged".into()),
            Self::Shrunk(_) => Some("check the account; if it is correct, add --max-shrink 100%; the older backup is unchanged".into()),
            Self::Io(error) => error.hint(),
            Self::Api(_) | Self::Interrupted(_) => None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exported {
    pub contacts: u64,
    /// Pages read, including earlier passes.
    pub pages: u64,
    /// Passes over the account; more than one if it changed meanwhile.
    pub passes: u64,
    /// False if standard output was closed early.
    pub is_read: bool,
    /// Unreadable contacts of the account, which are missing from the output.
    pub unreadable: Vec<UnreadableContact>,
}

/// Exports all contacts to the file `output`, otherwise to `stream`, unless the guard refuses.
pub(crate) fn export(
    account: Reader<'_>,
    output: Option<&Path>,
    stream: &mut (dyn Write + Send),
    form: &BackupForm,
    guard: Option<ShrinkGuard>,
) -> Result<Exported, ExportError> {
    let shown = output.map_or_else(|| "standard output".into(), Path::to_path_buf);
    // The directory of a pipe may not be writable.
    let file = output.filter(|path| !streams::is_special(path));
    let named = |error| IoError::at(&shown)(error);
    let mut spool = Spool::create(file)?;
    let mut exported = Exported::default();
    let is_steady = account.list_until_steady(|| {
        spool.clear().map_err(named)?;
        let (mut pass, moved) = read(account, &mut spool, named)?;
        exported.pages += pass.pages;
        exported.passes += 1;
        exported.unreadable = std::mem::take(&mut pass.unreadable);
        Ok::<_, ExportError>((pass, moved))
    })?;
    if !is_steady {
        return Err(ExportError::Restless);
    }
    if let Some(guard) = guard {
        guard.check(spool.contacts)?;
    }
    exported.is_read = write(&mut spool, form, output, stream).map_err(named)?;
    exported.contacts = spool.contacts;
    Ok(exported)
}

/// Reads the account into the spool. Also returns the number of contacts that were listed again.
fn read(
    account: Reader<'_>,
    spool: &mut Spool,
    named: impl Fn(io::Error) -> IoError,
) -> Result<(ListPass, u64), ExportError> {
    let mut seen = HashSet::new();
    let mut moved = 0_u64;
    let keep = |contact: Contact<'_>| SpooledContact::new(&contact);
    let pass = account.list(keep, |contacts| {
        if let Some(reason) = account.monitor.stop_requested() {
            return Err(ExportError::Interrupted(reason));
        }
        for contact in contacts {
            let contact = contact.map_err(&named)?;
            if seen.insert(contact.id) {
                spool.add(&contact).map_err(&named)?;
            } else {
                // The contact moved, so others may have moved past the reading position.
                moved += 1;
            }
        }
        Ok(())
    })?;
    Ok((pass, moved))
}

fn write(
    spool: &mut Spool,
    form: &BackupForm,
    path: Option<&Path>,
    stream: &mut (dyn Write + Send),
) -> io::Result<bool> {
    let file = path.filter(|path| !streams::is_special(path));
    let scratch = file.map_or_else(temporary_directory, |file| {
        output::directory(&output::real(file)).to_path_buf()
    });
    let Some(path) = path else {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, stream);
        let written = form.write(spool, &scratch, &mut out);
        return streams::is_read(written.and_then(|()| out.flush()));
    };
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, OutputFile::open(path, Symlinks::Follow)?);
    form.write(spool, &scratch, &mut out)?;
    OutputFile::finish_buffer(out)?;
    Ok(true)
}

impl BackupForm {
    /// Writes all contacts. `scratch`: the directory of temporary files.
    fn write(
        &self,
        spool: &mut Spool,
        scratch: &Path,
        out: &mut (dyn Write + Send),
    ) -> io::Result<()> {
        self.compression.compress(out, |out| {
            self.write_rows(spool, scratch, SHEET_ROWS_MAX, out)
        })
    }

    /// `sheet_rows_max`: the rows of a sheet including its header.
    fn write_rows(
        &self,
        spool: &mut Spool,
        scratch: &Path,
        sheet_rows_max: u32,
        out: &mut (dyn Write + Send),
    ) -> io::Result<()> {
        let maker = RowMaker {
            layout: self.layout,
            chats_max: spool.chats_max,
            types: spool.chat_types(),
            owner_names: self.owner_names.as_ref(),
        };
        let columns = maker.columns();
        let mut writer = self.format.writer(out, &columns, scratch, sheet_rows_max)?;
        spool.for_each(|contact| maker.rows(contact, &mut |cells| writer.row(cells)))?;
        writer.finish()
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct TableForm {
    pub format: TableFormat,
    pub compression: Compression,
}

pub(crate) type WriteRow<'a> = dyn FnMut(&[&str]) -> Result<(), IoError> + 'a;

/// Writes a table. `fill` passes rows to the function that it gets. The file appears when it is complete.
pub(crate) fn write_table<T, E: From<IoError>>(
    path: &Path,
    form: TableForm,
    columns: &[&str],
    fill: impl FnOnce(&mut WriteRow<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let named = |error| IoError::at(path)(error);
    let mut out = BufWriter::new(OutputFile::open(path, Symlinks::Follow).map_err(named)?);
    let columns: Vec<_> = columns.iter().map(ToString::to_string).collect();
    let scratch = output::real(path);
    let mut filled = None;
    let written = form.compression.compress(&mut out, |out| {
        let scratch = output::directory(&scratch);
        let mut writer = form.format.writer(out, &columns, scratch, SHEET_ROWS_MAX)?;
        filled = Some(fill(&mut |cells| {
            let cells: Vec<_> = cells
                .iter()
                .map(|&cell| ExportCell::Text(cell.into()))
                .collect();
            writer.row(&cells).map_err(named)
        }));
        writer.finish()
    });
    // An error in the rows is reported before its consequences.
    let filled = filled.transpose()?;
    written.map_err(named)?;
    OutputFile::finish_buffer(out).map_err(named)?;
    filled.ok_or_else(|| named(io::ErrorKind::Other.into()).into())
}

/// Writes these contacts as a backup, with this many rows per sheet.
#[cfg(test)]
pub(crate) fn write_backup<'c>(
    contacts: impl IntoIterator<Item = Contact<'c>>,
    form: &BackupForm,
    sheet_rows_max: u32,
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    let mut spool = Spool::create(None).map_err(io::Error::other)?;
    for contact in contacts {
        spool.add(&SpooledContact::new(&contact)?)?;
    }
    form.write_rows(&mut spool, &temporary_directory(), sheet_rows_max, out)
}
