//! `check`: the contacts that files would become, without any network and without a run file.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;

use super::Context;
use crate::{
    check::{CheckReport, CheckedTable, Checker, early_warnings},
    cli::CheckArgs,
    error::{Error, ExitCode},
    mapping::{self, Mapping, MappingFile},
    output::is_special,
    progress::Monitor,
    report::rejects,
    settings::reading,
    source::Table,
    stage::ReadRequest,
    wording::{code_line, shown_path, visible},
};

/// Runs the command. Ends with 3 if `import` would reject rows.
pub(super) fn run(context: &Context, args: &CheckArgs) -> Result<ExitCode, Error> {
    let started = Timestamp::now();
    context.console.print_results();
    let reading = reading::resolve(&args.read, &context.settings.profile)?;
    let is_pipe = |file: &PathBuf| is_special(file) || file.as_os_str() == "-";
    if args.rejects.is_some() && reading.files.iter().any(is_pipe) {
        return Err(Error::usage(
            "check --rejects reads files twice, and a pipe can be read only once".to_owned(),
            "save it to a file first".to_owned(),
        ));
    }
    rejects::check_asked(args.rejects.as_deref())?;
    let monitor = context.monitor();
    let mut checker = Checker::new(&reading, args.mode, args.show, &monitor)?;
    for table in tables(&reading, args, &monitor)? {
        let mut mapping = mapping::resolve(&table.columns, &reading.mapping)?;
        // A written mapping file includes the region.
        mapping.region = reading.region_word();
        show_mapping(context, &table, &mapping);
        let early = early_warnings(&table, &mapping);
        let read = checker.read(table, mapping);
        // They may explain the error.
        let warnings = read.as_ref().map_or(&early, |(warnings, _)| warnings);
        context.console.warnings(warnings);
        let (_, mapping) = read?;
        if let Some(path) = &args.write_mapping {
            write_mapping(path, &mapping)?;
            let path = path.display();
            context.console.say(&format!("mapping written to {path}"));
        }
    }
    let mut report = checker.finish()?;
    if let Some(path) = &args.rejects {
        let state = &context.settings.state_directory;
        report.write_rejects(&reading, args.mode, (path, args.excel), state, &monitor)?;
    }
    Ok(conclude(context, args, &report, started))
}

/// All tables of all files.
fn tables(
    reading: &ReadRequest,
    args: &CheckArgs,
    monitor: &Arc<dyn Monitor>,
) -> Result<Vec<Table>, Error> {
    let tables = reading.open_all(monitor)?;
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

fn show_mapping(context: &Context, table: &Table, mapping: &Mapping) {
    context.console.report(&visible(&table.headline()));
    context.console.section("columns", &mapping.column_lines());
    context.doubts(table.doubt().as_slice());
}

fn write_mapping(path: &Path, text: &str) -> Result<(), Error> {
    MappingFile::save(text, path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::usage(
            format!("{} exists and holds another mapping", path.display()),
            "remove it, or name another file with --write-mapping".to_owned(),
        ),
        _ => Error::io(path)(error),
    })
}

fn conclude(
    context: &Context,
    args: &CheckArgs,
    report: &CheckReport,
    started: Timestamp,
) -> ExitCode {
    let tables = &report.tables;
    let names: Vec<String> = tables.iter().map(|table| table.source.name()).collect();
    for (table, name) in tables.iter().zip(&names) {
        if names.len() > 1 {
            context.console.report(&visible(name));
        }
        show_rows(context, args, table);
    }
    for (heading, lines) in report.repeated.sections(&names) {
        context.console.section(heading, &lines);
    }
    let (code, summary) = report.summary(args.mode, started);
    context
        .console
        .report(&format!("rows      {}", report.rows()));
    if let Some(path) = &report.rejects {
        let path = shown_path(path);
        context
            .console
            .report(&visible(&format!("rejects   {path}")));
    }
    context.console.summary(&summary, "");
    code
}

fn show_rows(context: &Context, args: &CheckArgs, table: &CheckedTable) {
    let CheckedTable { edits, counts, .. } = table;
    let codes = counts
        .codes
        .iter()
        .map(|(code, count)| code_line(code, *count));
    for (heading, lines) in [
        (
            "first contacts, as they would be sent",
            counts.contacts_shown(args.show),
        ),
        ("changes in cells", edits.lines()),
        ("rejected rows", counts.rejects_shown()),
        ("problems", codes.collect()),
        ("hints", edits.hints()),
    ] {
        context.console.section(heading, &lines);
    }
}
