//! The log of `--verbose`, on standard error. Tokens have a type that can't be formatted.

use std::io::stderr;

use anstream::{AutoStream, ColorChoice};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;

use crate::cli::{Cli, ColorWhen, LogFormat};

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
    let log = fmt()
        .with_max_level(level)
        .with_ansi(is_coloured(args.color))
        .with_writer(stderr)
        // It would panic if standard error is closed.
        .log_internal_errors(false);
    match args.log_format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}

fn is_coloured(when: ColorWhen) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => AutoStream::choice(&stderr()) != ColorChoice::Never,
    }
}
