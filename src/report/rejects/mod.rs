//! The rejects file: rejected rows with their original cells and the reasons.
//!
//! The columns and values of the source (of the first of several) are unchanged, so that a corrected file can be
//! imported directly. The [`ADDED_COLUMNS`], which import ignores, come after them, or before them in a workbook
//! (`_file` only with several sources). A row has one line; several problems are joined with `; `. The cells come from
//! the run file, so the source is not needed.
//!
//! Text is written as in the source (delimiter, encoding, line ends); a path that ends in `.xlsx` becomes a
//! workbook. If the sources have different encodings, or theirs can't represent a cell, the file is UTF-8. CSV for
//! spreadsheet programs (`--excel`) is written like such an export, and importing it has the same result.

pub(crate) mod originals;
mod path;
mod sheet;
mod text;

use std::{
    borrow::Cow,
    collections::HashMap,
    path::{Path, PathBuf},
};

pub(crate) use self::path::{
    check_requested, check_spares, check_writable, choose, dropped_beside, of_dropped, of_run,
};
use self::{
    originals::{Originals, added},
    path::is_workbook,
    sheet::SheetOut,
    text::TextOut,
};
use crate::{
    export::excel::shown_as_it_is,
    formula,
    ledger::{Ledger, RejectsOrigin, RejectsPath, record_rejects},
    normalize::has_lost_digits,
    output::{IoError, OutputFile, Symlinks},
    reject::{ADDED_COLUMNS, Problem, RejectedRow},
    report::ReportError,
    run::{RunFile, RunSources, rejects},
    streams::is_special,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RejectsFile {
    pub count: u64,
    /// Its path. It differs from the requested one if the file there must not be replaced.
    pub path: PathBuf,
    pub wanted: PathBuf,
}

/// Writes the rejected rows of a run, readable only by their owner; no file without rejects. The file is complete
/// before it gets its name. It must not replace one of the run's `sources`.
pub(crate) fn write(
    run: &RunFile,
    target: &RejectsPath,
    for_excel: bool,
    sources: &[PathBuf],
    profile: &str,
    ledger: &mut Ledger,
) -> Result<RejectsFile, ReportError> {
    let path = path::next(target, sources, profile, ledger);
    let count = write_to(run, &path, path::links(target, &path), for_excel)?;
    if count > 0 && !is_special(&path) {
        record_rejects(ledger, &path, &RejectsOrigin::new(sources, profile))?;
    }
    Ok(RejectsFile {
        count,
        path,
        wanted: target.wanted.clone(),
    })
}

fn write_to(
    run: &RunFile,
    path: &Path,
    links: Symlinks,
    for_excel: bool,
) -> Result<u64, ReportError> {
    let mut writer: Option<RejectsWriter<'_>> = None;
    let mut count = 0;
    rejects::for_each::<ReportError>(run, |rejected| {
        let writer = match &mut writer {
            Some(writer) => writer,
            None => writer.insert(RejectsWriter::create(run, path, links, for_excel)?),
        };
        count += 1;
        writer.row(&rejected)
    })?;
    if let Some(writer) = writer {
        writer.finish()?;
    }
    Ok(count)
}

/// The values of the added columns, except the file.
fn row_and_reasons(rejected: &RejectedRow<'_>) -> [String; 4] {
    let joined = |text: fn(&Problem) -> &str| {
        let texts: Vec<_> = rejected.problems.iter().map(text).collect();
        texts.join("; ")
    };
    [
        rejected.row.to_string(),
        joined(|problem| problem.column.as_deref().unwrap_or_default()),
        joined(|problem| problem.code.as_str()),
        joined(|problem| &problem.reason),
    ]
}

/// The cells with problems, each with the reasons.
fn invalid_cells(problems: &[Problem], columns: &[String]) -> Vec<(usize, String)> {
    let mut invalid: Vec<(usize, String)> = Vec::new();
    for Problem { column, reason, .. } in problems {
        let named =
            |(_, name): &(usize, &String)| column.as_ref() == Some(name) && !name.is_empty();
        for (at, _) in columns.iter().enumerate().filter(named) {
            match invalid.iter_mut().find(|(known, _)| *known == at) {
                Some((_, reasons)) => {
                    reasons.push('\n');
                    reasons.push_str(reason);
                }
                None => invalid.push((at, reason.clone())),
            }
        }
    }
    invalid
}

struct RejectsWriter<'a> {
    path: PathBuf,
    out: Out,
    originals: Originals<'a>,
    /// The columns of all sources, and the positions of each source's own columns.
    columns: Vec<String>,
    positions: Vec<Positions>,
    /// True if spreadsheet programs must display all cells of a text file unchanged.
    for_excel: bool,
}

/// The file, in the format of its extension.
enum Out {
    Text(TextOut),
    Sheet(Box<SheetOut>),
}

impl<'a> RejectsWriter<'a> {
    fn create(
        run: &'a RunFile,
        path: &Path,
        links: Symlinks,
        for_excel: bool,
    ) -> Result<Self, ReportError> {
        let mut originals = Originals::of(run)?;
        let (columns, positions) = union(&originals.sources);
        let added = added(&originals.sources.list);
        let target = OutputFile::open(path, links).map_err(IoError::at(path))?;
        let out = if is_workbook(path) {
            let out = SheetOut::create(target, path, added, &columns);
            Out::Sheet(Box::new(out.map_err(IoError::at(path))?))
        } else {
            let form = if for_excel {
                text::form_for_excel()
            } else {
                originals.form()?
            };
            let mut out = TextOut::create(target, &form).map_err(IoError::at(path))?;
            let added = added.iter().map(|name| name.as_bytes());
            let header = columns.iter().map(String::as_bytes).chain(added);
            let mut header: Vec<_> = header.map(<[u8]>::to_vec).collect();
            if for_excel {
                apply(&mut header, formula::guarded);
            }
            out.record(&header).map_err(IoError::at(path))?;
            Out::Text(out)
        };
        Ok(Self {
            path: path.into(),
            out,
            originals,
            columns,
            positions,
            for_excel,
        })
    }

    fn row(&mut self, rejected: &RejectedRow<'_>) -> Result<(), ReportError> {
        let RejectedRow {
            source,
            row,
            problems,
            ..
        } = rejected;
        let mut record = vec![Vec::new(); self.columns.len()];
        let file = self.originals.sources.name(*source as usize);
        let cells = self.originals.cells(*source, *row)?;
        // Can't fail: `cells` found the source, so it has positions.
        let positions = self
            .positions
            .get(*source as usize)
            .map_or(&[][..], Vec::as_slice);
        for (position, cell) in positions.iter().zip(cells) {
            if let Some(position) = *position {
                record[position].clone_from(cell);
            }
        }
        let words: Vec<_> = file.into_iter().chain(row_and_reasons(rejected)).collect();
        // Surplus cells stay surplus until the user has decided where they belong.
        let surplus = cells.get(positions.len()..).unwrap_or_default();
        let has_surplus = surplus.iter().any(|cell| !cell.trim_ascii().is_empty());
        let surplus = if has_surplus { surplus } else { &[] };
        let written = match &mut self.out {
            Out::Text(out) => {
                // A server's message, a column name or a file name may look like a formula. Unlike source cells,
                // they may be changed.
                let words = words.iter().map(|word| formula::guarded(word).into_owned());
                record.extend(words.map(String::into_bytes));
                record.extend_from_slice(surplus);
                if self.for_excel {
                    apply(&mut record, for_excel);
                }
                out.record(&record)
            }
            Out::Sheet(out) => {
                record.extend_from_slice(surplus);
                out.record(&words, &record, &invalid_cells(problems, &self.columns))
            }
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

/// Rewrites the cells that are text.
fn apply(cells: &mut [Vec<u8>], rewrite: impl Fn(&str) -> Cow<'_, str>) {
    for cell in cells {
        if let Ok(text) = str::from_utf8(cell) {
            *cell = rewrite(text).into_owned().into_bytes();
        }
    }
}

/// The position of each column of a source among those of all sources.
type Positions = Vec<Option<usize>>;

/// Fields that are read from a single column.
const SINGLE: [&str; 3] = ["id", "responsible_user_id", "uri"];

/// The columns of all sources in order, and each source's positions among them. A column that a source has twice
/// appears twice; columns added by an earlier rejects file have no position. The columns from which the sources read
/// one of the [`SINGLE`] fields are one column, whatever their names, because only one would be read again.
fn union(sources: &RunSources) -> (Vec<String>, Vec<Positions>) {
    let mut columns: Vec<String> = Vec::new();
    // The positions of each name or field.
    let mut known: HashMap<String, Vec<usize>> = HashMap::new();
    let mut positions = Vec::new();
    for (number, source) in (0..).zip(&sources.list) {
        let single = sources.columns(number).iter();
        let single: Vec<_> = single
            .filter(|it| it.fields.first().is_some_and(|it| SINGLE.contains(&&**it)))
            .collect();
        let mut taken: HashMap<String, usize> = HashMap::new();
        let mut position = |column: &String| {
            if ADDED_COLUMNS.contains(&column.as_str()) {
                return None;
            }
            let own = single.iter().find(|it| it.column == *column);
            let key = own.map_or(column, |it| &it.fields[0]);
            let known = known.entry(key.clone()).or_default();
            let taken = taken.entry(key.clone()).or_default();
            if *taken == known.len() {
                known.push(columns.len());
                columns.push(column.clone());
            }
            *taken += 1;
            Some(known[*taken - 1])
        };
        positions.push(source.columns.iter().map(&mut position).collect());
    }
    (columns, positions)
}

/// The cell as a spreadsheet program must read it. One that lost digits must not look like text that the user wrote.
fn for_excel(cell: &str) -> Cow<'_, str> {
    if has_lost_digits(cell) {
        cell.into()
    } else {
        shown_as_it_is(cell)
    }
}
