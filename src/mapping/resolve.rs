//! Resolves column names and the user's options to a [`Mapping`], in this order:
//! 1. columns that `--map` and the mapping file name;
//! 2. columns with known names, unless the user has named others for the field;
//! 3. contests: several columns for a field with one value;
//! 4. groups: `chat_id` and `username` need a `chat_type`;
//! 5. templates.

use std::collections::BTreeMap;

use super::{
    BackupLayout, Columns, Field, GroupPart, MappingError, MappingFile, Template,
    alias::{EXACT, LAST_RESORT},
    backup, contests,
    error::MAPPED_COLUMNS_MAX,
    names::{KnownName, is_weak_name, key, know, trimmed},
    placeholders,
    resolved::{Assignment, How, Mapping},
};
use crate::{
    contact::{ChatType, ContactField},
    wording::shell_quoted,
};

/// The user's options for mapping columns.
#[derive(Clone, Debug, Default)]
pub struct MappingOptions {
    /// `--map FIELD=COLUMN`. Such a field is read from these columns only.
    pub map: Vec<(Field, String)>,
    /// `--set FIELD=TEMPLATE`: used if the row's own columns provide no value.
    pub set: Vec<(Field, Template)>,
    /// `--mapping FILE`; `--map`, `--set` and `--phone-as` take precedence.
    pub file: Option<MappingFile>,
    /// `--phone-as TYPES`: the chat types that `phone` columns become; empty leaves these columns out, `None` is
    /// the default.
    pub phone_as: Option<Vec<ChatType>>,
    /// True if the country of numbers without a country code is set elsewhere.
    pub has_region: bool,
}

pub(crate) fn resolve(
    columns: &[String],
    options: &MappingOptions,
) -> Result<Mapping, MappingError> {
    let file = options.file.clone().unwrap_or_default();
    let columns: Vec<String> = columns.iter().map(|name| trimmed(name).into()).collect();
    let mut resolver = Resolver {
        mapping: Mapping {
            backup: BackupLayout::of(&columns),
            columns,
            values: file.values,
            region: file.region,
            ..Mapping::default()
        },
        phone_kinds: BTreeMap::new(),
        absent: Vec::new(),
    };
    resolver.take_flags(&options.map)?;
    resolver.take_file(&file.columns, &options.map)?;
    resolver.take_names(file.auto);
    contests::settle(&mut resolver.mapping, file.auto)?;
    let phone_as = phone_as(options, file.phone_as.as_deref())?;
    if phone_as.is_empty() {
        let reason = "a phone without a chat type, and --phone-as is none";
        resolver
            .mapping
            .leave_out(reason, |it| it.field == Field::Phone);
    }
    resolver.mapping.phone_as = phone_as;
    contests::settle_groups(&mut resolver.mapping);
    let mut set = file.set;
    set.extend(options.set.iter().cloned());
    let found = resolver.mapping.assignments.len();
    // A wide backup has four columns for each chat.
    if found > MAPPED_COLUMNS_MAX && resolver.mapping.backup.is_none() {
        return Err(MappingError::TooManyColumns { found });
    }
    resolver.mapping.templates = placeholders::resolve(&resolver.mapping, set)?;
    Ok(resolver.finish())
}

struct Resolver {
    mapping: Mapping,
    /// Google's `Phone N - Type` columns: N → column.
    phone_kinds: BTreeMap<u16, usize>,
    /// Fields whose listed columns are all missing from the file, and these columns.
    absent: Vec<(Field, String)>,
}

impl Resolver {
    fn take_flags(&mut self, map: &[(Field, String)]) -> Result<(), MappingError> {
        for (field, name) in map {
            for column in self.existing(*field, name)? {
                self.assign(column, *field, How::Flag);
            }
        }
        Ok(())
    }

    fn take_file(
        &mut self,
        columns: &BTreeMap<Field, Columns>,
        flags: &[(Field, String)],
    ) -> Result<(), MappingError> {
        for (field, names) in columns {
            let has_flag = flags.iter().any(|(flag, _)| flag == field);
            if has_flag && *field != Field::Ignored {
                continue;
            }
            let found = match names {
                Columns::One(name) => self.existing(*field, name)?,
                Columns::Any(names) => self.any_of(*field, names),
            };
            for column in found {
                let assignments = &self.mapping.assignments;
                if !assignments
                    .iter()
                    .any(|it| it.column == column && it.how == How::Flag)
                {
                    self.assign(column, *field, How::File);
                }
            }
        }
        Ok(())
    }

    /// The columns with this name; an error if the file has none.
    fn existing(&self, field: Field, name: &str) -> Result<Vec<usize>, MappingError> {
        let found = self.mapping.find(name);
        if found.is_empty() {
            return Err(MappingError::NoColumn {
                column: name.to_owned(),
                field,
                columns: self.mapping.columns.clone(),
            });
        }
        Ok(found)
    }

    /// The columns with one of these names. If the file has none, this is noted.
    fn any_of(&mut self, field: Field, names: &[String]) -> Vec<usize> {
        let found: Vec<_> = names
            .iter()
            .flat_map(|name| self.mapping.find(name))
            .collect();
        if found.is_empty() && !names.is_empty() && field != Field::Ignored {
            let names: Vec<_> = names.iter().map(|name| shell_quoted(name)).collect();
            self.absent.push((field, names.join(" or ")));
        }
        found
    }

    /// Assigns a column once, even if two names in a list are spellings of it.
    fn assign(&mut self, column: usize, field: Field, how: How) {
        let assignments = &mut self.mapping.assignments;
        if !assignments
            .iter()
            .any(|it| it.column == column && it.field == field)
        {
            let rank = assignments.len();
            assignments.push(Assignment {
                rank,
                ..Assignment::new(column, field, how)
            });
        }
    }

    fn take_names(&mut self, auto: bool) {
        for column in 0..self.mapping.columns.len() {
            let mapping = &self.mapping;
            if mapping.assignments.iter().any(|it| it.column == column) {
                continue;
            }
            let known = self.known(column);
            // Columns with the kind of a phone number or of a row are used whatever the mapping file names.
            let is_kind = matches!(known, KnownName::PhoneKind(_) | KnownName::RowKind);
            let taken = match mapping.columns[column].as_str() {
                "" => Err("it has no name".to_owned()),
                name if name.starts_with('_') => {
                    Err("columns that begin with `_` come from a rejects file".to_owned())
                }
                _ if auto || is_kind => self.take_name(column, known),
                _ => Err("the mapping file does not name it and has `auto = false`".to_owned()),
            };
            match taken {
                Ok(assignment) => self.mapping.assignments.push(assignment),
                Err(reason) => drop(self.mapping.left_out.insert(column, reason)),
            }
        }
    }

    /// The meaning of a column's name. In a backup, a column may contain chats of an undocumented type.
    fn known(&self, column: usize) -> KnownName {
        let name = &self.mapping.columns[column];
        let is_columns = self.mapping.backup == Some(BackupLayout::Columns);
        match backup::chat_type_of(name).filter(|_| is_columns) {
            Some(chat_type) => KnownName::of(Field::Chat(chat_type), EXACT),
            None => know(name),
        }
    }

    /// Assigns a column by its name, or returns the reason for leaving it out.
    fn take_name(&mut self, column: usize, known: KnownName) -> Result<Assignment, String> {
        let assignment = match known {
            KnownName::Named {
                field,
                weight,
                of_contact,
            } => {
                let how = if weight == EXACT {
                    How::Exact
                } else {
                    How::Alias
                };
                Assignment {
                    weight,
                    of_contact,
                    ..Assignment::new(column, field, how)
                }
            }
            KnownName::Never(reason) => return Err(reason.to_owned()),
            KnownName::PhoneKind(number) => {
                self.phone_kinds.insert(number, column);
                return Err("it contains the kind of the adjacent phone number".to_owned());
            }
            KnownName::RowKind => {
                self.mapping.row_kind.get_or_insert(column);
                return Err("it contains the kind of the row".to_owned());
            }
            KnownName::Unknown => {
                self.mapping.unmapped_columns.push(column);
                return Err("unknown name".to_owned());
            }
        };
        let field = assignment.field;
        let users = |it: &&Assignment| matches!(it.how, How::Flag | How::File);
        match self.mapping.of_field(field).find(users) {
            Some(user) => Err(format!("{} assigns {field} to another column", user.how)),
            None => Ok(assignment),
        }
    }

    fn finish(mut self) -> Mapping {
        self.warn_of_absent();
        for how in [How::Flag, How::File] {
            let is_ignored = |it: &Assignment| it.field == Field::Ignored && it.how == how;
            self.mapping
                .leave_out(&format!("ignored by {how}"), is_ignored);
        }
        let mut assignments: Vec<_> = self
            .mapping
            .assignments
            .iter()
            .map(|it| Assignment {
                last_resort: it.field == Field::Name && self.is_last_resort(it),
                kind_column: self.kind_column(it),
                ..*it
            })
            .collect();
        assignments.sort_by_key(|it| (reading_order(it), it.place()));
        self.mapping.assignments = assignments;
        let has_column = |field| self.mapping.of_field(field).next().is_some();
        self.mapping.completes_names = has_column(Field::LastName) && !has_column(Field::FirstName);
        self.mapping
    }

    /// Warns of fields without a column, unless another column or a template provides the value.
    fn warn_of_absent(&mut self) {
        for (field, names) in std::mem::take(&mut self.absent) {
            let is_given = match field.contact_field() {
                Some(ContactField::ContactData) | None => {
                    self.mapping.of_field(field).next().is_some()
                }
                Some(part) => self.mapping.has(part),
            };
            if !is_given {
                self.mapping.warnings.push(format!(
                    "the mapping file reads {field} from {names}, but the file has no such column"
                ));
            }
        }
    }

    /// True for a name that is used only if its parts are empty. This includes mapping files that name the parts,
    /// which `check --write-mapping` writes.
    fn is_last_resort(&self, name: &Assignment) -> bool {
        let is_part = |it: &Assignment| {
            it.how == How::File && matches!(it.field, Field::FirstName | Field::LastName)
        };
        match name.how {
            How::Alias => name.weight >= LAST_RESORT,
            How::File => {
                is_weak_name(self.mapping.name(name))
                    && self.mapping.assignments.iter().any(is_part)
            }
            How::Exact | How::Flag => false,
        }
    }

    /// The `Phone 2 - Type` column for a `Phone 2 - Value` column.
    fn kind_column(&self, phone: &Assignment) -> Option<usize> {
        let name = key(self.mapping.name(phone));
        let number = name.strip_prefix("phone")?.strip_suffix("value")?;
        self.phone_kinds.get(&number.parse().ok()?).copied()
    }
}

/// The order in which the fields of a row are read: the full name before its parts, and phones last, because they
/// only become chats of types that the row does not have.
const fn reading_order(assignment: &Assignment) -> (u8, u16, GroupPart) {
    let rank = match assignment.field {
        Field::Id => 0,
        Field::ResponsibleUserId => 1,
        Field::Uri => 2,
        Field::Name if assignment.last_resort => 8,
        Field::Name => 3,
        Field::FirstName => 4,
        Field::MiddleName => 5,
        Field::LastName => 6,
        Field::SecondLastName => 7,
        Field::Group { number, part } => return (10, number, part),
        Field::Phone => 11,
        _ => 9,
    };
    (rank, 0, GroupPart::ChatType)
}

fn phone_as(
    options: &MappingOptions,
    file: Option<&[ChatType]>,
) -> Result<Vec<ChatType>, MappingError> {
    let chosen = options.phone_as.as_deref().or(file);
    let mut types = Vec::new();
    for chat_type in chosen.unwrap_or(&[ChatType::Whatsapp]) {
        if !(chat_type.id_is_phone() || chat_type.takes_phone()) {
            return Err(MappingError::NotAPhone(*chat_type));
        }
        if !types.contains(chat_type) {
            types.push(*chat_type);
        }
    }
    Ok(types)
}
