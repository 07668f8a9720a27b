//! The tables that were read, and how they are written.

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{RunError, RunFile};

/// A table that was read, as the run file keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedSource {
    /// The file as the user named it.
    pub path: String,
    /// The sheet, where there are several.
    pub sheet: Option<String>,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Hash of the file's bytes, in hexadecimal.
    pub blake3: String,
    /// The header.
    pub columns: Vec<String>,
    /// Delimiter of the text in `block.cells`.
    pub delimiter: char,
    /// Delimiter of the file itself, where it is text.
    pub file_delimiter: char,
    /// Encoding of the file.
    pub encoding: String,
    /// How the file is written otherwise.
    pub form: TextForm,
    /// Which column became which field, as JSON.
    pub mapping: String,
}

impl StagedSource {
    /// The file, and the sheet where there are several.
    #[must_use]
    pub(crate) fn name(&self) -> String {
        match &self.sheet {
            Some(sheet) => format!("{}, sheet {sheet}", self.path),
            None => self.path.clone(),
        }
    }
}

/// What else a text file looks like: its rejects are to open as it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TextForm {
    /// Does it begin with a byte order mark?
    pub byte_order_mark: bool,
    /// Does it begin with a line such as `sep=;`?
    pub separator_line: bool,
    /// The line end.
    pub line_end: String,
}

impl Default for TextForm {
    /// What Excel opens rightly by double click.
    fn default() -> Self {
        Self {
            byte_order_mark: true,
            separator_line: false,
            line_end: "\r\n".to_owned(),
        }
    }
}

impl RunFile {
    /// Writes or rewrites what is known about a source: its size and hash are known only after it was read.
    pub fn set_source(&self, no: u32, source: &StagedSource) -> Result<(), RunError> {
        let columns = serde_json::to_string(&source.columns)
            .map_err(|error| self.damaged(error.to_string()))?;
        let form =
            serde_json::to_string(&source.form).map_err(|error| self.damaged(error.to_string()))?;
        let delimiters = format!("{}{}", source.delimiter, source.file_delimiter);
        self.with(|connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO source VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                )?
                .execute(params![
                    no,
                    source.path,
                    source.sheet,
                    source.bytes,
                    source.blake3,
                    columns,
                    delimiters,
                    source.encoding,
                    form,
                    source.mapping
                ])
                .map(drop)
        })
    }

    /// The sources in their order.
    pub(crate) fn sources(&self) -> Result<Vec<StagedSource>, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT path, sheet, bytes, blake3, columns, delimiter, encoding, form, mapping FROM source ORDER BY no",
                )?
                .query_map([], |row| {
                    let delimiters: String = row.get(5)?;
                    let mut delimiters = delimiters.chars();
                    Ok(StagedSource {
                        path: row.get(0)?,
                        sheet: row.get(1)?,
                        bytes: row.get(2)?,
                        blake3: row.get(3)?,
                        columns: serde_json::from_str(row.get_ref(4)?.as_str()?).unwrap_or_default(),
                        delimiter: delimiters.next().unwrap_or(','),
                        file_delimiter: delimiters.next().unwrap_or(','),
                        encoding: row.get(6)?,
                        form: serde_json::from_str(row.get_ref(7)?.as_str()?).unwrap_or_default(),
                        mapping: row.get(8)?,
                    })
                })?
                .collect()
        })
    }
}
