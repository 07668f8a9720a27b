//! `auth`: shows the origin of the token, whether it works, and when it expires.

use std::time::SystemTime;

use serde_json::json;

use super::Context;
use crate::{
    api::{ApiError, TokenStatus},
    characters::clipped,
    cli::AuthArgs,
    error::{Error, ExitCode},
    workflow::Session,
};

/// Runs the command. A token is valid if the API accepts it for a page of one contact.
pub(super) fn run(context: &Context, args: &AuthArgs) -> Result<ExitCode, Error> {
    context.console.print_results();
    let session = context.session_without_token()?;
    let tried = try_token(&session, args.refresh);
    let status = session.client.tokens.describe();
    if let Err(error) = tried {
        return Err(refused(context, &session, &status, error));
    }
    let ends = status
        .expires_at
        .and_then(|at| jiff::Timestamp::try_from(at).ok());
    let left = status
        .expires_at
        .and_then(|at| at.duration_since(SystemTime::now()).ok());
    let mut lines = vec![format!("token     valid, from {}", status.origin)];
    lines.push(match (ends, left) {
        (Some(ends), Some(left)) => {
            format!("expires   {ends:.0}, in {} min", left.as_secs() / 60)
        }
        _ => "expires   unknown (tokens live one hour)".to_owned(),
    });
    let renewal = if status.is_renewable {
        "automatic"
    } else {
        "not possible: set a new token when it expires"
    };
    lines.push(format!("renewal   {renewal}"));
    if let Some(account) = &status.account {
        // The account comes from the token and may contain line ends.
        lines.push(format!("account   {}", clipped(account, 100)));
    }
    if let Some(store) = &status.store {
        lines.push(format!("stored in {}", store.display()));
    }
    let (server, config) = (session.client.base_url.to_string(), config_of(context));
    lines.push(format!("server    {server}"));
    lines.push(format!(
        "settings  {}",
        config.as_deref().unwrap_or("no configuration file")
    ));
    let summary = json!({
        "origin": status.origin, "good": true, "renewable": status.is_renewable,
        "expires_at": ends.map(|ends| ends.to_string()), "token_account": status.account, "base_url": server, "config": config,
    });
    context.summarize(ExitCode::Done, summary, &lines.join("\n"));
    Ok(ExitCode::Done)
}

fn config_of(context: &Context) -> Option<String> {
    let file = context.settings.file.as_deref()?;
    Some(file.display().to_string())
}

fn try_token(session: &Session, refresh: bool) -> Result<(), ApiError> {
    if refresh {
        session.client.renew_token()?;
    }
    session.client.page(0, 1, &|_| ()).map(drop)
}

/// Reports to scripts that the token is not valid. The error that follows is for people.
fn refused(context: &Context, session: &Session, status: &TokenStatus, error: ApiError) -> Error {
    let error = Error::from(error);
    if context.console.wants_json() {
        let summary = json!({
            "origin": status.origin, "good": false, "renewable": status.is_renewable,
            "base_url": session.client.base_url.to_string(), "config": config_of(context),
        });
        context.summarize(error.exit_code(), summary, "");
    }
    error
}
