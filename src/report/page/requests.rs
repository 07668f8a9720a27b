//! The requests over time, as a table with a bar for the contacts of each moment.

use maud::{Markup, html};

use super::words::moment;
use crate::{
    traffic::{KindCounts, RequestKind, TimeSlice, Timeline, Unanswered, merged, sum},
    wording::{counted, duration, float, grouped, rounded},
};

/// Total number of rows of the table.
const ROWS: u64 = 48;

/// The duration from which the course of a run is shown.
const SHOWN_MS: u64 = 2_000;

struct Process<'a> {
    timeline: &'a Timeline,
    seconds: f64,
    rows: Vec<TimeSlice>,
}

/// The requests as a section of the page; empty if nothing was sent.
pub(super) fn requests(timelines: &[Timeline]) -> Markup {
    let processes = processes(timelines);
    let all: Vec<_> = processes.iter().flat_map(|it| &it.rows).collect();
    let total = sum(all.iter().copied(), None);
    if total.sent == 0 {
        return html! {};
    }
    let ms = timelines
        .iter()
        .map(|it| it.ms)
        .fold(0, u64::saturating_add);
    html! {
        section {
            h2 { "Requests" }
            p { (in_words(&total)) }
            @if let [_, .., last] = &*processes {
                p.muted {
                    "The run was made in " (counted(processes.len() as u64, "part"))
                    ", and the time in between is left out. The last part began on "
                    (moment(&last.timeline.started_at.to_string())) "."
                }
            }
            p { (contacts_in_words(&all)) " " (latencies(&all)) }
            @if ms >= SHOWN_MS { div.scroll.tall { (table(&processes)) } }
        }
    }
}

fn processes<'a>(timelines: &'a [Timeline]) -> Vec<Process<'a>> {
    let length = |it: &Timeline| it.slice_ms.saturating_mul(it.slices.len() as u64);
    let total = timelines.iter().map(length).fold(0, u64::saturating_add);
    let process = |timeline: &'a Timeline| {
        let Timeline {
            slice_ms, slices, ..
        } = timeline;
        let count = total.div_ceil(ROWS).div_ceil((*slice_ms).max(1)).max(1);
        let seconds = float(slice_ms * count) / 1_000.0;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Process {
            timeline,
            seconds,
            rows: merged(slices, count),
        }
    };
    let sent = |it: &&Timeline| it.slices.iter().any(|slice| !slice.of_kind.is_empty());
    timelines.iter().filter(sent).map(process).collect()
}

/// `1,234 requests, 12 of them retries: 1,222 answers with 200, 12 with 429.`
fn in_words(total: &KindCounts) -> String {
    let retries = match total.retried {
        0 => String::new(),
        count => format!(", {} of them retries", grouped(count)),
    };
    let sent = counted(total.sent, "request");
    format!("{sent}{retries}: {}.", answers(total))
}

/// `1,222 answered with 200, 12 with 429, 2 timed out`.
fn answers(counts: &KindCounts) -> String {
    let with = |(at, (status, count)): (usize, (&u16, &u64))| {
        let answered = if at == 0 { "answered " } else { "" };
        format!("{} {answered}with {status}", grouped(*count))
    };
    let without = |(reason, count): (&Unanswered, &u64)| {
        let words = match reason {
            Unanswered::NoConnection => "without a connection",
            Unanswered::TimedOut => "timed out",
            Unanswered::BrokenOff => "lost with the connection",
            Unanswered::Abandoned => "abandoned when the run was stopped",
        };
        format!("{} {words}", grouped(*count))
    };
    let with = counts.status.iter().enumerate().map(with);
    let all: Vec<_> = with.chain(counts.unanswered.iter().map(without)).collect();
    if all.is_empty() {
        return "none answered yet".to_owned();
    }
    all.join(", ")
}

/// `500 contacts read from the account and 100 contacts sent and confirmed.`
fn contacts_in_words(rows: &[&TimeSlice]) -> String {
    let kinds = [
        (RequestKind::Read, "read from the account"),
        (RequestKind::Write, "sent and confirmed"),
    ];
    let counts = kinds.map(|(kind, words)| (sum(rows.iter().copied(), Some(kind)).contacts, words));
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = counts
        .map(|(count, words)| format!("{} {words}", counted(count, "contact")))
        .collect();
    if parts.is_empty() {
        return "No contact was read or sent.".to_owned();
    }
    format!("{}.", parts.join(" and "))
}

fn latencies(rows: &[&TimeSlice]) -> String {
    let of = |(kind, name)| {
        let latency = sum(rows.iter().copied(), Some(kind)).latency;
        let (half, most) = (latency.percentile_ms(50)?, latency.percentile_ms(95)?);
        let slowest = number(latency.slowest_ms());
        Some(format!(
            "{name}: p50 {} ms, p95 {} ms, slowest {slowest} ms.",
            number(half),
            number(most)
        ))
    };
    let kinds = [
        (RequestKind::Read, "Reading"),
        (RequestKind::Write, "Sending"),
    ];
    kinds
        .into_iter()
        .filter_map(of)
        .collect::<Vec<_>>()
        .join(" ")
}

/// A measurement in milliseconds.
fn number(value: f64) -> String {
    if value < 9.95 && value.fract().abs() > 0.05 {
        format!("{value:.1}")
    } else {
        grouped(rounded(value))
    }
}

impl Process<'_> {
    /// The contacts that were read or sent per second in a row of the table.
    fn rate(&self, row: &TimeSlice) -> u64 {
        let contacts = sum([row], None).contacts;
        rounded(float(contacts) / self.seconds.max(0.001))
    }
}

fn table(processes: &[Process<'_>]) -> Markup {
    let rates = processes
        .iter()
        .flat_map(|it| it.rows.iter().map(|row| it.rate(row)));
    let highest = rates.max().unwrap_or_default().max(1);
    html! {
        table.requests {
            thead { tr {
                th.number { "Time" } th { "Contacts per second" }
                @for name in ["Read", "Sent", "Requests", "Retried", "In flight", "p50, ms", "p95, ms"] { th.number { (name) } }
                th { "Answers" }
            } }
            tbody {
                @for process in processes {
                    @if processes.len() > 1 {
                        tr { th colspan="10" { "From " (moment(&process.timeline.started_at.to_string())) } }
                    }
                    @for (at, row) in (0_u32..).zip(&process.rows) {
                        @let rate = process.rate(row);
                        tr {
                            td.number { (duration(f64::from(at) * process.seconds)) }
                            td.rate { meter max=(highest) value=(rate) {} " " (grouped(rate)) }
                            (cells(row))
                        }
                    }
                }
            }
        }
    }
}

/// The counts of a row.
fn cells(row: &TimeSlice) -> Markup {
    let counts = sum([row], None);
    let contacts = |kind| sum([row], Some(kind)).contacts;
    let ms = |percent| counts.latency.percentile_ms(percent).map(number);
    html! {
        @for count in [
            contacts(RequestKind::Read), contacts(RequestKind::Write), counts.sent, counts.retried, row.in_flight,
        ] { td.number { @if count > 0 { (grouped(count)) } } }
        @for percent in [50, 95] { td.number { (ms(percent).unwrap_or_default()) } }
        td { @if counts.sent > 0 { (answers(&counts)) } }
    }
}
