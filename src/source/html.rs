//! Web pages with a table, which some exporters call Excel (Bitrix24's `contacts.xls`).
//!
//! As tolerant as a browser where it matters: tags in any case, cells and rows that are not closed,
//! entities, comments. Everything is held in memory, within a bound: such files are made by a program that
//! held them too.

use std::{borrow::Cow, ops::ControlFlow};

use memchr::{memchr, memmem};

use super::{
    CellFaultKind, Compression, EncodingFinding, EncodingReason, Limits, ReadOptions,
    SourceErrorKind,
    decode::TextReader,
    file::SourceFile,
    inflate::Inflated,
    rows::{CellRow, EachRow, RowSource},
    text,
};

/// Columns in which a cell may reach into the rows below: each costs time in each of those.
const SPANNED_COLUMNS_MAX: usize = 256;
/// Tables of a page that are looked at.
const TABLES_MAX: usize = 20;

/// The rows of one table of a page.
pub(super) struct HtmlRows {
    pub(super) page: std::sync::Arc<Vec<u8>>,
    /// Index of the table.
    pub(super) table: usize,
    pub(super) limits: Limits,
}

/// A page as UTF-8, and the encoding that it had.
pub(super) fn page(
    file: &SourceFile,
    compression: Compression,
    options: &ReadOptions<'_>,
) -> Result<(Vec<u8>, EncodingFinding), SourceErrorKind> {
    let limits = options.limits;
    let inflated = || Inflated::new(file, compression, limits.inflated_bytes);
    let mut head = Vec::new();
    inflated()?.fill(&mut head, 4096)?;
    let mut finding = text::find_encoding(file, compression, options)?;
    if let EncodingReason::Detected { .. } = finding.because
        && let Some(encoding) = declared_encoding(&head)
    {
        finding.encoding = encoding;
        finding.because = EncodingReason::Declared;
    }
    finding.sample = without_tags(&finding.sample);
    let mut reader = TextReader::new(inflated()?, finding.encoding);
    let mut page = Vec::new();
    while reader.fill(&mut page, 1 << 20)? > 0 {
        if page.len() as u64 > limits.held_bytes {
            return Err(SourceErrorKind::TooLarge {
                what: "a web page".to_owned(),
                limit: format!("{} MiB", limits.held_bytes >> 20),
            });
        }
    }
    Ok((page, finding))
}

/// The number of tables in a page, [`TABLES_MAX`] at most.
pub(super) fn tables(page: &[u8]) -> usize {
    let mut count = 0;
    let mut tags = Tags::new(page);
    while count < TABLES_MAX
        && let Some((_, tag)) = tags.next()
    {
        count += usize::from(tag.is("table"));
    }
    count
}

/// The encoding that the page names in its first lines.
fn declared_encoding(head: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let head = head[..head.len().min(4096)].to_ascii_lowercase();
    let at = memmem::find(&head, b"charset=")? + "charset=".len();
    let label: Vec<u8> = head[at..]
        .iter()
        .copied()
        .skip_while(|byte| matches!(byte, b'"' | b'\''))
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        .collect();
    encoding_rs::Encoding::for_label(&label)
}

impl RowSource for HtmlRows {
    fn rows(&mut self, each: &mut EachRow<'_>) -> Result<(), SourceErrorKind> {
        let mut reading = Reading {
            each,
            row: CellRow::default(),
            number: 0,
            column: 0,
            text: Vec::new(),
            in_cell: None,
            covered: Vec::new(),
            columns: self.limits.columns,
        };
        let mut seen = 0;
        for (before, tag) in Tags::new(&self.page) {
            let inside = seen == self.table + 1;
            if inside {
                reading.text.extend_from_slice(before);
                if reading.text.len() > self.limits.record_bytes {
                    return Err(SourceErrorKind::RowTooLong {
                        limit: self.limits.record_bytes,
                    });
                }
            }
            if tag.is("table") {
                seen += 1;
                if seen == self.table + 2 {
                    break;
                }
            } else if inside && reading.tag(&tag).is_break() {
                return Ok(());
            }
        }
        let _ = reading.end_row();
        Ok(())
    }
}

struct Reading<'a, 'b> {
    each: &'a mut EachRow<'b>,
    row: CellRow,
    /// The row that is read, from 1; 0 before the first.
    number: u32,
    column: usize,
    text: Vec<u8>,
    /// The columns and the rows that the open cell covers.
    in_cell: Option<(usize, u32)>,
    /// The last row that a cell reaches into, by column.
    covered: Vec<u32>,
    columns: usize,
}

impl Reading<'_, '_> {
    fn tag(&mut self, tag: &Tag<'_>) -> ControlFlow<()> {
        if tag.is("tr") {
            self.end_row()?;
            self.number += 1;
        } else if tag.is("/tr") || tag.is("/table") {
            self.end_row()?;
        } else if tag.is("td") || tag.is("th") {
            self.end_cell();
            self.text.clear();
            // A row may begin without saying so.
            self.number = self.number.max(1);
            let rows = u32::try_from(tag.number("rowspan")).unwrap_or(u32::MAX);
            self.in_cell = Some((tag.number("colspan").clamp(1, 1000), rows));
        } else if tag.is("/td") || tag.is("/th") {
            self.end_cell();
        } else if tag.is("br") || tag.is("br/") || tag.is("/p") || tag.is("/div") {
            self.text.push(LINE_BREAK);
        }
        ControlFlow::Continue(())
    }

    fn end_cell(&mut self) {
        let Some((columns, rows)) = self.in_cell.take() else {
            return;
        };
        while self
            .covered
            .get(self.column)
            .is_some_and(|&last| last >= self.number)
        {
            self.column += 1;
        }
        if self.column < self.columns {
            let cell = self.row.cell(self.column);
            cell.text.clear();
            cell.text.push_str(&plain(&self.text));
            cell.fault =
                std::str::from_utf8(&self.text)
                    .err()
                    .map(|error| CellFaultKind::Undecodable {
                        offset: error.valid_up_to() as u64,
                    });
        }
        self.text.clear();
        let next = self.column.saturating_add(columns);
        if rows > 1 {
            self.cover(next, self.number.saturating_add(rows - 1));
        }
        self.column = next;
    }

    /// Keeps the columns up to `next` for the open cell, down to this row.
    fn cover(&mut self, next: usize, last_row: u32) {
        let next = next.min(SPANNED_COLUMNS_MAX);
        if self.covered.len() < next {
            self.covered.resize(next, 0);
        }
        if let Some(columns) = self.covered.get_mut(self.column..next) {
            columns.fill(last_row);
        }
    }

    fn end_row(&mut self) -> ControlFlow<()> {
        self.end_cell();
        self.column = 0;
        if self.row.cells().is_empty() {
            return ControlFlow::Continue(());
        }
        let flow = (self.each)(self.number, &self.row);
        self.row.clear();
        flow
    }
}

/// Stands for a line break while the blank space around it is collapsed.
const LINE_BREAK: u8 = 0x1E;

/// The text that a browser would show: entities resolved, blank space collapsed.
fn plain(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut shown = String::with_capacity(text.len());
    for line in text.split(char::from(LINE_BREAK)) {
        let mut words = line
            .split([' ', '\t', '\r', '\n'])
            .filter(|word| !word.is_empty())
            .peekable();
        if words.peek().is_some() && !shown.is_empty() {
            shown.push('\n');
        }
        while let Some(word) = words.next() {
            shown.push_str(&resolved(word));
            if words.peek().is_some() {
                shown.push(' ');
            }
        }
    }
    shown
}

fn resolved(word: &str) -> Cow<'_, str> {
    if memchr(b'&', word.as_bytes()).is_none() {
        return word.into();
    }
    let mut text = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        if let Some((char, end)) = end.and_then(|end| Some((entity(&rest[1..end])?, end))) {
            text.push(char);
            rest = &rest[end + 1..];
        } else {
            text.push('&');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    text.into()
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{A0}',
        "laquo" => '«',
        "raquo" => '»',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "copy" => '©',
        "reg" => '®',
        "deg" => '°',
        "shy" => '\u{AD}',
        _ => return None,
    })
}

/// A tag without its brackets.
struct Tag<'a>(&'a [u8]);

impl Tag<'_> {
    fn is(&self, name: &str) -> bool {
        let end = self
            .0
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(self.0.len());
        self.0[..end].eq_ignore_ascii_case(name.as_bytes())
    }

    /// An attribute that is a number, 0 where there is none.
    fn number(&self, attribute: &str) -> usize {
        let tag = String::from_utf8_lossy(self.0).to_ascii_lowercase();
        let Some(at) = tag.find(attribute) else {
            return 0;
        };
        let digits: String = tag[at + attribute.len()..]
            .trim_start_matches(['=', '"', '\'', ' '])
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().unwrap_or(0)
    }
}

/// The tags of a page, each with the text before it. Comments, scripts and styles are passed over.
struct Tags<'a> {
    rest: &'a [u8],
    /// Is there a script or a style that does not end? What comes after it is read, and no end looked for again.
    is_endless: bool,
}

impl<'a> Tags<'a> {
    fn new(page: &'a [u8]) -> Self {
        Self {
            rest: page,
            is_endless: false,
        }
    }

    fn pass(&mut self, end: &[u8]) {
        let at = memmem::find(self.rest, end).map_or(self.rest.len(), |at| at + end.len());
        self.rest = &self.rest[at..];
    }

    /// Goes to the tag that ends a script or a style: what looks like tags in it is none.
    fn pass_to(&mut self, end: &[u8]) {
        if self.is_endless {
            return;
        }
        let is_end = |at: &usize| {
            let tag = self.rest.get(*at..*at + end.len());
            tag.is_some_and(|tag| tag.eq_ignore_ascii_case(end))
        };
        match memchr::memchr_iter(b'<', self.rest).find(is_end) {
            Some(at) => self.rest = &self.rest[at..],
            None => self.is_endless = true,
        }
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = (&'a [u8], Tag<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let open = memchr(b'<', self.rest)?;
        let (before, rest) = self.rest.split_at(open);
        self.rest = rest;
        if rest.starts_with(b"<!--") {
            self.pass(b"-->");
            return Some((before, Tag(b"!")));
        }
        let close = memchr(b'>', rest)?;
        let tag = Tag(rest[1..close].trim_ascii());
        self.rest = &rest[close + 1..];
        if tag.is("script") {
            self.pass_to(b"</script");
        } else if tag.is("style") {
            self.pass_to(b"</style");
        }
        Some((before, tag))
    }
}
/// A line of the page as people see it.
fn without_tags(line: &str) -> String {
    let texts = line.split('<').map(|piece| {
        let (_, text) = piece.split_once('>').unwrap_or(("", piece));
        text.trim()
    });
    let texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
    texts.join(" ")
}
