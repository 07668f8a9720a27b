//! Step 2: the columns whose names are known.

use super::{Claim, Resolver};
use crate::mapping::{
    How,
    header::{Known, know},
};

impl Resolver {
    pub(super) fn take_names(&mut self, auto: bool) {
        for column in 0..self.columns.len() {
            if self.claims.iter().any(|claim| claim.column == column) {
                continue;
            }
            let name = self.columns[column].as_str();
            if name.is_empty() {
                self.leave(column, "it has no name");
                continue;
            }
            if name.starts_with('_') {
                let why = "columns that begin with `_` come from a rejects file";
                self.leave(column, why);
                continue;
            }
            let known = know(name);
            // What says that a number is a fax, or a row a company, is looked at whatever the mapping file names.
            if auto || matches!(known, Known::PhoneKind(_) | Known::RowKind) {
                self.take_name(column, known);
            } else {
                let why = "the mapping file does not name it, and says `auto = false`";
                self.leave(column, why);
            }
        }
    }

    fn take_name(&mut self, column: usize, known: Known) {
        let (field, how, weight, of_contact) = match known {
            Known::Exact(field) => (field, How::Exact, 0, false),
            Known::Alias {
                field,
                weight,
                of_contact,
            } => (field, How::Alias, weight, of_contact),
            Known::Never(what) => return self.leave(column, what),
            Known::PhoneKind(number) => {
                self.kinds.insert(number, column);
                return self.leave(column, "it says what kind of number its neighbour is");
            }
            Known::RowKind => {
                self.row_kind.get_or_insert(column);
                return self.leave(column, "it says what kind of row it is");
            }
            Known::Unknown => {
                self.strangers.push(column);
                return self.leave(column, "its name says nothing that is known");
            }
        };
        let users =
            |claim: &&Claim| claim.field == field && matches!(claim.how, How::Flag | How::File);
        if let Some(user) = self.claims.iter().find(users) {
            let why = format!("{} gives {field} to another column", user.how);
            self.left_out.insert(column, why);
            return;
        }
        self.claims.push(Claim {
            column,
            field,
            how,
            weight,
            of_contact,
            rank: 0,
        });
    }

    fn leave(&mut self, column: usize, why: &str) {
        self.left_out.insert(column, why.to_owned());
    }
}
