//! Step 5: what the names in templates stand for.

use std::collections::BTreeMap;

use super::Resolver;
use crate::mapping::{
    Field, MappingError, Piece, Setting, Source, Template,
    error::UNEDITED,
    header::{Known, know},
};

impl Resolver {
    pub(super) fn settings(
        &self,
        set: BTreeMap<Field, Template>,
    ) -> Result<Vec<Setting>, MappingError> {
        let given: Vec<Field> = set.keys().copied().collect();
        let settings = set
            .into_iter()
            .map(|(field, template)| self.setting(field, template, &given))
            .collect::<Result<_, _>>()?;
        in_order(settings)
    }

    fn setting(
        &self,
        field: Field,
        source: Template,
        given: &[Field],
    ) -> Result<Setting, MappingError> {
        settable(field)?;
        if source.to_string().contains(UNEDITED) {
            let template = source.to_string();
            return Err(MappingError::Unedited { field, template });
        }
        let others = |wanted: Field| wanted != field && given.contains(&wanted);
        let found = |piece: &Piece<String>| match piece {
            Piece::Text(text) => Ok(Piece::Text(text.clone())),
            Piece::Value(name) => self.source(name, &others).map(Piece::Value).ok_or_else(|| {
                MappingError::NoPlaceholder {
                    template: source.to_string(),
                    name: name.clone(),
                    columns: self.columns.clone(),
                }
            }),
        };
        let pieces = source
            .pieces()
            .iter()
            .map(found)
            .collect::<Result<_, _>>()?;
        Ok(Setting {
            field,
            source,
            pieces,
        })
    }

    /// In this order: a column of exactly this name, a field of exactly this name, a column or a field that
    /// is called so. A column that is itself mapped gives the field's value, tidied up: an id without
    /// Excel's apostrophe, a number's digits.
    ///
    /// A field may also be one that another template gives.
    fn source(&self, name: &str, given: &dyn Fn(Field) -> bool) -> Option<Source> {
        if let Some(column) = self.columns.iter().position(|column| column == name) {
            return Some(self.column_source(column));
        }
        let field = match know(name) {
            Known::Exact(field) | Known::Alias { field, .. } => Some(field),
            _ => None,
        };
        let is_mapped = |field: &Field| {
            let mut claims = self.claims.iter();
            has_value(*field) && (claims.any(|claim| feeds(claim.field, *field)) || given(*field))
        };
        let field = field.filter(is_mapped);
        if let Some(exact) = field.filter(|field| field.to_string() == name) {
            return Some(Source::Field(exact));
        }
        let column = self.find(name).first().copied();
        column
            .map(|column| self.column_source(column))
            .or(field.map(Source::Field))
    }

    fn column_source(&self, column: usize) -> Source {
        let mut claims = self.claims.iter().filter(|claim| claim.column == column);
        let Some(field) = claims
            .find(|claim| has_value(claim.field))
            .map(|claim| claim.field)
        else {
            return Source::Column(column);
        };
        let of_field = self.claims.iter().filter(|claim| claim.field == field);
        match (of_field.count(), field) {
            (1, _) => Source::Field(field),
            (_, Field::Phone) => Source::Number(column),
            _ => Source::Column(column),
        }
    }
}

/// What a template takes from another one is there first; a link is made from the other fields, so it comes last.
fn in_order(mut waiting: Vec<Setting>) -> Result<Vec<Setting>, MappingError> {
    waiting.sort_by_key(|setting| setting.field == Field::Uri);
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(first) = waiting.first() {
        let first = first.field;
        let is_ready = |setting: &Setting| {
            let mut others = waiting.iter().filter(|other| other.field != setting.field);
            others.all(|other| {
                let value = Piece::Value(Source::Field(other.field));
                !setting.pieces.contains(&value)
            })
        };
        let Some(next) = waiting.iter().position(is_ready) else {
            return Err(MappingError::NotSettable {
                field: first,
                reason: "its template and another take their values from each other",
            });
        };
        ordered.push(waiting.remove(next));
    }
    Ok(ordered)
}

/// Fields of which a template can take the value.
const fn has_value(field: Field) -> bool {
    !matches!(
        field,
        Field::Group { .. } | Field::ContactData | Field::Ignored
    )
}

/// `{name}` has a value where only the parts of the name are mapped, too.
fn feeds(mapped: Field, wanted: Field) -> bool {
    let part = matches!(
        mapped,
        Field::FirstName | Field::MiddleName | Field::LastName
    );
    mapped == wanted || (wanted == Field::Name && part)
}

const fn settable(field: Field) -> Result<(), MappingError> {
    let reason = match field {
        Field::Group { .. } => "a chat in several columns has no single value; set its messenger",
        Field::Ignored => "it is no field",
        _ => return Ok(()),
    };
    Err(MappingError::NotSettable { field, reason })
}
