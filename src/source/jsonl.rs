//! Reads JSON lines: each object is a row, each key a column.
//!
//! Values other than text (numbers, `contact_data`) are JSON in their cells.

use std::{
    borrow::Cow,
    collections::HashMap,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    SourceErrorKind, Table,
    cell::{CellRow, EachRow, RowSource},
    decode::TextReader,
    input::{Input, Packed},
    rows::RowsPlan,
    text,
};

/// Lines whose keys are the columns.
const LINES_FOR_COLUMNS: u32 = 1000;
const PIECE_BYTES: usize = 1 << 18;

/// Called for each line, with its number from 1.
type EachLine<'a> = dyn FnMut(u32, &[u8]) -> Result<ControlFlow<()>, SourceErrorKind> + 'a;

/// The one table of a file of JSON lines.
pub(super) fn table(input: &Input<'_>) -> Result<Table, SourceErrorKind> {
    let (encoding, _) = text::find_encoding(input)?;
    let counter: Arc<AtomicU64> = Arc::default();
    let mut source = JsonRows {
        file: input.raw.clone(),
        encoding: encoding.encoding,
        columns: HashMap::new(),
        columns_max: input.options.limits.columns,
        record_bytes: input.options.limits.record_bytes,
        counter: Arc::clone(&counter),
    };
    let columns = source.find_columns()?;
    counter.store(0, Ordering::Relaxed);
    let plan = RowsPlan {
        origin: input.origin.clone(),
        columns,
        source: Box::new(source),
        header_row: 0,
        notes: Vec::new(),
        counter,
    };
    Ok(Table {
        encoding: Some(encoding),
        ..plan.table(input, input.raw.file.blake3()?)
    })
}

struct JsonRows {
    file: Packed,
    encoding: &'static encoding_rs::Encoding,
    /// The number of each column.
    columns: HashMap<String, usize>,
    columns_max: usize,
    record_bytes: usize,
    counter: Arc<AtomicU64>,
}

impl JsonRows {
    /// Calls `each` with the number and the text of each line that is not blank.
    fn lines(&self, each: &mut EachLine<'_>) -> Result<(), SourceErrorKind> {
        let bytes = self.file.unpack_counted(Arc::clone(&self.counter))?;
        let mut reader = TextReader::new(bytes, self.encoding);
        let (mut buffer, mut number, mut ended) = (Vec::new(), 0, false);
        while !ended {
            ended = reader.fill(&mut buffer, PIECE_BYTES)? == 0;
            let whole = if ended {
                buffer.len()
            } else {
                memchr::memrchr(b'\n', &buffer).map_or(0, |at| at + 1)
            };
            if whole == 0 && buffer.len() > self.record_bytes {
                return Err(SourceErrorKind::RowTooLong {
                    limit: self.record_bytes,
                });
            }
            for line in buffer[..whole].split_inclusive(|&byte| byte == b'\n') {
                number += 1;
                let line = line.trim_ascii();
                if !line.is_empty() && each(number, line)?.is_break() {
                    return Ok(());
                }
            }
            buffer.drain(..whole);
        }
        Ok(())
    }

    /// Finds the columns: the keys of the first lines, in order of appearance.
    fn find_columns(&mut self) -> Result<Vec<String>, SourceErrorKind> {
        let mut columns: Vec<String> = Vec::new();
        let mut numbers = HashMap::new();
        self.lines(&mut |number, line| {
            if number > LINES_FOR_COLUMNS {
                return Ok(ControlFlow::Break(()));
            }
            // A line that is not an object is reported when its turn comes.
            let _ = each_member(line, |key, _| {
                if !numbers.contains_key(&*key) {
                    numbers.insert(key.clone().into_owned(), columns.len());
                    columns.push(key.into_owned());
                }
            });
            if columns.len() > self.columns_max {
                let limit = self.columns_max;
                return Err(SourceErrorKind::TooManyColumns { limit });
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.columns = numbers;
        Ok(columns)
    }
}

impl RowSource for JsonRows {
    fn rows(&mut self, each: &mut EachRow<'_>) -> Result<(), SourceErrorKind> {
        let mut row = CellRow::default();
        self.lines(&mut |number, line| {
            row.clear();
            let mut unknown = self.columns.len();
            each_member(line, |key, value| {
                let column = self.columns.get(&*key).copied().unwrap_or_else(|| {
                    unknown += 1;
                    unknown - 1
                });
                let cell = row.cell(column);
                cell.text.clear();
                cell.text.push_str(&text_of(value));
            })
            .map_err(|error| SourceErrorKind::BadJsonLine {
                row: number,
                why: error.to_string(),
            })?;
            Ok(each(number, &row))
        })
    }
}

fn text_of(value: &RawValue) -> Cow<'_, str> {
    let json = value.get();
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(json).map_or(json.into(), Cow::Owned),
        Some(b'n') => "".into(),
        _ => json.into(),
    }
}

fn each_member<'a>(
    line: &'a [u8],
    each: impl FnMut(Cow<'a, str>, &'a RawValue),
) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    deserializer.deserialize_map(Members(each))?;
    deserializer.end()
}

struct Members<F>(F);

impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object such as {\"id\": …}")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            (self.0)(key.0, value);
        }
        Ok(())
    }
}

#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
