//! Resolves the names in templates to columns and fields.

use std::collections::BTreeMap;

use super::{
    Field, FieldTemplate, Mapping, MappingError, Piece, Placeholder, Template, error::UNEDITED,
    names::know,
};

/// Resolves templates. Each may use the fields of those before it; a link may use all fields, so it comes last.
pub(super) fn resolve(
    mapping: &Mapping,
    set: BTreeMap<Field, Template>,
) -> Result<Vec<FieldTemplate>, MappingError> {
    let mut set: Vec<_> = set.into_iter().collect();
    set.sort_by_key(|(field, _)| *field == Field::Uri);
    let mut templates = Vec::with_capacity(set.len());
    for (field, template) in set {
        templates.push(resolve_one(mapping, field, template, &templates)?);
    }
    Ok(templates)
}

fn resolve_one(
    mapping: &Mapping,
    field: Field,
    source: Template,
    before: &[FieldTemplate],
) -> Result<FieldTemplate, MappingError> {
    settable(field)?;
    if source.to_string().contains(UNEDITED) {
        let template = source.to_string();
        return Err(MappingError::Unedited { field, template });
    }
    let given = |wanted: Field| before.iter().any(|template| template.field == wanted);
    let found = |piece: &Piece<String>| match piece {
        Piece::Text(text) => Ok(Piece::Text(text.clone())),
        Piece::Value(name) => placeholder(mapping, name, &given)
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
/// `given` are the fields that earlier templates provide.
fn placeholder(
    mapping: &Mapping,
    name: &str,
    given: &dyn Fn(Field) -> bool,
) -> Option<Placeholder> {
    if let Some(column) = mapping.columns.iter().position(|column| column == name) {
        return Some(column_value(mapping, column));
    }
    let is_mapped = |field: &Field| {
        let mut assignments = mapping.assignments.iter();
        has_value(*field) && (assignments.any(|it| feeds(it.field, *field)) || given(*field))
    };
    let field = know(name).field().filter(is_mapped);
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

/// True for fields whose value a template can insert.
const fn has_value(field: Field) -> bool {
    !matches!(
        field,
        Field::Group { .. } | Field::ContactData | Field::Ignored
    )
}

/// True if a mapped field provides the wanted one: `{name}` has a value even if only parts of the name are mapped.
fn feeds(mapped: Field, wanted: Field) -> bool {
    mapped == wanted || (wanted == Field::Name && mapped.is_part_of_name())
}

const fn settable(field: Field) -> Result<(), MappingError> {
    let reason = match field {
        Field::Group { .. } => {
            "a chat in several columns has no single value; set its chat type (--set whatsapp=…)"
        }
        _ if field.is_part_of_name() => "it is a part of the name; set the name (--set name=…)",
        Field::Ignored => "it is not a field of a contact",
        _ => return Ok(()),
    };
    Err(MappingError::NotSettable { field, reason })
}
