//! Reports the end of a command to monitoring: a metrics file and a ping.

use std::{
    cell::{Cell, OnceCell},
    path::PathBuf,
};

use jiff::Timestamp;
use serde_json::Value;
use tracing::Span;

use crate::{
    characters::visible,
    cli::WatchArgs,
    console::Console,
    error::{Error, ExitCode},
    metrics::RunMetrics,
    ping::{PingError, PingUrl},
    requested::{RequestedFile, RequestedFileError},
    settings::{self, Settings},
    wording::Started,
};

/// A command whose end is reported to monitoring.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) command: String,
    pub(super) started: Started,
    /// The report about the failure, once it was written.
    pub(super) failure_page: OnceCell<String>,
    /// The name of the job, if it is one of several.
    job: Option<String>,
    pub(super) profile: OnceCell<String>,
    /// The fingerprint of the account, once it is known.
    pub(super) account: OnceCell<String>,
    metrics: OnceCell<PathBuf>,
    ping: OnceCell<PingUrl>,
    /// The exit codes that are reported as 0.
    ping_ok: OnceCell<Vec<u8>>,
    /// True if the ping of the profile applies to the command.
    uses_profile: Cell<bool>,
    is_begun: Cell<bool>,
}

impl Watched {
    pub(super) fn new(command: &str, job: Option<String>) -> Self {
        Self {
            command: command.to_owned(),
            started: Started::now(),
            job,
            ..Self::default()
        }
    }

    /// The log span with the name of the job.
    pub(super) fn span(&self) -> Span {
        self.job
            .as_deref()
            .map_or_else(Span::none, |job| tracing::error_span!("job", job))
    }

    /// Checks the typed options. Must be called before the configuration is read, so that its errors are also
    /// reported.
    pub(super) fn arm(&self, typed: &WatchArgs, profile: Option<&str>) -> Result<(), Error> {
        if let Some(profile) = profile {
            self.profile.get_or_init(|| profile.to_owned());
        }
        self.uses_profile.set(typed.uses_profile);
        // Each is used even if the other is wrong.
        let ping = typed.ping.as_ref().map(|url| {
            let url = settings::parse("--ping", url)?;
            self.ping.get_or_init(|| url);
            Ok(())
        });
        if let Some(path) = &typed.metrics {
            let path = RequestedFile::Metrics.check(path)?;
            self.metrics.get_or_init(|| path);
        }
        ping.unwrap_or(Ok(()))
    }

    /// Adds the settings.
    pub(super) fn configure(&self, settings: &Settings) -> Result<(), Error> {
        let profile = &settings.profile;
        if let Some(name) = &settings.profile_name {
            self.profile.get_or_init(|| name.clone());
        }
        self.ping_ok.get_or_init(|| profile.ping_ok.clone());
        if let Some(url) = &profile.ping
            && self.uses_profile.get()
            && !settings.account.sandbox
        {
            let url = settings::parse("the profile's ping", url)?;
            self.ping.get_or_init(|| url);
        }
        Ok(())
    }

    /// Reports the beginning of the work, once.
    pub(super) fn begin(&self, console: &Console) {
        if let Some(url) = self.ping.get()
            && !self.is_begun.replace(true)
        {
            warn(console, url, url.start());
        }
    }

    pub(super) fn save_metrics(
        &self,
        summary: Option<&Value>,
        result: &Result<ExitCode, Error>,
    ) -> Result<(), RequestedFileError> {
        let Some(path) = self.metrics.get() else {
            return Ok(());
        };
        let metrics = RunMetrics {
            job: self.job.as_deref().unwrap_or(&self.command),
            profile: self.profile.get().map_or("default", String::as_str),
            exit_code: code_of(result),
            ended_at: Timestamp::now().as_second(),
            seconds: self.started.seconds(),
            summary,
        };
        metrics.save(path)
    }

    pub(super) fn end(&self, console: &Console, result: &Result<ExitCode, Error>) {
        if let Some(url) = self.ping.get() {
            let code = code_of(result);
            let is_ok = self.ping_ok.get().is_some_and(|ok| ok.contains(&code));
            warn(console, url, url.end(if is_ok { 0 } else { code }));
        }
    }
}

fn code_of(result: &Result<ExitCode, Error>) -> u8 {
    let code = result.as_ref().copied();
    code.unwrap_or_else(Error::exit_code) as u8
}

/// A failed ping has no other effect: the monitoring system will raise the alarm.
fn warn(console: &Console, url: &PingUrl, sent: Result<(), PingError>) {
    if let Err(reason) = sent {
        let host = url.host();
        console.say_always(&visible(&format!(
            "the ping to {host} failed, which does not affect the run: {reason}"
        )));
    }
}
