//! Cells, and readers of rows of cells: a sheet, an HTML table, JSON lines.
//!
//! A panic in a reader of a foreign format becomes an error about the file.

use std::{borrow::Cow, fmt::Write as _};

use calamine::{DataType, ExcelDateTime};

use super::{
    CellFaultKind, SourceErrorKind,
    error::gave_up,
    header::{HEADER_ROWS, PreviewRow},
};
use crate::{contact::is_web_address, panics::caught};

/// A cell: its text, further values, and its fault.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    /// The serial number of a date. In a column of ids, it is the id.
    pub(super) day: Option<f64>,
    /// The address that the cell links to. In a column of links, it is the value.
    pub(super) link: Option<String>,
    /// The number as its format displays it, if that differs from its digits. In a column of ids, it is the id.
    pub(super) shown: Option<String>,
    /// The values of a JSON array, one per line. In a column of codes, they are the value.
    pub(super) list: Option<String>,
    /// True for a formula without a result, or with 0 as a placeholder.
    pub(super) is_uncalculated: bool,
    pub(super) fault: Option<CellFaultKind>,
}

/// The cells of one row, reused for every row.
#[derive(Debug, Default)]
pub(super) struct CellRow {
    cells: Vec<Cell>,
    used: usize,
}

impl Cell {
    /// The cell's value of this kind, or its text if it has none.
    pub(super) fn value(&self, kind: CellValue) -> Cow<'_, str> {
        let day = || self.day.map(|day| Cow::from(day.to_string()));
        let special = match kind {
            CellValue::Code => day().or_else(|| self.list.as_deref().map(Cow::from)),
            CellValue::Id => day().or_else(|| self.shown.as_deref().map(Cow::from)),
            CellValue::Link => {
                let link = self.link.as_deref().filter(|link| is_web_address(link));
                link.map(Cow::from)
            }
            CellValue::Text | CellValue::Json | CellValue::Unused => None,
        };
        special.unwrap_or_else(|| self.text.as_str().into())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.fault.is_none()
    }
}

impl CellRow {
    /// The cell of a column, created if necessary and cleared.
    pub(super) fn cell(&mut self, column: usize) -> &mut Cell {
        if column >= self.cells.len() {
            self.cells.resize_with(column + 1, Cell::default);
        }
        self.used = self.used.max(column + 1);
        &mut self.cells[column]
    }

    pub(super) fn clear(&mut self) {
        for cell in &mut self.cells[..self.used] {
            cell.text.clear();
            cell.day = None;
            cell.link = None;
            cell.shown = None;
            cell.list = None;
            cell.is_uncalculated = false;
            cell.fault = None;
        }
        self.used = 0;
    }

    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells[..self.used]
    }
}

/// The reason to read no more rows.
pub(super) enum RowsStop {
    /// No more are needed.
    Enough,
    Failed(SourceErrorKind),
}

impl From<SourceErrorKind> for RowsStop {
    fn from(kind: SourceErrorKind) -> Self {
        Self::Failed(kind)
    }
}

/// Called for each row with its number, from 1.
pub(super) type EachRow<'a> = dyn FnMut(u32, &CellRow) -> Result<(), RowsStop> + 'a;

/// A source of rows that can be read from the start more than once.
pub(super) trait RowSource: Send {
    /// Calls `each` for the rows with cells, in order, until it returns an error.
    fn rows(&mut self, each: &mut EachRow<'_>) -> Result<RowsEnd, RowsStop>;
}

/// Facts about rows that were read to their end.
#[derive(Debug, Default)]
pub(super) struct RowsEnd {
    /// Warnings.
    pub(super) notes: Vec<String>,
    /// True if the sheet has the maximum number of rows, or rows seem to be lost.
    pub(super) may_lack_rows: bool,
}

/// The value that a column takes from its cells, if they have more than text.
///
/// If a column holds several kinds, the later one counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CellValue {
    /// The column is not read.
    Unused,
    /// The address that a cell links to.
    Link,
    #[default]
    Text,
    /// The serial number of a date, for phone numbers that were formatted as dates.
    Code,
    /// The serial number of a date, or a number as its format displays it: other systems have the id with leading
    /// zeros.
    Id,
    /// A JSON array.
    Json,
}

/// The first rows, to find the header.
pub(super) fn preview(
    source: &mut dyn RowSource,
    header_row: Option<u32>,
) -> Result<Vec<PreviewRow>, SourceErrorKind> {
    let (mut rows, mut last) = (Vec::new(), None);
    read_rows(source, &mut |number, row| {
        // Empty rows at the top of a sheet don't count towards the search limit.
        let last = *last.get_or_insert(header_row.unwrap_or(0).max(number + HEADER_ROWS) + 1);
        if number > last {
            return Err(RowsStop::Enough);
        }
        let cells = row.cells().iter().map(|cell| cell.text.clone());
        rows.push(PreviewRow::new(number, cells.collect(), 0));
        Ok(())
    })?;
    Ok(rows)
}

/// Calls `each` for the rows of a source, until it has enough.
pub(super) fn read_rows(
    source: &mut dyn RowSource,
    each: &mut EachRow<'_>,
) -> Result<RowsEnd, SourceErrorKind> {
    contain(|| match source.rows(each) {
        Err(RowsStop::Failed(kind)) => Err(kind),
        Err(RowsStop::Enough) => Ok(RowsEnd::default()),
        Ok(end) => Ok(end),
    })
}

/// Runs a reader of a foreign format; a panic in it becomes an error about the file.
pub(super) fn contain<T>(
    work: impl FnOnce() -> Result<T, SourceErrorKind>,
) -> Result<T, SourceErrorKind> {
    caught(work).unwrap_or_else(|_| Err(gave_up()))
}

/// Numbers from here on have more digits than a workbook stores.
const DIGITS_LOST_FROM: f64 = 1e15;
/// The last day of a spreadsheet, 31 December 9999. Larger numbers are not dates, whatever their format.
const LAST_DAY: f64 = 2_958_465.0;

/// The serial number of a date; `None` for other values.
pub(super) fn day_of(value: &impl DataType) -> Option<f64> {
    let date = value.get_datetime().filter(is_day);
    date.map(|date| date.as_f64())
}

/// Writes a value as text, ignoring its number format: a phone number is written as digits even if the cell is
/// formatted as a date. Returns its fault.
pub(super) fn write_value(value: &impl DataType, text: &mut String) -> Option<CellFaultKind> {
    let iso = || {
        value
            .get_datetime_iso()
            .or_else(|| value.get_duration_iso())
    };
    if let Some(string) = value.get_string().or_else(iso) {
        text.push_str(string);
    } else if let Some(float) = value.get_float() {
        return write_number(float, text);
    } else if let Some(int) = value.get_int() {
        return write_number(float_of(int), text);
    } else if let Some(date) = value.get_datetime() {
        return write_date(&date, text);
    } else if let Some(bool) = value.get_bool() {
        text.push_str(if bool { "TRUE" } else { "FALSE" });
    } else if let Some(error) = value.get_error() {
        let shown = error.to_string();
        text.push_str(&shown);
        return Some(CellFaultKind::Error(shown));
    }
    None
}

#[expect(
    clippy::cast_precision_loss,
    reason = "workbooks store numbers as floats; those that lost digits are reported"
)]
const fn float_of(int: i64) -> f64 {
    int as f64
}

pub(super) fn write_number(number: f64, text: &mut String) -> Option<CellFaultKind> {
    // Writing to a string can't fail.
    if number.abs() >= DIGITS_LOST_FROM {
        text.push_str(&short_form(number));
        return Some(CellFaultKind::DigitsLost);
    }
    let _ = write!(text, "{number}");
    None
}

/// A large number as Excel writes it, `1.20363025246125E+17`: with the 15 digits that it stores, so the loss is
/// visible.
fn short_form(number: f64) -> String {
    format!("{number:.14E}").replace('E', "E+")
}

fn is_day(date: &ExcelDateTime) -> bool {
    !date.is_duration() && (0.0..=LAST_DAY + 1.0).contains(&date.as_f64())
}

fn write_date(date: &ExcelDateTime, text: &mut String) -> Option<CellFaultKind> {
    let number = date.as_f64();
    if !is_day(date) {
        return write_number(number, text);
    }
    let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
    let has_date = number >= 1.0;
    let has_time = number.fract() > 0.0 || !has_date;
    if has_date {
        let _ = write!(text, "{year:04}-{month:02}-{day:02}");
    }
    if has_date && has_time {
        text.push('T');
    }
    if has_time {
        let _ = write!(text, "{hour:02}:{minute:02}:{second:02}");
    }
    None
}

#[cfg(test)]
mod tests {
    use calamine::{Data, ExcelDateTimeType};

    use super::*;

    fn written(value: &Data) -> (String, Option<CellFaultKind>) {
        let mut text = String::new();
        let fault = write_value(value, &mut text);
        (text, fault)
    }

    fn date(number: f64) -> (String, Option<CellFaultKind>) {
        written(&Data::DateTime(ExcelDateTime::new(
            number,
            ExcelDateTimeType::DateTime,
            false,
        )))
    }

    #[test]
    fn a_phone_is_digits_regardless_of_its_cell_format() {
        assert_eq!(written(&Data::Float(79_991_234_567.0)).0, "79991234567");
        assert_eq!(date(79_991_234_567.0), ("79991234567".into(), None));
        assert_eq!(date(45_292.0).0, "2024-01-01");
        assert_eq!(date(45_292.5).0, "2024-01-01T12:00:00");
        assert_eq!(date(0.25).0, "06:00:00");
    }

    #[test]
    fn a_number_of_more_than_15_digits_has_lost_some() {
        let (text, fault) = written(&Data::Float(1.203_630_252_461_255e17));
        assert_eq!(text, "1.20363025246126E+17");
        assert_eq!(fault, Some(CellFaultKind::DigitsLost));
        let whole = written(&Data::Float(1_234_567_890_123_456.0)).0;
        assert_eq!(whole, "1.23456789012346E+15");
        assert_eq!(
            written(&Data::Float(999_999_999_999_999.0)),
            ("999999999999999".into(), None)
        );
        assert_eq!(written(&Data::Float(0.5)).0, "0.5");
    }
}
