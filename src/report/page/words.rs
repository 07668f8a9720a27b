//! The sentences of the report.

use std::{borrow::Cow, path::Path};

use jiff::{Timestamp, tz::TimeZone};
use maud::{Markup, html};

use super::{
    content::{ReportPage, ReportedPhase},
    credentials::without_credentials,
};
use crate::{
    characters,
    plan::Mode,
    report::summary::Summary,
    run::{Done, Planned, Rows},
    wording::{counted, grouped},
};

pub(super) fn title(summary: &Summary) -> String {
    let what = match (&*summary.command, &*summary.mode) {
        ("check", _) => "Check of",
        ("plan", _) => "Plan for",
        (_, mode) if mode == Mode::Undo.as_str() => "Undo of",
        _ => "Import of",
    };
    // Several paths are joined.
    let names = summary.source.path.split(", ").map(|path| {
        let name = Path::new(path).file_name().unwrap_or_default();
        name.to_string_lossy()
    });
    let names = names.collect::<Vec<_>>().join(", ");
    format!("{what} {}", visible(&names))
}

/// Foreign text, without credentials and safe to show.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    match without_credentials(text) {
        Cow::Borrowed(text) => characters::visible(text),
        Cow::Owned(text) => characters::visible(&text).into_owned().into(),
    }
}

/// A message, with backticked parts as code.
pub(super) fn message(text: &str) -> Markup {
    let text = visible(text);
    let parts: Vec<&str> = text.split('`').collect();
    // With an odd number of backticks, the pairs are unknown.
    if parts.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! {
        @for (at, part) in parts.into_iter().enumerate() {
            @if at % 2 == 0 { (part) } @else { code { bdi { (part) } } }
        }
    }
}

/// A headline that only breaks between its parts, unless one is long.
pub(super) fn unbroken(headline: &str) -> String {
    const LONG: usize = 24;
    let parts = headline.split(", ").map(|part| {
        let is_short = part.chars().count() <= LONG;
        if is_short {
            part.replace(' ', "\u{a0}")
        } else {
            part.to_owned()
        }
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// A command that only breaks between words; browsers would also break it at hyphens.
pub(super) fn command(command: &str) -> Markup {
    let command = visible(command);
    html! {
        code {
            @for (at, word) in command.split(' ').enumerate() {
                @if at > 0 { " " }
                span { (word) }
            }
        }
    }
}

/// A time for people, in the local time zone.
pub(super) fn moment(time: &str) -> String {
    time.parse::<Timestamp>().map_or_else(
        |_| time.to_owned(),
        |time| {
            let time = time.to_zoned(TimeZone::system());
            time.strftime("%-d %B %Y, %H:%M %Z").to_string()
        },
    )
}

/// The outcome in a few words, with its colour class.
pub(super) fn status(page: &ReportPage<'_>) -> (&'static str, &'static str) {
    let Summary {
        exit_code,
        gate,
        resume,
        done,
        rows,
        ..
    } = page.summary;
    match page.phase {
        ReportedPhase::Checked if rows.contacts + rows.rejected == 0 => {
            ("warn", "No contacts were found")
        }
        ReportedPhase::Checked if rows.rejected == 0 => ("good", "All rows are valid"),
        ReportedPhase::Checked => ("warn", "Some rows would be rejected"),
        ReportedPhase::Planned if gate.is_some() => ("bad", "Refused: nothing was sent"),
        ReportedPhase::Planned => ("note", "Preview: nothing was sent"),
        ReportedPhase::Sent if page.undone.is_some() => ("note", "Undone since"),
        ReportedPhase::Sent if resume.is_some() => ("bad", "Not finished"),
        ReportedPhase::Sent if rows.rejected + done.failed > 0 => ("warn", "Done, with rejects"),
        ReportedPhase::Sent if *exit_code == 0 => ("good", "Done"),
        ReportedPhase::Sent => ("bad", "Stopped"),
    }
}

/// `12,000 rows: 11,950 contacts created, 50 rows rejected`.
pub(super) fn headline(summary: &Summary, phase: ReportedPhase) -> String {
    let Summary {
        rows, plan, done, ..
    } = summary;
    let is_undo = summary.mode == Mode::Undo.as_str();
    let mut contacts = match phase {
        ReportedPhase::Checked => vec![(rows.contacts, "")],
        ReportedPhase::Planned => planned(plan),
        ReportedPhase::Sent => sent(plan, done),
    };
    if is_undo {
        contacts.push((rows.rejected, "left alone"));
    }
    let mut parts: Vec<String> = Vec::new();
    for (count, word) in contacts.into_iter().filter(|(count, _)| *count > 0) {
        let count = if parts.is_empty() {
            counted(count, "contact")
        } else {
            grouped(count)
        };
        parts.push(format!("{count} {word}").trim_end().to_owned());
    }
    if parts.is_empty() {
        parts.push(
            if is_undo {
                "nothing to undo"
            } else {
                "no contacts"
            }
            .to_owned(),
        );
    }
    if is_undo {
        // Its rows are no rows of a source: contacts to delete have none.
        return parts.join(", ");
    }
    let Rows {
        rejected, merged, ..
    } = *rows;
    for (count, word) in [(rejected, "rejected"), (merged, "merged")] {
        if count > 0 {
            parts.push(format!("{} {word}", counted(count, "row")));
        }
    }
    let parts = parts.join(", ");
    if rows.read == 0 {
        return parts;
    }
    format!("{}: {parts}", counted(rows.read, "row"))
}

fn planned(plan: &Planned) -> Vec<(u64, &'static str)> {
    vec![
        (plan.create, "to create"),
        (plan.update, "to update"),
        (plan.delete, "to delete"),
        (plan.unchanged, "unchanged"),
    ]
}

fn sent(plan: &Planned, done: &Done) -> Vec<(u64, &'static str)> {
    vec![
        (done.created, "created"),
        (done.updated, "updated"),
        (done.deleted, "deleted"),
        (plan.unchanged, "unchanged"),
        (
            done.failed.saturating_sub(done.stale),
            "refused by the server",
        ),
        (done.stale, "left alone because they changed since the plan"),
        (done.unknown, "sent without an answer"),
        (done.not_attempted, "not sent"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_names_what_is_not_zero() {
        let mut summary = Summary {
            rows: Rows {
                read: 12_000,
                rejected: 50,
                contacts: 11_950,
                ..Rows::default()
            },
            plan: Planned {
                create: 11_950,
                ..Planned::default()
            },
            done: Done {
                created: 11_900,
                failed: 50,
                ..Done::default()
            },
            ..Summary::default()
        };
        let of = |summary: &Summary, phase| headline(summary, phase);
        assert_eq!(
            of(&summary, ReportedPhase::Sent),
            "12,000 rows: 11,900 contacts created, 50 refused by the server, 50 rows rejected"
        );
        assert_eq!(
            of(&summary, ReportedPhase::Planned),
            "12,000 rows: 11,950 contacts to create, 50 rows rejected"
        );
        assert_eq!(
            of(&summary, ReportedPhase::Checked),
            "12,000 rows: 11,950 contacts, 50 rows rejected"
        );
        summary.mode = Mode::Undo.as_str().to_owned();
        assert_eq!(
            of(&summary, ReportedPhase::Planned),
            "11,950 contacts to create, 50 left alone"
        );
        summary.mode.clear();
        summary.rows = Rows::default();
        summary.plan = Planned::default();
        assert_eq!(of(&summary, ReportedPhase::Planned), "no contacts");
    }
}
