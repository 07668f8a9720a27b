//! Checks files offline and without a run file: reads, maps and rejects rows like `import`.
//!
//! Rows are counted by table and compared across all tables, as in `import`.

mod counts;
mod report;

use std::{io, sync::Arc};

pub use self::report::CheckReport;
pub(crate) use self::report::CheckedTable;
use self::{counts::TableCounts, report::Repeated};
use crate::{
    employees::OwnerRule,
    environment::temporary_directory,
    error::Error,
    mapping::{BadNumbers, Mapping, MappingFile},
    plan::{
        Mode,
        index::{ChatIndex, IdIndex},
    },
    progress::Monitor,
    report::examples::At,
    run::{Position, StagedBlock},
    source::Table,
    stage::{Keep, ReadRequest, Stager},
};

/// Contacts kept in addition to those to show, because some of the first may turn out to be duplicates.
const SPARE: usize = 20;

/// Checks files. `show`: number of contacts of each table to keep for the user.
pub fn check(
    reading: &ReadRequest,
    mode: Mode,
    show: usize,
    monitor: &Arc<dyn Monitor>,
) -> Result<CheckReport, Error> {
    let mut checker = Checker::new(reading, mode, show, monitor);
    for file in &reading.files {
        for table in reading.open(file, monitor)? {
            let mapping = reading.map(&table)?;
            checker.read(table, mapping)?;
        }
    }
    checker.finish()
}

/// Reads tables one by one and reports on all of them.
pub(crate) struct Checker<'a> {
    stager: Stager<'a>,
    at: Position,
    /// Number of contacts of each table to keep.
    kept: usize,
    tables: Vec<CheckedTable>,
    ids: IdIndex,
    chats: ChatIndex,
}

impl<'a> Checker<'a> {
    /// Creates a checker for plans of this mode. `show`: number of contacts of each table to keep for the user.
    pub(crate) fn new(
        reading: &'a ReadRequest,
        mode: Mode,
        show: usize,
        monitor: &'a Arc<dyn Monitor>,
    ) -> Self {
        let kept = show.saturating_add(if show == 0 { 0 } else { SPARE });
        Self {
            stager: Stager::new(
                reading,
                mode,
                Keep::Sample(kept),
                &OwnerRule::Guard,
                monitor,
            ),
            at: Position::default(),
            kept,
            tables: Vec::new(),
            ids: IdIndex::new(None),
            chats: ChatIndex::new(None),
        }
    }

    /// Reads a table to its end. Returns warnings and the text of a mapping file.
    pub(crate) fn read(
        &mut self,
        table: Table,
        mapping: Mapping,
    ) -> Result<(Vec<String>, String), Error> {
        let resolved = mapping.clone();
        let early = early_warnings(&table, &mapping);
        let mut file = MappingFile::of(&resolved).with_source(&table);
        file.bad_numbers = self
            .stager
            .reading
            .numbers
            .drops_bad
            .then_some(BadNumbers::Drop);
        let encoding = table.encoding.as_ref().map(|it| it.object(&table.origin));
        let described = MappingFile::describe(&mapping);
        let first = self.tables.last().map_or(0, |table| table.counts.end);
        let mut counts = TableCounts {
            first,
            end: first,
            ..TableCounts::default()
        };
        self.at.source = u32::try_from(self.tables.len()).unwrap_or(u32::MAX);
        let read = self
            .stager
            .read(table, mapping, &mut self.at, |at, block| {
                index(at, &block, first, &mut self.ids, &mut self.chats)
                    .map_err(Error::io(temporary_directory()))?;
                counts.add(at, block, self.kept);
                Ok::<_, Error>(())
            })?;
        let warnings = [early, read.warnings, read.edits.value_warnings()].concat();
        let file = file.write(&resolved, read.edits.owners.without_id());
        self.tables.push(CheckedTable {
            source: read.source,
            mapping: described,
            encoding,
            edits: read.edits,
            counts,
            warnings: warnings.clone(),
        });
        Ok((warnings, file))
    }

    /// Rejects contradicting rows and merges equal ones, across all tables.
    pub(crate) fn finish(self) -> Result<CheckReport, Error> {
        let mut tables = self.tables;
        let workers = &self.stager.workers;
        let groups = self.ids.into_groups(workers);
        let groups = groups.and_then(|ids| Ok((ids, self.chats.into_groups(workers)?)));
        let (repeats, shared) = groups.map_err(Error::io(temporary_directory()))?;
        let mut repeated = Repeated {
            contradicting: Vec::new(),
            incomplete: Vec::new(),
            same: Vec::new(),
            shared,
        };
        for group in repeats {
            let rows = |numbers: &[u64]| -> Vec<At> {
                let located = numbers.iter().map(|&number| locate(&tables, number));
                located.collect()
            };
            let is_long = tables[rows(&group.contacts)[0].0].is_long();
            let nameless = if is_long {
                rows(&group.nameless)
            } else {
                Vec::new()
            };
            let rejected = [rows(&group.rejected), nameless].concat();
            let rows = rows(&group.contacts);
            if group.are_same && rejected.is_empty() {
                for &(table, row) in &rows[1..] {
                    tables[table].counts.merge(row);
                }
                // The rows of a long backup are the chats of a contact.
                if !is_long && rows.len() > 1 {
                    repeated.same.push(rows);
                }
            } else {
                for &(table, row) in &rows {
                    tables[table].counts.reject(row);
                }
                let groups = if rejected.is_empty() {
                    &mut repeated.contradicting
                } else {
                    &mut repeated.incomplete
                };
                let mut rows = [rows, rejected].concat();
                rows.sort_unstable();
                groups.push(rows);
            }
        }
        Ok(CheckReport {
            tables,
            repeated,
            rejects: None,
        })
    }
}

/// Warnings known before the rows are read.
pub(crate) fn early_warnings(table: &Table, mapping: &Mapping) -> Vec<String> {
    [table.warnings(), mapping.warnings.clone()].concat()
}

/// Indexes the ids and phones of a block. `first` is the number of its table's row 0.
fn index(
    at: Position,
    block: &StagedBlock,
    first: u64,
    ids: &mut IdIndex,
    chats: &mut ChatIndex,
) -> io::Result<()> {
    let hashes = block.id_hashes.iter().zip(&block.content_hashes);
    for (&row, (&hash, &content)) in block.rows.iter().zip(hashes) {
        ids.add(first + at.first_row + u64::from(row), hash, content)?;
    }
    ids.add_rejects(block, first + at.first_row)?;
    chats.add(at, block)
}

/// The table and the row with this number, counted through all tables.
fn locate(tables: &[CheckedTable], number: u64) -> At {
    let next = tables.partition_point(|table| table.counts.first <= number);
    // An empty table has the same `first` as the next one. The last of them has the rows.
    let table = next.saturating_sub(1);
    (table, number - tables[table].counts.first)
}
