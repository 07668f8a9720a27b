//! The rejected rows: each kind of problem with examples and advice, and a searchable list.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{
    content::{PageWriter, ReportPage, ReportedPhase},
    sources::Sources,
    words::{message, visible},
};
use crate::{
    characters::clipped,
    plan::Mode,
    reject::{Problem, RejectCode, RejectedRow},
    report::ReportError,
    run::rejects,
    wording::{counted, grouped},
};

/// Maximum number of listed problems.
const LISTED: usize = 10_000;
/// Problems per written piece.
const PIECE: usize = 500;
/// Contacts listed that were not deleted.
const NOT_DELETED: usize = 1_000;
/// Reasons shown for a kind of problem, and rows named for each.
const EXAMPLES: usize = 3;
const REASON_CHARS_MAX: usize = 400;
const ID_CHARS_MAX: usize = 100;

struct Listed {
    source: usize,
    row: u64,
    id: String,
    column: String,
    code: RejectCode,
    reason: String,
}

/// The problems of a run: the first ones, and examples of each kind.
#[derive(Default)]
struct Rejected {
    listed: Vec<Listed>,
    kinds: BTreeMap<RejectCode, Kind>,
}

#[derive(Default)]
struct Kind {
    count: u64,
    /// Distinct reasons, each with its first rows.
    examples: Vec<(String, Vec<(usize, u64)>)>,
}

impl Kind {
    fn add_example(&mut self, reason: &str, row: (usize, u64)) {
        let has_room = self.examples.len() < EXAMPLES;
        let known = self.examples.iter_mut().find(|(known, _)| known == reason);
        match known {
            Some((_, rows)) if rows.len() < EXAMPLES => rows.push(row),
            None if has_room => self.examples.push((reason.to_owned(), vec![row])),
            _ => {}
        }
    }
}

impl Rejected {
    fn add(&mut self, rejected: &RejectedRow<'_>) {
        let source = rejected.source as usize;
        for problem in &*rejected.problems {
            let Problem {
                column,
                code,
                reason,
            } = problem;
            let reason = clipped(reason, REASON_CHARS_MAX);
            let kind = self.kinds.entry(*code).or_default();
            kind.count += 1;
            kind.add_example(&reason, (source, rejected.row));
            if self.listed.len() < LISTED {
                let id = rejected.id.as_deref().unwrap_or_default();
                self.listed.push(Listed {
                    source,
                    row: rejected.row,
                    id: clipped(id, ID_CHARS_MAX),
                    column: clipped(column.as_deref().unwrap_or_default(), ID_CHARS_MAX),
                    code: *code,
                    reason,
                });
            }
        }
    }

    fn problems(&self) -> u64 {
        self.kinds.values().map(|kind| kind.count).sum()
    }

    fn kinds(&self, sources: &Sources<'_>) -> Markup {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(_, kind)| std::cmp::Reverse(kind.count));
        html! {
            div.scroll { table.sortable.kinds.cards {
                thead { tr { th { "Problem" } th.number { "Count" } th { "Examples" } th { "What to do" } } }
                tbody {
                    @for (code, Kind { count, examples }) in kinds {
                        @let (title, advice) = (code.title(), code.advice());
                        tr {
                            td { strong { (title) } br; code { (code.as_str()) } }
                            td.number { (grouped(*count)) }
                            td {
                                @for (reason, rows) in examples {
                                    p { (rows_in_words(sources, rows)) ": " (message(reason)) }
                                }
                            }
                            td { (message(advice)) }
                        }
                    }
                }
            } }
        }
    }
}

/// `rows 5, 7`, with their sources if there are several.
fn rows_in_words(sources: &Sources<'_>, rows: &[(usize, u64)]) -> Markup {
    html! {
        @if rows.len() > 1 { "rows " } @else { "row " }
        (sources.rows(rows.iter().copied()))
    }
}

/// Writes the section; empty without rejects. `not_deleted`: the number of failed deletions.
pub(super) fn write(
    page: &ReportPage<'_>,
    sources: &Sources<'_>,
    not_deleted: u64,
    out: &mut PageWriter<'_>,
) -> Result<(), ReportError> {
    let mut rejected = Rejected::default();
    rejects::for_each::<ReportError>(page.run, |row| {
        rejected.add(&row);
        Ok(())
    })?;
    if rejected.listed.is_empty() {
        return Ok(());
    }
    out.put(&html! {
        (maud::PreEscaped("<section id=\"rejects\">"))
        h2 { "Rejected rows" }
        p { (introduction(page, not_deleted)) }
        (rejected.kinds(sources))
        h3 { "All of them" }
        p.search hidden { label { "Search " input type="search" placeholder="a row, an id, a word"; } " " output {} }
        (maud::PreEscaped("<div class=\"scroll tall\"><table class=\"sortable list cards\">"))
        thead { tr {
            th.number { "Row" } th { "Id" } th { "Column" } th { "Problem" } th { "Reason" }
            @if sources.name(0).is_some() { th { "File" } }
        } }
        (maud::PreEscaped("<tbody>"))
    })?;
    for piece in rejected.listed.chunks(PIECE) {
        out.put(&html! { @for listed in piece { (line(listed, sources)) } })?;
    }
    let more = rejected.problems() - rejected.listed.len() as u64;
    out.put(&html! {
        (maud::PreEscaped("</tbody></table></div>"))
        button.more type="button" hidden {}
        p.paper { "When printed, the list ends after 200 rows." }
        @if more > 0 {
            p.muted {
                "… and " (counted(more, "more problem")) ". "
                @if let Some(file) = &page.summary.files.rejects {
                    "All rejected rows are in " code { (visible(file)) } "."
                } @else {
                    code { "wazzup-contacts check FILE --rejects FILE.csv" } " writes all of them to a file."
                }
            }
        }
        (maud::PreEscaped("</section>"))
    })
}

/// Writes the contacts that could not be deleted. They have no row, so they are in no file.
pub(super) fn write_not_deleted(
    failed: &[(String, String)],
    out: &mut PageWriter<'_>,
) -> Result<(), ReportError> {
    if failed.is_empty() {
        return Ok(());
    }
    let more = failed.len().saturating_sub(NOT_DELETED);
    out.put(&html! {
        section id="not-deleted" {
            h2 { "Contacts that were not deleted" }
            p { (counted(failed.len() as u64, "contact")) " refused or left alone. They are not in the rejects file." }
            div.scroll { table.list.cards {
                thead { tr { th { "Id" } th { "Reason" } } }
                tbody {
                    @for (id, reason) in failed.iter().take(NOT_DELETED) {
                        tr { td { bdi { (visible(id)) } } td { (message(reason)) } }
                    }
                }
            } }
            @if more > 0 {
                p.muted { "… and " (grouped(more as u64)) " more. " code { "wazzup-contacts runs show" } " lists all of them." }
            }
        }
    })
}

/// The number of rejects, and their file. Of the failed contacts, these are deletions, which have no row.
fn introduction(page: &ReportPage<'_>, deletions: u64) -> Markup {
    let summary = page.summary;
    let rejected = summary.rows.rejected;
    let failed = summary.done.failed.saturating_sub(deletions);
    let rows = counted(rejected, "row");
    let contacts = counted(failed, "contact");
    html! {
        @if page.phase != ReportedPhase::Sent {
            (rows) " can't become contacts."
        } @else if failed == 0 {
            (rows) " rejected before anything was sent."
        } @else if rejected == 0 {
            (contacts) " refused or left alone while sending."
        } @else {
            (rows) " rejected before anything was sent, and " (contacts) " refused or left alone while sending."
        }
        @if let Some(file) = &summary.files.rejects {
            " They are in " code { (visible(file)) }
            @if summary.mode == Mode::Undo.as_str() {
                "."
            } @else {
                ", ready to correct and import."
            }
        }
    }
}

fn line(listed: &Listed, sources: &Sources<'_>) -> Markup {
    html! {
        tr {
            td.number { (grouped(listed.row)) }
            td { bdi { (visible(&listed.id)) } }
            td { bdi { (visible(&listed.column)) } }
            td { (listed.code.title()) }
            td { (message(&listed.reason)) }
            @if let Some(name) = sources.name(listed.source) { td { bdi { (visible(&name)) } } }
        }
    }
}
