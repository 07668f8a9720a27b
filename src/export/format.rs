//! Formats of a backup, by file extension or `--format`.

use std::{
    io::{self, Write},
    path::Path,
    str::FromStr,
};

use flate2::write::GzEncoder;

pub(crate) use super::text::CsvDialect;
use super::{
    book::BookWriter,
    rows::RowWriter,
    text::{CsvWriter, LinesWriter},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableFormat {
    Csv(CsvDialect),
    Xlsx,
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub(crate) enum FormatName {
    Csv,
    Tsv,
    Xlsx,
    Jsonl,
}

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

/// The default level of the zstd command.
const ZSTD_LEVEL: i32 = 3;

impl Compression {
    pub(super) fn compress(
        self,
        out: &mut (dyn Write + Send),
        write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> io::Result<()> {
        match self {
            Self::None => write(out),
            Self::Gzip => {
                let mut out = GzEncoder::new(out, flate2::Compression::default());
                write(&mut out)?;
                out.finish().map(drop)
            }
            Self::Zstd => {
                let mut out = zstd::Encoder::new(out, ZSTD_LEVEL)?;
                write(&mut out)?;
                out.finish().map(drop)
            }
        }
    }
}

impl TableFormat {
    /// Writes rows with these columns. `scratch`: the directory of temporary files; `sheet_rows_max`: the rows of
    /// a sheet including its header.
    pub(super) fn writer<'a>(
        self,
        out: &'a mut (dyn Write + Send),
        columns: &[String],
        scratch: &Path,
        sheet_rows_max: u32,
    ) -> io::Result<Box<dyn RowWriter + 'a>> {
        Ok(match self {
            Self::Csv(dialect) => Box::new(CsvWriter::create(out, columns, dialect)?),
            Self::Xlsx => Box::new(BookWriter::create(out, columns, scratch, sheet_rows_max)?),
            Self::Jsonl => Box::new(LinesWriter::create(out, columns)?),
        })
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
