//! `users`: lists the employees of the account, whose ids are used in `responsible_user_id`.

use std::io;

use serde_json::json;

use super::Context;
use crate::{
    account::employees::ListedEmployees,
    api::ApiError,
    cli::UsersArgs,
    employees::Employee,
    error::{Error, ExitCode},
    workflow::Session,
};

pub(super) fn run(context: &Context, args: &UsersArgs) -> Result<ExitCode, Error> {
    let session = context.session()?;
    let listed = list_employees(context, &session)?;
    let list = listed.employees.list();
    if context.console.wants_json() {
        let summary = json!({ "users": list, "unreadable": listed.unreadable });
        context.summarize(ExitCode::Done, summary, "");
        return Ok(ExitCode::Done);
    }
    if args.csv {
        let csv = csv(list).map_err(Error::io("standard output"))?;
        context.console.document(&csv)?;
        return Ok(ExitCode::Done);
    }
    if list.is_empty() {
        context.console.say("the account has no employees");
    }
    let row =
        |Employee { id, name, email }: &Employee| vec![id.clone(), name.clone(), email.clone()];
    let rows: Vec<_> = list.iter().map(row).collect();
    context.console.table(&[], &rows)?;
    Ok(ExitCode::Done)
}

/// The employees of the account; says if some can't be read.
pub(super) fn list_employees(
    context: &Context,
    session: &Session,
) -> Result<ListedEmployees, ApiError> {
    let listed = session.reader().list_employees()?;
    if let Some(warning) = listed.warning() {
        context.console.say(&warning);
    }
    Ok(listed)
}

fn csv(list: &[Employee]) -> io::Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["id", "name", "email"])?;
    for Employee { id, name, email } in list {
        csv.write_record([id, name, email])?;
    }
    csv.into_inner().map_err(csv::IntoInnerError::into_error)
}
