//! The cells of a row as delivered by the source.

use std::borrow::Cow;

use super::{
    edits::{Edit, Edits},
    phone,
    problems::RowProblems,
    rules::FileRules,
    text::{tidy, tidy_code},
};
use crate::{
    characters::{is_blank, is_margin, shown},
    contact::is_web_address,
    formula::{literal_code, literal_text, unescaped},
    mapping::{self, BackupLayout, Field},
    reject::{Fault, RejectCode},
    source::{CARRIAGE_RETURN, CellFault, CellFaultKind, Row},
    wording::counted,
};

#[derive(Clone, Copy)]
pub(super) struct Cells<'r> {
    pub(super) row: Row<'r>,
    /// The layout of the file, if it is a backup.
    pub(super) backup: Option<BackupLayout>,
    /// True if a cell of the row is a word for a missing value or the name of an error. [`Cells::report_faults`]
    /// checks this once for all fields.
    pub(super) has_words: bool,
}

impl<'r> Cells<'r> {
    /// The text of a readable cell; empty if the row is short or the cell is faulty.
    #[inline]
    pub(super) fn get(&self, column: usize) -> &'r str {
        let cell = self.raw(column);
        let is_empty = self.has_words && (is_error_value(cell) || self.is_empty_word(cell));
        if is_empty || self.is_faulty(column) {
            return "";
        }
        cell
    }

    /// True in a backup, where a word for a missing value is a value.
    pub(super) const fn is_literal(&self) -> bool {
        self.backup.is_some()
    }

    /// True for JSON lines of this tool, which no spreadsheet program has saved.
    fn is_json_backup(&self) -> bool {
        self.backup == Some(BackupLayout::Objects)
    }

    fn is_empty_word(&self, cell: &str) -> bool {
        !self.is_literal() && is_empty_word(cell)
    }

    #[inline]
    pub(super) fn text(&self, column: usize, edits: &mut Edits) -> Cow<'r, str> {
        let cell = self.get(column);
        match self.backup {
            None => self.tidied(cell, edits),
            Some(BackupLayout::Objects) => cell.into(),
            Some(_) => literal_text(cell),
        }
    }

    /// An id or a part of a chat.
    #[inline]
    pub(super) fn code(&self, column: usize, edits: &mut Edits) -> Cow<'r, str> {
        let cell = self.get(column);
        match self.backup {
            None => match unescaped(cell) {
                Some(value) => value.into(),
                None => tidy_code(cell, edits).into(),
            },
            Some(BackupLayout::Objects) => cell.into(),
            Some(_) => literal_code(cell),
        }
    }

    /// The cell of a backup if a spreadsheet has rounded it. Export guards values that only look rounded.
    pub(super) fn rounded(&self, column: usize) -> Option<&'r str> {
        let is_guarded = self.is_literal() && !self.is_json_backup();
        let cell = self.get(column);
        (is_guarded && phone::has_lost_digits(cell)).then_some(cell)
    }

    /// Cleans up a cell of free text.
    pub(super) fn tidied(&self, cell: &'r str, edits: &mut Edits) -> Cow<'r, str> {
        let text = tidy(cell, edits);
        if self.row.has_carriage_returns && text.contains(CARRIAGE_RETURN) {
            let text = text.replace(CARRIAGE_RETURN, "");
            return Cow::Owned(text.trim_matches(is_margin).to_owned());
        }
        text
    }

    /// The cell's text, even if it is faulty.
    pub(super) fn raw(&self, column: usize) -> &'r str {
        self.row.cells.get(column).copied().unwrap_or_default()
    }

    /// True if the row could not be divided into cells.
    pub(super) fn is_not_a_row(&self) -> bool {
        let mut faults = self.row.faults.iter();
        faults.any(|fault| matches!(fault.kind, CellFaultKind::NotJson(_) | CellFaultKind::Rows))
    }

    fn is_faulty(&self, column: usize) -> bool {
        let mut faults = self.row.faults.iter();
        faults.any(|fault| {
            fault.column as usize == column && fault.kind != CellFaultKind::Uncalculated
        })
    }

    /// Counts rows that are not contacts, and phone numbers and links in columns with unknown names.
    pub(super) fn inspect_others(&self, file: &FileRules, edits: &mut Edits) {
        if let Some(column) = file.mapping.row_kind {
            let kind = self.raw(column);
            if mapping::is_not_contact(kind) {
                edits.count(Edit::NotContact, || kind.to_owned());
            }
        }
        let unmapped = file.mapping.unmapped_columns.iter().copied();
        for column in unmapped.take_while(|&column| column < self.row.cells.len()) {
            let cell = self.raw(column);
            if !is_blank(cell) {
                let looks_like = if file.phones.looks_like_phone(cell) {
                    // With `--phone-as none`, numbers without a chat type are to be left out.
                    (!file.mapping.phone_as.is_empty()).then_some(Field::Phone)
                } else {
                    (file.lacks_link && is_web_address(cell)).then_some(Field::Uri)
                };
                edits.unmapped.count(column, looks_like);
            }
        }
    }

    /// Reports the faults of the row and of its cells.
    pub(super) fn report_faults(
        &mut self,
        file: &FileRules,
        problems: &mut RowProblems<'r>,
        edits: &mut Edits,
    ) {
        if let Some(found) = self.row.ragged {
            let wanted = file.mapping.columns.len();
            let cells = counted(found as u64, "cell");
            problems.add(None, Fault::new(RejectCode::RowRagged, format!(
                "the row has {cells} and the header {wanted}: quote values that contain the delimiter, or set --delimiter"
            )));
        }
        for fault in self.row.faults {
            self.report_fault(fault, file, problems, edits);
        }
        if !self.is_json_backup() {
            self.report_words(file, problems, edits);
        }
    }

    fn report_fault(
        &self,
        fault: &CellFault,
        file: &FileRules,
        problems: &mut RowProblems<'r>,
        edits: &mut Edits,
    ) {
        let column = fault.column as usize;
        let is_used = file.used.get(column).copied().unwrap_or(false);
        let cell = || shown(self.raw(column));
        let of_cell = |code, words: &str| Fault::new(code, format!("{} {words}", cell()));
        let fault = match &fault.kind {
            CellFaultKind::Undecodable => of_cell(
                RejectCode::BytesUndecodable,
                "has bytes that are invalid in the file's encoding: set --encoding, or correct the cell",
            ),
            CellFaultKind::StrayQuote => {
                let reason = format!(
                    "text follows a closing quote in {}: double the quotes within the cell (\"\")",
                    cell()
                );
                Fault::new(RejectCode::RowRagged, reason)
            }
            CellFaultKind::Rows => of_cell(
                RejectCode::RowsInCell,
                "seems to contain whole rows: check for a missing or extra quote (\")",
            ),
            CellFaultKind::NotJson(why) => {
                let reason = format!("the line is not a JSON object: {why}");
                return problems.add(None, Fault::new(RejectCode::JsonInvalid, reason));
            }
            _ if !is_used => return,
            CellFaultKind::Nested => of_cell(
                RejectCode::JsonInvalid,
                "is a JSON object or array, not a value: write the value itself",
            ),
            CellFaultKind::DigitsLost => phone::digits_lost(self.raw(column)),
            CellFaultKind::Error(text) => {
                edits.missing_value(text);
                return problems.add_error_value(column, text, file);
            }
            CellFaultKind::Uncalculated => return problems.uncalculated.push(column),
        };
        problems.add(Some(column), fault);
    }

    /// Reports the names of errors, and words for missing values, as text.
    fn report_words(
        &mut self,
        file: &FileRules,
        problems: &mut RowProblems<'r>,
        edits: &mut Edits,
    ) {
        for (column, &cell) in self.row.cells.iter().enumerate() {
            if !may_be_word(cell) {
                continue;
            }
            let (is_error, is_empty) = (is_error_value(cell), self.is_empty_word(cell));
            if !is_error && !is_empty {
                continue;
            }
            self.has_words = true;
            if !file.used.get(column).copied().unwrap_or(false) {
                continue;
            }
            if is_error && !self.is_faulty(column) {
                edits.missing_value(cell);
                problems.add_error_value(column, cell.trim(), file);
            }
            if is_empty {
                edits.missing_value(cell);
                edits.count(Edit::EmptyWord, || cell.to_owned());
            }
        }
    }
}

/// Error values of formulas, as spreadsheets write them to text files.
const ERROR_VALUES: &str = "\
    #N/A #NULL! #DIV/0! #VALUE! #REF! #NAME? #NUM! #Н/Д #ПУСТО! #ДЕЛ/0! #ЗНАЧ! #ССЫЛКА! #ИМЯ? #ЧИСЛО! \
    #N/D #¡VALOR! #¡REF! #¿NOMBRE? #VALOR! #NOME? #ERROR! #SPILL! #GETTING_DATA #FIELD! #CALC! \
    #BLOCKED! #CONNECT! #UNKNOWN! #BUSY! #PYTHON! #EXTERNAL!";

/// A fast path: false for most cells, because no error value or word for a missing value begins like them.
fn may_be_word(cell: &str) -> bool {
    const FIRST: [bool; 256] = {
        let mut first = [false; 256];
        let mut at = 0;
        while at < WORD_STARTS.len() {
            first[WORD_STARTS[at] as usize] = true;
            at += 1;
        }
        first
    };
    match cell.as_bytes() {
        // `Н` and `н`.
        [0xD0, second, ..] => matches!(second, 0x9D | 0xBD),
        [first, ..] => FIRST[usize::from(*first)],
        [] => false,
    }
}

const WORD_STARTS: &[u8] = b"#Nnu-\\( \xE2";

/// True for words that databases, programs and people write for a missing value.
fn is_empty_word(cell: &str) -> bool {
    if cell.len() > 12 || ends_in_digit(cell.as_bytes()) || !may_be_word(cell) {
        return false;
    }
    #[rustfmt::skip]
    let is_word = matches!(
        cell.trim(),
        "NULL" | "null" | "(null)" | "\\N" | "None" | "none" | "NONE" | "nan" | "NaN" | "NAN" | "n/a" | "N/A"
            | "undefined" | "-" | "–" | "—" | "нет" | "Нет" | "НЕТ"
    );
    is_word
}

/// True for an answer instead of an account or a number.
pub(super) fn is_yes_or_no(cell: &str) -> bool {
    #[rustfmt::skip]
    const ANSWERS: [&str; 12] =
        ["true", "false", "yes", "no", "да", "нет", "sí", "si", "sim", "não", "nao", "on"];
    if ends_in_digit(cell.as_bytes()) {
        return false;
    }
    let cell = cell.trim();
    cell.len() <= 6 && ANSWERS.contains(&&*cell.to_lowercase())
}

/// True for most ids, accounts and numbers, and for no word.
fn ends_in_digit(cell: &[u8]) -> bool {
    cell.last().is_some_and(u8::is_ascii_digit)
}

/// True for the name of an error, which a spreadsheet program shows instead of a formula's result.
pub(crate) fn is_error_value(cell: &str) -> bool {
    cell.as_bytes().first() == Some(&b'#')
        && ERROR_VALUES.split(' ').any(|error| error == cell.trim())
}
