//! Resolves the names in templates to columns and fields.

use std::collections::BTreeMap;

use super::{
    Field, FieldTemplate, Mapping, MappingError, Piece, Placeholder, Template,
    error::UNEDITED,
    names::{KnownName, know},
};

pub(super) fn resolve(
    mapping: &Mapping,
    set: BTreeMap<Field, Template>,
) -> Result<Vec<FieldTemplate>, MappingError> {
    let given: Vec<Field> = set.keys().copied().collect();
    let templates = set
        .into_iter()
        .map(|(field, template)| resolve_one(mapping, field, template, &given))
        .collect::<Result<_, _>>()?;
    in_order(templates)
}

fn resolve_one(
    mapping: &Mapping,
    field: Field,
    source: Template,
    given: &[Field],
) -> Result<FieldTemplate, MappingError> {
    settable(field)?;
    if source.to_string().contains(UNEDITED) {
        let template = source.to_string();
        return Err(MappingError::Unedited { field, template });
    }
    let others = |wanted: Field| wanted != field && given.contains(&wanted);
    let found = |piece: &Piece<String>| match piece {
        Piece::Text(text) => Ok(Piece::Text(text.clone())),
        Piece::Value(name) => placeholder(mapping, name, &others)
            .map(Piece::Value)
            .ok_or_else(|| MappingError::NoPlaceholder {
                template: source.to_string(),
                name: name.clone(),
                columns: mapping.columns.clone(),
            }),
    };
    let pieces = source.pieces().iter().map(found);
    Ok(FieldTemplate {
        field,
        pieces: pieces.collect::<Result<_, _>>()?,
        source,
    })
}

/// Resolves a name in this order: a column with exactly this name, a field with exactly this name, a column or
/// field with an equivalent name. A mapped column provides the field's cleaned-up value: an id without Excel's
/// apostrophe, a number's digits.
///
/// `given` are the fields that other templates provide.
fn placeholder(
    mapping: &Mapping,
    name: &str,
    given: &dyn Fn(Field) -> bool,
) -> Option<Placeholder> {
    if let Some(column) = mapping.columns.iter().position(|column| column == name) {
        return Some(column_value(mapping, column));
    }
    let field = match know(name) {
        KnownName::Exact(field) | KnownName::Alias { field, .. } => Some(field),
        _ => None,
    };
    let is_mapped = |field: &Field| {
        let mut assignments = mapping.assignments.iter();
        has_value(*field) && (assignments.any(|it| feeds(it.field, *field)) || given(*field))
    };
    let field = field.filter(is_mapped);
    if let Some(exact) = field.filter(|field| field.to_string() == name) {
        return Some(Placeholder::Field(exact));
    }
    let column = mapping.find(name).first().copied();
    column
        .map(|column| column_value(mapping, column))
        .or(field.map(Placeholder::Field))
}

fn column_value(mapping: &Mapping, column: usize) -> Placeholder {
    let mut assignments = mapping.assignments.iter();
    let Some(field) = assignments
        .find(|it| it.column == column && has_value(it.field))
        .map(|it| it.field)
    else {
        return Placeholder::Column(column);
    };
    let of_field = mapping.assignments.iter().filter(|it| it.field == field);
    match (of_field.count(), field) {
        (1, _) => Placeholder::Field(field),
        (_, Field::Phone) => Placeholder::Number(column),
        _ => Placeholder::Column(column),
    }
}

/// Sorts templates so that each follows those it takes values from. A link may use all other fields, so it comes
/// last.
fn in_order(mut waiting: Vec<FieldTemplate>) -> Result<Vec<FieldTemplate>, MappingError> {
    waiting.sort_by_key(|template| template.field == Field::Uri);
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(first) = waiting.first() {
        let first = first.field;
        let is_ready = |template: &FieldTemplate| {
            let mut others = waiting.iter().filter(|other| other.field != template.field);
            others.all(|other| {
                let value = Piece::Value(Placeholder::Field(other.field));
                !template.pieces.contains(&value)
            })
        };
        let Some(next) = waiting.iter().position(is_ready) else {
            return Err(MappingError::NotSettable {
                field: first,
                reason: "its template and another one refer to each other",
            });
        };
        ordered.push(waiting.remove(next));
    }
    Ok(ordered)
}

/// True for fields whose value a template can insert.
const fn has_value(field: Field) -> bool {
    !matches!(
        field,
        Field::Group { .. } | Field::ContactData | Field::Ignored
    )
}

/// True if a mapped field provides the wanted one: `{name}` has a value even if only parts of the name are mapped.
fn feeds(mapped: Field, wanted: Field) -> bool {
    let part = matches!(
        mapped,
        Field::FirstName | Field::MiddleName | Field::LastName
    );
    mapped == wanted || (wanted == Field::Name && part)
}

const fn settable(field: Field) -> Result<(), MappingError> {
    let reason = match field {
        Field::Group { .. } => {
            "a chat in several columns has no single value; set its chat type (--set whatsapp=…)"
        }
        Field::Ignored => "it is not a field of a contact",
        _ => return Ok(()),
    };
    Err(MappingError::NotSettable { field, reason })
}
