//! Rewrites text with non-standard quoting as CSV: spaces before the quotes, single quotes, or quoted whole lines.
//!
//! The quoting is detected in the first lines. Text is rewritten while it is read, so everything downstream sees
//! CSV.

use memchr::{memchr, memchr2};

use super::dialect::DELIMITERS;
use crate::{
    characters::is_blank,
    source::block::{cell_count, walk},
};

/// A non-standard quoting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// `"1", "Ann"`
    Spaced,
    /// `'1','Ann'`
    Single,
    /// `"1,Ann"`, and `"2,""Lee, Bob"""`
    WholeLines,
}

/// Number of lines that are inspected.
const LINES: usize = 50;
const INSPECTED_BYTES: usize = 1 << 16;
/// Maximum text that is held until its line ends. Longer lines pass unchanged.
const HELD_BYTES_MAX: usize = 16 << 20;

impl Quoting {
    /// Detects the quoting of the first lines and the delimiter; `None` for CSV.
    pub(super) fn find(head: &[u8], delimiter: Option<u8>) -> Option<(Self, u8)> {
        let tried = delimiter.as_slice();
        let tried = if tried.is_empty() { &DELIMITERS } else { tried };
        let head = without_titles(&head[..head.len().min(INSPECTED_BYTES)], tried);
        let of = |delimiter| Self::of(head, delimiter).map(|quoting| (quoting, delimiter));
        let used = tried.iter().filter(|&&it| memchr(it, head).is_some());
        used.copied().find_map(of)
    }

    fn of(head: &[u8], delimiter: u8) -> Option<Self> {
        let mut rows = Vec::new();
        walk(head, delimiter, |record| {
            // The first cell has no delimiter before it.
            let cells = record.cells.iter().skip(1).filter(|cell| !is_blank(cell));
            let such = |is_such: fn(&str) -> bool| cells.clone().filter(|it| is_such(it)).count();
            rows.push((cells.clone().count(), such(is_spaced), such(is_single)));
            rows.len() < LINES
        });
        let &(filled, spaced, single) = rows.first()?;
        let all: usize = rows.iter().map(|row| row.0).sum();
        let all_spaced: usize = rows.iter().map(|row| row.1).sum();
        let is_mostly_spaced = all_spaced > (all - all_spaced).max(1);
        if filled > 0 && (spaced == filled || is_mostly_spaced) {
            return Some(Self::Spaced);
        }
        if filled > 0 && single == filled {
            return Some(Self::Single);
        }
        Self::has_whole_lines(head, delimiter).then_some(Self::WholeLines)
    }

    fn has_whole_lines(head: &[u8], delimiter: u8) -> bool {
        let mut lines = lines(head).filter(|line| !line.trim_ascii().is_empty());
        let Some(first) = lines.next() else {
            return false;
        };
        let inner = inside(first, delimiter);
        let columns = cell_count(inner.as_deref().unwrap_or(first), delimiter);
        let rows: Vec<_> = lines.take(LINES - 1).collect();
        let is_whole = |line: &&&[u8]| {
            inside(line, delimiter).is_some_and(|inner| cell_count(&inner, delimiter) == columns)
        };
        columns > 1 && rows.iter().filter(is_whole).count() * 2 > rows.len()
    }

    pub(super) const fn note(self) -> &'static str {
        match self {
            Self::Spaced => {
                "cells are quoted with spaces before the quotes; these spaces are left out"
            }
            Self::Single => "cells are in single quotes; these are left out",
            Self::WholeLines => {
                "whole lines are quoted; the quotes are left out, and each line is read as a row"
            }
        }
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| matches!(byte, b'\n' | b'\r'))
}

/// The text from the first line that has a delimiter.
fn without_titles<'a>(head: &'a [u8], tried: &[u8]) -> &'a [u8] {
    let is_delimiter = |byte: &u8| DELIMITERS.contains(byte) || tried.contains(byte);
    let first = head.iter().position(is_delimiter).unwrap_or(0);
    let line_end = memchr::memrchr2(b'\n', b'\r', &head[..first]);
    &head[line_end.map_or(0, |at| at + 1)..]
}

fn is_spaced(cell: &str) -> bool {
    let inner = cell.trim();
    cell.starts_with(' ') && inner.len() > 1 && inner.starts_with('"') && inner.ends_with('"')
}

fn is_single(cell: &str) -> bool {
    let cell = cell.trim();
    cell.len() > 1 && cell.starts_with('\'') && cell.ends_with('\'')
}

/// The text of a line that is one quoted cell with a delimiter inside.
fn inside(line: &[u8], delimiter: u8) -> Option<Vec<u8>> {
    let inner = line.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr(b'"', rest) {
        if rest.get(at + 1) != Some(&b'"') {
            return None;
        }
        text.extend_from_slice(&rest[..=at]);
        rest = &rest[at + 2..];
    }
    text.extend_from_slice(rest);
    memchr(delimiter, inner).is_some().then_some(text)
}

/// Rewrites text piece by piece.
#[derive(Debug)]
pub(super) struct Requoter {
    quoting: Quoting,
    delimiter: u8,
    state: CellState,
    /// The end of the text so far, whose interpretation depends on the next bytes.
    held: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CellState {
    CellStart,
    Plain,
    Quoted,
    /// After the closing quote.
    Closed,
}

impl Requoter {
    pub(in crate::source) fn new(quoting: Quoting, delimiter: u8) -> Self {
        Self {
            quoting,
            delimiter,
            state: CellState::CellStart,
            held: Vec::new(),
        }
    }

    /// Rewrites the text from this offset on. `ended`: the end of the file is reached.
    pub(super) fn rewrite(&mut self, text: &mut Vec<u8>, from: usize, ended: bool) {
        let mut input = std::mem::take(&mut self.held);
        input.extend(text.drain(from..));
        let read = match self.quoting {
            Quoting::WholeLines => self.lines(&input, ended, text),
            Quoting::Spaced => self.cells(&input, b'"', ended, text),
            Quoting::Single => self.cells(&input, b'\'', ended, text),
        };
        self.held = input.split_off(read);
    }

    /// Unwraps whole lines. Returns the length of the consumed text.
    fn lines(&self, input: &[u8], ended: bool, out: &mut Vec<u8>) -> usize {
        let mut start = 0;
        while start < input.len() {
            let found = memchr2(b'\n', b'\r', &input[start..]).map(|at| start + at);
            let is_long = input.len() - start > HELD_BYTES_MAX;
            if found.is_none() && !ended && !is_long {
                break;
            }
            let end = found.unwrap_or(input.len());
            let line = &input[start..end];
            out.extend(inside(line, self.delimiter).unwrap_or(line.to_vec()));
            out.extend(&input[end..(end + 1).min(input.len())]);
            start = end + 1;
        }
        start.min(input.len())
    }

    /// Rewrites cells with this quote as CSV. Returns the length of the consumed text.
    fn cells(&mut self, input: &[u8], quote: u8, ended: bool, out: &mut Vec<u8>) -> usize {
        let mut at = 0;
        while at < input.len() {
            let byte = input[at];
            let behind_spaces = past_spaces(input, at);
            let is_open = |at: usize| at == input.len() && !ended;
            match self.state {
                CellState::CellStart | CellState::Closed if is_open(behind_spaces) => return at,
                CellState::CellStart if input.get(behind_spaces) == Some(&quote) => {
                    out.push(b'"');
                    at = behind_spaces + 1;
                    self.state = CellState::Quoted;
                }
                CellState::Closed if self.ends_cell(input, behind_spaces) => {
                    at = behind_spaces;
                    self.state = CellState::Plain;
                }
                CellState::CellStart | CellState::Closed => self.state = CellState::Plain,
                CellState::Plain => {
                    out.push(byte);
                    at += 1;
                    if self.is_end(byte) {
                        self.state = CellState::CellStart;
                    }
                }
                CellState::Quoted if byte == quote || byte == b'\\' => {
                    if is_open(past_spaces(input, at + 1)) {
                        return at;
                    }
                    at += self.quote(input, at, quote, out);
                }
                CellState::Quoted => {
                    // A double quote within single quotes.
                    out.extend(std::iter::repeat_n(byte, if byte == b'"' { 2 } else { 1 }));
                    at += 1;
                }
            }
        }
        at
    }

    /// A quote or a backslash within quotes. Returns the length of the consumed text.
    fn quote(&mut self, input: &[u8], at: usize, quote: u8, out: &mut Vec<u8>) -> usize {
        let literal: &[u8] = if quote == b'"' { b"\"\"" } else { b"'" };
        let is_next_quote = input.get(at + 1) == Some(&quote);
        if input[at] == b'\\' {
            if is_next_quote && quote == b'\'' {
                out.extend(literal);
                return 2;
            }
            out.push(b'\\');
            return 1;
        }
        if is_next_quote {
            out.extend(literal);
            return 2;
        }
        if quote == b'\'' && !self.ends_cell(input, past_spaces(input, at + 1)) {
            out.extend(literal);
            return 1;
        }
        out.push(b'"');
        self.state = CellState::Closed;
        1
    }

    fn is_end(&self, byte: u8) -> bool {
        byte == self.delimiter || matches!(byte, b'\n' | b'\r')
    }

    fn ends_cell(&self, input: &[u8], at: usize) -> bool {
        input.get(at).is_none_or(|&byte| self.is_end(byte))
    }
}

fn past_spaces(input: &[u8], at: usize) -> usize {
    let spaces = input[at.min(input.len())..]
        .iter()
        .take_while(|&&byte| byte == b' ');
    at + spaces.count()
}
