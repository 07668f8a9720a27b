//! The tables that were read, and the text format of their files.

use encoding_rs::Encoding;
use rusqlite::{Row, params};
use serde::Deserialize;

use super::{RunError, RunFile, column};
use crate::{
    contact::ContactField,
    mapping::{BackupLayout, Field},
    source::SourceForm,
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

#[derive(Debug, Default, Deserialize)]
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

/// The tables of a run with the use of their columns, for messages that name files, rows and columns.
#[derive(Debug, Default)]
pub(crate) struct RunSources {
    pub list: Vec<StagedSource>,
    columns: Vec<Vec<StoredColumn>>,
    /// The layouts of those that are backups.
    backups: Vec<Option<BackupLayout>>,
}

impl RunSources {
    pub(crate) fn of(run: &RunFile) -> Result<Self, RunError> {
        let list = all(run)?;
        let columns = list.iter().map(|source| source.column_uses(run));
        let backups = list.iter().map(|source| BackupLayout::of(&source.columns));
        Ok(Self {
            columns: columns.collect::<Result<_, _>>()?,
            backups: backups.collect(),
            list,
        })
    }

    #[cfg(test)]
    pub(crate) fn of_columns(columns: Vec<Vec<StoredColumn>>) -> Self {
        Self {
            columns,
            ..Self::default()
        }
    }

    /// True if no field comes from a column.
    pub(crate) fn are_unmapped(&self) -> bool {
        let mut columns = self.columns.iter().flatten();
        columns.all(|it| it.fields.is_empty())
    }

    /// The columns of a source, with their fields.
    pub(crate) fn columns(&self, source: u32) -> &[StoredColumn] {
        let columns = self.columns.get(source as usize);
        columns.map_or(&[], Vec::as_slice)
    }

    /// The first column of a source that is mapped to this field.
    pub(crate) fn column(&self, source: u32, wanted: ContactField) -> Option<&str> {
        let is_wanted = |it: &&StoredColumn| {
            let field: Option<Field> = it.fields.first().and_then(|it| it.parse().ok());
            field.and_then(Field::contact_field) == Some(wanted)
        };
        let found = self.columns(source).iter().find(is_wanted);
        found.map(|it| it.column.as_str())
    }

    /// The column of the id, or the field's name if the id comes from a template.
    pub(crate) fn id_column(&self, source: u32) -> String {
        let column = self.column(source, ContactField::Id);
        column.unwrap_or(ContactField::Id.as_str()).to_owned()
    }

    /// True for a backup with a row for each chat, in which several rows form a contact.
    pub(crate) fn is_long(&self, source: u32) -> bool {
        self.backups.get(source as usize) == Some(&Some(BackupLayout::Long))
    }

    pub(crate) fn is_backup(&self, source: u32) -> bool {
        matches!(self.backups.get(source as usize), Some(Some(_)))
    }

    pub(crate) fn are_backups(&self) -> bool {
        self.backups.iter().all(Option::is_some)
    }

    /// True if both are sheets of one file.
    pub(crate) fn are_one_file(&self, one: u32, other: u32) -> bool {
        let path = |source: u32| self.list.get(source as usize).map(|it| &it.path);
        path(one) == path(other)
    }

    /// The name of a source, if there are several.
    pub(crate) fn name(&self, source: usize) -> Option<String> {
        let source = self.list.get(source);
        source
            .filter(|_| self.list.len() > 1)
            .map(StagedSource::name)
    }

    /// A row's number, with its source if there are several.
    pub(crate) fn row(&self, source: usize, row: u64) -> String {
        match self.name(source) {
            Some(name) => format!("{row} of {name}"),
            None => row.to_string(),
        }
    }
}
