//! Tables other than backups, such as the changes found by `diff`, in the formats of backups.

use std::{
    io::{self, BufWriter},
    path::Path,
};

use super::{
    format::{Compression, TableFormat},
    rows::ExportCell,
};
use crate::{
    output::{self, IoError, OutputFile, Symlinks},
    source::SHEET_ROWS_MAX,
};

/// The form of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableForm {
    pub format: TableFormat,
    pub compression: Compression,
}

/// Writes one row.
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
    let target = out.into_inner().map_err(io::IntoInnerError::into_error);
    target.and_then(OutputFile::finish).map_err(named)?;
    filled.ok_or_else(|| named(io::ErrorKind::Other.into()).into())
}
