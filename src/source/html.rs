//! Reads tables of web pages, which some exporters call Excel (Bitrix24's `contacts.xls`).
//!
//! End tags of rows and cells may be missing. The page is held in memory, up to a limit.

use std::{ops::ControlFlow, sync::Arc};

use html5ever::{
    local_name,
    tokenizer::{Tag, TagKind},
};
use memchr::memmem;

use super::{
    CellFaultKind, EncodingFinding, EncodingReason, Limits, SourceErrorKind, Table,
    archive::SheetSurvey,
    cell::{CellRow, EachRow, RowSource},
    decode::TextReader,
    error::{mebibytes, too_large},
    file::SourceFile,
    html_pieces::{HtmlPiece, each_piece},
    input::Input,
    sheet::{self, Sheet},
    text,
};

/// The most columns with cells that span rows: each costs time in every row below.
const SPANNED_COLUMNS_MAX: usize = 256;
const TABLES_MAX: usize = 20;
/// Replaces invalid bytes: a code point that no text contains.
const UNDECODABLE: char = '\u{FDD0}';
/// Replaces a line break while white space is collapsed.
const LINE_BREAK: char = '\u{1E}';

struct HtmlRows {
    file: SourceFile,
    page: Arc<String>,
    table: usize,
    limits: Limits,
}

/// The chosen table of a page, or all of them.
pub(super) fn tables(input: &Input<'_>) -> Result<Vec<Table>, SourceErrorKind> {
    let (page, encoding) = page(input)?;
    let page = Arc::new(page);
    let tables = count_tables(&input.file, &page)?;
    if tables == 0 {
        return Err(SourceErrorKind::Foreign {
            what: "a web page without a table",
            advice: "it may be a saved log-in page: export the contacts again, as CSV or XLSX",
        });
    }
    let sheets: Vec<Sheet> = (1..=tables)
        .map(|number| Sheet {
            name: (tables > 1).then(|| format!("table {number}")),
            visible: true,
            survey: SheetSurvey::default(),
        })
        .collect();
    let mut tables = sheet::tables(input, &sheets, &mut |table, _| {
        Box::new(HtmlRows {
            file: input.file.clone(),
            page: Arc::clone(&page),
            table,
            limits: input.options.limits,
        })
    })?;
    for table in &mut tables {
        table.encoding = Some(encoding.clone());
    }
    Ok(tables)
}

/// The page decoded, and its encoding.
fn page(input: &Input<'_>) -> Result<(String, EncodingFinding), SourceErrorKind> {
    let limits = input.options.limits;
    let mut head = Vec::new();
    input.raw.unpack()?.fill(&mut head, 4096)?;
    let (mut finding, _) = text::find_encoding(input)?;
    if let EncodingReason::Detected { .. } = finding.because
        && let Some(encoding) = declared_encoding(&head)
    {
        finding.encoding = encoding;
        finding.because = EncodingReason::Declared;
    }
    finding.sample = without_tags(&finding.sample);
    let mut reader = TextReader::new(input.raw.unpack()?, finding.encoding);
    let mut page = Vec::new();
    while reader.fill(&mut page, 1 << 20)? > 0 {
        if page.len() as u64 > limits.held_bytes {
            return Err(too_large("a web page", mebibytes(limits.held_bytes)));
        }
    }
    Ok((text_of(&page), finding))
}

/// The page as text, with marks for invalid bytes.
fn text_of(page: &[u8]) -> String {
    let mut text = String::with_capacity(page.len());
    for chunk in page.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(UNDECODABLE);
        }
    }
    text
}

/// The number of tables in a page, at most [`TABLES_MAX`].
fn count_tables(file: &SourceFile, page: &str) -> Result<usize, SourceErrorKind> {
    let mut count = 0;
    each_piece(file, page, |piece| {
        count += usize::from(piece.starts(&local_name!("table")));
        if count < TABLES_MAX {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(count)
}

/// The encoding that the page names in its first lines.
fn declared_encoding(head: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let head = head.to_ascii_lowercase();
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
        let mut reading = TableReading {
            each,
            row: CellRow::default(),
            number: 0,
            column: 0,
            text: String::new(),
            in_cell: None,
            covered: Vec::new(),
            columns: self.limits.columns,
            failure: None,
        };
        let mut seen = 0;
        each_piece(&self.file, &self.page, |piece| {
            seen += usize::from(piece.starts(&local_name!("table")));
            if seen <= self.table {
                return ControlFlow::Continue(());
            }
            if seen > self.table + 1 {
                return ControlFlow::Break(());
            }
            match piece {
                HtmlPiece::Tag(tag) => reading.tag(&tag),
                HtmlPiece::Text(text) => {
                    reading.text.push_str(&text);
                    let limit = self.limits.record_bytes;
                    if reading.text.len() <= limit {
                        return ControlFlow::Continue(());
                    }
                    reading.fail(SourceErrorKind::RowTooLong { limit })
                }
            }
        })?;
        if reading.failure.is_none() {
            let _ = reading.end_row();
        }
        reading.failure.map_or(Ok(()), Err)
    }
}

/// The rows of a table while its tags are read.
struct TableReading<'a, 'b> {
    each: &'a mut EachRow<'b>,
    row: CellRow,
    /// The current row, from 1; 0 before the first.
    number: u32,
    column: usize,
    text: String,
    /// The columns and rows that the open cell spans.
    in_cell: Option<(usize, u32)>,
    /// For each column, the last row that a cell spans.
    covered: Vec<u32>,
    columns: usize,
    failure: Option<SourceErrorKind>,
}

impl TableReading<'_, '_> {
    fn tag(&mut self, tag: &Tag) -> ControlFlow<()> {
        let starts = tag.kind == TagKind::StartTag;
        match tag.name {
            local_name!("tr") => {
                self.end_row()?;
                self.number += u32::from(starts);
            }
            local_name!("table") if !starts => self.end_row()?,
            local_name!("td") | local_name!("th") => {
                self.end_cell()?;
                if starts {
                    self.text.clear();
                    // The tag of a row may be missing.
                    self.number = self.number.max(1);
                    let rows = u32::try_from(number(tag, "rowspan")).unwrap_or(u32::MAX);
                    self.in_cell = Some((number(tag, "colspan").clamp(1, 1000), rows));
                }
            }
            local_name!("br") => self.text.push(LINE_BREAK),
            local_name!("p") | local_name!("div") if !starts => self.text.push(LINE_BREAK),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn fail(&mut self, kind: SourceErrorKind) -> ControlFlow<()> {
        self.failure.get_or_insert(kind);
        ControlFlow::Break(())
    }

    fn end_cell(&mut self) -> ControlFlow<()> {
        let Some((columns, rows)) = self.in_cell.take() else {
            return ControlFlow::Continue(());
        };
        while self
            .covered
            .get(self.column)
            .is_some_and(|&last| last >= self.number)
        {
            self.column += 1;
        }
        let text = plain(&self.text);
        if !text.is_empty() {
            if self.column >= self.columns {
                let limit = self.columns;
                return self.fail(SourceErrorKind::TooManyColumns { limit });
            }
            let cell = self.row.cell(self.column);
            cell.text = text;
            if cell.text.contains(UNDECODABLE) {
                cell.fault = Some(CellFaultKind::Undecodable);
                cell.text = cell.text.replace(UNDECODABLE, "\u{FFFD}");
            }
        }
        self.text.clear();
        let next = self.column.saturating_add(columns);
        if rows > 1 {
            self.cover(next, self.number.saturating_add(rows - 1));
        }
        self.column = next;
        ControlFlow::Continue(())
    }

    /// Reserves the columns up to `next` for the open cell, down to this row.
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
        self.end_cell()?;
        self.column = 0;
        if self.row.cells().is_empty() {
            return ControlFlow::Continue(());
        }
        let flow = (self.each)(self.number, &self.row);
        self.row.clear();
        flow
    }
}

/// The text that a browser would show: white space collapsed.
fn plain(text: &str) -> String {
    let lines = text.split(LINE_BREAK).map(|line| {
        let words = line
            .split([' ', '\t', '\r', '\n'])
            .filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    });
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// The number in an attribute; 0 if it is missing.
fn number(tag: &Tag, attribute: &str) -> usize {
    let value = tag
        .attrs
        .iter()
        .find(|found| &*found.name.local == attribute)
        .map_or("", |found| &*found.value);
    let digits = value
        .trim()
        .split(|char: char| !char.is_ascii_digit())
        .next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// A line of the page without its tags.
fn without_tags(line: &str) -> String {
    let texts = line.split('<').map(|piece| {
        let (_, text) = piece.split_once('>').unwrap_or(("", piece));
        text.trim()
    });
    let texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
    texts.join(" ")
}
