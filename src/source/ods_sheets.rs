//! The sheets of an `OpenDocument` file: names, visibility, and number of hidden rows.

use std::{io::BufReader, sync::Arc};

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{
    SourceErrorKind,
    error::damaged,
    file::{FileReader, SourceFile},
    package::attribute,
    sheet::Sheet,
};

pub(super) type Xml<'a> = Reader<BufReader<zip::read::ZipFile<'a, FileReader>>>;

/// Reads the part with the cells.
pub(super) fn with_content<T, E: From<SourceErrorKind>>(
    file: &SourceFile,
    work: impl FnOnce(Xml<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut archive = zip::ZipArchive::new(file.reader()).map_err(damaged)?;
    let part = archive.by_name("content.xml").map_err(damaged)?;
    work(Reader::from_reader(BufReader::with_capacity(1 << 16, part)))
}

/// The number of repetitions of a row or a cell.
pub(super) fn repeated(tag: &BytesStart<'_>, name: &str) -> u32 {
    attribute(tag, name)
        .and_then(|count| count.parse().ok())
        .unwrap_or(1)
}

/// The sheets of the document. Hidden rows count if they have content.
pub(super) fn sheets(file: &SourceFile) -> Result<Vec<Sheet>, SourceErrorKind> {
    with_content(file, |mut xml| {
        let mut sheets = Sheets::default();
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            match xml.read_event_into(&mut buffer).map_err(damaged)? {
                Event::Start(tag) | Event::Empty(tag) => sheets.tag(&tag),
                Event::Eof => return Ok(sheets.found),
                _ => {}
            }
        }
    })
}

#[derive(Default)]
struct Sheets {
    found: Vec<Sheet>,
    /// The style that is being read.
    style: String,
    hidden_styles: Vec<String>,
    /// Consecutive hidden rows, counted once one of their cells has content.
    hidden_rows: u32,
}

impl Sheets {
    fn tag(&mut self, tag: &BytesStart<'_>) {
        match tag.name().as_ref() {
            "style:style" => self.style = attribute(tag, "style:name").unwrap_or_default(),
            "style:table-properties"
                if attribute(tag, "table:display").as_deref() == Some("false") =>
            {
                self.hidden_styles.push(self.style.clone());
            }
            "table:table" => {
                let style = attribute(tag, "table:style-name").unwrap_or_default();
                self.found.push(Sheet {
                    name: Some(attribute(tag, "table:name").unwrap_or_default()),
                    visible: !self.hidden_styles.contains(&style),
                    facts: Arc::default(),
                });
            }
            "table:table-row" => {
                let visibility = attribute(tag, "table:visibility");
                let is_hidden = matches!(visibility.as_deref(), Some("collapse" | "filter"));
                let rows = || repeated(tag, "table:number-rows-repeated");
                self.hidden_rows = if is_hidden { rows() } else { 0 };
            }
            "table:table-cell" if self.hidden_rows > 0 => {
                let has_content = attribute(tag, "office:value-type").is_some();
                if let Some(sheet) = self.found.last_mut().filter(|_| has_content) {
                    let facts = Arc::make_mut(&mut sheet.facts);
                    facts.hidden_rows += u64::from(std::mem::take(&mut self.hidden_rows));
                }
            }
            _ => {}
        }
    }
}
