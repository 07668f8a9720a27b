//! The origin of contacts in messages: files, rows and columns.

use crate::{
    contact::ContactField,
    mapping::{BackupLayout, Field},
    run::{RunError, RunFile, StagedSource, sources},
};

#[derive(Debug)]
pub(super) struct Origins(Vec<Origin>);

#[derive(Debug)]
struct Origin {
    name: String,
    path: String,
    /// The layout, if it is a backup.
    backup: Option<BackupLayout>,
    /// The columns that are mapped to a field of a contact.
    columns: Vec<(ContactField, String)>,
}

impl Origins {
    pub(super) fn of(run: &RunFile) -> Result<Self, RunError> {
        let sources = sources::all(run)?;
        let origins = sources.iter().map(|source| Origin::of(run, source));
        Ok(Self(origins.collect::<Result<_, _>>()?))
    }

    /// The first column of a source that is mapped to this field.
    pub(super) fn column(&self, source: u32, wanted: ContactField) -> Option<&str> {
        let mut columns = self.0.get(source as usize)?.columns.iter();
        let found = columns.find(|(field, _)| *field == wanted);
        found.map(|(_, column)| column.as_str())
    }

    /// The column of the id, or the field's name if the id comes from a template.
    pub(super) fn id_column(&self, source: u32) -> String {
        let column = self.column(source, ContactField::Id);
        column.unwrap_or(ContactField::Id.as_str()).to_owned()
    }

    /// True for a backup with a row for each chat, in which several rows form a contact.
    pub(super) fn is_long(&self, source: u32) -> bool {
        let origin = self.0.get(source as usize);
        origin.is_some_and(|origin| origin.backup == Some(BackupLayout::Long))
    }

    pub(super) fn is_backup(&self, source: u32) -> bool {
        let origin = self.0.get(source as usize);
        origin.is_some_and(|origin| origin.backup.is_some())
    }

    /// True if both are sheets of one file.
    pub(super) fn are_one_file(&self, one: u32, other: u32) -> bool {
        let path = |source: u32| self.0.get(source as usize).map(|origin| &origin.path);
        path(one) == path(other)
    }

    /// A row's number, with the file if there are several.
    pub(super) fn row(&self, source: u32, row: u64) -> String {
        match self.0.get(source as usize) {
            Some(origin) if self.0.len() > 1 => format!("{row} of {}", origin.name),
            _ => row.to_string(),
        }
    }
}

impl Origin {
    fn of(run: &RunFile, source: &StagedSource) -> Result<Self, RunError> {
        let columns = source.column_uses(run)?.into_iter();
        let given = columns.filter_map(|used| {
            let field: Field = used.fields.first()?.parse().ok()?;
            Some((field.contact_field()?, used.column))
        });
        Ok(Self {
            name: source.name(),
            path: source.path.clone(),
            backup: BackupLayout::of(&source.columns),
            columns: given.collect(),
        })
    }
}
