//! Mapping files: the columns, templates and value tables of a source, for repeated imports.
//!
//! ```toml
//! auto = true                  # also map the other columns by name
//! phone_as = ["whatsapp"]      # what `phone` columns become; [] leaves them out
//! region = "RU"                # as --region
//! encoding = "windows-1251"    # as --encoding; so are delimiter, sheet, header_row and bad_numbers
//!
//! [columns]                    # field = column
//! id = "ID"                    # a required column
//! phone = ["Mobile", "Phone"]  # optional columns
//! ignore = ["Комментарий"]
//!
//! [set]                        # as --set
//! uri = "https://crm.example.com/c/{id}"
//!
//! [values.responsible_user_id] # cell = value; "*" is everything else
//! "Ivan Petrov" = "user-1"
//! ```
//!
//! An unknown key is an error: a misspelt one would be ignored for months.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    num::NonZeroU32,
    path::Path,
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Field, Template,
    resolved::{ColumnUse, Mapping},
};
use crate::{
    contact::{ChatType, ContactField},
    source::{EncodingReason, Kind, SheetChoice, Table},
    wording::toml_fault,
};

/// The treatment of a row with an invalid number.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(crate) enum BadNumbers {
    /// The row is rejected.
    Reject,
    /// The number is left out if the row has another chat.
    Drop,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MappingFile {
    pub auto: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_as: Option<Vec<ChatType>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sheet: Option<SheetKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_row: Option<NonZeroU32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bad_numbers: Option<BadNumbers>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) columns: BTreeMap<Field, Columns>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<Field, Template>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: ValueTables,
    /// The form of a sample's link, in which the user's own address is still missing.
    #[serde(skip)]
    pub(super) unedited_link: Option<String>,
}

/// Field → cell → value.
pub(super) type ValueTables = BTreeMap<Field, BTreeMap<String, String>>;

/// A sheet by its number or name, or `all`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a sheet is a name, a number or `all`")]
pub(crate) enum SheetKey {
    Number(u32),
    Name(String),
}

/// The name that selects all sheets.
const ALL_SHEETS: &str = "all";

impl From<&SheetKey> for SheetChoice {
    fn from(key: &SheetKey) -> Self {
        match key {
            SheetKey::Number(number) => Self::Number(*number),
            SheetKey::Name(name) if name == ALL_SHEETS => Self::All,
            SheetKey::Name(name) => Self::Name(name.clone()),
        }
    }
}

/// One required column, or several optional ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Columns {
    One(String),
    Any(Vec<String>),
}

impl Default for MappingFile {
    fn default() -> Self {
        Self {
            auto: true,
            phone_as: None,
            region: None,
            encoding: None,
            delimiter: None,
            sheet: None,
            header_row: None,
            bad_numbers: None,
            columns: BTreeMap::new(),
            set: BTreeMap::new(),
            values: BTreeMap::new(),
            unedited_link: None,
        }
    }
}

/// An invalid mapping file. The message includes the line.
#[derive(Debug, thiserror::Error)]
#[error("the mapping file is not valid: {0}")]
pub struct MappingFileError(String);

impl MappingFile {
    /// Advice for an invalid mapping file.
    pub(crate) const HINT: &str =
        "`check FILE --write-mapping NEW.toml` writes a valid mapping file to start from";

    /// The file for `check --write-mapping`. It names every column that is used and turns off `auto`, so that
    /// later runs read the source in the same way.
    pub(crate) fn of(mapping: &Mapping) -> Self {
        let mut columns: BTreeMap<Field, Vec<String>> = BTreeMap::new();
        for assignment in &mapping.assignments {
            let names = columns.entry(assignment.field).or_default();
            let name = &mapping.columns[assignment.column];
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let one_or_any = |mut names: Vec<String>| match names.len() {
            1 => Columns::One(names.remove(0)),
            _ => Columns::Any(names),
        };
        let templates = mapping.templates.iter();
        Self {
            auto: false,
            phone_as: Some(mapping.phone_as.clone()),
            region: mapping.region.clone(),
            columns: columns
                .into_iter()
                .map(|(field, names)| (field, one_or_any(names)))
                .collect(),
            set: templates
                .map(|template| (template.field, template.source.clone()))
                .collect(),
            values: mapping.values.clone(),
            ..Self::default()
        }
    }

    /// The file with detected facts about a source. The encoding is left out for ASCII text, which does not
    /// determine it, and so is the row of a two-row header, because it is not enough to find the header again.
    pub(crate) fn with_source(self, table: &Table) -> Self {
        use EncodingReason::{Ascii, Declared};
        let encoding = table.encoding.as_ref();
        let encoding = encoding.filter(|found| !matches!(found.because, Ascii | Declared));
        let has_delimiter = table.kind == Kind::Text && table.columns.len() > 1;
        let sheet = table.origin.sheet.clone();
        Self {
            encoding: encoding.map(|found| found.encoding.name().to_owned()),
            delimiter: has_delimiter.then(|| match table.delimiter {
                b'\t' => "tab".to_owned(),
                delimiter => char::from(delimiter).to_string(),
            }),
            sheet: sheet.filter(|name| name != ALL_SHEETS).map(SheetKey::Name),
            header_row: NonZeroU32::new(table.header_row).filter(|_| table.header_rows == 1),
            ..self
        }
    }

    /// The text of the file for `check --write-mapping`, with comments on the columns that are left out. `names`:
    /// owners without an id, to be filled in.
    pub(crate) fn write<'n>(
        self,
        mapping: &Mapping,
        names: impl IntoIterator<Item = &'n str>,
    ) -> String {
        let mut file = self;
        let mut names = names.into_iter().peekable();
        let has_names = names.peek().is_some();
        if has_names {
            let owners = file.values.entry(Field::ResponsibleUserId).or_default();
            for name in names {
                owners.entry(name.to_owned()).or_default();
            }
        }
        let mut text = String::from(
            "# Written by `check --write-mapping`; pass it with `--mapping`. `auto = false`: only the columns\n\
             # that are named here are read.\n",
        );
        if has_names {
            text.push_str(
                "# [values.responsible_user_id]: fill in the id of each employee (`wazzup-contacts users` lists them).\n\
                 # Rows with a name without an id are rejected, unless `--owners match` finds the employee.\n",
            );
        }
        text.push_str(&toml::to_string(&file).unwrap_or_default());
        for (column, usage) in mapping.uses() {
            if let ColumnUse::LeftOut(reason) = usage {
                let line = format!("# left out: {column:?} ({reason})\n");
                text.push_str(&line);
            }
        }
        let has_owners = file.values.contains_key(&Field::ResponsibleUserId);
        if !has_owners && mapping.has(ContactField::ResponsibleUserId) {
            text.push_str(
                "\n# If the file has people's names in responsible_user_id, map them to ids:\n\
                 # [values.responsible_user_id]\n# \"Ivan Petrov\" = \"user-1\"\n",
            );
        }
        text
    }

    /// The mapping as JSON, including the file that would reproduce it.
    pub(crate) fn describe(mapping: &Mapping) -> serde_json::Value {
        let column = |(column, usage)| match usage {
            ColumnUse::Mapped { fields, how } => {
                json!({ "column": column, "fields": fields, "how": how.to_string() })
            }
            ColumnUse::LeftOut(reason) => json!({ "column": column, "left_out": reason }),
        };
        let columns: Vec<_> = mapping.uses().map(column).collect();
        json!({ "columns": columns, "mapping": Self::of(mapping) })
    }

    /// Writes a mapping to a new file. An existing file may have been edited or may be something else, so it is
    /// kept, as is a link's target. That is an error unless its content is the same.
    pub(crate) fn save(text: &str, path: &Path) -> io::Result<()> {
        match fs::File::create_new(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && holds(path, text) => {
                Ok(())
            }
            created => created?.write_all(text.as_bytes()),
        }
    }
}

fn holds(path: &Path, text: &str) -> bool {
    let is_as_long =
        fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() == text.len() as u64);
    is_as_long && fs::read(path).is_ok_and(|there| there == text.as_bytes())
}

impl FromStr for MappingFile {
    type Err = MappingFileError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        toml::from_str(text).map_err(|error| MappingFileError(toml_fault(text, &error)))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_file_is_read() {
        let file: MappingFile = "phone_as = [\"viber\"]\n[columns]\nid = \"ID\"\nphone = [\"a\", \"b\"]\n\
             [set]\nuri = \"https://x/{id}\"\n[values.responsible_user_id]\n\"Ivan Petrov\" = \"user-1\"\n"
            .parse()
            .unwrap();
        assert!(file.auto);
        assert_eq!(file.phone_as, Some(vec![ChatType::Viber]));
        assert_eq!(file.columns[&Field::Id], Columns::One("ID".into()));
        assert_eq!(
            file.values[&Field::ResponsibleUserId]["Ivan Petrov"],
            "user-1"
        );
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, word) in [
            ("\ncolumn = 1\n", "column"),
            ("\n[columns]\nidd = \"ID\"\n", "idd"),
            ("\n[set]\nuri = \"{id\"\n", "not closed"),
            ("\nphone_as = [\"fax\"]\n", "fax"),
            ("\nbad_numbers = \"keep\"\n", "keep"),
            ("\n[columns\n", "unclosed table"),
        ] {
            let error = text.parse::<MappingFile>().unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("line"), "{error}");
        }
    }
}
