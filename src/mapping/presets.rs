//! Presets: the built-in mapping files of `samples/mappings`, and the exports that they are for.
//!
//! A sample contains examples of the user's own values: the address of the CRM and ids of employees. A preset
//! omits them.

use super::{
    Field, Mapping, MappingError, MappingFile, MappingOptions, error::UNEDITED, names::key,
};
use crate::{contact::ContactField, wording::shell_quoted};

/// A built-in mapping file.
pub(crate) struct Preset {
    pub(crate) name: &'static str,
    /// The program that writes such exports.
    title: &'static str,
    text: &'static str,
    /// The columns by which its exports are recognized: `Record Id | Contact Owner.id`. Any of the lists suffices.
    marks: &'static [&'static str],
}

macro_rules! preset {
    ($name:literal, $title:literal, $marks:expr) => {
        Preset {
            name: $name,
            title: $title,
            text: include_str!(concat!("../../samples/mappings/", $name, ".toml")),
            marks: &$marks,
        }
    };
}

static PRESETS: [Preset; 11] = [
    preset!(
        "amocrm",
        "amoCRM",
        [
            "ID | Тип | Полное имя контакта | Ответственный",
            "ID | Тип | Наименование | Ответственный"
        ]
    ),
    preset!(
        "bitrix24",
        "Bitrix24",
        [
            "ID | Имя | Фамилия | Отчество | Ответственный | Мобильный телефон",
            "ID | First name | Last name | Second name | Responsible | Work Phone"
        ]
    ),
    preset!(
        "google",
        "Google Contacts",
        [
            "First Name | Last Name | File As | Phone 1 - Value",
            "Given Name | Family Name | Phone 1 - Value"
        ]
    ),
    preset!("zoho", "Zoho CRM", ["Record Id | Contact Owner.id"]),
    preset!(
        "hubspot",
        "HubSpot",
        [
            "Record ID | First Name | Last Name | Contact owner",
            "Record ID | First Name | Last Name | Phone Number | Lead Status",
            "Record ID - Contact | First Name | Last Name",
            "hs_object_id | firstname | lastname"
        ]
    ),
    preset!(
        "kommo",
        "Kommo",
        [
            "ID | Nombre completo | Responsable | Teléfono celular (contacto)",
            "ID | Nome completo | Usuário responsável | Celular (contato)"
        ]
    ),
    preset!(
        "kommo-es",
        "Kommo",
        ["Nombre del lead | Contacto principal"]
    ),
    preset!("kommo-pt", "Kommo", ["Lead título | Contato principal"]),
    preset!(
        "outlook",
        "Outlook",
        [
            "First Name | Last Name | Mobile Phone | Business Phone | E-mail Address",
            "Имя | Отчество | Фамилия | Телефон переносной | Рабочий телефон",
            "Nombre | Segundo nombre | Apellidos | Teléfono del trabajo"
        ]
    ),
    preset!(
        "pipedrive",
        "Pipedrive",
        ["Person - ID | Person - Name | Person - Owner"]
    ),
    preset!(
        "salesforce",
        "Salesforce",
        [
            "ID | FIRSTNAME | LASTNAME | OWNERID",
            "ID | NAME | OWNERID | MOBILEPHONE"
        ]
    ),
];

impl Preset {
    /// The names of all presets.
    pub(crate) fn names() -> String {
        let names: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
        names.join(", ")
    }

    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// The preset for a file with these columns.
    pub(super) fn of(columns: &[String]) -> Option<&'static Self> {
        let columns: Vec<String> = columns.iter().map(|name| key(name)).collect();
        let has = |mark: &str| columns.contains(&key(mark));
        let is_meant = |preset: &&Self| {
            let mut marks = preset.marks.iter();
            marks.any(|marks| marks.split(" | ").all(has))
        };
        PRESETS.iter().find(is_meant)
    }

    /// The mapping file without the examples of user-specific values. Only the form of the link is kept, for
    /// advice.
    pub(crate) fn file(&self) -> MappingFile {
        // Can't fail: a unit test parses each preset.
        let mut file: MappingFile = self.text.parse().unwrap_or_default();
        file.values.clear();
        file.set.remove(&Field::ResponsibleUserId);
        let link = file.set.get(&Field::Uri).map(ToString::to_string);
        if let Some(link) = link.filter(|link| link.contains(UNEDITED)) {
            file.set.remove(&Field::Uri);
            file.unedited_link = Some(link);
        }
        file
    }

    /// Advice to use this preset, if it would change how columns are read.
    pub(super) fn advice(
        &self,
        columns: &[String],
        options: &MappingOptions,
        read: Option<&Mapping>,
    ) -> Option<String> {
        let file = self.file();
        let has_region = file.region.is_some();
        let link = file.unedited_link.clone();
        let with_preset = MappingOptions {
            file: Some(file),
            ..options.clone()
        };
        let preset = super::resolve::resolve(columns, &with_preset).ok()?;
        let link = link.filter(|_| !preset.has(ContactField::Uri));
        let is_same = read.is_some_and(|read| {
            let of = |mapping: &Mapping| MappingFile {
                region: None,
                ..MappingFile::of(mapping)
            };
            let adds_region = has_region && !options.has_region;
            of(read) == of(&preset) && !adds_region && link.is_none()
        });
        let mut advice = format!("looks like {}: --mapping {}", self.title, self.name);
        if let Some(link) = link {
            advice.push_str(&link_flag(&link));
        }
        (!is_same).then_some(advice)
    }
}

/// Maps columns to fields, and suggests the preset for such files unless the user has named columns.
pub(crate) fn resolve(
    columns: &[String],
    options: &MappingOptions,
) -> Result<Mapping, MappingError> {
    let read = super::resolve::resolve(columns, options);
    let advice = || {
        let is_undecided = options.file.is_none() && options.map.is_empty();
        let preset = Preset::of(columns).filter(|_| is_undecided)?;
        preset.advice(columns, options, read.as_ref().ok())
    };
    let advice = advice();
    let mut mapping = read.map_err(|error| error.with_preset(advice.clone()))?;
    mapping.hints.extend(advice);
    let link = options
        .file
        .as_ref()
        .and_then(|file| file.unedited_link.as_ref());
    if let Some(link) = link.filter(|_| !mapping.has(ContactField::Uri)) {
        mapping.hints.push(format!(
            "the contacts have no links: add{}",
            link_flag(link)
        ));
    }
    Ok(mapping)
}

/// The flag that sets a link of this form.
fn link_flag(link: &str) -> String {
    let flag = shell_quoted(link);
    format!(" --set uri={flag} (write your own address instead of {UNEDITED}…)")
}
