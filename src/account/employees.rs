//! Lists the employees of an account page by page.
//!
//! The pages are not documented, so they are read like those of contacts: only an empty page ends the list. A
//! server that ignores `offset` returns the same employees again, which also ends it.

use std::collections::HashSet;

use super::pages::PAGE_LIMIT;
use crate::{
    api::{ApiError, ApiErrorKind, Client},
    employees::{Employee, Employees},
    wording::grouped,
};

/// Maximum number of employees, more than any account has.
const EMPLOYEES_MAX: usize = 10_000;

const PAGES_MAX: usize = 1_000;

#[derive(Debug)]
pub(crate) struct ListedEmployees {
    pub(crate) employees: Employees,
    pub(crate) unreadable: usize,
}

impl ListedEmployees {
    /// The warning about unreadable entries.
    pub(crate) fn warning(&self) -> Option<String> {
        (self.unreadable > 0).then(|| {
            format!(
                "unreadable entries of the list of employees, left out: {}",
                grouped(self.unreadable as u64)
            )
        })
    }
}

pub(super) fn list(client: &Client) -> Result<ListedEmployees, ApiError> {
    let mut list = Vec::new();
    let mut ids = HashSet::new();
    let (mut received, mut unreadable) = (0, 0);
    for _ in 0..PAGES_MAX {
        let page = client.employees(received, PAGE_LIMIT)?;
        let size = page.len();
        let readable: Vec<Employee> = page.into_iter().flatten().collect();
        let (unreadable_here, known) = (size - readable.len(), list.len());
        let is_new = |it: &Employee| ids.insert(it.id.clone());
        list.extend(readable.into_iter().filter(is_new));
        let is_repeated = unreadable_here < size && list.len() == known;
        if size == 0 || is_repeated {
            return Ok(ListedEmployees {
                employees: Employees::new(list),
                unreadable,
            });
        }
        received += size;
        unreadable += unreadable_here;
        if list.len() > EMPLOYEES_MAX {
            break;
        }
    }
    let detail = format!("there are more after {received} entries");
    let of = "employees";
    Err(ApiErrorKind::EndlessList { of, detail }.into())
}
