//! Mapping files: the columns, templates and value tables of a source, kept for the next time.
//!
//! ```toml
//! auto = true                  # look the other columns up by name, too
//! phone_as = ["whatsapp"]      # what `phone` columns become; [] leaves them out
//! region = "RU"                # as --region
//!
//! [columns]                    # field = column
//! id = "ID"                    # a column that must be there
//! phone = ["Mobile", "Phone"]  # columns of which some may be absent
//! ignore = ["Комментарий"]
//!
//! [set]                        # as --set
//! uri = "https://crm.example.com/c/{id}"
//!
//! [values.responsible_user_id] # cell = what is meant; "*" is everything else
//! "Ivan Petrov" = "user-1"
//! ```
//!
//! A key that is not known is an error: a misspelt one would be ignored for months.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Field, Template};
use crate::contact::ChatType;

/// What a mapping file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingFile {
    /// Look columns that are not named here up in the tables of known names.
    #[serde(default = "yes")]
    pub auto: bool,
    /// What numbers in `phone` columns become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_as: Option<Vec<ChatType>>,
    /// As `--region`; the command line wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Field → column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<Field, Columns>,
    /// Field → template.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<Field, Template>,
    /// Field → cell → value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<Field, BTreeMap<String, String>>,
}

/// One column that must be there, or several of which some may be absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Columns {
    One(String),
    Any(Vec<String>),
}

const fn yes() -> bool {
    true
}

impl Default for MappingFile {
    fn default() -> Self {
        Self {
            auto: true,
            phone_as: None,
            region: None,
            columns: BTreeMap::new(),
            set: BTreeMap::new(),
            values: BTreeMap::new(),
        }
    }
}

/// A mapping file that can't be read; the message has the line.
#[derive(Debug, thiserror::Error)]
#[error("the mapping file is not right: {0}")]
pub struct MappingFileError(#[from] toml::de::Error);

impl MappingFile {
    /// What to do about it.
    pub(crate) const HINT: &str =
        "`check FILE --write-mapping NEW.toml` writes a mapping file that is right, to start from";
}

impl FromStr for MappingFile {
    type Err = MappingFileError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(toml::from_str(text)?)
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
            ("\n[columns\n", "columns"),
        ] {
            let error = text.parse::<MappingFile>().unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("line"), "{error}");
        }
    }
}
