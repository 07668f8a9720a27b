//! The cells of a row as the source delivered them, with the faults that make a cell unreadable.

use csv::StringRecord;

use super::{
    RowFaults,
    fields::digits_lost,
    problems::{Doubt, RowProblems},
    rules::FileRules,
};
use crate::{
    contact::ContactField,
    reject::{Fault, RejectCode},
    source::CellFaultKind,
    wording::{counted, is_blank, shown},
};

/// The cells of a row.
#[derive(Clone, Copy)]
pub(super) struct Cells<'r, 'f> {
    pub(super) record: &'r StringRecord,
    pub(super) faults: RowFaults<'f>,
}

impl<'r> Cells<'r, '_> {
    /// The text of a readable cell; empty if the row is short or the cell is faulty.
    pub(super) fn get(&self, column: usize) -> &'r str {
        let cell = self.raw(column);
        if self.is_faulty(column) || is_error_value(cell) {
            return "";
        }
        cell
    }

    /// The cell's text even if it is faulty.
    pub(super) fn raw(&self, column: usize) -> &'r str {
        self.record.get(column).unwrap_or_default()
    }

    fn is_faulty(&self, column: usize) -> bool {
        let mut faults = self.faults.cells.iter();
        faults.any(|fault| fault.column as usize == column)
    }

    /// The text of the columns with unknown names, apart from blank cells.
    pub(super) fn unmapped(self, file: &FileRules) -> impl Iterator<Item = (usize, &'r str)> {
        let columns = file.mapping.unmapped_columns().iter();
        let cells = columns.map(move |column| (*column, self.raw(*column)));
        cells.filter(|(_, cell)| !is_blank(cell))
    }

    /// Reports the faults of the row and of its cells.
    pub(super) fn report_faults(&self, file: &FileRules, problems: &mut RowProblems<'r>) {
        if let Some(found) = self.faults.ragged {
            let wanted = file.mapping.columns().len();
            let cells = counted(found as u64, "cell");
            problems.add(None, Fault::new(RejectCode::RowRagged, format!(
                "the row has {cells} and the header {wanted}: quote values that contain the delimiter, or set --delimiter"
            )));
        }
        for fault in self.faults.cells {
            let column = fault.column as usize;
            let is_used = file.used.get(column).copied().unwrap_or(false);
            match &fault.kind {
                CellFaultKind::Undecodable => {
                    let reason = format!(
                        "{} has bytes that are invalid in the file's encoding: set --encoding, or correct the cell",
                        shown(self.raw(column))
                    );
                    let fault = Fault::new(RejectCode::BytesUndecodable, reason);
                    problems.add(Some(column), fault);
                }
                CellFaultKind::Error(text) if is_used => {
                    report_error_value(column, text, file, problems);
                }
                CellFaultKind::DigitsLost if is_used => {
                    problems.add(Some(column), digits_lost(self.raw(column)));
                }
                CellFaultKind::Error(_) | CellFaultKind::DigitsLost => {}
            }
        }
        for (column, cell) in self.record.iter().enumerate() {
            let is_used = || file.used.get(column).copied().unwrap_or(false);
            if is_error_value(cell) && is_used() && !self.is_faulty(column) {
                report_error_value(column, cell.trim(), file, problems);
            }
        }
    }
}

/// `#N/A` means a missing value: one of several numbers may be missing, and a name may be in other columns. Other
/// error values may hide a value, and an id from elsewhere may be another contact's.
fn report_error_value(column: usize, text: &str, file: &FileRules, problems: &mut RowProblems<'_>) {
    let reason = format!("the cell holds the error value {text}: correct its formula, or empty it");
    let fault = Fault::new(RejectCode::CellError, reason);
    let mut fields = [
        ContactField::ContactData,
        ContactField::Name,
        ContactField::Uri,
        ContactField::ResponsibleUserId,
    ]
    .into_iter();
    let field = fields.find(|field| file.mapping.gives(column, *field));
    let no_value = NO_VALUE.into_iter().find(|word| *word == text);
    match (field, no_value) {
        (Some(field), Some(value)) => problems.doubt(Doubt {
            column,
            field,
            fault,
            value,
        }),
        _ => problems.add(Some(column), fault),
    }
}

/// The error values that stand for a missing value.
const NO_VALUE: [&str; 3] = ["#N/A", "#Н/Д", "#N/D"];

/// The error values of formulas that spreadsheets write into text files.
const ERROR_VALUES: [&str; 21] = [
    "#N/A",
    "#NULL!",
    "#DIV/0!",
    "#VALUE!",
    "#REF!",
    "#NAME?",
    "#NUM!",
    "#Н/Д",
    "#ПУСТО!",
    "#ДЕЛ/0!",
    "#ЗНАЧ!",
    "#ССЫЛКА!",
    "#ИМЯ?",
    "#ЧИСЛО!",
    "#N/D",
    "#¡VALOR!",
    "#¡REF!",
    "#¿NOMBRE?",
    "#VALOR!",
    "#NOME?",
    "#ERROR!",
];

fn is_error_value(cell: &str) -> bool {
    cell.starts_with('#') && ERROR_VALUES.contains(&cell.trim())
}
