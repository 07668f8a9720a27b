//! `check`: what files would become, without any network and without a run file.

mod found;

use std::{fs, path::Path};

use jiff::Timestamp;
use serde_json::{Value, json};

use self::found::{Found, Look, Repeated};
use super::{Context, examples::At};
use crate::{
    cli::CheckArgs,
    error::{Error, ExitCode},
    mapping::{ColumnUse, Mapping},
    normalize::Edits,
    plan::index::group_lines,
    report::summary::Summary,
    run::{Position, Rows, StagedSource},
    settings::reading,
    source::{EncodingFinding, EncodingReason, Table},
    stage::{Keep, ReadRequest, StageOptions, TableReader, required, summarise},
    wording::{code_line, elapsed, visible},
};

/// Runs the command. Ends with 3 when `import` would reject rows.
pub(super) fn run(context: &Context, args: &CheckArgs) -> Result<ExitCode, Error> {
    let started = Timestamp::now();
    let reading = reading::resolve(&args.read, &context.settings.profile)?;
    let monitor = context.monitor();
    let look = Look::new(args.show);
    let mut check = Check {
        context,
        args,
        reader: TableReader {
            reading: &reading,
            required: required(args.mode),
            // One key for all tables: their ids are held against each other.
            options: StageOptions::new(Keep::Sample(look.kept), reading.workers.as_ref()),
            monitor: &*monitor,
        },
        at: Position::default(),
        look,
        checked: Vec::new(),
    };
    for table in tables(&reading, args)? {
        check.table(table)?;
    }
    check.conclude(started)
}

/// All tables of all files.
fn tables(reading: &ReadRequest, args: &CheckArgs) -> Result<Vec<Table>, Error> {
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

struct Check<'a> {
    context: &'a Context,
    args: &'a CheckArgs,
    reader: TableReader<'a>,
    at: Position,
    look: Look,
    checked: Vec<Checked>,
}

/// A table that was read.
struct Checked {
    source: StagedSource,
    mapping: Value,
    notes: Edits,
}

impl Check<'_> {
    /// Shows how a table is understood, and reads it.
    fn table(&mut self, table: Table) -> Result<(), Error> {
        let console = self.context.console;
        let mut mapping = Mapping::resolve(&table.columns, &self.reader.reading.mapping)?;
        mapping.set_region(self.reader.reading.region.map(|region| region.to_string()));
        console.say(&visible(&headline(&table)));
        console.section("columns", &column_lines(&mapping));
        console.section(
            "warnings",
            &[table.findings.notes.clone(), mapping.warnings().to_vec()].concat(),
        );
        if let Some(path) = &self.args.write_mapping {
            write_mapping(path, &mapping)?;
            console.say(&format!("mapping written to {}", path.display()));
        }
        let described = mapping.describe();
        self.at.source = u32::try_from(self.checked.len()).unwrap_or(u32::MAX);
        self.look.begin_table();
        let read = self
            .reader
            .read(table, mapping, &mut self.at, &mut self.look)?;
        console.section("warnings", &read.warnings);
        self.checked.push(Checked {
            source: read.source,
            mapping: described,
            notes: read.notes,
        });
        Ok(())
    }

    /// Shows what there is in the rows, now that all of them are known.
    fn conclude(self, started: Timestamp) -> Result<ExitCode, Error> {
        let Self {
            context,
            args,
            look,
            checked,
            ..
        } = self;
        let (found, repeated) = look.finish()?;
        let names: Vec<String> = checked.iter().map(|table| table.source.name()).collect();
        for (table, found) in checked.iter().zip(&found) {
            if names.len() > 1 {
                context.console.say(&visible(&table.source.name()));
            }
            show(context, args, table, found);
        }
        show_repeated(context, &repeated, &names);
        let rows = found.iter().fold(Rows::default(), |sum, table| Rows {
            read: sum.read + table.rows.read,
            blank: sum.blank + table.rows.blank,
            merged: sum.merged + table.rows.merged,
            rejected: sum.rejected + table.rows.rejected,
            contacts: sum.contacts + table.rows.contacts,
        });
        context.console.say(&format!("rows      {rows}"));
        let code = match rows.rejected {
            0 => ExitCode::Done,
            _ => ExitCode::Rejected,
        };
        if context.console.wants_json() {
            let sources: Vec<_> = checked.iter().map(|table| table.source.clone()).collect();
            let summary = Summary {
                command: "check".to_owned(),
                mode: args.mode.as_str().to_owned(),
                exit_code: code as u8,
                source: summarise(&sources),
                rows,
                started_at: started.to_string(),
                seconds: elapsed(started),
                ..Summary::default()
            };
            let mut object = json!(summary);
            object["tables"] = objects(&checked, &found, &repeated).into();
            context.console.summary(&object, "");
        }
        Ok(code)
    }
}

fn show(context: &Context, args: &CheckArgs, table: &Checked, found: &Found) {
    let console = context.console;
    console.section(
        "first contacts, as they would be sent",
        &found.contacts_shown(args.show),
    );
    console.section("changes in cells", &table.notes.lines());
    console.section("rejected rows", &found.rejects_shown());
    let line = |(code, count): (&String, &u64)| code_line(code, *count);
    let codes: Vec<_> = found.codes.iter().map(line).collect();
    console.section("problems", &codes);
    console.section("hints", &table.notes.hints());
}

/// Rows that have something in common, within a table or across them.
fn show_repeated(context: &Context, repeated: &Repeated, names: &[String]) {
    let place = |&(table, row): &At| match names {
        [_, _, ..] => format!("{row} of {}", names[table]),
        _ => row.to_string(),
    };
    let lines = |groups: &[Vec<At>]| group_lines(groups.iter().cloned(), "groups", place);
    for (heading, groups) in [
        (
            "rows of the same id that say different things, rejected (see import --on-duplicate)",
            &repeated.contradicting,
        ),
        (
            "rows of the same id that say the same, merged",
            &repeated.same,
        ),
    ] {
        context.console.section(heading, &lines(groups));
    }
    context.console.section(
        "the same phone under different ids",
        &repeated.phones.lines(names),
    );
}

/// What there is to say of each table, for scripts.
fn objects(checked: &[Checked], found: &[Found], repeated: &Repeated) -> Vec<Value> {
    let object = |(at, (table, found)): (usize, (&Checked, &Found))| {
        let all = repeated.contradicting.iter().chain(&repeated.same);
        let inside = |group: &Vec<At>| -> Vec<u64> {
            let here = group.iter().filter(|(table, _)| *table == at);
            here.map(|(_, row)| *row).collect()
        };
        let mut duplicates: Vec<_> = all.map(inside).filter(|rows| !rows.is_empty()).collect();
        duplicates.sort_unstable();
        let StagedSource {
            path,
            sheet,
            bytes,
            blake3,
            ..
        } = &table.source;
        json!({
            "path": path, "sheet": sheet, "bytes": bytes, "blake3": blake3, "mapping": table.mapping, "rows": found.rows,
            "codes": found.codes, "changes": table.notes.lines(), "hints": table.notes.hints(), "duplicates": duplicates,
            "shared_phones": repeated.phones.rows_of(at), "clean": found.rows.rejected == 0,
        })
    };
    checked.iter().zip(found).enumerate().map(object).collect()
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

/// The encoding, why it was chosen, and words that would look different in another. How sure it is where it was found
/// out, and such words, are a warning.
fn encoding_shown(finding: &EncodingFinding) -> String {
    if let EncodingReason::Detected { .. } = finding.because {
        return format!("{} (detected)", finding.encoding.name());
    }
    let is_doubtful = matches!(
        finding.because,
        EncodingReason::Given | EncodingReason::Declared
    );
    let sample = if is_doubtful && !finding.sample.is_empty() {
        format!(" “{}”", finding.sample)
    } else {
        String::new()
    };
    format!("{} ({}){sample}", finding.encoding.name(), finding.because)
}

/// Each column with its fields, or the reason why it is left out.
fn column_lines(mapping: &Mapping) -> Vec<String> {
    let widths = mapping.uses().map(|(column, _)| column.chars().count());
    let width = widths.max().unwrap_or(0).min(40);
    let line = |(column, usage)| match usage {
        ColumnUse::Mapped { .. } => format!("{column:<width$} → {usage}"),
        ColumnUse::LeftOut(_) => format!("{column:<width$}   {usage}"),
    };
    mapping.uses().map(line).collect()
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
    fs::write(path, text).map_err(Error::io(path))
}
