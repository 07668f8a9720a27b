//! The way in: a path becomes tables.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

use super::{
    Compression, Findings, Kind, Origin, ReadOptions, SheetChoice, SourceError, SourceErrorKind,
    SourceForm, Table,
    archive::{self, SheetSurvey},
    book, dialect,
    file::SourceFile,
    header::Header,
    html::{self, HtmlRows},
    inflate::Inflated,
    jsonl::JsonRows,
    kind,
    ods::{self, OdsRows},
    rows,
    rows::RowsPlan,
    sheet::{self, Sheet},
    table::Stream,
    text,
};

/// A file that is open, and what is known of it so far.
pub(super) struct Input<'a> {
    pub(super) origin: &'a Origin,
    pub(super) options: &'a ReadOptions<'a>,
    pub(super) kind: Kind,
    pub(super) compression: Compression,
    /// The file as it is: this is what is hashed.
    pub(super) raw: SourceFile,
    /// The file, unpacked where its kind can't be read while it is unpacked.
    pub(super) file: SourceFile,
}

/// Opens a file and finds out what it is; `-` is standard input. Several tables only for
/// [`SheetChoice::All`](super::SheetChoice::All).
pub fn open(path: &Path, options: &ReadOptions<'_>) -> Result<Vec<Table>, SourceError> {
    let origin = Origin {
        path: path.to_owned(),
        sheet: None,
    };
    tables(path, &origin, options).map_err(|kind| kind.at(&origin, None))
}

fn tables(
    path: &Path,
    origin: &Origin,
    options: &ReadOptions<'_>,
) -> Result<Vec<Table>, SourceErrorKind> {
    if let Some(delimiter) = options
        .delimiter
        .filter(|&byte| !dialect::is_delimiter(byte))
    {
        return Err(SourceErrorKind::BadDelimiter(char::from(delimiter)));
    }
    refuse_lock_file(path)?;
    let input = input(SourceFile::open(path)?, origin, options)?;
    match input.kind {
        Kind::Text => text::table(&input.raw, input.compression, origin, options)
            .map(|table| without_sheets(table, options)),
        Kind::Xlsx | Kind::Xlsb | Kind::Xls => book::tables(&input),
        Kind::Ods => ods_tables(&input),
        Kind::Html => html_tables(&input),
        Kind::JsonLines => json_table(&input).map(|table| without_sheets(table, options)),
    }
}

/// The one table of a file that has no sheets.
fn without_sheets(mut table: Table, options: &ReadOptions<'_>) -> Vec<Table> {
    let asked = match &options.sheet {
        SheetChoice::Auto | SheetChoice::All | SheetChoice::Number(1) => return vec![table],
        SheetChoice::Name(name) => format!("`{name}`"),
        SheetChoice::Number(number) => number.to_string(),
    };
    table.findings.notes.push(format!(
        "--sheet {asked} is passed over: only workbooks and web pages have sheets. Is it the right file?"
    ));
    vec![table]
}

/// `~$contacts.xlsx` is what Excel puts beside a workbook that is open.
fn refuse_lock_file(path: &Path) -> Result<(), SourceErrorKind> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with("~$") {
        return Err(SourceErrorKind::Foreign {
            what: "the mark that Excel leaves beside a workbook that is open",
            advice: "close the workbook, and give the file without `~$` in its name",
        });
    }
    Ok(())
}

fn input<'a>(
    raw: SourceFile,
    origin: &'a Origin,
    options: &'a ReadOptions<'a>,
) -> Result<Input<'a>, SourceErrorKind> {
    let compression = Compression::of(&raw.head(4)?);
    let inflated = || Inflated::new(&raw, compression, options.limits.inflated_bytes);
    let mut head = Vec::new();
    inflated()?.fill(&mut head, kind::HEAD_BYTES)?;
    let kind = kind::of_head(&head)?;
    let is_binary = matches!(kind, None | Some(Kind::Xls));
    let file = if is_binary && compression != Compression::None {
        inflated()?.spool()?
    } else {
        raw.clone()
    };
    let kind = match kind {
        Some(kind) => kind,
        None => kind::of_archive(file.reader())?,
    };
    Ok(Input {
        origin,
        options,
        kind,
        compression,
        raw,
        file,
    })
}

fn ods_tables(input: &Input<'_>) -> Result<Vec<Table>, SourceErrorKind> {
    archive::survey(&input.file, &input.options.limits)?;
    let names = ods::sheets(&input.file)?;
    let sheets: Vec<Sheet> = names
        .iter()
        .map(|sheet| Sheet {
            name: Some(sheet.name.clone()),
            visible: sheet.visible,
            survey: SheetSurvey {
                hidden_rows: sheet.hidden_rows,
                ..SheetSurvey::default()
            },
        })
        .collect();
    sheet::tables(input, &sheets, &mut |index, counter| {
        Box::new(OdsRows {
            file: input.file.clone(),
            sheet: names[index].name.clone(),
            limits: input.options.limits,
            counter,
        })
    })
}

fn html_tables(input: &Input<'_>) -> Result<Vec<Table>, SourceErrorKind> {
    let (page, encoding) = html::page(&input.raw, input.compression, input.options)?;
    let page = Arc::new(page);
    let tables = html::tables(&page);
    if tables == 0 {
        return Err(SourceErrorKind::Foreign {
            what: "a web page without a table",
            advice: "is it a log-in page that was saved instead of the export? Export the contacts again, as CSV or XLSX",
        });
    }
    let sheets: Vec<Sheet> = (1..=tables)
        .map(|number| Sheet {
            name: (tables > 1).then(|| format!("table {number}")),
            visible: true,
            survey: SheetSurvey::default(),
        })
        .collect();
    let mut tables = sheet::tables(input, &sheets, &mut |table, _| {
        Box::new(HtmlRows {
            page: Arc::clone(&page),
            table,
            limits: input.options.limits,
        })
    })?;
    for table in &mut tables {
        table.findings.encoding = Some(encoding.clone());
    }
    Ok(tables)
}

fn json_table(input: &Input<'_>) -> Result<Table, SourceErrorKind> {
    let options = input.options;
    let encoding = text::find_encoding(&input.raw, input.compression, options)?;
    let counter: Arc<AtomicU64> = Arc::default();
    let mut source = JsonRows {
        file: input.raw.clone(),
        compression: input.compression,
        encoding: encoding.encoding,
        columns: Vec::new(),
        limits: options.limits,
        counter: Arc::clone(&counter),
    };
    source.find_columns()?;
    counter.store(0, std::sync::atomic::Ordering::Relaxed);
    let columns = source.columns.clone();
    let mut findings = Findings::new(Kind::JsonLines, input.compression);
    findings.known_columns = (options.recognise)(&columns);
    findings.encoding = Some(encoding);
    let header = Header::of_keys(columns);
    Ok(Table {
        origin: input.origin.clone(),
        header_row: header.row,
        delimiter: rows::DELIMITER,
        bytes: input.raw.bytes,
        form: SourceForm::plain(),
        findings,
        stream: Stream::Rows(RowsPlan {
            source: Box::new(source),
            columns: header.columns.len(),
            numbers: Vec::new(),
            header_row: header.row,
            limits: options.limits,
            bytes: input.raw.bytes,
            blake3: input.raw.blake3()?,
            counter,
        }),
        columns: header.columns,
    })
}
