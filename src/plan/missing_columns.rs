//! Warns if a source lacks columns that its last run read: its export may have renamed them, and then their values
//! would never be sent again.

use std::collections::HashSet;

use crate::{
    characters::shown,
    contact::ContactField,
    mapping::Field,
    plan::gate::is_part_of_a_source,
    run::{RunError, RunFile, sources},
    wording::listed,
};

/// Maximum number of columns named in the warning.
const SHOWN: usize = 10;

#[derive(Default)]
struct RunColumns {
    all: HashSet<String>,
    /// The columns that were read, in order, each with its field.
    read: Vec<(String, String)>,
}

impl RunColumns {
    fn of(run: &RunFile) -> Result<Self, RunError> {
        let mut columns = Self::default();
        for source in sources::all(run)? {
            for it in source.column_uses(run)? {
                let ignored = Field::Ignored.to_string();
                if let Some(field) = it.fields.into_iter().next().filter(|it| *it != ignored) {
                    columns.read.push((it.column.clone(), field));
                }
                columns.all.insert(it.column);
            }
        }
        Ok(columns)
    }

    fn is_read(&self, name: &str) -> bool {
        self.read.iter().any(|(column, _)| column == name)
    }
}

/// True if the fields are equal, or parts of the same text.
fn is_same(one: &str, other: &str) -> bool {
    let text = |field: &str| {
        let field: Field = field.parse().ok()?;
        field
            .contact_field()
            .filter(|it| *it != ContactField::ContactData)
    };
    one == other || (text(one).is_some() && text(one) == text(other))
}

/// The warning about columns that the `earlier` run of the source read and this run lacks, unless a new column
/// provides the same field. A part of a source isn't checked.
pub(crate) fn warning(run: &RunFile, earlier: &RunFile) -> Result<Option<String>, RunError> {
    if is_part_of_a_source(run)? {
        return Ok(None);
    }
    let now = RunColumns::of(run)?;
    // An earlier file that can't be read is not a reason to stop.
    let Ok(before) = RunColumns::of(earlier) else {
        return Ok(None);
    };
    let is_replaced = |field: &String| {
        let mut new = now.read.iter();
        new.any(|(column, of_new)| is_same(field, of_new) && !before.all.contains(column))
    };
    let missing = before
        .read
        .iter()
        .filter(|(column, field)| !now.all.contains(column) && !is_replaced(field));
    let missing = listed(missing.map(|(column, _)| shown(column)), SHOWN);
    if missing.is_empty() {
        return Ok(None);
    }
    let unread = |column: &&String| !before.all.contains(*column) && !now.is_read(column);
    let mut unread: Vec<_> = now.all.iter().filter(unread).collect();
    unread.sort_unstable();
    let unread = listed(unread.into_iter().map(|column| shown(column)), SHOWN);
    let advice = if unread.is_empty() {
        "check the export".to_owned()
    } else {
        format!("check the export, or read its new columns ({unread}) with --map FIELD=COLUMN")
    };
    Ok(Some(format!(
        "columns that an earlier run of this source read are missing: {missing}; {advice}"
    )))
}
