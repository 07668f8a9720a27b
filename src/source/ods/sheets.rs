//! The sheets of an `OpenDocument` file: names, visibility, and number of hidden rows.

use std::{
    io::{BufReader, Read, Seek as _, SeekFrom},
    sync::Arc,
};

use flate2::read::DeflateDecoder;
use parking_lot::Mutex;
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use zip::CompressionMethod;

use crate::source::{
    SourceErrorKind, error::damaged, file::SourceFile, sheet::Sheet, workbook::package::attribute,
};

/// The part with the cells, read from the start. The survey of the archive has checked it.
pub(super) struct Content {
    xml: Reader<BufReader<Box<dyn Read + Send>>>,
    buffer: Vec<u8>,
    /// The number of sheets that have begun.
    begun: usize,
}

impl Content {
    fn open(file: &SourceFile) -> Result<Self, SourceErrorKind> {
        let mut archive = zip::ZipArchive::new(file.reader()).map_err(damaged)?;
        let part = archive.by_name("content.xml").map_err(damaged)?;
        let start = part
            .data_start()
            .ok_or_else(|| damaged("it has no content"))?;
        let mut bytes = file.reader();
        bytes.seek(SeekFrom::Start(start))?;
        let bytes = bytes.take(part.compressed_size());
        let text: Box<dyn Read + Send> = match part.compression() {
            CompressionMethod::Stored => Box::new(bytes),
            _ => Box::new(DeflateDecoder::new(bytes)),
        };
        Ok(Self {
            xml: Reader::from_reader(BufReader::with_capacity(1 << 16, text)),
            buffer: Vec::new(),
            begun: 0,
        })
    }

    pub(super) fn event(&mut self) -> Result<Event<'_>, SourceErrorKind> {
        self.buffer.clear();
        let event = self.xml.read_event_into(&mut self.buffer);
        let event = event.map_err(damaged)?;
        if let Event::Start(tag) | Event::Empty(tag) = &event {
            self.begun += usize::from(tag.name().as_ref() == "table:table");
        }
        Ok(event)
    }

    /// Reads up to the rows of a sheet. False if it has none.
    fn find(&mut self, sheet: usize) -> Result<bool, SourceErrorKind> {
        loop {
            let event = self.event()?;
            let (has_rows, is_end) = (matches!(event, Event::Start(_)), event == Event::Eof);
            if is_end || self.begun > sheet {
                return Ok(has_rows);
            }
        }
    }
}

/// The document, which stays open for the next sheet.
pub(super) struct Document {
    file: SourceFile,
    open: Mutex<Option<Content>>,
}

impl Document {
    pub(super) fn new(file: SourceFile) -> Self {
        Self {
            file,
            open: Mutex::default(),
        }
    }

    /// The content from the rows of a sheet on, if it has any.
    pub(super) fn rows(&self, sheet: usize) -> Result<Option<Content>, SourceErrorKind> {
        let open = self.open.lock().take().filter(|it| it.begun <= sheet);
        let mut content = open.map_or_else(|| Content::open(&self.file), Ok)?;
        Ok(content.find(sheet)?.then_some(content))
    }

    /// Keeps the content for a later sheet.
    pub(super) fn keep(&self, content: Content) {
        *self.open.lock() = Some(content);
    }

    /// The sheets. Hidden rows count if they have content.
    pub(super) fn sheets(&self) -> Result<Vec<Sheet>, SourceErrorKind> {
        let mut content = Content::open(&self.file)?;
        let mut sheets = Sheets::default();
        loop {
            match content.event()? {
                Event::Start(tag) | Event::Empty(tag) => sheets.tag(&tag),
                Event::Eof => return Ok(sheets.found),
                _ => {}
            }
        }
    }
}

/// The number of repetitions of a row or a cell.
pub(super) fn repeated(tag: &BytesStart<'_>, name: &str) -> u32 {
    attribute(tag, name)
        .and_then(|count| count.parse().ok())
        .unwrap_or(1)
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
