//! Converts the value of a workbook's cell to text, regardless of its number format: a phone is digits, even in a cell
//! that is formatted as a date. A number that may be a date or an id has both forms.

use std::fmt::Write as _;

use calamine::{CellErrorType, Data, DataRef, ExcelDateTime};

use super::CellFaultKind;

/// Numbers from here on have more digits than a workbook stores.
const DIGITS_LOST_FROM: f64 = 1e15;
/// The last day of a spreadsheet, 31 December 9999. Larger numbers are not dates, whatever their format.
const LAST_DAY: f64 = 2_958_465.0;

/// The value of a cell.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Empty,
    Text(&'a str),
    Number(f64),
    Bool(bool),
    Date(ExcelDateTime),
    Error(&'a CellErrorType),
}

impl<'a> From<&'a DataRef<'a>> for Value<'a> {
    fn from(data: &'a DataRef<'a>) -> Self {
        match data {
            DataRef::Int(whole) => Self::int(*whole),
            DataRef::Float(float) => Self::Number(*float),
            DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
                Self::Text(text)
            }
            DataRef::SharedString(text) => Self::Text(text),
            DataRef::Bool(bool) => Self::Bool(*bool),
            DataRef::DateTime(day) => Self::Date(*day),
            DataRef::Error(error) => Self::Error(error),
            DataRef::Empty => Self::Empty,
        }
    }
}

impl<'a> From<&'a Data> for Value<'a> {
    fn from(data: &'a Data) -> Self {
        match data {
            Data::Int(whole) => Self::int(*whole),
            Data::Float(float) => Self::Number(*float),
            Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => {
                Self::Text(text)
            }
            Data::Bool(bool) => Self::Bool(*bool),
            Data::DateTime(day) => Self::Date(*day),
            Data::Error(shown) => Self::Error(shown),
            Data::Empty => Self::Empty,
        }
    }
}

impl Value<'_> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "workbooks hold numbers as floats; those that do not fit are reported as such"
    )]
    fn int(int: i64) -> Self {
        Self::Number(int as f64)
    }

    /// The serial number of the day, if the value is a date.
    pub(super) fn day(&self) -> Option<f64> {
        match self {
            Self::Date(date) if is_day(date) => Some(date.as_f64()),
            _ => None,
        }
    }

    /// Writes the value as text; returns its fault.
    pub(super) fn write(&self, text: &mut String) -> Option<CellFaultKind> {
        match self {
            Self::Empty => None,
            Self::Text(value) => {
                text.push_str(value);
                None
            }
            Self::Bool(value) => {
                text.push_str(if *value { "TRUE" } else { "FALSE" });
                None
            }
            Self::Number(number) => write_number(*number, text),
            Self::Date(date) => write_date(date, text),
            Self::Error(error) => {
                let shown = error.to_string();
                text.push_str(&shown);
                Some(CellFaultKind::Error(shown))
            }
        }
    }
}

pub(super) fn write_number(number: f64, text: &mut String) -> Option<CellFaultKind> {
    // Writing to a string does not fail.
    if number.abs() >= DIGITS_LOST_FROM {
        text.push_str(&short_form(number));
        return Some(CellFaultKind::DigitsLost);
    }
    let _ = write!(text, "{number}");
    None
}

/// A large number as Excel writes it, `1.20363025246125E+17`: with the 15 digits that it stores, so the loss is visible.
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
    use calamine::ExcelDateTimeType;

    use super::*;

    fn written(value: &Value<'_>) -> (String, Option<CellFaultKind>) {
        let mut text = String::new();
        let fault = value.write(&mut text);
        (text, fault)
    }

    fn date(number: f64) -> (String, Option<CellFaultKind>) {
        written(&Value::Date(ExcelDateTime::new(
            number,
            ExcelDateTimeType::DateTime,
            false,
        )))
    }

    #[test]
    fn a_phone_is_digits_whatever_the_format_of_its_cell() {
        assert_eq!(written(&Value::Number(79_991_234_567.0)).0, "79991234567");
        assert_eq!(date(79_991_234_567.0), ("79991234567".into(), None));
        assert_eq!(date(45_292.0).0, "2024-01-01");
        assert_eq!(date(45_292.5).0, "2024-01-01T12:00:00");
        assert_eq!(date(0.25).0, "06:00:00");
    }

    #[test]
    fn a_number_of_more_than_15_digits_has_lost_some() {
        let (text, fault) = written(&Value::Number(1.203_630_252_461_255e17));
        assert_eq!(text, "1.20363025246126E+17");
        assert_eq!(fault, Some(CellFaultKind::DigitsLost));
        let whole = written(&Value::Number(1_234_567_890_123_456.0)).0;
        assert_eq!(whole, "1.23456789012346E+15");
        assert_eq!(
            written(&Value::Number(999_999_999_999_999.0)),
            ("999999999999999".into(), None)
        );
        assert_eq!(written(&Value::Number(0.5)).0, "0.5");
    }
}
