//! Reads source files into a run file: shared by `import`, `plan` and `verify`. `check` reads the same tables through
//! [`TableReader`] into a sink of its own.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use encoding_rs::Encoding;
use rayon::ThreadPool;

use super::{Keep, Sink, StageOptions, stage};
use crate::{
    contact::ChatType,
    crash::{self, Point},
    mapping::{self, Mapping, MappingError, MappingFile, MappingOptions},
    normalize::{Edits, Normalizer, Region, Required, RowRules},
    output::{self, IoError},
    plan::{
        Mode,
        index::{IdIndex, PhoneIndex},
    },
    progress::{Event, Monitor, Phase, StopReason},
    report::summary,
    run::{Position, RunError, RunFile, StagedBlock, StagedSource, blocks, sources},
    source::{ReadOptions, SheetChoice, SourceError, Table},
    wording::counted,
};

/// Why files can't be staged.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The source can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The columns can't be mapped.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The run file can't be written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A temporary file can't be written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A signal stopped it.
    #[error("interrupted")]
    Interrupted(StopReason),
}

/// The files to read, and how.
#[derive(Debug)]
pub struct ReadRequest {
    /// The files, in order.
    pub files: Vec<PathBuf>,
    /// Which column becomes which field.
    pub mapping: MappingOptions,
    /// Country of phone numbers without a country code.
    pub region: Option<Region>,
    /// The worker threads; `None` is rayon's own pool.
    pub workers: Option<ThreadPool>,
    /// The delimiter of text files, unless it is detected.
    pub delimiter: Option<u8>,
    /// The encoding of text files, unless it is detected.
    pub encoding: Option<&'static Encoding>,
    /// The sheets of a workbook.
    pub sheet: SheetChoice,
    /// The row of the header, unless it is detected.
    pub header_row: Option<u32>,
}

impl ReadRequest {
    /// Reads these files as they are: columns, delimiter and encoding are detected.
    pub fn new(files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self {
            files: files.into_iter().map(Into::into).collect(),
            mapping: MappingOptions::default(),
            region: None,
            workers: None,
            delimiter: None,
            encoding: None,
            sheet: SheetChoice::default(),
            header_row: None,
        }
    }

    /// Opens a file: one table, or one for each sheet.
    pub(crate) fn open(&self, file: &std::path::Path) -> Result<Vec<Table>, SourceError> {
        let recognise = |cells: &[String]| {
            let named = |cell: &&String| {
                self.mapping
                    .map
                    .iter()
                    .any(|(_, column)| column.trim() == cell.trim())
            };
            mapping::recognise(cells).max(cells.iter().filter(named).count())
        };
        let options = ReadOptions {
            delimiter: self.delimiter,
            encoding: self.encoding,
            sheet: self.sheet.clone(),
            header_row: self.header_row,
            ..ReadOptions::new(&recognise)
        };
        crate::source::open(file, &options)
    }
}

/// The results of staging that are not in the run file.
pub(crate) struct Staged {
    /// Contacts that may have the same id.
    pub duplicates: Vec<Vec<u64>>,
    /// Changes made to cells, and hints that follow from them.
    pub notes: Edits,
    /// Phones shared by different ids, as lines of text.
    pub shared_phones: Vec<String>,
    /// Chat types for which the source has columns.
    pub messengers: BTreeSet<ChatType>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// The source, for the summary.
    pub source: summary::SourceSummary,
}

/// Which fields a row must have by itself in a mode.
pub(crate) const fn required(mode: Mode) -> Required {
    match mode {
        Mode::Create => Required::All,
        Mode::Upsert | Mode::Update | Mode::Mirror | Mode::Undo => Required::IdOnly,
    }
}

/// Reads every file into the run file.
pub(crate) fn stage_files(
    run: &RunFile,
    reading: &ReadRequest,
    mode: Mode,
    monitor: &dyn Monitor,
) -> Result<Staged, StageError> {
    // Data that exceeds memory is spilled to the run file's directory, which needs disk space anyway.
    let directory = output::directory(run.path());
    let mut staging = Staging {
        reader: TableReader {
            reading,
            required: required(mode),
            options: StageOptions::new(Keep::Everything, reading.workers.as_ref()),
            monitor,
        },
        at: Position::default(),
        sink: RunSink {
            run,
            ids: IdIndex::new(Some(directory)),
            phones: PhoneIndex::new(Some(directory)),
            directory,
            monitor,
        },
        sources: Vec::new(),
        notes: Edits::default(),
        messengers: BTreeSet::new(),
        warnings: Vec::new(),
    };
    run.begin()?;
    for file in &reading.files {
        for table in reading.open(file)? {
            staging.table(table)?;
        }
    }
    run.commit()?;
    staging.finish()
}

/// Reads tables, each with a mapping of its own: for `check` as for the run file.
#[derive(Clone, Copy)]
pub(crate) struct TableReader<'a> {
    pub reading: &'a ReadRequest,
    pub required: Required,
    pub options: StageOptions<'a>,
    pub monitor: &'a dyn Monitor,
}

/// A table that was read.
pub(crate) struct TableRead {
    pub source: StagedSource,
    pub notes: Edits,
    pub warnings: Vec<String>,
}

impl TableReader<'_> {
    /// Reads a table to its end into the sink.
    pub(crate) fn read<S: Sink>(
        self,
        table: Table,
        mapping: Mapping,
        at: &mut Position,
        sink: &mut S,
    ) -> Result<TableRead, S::Error> {
        let mut source = describe(&table, &mapping);
        let rules = RowRules {
            region: self.reading.region,
            required: self.required,
        };
        let normalizer = Normalizer::new(mapping, rules);
        self.monitor.begin(Phase::Reading, Some(table.bytes));
        let (read, notes) = stage(table, &normalizer, self.options, at, self.monitor, sink)?;
        self.monitor.end();
        (source.bytes, source.blake3) = (read.bytes, read.blake3);
        Ok(TableRead {
            source,
            notes,
            warnings: read.notes,
        })
    }
}

struct Staging<'a> {
    reader: TableReader<'a>,
    at: Position,
    sink: RunSink<'a>,
    sources: Vec<StagedSource>,
    notes: Edits,
    messengers: BTreeSet<ChatType>,
    warnings: Vec<String>,
}

impl Staging<'_> {
    fn table(&mut self, table: Table) -> Result<(), StageError> {
        let mapping = mapping::resolve(&table.columns, &self.reader.reading.mapping)?;
        self.warnings.extend(
            table
                .findings
                .notes
                .iter()
                .chain(mapping.warnings())
                .cloned(),
        );
        self.messengers.extend(mapping.chat_types());
        self.at.source = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        let read = self
            .reader
            .read(table, mapping, &mut self.at, &mut self.sink)?;
        self.notes.merge(read.notes);
        self.warnings.extend(read.warnings);
        sources::set(self.sink.run, self.at.source, &read.source)?;
        self.sources.push(read.source);
        Ok(())
    }

    fn finish(mut self) -> Result<Staged, StageError> {
        let names: Vec<_> = self.sources.iter().map(StagedSource::name).collect();
        let RunSink {
            ids,
            phones,
            directory,
            ..
        } = self.sink;
        let groups = ids.into_groups().map_err(IoError::at(directory))?;
        let duplicates = groups.into_iter().map(|(group, _)| group).collect();
        let shared = phones.into_groups().map_err(IoError::at(directory))?;
        if shared.count() > 0 {
            let phones = counted(shared.count(), "phone");
            self.warnings.push(format!(
                "{phones} under different ids: messages may reach the wrong contact"
            ));
        }
        Ok(Staged {
            duplicates,
            shared_phones: shared.lines(&names),
            notes: self.notes,
            messengers: self.messengers,
            warnings: self.warnings,
            source: summarise(&self.sources),
        })
    }
}

/// A table before it is read.
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

/// One line for all sources; several sheets of a file are one file.
pub(crate) fn summarise(sources: &[StagedSource]) -> summary::SourceSummary {
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

/// Writes blocks into the run file.
struct RunSink<'a> {
    run: &'a RunFile,
    ids: IdIndex,
    phones: PhoneIndex,
    directory: &'a Path,
    monitor: &'a dyn Monitor,
}

impl RunSink<'_> {
    fn note(&mut self, at: Position, block: &StagedBlock) -> io::Result<()> {
        for (seq, &hash) in (at.first_seq..).zip(&block.id_hashes) {
            self.ids.add(seq, hash, 0)?;
        }
        self.phones.add(at, block)
    }
}

impl Sink for RunSink<'_> {
    type Error = StageError;

    fn take(&mut self, at: Position, block: StagedBlock) -> Result<(), StageError> {
        if let Some(reason) = self.monitor.stop_requested() {
            return Err(StageError::Interrupted(reason));
        }
        self.note(at, &block).map_err(IoError::at(self.directory))?;
        if !block.rejects.is_empty() {
            self.monitor
                .event(Event::Rejected(block.rejects.len() as u64));
        }
        blocks::add(self.run, at, &block)?;
        crash::point(Point::Staged);
        Ok(())
    }
}
