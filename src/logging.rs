//! The log of `--verbose`, on standard error. Tokens have a type that can't be formatted.
//!
//! In JSON, each event is an object on a line. Its job, run, batch and row are keys of the object, whether they
//! are fields of the event or of an enclosing span; `run` is `null` without a run.

use std::{fmt, io::stderr};

use anstream::{AutoStream, ColorChoice};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    filter::Targets,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::{JsonFields, Writer},
    },
    layer::SubscriberExt as _,
    registry::{LookupSpan, Scope},
    util::SubscriberInitExt as _,
};

use crate::cli::{Cli, ColorWhen, LogFormat};

/// The fields of an event that become keys of its object.
const LIFTED: [&str; 4] = ["job", "run", "batch", "row"];

/// Starts the log.
pub fn begin(cli: &Cli) {
    let args = &cli.common;
    let level = match args.verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let level = if args.quiet {
        LevelFilter::ERROR
    } else {
        level
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(is_coloured(args.color))
        .with_writer(stderr)
        // Prevents a panic if standard error is closed.
        .log_internal_errors(false);
    match args.log_format {
        LogFormat::Text => log.with_target(false).finish().with(of_this_crate()).init(),
        LogFormat::Json => log
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines)
            .finish()
            .with(of_this_crate())
            .init(),
    }
}

/// Excludes the HTTP client's log, because its threads belong to no run.
fn of_this_crate() -> Targets {
    Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target(env!("CARGO_CRATE_NAME"), LevelFilter::TRACE)
}

fn is_coloured(when: ColorWhen) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => AutoStream::choice(&stderr()) != ColorChoice::Never,
    }
}

/// Writes each event as an object on a line. Fields must be formatted as JSON.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut object = Map::new();
        object.insert("run".to_owned(), Value::Null);
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                object.extend(parsed(fields));
            }
        }
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        let mut fields = parsed(&text);
        let lifted = LIFTED.iter().filter_map(|name| fields.remove_entry(*name));
        object.extend(lifted.collect::<Vec<_>>());
        let about = event.metadata();
        for (key, value) in [
            ("timestamp", Timestamp::now().to_string()),
            ("level", about.level().to_string()),
            ("target", about.target().to_owned()),
        ] {
            object.insert(key.to_owned(), value.into());
        }
        object.insert("fields".to_owned(), fields.into());
        writeln!(writer, "{}", Value::Object(object))
    }
}

/// Fields that were formatted as JSON.
fn parsed(fields: &str) -> Map<String, Value> {
    serde_json::from_str(fields).unwrap_or_default()
}
