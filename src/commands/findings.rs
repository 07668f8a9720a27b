//! Shows the findings of `check` about a table.

use super::Context;
use crate::{
    check::CheckedTable,
    cli::CheckArgs,
    mapping::Mapping,
    source::Table,
    wording::{code_line, visible},
};

pub(super) fn show_mapping(context: &Context, table: &Table, mapping: &Mapping) {
    context.console.report(&visible(&table.headline()));
    context.console.section("columns", &mapping.column_lines());
    context.doubts(table.doubt().as_slice());
}

/// Shows the rows and the changes in their cells.
pub(super) fn show_rows(context: &Context, args: &CheckArgs, table: &CheckedTable) {
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
