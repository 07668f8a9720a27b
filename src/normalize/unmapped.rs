//! Counts the values of columns that are not read, for hints about columns that should be.

use std::collections::BTreeMap;

use crate::{
    contact::is_web_address,
    mapping::{Field, chat_types_in},
    wording::{looks_like_number, shell_quoted},
};

/// The columns of a table with unknown names and values, by position. A table may have thousands.
#[derive(Clone, Debug, Default)]
pub(super) struct UnmappedColumns(BTreeMap<usize, UnmappedColumn>);

#[derive(Clone, Debug, Default)]
struct UnmappedColumn {
    filled: u64,
    phones: u64,
    links: u64,
}

impl UnmappedColumns {
    /// Counts a non-empty cell. `looks_like`: a phone number or a link.
    pub(super) fn count(&mut self, position: usize, looks_like: Option<Field>) {
        let column = self.0.entry(position).or_default();
        column.filled += 1;
        match looks_like {
            Some(Field::Phone) => column.phones += 1,
            Some(_) => column.links += 1,
            None => {}
        }
    }

    /// Adds the columns of a later part of the same table.
    pub(super) fn merge(&mut self, later: Self) {
        for (position, later) in later.0 {
            let column = self.0.entry(position).or_default();
            column.filled += later.filled;
            column.phones += later.phones;
            column.links += later.links;
        }
    }

    /// The hints about columns with phone numbers or links, or with the name of a messenger. Without counts, so that
    /// a column has the same hint in each of several files.
    pub(super) fn hints(&self, columns: &[String]) -> impl Iterator<Item = String> {
        let is_only = columns.len() == 1;
        self.0
            .iter()
            .filter_map(move |(position, column)| column.hint(columns.get(*position)?, is_only))
    }
}

impl UnmappedColumn {
    /// `is_only`: true for the only column, whose name may be several names.
    fn hint(&self, name: &str, is_only: bool) -> Option<String> {
        let quoted = shell_quoted(name);
        let (field, why) = if self.phones * 2 > self.filled {
            let why = "most of its values look like phone numbers";
            (Field::Phone, why)
        } else if self.links * 2 > self.filled {
            let why = "most of its values are links, and no link is read";
            (Field::Uri, why)
        } else {
            // A name with delimiters is a header that was not divided.
            let is_divided = !is_only && !name.contains([':', ';', ',', '\t', '|']);
            let chat_type = chat_types_in(name).next().filter(|_| is_divided)?;
            let why = "it has values and the name of a messenger";
            (Field::Chat(chat_type), why)
        };
        let is_link = is_web_address(name);
        let advice = if is_link || looks_like_number(name) {
            let what = if is_link { "link" } else { "number" };
            format!(
                "its name is also a {what}, so the header row seems to be data: add a row of names above it"
            )
        } else {
            format!("read it with --map {field}={quoted}, or ignore it with --map ignore={quoted}")
        };
        Some(format!(
            "the column `{name}` is not read, but {why}: {advice}"
        ))
    }
}
