//! The differences between two states of an account as sections of text, and as rows of a table.

use crate::{
    diff::{ContactDiff, DiffCounts, is_move},
    run::FieldChange,
    wording::{counted, grouped},
};

/// Number of contacts in a section.
const SHOWN: u64 = 20;

pub(crate) const COLUMNS: [&str; 6] = ["change", "id", "name", "field", "old", "new"];

/// Passes the rows for a contact to `each`, one per changed field.
pub(crate) fn rows<E>(
    id: &str,
    difference: &ContactDiff,
    mut each: impl FnMut(&[&str]) -> Result<(), E>,
) -> Result<(), E> {
    match difference {
        ContactDiff::Created { name } => each(&["created", id, name, "", "", ""]),
        ContactDiff::Gone { name } => each(&["gone", id, name, "", "", ""]),
        ContactDiff::NotCompared { reason } => each(&["not compared", id, "", "", "", reason]),
        ContactDiff::Changed { name, fields } => fields.iter().try_for_each(|change| {
            let FieldChange { field, old, new } = change;
            let kind = if is_move(change) { "moved" } else { "changed" };
            each(&[kind, id, name, field, old, new])
        }),
    }
}

/// The first differences of each kind, as lines.
#[derive(Debug, Default)]
pub(crate) struct ChangeSections {
    created: ChangeSection,
    gone: ChangeSection,
    changed: ChangeSection,
    moved: ChangeSection,
    not_compared: ChangeSection,
}

#[derive(Debug, Default)]
struct ChangeSection {
    lines: Vec<String>,
    contacts: u64,
}

impl ChangeSection {
    fn add(&mut self, lines: impl Iterator<Item = String>) {
        if self.contacts < SHOWN {
            self.lines.extend(lines);
        }
        self.contacts += 1;
    }
}

impl ChangeSections {
    pub(crate) fn add(&mut self, id: &str, difference: &ContactDiff) {
        let named = |name: &str| [format!("{id}  {name}").trim_end().to_owned()].into_iter();
        let (section, lines) = match difference {
            ContactDiff::Created { name } => (&mut self.created, named(name)),
            ContactDiff::Gone { name } => (&mut self.gone, named(name)),
            ContactDiff::NotCompared { reason } => (&mut self.not_compared, named(reason)),
            ContactDiff::Changed { name, fields } => {
                let (moves, others): (Vec<_>, Vec<_>) = fields.iter().partition(|it| is_move(it));
                if !moves.is_empty() {
                    let line = |it: &FieldChange| format!("{id}  {name}: {} → {}", it.old, it.new);
                    self.moved.add(moves.into_iter().map(line));
                }
                if !others.is_empty() {
                    let line =
                        |it: &FieldChange| format!("{id}  {}: {} → {}", it.field, it.old, it.new);
                    self.changed.add(others.into_iter().map(line));
                }
                return;
            }
        };
        section.add(lines);
    }

    /// The headings and their lines. If there are more, the last line says where all are, or with which flag
    /// they can be listed.
    pub(crate) fn into_sections(
        self,
        is_listed: bool,
    ) -> impl Iterator<Item = (&'static str, Vec<String>)> {
        [
            ("created", self.created),
            ("gone", self.gone),
            ("changed", self.changed),
            ("moved to another responsible person", self.moved),
            ("not compared", self.not_compared),
        ]
        .into_iter()
        .map(move |(heading, section)| {
            let all = if is_listed {
                "all are in the file"
            } else {
                "-o FILE lists all"
            };
            let mut lines = section.lines;
            if let more @ 1.. = section.contacts.saturating_sub(SHOWN) {
                lines.push(format!("… and {} more: {all}", grouped(more)));
            }
            (heading, lines)
        })
    }
}

/// The counts in one line. They add up: every earlier contact is gone, changed, unchanged or not compared.
pub(crate) fn totals(counts: DiffCounts) -> String {
    let not_compared = match counts.not_compared {
        0 => String::new(),
        count => format!(", {} not compared", grouped(count)),
    };
    format!(
        "{} before, {} after: {} created, {} gone, {} changed ({} moved to another responsible person), {} unchanged{not_compared}",
        counted(counts.before, "contact"),
        grouped(counts.after),
        grouped(counts.created),
        grouped(counts.gone),
        grouped(counts.changed),
        grouped(counts.moved),
        grouped(counts.unchanged),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(field: &str, old: &str, new: &str) -> FieldChange {
        FieldChange {
            field: field.into(),
            old: old.into(),
            new: new.into(),
        }
    }

    #[test]
    fn a_section_shows_the_first_contacts_and_counts_the_others() {
        let mut sections = ChangeSections::default();
        for id in 0..23 {
            let name = format!("Name {id}");
            sections.add(&id.to_string(), &ContactDiff::Gone { name });
        }
        let fields = vec![
            change("responsible_user_id", "107", "108"),
            change("name", "Ann", "Anna"),
        ];
        let name = "Anna".to_owned();
        sections.add("7", &ContactDiff::Changed { name, fields });
        let shown: Vec<_> = sections.into_sections(false).collect();
        assert_eq!(shown[1].1.len(), 21);
        assert_eq!(shown[1].1[20], "… and 3 more: -o FILE lists all");
        assert_eq!(shown[2].1, ["7  name: Ann → Anna"]);
        assert_eq!(shown[3].1, ["7  Anna: 107 → 108"]);
        assert!(shown[0].1.is_empty() && shown[4].1.is_empty());
    }

    #[test]
    fn a_contact_has_a_row_for_each_field_that_changed() {
        let fields = vec![
            change("responsible_user_id", "107", "108"),
            change("name", "Ann", "Anna"),
        ];
        let name = "Anna".to_owned();
        let mut found = Vec::new();
        let difference = ContactDiff::Changed { name, fields };
        let each = |row: &[&str]| {
            found.push(row.join("|"));
            Ok::<_, ()>(())
        };
        assert_eq!(rows("7", &difference, each), Ok(()));
        assert_eq!(
            found,
            [
                "moved|7|Anna|responsible_user_id|107|108",
                "changed|7|Anna|name|Ann|Anna"
            ]
        );
    }
}
