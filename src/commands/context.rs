//! The settings, console and signals for every command.

use std::{
    cell::{Cell, OnceCell},
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use super::watched::Watched;
use crate::{
    account::AccountOptions,
    api::Rate,
    characters::visible,
    cli::without_ping_url,
    console::Console,
    error::{Error, ExitCode},
    paths::is_stream,
    progress::Monitor,
    sandbox::{Options, Sandbox},
    settings::Settings,
    signals::Signals,
    source::EncodingDoubt,
    wording::shell_word,
    workflow::Session,
};

pub(super) struct Context<'a> {
    pub(super) settings: Settings,
    pub(super) console: &'a Console,
    pub(super) watched: &'a Watched,
    pub(super) signals: Signals,
    /// The path of the requested report.
    pub(super) report: OnceCell<PathBuf>,
    /// True once that report was written.
    pub(super) has_report: Cell<bool>,
    /// The sandbox of `--sandbox`, which ends with the command.
    pub(super) sandbox: OnceCell<Sandbox>,
    /// The command as typed, or as in the jobs file.
    pub(super) command_line: String,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        settings: Settings,
        console: &'a Console,
        watched: &'a Watched,
        signals: Signals,
        command_line: String,
    ) -> Self {
        Self {
            settings,
            console,
            watched,
            signals,
            report: OnceCell::new(),
            has_report: Cell::default(),
            sandbox: OnceCell::new(),
            command_line,
        }
    }

    /// The monitor of this command. Its creation marks the beginning of the work.
    pub(super) fn monitor(&self) -> Arc<dyn Monitor> {
        self.signals.begin_work();
        self.watched.begin(self.console);
        Arc::new(self.console.terminal(self.signals.clone()))
    }

    /// Signs in to the configured account, or to a sandbox.
    pub(super) fn session(&self) -> Result<Session, Error> {
        let mut session = Session::connect(self.session_options()?, self.monitor())?;
        self.watched.account.get_or_init(|| session.account.clone());
        session.command_line.clone_from(&self.command_line);
        Ok(session)
    }

    /// Like [`Self::session`], but gets the token with the first request.
    pub(super) fn session_without_token(&self) -> Result<Session, Error> {
        let session = Session::without_token(self.session_options()?, self.monitor())?;
        self.watched.account.get_or_init(|| session.account.clone());
        Ok(session)
    }

    fn session_options(&self) -> Result<AccountOptions, Error> {
        if !self.settings.account.sandbox {
            let options = self.settings.account_session()?;
            self.warn_of_rate(options.client.rate);
            return Ok(options);
        }
        let sandbox = Sandbox::start(Options::default()).map_err(Error::io("sandbox"))?;
        let base_url = sandbox.base_url();
        self.console.say(&format!(
            "sandbox   a local Wazzup API at {base_url}: nothing leaves this machine"
        ));
        let sandbox = self.sandbox.get_or_init(|| sandbox);
        Ok(self.settings.sandbox_session(&base_url, sandbox.token())?)
    }

    /// Shows the summary of a command, after adding the command, its exit code, its times and its warnings.
    pub(super) fn summarize(&self, code: ExitCode, mut object: Value, text: &str) {
        let Watched {
            command, started, ..
        } = self.watched;
        object["command"] = json!(command);
        object["exit_code"] = json!(code as u8);
        object["started_at"] = json!(started.at.to_string());
        object["seconds"] = json!(started.seconds());
        self.console.add_warnings(&mut object);
        self.console.summary(&object, text);
    }

    /// Warns of a rate above the API's limit. It is allowed, because the server may be another one.
    fn warn_of_rate(&self, rate: Rate) {
        if rate.exceeds_the_api() {
            self.console.say(&format!(
                "the rate {rate} exceeds the API's limit of 500 requests in 5 s: it answers the excess with 429, and all requests then wait"
            ));
        }
    }

    /// Announces that `--ids -` reads from a terminal.
    pub(super) fn await_ids(&self, ids: Option<&Path>) {
        if ids.is_some_and(is_stream) && io::stdin().is_terminal() {
            self.console
                .say("reading the ids from standard input, one on each line: end it with Ctrl-D");
        }
    }

    /// Prints doubts also with `--quiet`; otherwise they are among the warnings.
    pub(super) fn doubts(&self, doubts: &[EncodingDoubt]) {
        for doubt in doubts.iter().filter(|_| self.console.is_quiet()) {
            self.console.say_always(&visible(&doubt.advised()));
        }
    }
}

pub(super) fn command_line() -> String {
    let typed = std::env::args_os().skip(1);
    let words = typed.map(|word| shell_word(word.as_ref()));
    let words = std::iter::once("wazzup-contacts".to_owned()).chain(words);
    without_ping_url(words).join(" ")
}
