//! The first contacts that are updated or deleted, with the account's values before and after.

use maud::{Markup, html};

use super::{
    content::{Progress, ReportPage},
    words::visible,
};
use crate::{
    plan::{
        chats::describe,
        diff::{NOT_READ, NOT_SHOWN},
        updates,
    },
    run::{FieldChange, RunError, changes, snapshot},
    wording::{clipped, counted},
};

/// Contacts shown of each kind.
const SHOWN: u32 = 100;
const VALUE_CHARS_MAX: usize = 200;

/// The updates as a section of the page; empty without updates.
pub(super) fn updates(page: &ReportPage<'_>) -> Result<Markup, RunError> {
    let mut contacts: Vec<(String, Vec<FieldChange>)> = Vec::new();
    let mut are_links_sent = false;
    updates::for_each(page.run, SHOWN, |id, mut fields| {
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
                h2 { @if page.progress == Progress::Sent { "Updated contacts" } @else { "Contacts to update" } }
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
    let run = page.run;
    let mut contacts: Vec<[String; 3]> = Vec::new();
    changes::for_each_deletion(run, 0..SHOWN.into(), |deletion| {
        let mut contact = [deletion.id, String::new(), String::new()];
        if let Some(seq) = deletion.snapshot {
            let json = snapshot::json(run, seq)?;
            let before = run.contact(json.as_bytes())?;
            contact[1] = before.name.to_string();
            contact[2] = describe(&before.contact_data);
        }
        contacts.push(contact);
        Ok::<_, RunError>(())
    })?;
    Ok(html! {
        @if !contacts.is_empty() {
            section {
                h2 { @if page.progress == Progress::Sent { "Deleted contacts" } @else { "Contacts to delete" } }
                div.scroll.tall { table.changes.cards {
                    thead { tr { th { "Id" } th { "Name" } th { "Chats" } } }
                    tbody { @for [id, name, chats] in &contacts { tr { (cell(id)) (cell(name)) (cell(chats)) } } }
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
