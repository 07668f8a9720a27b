//! The requests over time, as charts and as a table.

use maud::{Markup, html};

use super::{
    charts::{Chart, Series, TimeAxis, largest, number},
    words::moment,
};
use crate::{
    traffic::{KindCounts, RequestKind, TimeSlice, Timeline, Unanswered, merged, sum},
    wording::{counted, duration, float, grouped},
};

/// Total number of columns in a chart.
const COLUMNS: u64 = 72;

/// The duration from which charts are useful.
const CHARTED_MS: u64 = 2_000;

/// The groups of answers in a chart, and the classes of their colours.
const GROUPS: [(&str, &str); 5] = [
    ("accepted", "created"),
    ("refused", "updated"),
    ("too many requests", "rejected"),
    ("server errors", "deleted"),
    ("no answer", "contacts"),
];

struct Process<'a> {
    timeline: &'a Timeline,
    seconds: f64,
    columns: Vec<TimeSlice>,
}

/// The requests as a section of the page; empty if nothing was sent.
pub(super) fn requests(timelines: &[Timeline]) -> Markup {
    let processes = processes(timelines);
    let all: Vec<_> = processes.iter().flat_map(|it| &it.columns).collect();
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
            @if ms >= CHARTED_MS {
                (charts(&processes, &all))
            } @else {
                p { (latencies(&all)) }
            }
            details {
                summary { "Show as a table" }
                div.scroll.tall { (table(&processes)) }
            }
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
        let count = total.div_ceil(COLUMNS).div_ceil((*slice_ms).max(1)).max(1);
        let seconds = float(slice_ms * count) / 1_000.0;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Process {
            timeline,
            seconds,
            columns: merged(slices, count),
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

fn charts(processes: &[Process<'_>], slices: &[&TimeSlice]) -> Markup {
    let lengths = processes.iter().map(|it| (it.columns.len(), it.seconds));
    let axis = TimeAxis::new(&lengths.collect::<Vec<_>>());
    let series = |class, value: &dyn Fn(&TimeSlice) -> Option<f64>| Series {
        class,
        values: slices.iter().map(|slice| value(slice)).collect(),
    };
    let per_second = |class, count: &dyn Fn(&TimeSlice) -> u64| {
        let columns = slices.iter().zip(axis.seconds());
        let rates = columns.map(|(slice, seconds)| Some(float(count(slice)) / seconds.max(0.001)));
        let values = rates.collect();
        Series { class, values }
    };
    let figure = |title: &str, sentence: &str, series: &[Series], unit: &str| {
        let axis = &axis;
        let chart = Chart {
            title,
            sentence,
            axis,
            series,
            unit,
        };
        chart.figure()
    };
    let contacts = [("same", RequestKind::Read), ("created", RequestKind::Write)];
    let contacts =
        contacts.map(|(class, kind)| per_second(class, &|it| sum([it], Some(kind)).contacts));
    let answers = [0, 1, 2, 3, 4]
        .map(|group| per_second(GROUPS[group].1, &|it| of_group(&sum([it], None), group)));
    let latency = [("rejected", 95), ("updated", 50)].map(|(class, percent)| {
        series(class, &|it| sum([it], None).latency.percentile_ms(percent))
    });
    let in_flight = [series("updated", &|it| Some(float(it.in_flight)))];
    let most = slices.iter().map(|it| it.in_flight).max();
    let at_once = counted(most.unwrap_or_default(), "request");
    html! {
        (figure("Contacts per second", &contacts_in_words(slices, &contacts), &contacts, ""))
        (legend(&[("read from the account", "same"), ("sent and confirmed", "created")]))
        (figure("Answers per second", &busiest(&answers), &answers, ""))
        (legend(&used_groups(slices)))
        (figure("Latency", &latencies(slices), &latency, " ms"))
        (legend(&[("p50", "updated"), ("p95", "rejected")]))
        (figure("Requests in flight", &format!("At most {at_once} at once."), &in_flight, ""))
    }
}

fn legend(entries: &[(&str, &str)]) -> Markup {
    html! {
        p.legend { @for (word, class) in entries { span { i.(class) {} (word) } " " } }
    }
}

/// The answers in a group of [`GROUPS`].
fn of_group(counts: &KindCounts, group: usize) -> u64 {
    let group_of = |status: u16| match status {
        429 => 2,
        200..300 => 0,
        500.. => 3,
        _ => 1,
    };
    let answered = counts.status.iter();
    let answered = answered.filter(|(status, _)| group_of(**status) == group);
    let unanswered = counts.unanswered.values().filter(|_| group == 4);
    let all = answered.map(|(_, count)| count).chain(unanswered);
    all.copied().fold(0, u64::saturating_add)
}

fn used_groups(columns: &[&TimeSlice]) -> Vec<(&'static str, &'static str)> {
    let total = sum(columns.iter().copied(), None);
    let groups = GROUPS.into_iter().enumerate();
    groups
        .filter(|(group, _)| of_group(&total, *group) > 0)
        .map(|(_, group)| group)
        .collect()
}

fn contacts_in_words(columns: &[&TimeSlice], series: &[Series]) -> String {
    let of = |kind| sum(columns.iter().copied(), Some(kind)).contacts;
    let (read, sent) = (of(RequestKind::Read), of(RequestKind::Write));
    let parts = [
        (read, "read from the account"),
        (sent, "sent and confirmed"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts
        .map(|(count, words)| format!("{} {words}", counted(count, "contact")))
        .collect();
    if parts.is_empty() {
        return "No contact was read or sent.".to_owned();
    }
    format!(
        "{}; at most {} per second.",
        parts.join(" and "),
        number(largest(series, false))
    )
}

fn busiest(series: &[Series]) -> String {
    format!(
        "At most {} answers per second.",
        number(largest(series, false))
    )
}

fn latencies(columns: &[&TimeSlice]) -> String {
    let of = |(kind, name)| {
        let latency = sum(columns.iter().copied(), Some(kind)).latency;
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

fn table(processes: &[Process<'_>]) -> Markup {
    let ms = |value: Option<f64>| value.map(number).unwrap_or_default();
    html! {
        table.requests {
            thead { tr {
                @for name in ["Time", "Requests", "Retried", "Contacts read", "Contacts sent", "In flight", "p50, ms", "p95, ms"] { th.number { (name) } }
                th { "Answers" }
            } }
            tbody {
                @for process in processes {
                    @if processes.len() > 1 {
                        tr { th colspan="9" { "From " (moment(&process.timeline.started_at.to_string())) } }
                    }
                    @for (number, slice) in (0_u32..).zip(&process.columns) {
                        @let counts = sum([slice], None);
                        @if counts != KindCounts::default() {
                            tr {
                                td.number { (duration(f64::from(number) * process.seconds)) }
                                @for count in [
                                    counts.sent, counts.retried,
                                    sum([slice], Some(RequestKind::Read)).contacts,
                                    sum([slice], Some(RequestKind::Write)).contacts, slice.in_flight,
                                ] { td.number { (grouped(count)) } }
                                @for percent in [50, 95] { td.number { (ms(counts.latency.percentile_ms(percent))) } }
                                td { (answers(&counts)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
