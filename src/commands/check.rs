//! `check`: what a file would become, without any network and without a run file.

use std::{collections::BTreeMap, env, fs, io, path::Path};

use jiff::Timestamp;
use serde_json::json;

use super::{Context, staging::required};
use crate::{
    cli::CheckArgs,
    error::{Error, ExitCode},
    mapping::{Mapping, Outcome},
    normalize::{Normalizer, Notes, Rules},
    plan::{
        Mode,
        index::{IdIndex, PhoneIndex, SharedPhones, group_lines},
    },
    progress::{Monitor, Phase},
    reject::Problem,
    report::summary::{SourceSummary, Summary},
    run::{
        Rows,
        stage::{Position, StagedBlock, StagedReject},
    },
    settings::reading::Reading,
    source::{EncodingFinding, EncodingReason, Table},
    stage::{Keep, Sink, StageOptions, stage},
    wording::{counted, grouped, visible},
};

/// Rejected rows that are shown in full.
const REJECTS_SHOWN: usize = 20;

/// Runs the command. Ends with 3 when rows were rejected or share an id.
pub(super) fn run(context: &Context, args: &CheckArgs) -> Result<ExitCode, Error> {
    let reading = Reading::resolve(&args.read, &context.settings.profile)?;
    let monitor = context.monitor();
    let started = Timestamp::now();
    let mut all_clean = true;
    let mut objects = Vec::new();
    for table in tables(&reading, args)? {
        let checked = Check {
            context,
            args,
            reading: &reading,
            monitor: &*monitor,
        }
        .table(table)?;
        all_clean &= checked["clean"] == true;
        objects.push(checked);
    }
    let code = if all_clean {
        ExitCode::Done
    } else {
        ExitCode::Rejected
    };
    if context.console.wants_json() {
        let object = summary_object(&objects, code, started, args.mode);
        context.console.data(&object.to_string())?;
    }
    Ok(code)
}

/// All tables of all files.
fn tables(reading: &Reading, args: &CheckArgs) -> Result<Vec<Table>, Error> {
    let mut tables = Vec::new();
    for file in &reading.files {
        tables.extend(reading.open(file)?);
    }
    if args.write_mapping.is_some() && tables.len() > 1 {
        return Err(Error::usage(
            format!(
                "--write-mapping writes the mapping of one table, and there are {}",
                tables.len()
            ),
            "give one file, and name one of its sheets with --sheet".to_owned(),
        ));
    }
    Ok(tables)
}

/// The summary object; what there is for each table stands under `tables`.
fn summary_object(
    tables: &[serde_json::Value],
    code: ExitCode,
    started: Timestamp,
    mode: Mode,
) -> serde_json::Value {
    let mut rows = Rows::default();
    for table in tables {
        let table: Rows = serde_json::from_value(table["rows"].clone()).unwrap_or_default();
        rows.read += table.read;
        rows.blank += table.blank;
        rows.merged += table.merged;
        rows.rejected += table.rejected;
        rows.contacts += table.contacts;
    }
    let text = |key| tables.iter().filter_map(move |table| table[key].as_str());
    let summary = Summary {
        command: "check".to_owned(),
        mode: mode.as_str().to_owned(),
        exit_code: code as u8,
        source: SourceSummary {
            path: text("path").collect::<Vec<_>>().join(", "),
            bytes: tables
                .iter()
                .filter_map(|table| table["bytes"].as_u64())
                .sum(),
            blake3: match tables {
                [_] => text("blake3").collect(),
                _ => String::new(),
            },
        },
        rows,
        started_at: started.to_string(),
        seconds: started.duration_until(Timestamp::now()).as_secs_f64(),
        ..Summary::default()
    };
    let mut object = json!(summary);
    object["tables"] = tables.into();
    object
}

struct Check<'a> {
    context: &'a Context,
    args: &'a CheckArgs,
    reading: &'a Reading,
    monitor: &'a dyn Monitor,
}

impl Check<'_> {
    fn table(&self, table: Table) -> Result<serde_json::Value, Error> {
        let console = self.context.console;
        let mut mapping = Mapping::resolve(&table.columns, &self.reading.mapping)?;
        mapping.set_region(self.reading.region.map(|region| region.to_string()));
        console.say(&visible(&headline(&table)));
        console.section("columns", &decisions(&mapping));
        console.section(
            "warnings",
            &[table.findings.notes.clone(), mapping.warnings().to_vec()].concat(),
        );
        if let Some(path) = &self.args.write_mapping {
            write_mapping(path, &mapping)?;
            console.say(&format!("mapping written to {}", path.display()));
        }
        let (path, mapped) = (table.origin.path.display().to_string(), mapping.describe());
        let normalizer = Normalizer::new(
            mapping,
            Rules {
                region: self.reading.region,
                required: required(self.args.mode),
            },
        );
        let mut sink = Look {
            found: Found {
                show: self.args.show,
                ..Found::default()
            },
            ids: IdIndex::new(None),
            phones: PhoneIndex::new(None),
        };
        self.monitor.begin(Phase::Reading, Some(table.bytes));
        let (read, notes) = stage(
            table,
            &normalizer,
            StageOptions::new(Keep::Sample(self.args.show), self.reading.workers.as_ref()),
            &mut Position::default(),
            self.monitor,
            &mut sink,
        )?;
        self.monitor.end();
        console.section("warnings", &read.notes);
        let (found, repeated) = sink.finish()?;
        self.show(&found, &notes, &repeated);
        Ok(json!({
            "path": path, "bytes": read.bytes, "blake3": read.blake3, "mapping": mapped, "rows": found.rows,
            "codes": found.codes, "changes": notes.lines(), "hints": notes.hints(), "duplicates": repeated.ids,
            "shared_phones": repeated.phones.rows(), "clean": found.rows.rejected == 0 && repeated.ids.is_empty(),
        }))
    }

    fn show(&self, found: &Found, notes: &Notes, repeated: &Repeated) {
        let console = self.context.console;
        console.section("first contacts, as they would be sent", &found.contacts);
        console.section("changes in cells", &notes.lines());
        console.section(
            "rows of the same id (see import --on-duplicate)",
            &group_lines(repeated.ids.iter().cloned(), "groups", u64::to_string),
        );
        console.section(
            "the same phone under different ids",
            &repeated.phones.lines(&[]),
        );
        console.section("rejected rows", &found.rejects_shown());
        let codes: Vec<_> = found
            .codes
            .iter()
            .map(|(code, count)| format!("{code:<28}{}", grouped(*count)))
            .collect();
        console.section("problems", &codes);
        console.section("hints", &notes.hints());
        console.say(&format!("rows      {}", found.rows));
    }
}

fn headline(table: &Table) -> String {
    let mut parts = vec![table.origin.to_string(), table.findings.kind.to_string()];
    if let Some(encoding) = &table.findings.encoding {
        parts.push(encoding_shown(encoding));
    }
    if table.form.delimiter != b',' {
        parts.push(format!("delimiter {:?}", char::from(table.form.delimiter)));
    }
    if table.header_row > 0 {
        parts.push(format!("header in row {}", table.header_row));
    }
    parts.join(" · ")
}

/// The encoding, why it was chosen, and words that would look different in another.
fn encoding_shown(finding: &EncodingFinding) -> String {
    let is_doubtful = matches!(
        finding.because,
        EncodingReason::Given | EncodingReason::Declared | EncodingReason::Detected { .. }
    );
    let sample = if is_doubtful && !finding.sample.is_empty() {
        format!(" “{}”", finding.sample)
    } else {
        String::new()
    };
    format!("{} ({}){sample}", finding.encoding.name(), finding.because)
}

/// Which column became what, and why others were left out.
fn decisions(mapping: &Mapping) -> Vec<String> {
    let width = mapping
        .decisions()
        .iter()
        .map(|decision| decision.column.chars().count())
        .max()
        .unwrap_or(0)
        .min(40);
    mapping
        .decisions()
        .iter()
        .map(|decision| match &decision.outcome {
            Outcome::Mapped { fields, how } => {
                let fields: Vec<_> = fields.iter().map(ToString::to_string).collect();
                format!(
                    "{:<width$} → {} ({how})",
                    decision.column,
                    fields.join(", ")
                )
            }
            Outcome::LeftOut(reason) => format!("{:<width$}   left out: {reason}", decision.column),
        })
        .collect()
}

/// A mapping that is there already may have been edited: it is not replaced by another.
fn write_mapping(path: &Path, mapping: &Mapping) -> Result<(), Error> {
    let text = mapping.to_toml();
    if fs::read_to_string(path).is_ok_and(|there| there != text) {
        return Err(Error::usage(
            format!("{} exists and holds another mapping", path.display()),
            "remove it, or name another file with --write-mapping".to_owned(),
        ));
    }
    fs::write(path, text).map_err(Error::output(path))
}

/// What was found in the rows.
#[derive(Default)]
struct Found {
    show: usize,
    rows: Rows,
    contacts: Vec<String>,
    rejects: Vec<(u64, Vec<Problem>)>,
    codes: BTreeMap<String, u64>,
}

/// Rows that say the same id, and rows that share a phone.
struct Repeated {
    ids: Vec<Vec<u64>>,
    phones: SharedPhones,
}

/// Looks at every block.
struct Look {
    found: Found,
    ids: IdIndex,
    phones: PhoneIndex,
}

impl Look {
    /// Rows stand in for numbers of contacts: they are what is shown.
    fn note(&mut self, at: Position, block: &StagedBlock) -> io::Result<()> {
        for (&row, &hash) in block.rows.iter().zip(&block.id_hashes) {
            self.ids.add(at.first_row + u64::from(row), hash)?;
        }
        self.phones.add(at, block)
    }

    fn finish(self) -> Result<(Found, Repeated), Error> {
        let groups = || -> io::Result<_> {
            Ok(Repeated {
                ids: self.ids.into_groups()?,
                phones: self.phones.into_groups()?,
            })
        };
        let repeated = groups().map_err(Error::output(env::temp_dir()))?;
        Ok((self.found, repeated))
    }
}

impl Sink for Look {
    type Error = Error;

    fn take(&mut self, at: Position, block: StagedBlock) -> Result<(), Error> {
        self.note(at, &block)
            .map_err(Error::output(env::temp_dir()))?;
        self.found.add(at, block);
        Ok(())
    }
}

impl Found {
    fn add(&mut self, at: Position, block: StagedBlock) {
        self.rows.read += u64::from(block.row_count);
        self.rows.blank += u64::from(block.blank);
        self.rows.contacts += block.letters.len() as u64;
        self.rows.rejected += block.rejects.len() as u64;
        if self.contacts.len() < self.show {
            let text = String::from_utf8_lossy(&block.contacts);
            let lines = text[1..text.len() - 1]
                .split(",\n")
                .filter(|line| !line.is_empty());
            self.contacts.extend(
                lines
                    .take(self.show - self.contacts.len())
                    .map(String::from),
            );
        }
        for StagedReject { row, problems, .. } in block.rejects {
            for problem in &problems {
                *self.codes.entry(problem.code.to_string()).or_default() += 1;
            }
            if self.rejects.len() < REJECTS_SHOWN {
                self.rejects.push((at.first_row + u64::from(row), problems));
            }
        }
    }

    fn rejects_shown(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (row, problems) in &self.rejects {
            for Problem {
                column,
                code,
                reason,
            } in problems
            {
                let column = column
                    .as_ref()
                    .map(|column| format!(", {column}"))
                    .unwrap_or_default();
                lines.push(format!("row {row}{column}: {code}: {reason}"));
            }
        }
        let more = self.rows.rejected.saturating_sub(self.rejects.len() as u64);
        if more > 0 {
            lines.push(format!("… and {}", counted(more, "more row")));
        }
        lines
    }
}
