//! Reads source files into a run file.

mod request;
mod stager;
mod table_warnings;
mod worker;

use std::{collections::BTreeSet, io, mem, path::Path, sync::Arc};

pub use self::request::ReadRequest;
use self::table_warnings::TableWarnings;
pub(crate) use self::{stager::Stager, worker::Keep};
use crate::{
    characters::shown,
    contact::{ChatType, ContactField},
    crash::{self, Point},
    employees::OwnerRule,
    mapping::MappingError,
    normalize::Edits,
    output::{self, IoError},
    plan::{
        Mode,
        gate::GateVerdict,
        index::{ChatIndex, IdGroup, IdIndex},
    },
    progress::{Event, Monitor, StopReason},
    report::{
        dropped::DroppedNumbers,
        notes::{NOTES, SourceNotes},
        summary,
    },
    run::{
        Position, RunError, RunFile, StagedBlock, StagedSource, blocks, sources,
        tally::{MAY_LACK_ROWS, NOT_SELECTED},
    },
    source::{EncodingDoubt, SourceError, Table},
    wording::listed,
};

/// Number of empty tables in a warning.
const EMPTY_SHOWN: usize = 10;

/// Errors of staging files.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The source can't be read.
    #[error(transparent)]
    Source(SourceError),
    /// The columns can't be mapped.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The run file can't be written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A temporary file can't be written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The numbers of a column lack their country code.
    #[error(transparent)]
    Gate(#[from] GateVerdict),
    /// A signal stopped it.
    #[error("interrupted")]
    Interrupted(StopReason),
}

impl From<SourceError> for StageError {
    fn from(error: SourceError) -> Self {
        match error.interrupted() {
            Some(reason) => Self::Interrupted(reason),
            None => Self::Source(error),
        }
    }
}

/// The results of staging that are not in the run file.
#[derive(Default)]
pub(crate) struct Staged {
    /// Contacts that may have the same id.
    pub duplicates: Vec<IdGroup>,
    /// Changes made to cells, and hints that follow from them.
    pub notes: Edits,
    /// Phones and accounts with several ids, as lines with headings.
    shared: [(&'static str, Vec<String>); 3],
    /// Chat types for which the source has columns.
    pub chat_types: BTreeSet<ChatType>,
    /// True if every file has columns for names and owners.
    pub has_all_fields: bool,
    pub warnings: Vec<String>,
    /// Sources whose encoding is uncertain.
    pub doubts: Vec<EncodingDoubt>,
    pub source: summary::SourceSummary,
    /// The list of numbers that were left out, written when duplicates are settled.
    pub dropped: Option<DroppedNumbers>,
}

impl Staged {
    /// Facts about the rows as lines with headings.
    pub(crate) fn sections(&self) -> impl Iterator<Item = (&'static str, Vec<String>)> {
        let notes = [
            ("changes in cells", self.notes.lines()),
            ("hints", self.notes.hints()),
        ];
        notes.into_iter().chain(self.shared.clone())
    }
}

/// Reads every file into the run file.
pub(crate) fn stage_files(
    run: &RunFile,
    reading: &ReadRequest,
    mode: Mode,
    owners: &OwnerRule,
    dropped: Option<&Path>,
    monitor: &Arc<dyn Monitor>,
) -> Result<Staged, StageError> {
    // Data that exceeds the memory limit spills to the run file's directory, which needs disk space anyway.
    let directory = output::directory(run.path());
    let mut stager = Stager::new(reading, mode, Keep::Everything, owners, monitor);
    stager.held_left = run.held_max.into();
    let mut staging = Staging {
        stager,
        at: Position::default(),
        sink: RunSink {
            run,
            ids: IdIndex::new(Some(directory)),
            chats: ChatIndex::new(Some(directory)),
            directory,
            monitor: &**monitor,
            dropped: dropped.map(DroppedNumbers::new),
            not_selected: 0,
            filled: 0,
            source: String::new(),
        },
        empty: Vec::new(),
        sources: Vec::new(),
        warnings: TableWarnings::default(),
        staged: Staged {
            has_all_fields: true,
            ..Staged::default()
        },
    };
    for file in &reading.files {
        for table in reading.open(file, monitor)? {
            staging.table(table)?;
        }
    }
    if reading.selection.is_some() {
        run.set_fact(NOT_SELECTED, &staging.sink.not_selected)?;
    }
    staging.finish()
}

struct Staging<'a> {
    stager: Stager<'a>,
    at: Position,
    sink: RunSink<'a>,
    /// The names of the tables without rows.
    empty: Vec<String>,
    sources: Vec<StagedSource>,
    warnings: TableWarnings,
    staged: Staged,
}

impl Staging<'_> {
    fn table(&mut self, table: Table) -> Result<(), StageError> {
        let mapping = self.stager.reading.map(&table)?;
        let staged = &mut self.staged;
        let mut warnings = [table.warnings(), mapping.warnings.clone()].concat();
        staged.doubts.extend(table.doubt());
        staged.chat_types.extend(mapping.chat_types());
        let fields = [ContactField::Name, ContactField::ResponsibleUserId];
        staged.has_all_fields &= fields.iter().all(|field| mapping.has(*field));
        self.at.source = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        let path = table.origin.path.display();
        self.sink.source = match &table.origin.sheet {
            Some(sheet) => format!("{path}, sheet {sheet}"),
            None => path.to_string(),
        };
        let filled_before = self.sink.filled;
        let read = self
            .stager
            .read(table, mapping, &mut self.at, |at, block| {
                self.sink.take(at, block)
            })?;
        if self.sink.filled == filled_before {
            self.empty.push(self.sink.source.clone());
        }
        if read.may_lack_rows {
            self.sink.run.set_fact(MAY_LACK_ROWS, &true)?;
        }
        staged.notes.merge(read.edits);
        warnings.extend(read.warnings);
        self.warnings.add(&self.sink.source, warnings);
        sources::set(self.sink.run, self.at.source, &read.source)?;
        self.sources.push(read.source);
        Ok(())
    }

    /// Warns of tables without rows beside others. Without any row, the gate stops the run.
    fn warn_of_empty_tables(&mut self) -> Result<(), StageError> {
        if self.empty.is_empty() || self.sink.filled == 0 {
            return Ok(());
        }
        self.sink.run.set_fact(MAY_LACK_ROWS, &true)?;
        let tables = listed(self.empty.iter().map(|name| shown(name)), EMPTY_SHOWN);
        self.staged.warnings.push(format!(
            "no rows in {tables}: export it again, or leave it out if it should be empty"
        ));
        Ok(())
    }

    fn finish(mut self) -> Result<Staged, StageError> {
        let warnings = mem::take(&mut self.warnings);
        let warnings = warnings.into_lines(self.sources.len() > 1);
        self.staged.warnings.extend(warnings);
        self.warn_of_empty_tables()?;
        let names: Vec<_> = self.sources.iter().map(StagedSource::name).collect();
        let (sink, mut staged) = (self.sink, self.staged);
        let workers = &self.stager.workers;
        let failed = |error| IoError::at(sink.directory)(error);
        staged.duplicates = sink.ids.into_groups(workers).map_err(failed)?;
        let shared = sink.chats.into_groups(workers).map_err(failed)?;
        staged.warnings.extend(staged.notes.value_warnings());
        staged.warnings.extend(shared.warnings());
        let notes = SourceNotes::new(&staged.notes, &shared);
        sink.run.set_fact(NOTES, &notes)?;
        staged.shared = shared.sections(&names);
        staged.source = summarize(&self.sources);
        staged.dropped = sink.dropped;
        Ok(staged)
    }
}

/// A summary of all sources. Several sheets of a file count as one file.
pub(crate) fn summarize(sources: &[StagedSource]) -> summary::SourceSummary {
    let mut files: Vec<&StagedSource> = Vec::new();
    for source in sources {
        if !files.iter().any(|file| file.path == source.path) {
            files.push(source);
        }
    }
    let blake3 = match files.as_slice() {
        [file] => file.blake3.clone(),
        files => {
            let mut hasher = blake3::Hasher::new();
            for file in files {
                hasher.update(file.blake3.as_bytes());
            }
            hasher.finalize().to_hex().to_string()
        }
    };
    summary::SourceSummary {
        path: files
            .iter()
            .map(|file| file.path.as_str())
            .collect::<Vec<_>>()
            .join(", "),
        bytes: files.iter().map(|file| file.bytes).sum(),
        blake3,
    }
}

struct RunSink<'a> {
    run: &'a RunFile,
    ids: IdIndex,
    chats: ChatIndex,
    directory: &'a Path,
    monitor: &'a dyn Monitor,
    /// The list of the numbers that are left out.
    dropped: Option<DroppedNumbers>,
    /// Number of rows outside the selection.
    not_selected: u64,
    /// Number of rows that are not blank.
    filled: u64,
    /// The name of the table that is read.
    source: String,
}

impl RunSink<'_> {
    fn index(&mut self, at: Position, block: &StagedBlock) -> io::Result<()> {
        for (seq, &hash) in (at.first_seq..).zip(&block.id_hashes) {
            self.ids.add(seq, hash, 0)?;
        }
        self.ids.add_rejects(block, at.first_row)?;
        self.chats.add(at, block)
    }

    fn take(&mut self, at: Position, block: StagedBlock) -> Result<(), StageError> {
        self.index(at, &block)
            .map_err(IoError::at(self.directory))?;
        if !block.rejects.is_empty() {
            self.monitor
                .event(Event::Rejected(block.rejects.len() as u64));
        }
        if let Some(list) = &mut self.dropped {
            for dropped in &block.dropped {
                let row = at.first_row + u64::from(dropped.row);
                list.add((at.source, &self.source), row, dropped)?;
            }
        }
        self.not_selected += u64::from(block.not_selected);
        self.filled += u64::from(block.row_count.saturating_sub(block.blank_count));
        blocks::add(self.run, at, block)?;
        crash::point(Point::Staged);
        Ok(())
    }
}
