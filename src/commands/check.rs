//! `check`: shows the contacts in files, offline and without a run file.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Context,
    findings::{show, show_mapping},
    page::request_files,
};
use crate::{
    check::{CheckReport, Checker, early_warnings},
    cli::CheckArgs,
    employees::OwnerRule,
    environment::temporary_directory,
    error::{Error, ExitCode},
    mapping::MappingFile,
    paths::{is_stream, shown_path},
    plan::duplicates::OnDuplicate,
    progress::Monitor,
    settings::reading,
    stage::ReadRequest,
    streams::is_special,
    workflow::{StagedFiles, save_check_page},
};

/// Runs the command. Exits with 3 if `import` would reject rows.
pub(super) fn run(context: &Context, args: &CheckArgs) -> Result<ExitCode, Error> {
    context.console.print_results();
    let reading = reading::resolve(&args.read, &context.settings.profile)?;
    let is_pipe = |file: &PathBuf| is_special(file) || is_stream(file);
    let page = args.report.report.as_deref();
    let reads_twice = args.rejects.is_some() || page.is_some();
    if reads_twice && reading.files.iter().any(is_pipe) {
        return Err(Error::usage(
            "check --rejects and --report read files twice, but a pipe can be read only once",
            "save it to a file first".to_owned(),
        ));
    }
    request_files(context, args.rejects.as_deref(), page, &reading.files, None)?;
    let monitor = context.monitor();
    let mut report = read(context, args, &reading, &monitor)?;
    let staged = reads_twice.then(|| {
        StagedFiles::new(
            &temporary_directory(),
            args.mode,
            &reading,
            OnDuplicate::Reject,
            &OwnerRule::default(),
            &monitor,
        )
    });
    let staged = staged.transpose()?;
    if let (Some(path), Some(staged)) = (&args.rejects, &staged) {
        let state = &context.settings.state_directory;
        report.write_rejects(&staged.run, path, args.excel, &reading.files, state)?;
    }
    let (code, mut summary) = report.summary(args.mode, context.watched.started);
    if let (Some(path), Some(staged)) = (context.report.get(), &staged) {
        summary.files.report = Some(shown_path(path));
        save_check_page(&staged.run, &summary, context.command_line.clone(), path)?;
    }
    show(context, args, &report, &summary);
    Ok(code)
}

/// Reads all tables. Shows the mapping of each before it is read.
fn read(
    context: &Context,
    args: &CheckArgs,
    reading: &ReadRequest,
    monitor: &Arc<dyn Monitor>,
) -> Result<CheckReport, Error> {
    let mut checker = Checker::new(reading, args.mode, args.show, monitor);
    let tables = reading.open_all(monitor)?;
    if args.write_mapping.is_some() && tables.len() > 1 {
        let count = tables.len();
        return Err(Error::usage(
            format!("--write-mapping writes the mapping of a single table, but there are {count}"),
            "name one file, and select a sheet with --sheet".to_owned(),
        ));
    }
    let has_several = tables.len() > 1;
    for table in tables {
        let mut mapping = reading.map(&table)?;
        // A written mapping file includes the region.
        mapping.region = reading.numbers.national.word();
        show_mapping(context, &table, &mapping);
        let early = early_warnings(&table, &mapping);
        let name = has_several.then(|| format!("{}: ", table.origin));
        let name = name.unwrap_or_default();
        let read = checker.read(table, mapping);
        // These may explain the error.
        let warnings = read.as_ref().map_or(&early, |(warnings, _)| warnings);
        let warnings: Vec<_> = warnings.iter().map(|it| format!("{name}{it}")).collect();
        context.console.warn(&warnings);
        let (_, mapping) = read?;
        if let Some(path) = &args.write_mapping {
            write_mapping(path, &mapping)?;
            let path = path.display();
            context.console.say(&format!("mapping written to {path}"));
        }
    }
    checker.finish()
}

fn write_mapping(path: &Path, text: &str) -> Result<(), Error> {
    MappingFile::save(text, path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::usage(
            format!(
                "{} exists and is not this mapping, so it was left alone",
                path.display()
            ),
            "name another file with --write-mapping".to_owned(),
        ),
        _ => Error::io(path)(error),
    })
}
