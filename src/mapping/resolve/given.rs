//! Step 1: the columns that `--map` and the mapping file name.

use std::collections::BTreeMap;

use super::{Claim, Resolver};
use crate::mapping::{Columns, Field, How, MappingError, error::quoted};

impl Resolver {
    pub(super) fn take_flags(&mut self, map: &[(Field, String)]) -> Result<(), MappingError> {
        for (field, name) in map {
            let found = self.find(name);
            if found.is_empty() {
                return Err(self.no_column(*field, name));
            }
            for column in found {
                self.claim(column, *field, How::Flag);
            }
        }
        Ok(())
    }

    fn no_column(&self, field: Field, name: &str) -> MappingError {
        MappingError::NoColumn {
            column: name.to_owned(),
            field,
            columns: self.columns.clone(),
        }
    }

    pub(super) fn take_file(
        &mut self,
        columns: &BTreeMap<Field, Columns>,
        flags: &[(Field, String)],
    ) -> Result<(), MappingError> {
        for (field, names) in columns {
            let by_flag = flags.iter().any(|(flag, _)| flag == field);
            if by_flag && *field != Field::Ignored {
                continue;
            }
            match names {
                Columns::One(name) => {
                    let found = self.find(name);
                    if found.is_empty() {
                        return Err(self.no_column(*field, name));
                    }
                    self.claim_free(&found, *field);
                }
                Columns::Any(names) => self.take_any(*field, names),
            }
        }
        Ok(())
    }

    fn take_any(&mut self, field: Field, names: &[String]) {
        let found: Vec<_> = names.iter().flat_map(|name| self.find(name)).collect();
        if found.is_empty() && !names.is_empty() && field != Field::Ignored {
            self.warnings.push(format!(
                "the mapping file wants {field} from {}, and there is no such column",
                names
                    .iter()
                    .map(|name| quoted(name))
                    .collect::<Vec<_>>()
                    .join(" or ")
            ));
        }
        self.claim_free(&found, field);
    }

    /// What `--map` has given away is not given again.
    fn claim_free(&mut self, found: &[usize], field: Field) {
        for column in found {
            let by_flag = |claim: &Claim| claim.column == *column && claim.how == How::Flag;
            if !self.claims.iter().any(by_flag) {
                self.claim(*column, field, How::File);
            }
        }
    }

    /// Two names in a list may be spellings of one column, which is read once.
    fn claim(&mut self, column: usize, field: Field, how: How) {
        let is_same = |claim: &Claim| claim.column == column && claim.field == field;
        if self.claims.iter().any(is_same) {
            return;
        }
        let rank = self.claims.len();
        self.claims.push(Claim {
            column,
            field,
            how,
            weight: 0,
            of_contact: false,
            rank,
        });
    }
}
