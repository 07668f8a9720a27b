//! Shows the findings of `check`.

use super::Context;
use crate::{
    characters::visible,
    check::{CheckReport, CheckedTable},
    cli::CheckArgs,
    mapping::Mapping,
    report::summary::Summary,
    source::Table,
    wording::code_line,
};

pub(super) fn show_mapping(context: &Context, table: &Table, mapping: &Mapping) {
    context.console.report(&visible(&table.headline()));
    context.console.section("columns", &mapping.column_lines());
    context.doubts(table.doubt().as_slice());
}

/// Shows the findings about each table and about all rows, and the summary.
pub(super) fn show(context: &Context, args: &CheckArgs, report: &CheckReport, summary: &Summary) {
    let console = context.console;
    let tables = &report.tables;
    let names: Vec<String> = tables.iter().map(|table| table.source.name()).collect();
    for (table, name) in tables.iter().zip(&names) {
        if names.len() > 1 {
            console.report(&visible(name));
        }
        show_rows(context, args, table);
    }
    for (heading, lines) in report.repeated.sections(&names) {
        console.section(heading, &lines);
    }
    console.report(&format!("rows      {}", report.rows()));
    let files = &summary.files;
    for (name, path) in [("rejects", &files.rejects), ("report", &files.report)] {
        if let Some(path) = path {
            console.report(&visible(&format!("{name:<10}{path}")));
        }
    }
    console.summary(&report.with_tables(summary), "");
}

/// Shows the rows and the changes in their cells.
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
