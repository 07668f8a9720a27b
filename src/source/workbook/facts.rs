//! Facts about the cells of a sheet that calamine doesn't return: unknown error values, uncalculated formulas,
//! number formats, links and merged cells. They are collected while a workbook is inspected, and applied to its
//! rows.

use std::sync::Arc;

use super::number_format::Patterns;
use crate::source::{
    CellFaultKind, SourceErrorKind,
    cell::{Cell, CellRow, write_number},
    error::too_large,
};

/// Maximum number of facts about single cells of a sheet, enough for formulas in several columns of every row.
const FACTS_MAX: usize = 1 << 22;
/// Maximum number of links and merged cells of a sheet.
const AREAS_MAX: usize = 1 << 21;
/// Maximum number of multi-row links and merged cells that overlap in one row.
const OVERLAPS_MAX: usize = 1 << 12;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact {
    /// An error value that calamine can't read.
    Error(Box<str>),
    /// A formula without a result, or with the placeholder 0 that libraries write.
    Uncalculated,
    /// The index of a number's cell format.
    Format(u32),
}

/// A range of cells, counted from 0; both ends are included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) rows: (u32, u32),
    pub(super) columns: (u32, u32),
}

impl Range {
    /// A single cell, by row and column.
    pub(super) const fn of((row, column): (u32, u32)) -> Self {
        Self {
            rows: (row, row),
            columns: (column, column),
        }
    }
}

#[derive(Clone, Debug)]
struct Area {
    range: Range,
    /// The address of a link; `None` for merged cells.
    link: Option<Arc<str>>,
}

/// The facts about the cells of a sheet.
#[derive(Clone, Debug, Default)]
pub(in crate::source) struct SheetFacts {
    /// By row and column.
    cells: Vec<((u32, u32), Fact)>,
    areas: Vec<Area>,
    /// Links by the id of their address, which is in another part.
    pub(super) link_ids: Vec<(Range, String)>,
    pub(in crate::source) hidden_rows: u64,
    /// By the index of a cell format.
    patterns: Arc<Patterns>,
}

impl SheetFacts {
    pub(super) fn add(&mut self, at: (u32, u32), fact: Fact) {
        if self.cells.len() < FACTS_MAX {
            self.cells.push((at, fact));
        }
    }

    pub(super) fn merge(&mut self, range: Range) -> Result<(), SourceErrorKind> {
        let spans_rows = range.rows.0 < range.rows.1;
        if spans_rows {
            self.add_area(range, None)?;
        }
        Ok(())
    }

    pub(super) fn link(&mut self, range: Range, address: &str) -> Result<(), SourceErrorKind> {
        self.add_area(range, Some(address.into()))
    }

    fn add_area(&mut self, range: Range, link: Option<Arc<str>>) -> Result<(), SourceErrorKind> {
        if self.areas.len() == AREAS_MAX {
            let what = "a sheet with links and merged cells";
            return Err(too_large(what, format!("{AREAS_MAX} of them")));
        }
        self.areas.push(Area { range, link });
        Ok(())
    }

    /// Sorts the facts after the last one was added.
    pub(super) fn complete(&mut self, patterns: Arc<Patterns>) {
        self.patterns = patterns;
        self.cells.sort_by_key(|(at, _)| *at);
        self.areas.sort_by_key(|area| area.range.rows.0);
    }

    /// The number of error values that calamine can't read.
    pub(super) fn errors(&self) -> usize {
        let is_error = |(_, fact): &&(_, Fact)| matches!(fact, Fact::Error(_));
        self.cells.iter().filter(is_error).count()
    }
}

/// Applies the facts of a sheet to its rows, in their order.
pub(super) struct Overlay {
    facts: Arc<SheetFacts>,
    next_cell: usize,
    next_area: usize,
    /// Areas that may cover the next row, with the first cell of merged ones.
    active: Vec<(usize, Cell)>,
}

impl Overlay {
    pub(in crate::source) fn new(facts: &Arc<SheetFacts>) -> Self {
        Self {
            facts: Arc::clone(facts),
            next_cell: 0,
            next_area: 0,
            active: Vec::new(),
        }
    }

    /// The next row before this one with an error value.
    pub(super) fn row_before(&self, row: u32) -> Option<u32> {
        let rest = self.facts.cells.get(self.next_cell..).unwrap_or_default();
        rest.iter()
            .take_while(|((at, _), _)| *at < row)
            .find(|(_, fact)| matches!(fact, Fact::Error(_)))
            .map(|((at, _), _)| *at)
    }

    /// Adds the facts about the cells of a row.
    pub(super) fn apply(
        &mut self,
        row: u32,
        columns: usize,
        cells: &mut CellRow,
    ) -> Result<(), SourceErrorKind> {
        let facts = Arc::clone(&self.facts);
        while let Some(((at, column), fact)) = facts.cells.get(self.next_cell)
            && *at <= row
        {
            if *at == row && (*column as usize) < columns {
                apply(fact, cells.cell(*column as usize), &facts.patterns);
            }
            self.next_cell += 1;
        }
        self.apply_areas(row, columns, cells)
    }

    fn apply_areas(
        &mut self,
        row: u32,
        columns: usize,
        cells: &mut CellRow,
    ) -> Result<(), SourceErrorKind> {
        let facts = Arc::clone(&self.facts);
        while let Some(area) = facts.areas.get(self.next_area)
            && area.range.rows.0 <= row
        {
            if area.range.rows.1 >= row {
                self.active.push((self.next_area, Cell::default()));
            }
            self.next_area += 1;
        }
        self.active
            .retain(|(index, _)| facts.areas[*index].range.rows.1 >= row);
        if self.active.len() > OVERLAPS_MAX {
            let what = "a row with links and merged cells of several rows";
            return Err(too_large(what, format!("{OVERLAPS_MAX} of them")));
        }
        let width = cells.cells().len();
        for (index, first) in &mut self.active {
            let Area { range, link } = &facts.areas[*index];
            let left = range.columns.0 as usize;
            if let Some(link) = link {
                for column in left..width.min((range.columns.1 as usize).saturating_add(1)) {
                    cells.cell(column).link = Some(link.to_string());
                }
            } else if left < columns {
                if row == range.rows.0 {
                    let cell = cells.cells().get(left);
                    *first = cell.cloned().unwrap_or_default();
                } else if cells.cells().get(left).is_none_or(Cell::is_empty) && !first.is_empty() {
                    *cells.cell(left) = first.clone();
                }
            }
        }
        Ok(())
    }
}

fn apply(fact: &Fact, cell: &mut Cell, patterns: &Patterns) {
    match fact {
        Fact::Error(text) => {
            cell.text = text.to_string();
            cell.fault = Some(CellFaultKind::Error(text.to_string()));
        }
        Fact::Uncalculated => cell.is_uncalculated = true,
        Fact::Format(format) => {
            let Some(pattern) = patterns.get(format) else {
                return;
            };
            // calamine mistakes some custom formats for dates.
            if let Some(number) = cell.day.take() {
                cell.text.clear();
                cell.fault = write_number(number, &mut cell.text);
            }
            cell.shown = cell.text.parse().ok().and_then(|it| pattern.show(it));
        }
    }
}

/// The name of every error value that calamine does not know.
pub(super) const UNKNOWN_ERROR: &str = "#ERROR!";

/// The name of an error value in a binary workbook, if calamine knows it.
pub(super) const fn error_name(code: u8) -> Option<&'static str> {
    Some(match code {
        0x00 => "#NULL!",
        0x07 => "#DIV/0!",
        0x0F => "#VALUE!",
        0x17 => "#REF!",
        0x1D => "#NAME?",
        0x24 => "#NUM!",
        0x2A => "#N/A",
        0x2B => "#GETTING_DATA",
        _ => return None,
    })
}
