//! Examples of rejected rows, for commands without a rejects file: the first rows with each kind of problem, so
//! that a frequent problem does not hide the others.

use std::collections::BTreeMap;

use crate::{reject::Problem, wording::counted};

/// Rows shown for each kind of problem in each column.
const SHOWN: u32 = 3;

/// Maximum number of lines.
const LINES: usize = 60;

/// The index of a table, and a row in it.
pub(crate) type At = (usize, u64);

/// Collects examples. The problems of a row must be added consecutively.
#[derive(Default)]
pub(crate) struct Examples {
    shown: Vec<(At, Problem)>,
    of_kind: BTreeMap<(&'static str, Option<String>), u32>,
    /// Number of rows by code that are not shown.
    more: BTreeMap<&'static str, u64>,
    /// The current row, and its codes that are already shown or counted.
    row: At,
    codes: Vec<&'static str>,
}

impl Examples {
    pub(crate) fn add(&mut self, at: At, problem: Problem) {
        if self.row != at {
            self.row = at;
            self.codes.clear();
        }
        let code = problem.code.as_str();
        let kind = (code, problem.column.clone());
        let examples = self.of_kind.entry(kind).or_default();
        if *examples < SHOWN && self.shown.len() < LINES {
            *examples += 1;
            self.shown.push((at, problem));
        } else if !self.codes.contains(&code) {
            *self.more.entry(code).or_default() += 1;
        }
        self.codes.push(code);
    }

    /// A line for each example, and one for each code with more rows. `named` names a row.
    pub(crate) fn lines(&self, named: impl Fn(At) -> String) -> Vec<String> {
        let example = |(at, problem): &(At, Problem)| {
            let Problem {
                column,
                code,
                reason,
            } = problem;
            let column = column.as_ref().map(|column| format!(", {column}"));
            format!(
                "row {}{}: {code}: {reason}",
                named(*at),
                column.unwrap_or_default()
            )
        };
        let more = |(code, &count): (&&str, &u64)| {
            format!("… and {} with {code}", counted(count, "more row"))
        };
        let examples = self.shown.iter().map(example);
        examples.chain(self.more.iter().map(more)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reject::RejectCode, wording::grouped};

    fn problem(code: RejectCode, column: Option<&str>) -> Problem {
        Problem {
            column: column.map(str::to_owned),
            code,
            reason: "why".to_owned(),
        }
    }

    #[test]
    fn a_mistake_of_all_rows_hides_no_other() {
        let mut examples = Examples::default();
        for row in 2..1_202 {
            examples.add((0, row), problem(RejectCode::UriMissing, None));
            if row == 900 {
                let phone = problem(RejectCode::PhoneInvalid, Some("Phone"));
                examples.add((0, row), phone);
            }
        }
        assert_eq!(
            examples.lines(|(_, row)| grouped(row)),
            [
                "row 2: uri_missing: why",
                "row 3: uri_missing: why",
                "row 4: uri_missing: why",
                "row 900, Phone: phone_invalid: why",
                "… and 1,197 more rows with uri_missing",
            ]
        );
    }

    #[test]
    fn a_row_that_is_wrong_in_two_columns_counts_once() {
        let mut examples = Examples::default();
        for row in 2..7 {
            for column in ["whatsapp", "viber"] {
                examples.add((0, row), problem(RejectCode::PhoneInvalid, Some(column)));
            }
        }
        let lines = examples.lines(|(_, row)| row.to_string());
        assert_eq!(lines.len(), 7);
        assert_eq!(lines[6], "… and 2 more rows with phone_invalid");
    }
}
