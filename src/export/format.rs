//! Formats of a backup, by file extension or `--format`.

use std::{path::Path, str::FromStr};

/// The separation and form of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CsvDialect {
    /// The cell delimiter.
    pub delimiter: u8,
    /// True if spreadsheet programs can open the file with a double click: it begins with a BOM, and no cell is
    /// mistaken for a formula or a number.
    pub for_excel: bool,
}

/// The format of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableFormat {
    Csv(CsvDialect),
    Xlsx,
    Jsonl,
}

/// The name of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub(crate) enum FormatName {
    Csv,
    Tsv,
    Xlsx,
    Jsonl,
}

/// The compression of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(ascii_case_insensitive)]
pub(crate) enum Compression {
    #[strum(disabled)]
    None,
    #[strum(serialize = "gz")]
    Gzip,
    #[strum(serialize = "zst")]
    Zstd,
}

/// A format and its compression, named like a file extension: `csv`, `xlsx.gz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BackupFormat {
    pub(crate) name: FormatName,
    pub(crate) compression: Compression,
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a backup format; the formats are {FORMATS}")]
pub(crate) struct UnknownFormat(String);

/// The formats, for messages.
pub(crate) const FORMATS: &str = "csv, tsv, xlsx and jsonl, each also with .gz or .zst (csv.gz)";

impl FromStr for BackupFormat {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let (name, compression) = match word.split_once('.') {
            Some((name, compression)) => (name, compression.parse()),
            None => (word, Ok(Compression::None)),
        };
        match (name.parse(), compression) {
            (Ok(name), Ok(compression)) => Ok(Self { name, compression }),
            _ => Err(UnknownFormat(word.to_owned())),
        }
    }
}

impl BackupFormat {
    /// The format for the extension of a file.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let mut endings = name.rsplit('.');
        let (last, before) = (endings.next()?, endings.next()?);
        let packed = endings.next().map(|_| format!("{before}.{last}"));
        let packed = packed.and_then(|ending| ending.parse().ok());
        packed.or_else(|| last.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_names_the_format() {
        let format = |name, compression| Some(BackupFormat { name, compression });
        for (path, expected) in [
            ("all.csv", format(FormatName::Csv, Compression::None)),
            ("a.b/all.TSV", format(FormatName::Tsv, Compression::None)),
            ("all.csv.GZ", format(FormatName::Csv, Compression::Gzip)),
            (
                "2026.11.28.xlsx.zst",
                format(FormatName::Xlsx, Compression::Zstd),
            ),
            ("all.gz.jsonl", format(FormatName::Jsonl, Compression::None)),
            ("all.gz", None),
            ("csv.gz", None),
            ("all.csv.bz2", None),
            ("all.xls", None),
            ("all.", None),
            ("csv", None),
            ("..", None),
        ] {
            assert_eq!(BackupFormat::of(Path::new(path)), expected, "{path}");
        }
    }
}
