//! Counts the values of columns that are not read, for hints about columns that should be.

use std::collections::BTreeMap;

use crate::{
    contact::{ChatType, is_web_address},
    mapping::Field,
    wording::{counted, grouped, looks_like_number, shell_quoted},
};

/// The columns with unknown names and values. A table may have thousands.
#[derive(Clone, Debug, Default)]
pub(super) struct UnmappedColumns {
    /// In the order in which they were found.
    columns: Vec<UnmappedColumn>,
    /// The index of each column by its position in the table that is read.
    by_position: BTreeMap<usize, usize>,
    /// The index of each column by its name: it may have different positions in several files.
    by_name: BTreeMap<String, usize>,
}

#[derive(Clone, Debug)]
struct UnmappedColumn {
    name: String,
    /// The chat type in the name.
    chat_type: Option<ChatType>,
    filled: u64,
    phones: u64,
    links: u64,
}

impl UnmappedColumns {
    /// Counts a non-empty cell. `looks_like`: a phone number or a link.
    pub(super) fn count(
        &mut self,
        position: usize,
        name: impl FnOnce() -> (String, Option<ChatType>),
        looks_like: Option<Field>,
    ) {
        let known = self.by_position.get(&position).copied();
        let index = known.unwrap_or_else(|| {
            let (name, chat_type) = name();
            let index = self.index(name, chat_type);
            self.by_position.insert(position, index);
            index
        });
        let column = &mut self.columns[index];
        column.filled += 1;
        match looks_like {
            Some(Field::Phone) => column.phones += 1,
            Some(_) => column.links += 1,
            None => {}
        }
    }

    pub(super) fn merge(&mut self, later: Self) {
        for later in later.columns {
            let index = self.index(later.name, later.chat_type);
            let column = &mut self.columns[index];
            column.filled += later.filled;
            column.phones += later.phones;
            column.links += later.links;
        }
    }

    /// The index of the column with a name.
    fn index(&mut self, name: String, chat_type: Option<ChatType>) -> usize {
        if let Some(&index) = self.by_name.get(&name) {
            return index;
        }
        let index = self.columns.len();
        self.by_name.insert(name.clone(), index);
        self.columns.push(UnmappedColumn {
            name,
            chat_type,
            filled: 0,
            phones: 0,
            links: 0,
        });
        index
    }

    /// The hints about columns with phone numbers or links, or with the name of a messenger.
    pub(super) fn hints(&self) -> impl Iterator<Item = String> {
        self.columns.iter().filter_map(UnmappedColumn::hint)
    }
}

impl UnmappedColumn {
    /// The hint about a column with phone numbers or links, or with the name of a messenger.
    fn hint(&self) -> Option<String> {
        let name = &self.name;
        let quoted = shell_quoted(name);
        let filled = grouped(self.filled);
        let (field, why) = if self.phones * 2 > self.filled {
            let phones = grouped(self.phones);
            let why = format!("{phones} of its {filled} values look like phone numbers");
            (Field::Phone.to_string(), why)
        } else if self.links * 2 > self.filled {
            let links = grouped(self.links);
            let why = format!("{links} of its {filled} values are links, and no link is read");
            (Field::Uri.to_string(), why)
        } else {
            // A name with such signs is a line that was not divided into cells.
            let is_name = !name.contains([':', ';', '|', '\t', ',']);
            let chat_type = self.chat_type.filter(|_| is_name)?.to_string();
            let values = counted(self.filled, "value");
            (
                chat_type,
                format!("it has the name of a messenger and {values}"),
            )
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

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(columns: &[(usize, &str)], cells: u64) -> UnmappedColumns {
        let mut unmapped = UnmappedColumns::default();
        for _ in 0..cells {
            for &(position, name) in columns {
                unmapped.count(position, || (name.to_owned(), None), Some(Field::Phone));
            }
        }
        unmapped
    }

    #[test]
    fn a_column_is_one_column_wherever_it_is() {
        let mut unmapped = counted(&[(1, "Mobile 2"), (2, "Fax 2")], 3);
        unmapped.merge(counted(&[(1, "Fax 2"), (5, "Pager"), (7, "Pager")], 2));
        let hints: Vec<_> = unmapped.hints().collect();
        let counts = hints
            .iter()
            .map(|hint| hint.split_once(" values").unwrap_or_default().0);
        assert!(counts.eq([
            "the column `Mobile 2` is not read, but 3 of its 3",
            "the column `Fax 2` is not read, but 5 of its 5",
            "the column `Pager` is not read, but 4 of its 4",
        ]));
    }
}
