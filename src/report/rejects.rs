//! The rejects file: rows that were not taken over, as they stood in the source, with the reasons.
//!
//! The source's own columns and values come first, so that a mended file can be imported as it is; then
//! `_row`, `_column`, `_code`, `_reason`, and `_file` where there are several sources, which import ignores. One line per row; several problems of a row are
//! joined with `; ` in each. The cells come from the run file, so the source is not needed.
//!
//! Text is written as the source is (delimiter, encoding, line ends); where the path ends in `.xlsx`, a workbook is written.
//! Sources of different encodings, and cells that their own could not hold again, are written as UTF-8.

mod path;
mod place;
mod sheet;
mod text;

use std::path::{Path, PathBuf};

use encoding_rs::{Encoding, UTF_8};

pub(crate) use self::path::{check_asked, check_spares, check_writable, choose, resolve};
use self::{
    sheet::SheetOut,
    text::{TextOut, can_hold, common_encoding},
};
use crate::{
    memory::RejectsFiles,
    output::IoError,
    report::ReportError,
    run::{RejectLine, RunError, RunFile, StagedSource, blocks, rejects, sources},
    source::Block,
};

/// The columns that are added behind the source's own.
pub(crate) const ADDED: [&str; 5] = ["_file", "_row", "_column", "_code", "_reason"];

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// How many rows are rejected.
    pub count: u64,
    /// Where they are: beside the place that was asked for where somebody is mending what is there.
    pub path: PathBuf,
}

/// Where the rejects of a run are that were asked for at `wanted`.
pub(crate) fn find(run: &RunFile, wanted: &Path) -> Result<PathBuf, ReportError> {
    Ok(place::last(run, wanted)?)
}

/// Writes the rejected rows of a run to `wanted`, readable by their owner only, or beside it where there is a file that no run
/// wrote or that somebody has touched since. Where there are none, nothing is written. The file is complete before
/// it gets its name, so what stood there before is replaced as a whole or stays.
pub(crate) fn write(
    run: &RunFile,
    wanted: &Path,
    memory: &RejectsFiles,
) -> Result<Written, ReportError> {
    let path = place::next(run, wanted, memory)?;
    let count = write_to(run, &path)?;
    if count > 0 {
        place::remember(run, wanted, &path, memory)?;
    }
    Ok(Written { count, path })
}

fn write_to(run: &RunFile, path: &Path) -> Result<u64, ReportError> {
    let mut writer: Option<Writer<'_>> = None;
    let mut open: Option<Row> = None;
    let mut count = 0;
    rejects::for_each::<ReportError>(run, |line| {
        if let Some(row) = &mut open
            && (row.source, row.number) == (line.source, line.row)
        {
            row.add(&line);
            return Ok(());
        }
        let writer = match &mut writer {
            Some(writer) => writer,
            None => writer.insert(Writer::create(run, path)?),
        };
        count += 1;
        match open.replace(Row::new(&line)) {
            Some(finished) => writer.row(&finished),
            None => Ok(()),
        }
    })?;
    if let (Some(mut writer), Some(last)) = (writer, open) {
        writer.row(&last)?;
        writer.finish()?;
    }
    Ok(count)
}

/// A rejected row with everything that is wrong with it.
struct Row {
    source: u32,
    number: u64,
    columns: Vec<String>,
    codes: Vec<String>,
    reasons: Vec<String>,
}

impl Row {
    fn new(line: &RejectLine) -> Self {
        let mut row = Self {
            source: line.source,
            number: line.row,
            columns: vec![],
            codes: vec![],
            reasons: vec![],
        };
        row.add(line);
        row
    }

    fn add(&mut self, line: &RejectLine) {
        self.columns
            .push(line.problem.column.clone().unwrap_or_default());
        self.codes.push(line.problem.code.to_string());
        self.reasons.push(line.problem.reason.clone());
    }

    /// The cells to blame, each with the reasons.
    fn blamed(&self, columns: &[String]) -> Vec<(usize, String)> {
        let mut blamed: Vec<(usize, String)> = Vec::new();
        for (name, reason) in self.columns.iter().zip(&self.reasons) {
            let named = |(_, column): &(usize, &String)| *column == name && !name.is_empty();
            for (at, _) in columns.iter().enumerate().filter(named) {
                match blamed.iter_mut().find(|(known, _)| *known == at) {
                    Some((_, reasons)) => {
                        reasons.push('\n');
                        reasons.push_str(reason);
                    }
                    None => blamed.push((at, reason.clone())),
                }
            }
        }
        blamed
    }
}

struct Writer<'a> {
    path: PathBuf,
    out: Out,
    originals: Originals<'a>,
    /// The columns of all sources, and for each source where its own columns are among them.
    columns: Vec<String>,
    places: Vec<Vec<Option<usize>>>,
}

/// The rows as they stood in the sources.
struct Originals<'a> {
    run: &'a RunFile,
    sources: Vec<StagedSource>,
    open: Option<OpenCells>,
}

/// The file in the form that it was asked for.
enum Out {
    Text(TextOut),
    Sheet(Box<SheetOut>),
}

/// The rows of one block, cut into cells.
struct OpenCells {
    source: u32,
    first_row: u64,
    rows: Vec<Vec<Vec<u8>>>,
}

impl<'a> Writer<'a> {
    fn create(run: &'a RunFile, path: &Path) -> Result<Self, ReportError> {
        let mut originals = Originals::of(run)?;
        let (columns, places) = union(&originals.sources);
        let header: Vec<String> = columns
            .iter()
            .cloned()
            .chain(added(&originals.sources).iter().map(ToString::to_string))
            .collect();
        let out = if is_workbook(path) {
            Out::Sheet(Box::new(SheetOut::create(path, header)?))
        } else {
            let encoding = originals.encoding()?;
            let mut out = TextOut::create(path, originals.sources.first(), encoding)?;
            let header: Vec<_> = header.into_iter().map(String::into_bytes).collect();
            out.record(&header).map_err(IoError::at(path))?;
            Out::Text(out)
        };
        Ok(Self {
            path: path.into(),
            out,
            originals,
            columns,
            places,
        })
    }

    fn row(&mut self, row: &Row) -> Result<(), ReportError> {
        let mut record = vec![Vec::new(); self.columns.len()];
        let file = self.originals.file_of(row);
        let cells = self.originals.cells(row.source, row.number)?;
        let places = &self.places[row.source as usize];
        for (place, cell) in places.iter().zip(cells) {
            if let Some(place) = *place {
                record[place].clone_from(cell);
            }
        }
        let words = [
            row.number.to_string(),
            row.columns.join("; "),
            row.codes.join("; "),
            row.reasons.join("; "),
        ];
        record.extend(file.into_iter().chain(words).map(String::into_bytes));
        // Cells that have no column stay too many, until somebody has decided where they belong.
        let surplus = cells.get(places.len()..).unwrap_or_default();
        if surplus.iter().any(|cell| !cell.trim_ascii().is_empty()) {
            record.extend_from_slice(surplus);
        }
        let written = match &mut self.out {
            Out::Text(out) => out.record(&record),
            Out::Sheet(out) => out.record(&record, &row.blamed(&self.columns)),
        };
        Ok(written.map_err(IoError::at(&self.path))?)
    }

    fn finish(self) -> Result<(), ReportError> {
        let finished = match self.out {
            Out::Text(out) => out.finish(),
            Out::Sheet(out) => out.finish(),
        };
        Ok(finished.map_err(IoError::at(&self.path))?)
    }
}

impl<'a> Originals<'a> {
    fn of(run: &'a RunFile) -> Result<Self, RunError> {
        Ok(Self {
            run,
            sources: sources::all(run)?,
            open: None,
        })
    }

    /// The file of a row, where there are several.
    fn file_of(&self, row: &Row) -> Option<String> {
        let has_several = added(&self.sources) == ADDED;
        has_several.then(|| self.sources[row.source as usize].name())
    }

    /// The encoding in which every source is written and every rejected row can be, or else UTF-8.
    fn encoding(&mut self) -> Result<&'static Encoding, RunError> {
        let Some(encoding) = common_encoding(&self.sources) else {
            return Ok(UTF_8);
        };
        let mut columns = self.sources.iter().flat_map(|source| &source.columns);
        let mut is_enough = columns.all(|column| can_hold(encoding, column.as_bytes()));
        if encoding != UTF_8 {
            rejects::for_each::<RunError>(self.run, |line| {
                let mut cells = self.cells(line.source, line.row)?.iter();
                is_enough = is_enough && cells.all(|cell| can_hold(encoding, cell));
                Ok(())
            })?;
        }
        Ok(if is_enough { encoding } else { UTF_8 })
    }

    fn cells(&mut self, source: u32, row: u64) -> Result<&[Vec<u8>], RunError> {
        let holds = |open: &OpenCells| {
            open.source == source
                && (open.first_row..open.first_row + open.rows.len() as u64).contains(&row)
        };
        let open = match self.open.take().filter(holds) {
            Some(open) => open,
            None => self.open_cells(source, row)?,
        };
        let open = self.open.insert(open);
        let index = usize::try_from(row - open.first_row).unwrap_or(usize::MAX);
        Ok(open.rows.get(index).map_or(&[], Vec::as_slice))
    }

    fn open_cells(&self, source: u32, row: u64) -> Result<OpenCells, RunError> {
        let (first_row, row_count, text) = blocks::cells(self.run, source, row)?;
        let described = &self.sources[source as usize];
        let mut rows = vec![Vec::new(); row_count as usize];
        let block = Block {
            text,
            ..Block::default()
        };
        let delimiter = described.delimiter;
        block.rows(delimiter, described.columns.len(), |row| {
            if let Some(cells) = rows.get_mut(row.offset as usize) {
                *cells = if row.faults.is_empty() {
                    row.cells.iter().map(Vec::from).collect()
                } else {
                    as_they_are(row.raw, delimiter)
                };
            }
        });
        Ok(OpenCells {
            source,
            first_row,
            rows,
        })
    }
}

/// The cells of one record, with bytes that are no text as they are.
fn as_they_are(record: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(record);
    let first = reader.byte_records().next();
    // It was read once already, and reading from memory has nothing else that could fail.
    first.and_then(Result::ok).map_or_else(Vec::new, |record| {
        record.iter().map(<[u8]>::to_vec).collect()
    })
}

fn is_workbook(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("xlsx"))
}

/// The columns behind those of the sources: a row's number says enough where there is only one.
fn added(sources: &[StagedSource]) -> &'static [&'static str] {
    if sources.len() > 1 {
        &ADDED
    } else {
        &ADDED[1..]
    }
}

/// The columns of all sources in order, and each source's places among them. A column that stands twice in
/// one source stands twice here; what an earlier rejects file added has no place.
fn union(sources: &[StagedSource]) -> (Vec<String>, Vec<Vec<Option<usize>>>) {
    let mut columns: Vec<String> = Vec::new();
    let mut places = Vec::new();
    for source in sources {
        let mut taken = vec![false; columns.len()];
        let mut place = |column: &String| {
            if ADDED.contains(&column.as_str()) {
                return None;
            }
            let free = (0..taken.len()).find(|&at| !taken[at] && columns[at] == *column);
            let at = free.unwrap_or_else(|| {
                columns.push(column.clone());
                taken.push(false);
                taken.len() - 1
            });
            taken[at] = true;
            Some(at)
        };
        places.push(source.columns.iter().map(&mut place).collect());
    }
    (columns, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_name_is_made_from_the_sources_own() {
        for (source, expected) in [
            ("contacts.csv", "contacts.rejected.csv"),
            ("/data/crm/Контакты.xlsx", "Контакты.rejected.csv"),
            ("a.b.csv.gz", "a.b.rejected.csv"),
            ("noending", "noending.rejected.csv"),
            (".csv", ".csv.rejected.csv"),
            ("-", "stdin.rejected.csv"),
        ] {
            assert_eq!(
                path::default_path(Path::new(source)),
                Path::new(expected),
                "{source}"
            );
        }
    }
}
