//! `sandbox`: runs the local API until Ctrl-C.

use std::{net::SocketAddr, thread, time::Duration};

use serde_json::json;

use super::Context;
use crate::{
    cli::SandboxArgs,
    error::{Error, ExitCode},
    sandbox::{FaultSyntaxError, Faults, Options, Sandbox},
    wording::counted,
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &SandboxArgs) -> Result<ExitCode, Error> {
    let mut faults = Faults::new(&args.fault).map_err(|error| {
        let hint = FaultSyntaxError::HINT.to_owned();
        Error::usage(format!("--fault: {error}"), hint)
    })?;
    faults.seed = args.seed;
    let options = Options {
        listen: SocketAddr::from(([127, 0, 0, 1], args.port)),
        contacts: args.contacts,
        existing: args.existing,
        uri: args.uri,
        page_max: args.page_cap,
        faults,
        log_requests: false,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).map_err(Error::io(format!("port {}", args.port)))?;
    let (base_url, token) = (sandbox.base_url(), sandbox.token());
    let lines = if context.console.wants_json() {
        let object = json!({ "command": "sandbox", "base_url": base_url, "token": token });
        vec![object.to_string()]
    } else {
        vec![
            format!("export WAZZUP_BASE_URL={base_url}"),
            format!("export WAZZUP_TOKEN={token}"),
        ]
    };
    lines
        .iter()
        .try_for_each(|line| context.console.data(line))?;
    context
        .console
        .say("copy these two lines into another shell; Ctrl-C ends the sandbox");
    while context.signals.stop_requested().is_none() {
        thread::sleep(Duration::from_millis(100));
    }
    let counts = sandbox.counts();
    context.console.say(&format!(
        "{} answered, {} held",
        counted(counts.values().sum(), "request"),
        counted(sandbox.contact_count() as u64, "contact")
    ));
    Ok(ExitCode::Done)
}
