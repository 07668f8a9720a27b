//! Rejects as text, in the source's format: delimiter, encoding, BOM, `sep=` line, line ends. So the file opens in
//! the program that opened the source.
//!
//! Invalid bytes of a UTF-8 source stay unchanged, because a replacement would be accepted uncorrected.

use std::io::{self, BufWriter, Write};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::{output::OutputFile, run::StagedSource, source::SourceForm};

pub(super) struct TextOut {
    file: BufWriter<OutputFile>,
    encoding: &'static Encoding,
    delimiter: u8,
    terminator: csv::Terminator,
}

/// The form of a file that spreadsheet programs open with a double click, in most of the users' countries.
pub(super) fn form_for_excel() -> SourceForm {
    SourceForm {
        delimiter: b';',
        byte_order_mark: true,
        ..SourceForm::default()
    }
}

impl TextOut {
    pub(super) fn create(target: OutputFile, form: &SourceForm) -> io::Result<Self> {
        let mut out = Self {
            file: BufWriter::new(target),
            encoding: form.encoding,
            delimiter: form.delimiter,
            terminator: match form.line_end {
                "\n" => csv::Terminator::Any(b'\n'),
                "\r" => csv::Terminator::Any(b'\r'),
                _ => csv::Terminator::CRLF,
            },
        };
        out.preamble(form)?;
        Ok(out)
    }

    fn preamble(&mut self, form: &SourceForm) -> io::Result<()> {
        // Only Unicode encodings have a BOM.
        if form.byte_order_mark && is_unicode(self.encoding) {
            self.put("\u{feff}".as_bytes())?;
        }
        if form.separator_line {
            let line = format!("sep={}{}", char::from(self.delimiter), form.line_end);
            self.put(line.as_bytes())?;
        }
        Ok(())
    }

    pub(super) fn record(&mut self, record: &[Vec<u8>]) -> io::Result<()> {
        // One writer per record, because only whole records can be encoded.
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.delimiter)
            .terminator(self.terminator)
            .buffer_capacity(1024)
            .from_writer(Vec::new());
        writer.write_record(record)?;
        let bytes = writer
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)?;
        self.put(&bytes)
    }

    fn put(&mut self, text: &[u8]) -> io::Result<()> {
        self.file.write_all(&encoded(text, self.encoding))
    }

    pub(super) fn finish(self) -> io::Result<()> {
        crate::crash::point(crate::crash::Point::Rejects);
        OutputFile::finish_buffer(self.file)
    }
}

/// The encoding of all sources, if they share one.
pub(super) fn common_encoding(sources: &[StagedSource]) -> Option<&'static Encoding> {
    let mut encodings = sources.iter().map(|source| source.form.encoding);
    let first = encodings.next()?;
    encodings.all(|encoding| encoding == first).then_some(first)
}

fn is_unicode(encoding: &'static Encoding) -> bool {
    [UTF_8, UTF_16LE, UTF_16BE].contains(&encoding)
}

/// True if the encoding can represent the cell. A UTF-8 file can also contain invalid bytes.
pub(super) fn can_hold(encoding: &'static Encoding, cell: &[u8]) -> bool {
    let is_held = |text: &str| is_unicode(encoding) || !encoding.encode(text).2;
    encoding == UTF_8 || str::from_utf8(cell).is_ok_and(is_held)
}

/// Encodes a text. Characters missing from the code page (an arrow in a reason) are replaced.
fn encoded(text: &[u8], encoding: &'static Encoding) -> Vec<u8> {
    if encoding == UTF_8 {
        return text.to_vec();
    }
    let text = String::from_utf8_lossy(text);
    if encoding == UTF_16LE {
        return text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    }
    if encoding == UTF_16BE {
        return text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    }
    let (bytes, _, some_missing) = encoding.encode(&text);
    if !some_missing {
        return bytes.into_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        let mut buffer = [0; 4];
        match encoding.encode(character.encode_utf8(&mut buffer)) {
            (one, _, false) => bytes.extend_from_slice(&one),
            _ => bytes.extend_from_slice(plain(character).as_bytes()),
        }
    }
    bytes
}

/// The replacement of a character that a code page lacks.
const fn plain(character: char) -> &'static str {
    match character {
        '→' => "->",
        '…' => "...",
        '“' | '”' => "\"",
        '‘' | '’' => "'",
        '–' | '—' => "-",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_page_holds_what_it_has_and_no_more() {
        let koi8 = encoding_rs::KOI8_R;
        assert!(can_hold(koi8, "Яна".as_bytes()));
        for (encoding, cell) in [
            (koi8, "Noël".as_bytes()),
            (koi8, b"\xff"),
            (UTF_16LE, b"\xff"),
        ] {
            assert!(!can_hold(encoding, cell), "{cell:?}");
            assert!(can_hold(UTF_8, cell), "{cell:?}");
        }
    }

    #[test]
    fn text_is_encoded_as_the_source_is() {
        let russian = "Я → 1".as_bytes();
        assert_eq!(encoded(russian, UTF_8), russian);
        assert_eq!(encoded(russian, encoding_rs::WINDOWS_1251), b"\xdf -> 1");
        assert_eq!(encoded("Я".as_bytes(), UTF_16LE), b"\x2f\x04");
        assert_eq!(encoded("Я".as_bytes(), UTF_16BE), b"\x04\x2f");
        assert_eq!(encoded(b"a\xffb", UTF_8), b"a\xffb");
    }
}
