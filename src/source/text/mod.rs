//! Opens text files: detects encoding, delimiter and header from the first part of the file.

mod blocks;
mod code_page;
mod cut;
pub(super) mod decode;
pub(super) mod dialect;
pub(super) mod encoding;
pub(super) mod languages;
mod quoting;
mod stray_quotes;
mod swallowed;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use self::{
    blocks::{TextBlocks, TextFile, TextLayout, row_after},
    cut::{Cut, Cutter, OddCells},
    dialect::Dialect,
    quoting::Quoting,
};
use super::{
    EncodingFinding, EncodingReason, Kind, Limits, ReadOptions, SourceErrorKind, SourceForm, Table,
    error::{SAVE_AS, foreign},
    input::Input,
};
use crate::reject::ADDED_COLUMNS;

/// Size of the first part, which is used for detection.
const HEAD_BYTES: usize = 1 << 20;

/// Detects the layout of a text file.
pub(super) fn table(input: &Input<'_>) -> Result<Table, SourceErrorKind> {
    let options = input.options;
    let (finding, byte_order_mark) = find_encoding(input)?;
    let (file, head) = unquoted(input, finding.encoding)?;
    let separator = dialect::separator_line(&head);
    let text = &head[separator.map_or(0, |separator| separator.1)..];
    let named = options
        .delimiter
        .or(separator.map(|separator| separator.0))
        .or(file.quoting.map(|(_, delimiter)| delimiter));
    let dialect = find_dialect(text, named, options)?;
    let columns = dialect.header.columns.len();
    let notes = notes(&dialect, &finding, file.quoting);
    let layout = TextLayout {
        text: file,
        origin: input.origin.clone(),
        delimiter: dialect.delimiter,
        columns,
        source_columns: columns - added_columns(&dialect.header.columns),
        skip: head.len() - text.len() + dialect.header.data_at,
        header_row: dialect.header.row,
        limits: options.limits,
    };
    let rows = TextBlocks::new(layout)?;
    input.raw.file.restart_count();
    Ok(Table {
        origin: input.origin.clone(),
        header_row: dialect.header.row,
        header_rows: dialect.header.rows,
        delimiter: dialect.delimiter,
        cells: dialect.cells,
        form: SourceForm {
            delimiter: dialect.delimiter,
            encoding: finding.encoding,
            byte_order_mark,
            separator_line: separator.is_some(),
            line_end: line_end(&head),
        },
        kind: Kind::Text,
        notes,
        may_lack_rows: dialect.header.may_follow_contacts,
        columns: dialect.header.columns,
        encoding: Some(finding),
        file: input.raw.clone(),
        rows: Box::new(rows),
    })
}

/// The file with its way of quoting, and the first part of its text.
fn unquoted(
    input: &Input<'_>,
    encoding: &'static Encoding,
) -> Result<(TextFile, Vec<u8>), SourceErrorKind> {
    let mut file = TextFile {
        file: input.raw.clone(),
        encoding,
        quoting: None,
    };
    let mut head = head_of_text(&file)?;
    refuse_binary(&head)?;
    file.quoting = quoting(&head, input.options.delimiter);
    if file.quoting.is_some() {
        head = head_of_text(&file)?;
    }
    Ok((file, head))
}

/// The delimiter and the header. `named`: the delimiter by the options or the file itself.
fn find_dialect(
    text: &[u8],
    named: Option<u8>,
    options: &ReadOptions<'_>,
) -> Result<Dialect, SourceErrorKind> {
    let find = |delimiter| dialect::find(text, delimiter, options.header_row, options.recognize);
    let fits = |dialect: &Dialect| dialect.header.columns.len() > 1;
    let usual = options.usual.delimiter.filter(|_| named.is_none());
    let usual = usual.filter(|usual| find(Some(*usual)).is_some_and(|dialect| fits(&dialect)));
    let delimiter = named.or(usual);
    let dialect = find(delimiter);
    refuse_unclosed_quote(text, delimiter, dialect.as_ref(), &options.limits)?;
    let dialect = dialect.ok_or(SourceErrorKind::NoHeader)?;
    let limit = options.limits.columns;
    if dialect.header.columns.len() > limit {
        return Err(SourceErrorKind::TooManyColumns { limit });
    }
    Ok(dialect)
}

fn notes(
    dialect: &Dialect,
    finding: &EncodingFinding,
    quoting: Option<(Quoting, u8)>,
) -> Vec<String> {
    let mut notes = dialect.header.notes();
    notes.extend(quoting.map(|(quoting, _)| quoting.note().to_owned()));
    if dialect.header.columns.len() < 2 {
        let header = dialect.header.columns.first();
        let seen = [';', '\t', '|', ',']
            .into_iter()
            .find(|sign| header.is_some_and(|name| name.contains(*sign)));
        // A single word can't be several names.
        let may_be_split = header.is_some_and(|name| !name.chars().all(char::is_alphanumeric));
        notes.extend(match seen {
            Some(sign) => {
                let sign = sign.escape_default();
                Some(format!(
                    "only one column was found, and it contains `{sign}`: pass --delimiter '{sign}'"
                ))
            }
            None => may_be_split.then(|| {
                "only one column was found: set the delimiter with --delimiter C".to_owned()
            }),
        });
    }
    notes.extend(finding.note());
    notes
}

/// Detects non-standard quoting. A first line such as `sep=;` is not a row.
fn quoting(head: &[u8], delimiter: Option<u8>) -> Option<(Quoting, u8)> {
    let separator = dialect::separator_line(head);
    let text = &head[separator.map_or(0, |separator| separator.1)..];
    Quoting::find(text, delimiter.or(separator.map(|separator| separator.0)))
}

/// Number of bytes that show whether a file is binary.
const BINARY_BYTES: usize = 1 << 16;

/// Refuses files with many control characters, which are binary.
fn refuse_binary(head: &[u8]) -> Result<(), SourceErrorKind> {
    let is_control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n' | 0x1A..=0x1F);
    let head = &head[..head.len().min(BINARY_BYTES)];
    let are_many = |count: usize| count * 50 > head.len();
    // Counted first, because that is faster.
    if are_many(head.iter().filter(|byte| **byte < 0x20).count())
        && are_many(head.iter().filter(|byte| is_control(**byte)).count())
    {
        return Err(foreign("a binary file of an unknown kind", SAVE_AS));
    }
    Ok(())
}

/// Titles and column names are read before the text is cut, so an unclosed quote in them would silently swallow
/// rows.
fn refuse_unclosed_quote(
    text: &[u8],
    delimiter: Option<u8>,
    dialect: Option<&Dialect>,
    limits: &Limits,
) -> Result<(), SourceErrorKind> {
    let above = dialect.map_or(text, |dialect| &text[..dialect.header.data_at]);
    let delimiter = dialect.map(|dialect| dialect.delimiter).or(delimiter);
    let delimiter = delimiter.unwrap_or(b',');
    let mut odd = OddCells::default();
    let cutter = Cutter {
        delimiter,
        cell_lines: limits.cell_lines,
        // If a name contains rows, the number of columns is unreliable.
        columns: None,
    };
    let unclosed = match cutter.cut(above, true, &mut odd) {
        Cut::Unclosed(at) => Some(at),
        Cut::At(_) | Cut::More => {
            let mut suspects = odd.suspects.iter();
            let holds_rows = suspects.find(|cell| cell.holds_rows(above, delimiter, None));
            holds_rows.map(|cell| cell.opened)
        }
    };
    unclosed.map_or(Ok(()), |at| {
        let row = Some(row_after(&above[..at], delimiter));
        Err(SourceErrorKind::UnclosedQuote { row })
    })
}

/// The number of columns at the end that a rejects file adds to those of its source.
fn added_columns(columns: &[String]) -> usize {
    let is_added = |name: &&String| ADDED_COLUMNS.contains(&&***name);
    columns.iter().rev().take_while(is_added).count()
}

fn line_end(head: &[u8]) -> &'static str {
    match memchr::memchr2(b'\r', b'\n', head) {
        Some(at) if head[at..].starts_with(b"\r\n") => "\r\n",
        Some(at) if head[at] == b'\r' => "\r",
        _ => "\n",
    }
}

/// The encoding of a file, and whether it begins with a BOM of that encoding.
pub(super) fn find_encoding(input: &Input<'_>) -> Result<(EncodingFinding, bool), SourceErrorKind> {
    let mut bytes = input.raw.peek()?;
    let mut head = Vec::new();
    bytes.fill(&mut head, HEAD_BYTES)?;
    let mark = Encoding::for_bom(&head).map(|(encoding, _)| encoding);
    let is_utf8_after_all = |encoding: &'static Encoding| {
        encoding != UTF_8 && encoding.is_ascii_compatible() && encoding::is_utf8_text(&head)
    };
    let usual = input.options.usual.encoding;
    // Line ends and delimiters of UTF-16 have NULs.
    let is_not_utf16 = memchr::memchr(0, &head).is_none();
    let is_wrong = |usual: &'static Encoding| {
        is_utf8_after_all(usual)
            || (usual == UTF_8 && encoding::is_not_utf8(&head))
            || ([UTF_16LE, UTF_16BE].contains(&usual) && is_not_utf16)
    };
    let usual = usual.filter(|usual| mark.is_none() && !is_wrong(usual));
    if let Some(encoding) = input.options.encoding.or(usual) {
        let finding = EncodingFinding {
            encoding,
            because: EncodingReason::Given {
                is_utf8: is_utf8_after_all(encoding),
            },
            sample: encoding::sample(&head, encoding),
            rival: None,
        };
        return Ok((finding, mark == Some(encoding)));
    }
    // Detection needs non-ASCII text, even if it begins far down.
    while !head.is_empty() && head.is_ascii() && memchr::memchr(0, &head).is_none() {
        let mut next = Vec::new();
        if bytes.fill(&mut next, HEAD_BYTES)? == 0 {
            break;
        }
        head = next;
    }
    let finding = encoding::detect(&head, &|text| {
        dialect::known_columns(text, input.options.recognize)
    })?;
    let has_mark = mark == Some(finding.encoding);
    Ok((finding, has_mark))
}

/// The first part of the text, cut after whole lines.
fn head_of_text(file: &TextFile) -> Result<Vec<u8>, SourceErrorKind> {
    let mut reader = file.peek()?;
    let mut head = Vec::new();
    let mut ended = false;
    while head.len() < HEAD_BYTES && !ended {
        ended = reader.fill(&mut head, HEAD_BYTES)? == 0;
    }
    if !ended && let Some(line) = memchr::memrchr2(b'\n', b'\r', &head[..head.len() - 1]) {
        head.truncate(line + 1);
    }
    if head.iter().all(u8::is_ascii_whitespace) {
        return Err(match reader.nuls().count {
            0 => SourceErrorKind::Empty,
            _ => SourceErrorKind::Foreign {
                what: "a file of NULs only, as after a crash of the program that wrote it",
                advice: "export or download it again",
            },
        });
    }
    Ok(head)
}
