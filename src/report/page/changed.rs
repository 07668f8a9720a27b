//! The first contacts that are updated or deleted, with the account's values before and after.

use maud::{Markup, html};

use super::{
    content::{ReportPage, ReportedPhase},
    words::visible,
};
use crate::{
    characters::clipped,
    plan::{
        diff::{NOT_READ, NOT_SHOWN},
        planned_changes::{self, PlannedDeletion},
    },
    run::{FieldChange, RunError, changes},
    wording::counted,
};

/// Contacts shown of each kind.
const SHOWN: u32 = 100;
const VALUE_CHARS_MAX: usize = 200;

/// The updates as a section of the page; empty without updates.
pub(super) fn updates(page: &ReportPage<'_>) -> Result<Markup, RunError> {
    let mut contacts: Vec<(String, Vec<FieldChange>)> = Vec::new();
    let mut are_links_sent = false;
    planned_changes::for_each_update(page.run, SHOWN, |id, mut fields| {
        let count = fields.len();
        fields.retain(|change| change.old != NOT_SHOWN);
        are_links_sent |= fields.len() < count;
        contacts.push((id.to_owned(), fields));
        Ok::<_, RunError>(())
    })?;
    let is_unread = |change: &FieldChange| change.old == NOT_READ;
    let are_unread = contacts
        .iter()
        .any(|(_, fields)| fields.iter().any(is_unread));
    let planned = page.summary.plan.update;
    let counts = changes::field_counts(page.run, NOT_SHOWN)?;
    Ok(html! {
        @if !contacts.is_empty() {
            section {
                h2 { @if page.phase == ReportedPhase::Sent { "Updated contacts" } @else { "Contacts to update" } }
                @if are_unread {
                    p.muted { "The account was not read, so the values before an update are unknown." }
                }
                p {
                    @for (at, (field, count)) in counts.iter().enumerate() {
                        @if at > 0 { ", " }
                        code { (visible(field)) } " in " (counted(*count, "contact"))
                    }
                }
                @if are_links_sent {
                    p.muted {
                        "Wazzup does not return the stored link of a contact, so links could not be compared: a link is sent with every update."
                    }
                }
                div.scroll.tall { table.changes.updates.cards {
                    thead { tr { th { "Id" } th { "Field" } th { "Before" } th { "After" } } }
                    tbody {
                        @for (id, fields) in &contacts {
                            @for FieldChange { field, old, new } in fields {
                                tr { (cell(id)) td { code { (visible(field)) } } (cell(old)) (cell(new)) }
                            }
                        }
                    }
                } }
                (more(page, planned, contacts.len()))
            }
        }
    })
}

pub(super) fn deletions(page: &ReportPage<'_>) -> Result<Markup, RunError> {
    let contacts = planned_changes::deletions(page.run, SHOWN)?;
    Ok(html! {
        @if !contacts.is_empty() {
            section {
                h2 { @if page.phase == ReportedPhase::Sent { "Deleted contacts" } @else { "Contacts to delete" } }
                div.scroll.tall { table.changes.cards {
                    thead { tr { th { "Id" } th { "Name" } th { "Chats" } } }
                    tbody {
                        @for PlannedDeletion { id, name_and_chats } in &contacts {
                            @let (name, chats) = name_and_chats.clone().unwrap_or_default();
                            tr { (cell(id)) (cell(&name)) (cell(&chats)) }
                        }
                    }
                } }
                (more(page, page.summary.plan.delete, contacts.len()))
            }
        }
    })
}

fn cell(value: &str) -> Markup {
    html! { td { bdi { (visible(&clipped(value, VALUE_CHARS_MAX))) } } }
}

/// The number of further contacts, and where they are listed.
fn more(page: &ReportPage<'_>, planned: u64, shown: usize) -> Markup {
    let more = planned.saturating_sub(shown as u64);
    html! {
        @if more > 0 {
            p.muted {
                "… and " (counted(more, "more contact")) "."
                @if let (Some(run), Some(_)) = (&page.summary.run, &page.summary.files.run) {
                    " " code { "wazzup-contacts runs show " (visible(run)) } " lists all of them."
                }
            }
        }
    }
}
