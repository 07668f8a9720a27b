//! Reads JSON lines: each object is a row, each key a column.
//!
//! Numbers and `contact_data` stay JSON in their cells. An object is a fault of its cell, unless it is a single value
//! of `MongoDB`'s extended JSON, which is unwrapped. An array is a fault too, unless it has a single value or its column
//! holds chats. A line that is not an object becomes one cell with a fault, and reading continues. The file is read
//! twice, because any line may add columns.

use std::{borrow::Cow, collections::HashMap};

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    CellFaultKind, Limits, SourceErrorKind, Table,
    cell::{CellRow, EachRow, RowSource, RowsEnd, RowsStop},
    error::foreign,
    input::{Input, Packed},
    rows::RowsLayout,
    text::{self, decode::TextReader},
};
use crate::contact::reading::without_lone_surrogates;

const PIECE_BYTES: usize = 1 << 18;

/// A line that is not blank.
struct Line<'a> {
    /// From 1.
    number: u32,
    text: &'a [u8],
    /// True for a last line without a line end.
    is_open: bool,
}

/// The single table of a JSON lines file.
pub(super) fn table(input: &Input<'_>) -> Result<Table, SourceErrorKind> {
    let (encoding, _) = text::find_encoding(input)?;
    let mut source = JsonRows {
        file: input.raw.clone(),
        encoding: encoding.encoding,
        columns: HashMap::new(),
        limits: input.options.limits,
    };
    let columns = source.find_columns()?;
    let layout = RowsLayout {
        origin: input.origin.clone(),
        columns,
        source: Box::new(source),
        header_row: 0,
        header_rows: 0,
        notes: Vec::new(),
        is_continued: false,
        may_lack_rows: false,
    };
    Ok(Table {
        encoding: Some(encoding),
        ..layout.table(input, input.raw.file.blake3()?)
    })
}

struct JsonRows {
    file: Packed,
    encoding: &'static encoding_rs::Encoding,
    /// Column numbers by key.
    columns: HashMap<String, usize>,
    limits: Limits,
}

impl JsonRows {
    /// Calls `each` with each line that is not blank.
    fn lines<E: From<SourceErrorKind>>(
        &self,
        mut each: impl FnMut(Line<'_>) -> Result<(), E>,
    ) -> Result<RowsEnd, E> {
        let bytes = self.file.peek().map_err(SourceErrorKind::from)?;
        let mut reader = TextReader::new(bytes, self.encoding);
        let (mut buffer, mut number, mut ended) = (Vec::new(), 0, false);
        let (mut passed, mut first_nul) = (0, None);
        while !ended {
            ended = reader.fill(&mut buffer, PIECE_BYTES)? == 0;
            let nuls = reader.nuls();
            let line_at = |place: u64| line_at(&buffer, place - passed, number);
            if let Some(hole) = nuls.hole {
                let row = Some(line_at(hole));
                return Err(SourceErrorKind::Hole { row }.into());
            }
            first_nul = first_nul.or_else(|| nuls.first.map(line_at));
            let whole = if ended {
                buffer.len()
            } else {
                memchr::memrchr(b'\n', &buffer).map_or(0, |at| at + 1)
            };
            let limit = self.limits.record_bytes;
            if whole == 0 && buffer.len() > limit {
                return Err(SourceErrorKind::RowTooLong { limit }.into());
            }
            for line in buffer[..whole].split_inclusive(|&byte| byte == b'\n') {
                number += 1;
                let line = Line {
                    number,
                    text: line.trim_ascii(),
                    is_open: !line.ends_with(b"\n"),
                };
                if !line.text.is_empty() {
                    each(line)?;
                }
            }
            buffer.drain(..whole);
            passed += whole as u64;
        }
        Ok(reader.nuls().end(first_nul))
    }

    /// Finds the columns: the keys of all lines, in order of appearance.
    fn find_columns(&mut self) -> Result<Vec<String>, SourceErrorKind> {
        let mut columns: Vec<String> = Vec::new();
        let mut numbers = HashMap::new();
        let mut is_first = true;
        self.lines(|line| {
            let read = each_member(line.text, |key, _| {
                if !numbers.contains_key(&*key) {
                    numbers.insert(key.clone().into_owned(), columns.len());
                    columns.push(key.into_owned());
                }
            });
            let limit = self.limits.columns;
            if columns.len() > limit {
                return Err(SourceErrorKind::TooManyColumns { limit });
            }
            // Other invalid lines become rejects later.
            match read {
                Err(error) if error.is_eof() && line.is_open => Err(SourceErrorKind::CutOff {
                    seen: "the last line is not a complete object",
                    row: Some(line.number),
                }),
                Err(error) if error.is_eof() && is_first => Err(foreign(
                    "JSON with objects that span several lines",
                    "write one object per line instead (`jq -c . FILE`)",
                )),
                _ => {
                    is_first = false;
                    Ok(())
                }
            }
        })?;
        self.columns = numbers;
        Ok(columns)
    }

    fn read(&self, line: &[u8], row: &mut CellRow) -> Result<(), serde_json::Error> {
        each_member(line, |key, value| {
            // A key is missing only if the file changed since the columns were found.
            if let Some(&column) = self.columns.get(&*key) {
                let cell = row.cell(column);
                // A repeated key has its last value.
                cell.text.clear();
                cell.list = None;
                cell.text.push_str(&text_of(value));
                // An empty list of chats stays, as it keeps the values before it: blank ones at the end are left out.
                let list = list(value.get()).filter(|_| &*key != "contact_data");
                match list {
                    Some(values) if values.len() > 1 => cell.list = Some(values.join("\n")),
                    Some(values) => cell.text = values.concat(),
                    None => {}
                }
                cell.fault = is_nested(&cell.text, value).then_some(CellFaultKind::Nested);
            }
        })
    }
}

impl RowSource for JsonRows {
    fn rows(&mut self, each: &mut EachRow<'_>) -> Result<RowsEnd, RowsStop> {
        let mut row = CellRow::default();
        self.lines(|line| {
            row.clear();
            if let Err(error) = self.read(line.text, &mut row) {
                row.clear();
                let cell = row.cell(0);
                cell.text = String::from_utf8_lossy(line.text).into_owned();
                cell.fault = Some(CellFaultKind::NotJson(reason_of(&error, &cell.text)));
            }
            each(line.number, &row)
        })
    }
}

/// The number of the line at a place in the text after `before` lines.
fn line_at(text: &[u8], place: u64, before: u32) -> u32 {
    let ends = text
        .iter()
        .zip(0..place)
        .filter(|(byte, _)| **byte == b'\n');
    ends.fold(before + 1, |line, _| line + 1)
}

/// The word that is not JSON (`NaN`, `None`), or the parser's message without its line number, which is always 1.
fn reason_of(error: &serde_json::Error, line: &str) -> String {
    let at = error.column();
    let rest = line.get(at.saturating_sub(1)..).unwrap_or_default();
    let word = rest.split(|it: char| !it.is_alphanumeric()).next();
    if let Some(word) = word.filter(|word| (1..20).contains(&word.len())) {
        return format!("`{word}` at character {at} is not valid JSON");
    }
    let message = error.to_string();
    let what = message
        .rsplit_once(" at line ")
        .map_or(&*message, |it| it.0);
    format!("{what}, at character {at}")
}

/// True if the text is the object's or the array's own.
fn is_nested(text: &str, value: &RawValue) -> bool {
    value.get().starts_with(['{', '[']) && text == value.get()
}

/// The values of an array of texts and numbers.
fn list(json: &str) -> Option<Vec<String>> {
    // A fast path for `contact_data`.
    let inner = json.strip_prefix('[')?.trim_start();
    if inner.starts_with('{') {
        return None;
    }
    let values: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let texts = values.iter().map(|value| {
        let text = text_of(value);
        (!is_nested(&text, value)).then(|| text.into_owned())
    });
    let texts: Option<Vec<String>> = texts.collect();
    texts.map(|texts| {
        texts
            .into_iter()
            .filter(|text| !text.trim().is_empty())
            .collect()
    })
}

fn text_of(value: &RawValue) -> Cow<'_, str> {
    let json = value.get();
    match json.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<String>(json) {
            Ok(text) => text.into(),
            // The only other fault of a string is a lone surrogate.
            Err(_) => serde_json::from_str::<String>(&without_lone_surrogates(json))
                .map_or(json.into(), Cow::Owned),
        },
        Some(b'n') => "".into(),
        Some(b'{') => extended(json).map_or(json.into(), Cow::Owned),
        _ => json.into(),
    }
}

/// The value in `MongoDB`'s extended JSON: `{"$oid":"…"}`, `{"$numberLong":"…"}`, `{"$date":…}`.
fn extended(json: &str) -> Option<String> {
    let object: HashMap<&str, &RawValue> = serde_json::from_str(json).ok()?;
    let (key, value) = object.iter().next()?;
    let is_extended = object.len() == 1 && EXTENDED_KEYS.contains(key);
    let is_nested = value.get().starts_with(['[', '{']) && *key != "$date";
    (is_extended && !is_nested).then(|| text_of(value).into_owned())
}

/// The types of extended JSON with a single value.
const EXTENDED_KEYS: [&str; 7] = [
    "$oid",
    "$numberLong",
    "$numberInt",
    "$numberDouble",
    "$numberDecimal",
    "$date",
    "$uuid",
];

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
