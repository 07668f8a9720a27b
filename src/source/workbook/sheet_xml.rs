//! Collects facts about the cells of an XML sheet (.xlsx) from its tags while they are unpacked.

use quick_xml::escape::unescape;

use super::facts::{Fact, Range, SheetFacts};
use crate::{
    contact::is_web_address,
    formula::hyperlink,
    source::{
        SourceErrorKind,
        error::{mebibytes, too_large},
    },
};

/// The error values that calamine reads.
const KNOWN_ERRORS: [&[u8]; 7] = [
    b"#DIV/0!", b"#N/A", b"#NAME?", b"#NULL!", b"#NUM!", b"#REF!", b"#VALUE!",
];
/// Maximum number of bytes of a value that are inspected.
const VALUE_BYTES: usize = 64;

/// The state between two pieces of a sheet.
#[derive(Debug, Default)]
pub(super) struct SheetScan {
    pub(super) facts: SheetFacts,
    /// The row and the column of the next cell without a reference.
    row: u32,
    column: u32,
    cell: ScannedCell,
    /// The value of the cell, if it is relevant.
    value: Vec<u8>,
    in_value: bool,
    /// Bytes since the current cell began, about. calamine holds a cell in memory.
    cell_bytes: usize,
    cell_bytes_max: usize,
    in_formula: bool,
    /// The address of the cell's `HYPERLINK` formula.
    address: Option<String>,
}

#[derive(Debug, Default)]
struct ScannedCell {
    is_open: bool,
    at: (u32, u32),
    has_reference: bool,
    kind: CellKind,
    has_formula: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CellKind {
    Error,
    Number,
    #[default]
    Other,
}

impl SheetScan {
    pub(in crate::source) fn new(cell_bytes_max: usize) -> Self {
        Self {
            cell_bytes_max,
            ..Self::default()
        }
    }

    /// Processes a piece that ends with `>`.
    pub(super) fn walk(&mut self, piece: &[u8]) -> Result<(), SourceErrorKind> {
        let mut at = 0;
        while let Some(start) = memchr::memchr(b'<', &piece[at..]) {
            self.text(&piece[at..at + start]);
            at += start + 1;
            let Some(end) = memchr::memchr(b'>', &piece[at..]) else {
                return Ok(());
            };
            let is_cell = self.tag(&piece[at..at + end])?;
            at += end + 1;
            // A fast path: most cells are like this, without facts.
            if is_cell
                && self.cell.kind != CellKind::Error
                && let Some(length) = plain_value(&piece[at..])
            {
                self.end_cell();
                at += length;
            }
        }
        self.text(&piece[at..]);
        self.cell_bytes += piece.len();
        if self.cell.is_open && self.cell_bytes > self.cell_bytes_max {
            let limit = mebibytes(self.cell_bytes_max as u64);
            return Err(too_large("a cell of a sheet", limit));
        }
        Ok(())
    }

    fn text(&mut self, text: &[u8]) {
        if self.in_value {
            let room = VALUE_BYTES.saturating_sub(self.value.len());
            self.value.extend_from_slice(&text[..text.len().min(room)]);
        } else if self.in_formula
            && text
                .first()
                .is_some_and(|first| matches!(first, b'H' | b'h'))
        {
            self.address = linked_address(text);
        }
    }

    /// Processes a tag. Returns true for the start of a non-empty cell.
    fn tag(&mut self, tag: &[u8]) -> Result<bool, SourceErrorKind> {
        let is_empty = tag.ends_with(b"/");
        match local_name(tag) {
            (b"c", false) => {
                self.start_cell(tag);
                if is_empty {
                    self.end_cell();
                }
                return Ok(!is_empty);
            }
            (b"c", true) => self.end_cell(),
            (b"v", false) => self.in_value = !is_empty && self.needs_value(),
            (b"v", true) => self.in_value = false,
            (b"f", false) => {
                self.cell.has_formula = true;
                self.in_formula = !is_empty;
            }
            (b"f", true) => {
                self.in_formula = false;
                if let Some(address) = self.address.take() {
                    self.facts.link(Range::of(self.cell.at), &address)?;
                }
            }
            (b"row", false) => {
                if let Some(row) = attribute(tag, b"r").and_then(number) {
                    self.row = row.saturating_sub(1);
                }
                let is_hidden =
                    attribute(tag, b"hidden").is_some_and(|it| it != b"0" && it != b"false");
                self.facts.hidden_rows += u64::from(is_hidden);
                if is_empty {
                    self.end_row();
                }
            }
            (b"row", true) => self.end_row(),
            (b"mergeCell", false) => {
                if let Some(range) = attribute(tag, b"ref").and_then(range) {
                    self.facts.merge(range)?;
                }
            }
            (b"hyperlink", false) => self.link(tag),
            _ => {}
        }
        Ok(false)
    }

    fn needs_value(&self) -> bool {
        match self.cell.kind {
            CellKind::Error => true,
            CellKind::Number => self.cell.has_formula,
            CellKind::Other => false,
        }
    }

    fn start_cell(&mut self, tag: &[u8]) {
        let (mut kind, mut reference) = (CellKind::Number, None);
        for (before, value) in attributes(tag) {
            if is_named(before, b"t") {
                kind = match value {
                    b"e" => CellKind::Error,
                    b"n" => CellKind::Number,
                    _ => CellKind::Other,
                };
            } else if is_named(before, b"r") {
                reference = position(value);
            }
        }
        self.column = reference.map_or(self.column, |at| at.1);
        self.cell = ScannedCell {
            is_open: true,
            at: reference.unwrap_or((self.row, self.column)),
            has_reference: reference.is_some(),
            kind,
            has_formula: false,
        };
        self.value.clear();
        self.cell_bytes = 0;
    }

    fn end_cell(&mut self) {
        let cell = std::mem::take(&mut self.cell);
        self.in_value = false;
        self.column = self.column.saturating_add(1);
        // calamine miscounts cells without a reference after an error value that it can't read.
        if cell.kind == CellKind::Error && cell.has_reference {
            let is_known = self.value.is_empty() || KNOWN_ERRORS.contains(&&*self.value);
            if !is_known {
                let text = String::from_utf8_lossy(&self.value);
                self.facts.add(cell.at, Fact::Error(text.into()));
            }
        } else if cell.has_formula
            && cell.kind == CellKind::Number
            && matches!(&*self.value, b"" | b"0")
        {
            self.facts.add(cell.at, Fact::Uncalculated);
        }
    }

    fn end_row(&mut self) {
        self.row = self.row.saturating_add(1);
        self.column = 0;
    }

    fn link(&mut self, tag: &[u8]) {
        let id = attribute(tag, b":id").or_else(|| attribute(tag, b"id"));
        if let (Some(range), Some(id)) = (attribute(tag, b"ref").and_then(range), id) {
            let id = String::from_utf8_lossy(id).into_owned();
            self.facts.link_ids.push((range, id));
        }
    }
}

/// The web address in a formula such as `HYPERLINK("https://…",A1)`.
fn linked_address(formula: &[u8]) -> Option<String> {
    let formula = unescape(str::from_utf8(formula).ok()?).ok()?;
    let (address, _) = hyperlink(&formula)?;
    is_web_address(address).then(|| address.to_owned())
}

/// The name of a tag without its namespace, and whether the tag is an end tag.
fn local_name(tag: &[u8]) -> (&[u8], bool) {
    let end = tag.iter().position(u8::is_ascii_whitespace);
    let name = &tag[..end.unwrap_or(tag.len())];
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let (is_end, name) = name
        .strip_prefix(b"/")
        .map_or((false, name), |name| (true, name));
    let colon = name.iter().position(|&byte| byte == b':');
    (colon.map_or(name, |colon| &name[colon + 1..]), is_end)
}

/// The length of a value without a formula and of the cell's end tag.
fn plain_value(piece: &[u8]) -> Option<usize> {
    let forms: [(&[u8], &[u8]); 2] = [(b"<v>", b"</v></c>"), (b"<is><t>", b"</t></is></c>")];
    forms.iter().find_map(|(start, end)| {
        let value = piece.strip_prefix(*start)?;
        let length = value.iter().position(|&byte| byte == b'<')?;
        let is_plain = value[length..].starts_with(end);
        is_plain.then_some(start.len() + length + end.len())
    })
}

/// The value of an attribute. A name that begins with a colon matches any namespace.
fn attribute<'a>(tag: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut attributes = attributes(tag);
    let (_, value) = attributes.find(|(before, _)| is_named(before, name))?;
    Some(value)
}

/// The attributes of a tag: the text before each `=`, and the value. They are short, so a byte-wise search is
/// fastest.
fn attributes(tag: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        let equals = rest.iter().position(|&byte| byte == b'=')?;
        let (&quote, value) = rest[equals + 1..].trim_ascii_start().split_first()?;
        let end = value.iter().position(|&byte| byte == quote)?;
        let before = rest[..equals].trim_ascii_end();
        rest = &value[end + 1..];
        Some((before, &value[..end]))
    })
}

fn is_named(before: &[u8], name: &[u8]) -> bool {
    let start = before.strip_suffix(name);
    start.is_some_and(|it| name.starts_with(b":") || it.last().is_some_and(u8::is_ascii_whitespace))
}

fn number(digits: &[u8]) -> Option<u32> {
    let digits = digits.trim_ascii();
    let number = digits.iter().try_fold(0_u32, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    });
    number.filter(|_| !digits.is_empty())
}

/// Row and column, from 0, of a reference such as `C5`.
fn position(reference: &[u8]) -> Option<(u32, u32)> {
    let letters = reference
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic());
    let mut column = 0_u32;
    for letter in letters.clone() {
        let digit = u32::from(letter.to_ascii_uppercase() - b'A') + 1;
        column = column.checked_mul(26)?.checked_add(digit)?;
    }
    let row = number(&reference[letters.count()..])?;
    Some((row.checked_sub(1)?, column.checked_sub(1)?))
}

/// The cells of a reference such as `C2:C4` or `C2`.
fn range(reference: &[u8]) -> Option<Range> {
    let reference: Vec<u8> = reference
        .iter()
        .copied()
        .filter(|&byte| byte != b'$')
        .collect();
    let mut ends = reference.split(|&byte| byte == b':');
    let first = position(ends.next()?)?;
    let last = ends.next().map_or(Some(first), position)?;
    Some(Range {
        rows: (first.0.min(last.0), first.0.max(last.0)),
        columns: (first.1.min(last.1), first.1.max(last.1)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHEET: &[u8] = br#"<x:row r="3"><c r="A3" t="s"><v>7</v></c><x:c r="B3" t="e"><x:f>A1>0</x:f><x:v>#SPILL!</x:v></x:c><c><f/></c><c r="E3" t="e"><v>#N/A</v></c></x:row><row><c><f>1</f><v>0</v></c><c t="str"><f>2</f><v/></c><c><v>0</v></c><c t="inlineStr"><is><t>a</t></is></c><c><f>3</f><v>0</v></c></row><mergeCell ref="A1:B2"/><hyperlink ref="$D$2" r:id = 'rId1'/>"#;

    fn scan(pieces: &[&[u8]]) -> SheetFacts {
        let mut scan = SheetScan::new(1 << 20);
        for piece in pieces {
            scan.walk(piece).unwrap_or_default();
        }
        scan.facts
    }

    #[test]
    fn pieces_of_any_size_give_the_same_facts() {
        let whole = format!("{:?}", scan(&[SHEET]));
        assert!(
            whole.contains(
                r##"[((2, 1), Error("#SPILL!")), ((2, 2), Uncalculated), ((3, 0), Uncalculated), ((3, 4), Uncalculated)]"##
            ),
            "{whole}"
        );
        assert!(whole.contains("rId1"), "{whole}");
        for (cut, _) in SHEET.iter().enumerate().filter(|(_, byte)| **byte == b'>') {
            let pieces = [&SHEET[..=cut], &SHEET[cut + 1..]];
            assert_eq!(format!("{:?}", scan(&pieces)), whole, "{cut}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(bytes in "[<>/=\" ':]|c|r|ref|row|v|f|t|id|A1|B2|hyperlink|mergeCell|e|\\PC") {
            scan(&[bytes.as_bytes()]);
        }

        #[test]
        fn no_tags_cause_a_panic(tags in proptest::collection::vec("[<]/?(c|row|v|f|mergeCell|hyperlink)( (r|ref|t|r:id)=(\"[A-Z]{0,9}[0-9]{0,12}(:[A-Z]{0,3}[0-9]{0,4})?\"|e)){0,3}/?[>][0#]{0,2}", 0..20)) {
            scan(&[tags.concat().as_bytes()]);
        }
    }
}
