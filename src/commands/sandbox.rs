//! `sandbox`: runs the local API until Ctrl-C.

use std::{net::SocketAddr, thread, time::Duration};

use serde_json::json;

use super::Context;
use crate::{
    cli::SandboxArgs,
    error::{Error, ExitCode},
    sandbox::{FaultSyntaxError, Faults, Options, PartnerAccount, Sandbox},
    wording::counted,
};

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
        errors: args.errors,
        required: args.require.clone(),
        page_max: args.page_cap,
        faults,
        log_requests: false,
        ..Options::default()
    };
    context.signals.begin_work();
    let sandbox = Sandbox::start(options).map_err(Error::io(format!("port {}", args.port)))?;
    show_access(context, &sandbox, PartnerAccount::default())?;
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

/// Shows the address of the sandbox and the credentials that it accepts.
fn show_access(context: &Context, sandbox: &Sandbox, partner: PartnerAccount) -> Result<(), Error> {
    let (base_url, token) = (sandbox.base_url(), sandbox.token());
    if context.console.wants_json() {
        let object = json!({
            "command": "sandbox", "base_url": base_url, "token": token,
            "partner": {
                "email": partner.email, "password": partner.password, "account_id": partner.account_id,
                "client_id": partner.client_id, "refresh_token": partner.refresh_token,
            },
        });
        context.console.data(&object.to_string())?;
    } else {
        let export = |name: &str, value: &str| format!("export WAZZUP_{name}={value}");
        context.console.data(&export("BASE_URL", &base_url))?;
        context.console.data(&export("TOKEN", token))?;
        context
            .console
            .say("copy these two lines into another shell; Ctrl-C ends the sandbox");
        let credentials = [
            ("PARTNER_EMAIL", partner.email),
            ("PARTNER_PASSWORD", partner.password),
            ("ACCOUNT_ID", partner.account_id),
        ];
        let lines = credentials.map(|(name, value)| export(name, &value));
        context.console.section(
            "to test token renewal, use these instead of WAZZUP_TOKEN",
            &lines,
        );
        let lines = [
            export("CLIENT_ID", &partner.client_id),
            export("REFRESH_TOKEN", &partner.refresh_token),
        ];
        context.console.section(
            "to test OAuth, use these instead of WAZZUP_ACCOUNT_ID",
            &lines,
        );
    }
    Ok(())
}
