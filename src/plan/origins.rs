//! Where contacts come from, in the words of the files: for what rows are told.

use crate::{
    contact::ContactField,
    mapping::Field,
    run::{RunError, RunFile, StagedSource},
};

/// The sources of a run.
#[derive(Debug)]
pub(super) struct Origins(Vec<Origin>);

#[derive(Debug)]
struct Origin {
    name: String,
    /// The columns that give a part of a contact.
    columns: Vec<(ContactField, String)>,
}

impl Origins {
    /// As they were described when they were staged.
    pub(super) fn of(run: &RunFile) -> Result<Self, RunError> {
        Ok(Self(run.sources()?.iter().map(Origin::of).collect()))
    }

    /// The first column of a source that gives this part of a contact.
    pub(super) fn column(&self, source: u32, wanted: ContactField) -> Option<&str> {
        let mut columns = self.0.get(source as usize)?.columns.iter();
        let found = columns.find(|(field, _)| *field == wanted);
        found.map(|(_, column)| column.as_str())
    }

    /// The column that gives the id, or what it is called where a template gives it.
    pub(super) fn id_column(&self, source: u32) -> String {
        let column = self.column(source, ContactField::Id);
        column.unwrap_or(ContactField::Id.as_str()).to_owned()
    }

    /// A row's number, with the file where there are several.
    pub(super) fn row(&self, source: u32, row: u64) -> String {
        match self.0.get(source as usize) {
            Some(origin) if self.0.len() > 1 => format!("{row} of {}", origin.name),
            _ => row.to_string(),
        }
    }
}

impl Origin {
    fn of(source: &StagedSource) -> Self {
        let mapping: serde_json::Value = serde_json::from_str(&source.mapping).unwrap_or_default();
        let columns = mapping["columns"].as_array().into_iter().flatten();
        let given = columns.filter_map(|column| {
            let field: Field = column["fields"][0].as_str()?.parse().ok()?;
            Some((
                field.contact_field()?,
                column["column"].as_str()?.to_owned(),
            ))
        });
        Self {
            name: source.name(),
            columns: given.collect(),
        }
    }
}
