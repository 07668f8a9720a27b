//! The result of a check, as sections of text and as an object.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::counts::TableCounts;
use crate::{
    error::{Error, ExitCode},
    ledger::Ledger,
    mapping::BackupLayout,
    normalize::Edits,
    paths::shown_path,
    plan::{
        Mode,
        index::{SharedChats, group_lines},
    },
    report::{
        examples::At,
        rejects,
        summary::{Files, Summary},
    },
    run::{Rows, RunFile, StagedSource},
    stage::summarize,
    wording::Started,
};

/// The ledger of rejects files without an account.
const OFFLINE: &str = "offline";

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
    pub(super) encoding: Option<Value>,
    pub edits: Edits,
    pub counts: TableCounts,
    pub warnings: Vec<String>,
}

impl CheckedTable {
    pub(super) fn is_long(&self) -> bool {
        BackupLayout::of(&self.source.columns) == Some(BackupLayout::Long)
    }
}

/// Rows with something in common.
pub(crate) struct Repeated {
    /// Rows with the same id and different values, which are all rejected.
    pub contradicting: Vec<Vec<At>>,
    /// Rows with the same id, or beside a row without a readable one, which are all rejected because one of them is.
    pub incomplete: Vec<Vec<At>>,
    /// Rows with the same id and equal values, which form one contact.
    pub same: Vec<Vec<At>>,
    /// Rows with the same phone or account, and different ids.
    pub shared: SharedChats,
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
        path: &Path,
        for_excel: bool,
        sources: &[PathBuf],
        state_directory: &Path,
    ) -> Result<(), Error> {
        let target = rejects::choose(Some(path), Path::new(""), run.path())?;
        rejects::check_spares(path, sources, &[])?;
        let mut ledger = Ledger::open(state_directory, OFFLINE);
        let written = rejects::write(run, &target, for_excel, sources, "", &mut ledger)?;
        self.rejects = (written.count > 0).then_some(written.path);
        Ok(())
    }

    /// The exit code, and the summary without the tables.
    pub(crate) fn summary(&self, mode: Mode, started: Started) -> (ExitCode, Summary) {
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
            source: summarize(&sources),
            rows,
            files: Files {
                rejects: self.rejects.as_deref().map(shown_path),
                ..Files::default()
            },
            warnings: self.warnings(),
            started_at: started.at.to_string(),
            seconds: started.seconds(),
            ..Summary::default()
        };
        (code, summary)
    }

    /// The warnings about the columns and cells of all tables.
    fn warnings(&self) -> Vec<String> {
        let tables = self.tables.iter().flat_map(|table| table.warnings.clone());
        tables.chain(self.repeated.shared.warnings()).collect()
    }

    /// The summary as JSON, with all tables.
    pub(crate) fn with_tables(&self, summary: &Summary) -> Value {
        let mut summary = json!(summary);
        let SharedChats {
            phones,
            respelt,
            accounts,
        } = &self.repeated.shared;
        summary["shared_phones"] = json!(phones.rows().collect::<Vec<_>>());
        summary["respelt_phones"] = json!(respelt.rows().collect::<Vec<_>>());
        summary["shared_accounts"] = json!(accounts.rows().collect::<Vec<_>>());
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
            incomplete,
            same,
            shared,
        } = &self.repeated;
        let inside = |group: &Vec<At>| -> Vec<u64> {
            let here = group.iter().filter(|(table, _)| *table == at);
            here.map(|(_, row)| *row).collect()
        };
        let duplicates = [contradicting, incomplete, same].into_iter().flatten();
        let duplicates = duplicates.map(inside);
        let mut duplicates: Vec<_> = duplicates.filter(|rows| !rows.is_empty()).collect();
        duplicates.sort_unstable();
        json!({
            "path": source.path, "sheet": source.sheet, "bytes": source.bytes, "blake3": source.blake3, "encoding": encoding,
            "mapping": mapping,
            "rows": counts.rows, "codes": counts.codes, "changes": edits.lines(), "hints": edits.hints(), "warnings": warnings,
            "missing_values": edits.missing_values(),
            "duplicates": duplicates, "shared_phones": shared.phones.rows_of(at),
            "respelt_phones": shared.respelt.rows_of(at), "shared_accounts": shared.accounts.rows_of(at), "clean": counts.rows.rejected == 0,
        })
    }
}

impl Repeated {
    /// The first groups of each kind as text, with headings.
    pub(crate) fn sections(&self, names: &[String]) -> [(&'static str, Vec<String>); 6] {
        let in_words = |&(table, row): &At| match names {
            [_, _, ..] => format!("{row} of {}", names[table]),
            _ => row.to_string(),
        };
        let lines = |groups: &[Vec<At>]| group_lines(groups.iter().cloned(), "groups", in_words);
        let [phones, respelt, accounts] = self.shared.sections(names);
        [
            (
                "rows of the same id with different values, rejected (see import --on-duplicate)",
                lines(&self.contradicting),
            ),
            (
                "rows of the same id, rejected because one of them is (correct that row)",
                lines(&self.incomplete),
            ),
            (
                "rows of the same id with the same values, merged",
                lines(&self.same),
            ),
            phones,
            respelt,
            accounts,
        ]
    }
}
