//! The sources: the mapping of their columns, changes in cells, and rows that share a phone or an account.

use maud::{Markup, html};

use super::words::{message, visible};

use crate::{
    characters::{clipped, is_blank},
    report::{
        notes::{SharedGroups, SourceNotes},
        rejects::originals::Originals,
    },
    run::{RunError, RunFile, StagedSource, StoredColumn},
    wording::{counted, grouped},
};

/// Values shown for each column.
const SAMPLES: usize = 3;
/// Rows that are searched for values.
const SAMPLE_ROWS: usize = 200;
/// Columns shown for each source.
const COLUMNS: usize = 200;
const SAMPLE_CHARS_MAX: usize = 40;

pub(super) struct Sources<'a> {
    notes: &'a SourceNotes,
    originals: Originals<'a>,
}

impl<'a> Sources<'a> {
    pub(super) fn of(run: &'a RunFile, notes: &'a SourceNotes) -> Result<Self, RunError> {
        Ok(Self {
            notes,
            originals: Originals::of(run)?,
        })
    }

    /// The distinct files.
    pub(super) fn files(&self) -> Vec<&StagedSource> {
        let mut files: Vec<&StagedSource> = self.originals.sources.list.iter().collect();
        files.dedup_by(|one, other| one.path == other.path);
        files
    }

    /// The name of a source, if there are several.
    pub(super) fn name(&self, source: usize) -> Option<String> {
        self.originals.sources.name(source)
    }

    /// Rows, each with its source if there are several.
    pub(super) fn rows(&self, rows: impl Iterator<Item = (usize, u64)>) -> Markup {
        html! {
            @for (at, (source, row)) in rows.enumerate() {
                @if at > 0 { ", " }
                (grouped(row))
                @if let Some(name) = self.name(source) { " of " bdi { (visible(&name)) } }
            }
        }
    }

    pub(super) fn mapping(&self) -> Result<Markup, RunError> {
        let mut tables = Vec::new();
        for (number, source) in (0..).zip(&self.originals.sources.list) {
            if let Some(table) = self.columns(number, source)? {
                tables.push((self.name(number as usize), table));
            }
        }
        Ok(html! {
            @if !tables.is_empty() {
                section {
                    h2 { "Columns" }
                    @for (name, table) in &tables {
                        @if let Some(name) = name { h3 { bdi { (visible(name)) } } }
                        (table)
                    }
                }
            }
        })
    }

    fn columns(&self, number: u32, source: &StagedSource) -> Result<Option<Markup>, RunError> {
        let columns = self.originals.sources.columns(number);
        if columns.is_empty() {
            return Ok(None);
        }
        let samples = self.samples(number, source.columns.len())?;
        let more = columns.len().saturating_sub(COLUMNS);
        let none = Vec::new();
        let shown = columns.iter().take(COLUMNS).enumerate();
        let shown = shown.map(|(at, column)| (column, samples.get(at).unwrap_or(&none).as_slice()));
        let (used, unused): (Vec<_>, Vec<_>) =
            shown.partition(|(column, _)| !column.fields.is_empty());
        Ok(Some(html! {
            @if !used.is_empty() { (columns_table(&used)) }
            @if !unused.is_empty() {
                details {
                    summary { (counted(unused.len() as u64, "column")) " not used" }
                    (columns_table(&unused))
                }
            }
            @if more > 0 { p.muted { "… and " (grouped(more as u64)) " more columns." } }
        }))
    }

    /// The first distinct values of each column.
    fn samples(&self, number: u32, columns: usize) -> Result<Vec<Vec<String>>, RunError> {
        let mut samples = vec![Vec::new(); columns.min(COLUMNS)];
        let rows = self.originals.first_rows(number)?;
        for row in rows.iter().take(SAMPLE_ROWS) {
            for (samples, cell) in samples.iter_mut().zip(row) {
                let sample = clipped(&String::from_utf8_lossy(cell), SAMPLE_CHARS_MAX);
                if samples.len() < SAMPLES && !is_blank(&sample) && !samples.contains(&sample) {
                    samples.push(sample);
                }
            }
        }
        Ok(samples)
    }

    pub(super) fn cell_changes(&self) -> Markup {
        let SourceNotes { changes, hints, .. } = self.notes;
        html! {
            @if !changes.is_empty() {
                section {
                    h2 { "Changes in cells" }
                    div.scroll { table.sortable {
                        thead { tr { th { "Change" } th.number { "Cells" } th { "First example" } } }
                        tbody {
                            @for change in changes {
                                tr {
                                    td { (visible(&change.change)) " " small { "(" (visible(&change.noun)) ")" } }
                                    td.number { (grouped(change.count)) }
                                    td { bdi { (visible(&change.example)) } }
                                }
                            }
                        }
                    } }
                }
            }
            @if !hints.is_empty() {
                section.box {
                    h2 { "Hints" }
                    ul { @for hint in hints { li { (message(hint)) } } }
                }
            }
        }
    }

    /// Rows with different ids and the same phone or account.
    pub(super) fn shared(&self) -> Markup {
        let SourceNotes {
            shared_phones,
            respelt_phones,
            shared_accounts,
            ..
        } = self.notes;
        html! {
            (self.shared_list("The same phone under different ids", shared_phones))
            (self.shared_list("The same WhatsApp in two spellings under different ids", respelt_phones))
            (self.shared_list("The same account of a messenger under different ids", shared_accounts))
        }
    }

    fn shared_list(&self, heading: &str, shared: &SharedGroups) -> Markup {
        let more = shared.count.saturating_sub(shared.groups.len()) as u64;
        html! {
            @if !shared.groups.is_empty() {
                section {
                    h2 { (heading) }
                    p { "Possibly duplicate customers: a message may reach the wrong contact." }
                    div.scroll.tall { table {
                        thead { tr { th.number { "No." } th { "Rows" } } }
                        tbody {
                            @for (number, (rows, all)) in (1..).zip(&shared.groups) {
                                tr {
                                    td.number { (grouped(number)) }
                                    td {
                                        (self.rows(rows.iter().map(|&(source, row)| (source, row.into()))))
                                        @if *all > rows.len() { " and " (grouped((*all - rows.len()) as u64)) " more" }
                                    }
                                }
                            }
                        }
                    } }
                    @if more > 0 {
                        p.muted { "… and " (grouped(more)) " more groups; " code { "wazzup-contacts check FILE --json" } " lists all of them." }
                    }
                }
            }
        }
    }
}

fn columns_table(columns: &[(&StoredColumn, &[String])]) -> Markup {
    html! {
        div.scroll { table.columns.cards {
            thead { tr { th { "Column" } th { "Read as" } th { "Examples" } } }
            tbody {
                @for (column, samples) in columns {
                    tr {
                        td { bdi { (visible(&column.column)) } }
                        td {
                            @if column.fields.is_empty() {
                                span.muted { "not used" }
                                @if !column.left_out.is_empty() {
                                    " " br; small { (visible(&column.left_out)) }
                                }
                            } @else {
                                @for (at, field) in column.fields.iter().enumerate() {
                                    @if at > 0 { ", " }
                                    code { (visible(field)) }
                                }
                                " " br; small { (how(&column.how)) }
                            }
                        }
                        td.samples { @for sample in *samples { span { bdi { (visible(sample)) } } } }
                    }
                }
            }
        } }
    }
}

/// The reason for the assignment of a column, in words.
fn how(how: &str) -> String {
    match how {
        "exact name" => "by its name".to_owned(),
        "known name" => "by a known name".to_owned(),
        other => format!("by {}", visible(other)),
    }
}
