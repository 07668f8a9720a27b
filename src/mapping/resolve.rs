//! The decisions: from the names of the columns and the user's words to a [`Mapping`].
//!
//! In this order, each step working on what the last one left:
//! 1. columns that `--map` and the mapping file name;
//! 2. columns whose names are known, unless the user has named others for the field;
//! 3. contests: several columns for a field that can have one value;
//! 4. groups: `chat_id`, `username` mean nothing without a `chat_type`;
//! 5. templates.

mod contests;
mod given;
mod names;
mod templates;

use std::collections::BTreeMap;

use super::{
    Assignment, Decision, Field, How, Mapping, MappingError, MappingOptions, Outcome, Setting,
    alias::{LAST_RESORT, MOBILE, Weight},
    header::{is_weak_name, key},
};
use crate::contact::ChatType;

pub(super) fn resolve(
    columns: &[String],
    options: &MappingOptions,
) -> Result<Mapping, MappingError> {
    let mut resolver = Resolver::new(columns);
    let file = options.file.clone().unwrap_or_default();
    resolver.take_flags(&options.map)?;
    resolver.take_file(&file.columns, &options.map)?;
    resolver.take_names(file.auto);
    resolver.refuse_deals(file.auto)?;
    resolver.settle_contests()?;
    resolver.settle_phones();
    let phone_as = phone_as(options, file.phone_as.as_deref())?;
    if phone_as.is_empty() {
        resolver.drop_claims("a phone of no messenger, and --phone-as is none", |claim| {
            claim.field == Field::Phone
        });
    }
    resolver.settle_groups();
    let mut set = file.set.clone();
    set.extend(options.set.iter().cloned());
    let settings = resolver.settings(set)?;
    Ok(resolver.finish(settings, file.values, phone_as, file.region))
}

/// A column that wants to be a field.
#[derive(Clone, Debug)]
struct Claim {
    column: usize,
    field: Field,
    how: How,
    weight: Weight,
    of_contact: bool,
    /// Place in the user's list, where the user gave one.
    rank: usize,
}

struct Resolver {
    columns: Vec<String>,
    claims: Vec<Claim>,
    /// Column → why it is left out.
    left_out: BTreeMap<usize, String>,
    /// Columns whose names say nothing.
    strangers: Vec<usize>,
    /// Google's `Phone N - Type` columns: N → column.
    kinds: BTreeMap<u16, usize>,
    /// The column that says whether the row is a contact.
    row_kind: Option<usize>,
    warnings: Vec<String>,
}

impl Resolver {
    fn new(columns: &[String]) -> Self {
        let trimmed = |name: &String| {
            name.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
                .to_owned()
        };
        Self {
            columns: columns.iter().map(trimmed).collect(),
            claims: Vec::new(),
            left_out: BTreeMap::new(),
            strangers: Vec::new(),
            kinds: BTreeMap::new(),
            row_kind: None,
            warnings: Vec::new(),
        }
    }

    /// The columns of this name: as written, else as names are compared.
    fn find(&self, name: &str) -> Vec<usize> {
        let of = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
            let columns = self.columns.iter().enumerate();
            columns
                .filter(|(_, column)| same(column))
                .map(|(at, _)| at)
                .collect()
        };
        let exact = of(&|column| column == name.trim());
        let wanted = key(name);
        if !exact.is_empty() || wanted.is_empty() {
            return exact;
        }
        of(&|column| key(column) == wanted)
    }

    /// Drops claims; columns that nothing claims any more say why.
    fn drop_claims(&mut self, why: &str, drop: impl Fn(&Claim) -> bool) {
        let (dropped, kept): (Vec<_>, Vec<_>) = self.claims.drain(..).partition(drop);
        self.claims = kept;
        for claim in dropped {
            if !self.claims.iter().any(|kept| kept.column == claim.column) {
                self.left_out.insert(claim.column, why.to_owned());
            }
        }
    }

    fn finish(
        self,
        settings: Vec<Setting>,
        values: BTreeMap<Field, BTreeMap<String, String>>,
        phone_as: Vec<ChatType>,
        region: Option<String>,
    ) -> Mapping {
        let decisions = (0..self.columns.len())
            .map(|index| self.decision(index))
            .collect();
        let mut claims: Vec<_> = self
            .claims
            .iter()
            .filter(|claim| claim.field != Field::Ignored)
            .collect();
        claims.sort_by_key(|claim| place(claim));
        let assignments = claims
            .into_iter()
            .map(|claim| self.assignment(claim))
            .collect();
        Mapping {
            columns: self.columns,
            assignments,
            settings,
            values,
            phone_as,
            region,
            decisions,
            strangers: self.strangers,
            row_kind: self.row_kind,
            warnings: self.warnings,
        }
    }

    fn assignment(&self, claim: &Claim) -> Assignment {
        Assignment {
            column: claim.column,
            field: claim.field,
            last_resort: claim.field == Field::Name && self.is_last_resort(claim),
            kind_column: self.kind_of(claim),
        }
    }

    /// Does the name come after the joined parts? A mapping file that names the parts, too, means it so as well:
    /// `check --write-mapping` writes such ones.
    fn is_last_resort(&self, claim: &Claim) -> bool {
        let is_part = |part: &Claim| {
            part.how == How::File && matches!(part.field, Field::FirstName | Field::LastName)
        };
        match claim.how {
            How::Alias => claim.weight >= LAST_RESORT,
            How::File => {
                is_weak_name(&self.columns[claim.column]) && self.claims.iter().any(is_part)
            }
            How::Exact | How::Flag => false,
        }
    }

    /// The `Phone 2 - Type` of a `Phone 2 - Value`.
    fn kind_of(&self, claim: &Claim) -> Option<usize> {
        let name = key(&self.columns[claim.column]);
        let number = name.strip_prefix("phone")?.strip_suffix("value")?;
        self.kinds.get(&number.parse().ok()?).copied()
    }

    fn decision(&self, index: usize) -> Decision {
        let claims: Vec<_> = self
            .claims
            .iter()
            .filter(|claim| claim.column == index)
            .collect();
        let outcome = match claims.first() {
            Some(claim) if claim.field == Field::Ignored => {
                Outcome::LeftOut(format!("{} says so", claim.how))
            }
            Some(first) => Outcome::Mapped {
                fields: claims.iter().map(|claim| claim.field).collect(),
                how: first.how,
            },
            None => Outcome::LeftOut(self.left_out.get(&index).cloned().unwrap_or_default()),
        };
        Decision {
            column: self.columns[index].clone(),
            index,
            outcome,
        }
    }
}

/// Where the column stands among those of its field: as the user lists them, else by what their names say.
fn place(claim: &Claim) -> (usize, Weight, usize) {
    let weight = match claim.field {
        Field::Phone => Weight::from(claim.how == How::Exact || claim.weight > MOBILE),
        field if field.is_single() => claim.weight,
        _ => return (0, 0, claim.column),
    };
    (claim.rank, weight, claim.column)
}

fn phone_as(
    options: &MappingOptions,
    file: Option<&[ChatType]>,
) -> Result<Vec<ChatType>, MappingError> {
    let chosen = options.phone_as.as_deref().or(file);
    let mut types = chosen.unwrap_or(&[ChatType::Whatsapp]).to_vec();
    let wrong = |chat_type: &&ChatType| !(chat_type.id_is_phone() || chat_type.takes_phone());
    if let Some(wrong) = types.iter().find(wrong) {
        return Err(MappingError::NotAPhone(*wrong));
    }
    let mut seen = Vec::new();
    types.retain(|chat_type| {
        let new = !seen.contains(chat_type);
        seen.push(*chat_type);
        new
    });
    Ok(types)
}
