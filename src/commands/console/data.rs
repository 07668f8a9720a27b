//! The data of a command, on standard output: lines, documents and tables.

use std::io::Write as _;

use anstream::stdout;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Console,
    streams::{document, written},
};
use crate::{
    error::Error,
    layout::{self, fit, output_width},
    palette,
    wording::visible,
};

/// Maximum number of differences in a summary, which must fit into memory.
const LISTED: usize = 1_000;

/// The first differences, for the summary object.
#[derive(Default)]
pub(crate) struct FirstDifferences {
    pub(crate) objects: Vec<Value>,
    /// The number of further differences.
    pub(crate) more: u64,
}

impl FirstDifferences {
    pub(crate) fn add(&mut self, id: &str, difference: &impl Serialize) {
        if self.objects.len() == LISTED {
            self.more += 1;
            return;
        }
        let mut object = json!(difference);
        object["id"] = id.into();
        self.objects.push(object);
    }
}

impl Console {
    /// Prints a data line: JSON with `--json`, otherwise text.
    pub(crate) fn entry(
        &self,
        object: impl FnOnce() -> serde_json::Value,
        text: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        if self.wants_json() {
            self.data(&object().to_string())
        } else {
            self.line(&text())
        }
    }

    /// Prints a text line to standard output.
    #[expect(clippy::unused_self, reason = "all printing goes through the console")]
    pub(crate) fn line(&self, text: &str) -> Result<(), Error> {
        let text = fit(&visible(text), output_width());
        written(writeln!(stdout(), "{}", palette::entry(&text)))
    }

    pub(crate) fn data(&self, line: &str) -> Result<(), Error> {
        self.document(format!("{}\n", visible(line)).as_bytes())
    }

    /// Writes bytes to standard output unchanged.
    #[expect(clippy::unused_self, reason = "all printing goes through the console")]
    pub(crate) fn document(&self, bytes: &[u8]) -> Result<(), Error> {
        document(bytes)
    }
}

/// Writes a table to standard output.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> Result<(), Error> {
    let visible = |row: &Vec<String>| row.iter().map(|cell| visible(cell).into_owned()).collect();
    let rows: Vec<Vec<_>> = rows.iter().map(visible).collect();
    let lines = layout::table(headings, &rows, output_width());
    let mut out = stdout().lock();
    let write = |line: &String| writeln!(out, "{}", palette::counts(line));
    written(lines.iter().try_for_each(write))
}
