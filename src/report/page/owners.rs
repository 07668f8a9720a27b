//! A table of the number of contacts of each owner, before and after.

use maud::{Markup, html};

use super::{
    content::{ReportPage, ReportedPhase},
    words::visible,
};
use crate::{
    characters::clipped,
    run::{RunError, owners},
    wording::{counted, grouped},
};

/// Owners with a row of their own.
const SHOWN: usize = 20;

const VALUE_CHARS_MAX: usize = 100;

fn owner(contacts: &owners::OwnedContacts, name: Option<&String>) -> Markup {
    html! {
        @if contacts.owner.is_empty() { "(no owner)" }
        @else { bdi { (visible(&clipped(&contacts.owner, VALUE_CHARS_MAX))) } }
        @if let Some(name) = name {
            " " small { bdi { (visible(&clipped(name, VALUE_CHARS_MAX))) } }
        }
    }
}

/// The owners as a section of the page; empty if the account was not read.
pub(super) fn owners(page: &ReportPage<'_>) -> Result<Markup, RunError> {
    let all = owners::of(page.run, page.phase == ReportedPhase::Sent)?;
    let names = owners::names(page.run)?;
    let (shown, others) = all.split_at(all.len().min(SHOWN));
    let sum = |count: fn(&owners::OwnedContacts) -> u64, of: &[owners::OwnedContacts]| {
        of.iter().map(count).sum::<u64>()
    };
    let row = |owner: &Markup, before: u64, after: u64| {
        let sign = if after > before { "+" } else { "−" };
        html! {
            tr {
                td { (owner) }
                td.number { (grouped(before)) }
                td.number { (grouped(after)) }
                td.number { @if after != before { (sign) (grouped(after.abs_diff(before))) } }
            }
        }
    };
    Ok(html! {
        @if !all.is_empty() {
            section {
                h2 { "Contacts by owner" }
                p.muted {
                    "Counts the contacts that this run has read or written"
                    @if page.summary.done.unknown > 0 {
                        ", also " (counted(page.summary.done.unknown, "contact")) " sent without an answer"
                    }
                    "."
                }
                div.scroll { table.sortable {
                    thead { tr {
                        th { "Owner" } th.number { "Before" } th.number { "After" } th.number { "Change" }
                    } }
                    tbody {
                        @for it in shown {
                            (row(&owner(it, names.get(&it.owner)), it.before, it.after))
                        }
                        @if !others.is_empty() {
                            @let words = counted(others.len() as u64, "other owner");
                            (row(&html! { (words) }, sum(|it| it.before, others), sum(|it| it.after, others)))
                        }
                    }
                } }
            }
        }
    })
}
