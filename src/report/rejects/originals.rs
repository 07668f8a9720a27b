//! The rejected rows with their original cells, from the run file.

use encoding_rs::{Encoding, UTF_8};

use super::text::{can_hold, common_encoding};
use crate::{
    reject::ADDED_COLUMNS,
    run::{OriginalCells, RunError, RunFile, RunSources, StagedSource, blocks, rejects},
    source::SourceForm,
};

pub(crate) struct Originals<'a> {
    run: &'a RunFile,
    pub(crate) sources: RunSources,
    open: Option<OriginalCells>,
}

impl<'a> Originals<'a> {
    pub(crate) fn of(run: &'a RunFile) -> Result<Self, RunError> {
        Ok(Self {
            run,
            sources: RunSources::of(run)?,
            open: None,
        })
    }

    /// The form of the first source. If the encoding differs from the source's, the file gets a BOM.
    pub(crate) fn form(&mut self) -> Result<SourceForm, RunError> {
        let encoding = self.encoding()?;
        let first = self.sources.list.first();
        let mut form = first.map_or_else(SourceForm::default, |source| source.form.clone());
        form.byte_order_mark |= form.encoding != encoding;
        form.encoding = encoding;
        Ok(form)
    }

    /// The common encoding of the sources if it can represent every rejected row; otherwise UTF-8.
    fn encoding(&mut self) -> Result<&'static Encoding, RunError> {
        let Some(encoding) = common_encoding(&self.sources.list) else {
            return Ok(UTF_8);
        };
        let mut columns = self.sources.list.iter().flat_map(|source| &source.columns);
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

    pub(crate) fn cells(&mut self, source: u32, row: u64) -> Result<&[Vec<u8>], RunError> {
        let open = self.open.take();
        let open = OriginalCells::around(self.run, &self.sources.list, open, source, row)?;
        self.open.insert(open).of(self.run, row)
    }

    /// The cells of the first rows of a source, from its first block.
    pub(crate) fn first_rows(&self, source: u32) -> Result<Vec<Vec<Vec<u8>>>, RunError> {
        let Some(row) = blocks::first_row(self.run, source)? else {
            return Ok(Vec::new());
        };
        let first = OriginalCells::around(self.run, &self.sources.list, None, source, row)?;
        Ok(first.rows)
    }
}

/// The added columns: `_file` only if there are several sources.
pub(super) fn added(sources: &[StagedSource]) -> &'static [&'static str] {
    if sources.len() > 1 {
        &ADDED_COLUMNS
    } else {
        &ADDED_COLUMNS[1..]
    }
}
