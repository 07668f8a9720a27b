//! The cells of an `OpenDocument` spreadsheet: their values, from the declared type and the displayed text.

use jiff::civil::Date;
use quick_xml::events::BytesStart;

use crate::{
    contact::is_web_address,
    formula::hyperlink,
    source::{
        CellFaultKind,
        cell::{Cell, write_number},
        workbook::package::attribute,
    },
};

/// The spreadsheet serial number of a date.
fn day(date: &str) -> Option<f64> {
    const FIRST: Date = jiff::civil::date(1899, 12, 30);
    let date: Date = date.parse().ok()?;
    Some(FIRST.until(date).ok()?.get_days().into())
}

/// The displayed text of a whole number, if it is its digits after zeros or letters.
fn padded(shown: &str, digits: &str) -> Option<String> {
    let shown = shown.trim();
    let before = shown.strip_suffix(digits)?;
    let is_pad = |char: char| char == '0' || !char.is_numeric() && !char.is_whitespace();
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit()) && digits != "0";
    (is_whole && !before.is_empty() && before.chars().all(is_pad)).then(|| shown.to_owned())
}

/// The web address in a formula such as `of:=HYPERLINK("https://…";[.A1])`.
fn linked_address(formula: &str) -> Option<&str> {
    let (_, call) = formula.split_once('=')?;
    let (address, _) = hyperlink(call)?;
    Some(address).filter(|address| is_web_address(address))
}

/// A cell's declared type and value, and its text.
pub(super) struct DescribedCell {
    kind: String,
    value: String,
    is_error: bool,
    has_formula: bool,
    pub(super) text: String,
    pub(super) link: Option<String>,
}

impl DescribedCell {
    pub(in crate::source) fn new(tag: &BytesStart<'_>) -> Self {
        let kind = attribute(tag, "office:value-type").unwrap_or_default();
        let value = match kind.as_str() {
            "float" | "percentage" | "currency" => attribute(tag, "office:value"),
            "date" => attribute(tag, "office:date-value"),
            "boolean" => attribute(tag, "office:boolean-value").map(|value| value.to_uppercase()),
            "string" => attribute(tag, "office:string-value"),
            _ => None,
        };
        let formula = attribute(tag, "table:formula");
        let linked = formula.as_deref().and_then(linked_address);
        Self {
            kind,
            value: value.unwrap_or_default(),
            is_error: attribute(tag, "calcext:value-type").as_deref() == Some("error"),
            has_formula: formula.is_some(),
            text: String::new(),
            link: linked.map(str::to_owned),
        }
    }

    pub(super) fn into_cell(self) -> Cell {
        let mut cell = Cell::default();
        let number = self.value.parse::<f64>().ok().filter(|_| {
            matches!(self.kind.as_str(), "float" | "percentage" | "currency") && !self.is_error
        });
        let has_result = match number {
            Some(number) => number != 0.0,
            None => !self.kind.is_empty() || !self.text.is_empty(),
        };
        cell.is_uncalculated = self.has_formula && !has_result;
        cell.link = self.link;
        if let Some(number) = number {
            cell.fault = write_number(number, &mut cell.text);
            cell.shown = padded(&self.text, &cell.text);
        } else {
            let is_date =
                matches!(self.kind.as_str(), "date" | "boolean") && !self.value.is_empty();
            let has_only_value = self.text.is_empty() && self.kind == "string";
            cell.text = if is_date || has_only_value {
                self.value
            } else {
                self.text
            };
        }
        if self.kind == "date" {
            cell.day = day(&cell.text);
        }
        if self.is_error {
            cell.fault = Some(CellFaultKind::Error(cell.text.clone()));
        }
        cell
    }
}
