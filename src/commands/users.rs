//! `users`: the employees of the account, whose ids `responsible_user_id` holds.

use std::io;

use serde_json::json;

use super::Context;
use crate::{
    cli::UsersArgs,
    employees::Employee,
    error::{Error, ExitCode},
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &UsersArgs) -> Result<ExitCode, Error> {
    let session = context.session()?;
    let staff = session.reader().staff()?;
    let list = staff.employees.list();
    if let Some(warning) = staff.warning() {
        context.console.say(&warning);
    }
    if context.console.wants_json() {
        let summary = json!({
            "command": "users", "exit_code": 0, "users": list, "unreadable": staff.unreadable,
        });
        context.console.summary(&summary, "");
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
    for line in lines(list) {
        context.console.data(&line)?;
    }
    Ok(ExitCode::Done)
}

/// Id, name and e-mail address in columns.
fn lines(list: &[Employee]) -> impl Iterator<Item = String> {
    let width = |of: fn(&Employee) -> &str| {
        let lengths = list.iter().map(|it| of(it).chars().count());
        lengths.max().unwrap_or_default().min(40)
    };
    let (ids, names) = (width(|it| &it.id), width(|it| &it.name));
    list.iter().map(move |Employee { id, name, email }| {
        let line = format!("{id:<ids$}  {name:<names$}  {email}");
        line.trim_end().to_owned()
    })
}

fn csv(list: &[Employee]) -> io::Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["id", "name", "email"])?;
    for Employee { id, name, email } in list {
        csv.write_record([id, name, email])?;
    }
    csv.into_inner().map_err(csv::IntoInnerError::into_error)
}
