//! The tables that were read, and the text format of their files.

use encoding_rs::Encoding;
use rusqlite::{Row, params};
use serde::Deserialize;

use super::{RunError, RunFile, column};
use crate::source::SourceForm;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StagedSource {
    /// The file as the user named it.
    pub path: String,
    /// The sheet, if there are several.
    pub sheet: Option<String>,
    pub bytes: u64,
    /// Digest of the file, in hexadecimal.
    pub blake3: String,
    pub columns: Vec<String>,
    /// Delimiter of the text in `block.cells`.
    pub delimiter: u8,
    /// The text format of the file.
    pub form: SourceForm,
    /// The mapping of columns to fields, as JSON.
    pub mapping: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StoredColumn {
    pub column: String,
    /// Its fields, the most specific first.
    #[serde(default)]
    pub fields: Vec<String>,
    /// The way it was recognized.
    #[serde(default)]
    pub how: String,
    /// The reason for leaving it out.
    #[serde(default)]
    pub left_out: String,
}

impl StagedSource {
    pub(crate) fn column_uses(&self, run: &RunFile) -> Result<Vec<StoredColumn>, RunError> {
        #[derive(Deserialize)]
        struct StoredMapping {
            /// Empty for an undo.
            #[serde(default)]
            columns: Vec<StoredColumn>,
        }
        let mapping: StoredMapping = serde_json::from_str(&self.mapping)
            .map_err(|error| run.damaged(format!("the mapping of {}: {error}", self.path)))?;
        Ok(mapping.columns)
    }

    /// The file, and the sheet if there are several.
    pub(crate) fn name(&self) -> String {
        match &self.sheet {
            Some(sheet) => format!("{}, sheet {sheet}", self.path),
            None => self.path.clone(),
        }
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            path: row.get(0)?,
            sheet: row.get(1)?,
            bytes: row.get(2)?,
            blake3: row.get(3)?,
            columns: column::json(row, 4)?,
            mapping: row.get(5)?,
            delimiter: delimiter(row, 6)?,
            form: SourceForm {
                delimiter: delimiter(row, 7)?,
                encoding: column::decoded(row, 8, |name| Encoding::for_label(name.as_bytes()))?,
                byte_order_mark: row.get(9)?,
                separator_line: row.get(10)?,
                line_end: column::decoded(row, 11, |text| {
                    ["\n", "\r", "\r\n"].into_iter().find(|end| *end == text)
                })?,
            },
        })
    }
}

fn delimiter(row: &Row<'_>, index: usize) -> rusqlite::Result<u8> {
    column::decoded(row, index, |text| match text.as_bytes() {
        [delimiter] => Some(*delimiter),
        _ => None,
    })
}

/// Writes or replaces a source. Its size and digest are only known after it was read.
pub(crate) fn set(run: &RunFile, no: u32, source: &StagedSource) -> Result<(), RunError> {
    let form = &source.form;
    run.database.execute(
        "INSERT OR REPLACE INTO source VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            no,
            source.path,
            source.sheet,
            source.bytes,
            source.blake3,
            run.json(&source.columns)?,
            source.mapping,
            char::from(source.delimiter).to_string(),
            char::from(form.delimiter).to_string(),
            form.encoding.name(),
            form.byte_order_mark,
            form.separator_line,
            form.line_end
        ],
    )
}

pub(crate) fn all(run: &RunFile) -> Result<Vec<StagedSource>, RunError> {
    run.database.rows(
        "SELECT path, sheet, bytes, blake3, columns, mapping, cells_delimiter, file_delimiter, encoding, byte_order_mark,
                separator_line, line_end
           FROM source ORDER BY no",
        [],
        StagedSource::of,
    )
}
