//! The files to read, and how.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use encoding_rs::Encoding;

use crate::{
    mapping::{self, BackupLayout, Mapping, MappingError, MappingOptions},
    normalize::NumberRules,
    progress::Monitor,
    selection::Selection,
    source::{self, ReadOptions, SheetChoice, SourceError, Table, Usual},
};

/// The files to read, and the options for reading them.
#[derive(Clone, Debug, Default)]
pub struct ReadRequest {
    /// The files, in order.
    pub files: Vec<PathBuf>,
    /// The options for mapping columns to fields.
    pub mapping: MappingOptions,
    /// The rules for phone numbers.
    pub numbers: NumberRules,
    /// The number of worker threads; `None` for one per core.
    pub workers: Option<u16>,
    /// The delimiter of text files, unless it is detected.
    pub delimiter: Option<u8>,
    /// The encoding of text files, unless it is detected.
    pub encoding: Option<&'static Encoding>,
    /// The sheets of a workbook.
    pub sheet: SheetChoice,
    /// The row of the header, unless it is detected.
    pub header_row: Option<u32>,
    /// The defaults for reading the source in the mapping file.
    pub(crate) usual: Usual,
    /// The contacts to read (`--ids`). Rows of other contacts are only counted.
    pub(crate) selection: Option<Arc<Selection>>,
}

impl ReadRequest {
    /// Reads these files with detected columns, delimiter and encoding.
    pub fn new(files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self {
            files: files.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// The size of the files together, or the maximum if one has none, such as a pipe.
    pub(crate) fn bytes(&self) -> u64 {
        let size = |file: &PathBuf| match fs::metadata(file) {
            Ok(file) if file.is_file() => file.len(),
            _ => u64::MAX,
        };
        self.files.iter().map(size).fold(0, u64::saturating_add)
    }

    pub(crate) fn open_all(&self, monitor: &Arc<dyn Monitor>) -> Result<Vec<Table>, SourceError> {
        let mut tables = Vec::new();
        for file in &self.files {
            tables.extend(self.open(file, monitor)?);
        }
        Ok(tables)
    }

    /// Maps the columns of a table of these files to fields.
    pub(crate) fn map(&self, table: &Table) -> Result<Mapping, MappingError> {
        mapping::resolve(&table.columns, &self.mapping).map_err(|error| {
            let file = self.mapping.file.as_ref();
            let by_file = file.and_then(|file| file.header_row);
            let by_file = by_file.filter(|row| self.header_row == Some(row.get()));
            let error = match by_file {
                Some(row) => error.of_header_row(row),
                None => error,
            };
            let is_sheet = table.origin.sheet.is_some();
            if self.files.len() > 1 || is_sheet {
                error.of_table(table.origin.to_string(), is_sheet)
            } else {
                error
            }
        })
    }

    /// Opens a file: one table, or one per sheet.
    pub(crate) fn open(
        &self,
        file: &Path,
        monitor: &Arc<dyn Monitor>,
    ) -> Result<Vec<Table>, SourceError> {
        let recognize = |cells: &[String]| {
            let named = |cell: &&String| {
                self.mapping
                    .map
                    .iter()
                    .any(|(_, column)| column.trim() == cell.trim())
            };
            mapping::recognize(cells).max(cells.iter().filter(named).count())
        };
        let options = ReadOptions {
            delimiter: self.delimiter,
            encoding: self.encoding,
            sheet: self.sheet.clone(),
            header_row: self.header_row,
            usual: self.usual.clone(),
            is_backup: |columns| BackupLayout::of(columns).is_some(),
            ..ReadOptions::new(monitor, &recognize)
        };
        source::open(file, &options)
    }
}
