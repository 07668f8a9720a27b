//! Reads tables of web pages, which some exporters name `.xls` (Bitrix24's `contacts.xls`).
//!
//! The page is held in memory, up to a limit.

mod nesting;
mod pieces;
mod rows;

use std::sync::Arc;

use html5ever::tokenizer::TagKind;
use memchr::memmem;

use self::{
    nesting::{HtmlStep, Nesting},
    pieces::{HtmlPiece, each_piece},
    rows::{TableReading, UNDECODABLE},
};
use super::{
    EncodingFinding, EncodingReason, Limits, SourceErrorKind, Table,
    cell::{EachRow, RowSource, RowsEnd, RowsStop},
    error::{foreign, mebibytes, too_large},
    file::SourceFile,
    input::Input,
    sheet::{self, Sheet},
    text::{
        self,
        decode::{Nuls, TextReader},
    },
};

/// Maximum number of tables to choose from.
const TABLES_MAX: usize = 20;
/// Tables that are nested deeper can't be chosen.
const DEPTH_MAX: usize = 256;

struct HtmlRows {
    file: SourceFile,
    page: Arc<String>,
    /// Its index in the page.
    table: usize,
    limits: Limits,
    nuls: Nuls,
}

/// The chosen table of a page, or all of them.
pub(super) fn tables(input: &Input<'_>) -> Result<Vec<Table>, SourceErrorKind> {
    let (page, nuls, encoding) = page(input)?;
    let page = Arc::new(page);
    let found = page_tables(&input.file, &page)?;
    if found.is_empty() {
        let advice = "it may be a saved log-in page: export the contacts again, as CSV or XLSX";
        return Err(foreign("a web page without a table", advice));
    }
    let are_all_hidden = found.iter().all(|table| table.is_hidden);
    let sheets: Vec<Sheet> = found
        .iter()
        .map(|table| Sheet {
            name: (found.len() > 1).then(|| format!("table {}", table.index + 1)),
            visible: are_all_hidden || !table.is_hidden,
            facts: Arc::default(),
        })
        .collect();
    let mut tables = sheet::tables(input, &sheets, &|index| {
        Box::new(HtmlRows {
            file: input.file.clone(),
            page: Arc::clone(&page),
            table: found[index].index,
            limits: input.options.limits,
            nuls,
        })
    })?;
    for table in &mut tables {
        table.encoding = Some(encoding.clone());
    }
    Ok(tables)
}

/// The decoded page, the NULs that were dropped from it, and its encoding.
fn page(input: &Input<'_>) -> Result<(String, Nuls, EncodingFinding), SourceErrorKind> {
    let limits = input.options.limits;
    let mut head = Vec::new();
    input.raw.peek()?.fill(&mut head, 4096)?;
    let (mut finding, _) = text::find_encoding(input)?;
    if let EncodingReason::Detected = finding.because
        && let Some(encoding) = declared_encoding(&head)
    {
        finding.encoding = encoding;
        finding.because = EncodingReason::Declared;
        finding.rival = None;
    }
    let mut reader = TextReader::new(input.raw.peek()?, finding.encoding);
    let mut page = Vec::new();
    while reader.fill(&mut page, 1 << 20)? > 0 {
        if page.len() as u64 > limits.held_bytes {
            return Err(too_large("a web page", mebibytes(limits.held_bytes)));
        }
    }
    let nuls = reader.nuls();
    match nuls.hole {
        Some(_) => Err(SourceErrorKind::Hole { row: None }),
        None => Ok((text_of(&page), nuls, finding)),
    }
}

/// The page as text, with markers for invalid bytes.
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

/// A table of a page.
struct PageTable {
    /// Its index in the page.
    index: usize,
    cells: u64,
    is_hidden: bool,
}

/// The tables of a page, in order; the largest [`TABLES_MAX`] if there are more.
fn page_tables(file: &SourceFile, page: &str) -> Result<Vec<PageTable>, SourceErrorKind> {
    let mut nesting = Nesting::default();
    let (mut open, mut ended): (Vec<PageTable>, Vec<_>) = (Vec::new(), Vec::new());
    let mut index = 0;
    let mut is_page_ended = false;
    each_piece(file, page, |piece| {
        is_page_ended |= is_end_of_page(&piece);
        match nesting.step(&piece) {
            Some(HtmlStep::Table(start)) => {
                let still_open = nesting.depth() - usize::from(start.is_some());
                ended.extend(open.drain(still_open.min(open.len())..));
                if start.is_some() {
                    if open.len() < DEPTH_MAX {
                        let is_hidden = nesting.is_hidden();
                        open.push(PageTable {
                            index,
                            cells: 0,
                            is_hidden,
                        });
                    }
                    index += 1;
                }
                if ended.len() > 2 * TABLES_MAX {
                    keep_largest(&mut ended);
                }
            }
            Some(HtmlStep::Cell(Some(_))) => {
                if let Some(table) = open.last_mut() {
                    table.cells += 1;
                }
            }
            _ => {}
        }
        Ok::<_, SourceErrorKind>(())
    })?;
    if nesting.depth() > 0 && !is_page_ended {
        return Err(SourceErrorKind::CutOff {
            seen: "a table has no end, and neither has the page",
            row: None,
        });
    }
    ended.extend(open);
    keep_largest(&mut ended);
    ended.sort_by_key(|table| table.index);
    Ok(ended)
}

/// True for the end tag of the page, which ends tables without an end tag.
fn is_end_of_page(piece: &HtmlPiece) -> bool {
    matches!(piece, HtmlPiece::Tag(tag) if tag.kind == TagKind::EndTag
        && matches!(&*tag.name, "body" | "html"))
}

fn keep_largest(tables: &mut Vec<PageTable>) {
    tables.sort_by_key(|table| (std::cmp::Reverse(table.cells), table.index));
    tables.truncate(TABLES_MAX);
}

/// The encoding that the page declares in its first lines.
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
    fn rows(&mut self, each: &mut EachRow<'_>) -> Result<RowsEnd, RowsStop> {
        let mut reading = TableReading::new(self.table, self.limits, each);
        match each_piece(&self.file, &self.page, |piece| reading.piece(&piece)) {
            Err(RowsStop::Failed(kind)) => return Err(kind.into()),
            Ok(()) | Err(RowsStop::Enough) => {}
        }
        let mut end = self.nuls.end(None);
        end.notes.extend(reading.finish()?.notes());
        Ok(end)
    }
}
