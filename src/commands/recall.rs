//! What commands remember from run to run: when it is asked, forgotten and written.
//!
//! Before anything is sent, what the run is going to write is forgotten; after a run that came to its end,
//! what arrived is remembered. Every run does so where there are digests, so that one without
//! `--changed-only` can't leave digests behind that are wrong.

use super::{
    Context,
    about::{About, Compared},
    session::Session,
};
use crate::{
    cli::{ChangedOnly, PlanningArgs},
    error::Error,
    memory::{Accounts, Digests},
    plan::{Mode, gate::GateVerdict, remembered},
    run::{RunError, RunFile},
};

/// What a run is called among those that write to an account: its file, wherever it is named from.
fn writer(run: &RunFile) -> String {
    let path = std::path::absolute(run.path());
    let path = path.unwrap_or_else(|_| run.path().to_path_buf());
    path.display().to_string()
}

impl Context {
    /// The profile's name, as what is remembered is filed under it.
    fn profile(&self) -> &str {
        self.settings.profile_name.as_deref().unwrap_or("default")
    }

    fn digests(&self, session: &Session) -> Digests {
        Digests::load(
            &self.settings.state_directory,
            &session.account,
            self.profile(),
        )
    }

    /// What a plan is to be compared with.
    pub(super) fn compared(
        &self,
        session: &Session,
        planning: &PlanningArgs,
    ) -> Result<(Compared, Option<Digests>), Error> {
        let Some(changed_only) = planning.changed_only else {
            return Ok((Compared::Account, None));
        };
        if !matches!(planning.mode, Mode::Upsert | Mode::Update) {
            return Err(Error::usage(
                format!(
                    "--changed-only does not go with --mode {}",
                    planning.mode.as_str()
                ),
                Some("it works with --mode upsert and update; a mirror has to read the whole account".to_owned()),
            ));
        }
        if changed_only == ChangedOnly::Reset {
            return Ok((Compared::Reset, None));
        }
        let digests = self.digests(session);
        let is_due = planning
            .full_every
            .is_some_and(|every| digests.runs_since_full() + 1 >= every);
        // A sandbox that was made for this command remembers nothing.
        if is_due || !digests.is_found() || self.settings.sandbox {
            return Ok((Compared::Afresh, None));
        }
        Ok((Compared::Digests, Some(digests)))
    }

    /// Stops a mirror into another account than the profile used last.
    ///
    /// # Errors
    /// [`Error::Gate`] where it is another one, unless `--other-account` was given.
    pub(super) fn check_account(
        &self,
        session: &Session,
        planning: &PlanningArgs,
    ) -> Result<(), Error> {
        let is_careful = planning.mode == Mode::Mirror && !planning.other_account;
        let accounts = Accounts::load(&self.settings.state_directory);
        if self.settings.sandbox
            || !is_careful
            || !accounts.may_differ(self.profile(), &session.account)
        {
            return Ok(());
        }
        let advice = format!(
            "the profile `{}` used another account last time, or its last account is unknown; to mirror this one, pass --other-account",
            self.profile()
        );
        Err(Error::Gate(GateVerdict::AnotherAccount { advice }))
    }

    /// To be called before a run sends anything.
    pub(super) fn forget_written(
        &self,
        session: &Session,
        run: &RunFile,
        compared: Compared,
    ) -> Result<(), Error> {
        if self.settings.sandbox {
            return Ok(());
        }
        self.remember_writer(session, &writer(run))?;
        let mut digests = self.digests(session);
        if compared == Compared::Reset {
            digests.reset().map_err(Error::io("digests"))?;
        }
        if digests.is_found() {
            remembered::forget_written(&mut digests, run)?;
        }
        Ok(())
    }

    /// To be called before contacts are deleted by hand.
    pub(super) fn forget(&self, session: &Session, ids: &[String]) -> Result<(), Error> {
        if self.settings.sandbox {
            return Ok(());
        }
        self.remember_writer(session, "delete")?;
        Ok(remembered::forget(&mut self.digests(session), ids)?)
    }

    fn remember_writer(&self, session: &Session, writer: &str) -> Result<(), Error> {
        Accounts::load(&self.settings.state_directory)
            .remember(self.profile(), &session.account, writer)
            .map_err(Error::io(&*self.settings.state_directory))
    }

    /// How often runs have written to the account so far.
    pub(super) fn writes(&self, session: &Session) -> u64 {
        Accounts::load(&self.settings.state_directory).writes(&session.account)
    }

    /// Has another run written to the account since this one was planned? That is kept in the run, which may be
    /// interrupted and taken up again.
    pub(super) fn is_overtaken(
        &self,
        session: &Session,
        run: &RunFile,
        writes_before: u64,
    ) -> Result<bool, RunError> {
        if run.meta("overtaken")?.unwrap_or(false) {
            return Ok(true);
        }
        let accounts = Accounts::load(&self.settings.state_directory);
        let is_overtaken =
            accounts.may_be_written_since(&session.account, writes_before, &writer(run));
        if is_overtaken {
            run.set_meta("overtaken", &true)?;
        }
        Ok(is_overtaken)
    }

    /// To be called after a run has come to its end. `held` says that the account was locked since the plan was
    /// made.
    pub(super) fn remember_written(
        &self,
        session: &Session,
        run: &RunFile,
        about: &About,
        held: bool,
    ) -> Result<(), Error> {
        let About {
            compared, options, ..
        } = about;
        // What an undo wrote is what no source says.
        if self.settings.sandbox || options.mode == Mode::Undo {
            return Ok(());
        }
        let mut digests = self.digests(session);
        if *compared == Compared::Account && !digests.is_found() {
            return Ok(());
        }
        let runs_since_full = match compared {
            Compared::Account => digests.runs_since_full(),
            Compared::Afresh | Compared::Reset => 0,
            Compared::Digests => digests.runs_since_full() + 1,
        };
        digests.set_runs_since_full(runs_since_full);
        Ok(remembered::remember(&mut digests, run, options, held)?)
    }
}
