//! The warnings about tables: with the names of their tables if there are several, and a limited number.

use crate::wording::{counted, listed};

/// Number of tables that a warning names.
const TABLES_SHOWN: usize = 5;

/// Maximum number of different warnings.
const WARNINGS_MAX: usize = 50;

/// Different warnings, each with its tables, in order.
#[derive(Default)]
pub(super) struct TableWarnings {
    warnings: Vec<(String, Vec<String>)>,
    more: u64,
}

impl TableWarnings {
    pub(super) fn add(&mut self, table: &str, warnings: impl IntoIterator<Item = String>) {
        for warning in warnings {
            let known = self
                .warnings
                .iter_mut()
                .find(|(known, _)| *known == warning);
            if let Some((_, tables)) = known {
                tables.push(table.to_owned());
            } else if self.warnings.len() < WARNINGS_MAX {
                self.warnings.push((warning, vec![table.to_owned()]));
            } else {
                self.more += 1;
            }
        }
    }

    /// The lines. `names_tables`: the source has several tables.
    pub(super) fn into_lines(self, names_tables: bool) -> Vec<String> {
        let more = (self.more > 0).then(|| {
            let more = counted(self.more, "more warning");
            format!("… and {more} about other tables: `check` shows them")
        });
        let lines = self.warnings.into_iter().map(|(warning, tables)| {
            if names_tables {
                let tables = listed(tables.into_iter(), TABLES_SHOWN);
                format!("{tables}: {warning}")
            } else {
                warning
            }
        });
        lines.chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_warnings_have_one_line_and_others_are_limited() {
        let mut warnings = TableWarnings::default();
        for table in 0..100 {
            let own = format!("row {table}");
            warnings.add(&format!("{table}.csv"), ["same".to_owned(), own]);
        }
        let lines = warnings.into_lines(true);
        assert_eq!(
            lines[0],
            "0.csv, 1.csv, 2.csv, 3.csv, 4.csv and 95 more: same"
        );
        assert_eq!(lines[1], "0.csv: row 0");
        assert_eq!(lines.len(), WARNINGS_MAX + 1);
        assert_eq!(
            lines[WARNINGS_MAX],
            "… and 51 more warnings about other tables: `check` shows them"
        );
        let mut warnings = TableWarnings::default();
        warnings.add("0.csv", ["same".to_owned()]);
        assert_eq!(warnings.into_lines(false), ["same"]);
    }
}
