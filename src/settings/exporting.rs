//! The form of a backup, from its file extension and the flags of `export`.

use std::path::{Path, PathBuf};

use super::{
    SettingsError,
    reading::{delimiter, load_mapping},
};
use crate::{
    cli::ExportArgs,
    export::{
        BackupForm, OwnerNames, TableForm,
        format::{BackupFormat, Compression, CsvDialect, FORMATS, FormatName, TableFormat},
        name::{BackupName, BackupNameError},
    },
    mapping::BackupLayout,
    output::real,
    source::DELIMITERS,
    streams::is_special,
};

/// The word of `--owner-names` for the account's employees.
pub(crate) const USERS: &str = "users";

/// The form of the backup, without names that must be read from the account.
pub(crate) fn backup_form(
    args: &ExportArgs,
    output: Option<&Path>,
) -> Result<BackupForm, SettingsError> {
    let BackupFormat { name, compression } = format(args, output)?;
    Ok(BackupForm {
        format: table_format(name, args.excel, args.delimiter.as_deref())?,
        compression,
        layout: layout(args, name)?,
        owner_names: owner_names(args)?,
    })
}

pub(crate) fn backup_name(
    args: &ExportArgs,
    output: Option<&Path>,
) -> Result<Option<BackupName>, SettingsError> {
    let name = output.map(BackupName::parse).transpose();
    let name = name.map_err(|error| {
        SettingsError::wrong(format!("--output: {error}"), Some(BackupNameError::hint()))
    })?;
    let varies = name.as_ref().is_some_and(BackupName::varies);
    if args.keep.is_some() && !varies {
        return Err(SettingsError::wrong(
            "--keep needs backups with different names, and each export would write the same one",
            Some("name the file with -o backup-{date}.csv, or with {time}".to_owned()),
        ));
    }
    Ok(name)
}

/// The format of the file extension, otherwise of `--format`; CSV for standard output and pipes.
fn format(args: &ExportArgs, output: Option<&Path>) -> Result<BackupFormat, SettingsError> {
    let given: Option<BackupFormat> = match &args.format {
        Some(word) => Some(super::parse("--format", word)?),
        None => None,
    };
    let of_ending = output.and_then(BackupFormat::of);
    match (output, of_ending, given) {
        (Some(path), Some(ending), Some(given)) if ending != given => Err(SettingsError::wrong(
            format!(
                "--format {} contradicts the extension of {}",
                args.format.as_deref().unwrap_or_default(),
                path.display()
            ),
            Some("leave out --format: the file extension is sufficient".to_owned()),
        )),
        (_, Some(format), _) | (_, None, Some(format)) => Ok(format),
        (Some(path), None, None) if path.is_dir() => Err(SettingsError::wrong(
            format!("{} is a folder, not a file", path.display()),
            Some(format!(
                "name a file in it: -o {}",
                path.join("contacts.csv").display()
            )),
        )),
        (Some(path), None, None) if !is_special(path) => Err(SettingsError::wrong(
            format!("{}: the extension is not a backup format", path.display()),
            Some(format!(
                "the extensions are {FORMATS}; for another file name, set --format"
            )),
        )),
        _ => Ok(BackupFormat {
            name: FormatName::Csv,
            compression: Compression::None,
        }),
    }
}

/// The form of a table by its file extension. The table must not replace an input file.
pub(crate) fn table_form(
    path: &Path,
    for_excel: bool,
    sources: &[PathBuf],
) -> Result<TableForm, SettingsError> {
    if sources.iter().any(|source| real(source) == real(path)) {
        return Err(SettingsError::wrong(
            format!(
                "--output: the changes would overwrite the backup {}",
                path.display()
            ),
            Some("name another file with -o, such as changes.xlsx".to_owned()),
        ));
    }
    let Some(BackupFormat { name, compression }) = BackupFormat::of(path) else {
        return Err(SettingsError::wrong(
            format!("{}: the extension is not a table format", path.display()),
            Some(format!("the extensions are {FORMATS}")),
        ));
    };
    let format = table_format(name, for_excel, None)?;
    Ok(TableForm {
        format,
        compression,
    })
}

fn table_format(
    name: FormatName,
    for_excel: bool,
    given: Option<&str>,
) -> Result<TableFormat, SettingsError> {
    let given = delimiter("--delimiter", given)?;
    let only_csv = |flag| {
        let hint = "name a .csv file, or leave out the flag".to_owned();
        Err(SettingsError::wrong(
            format!("{flag} is for CSV only"),
            Some(hint),
        ))
    };
    let usual = match name {
        FormatName::Xlsx | FormatName::Jsonl if for_excel => return only_csv("--excel"),
        FormatName::Xlsx | FormatName::Jsonl if given.is_some() => return only_csv("--delimiter"),
        FormatName::Xlsx => return Ok(TableFormat::Xlsx),
        FormatName::Jsonl => return Ok(TableFormat::Jsonl),
        FormatName::Tsv if given.is_some_and(|given| given != b'\t') => {
            return Err(SettingsError::wrong(
                "the cells of a .tsv file are separated by tabs, which contradicts --delimiter",
                Some("name a .csv file, or leave out --delimiter".to_owned()),
            ));
        }
        FormatName::Tsv => b'\t',
        FormatName::Csv if for_excel => b';',
        FormatName::Csv => b',',
    };
    let delimiter = given.unwrap_or(usual);
    if !DELIMITERS.contains(&delimiter) {
        return Err(SettingsError::wrong(
            format!(
                "--delimiter: an import would not recognize `{}` as the delimiter of a backup",
                char::from(delimiter)
            ),
            Some("choose one of , ; | and tab".to_owned()),
        ));
    }
    Ok(TableFormat::Csv(CsvDialect {
        delimiter,
        for_excel,
    }))
}

fn layout(args: &ExportArgs, name: FormatName) -> Result<BackupLayout, SettingsError> {
    match (name, args.layout) {
        (FormatName::Jsonl, None) => Ok(BackupLayout::Objects),
        (FormatName::Jsonl, Some(_)) => Err(SettingsError::wrong(
            "--layout: JSON lines have one layout, an object for each contact",
            Some("leave out --layout, or choose csv, tsv or xlsx".to_owned()),
        )),
        (_, layout) => Ok(layout.unwrap_or_default()),
    }
}

/// The names in a mapping file. Those of the account are looked up later.
fn owner_names(args: &ExportArgs) -> Result<Option<OwnerNames>, SettingsError> {
    let Some(path) = &args.owner_names else {
        return Ok(None);
    };
    if path == Path::new(USERS) {
        return Ok(Some(OwnerNames::default()));
    }
    let names = OwnerNames::of_mapping(&load_mapping(path)?);
    if names.is_empty() {
        return Err(SettingsError::wrong(
            format!(
                "--owner-names: {} has no [values.responsible_user_id]",
                path.display()
            ),
            Some(format!(
                "add \"name\" = \"id\" lines there, or use the account's names with --owner-names {USERS}"
            )),
        ));
    }
    Ok(Some(names))
}
