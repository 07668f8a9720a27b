//! The facts about a run: the command, its times, its files.

use maud::{Markup, html};

use super::{
    content::{ReportPage, ReportedPhase},
    sources::Sources,
    words::{self, moment, visible},
};
use crate::{
    plan::Mode,
    report::notes::Invocation,
    run::StagedSource,
    wording::{counted, duration, grouped, rounded},
};

pub(super) fn facts(page: &ReportPage<'_>, sources: &Sources<'_>) -> Markup {
    let summary = page.summary;
    let [planned, sent] = &page.invocations;
    let command = |invocation: &Option<Invocation>| {
        let line = invocation
            .as_ref()
            .map(|invocation| invocation.command_line.clone());
        line.filter(|line| !line.is_empty())
    };
    let planned_with = command(planned);
    let sent_with = command(sent).filter(|line| planned_with.as_ref() != Some(line));
    let invocation = sent.as_ref().or(planned.as_ref());
    let took = (summary.seconds > 0.0).then(|| duration(summary.seconds));
    let rows: Vec<(&str, Option<Markup>)> = vec![
        ("Command", planned_with.map(|line| words::command(&line))),
        ("Sent with", sent_with.map(|line| words::command(&line))),
        ("Started", Some(time(&summary.started_at))),
        ("Duration", took.map(text)),
        ("Speed", speed(page).map(text)),
        (
            "Profile",
            invocation.map(|invocation| text(&invocation.profile)),
        ),
        ("Account", invocation.map(account).map(text)),
        ("Mode", mode(page).map(text)),
        (
            "Run",
            summary
                .run
                .as_ref()
                .filter(|_| summary.files.run.is_some())
                .map(code),
        ),
        ("Rejects file", summary.files.rejects.as_ref().map(code)),
    ];
    html! {
        section {
            h2 { "Request" }
            dl.facts {
                @for (name, value) in rows {
                    @if let Some(value) = value.filter(|value| !value.0.is_empty()) {
                        div { dt { (name) } dd { (value) } }
                    }
                }
                @for file in sources.files() { div { dt { "File" } dd { (source(file)) } } }
            }
        }
    }
}

fn source(file: &StagedSource) -> Markup {
    html! {
        bdi { (visible(&file.path)) }
        @if !file.blake3.is_empty() {
            br;
            small {
                (size(file.bytes)) " · BLAKE3 digest "
                code.digest { (visible(&file.blake3)) }
            }
        }
    }
}

/// The facts about a command that failed before it had a run.
pub(super) fn failed(invocation: &Invocation, started_at: &str) -> Markup {
    html! {
        section {
            h2 { "Request" }
            dl.facts {
                div { dt { "Command" } dd { (words::command(&invocation.command_line)) } }
                div { dt { "Started" } dd { (time(started_at)) } }
                @if !invocation.profile.is_empty() { div { dt { "Profile" } dd { (text(&invocation.profile)) } } }
            }
        }
    }
}

fn text(text: impl AsRef<str>) -> Markup {
    html! { (visible(text.as_ref())) }
}

fn code(text: impl AsRef<str>) -> Markup {
    html! { code { (visible(text.as_ref())) } }
}

fn time(at: &str) -> Markup {
    html! { time datetime=(at) { (moment(at)) } }
}

fn account(invocation: &Invocation) -> String {
    let Invocation {
        account_name,
        base_url,
        ..
    } = invocation;
    if account_name.is_empty() {
        base_url.clone()
    } else {
        format!("{account_name} at {base_url}")
    }
}

/// Number of contacts sent per second.
fn speed(page: &ReportPage<'_>) -> Option<String> {
    if page.phase != ReportedPhase::Sent || page.summary.seconds < 0.5 {
        return None;
    }
    let rate = rounded(page.summary.contacts_per_second?);
    Some(format!("{} per second", counted(rate, "contact")))
}

fn mode(page: &ReportPage<'_>) -> Option<&'static str> {
    let mode: Mode = page.summary.mode.parse().ok()?;
    Some(match mode {
        Mode::Upsert => "Create contacts that are missing and update those that differ",
        Mode::Create => "Create all contacts",
        Mode::Update => "Update existing contacts",
        Mode::Mirror => {
            "Make the account equal to the file: create, update, and delete contacts that are not in the file"
        }
        Mode::Missing => "Create contacts that are missing and leave all others alone",
        Mode::Undo => "Restore what the run changed",
    })
}

/// `1.2 MB (1,234,567 bytes)`.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let unit = UNITS.into_iter().find(|(unit, _)| bytes >= *unit);
    unit.map_or_else(
        || counted(bytes, "byte"),
        |(unit, name)| {
            let tenths = bytes / (unit / 10);
            format!(
                "{}.{} {name} ({} bytes)",
                grouped(tenths / 10),
                tenths % 10,
                grouped(bytes)
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_shown_in_its_largest_unit() {
        for (bytes, shown) in [
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_250, "1.2 kB (1,250 bytes)"),
            (70_000_000_000, "70.0 GB (70,000,000,000 bytes)"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }
}
