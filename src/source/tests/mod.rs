//! Whole files through the whole module.

mod cell_facts;
mod corpus;
mod csv;
mod encodings;
mod hostile;
mod odd_books;
mod other_kinds;
mod quotes;
mod web_pages;
mod workbooks;

use std::{fmt::Write as _, io::Write as _, path::Path};

use super::*;
use crate::progress::silent;

/// Column names that these tests recognize.
fn known(cells: &[String]) -> usize {
    const NAMES: [&str; 9] = [
        "id",
        "name",
        "phone",
        "имя",
        "телефон",
        "nombre",
        "teléfono",
        "ответственный",
        "whatsapp",
    ];
    cells
        .iter()
        .filter(|cell| NAMES.contains(&cell.to_lowercase().as_str()))
        .count()
}

/// A row: its number, its cells, the kinds of its faults.
type Seen = (u32, Vec<String>, Vec<CellFaultKind>);

struct Read {
    table: String,
    columns: Vec<String>,
    header_row: u32,
    form: SourceForm,
    kind: Kind,
    encoding: Option<EncodingFinding>,
    notes: Vec<String>,
    rows: Vec<Seen>,
    ragged: Vec<u32>,
    blank: u32,
    summary: ReadReport,
}

fn read_table(mut table: Table) -> Result<Read, SourceError> {
    let (delimiter, header_row) = (table.delimiter, table.header_row);
    let (columns, notes, form) = (
        table.columns.clone(),
        table.notes.clone(),
        table.form.clone(),
    );
    let (kind, encoding) = (table.kind, table.encoding.clone());
    let name = table.origin.to_string();
    let mut before = header_row + 1;
    let (mut rows, mut ragged, mut blank) = (Vec::new(), Vec::new(), 0);
    let widths = table.widths();
    while let Some(block) = table.next_block()? {
        let total = block.rows(delimiter, widths, |row| {
            let number = before + row.offset;
            ragged.extend(row.ragged.map(|_| number));
            let cells = row.cells.iter().map(|cell| (*cell).to_owned()).collect();
            rows.push((
                number,
                cells,
                row.faults.iter().map(|fault| fault.kind.clone()).collect(),
            ));
        });
        before += total.rows;
        blank += total.blank;
    }
    Ok(Read {
        table: name,
        columns,
        header_row,
        form,
        kind,
        encoding,
        notes,
        rows,
        ragged,
        blank,
        summary: table.finish()?,
    })
}

fn read_path(path: &Path, options: &ReadOptions<'_>) -> Result<Vec<Read>, SourceError> {
    open(path, options)?.into_iter().map(read_table).collect()
}

fn read_with(bytes: &[u8], change: impl FnOnce(&mut ReadOptions<'_>)) -> Result<Read, SourceError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let mut options = ReadOptions::new(&silent(), &known);
    change(&mut options);
    let read = read_path(file.path(), &options)?;
    Ok(read.into_iter().next().unwrap())
}

fn read(bytes: &[u8]) -> Read {
    read_with(bytes, |_| {}).unwrap()
}

fn fails(bytes: &[u8]) -> SourceError {
    match read_with(bytes, |_| {}) {
        Ok(read) => panic!("{} was read: {:?}", read.table, read.rows),
        Err(error) => error,
    }
}

fn cells(read: &Read) -> Vec<Vec<&str>> {
    read.rows
        .iter()
        .map(|row| row.1.iter().map(String::as_str).collect())
        .collect()
}

fn numbers(read: &Read) -> Vec<u32> {
    read.rows.iter().map(|row| row.0).collect()
}

/// A zip archive of these parts.
fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        writer
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A workbook of one sheet, from its XML.
fn workbook_of(sheet: &[u8], shared: &[u8]) -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    let root = format!(
        r#"<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
    );
    let relations = format!(
        r#"<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#
    );
    let workbook = format!(
        r#"<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets><sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>"#
    );
    archive(&[
        ("_rels/.rels", root.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/sharedStrings.xml", shared),
        ("xl/worksheets/sheet1.xml", sheet),
    ])
}

const NO_TEXTS: &[u8] = b"<sst/>";
const HEAD: &str = r#"<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1" t="inlineStr"><is><t>name</t></is></c></row>"#;

/// An `OpenDocument` spreadsheet with these rows below the header.
fn ods(rows: &str) -> Vec<u8> {
    let content = format!(
        r#"<office:document-content><office:automatic-styles><style:style style:name="ta2" style:family="table"><style:table-properties table:display="false"/></style:style></office:automatic-styles><office:body><office:spreadsheet>
        <table:table table:name="Hidden" table:style-name="ta2"><table:table-row><table:table-cell><text:p>id</text:p></table:table-cell><table:table-cell><text:p>name</text:p></table:table-cell></table:table-row></table:table>
        <table:table table:name="Contacts"><table:table-row><table:table-cell office:value-type="string"><text:p>id</text:p></table:table-cell><table:table-cell office:value-type="string"><text:p>name</text:p></table:table-cell></table:table-row>{rows}</table:table></office:spreadsheet></office:body></office:document-content>"#
    );
    archive(&[
        (
            "mimetype",
            b"application/vnd.oasis.opendocument.spreadsheet",
        ),
        ("content.xml", content.as_bytes()),
    ])
}
