//! Checks files offline and without a run file: reads, maps and rejects rows like `import`.
//!
//! Rows are counted by table and compared across all tables, as in `import`.

use std::{
    collections::BTreeMap,
    env, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    error::{Error, ExitCode},
    ledger::Ledger,
    mapping::{self, BackupLayout, BadNumbers, Mapping, MappingFile},
    normalize::Edits,
    plan::{
        Mode,
        index::{ChatIndex, IdIndex, SharedChats, group_lines},
    },
    progress::Monitor,
    reject::RejectCode,
    report::{
        examples::{At, Examples},
        rejects,
        summary::{Files, Summary},
    },
    run::{Position, Rows, RunFile, StagedBlock, StagedReject, StagedSource},
    source::Table,
    stage::{Keep, ReadRequest, Stager, summarise},
    wording::{elapsed, shown_path},
};

/// The ledger of rejects files without an account.
const OFFLINE: &str = "offline";

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
            let mapping = mapping::resolve(&table.columns, &reading.mapping)?;
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

/// The result of a check.
pub struct CheckReport {
    pub(crate) tables: Vec<CheckedTable>,
    pub(crate) repeated: Repeated,
    /// The rejects file, if one was written.
    pub(crate) rejects: Option<PathBuf>,
}

pub(crate) struct CheckedTable {
    pub source: StagedSource,
    pub mapping: Value,
    /// The encoding of a text file, as an object.
    encoding: Option<Value>,
    pub edits: Edits,
    pub counts: TableCounts,
    pub warnings: Vec<String>,
}

impl CheckedTable {
    fn is_long(&self) -> bool {
        BackupLayout::of(&self.source.columns) == Some(BackupLayout::Long)
    }
}

#[derive(Default)]
pub(crate) struct TableCounts {
    pub rows: Rows,
    /// Number of problems of each kind.
    pub codes: BTreeMap<String, u64>,
    /// The first contacts as JSON, with their rows.
    contacts: Vec<(u64, String)>,
    /// Rows rejected for their own values, not because of other rows.
    examples: Examples,
    /// The number of the table's row 0, counting the rows of all tables.
    first: u64,
    end: u64,
}

/// Rows with something in common.
pub(crate) struct Repeated {
    /// Rows with the same id and different values, which are all rejected.
    pub contradicting: Vec<Vec<At>>,
    /// Rows with the same id and equal values, which form one contact.
    pub same: Vec<Vec<At>>,
    /// Rows with the same phone or account, and different ids.
    pub shared: SharedChats,
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
            stager: Stager::new(reading, mode, Keep::Sample(kept), monitor),
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
        file.bad_numbers = (self.stager.reading.drop_bad_numbers).then_some(BadNumbers::Drop);
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
                    .map_err(Error::io(env::temp_dir()))?;
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
        let (repeats, shared) = groups.map_err(Error::io(env::temp_dir()))?;
        let mut repeated = Repeated {
            contradicting: Vec::new(),
            same: Vec::new(),
            shared,
        };
        for (places, is_same) in repeats {
            let rows: Vec<At> = places.iter().map(|&place| locate(&tables, place)).collect();
            if is_same {
                for &(table, row) in &rows[1..] {
                    tables[table].counts.merge(row);
                }
                // The rows of a long backup are the chats of a contact.
                if !tables[rows[0].0].is_long() {
                    repeated.same.push(rows);
                }
            } else {
                for &(table, row) in &rows {
                    tables[table].counts.reject(row);
                }
                repeated.contradicting.push(rows);
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
    chats.add(at, block)
}

/// The table and the row at a place.
fn locate(tables: &[CheckedTable], place: u64) -> At {
    let behind = tables.partition_point(|table| table.counts.first <= place);
    // An empty table has the same `first` as the next one. The last of them has the rows.
    let table = behind.saturating_sub(1);
    (table, place - tables[table].counts.first)
}

impl CheckReport {
    /// The rows of all tables, by expected result.
    #[must_use]
    pub fn rows(&self) -> Rows {
        let mut sum = Rows::default();
        for rows in self.tables.iter().map(|table| table.counts.rows) {
            sum.read += rows.read;
            sum.blank += rows.blank;
            sum.merged += rows.merged;
            sum.rejected += rows.rejected;
            sum.contacts += rows.contacts;
        }
        sum
    }

    /// Writes the rejected rows, from a run file with the same files.
    pub(crate) fn write_rejects(
        &mut self,
        run: &RunFile,
        (path, for_excel): (&Path, bool),
        sources: &[PathBuf],
        state_directory: &Path,
    ) -> Result<(), Error> {
        let place = rejects::choose(Some(path), Path::new(""), run.path())?;
        rejects::check_spares(path, sources, &[])?;
        let mut ledger = Ledger::open(state_directory, OFFLINE);
        let written = rejects::write(run, &place, for_excel, sources, &mut ledger)?;
        self.rejects = (written.count > 0).then_some(written.path);
        Ok(())
    }

    /// The exit code, and the summary without the tables.
    pub(crate) fn summary(&self, mode: Mode, started: Timestamp) -> (ExitCode, Summary) {
        let rows = self.rows();
        let code = match rows.rejected {
            0 => ExitCode::Done,
            _ => ExitCode::Rejected,
        };
        let sources: Vec<_> = self
            .tables
            .iter()
            .map(|table| table.source.clone())
            .collect();
        let summary = Summary {
            command: "check".to_owned(),
            mode: mode.as_str().to_owned(),
            exit_code: code as u8,
            source: summarise(&sources),
            rows,
            files: Files {
                rejects: self.rejects.as_deref().map(shown_path),
                ..Files::default()
            },
            started_at: started.to_string(),
            seconds: elapsed(started),
            ..Summary::default()
        };
        (code, summary)
    }

    /// The warnings about the columns and cells of all tables.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let tables = self.tables.iter().flat_map(|table| table.warnings.clone());
        tables.chain(self.repeated.shared.warnings()).collect()
    }

    /// The summary as JSON, with all tables.
    pub(crate) fn with_tables(&self, summary: &Summary) -> Value {
        let mut summary = json!(summary);
        let SharedChats { phones, accounts } = &self.repeated.shared;
        summary["shared_phones"] = json!(phones.places().collect::<Vec<_>>());
        summary["shared_accounts"] = json!(accounts.places().collect::<Vec<_>>());
        let mut missing_values = BTreeMap::<_, u64>::new();
        for table in &self.tables {
            for (word, count) in table.edits.missing_values() {
                *missing_values.entry(word).or_default() += count;
            }
        }
        summary["missing_values"] = json!(missing_values);
        summary["tables"] = self.objects().into();
        summary
    }

    fn objects(&self) -> Vec<Value> {
        (0..)
            .zip(&self.tables)
            .map(|(at, table)| self.object(at, table))
            .collect()
    }

    fn object(&self, at: usize, table: &CheckedTable) -> Value {
        let CheckedTable {
            source,
            mapping,
            encoding,
            edits,
            counts,
            warnings,
        } = table;
        let Repeated {
            contradicting,
            same,
            shared: SharedChats { phones, accounts },
        } = &self.repeated;
        let inside = |group: &Vec<At>| -> Vec<u64> {
            let here = group.iter().filter(|(table, _)| *table == at);
            here.map(|(_, row)| *row).collect()
        };
        let duplicates = contradicting.iter().chain(same).map(inside);
        let mut duplicates: Vec<_> = duplicates.filter(|rows| !rows.is_empty()).collect();
        duplicates.sort_unstable();
        json!({
            "path": source.path, "sheet": source.sheet, "bytes": source.bytes, "blake3": source.blake3, "encoding": encoding,
            "mapping": mapping,
            "rows": counts.rows, "codes": counts.codes, "changes": edits.lines(), "hints": edits.hints(), "warnings": warnings,
            "missing_values": edits.missing_values(),
            "duplicates": duplicates, "shared_phones": phones.rows_of(at),
            "shared_accounts": accounts.rows_of(at), "clean": counts.rows.rejected == 0,
        })
    }
}

impl Repeated {
    /// The first groups of each kind as text, with headings.
    pub(crate) fn sections(&self, names: &[String]) -> [(&'static str, Vec<String>); 4] {
        let place = |&(table, row): &At| match names {
            [_, _, ..] => format!("{row} of {}", names[table]),
            _ => row.to_string(),
        };
        let lines = |groups: &[Vec<At>]| group_lines(groups.iter().cloned(), "groups", place);
        let [phones, accounts] = self.shared.sections(names);
        [
            (
                "rows of the same id with different values, rejected (see import --on-duplicate)",
                lines(&self.contradicting),
            ),
            (
                "rows of the same id with the same values, merged",
                lines(&self.same),
            ),
            phones,
            accounts,
        ]
    }
}

impl TableCounts {
    fn add(&mut self, at: Position, block: StagedBlock, kept: usize) {
        self.end = self.first + at.first_row + u64::from(block.row_count);
        self.rows.read += u64::from(block.row_count);
        self.rows.blank += u64::from(block.blank_count);
        self.rows.contacts += block.decisions.len() as u64;
        self.rows.rejected += block.rejects.len() as u64;
        let wanted = kept - self.contacts.len();
        if wanted > 0 {
            let lines = block.json().map(String::from);
            let rows = block.rows.iter().map(|&row| at.first_row + u64::from(row));
            self.contacts.extend(rows.zip(lines).take(wanted));
        }
        for StagedReject { row, problems, .. } in block.rejects {
            for problem in problems {
                *self.codes.entry(problem.code.to_string()).or_default() += 1;
                self.examples
                    .add((0, at.first_row + u64::from(row)), problem);
            }
        }
    }

    fn merge(&mut self, row: u64) {
        self.rows.contacts -= 1;
        self.rows.merged += 1;
        self.forget(row);
    }

    fn reject(&mut self, row: u64) {
        self.rows.contacts -= 1;
        self.rows.rejected += 1;
        let code = RejectCode::DuplicateId.to_string();
        *self.codes.entry(code).or_default() += 1;
        self.forget(row);
    }

    /// Removes a contact that is not sent from those to show.
    fn forget(&mut self, row: u64) {
        if let Ok(at) = self.contacts.binary_search_by_key(&row, |(row, _)| *row) {
            self.contacts.remove(at);
        }
    }

    /// The first contacts as they would be sent.
    pub(crate) fn contacts_shown(&self, show: usize) -> Vec<String> {
        let contacts = self.contacts.iter().take(show);
        contacts.map(|(_, json)| json.clone()).collect()
    }

    /// The first rejected rows, and the number of further ones.
    pub(crate) fn rejects_shown(&self) -> Vec<String> {
        self.examples.lines(|(_, row)| row.to_string())
    }
}
