//! Resolves the options of reading from flags, the profile and the mapping file.

use std::{io, num::NonZeroU32, path::Path, str::FromStr, sync::Arc};

use encoding_rs::Encoding;

use super::{SettingsError, config::Profile, error::parse, file};
use crate::{
    cli::{PlanningArgs, ReadArgs},
    contact::ChatType,
    mapping::{
        self, BadNumbers, Field, MappingFile, MappingOptions, Preset, Template, UnknownField,
    },
    nearest,
    normalize::{NationalNumbers, NumberRules},
    paths::{advice, is_stream, read_fault, similar},
    plan::Mode,
    selection::{Selection, SelectionError},
    source::{SheetChoice, Usual},
    stage::ReadRequest,
    wording::shell_quoted,
};

/// Resolves the options of reading. An error names the flag.
pub(crate) fn resolve(args: &ReadArgs, profile: &Profile) -> Result<ReadRequest, SettingsError> {
    let file = args
        .mapping
        .as_ref()
        .or(profile.mapping.as_ref())
        .map(|path| load_mapping(path))
        .transpose()?;
    let of_file = file.as_ref().and_then(|file| file.region.as_ref());
    let region = args.region.as_ref().map(|word| ("--region", word));
    let word = region
        .or(of_file.map(|word| ("the mapping file's region", word)))
        .or(profile
            .region
            .as_ref()
            .map(|word| ("the profile's region", word)));
    let national = word.map(|(origin, word)| parse(origin, word)).transpose()?;
    let national = national.unwrap_or_default();
    let usual = file.as_ref().map(usual).transpose()?.unwrap_or_default();
    let header_row = file.as_ref().and_then(|file| file.header_row);
    let of_file = file.as_ref().and_then(|file| file.bad_numbers);
    let drops_bad = args.bad_numbers.or(of_file) == Some(BadNumbers::Drop);
    let mapping = MappingOptions {
        map: pairs("--map", &args.map)?,
        set: pairs::<Template>("--set", &args.set)?,
        file,
        phone_as: args.phone_as.as_deref().map(phone_as).transpose()?,
        has_region: matches!(national, NationalNumbers::Of(_)),
    };
    Ok(ReadRequest {
        files: args.files.clone(),
        mapping,
        numbers: NumberRules {
            national,
            drops_bad,
        },
        workers: args.threads,
        delimiter: delimiter("--delimiter", args.delimiter.as_deref())?,
        encoding: encoding("--encoding", args.encoding.as_deref())?,
        sheet: args.sheet.as_deref().map_or(SheetChoice::Auto, sheet),
        header_row: args.header_row.or(header_row.map(NonZeroU32::get)),
        usual,
        selection: None,
    })
}

/// Like [`resolve`], for the contacts to which a plan is restricted (`--ids`).
pub(crate) fn resolve_selected(
    args: &ReadArgs,
    planning: &PlanningArgs,
    profile: &Profile,
) -> Result<ReadRequest, SettingsError> {
    let reads_twice = args.files.iter().any(|file| is_stream(file))
        && planning.ids.as_deref().is_some_and(is_stream);
    if reads_twice {
        return Err(SettingsError::wrong(
            "the contacts and --ids can't both be read from standard input",
            Some("save one of them to a file, and name the file".to_owned()),
        ));
    }
    let selection = planning.ids.as_deref();
    Ok(ReadRequest {
        selection: selection
            .map(|path| self::selection(path, planning.mode))
            .transpose()?
            .map(Arc::new),
        ..resolve(args, profile)?
    })
}

/// The contacts of `--ids`, for a run in this mode.
pub(crate) fn selection(path: &Path, mode: Mode) -> Result<Selection, SettingsError> {
    if mode == Mode::Mirror {
        return Err(SettingsError::wrong(
            "--ids can't be combined with a mirror, which makes the whole account equal to the file: it would delete all other contacts",
            Some("use --mode upsert, or --mode missing to recreate deleted contacts".to_owned()),
        ));
    }
    Selection::read(path).map_err(|error| {
        let (fault, advice) = match &error {
            SelectionError::Io(error) => (format!(" {}", read_fault(error)), advice(path, error)),
            other => (format!(": {other}"), None),
        };
        let usual = "name a UTF-8 text file with one id on each line, or `-` for standard input";
        SettingsError::wrong(
            format!("--ids {}{fault}", path.display()),
            advice.unwrap_or_else(|| usual.to_owned()),
        )
    })
}

/// The defaults for reading the source in the mapping file.
fn usual(file: &MappingFile) -> Result<Usual, SettingsError> {
    Ok(Usual {
        encoding: encoding("the mapping file's encoding", file.encoding.as_deref())?,
        delimiter: delimiter("the mapping file's delimiter", file.delimiter.as_deref())?,
        sheet: file.sheet.as_ref().map_or(SheetChoice::Auto, Into::into),
    })
}

/// Parses repeated `FIELD=VALUE`.
fn pairs<T: FromStr<Err: std::fmt::Display>>(
    flag: &str,
    texts: &[String],
) -> Result<Vec<(Field, T)>, SettingsError> {
    texts
        .iter()
        .map(|text| {
            let (field, value) = text.split_once('=').ok_or_else(|| {
                SettingsError::wrong(
                    format!("{flag}: `{text}` has no `=`"),
                    Some(format!("write {flag} FIELD=…, such as {flag} id=…")),
                )
            })?;
            if value.trim().is_empty() {
                return Err(SettingsError::wrong(
                    format!("{flag}: `{text}` has no value after the `=`"),
                    None,
                ));
            }
            let field = field.trim().parse().map_err(|error: UnknownField| {
                // Field and column may be swapped, or the field may be a column's name in everyday language.
                let swapped = value.trim().parse().ok().filter(|_| flag == "--map");
                let swapped = swapped.map(|meant: Field| (meant, field));
                let meant = swapped.or_else(|| Some((mapping::field_called(field)?, value)));
                let hint = meant.map(|(meant, value)| {
                    let value = shell_quoted(value.trim());
                    format!("did you mean {flag} {meant}={value}?")
                });
                SettingsError::wrong(format!("{flag}: {error}"), hint)
            })?;
            Ok((field, parse(flag, value)?))
        })
        .collect()
}

fn phone_as(words: &[String]) -> Result<Vec<ChatType>, SettingsError> {
    match words {
        [word] if word == "none" => Ok(Vec::new()),
        words => words.iter().map(|word| parse("--phone-as", word)).collect(),
    }
}

pub(crate) fn delimiter(origin: &str, word: Option<&str>) -> Result<Option<u8>, SettingsError> {
    const NAMED: [(&str, char); 4] = [
        ("semicolon", ';'),
        ("comma", ','),
        ("pipe", '|'),
        ("colon", ':'),
    ];
    let Some(word) = word else {
        return Ok(None);
    };
    match word {
        "tab" | "\\t" => Ok(Some(b'\t')),
        _ => match word.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(Some(*byte)),
            _ => {
                let fault = if word.chars().count() == 1 {
                    "can't be a delimiter"
                } else {
                    "is not one character"
                };
                let named = NAMED
                    .iter()
                    .find(|(name, _)| word.eq_ignore_ascii_case(name));
                let meant = named.map(|(_, sign)| format!("did you mean '{sign}'? "));
                Err(SettingsError::wrong(
                    format!("{origin}: `{word}` {fault}"),
                    meant.unwrap_or_default() + "write one character, such as ';', or tab",
                ))
            }
        },
    }
}

/// Code pages of MS-DOS that can't be read. A similar name would be that of another script.
const MS_DOS: [&str; 7] = ["437", "737", "775", "850", "852", "858", "860"];

fn encoding(origin: &str, word: Option<&str>) -> Result<Option<&'static Encoding>, SettingsError> {
    let Some(word) = word else {
        return Ok(None);
    };
    let found = Encoding::for_label(word.trim().as_bytes());
    found.map(Some).ok_or_else(|| {
        const SOME: &str = "utf-8, utf-16le, windows-1251, windows-1252, koi8-r, ibm866, macintosh, x-mac-cyrillic";
        let number: String = word.chars().filter(char::is_ascii_digit).collect();
        if MS_DOS.contains(&&*number) {
            return SettingsError::wrong(
                format!("{origin}: the MS-DOS encoding `{word}` is not supported"),
                "save the file as CSV in UTF-8".to_owned(),
            );
        }
        let meant = nearest::question(word, SOME.split(", "));
        SettingsError::wrong(
            format!("{origin}: unknown encoding `{word}`"),
            meant.unwrap_or_else(|| format!("such as {SOME}")),
        )
    })
}

fn sheet(word: &str) -> SheetChoice {
    match (word, word.parse()) {
        ("all", _) => SheetChoice::All,
        (_, Ok(number)) => SheetChoice::Number(number),
        (name, Err(_)) => SheetChoice::Name(name.to_owned()),
    }
}

/// Reads a mapping file or a built-in one.
pub(super) fn load_mapping(path: &Path) -> Result<MappingFile, SettingsError> {
    let shown = path.display();
    let unreadable = |error: &io::Error, hint| {
        let fault = read_fault(error);
        SettingsError::wrong(format!("mapping file {shown} {fault}"), hint)
    };
    // A path in a profile is relative to the configuration file.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = match file::text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let presets = Preset::names();
            let meant = similar(path).map(|path| format!("did you mean {}? ", path.display()));
            let built_in = || Some(nearest::question(&name, presets.split(", "))? + " ");
            let meant = meant.or_else(built_in).unwrap_or_default();
            let hint = format!("{meant}name a file, or a built-in mapping: {presets}");
            let preset = Preset::named(&name).map(Preset::file);
            return preset.ok_or_else(|| unreadable(&error, Some(hint)));
        }
        Err(error) => return Err(unreadable(&error, advice(path, &error))),
    };
    text.parse::<MappingFile>().map_err(|error| {
        let hint = MappingFile::HINT.to_owned();
        SettingsError::wrong(format!("mapping file {shown}: {error}"), hint)
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_is_one_character_or_tab() {
        let delimiter = |word| delimiter("--delimiter", Some(word));
        assert_eq!(delimiter(";").unwrap(), Some(b';'));
        assert_eq!(delimiter("tab").unwrap(), Some(b'\t'));
        for wrong in ["", ";;", "ё", "\""] {
            assert!(delimiter(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sheet_is_a_number_all_or_a_name() {
        assert_eq!(sheet("2"), SheetChoice::Number(2));
        assert_eq!(sheet("all"), SheetChoice::All);
        assert_eq!(sheet("Лист1"), SheetChoice::Name("Лист1".into()));
    }

    #[test]
    fn a_pair_without_an_equals_sign_names_the_flag() {
        let error = pairs::<String>("--map", &["id".to_owned()]).unwrap_err();
        assert!(error.to_string().starts_with("--map: `id`"));
        assert_eq!(
            pairs::<String>("--map", &["id=A=B".to_owned()]).unwrap(),
            [(Field::Id, "A=B".to_owned())]
        );
    }
}
