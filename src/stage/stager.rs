//! Turns a table into staged contacts, in parallel and in order.
//!
//! This thread cuts the source into blocks, rayon's workers parse and normalize them, and this thread passes on
//! the results in file order. So the same input yields the same contacts with the same numbers for any number of
//! workers.

use std::{
    hash::{BuildHasher as _, RandomState},
    ops::ControlFlow,
    sync::{Arc, atomic::AtomicUsize},
};

use super::{
    ReadRequest,
    worker::{Keep, Worker},
};
use crate::{
    employees::OwnerRule,
    mapping::{Field, Mapping, MappingFile},
    normalize::{Edits, FileRules, NationalNumbers, Required},
    parallel::{self, Workers},
    plan::{Mode, gate::GateVerdict},
    progress::{Monitor, Phase},
    run::{Position, StagedBlock, StagedSource},
    source::{Block, ColumnNames, ReadReport, SourceError, SourceErrorKind, Table},
};

/// Reads tables, each with its own mapping.
pub(crate) struct Stager<'a> {
    pub reading: &'a ReadRequest,
    pub required: Required,
    pub keep: Keep,
    /// The seed of all hashes, shared by all tables because their ids are compared.
    pub hash_seed: u64,
    pub monitor: &'a Arc<dyn Monitor>,
    /// The treatment of names in `responsible_user_id`.
    owners: &'a OwnerRule,
    /// The threads that parse and normalize.
    pub workers: Workers,
    /// The number of bytes of source text that may stay uncompressed.
    pub(super) held_left: AtomicUsize,
}

pub(crate) struct StagedTable {
    pub source: StagedSource,
    pub edits: Edits,
    pub warnings: Vec<String>,
    /// True if the file seems to have rows that were not read.
    pub may_lack_rows: bool,
}

impl<'a> Stager<'a> {
    /// A stager with a random seed, so that no file can be crafted to collide.
    pub(crate) fn new(
        reading: &'a ReadRequest,
        mode: Mode,
        keep: Keep,
        owners: &'a OwnerRule,
        monitor: &'a Arc<dyn Monitor>,
    ) -> Self {
        Self {
            reading,
            workers: Workers::new(reading.workers.unwrap_or_default()),
            required: match mode {
                Mode::Create => Required::All,
                Mode::Upsert | Mode::Update | Mode::Mirror | Mode::Missing | Mode::Undo => {
                    Required::IdOnly
                }
            },
            keep,
            hash_seed: RandomState::new().hash_one(0_u8),
            monitor,
            owners,
            held_left: AtomicUsize::new(0),
        }
    }

    /// Reads a table to its end and calls `each` with its blocks in file order. `at` is the position of its first
    /// block, and is advanced past the last one.
    pub(crate) fn read<E: From<SourceError> + From<GateVerdict>>(
        &self,
        table: Table,
        mapping: Mapping,
        at: &mut Position,
        each: impl FnMut(Position, StagedBlock) -> Result<(), E>,
    ) -> Result<StagedTable, E> {
        let source = describe(&table, &mapping);
        let (numbers, owners) = (self.reading.numbers, self.owners.clone());
        let mut rules = FileRules::new(mapping, numbers, self.required, owners);
        rules.selection.clone_from(&self.reading.selection);
        self.monitor.begin(Phase::Reading, Some(table.bytes()));
        let (read, mut edits) = self.stage(table, &rules, at, each)?;
        edits.end_table(&rules.mapping.columns);
        self.monitor.end();
        if numbers.national == NationalNumbers::Reject
            && let Some((column, lacking)) = edits.numbers.lacking_country(&rules.mapping.columns)
        {
            return Err(GateVerdict::lacking_country(column, lacking).into());
        }
        let mut warnings = read.notes;
        warnings.extend(edits.numbers.warnings(&rules.mapping.columns));
        Ok(StagedTable {
            source: StagedSource {
                bytes: read.bytes,
                blake3: read.blake3,
                ..source
            },
            edits,
            warnings,
            may_lack_rows: read.may_lack_rows,
        })
    }

    fn stage<E: From<SourceError>>(
        &self,
        mut table: Table,
        rules: &FileRules,
        at: &mut Position,
        mut each: impl FnMut(Position, StagedBlock) -> Result<(), E>,
    ) -> Result<(ReadReport, Edits), E> {
        let header = table.columns.clone();
        let worker = Worker {
            delimiter: table.delimiter,
            widths: table.widths(),
            header: &header,
            names: ColumnNames::new(&header),
            id_column: rules.mapping.of_field(Field::Id).next().map(|it| it.column),
            keep: self.keep,
            held_left: &self.held_left,
            hash_seed: self.hash_seed,
            rules,
        };
        tracing::info!(source = %table.origin, workers = self.reading.workers, "reading");
        let origin = table.origin.clone();
        // A requested stop also causes read errors.
        let interrupted = |error| match self.monitor.stop_requested() {
            Some(reason) => SourceErrorKind::Interrupted(reason).at(&origin, None),
            None => error,
        };
        at.first_row = u64::from(table.header_row) + 1;
        table.take_values(rules.mapping.cell_values());
        let mut edits =
            Edits::about_columns(&header, table.header_row, rules.mapping.hints.clone());
        parallel::ordered_in(
            || {
                let pool = self.workers.pool().map_err(SourceErrorKind::Io);
                pool.map_err(|kind| kind.at(&origin, None).into())
            },
            blocks(&mut table, &**self.monitor),
            |block| block.map(|block| worker.stage_block(block)),
            |staged| {
                let (block, mut of_block) = staged.map_err(interrupted)?;
                if let Some(reason) = self.monitor.stop_requested() {
                    return Err(SourceErrorKind::Interrupted(reason)
                        .at(&origin, None)
                        .into());
                }
                of_block.locate(at.first_row);
                if let Some(row) = block.other_header {
                    let row = at.first_row + u64::from(row);
                    let row = u32::try_from(row).ok();
                    return Err(SourceErrorKind::AnotherHeader.at(&origin, row).into());
                }
                edits.merge(of_block);
                each(at.pass(&block), block)?;
                Ok::<_, E>(ControlFlow::Continue(()))
            },
        )?;
        Ok((table.finish().map_err(interrupted)?, edits))
    }
}

/// The blocks of a table. Their bytes are shown as progress.
fn blocks(
    table: &mut Table,
    monitor: &dyn Monitor,
) -> impl Iterator<Item = Result<Block, SourceError>> {
    let mut bytes_shown = 0;
    let blocks = std::iter::from_fn(move || {
        let block = table.next_block().transpose();
        monitor.advance(table.bytes_read() - bytes_shown);
        bytes_shown = table.bytes_read();
        block
    });
    blocks.fuse()
}

/// Describes a table before it is read.
fn describe(table: &Table, mapping: &Mapping) -> StagedSource {
    StagedSource {
        path: table.origin.path.display().to_string(),
        sheet: table.origin.sheet.clone(),
        bytes: 0,
        blake3: String::new(),
        columns: table.columns.clone(),
        delimiter: table.delimiter,
        form: table.form.clone(),
        mapping: MappingFile::describe(mapping).to_string(),
    }
}
