//! Workbooks that calamine can't read without repair.

use super::{workbooks::*, *};

/// A cell with an error value, and a formula whose result is one.
fn errors(row: u16, code: u8) -> [(u16, Vec<u8>); 2] {
    let at = |column: u16| [row, column, 0].into_iter().flat_map(u16::to_le_bytes);
    let formula = [2, 0, code, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0];
    [
        (0x0205, at(0).chain([code, 1]).collect()),
        (0x0006, at(1).chain(formula).collect()),
    ]
}

fn old_book() -> Vec<u8> {
    let mut records = vec![label(0, 0, "id"), label(0, 1, "name")];
    records.extend(errors(1, 0x66));
    records.extend(errors(2, 0x2A));
    records.extend([number(3, 0, 3.0), label(3, 1, "Ann")]);
    xls(&records)
}

fn assert_read(bytes: &[u8]) {
    let read = read(bytes);
    let shown = [["#ERROR!", "#ERROR!"], ["#N/A", "#N/A"], ["3", "Ann"]];
    assert_eq!(cells(&read), shown);
    let is_error = |fault: &CellFaultKind| matches!(fault, CellFaultKind::Error(_));
    assert!(read.rows[0].2.len() == 2 && read.rows[0].2.iter().all(is_error));
}

#[test]
fn an_unknown_error_value_of_an_old_workbook_is_a_fault_of_its_cell() {
    assert_read(&old_book());
}

#[test]
fn an_old_workbook_in_a_mini_stream_has_faults_of_cells_too() {
    let book = old_book();
    let stream = 512 * 3;
    assert_read(&container("Workbook", &book[stream..stream + 1024]));
}
