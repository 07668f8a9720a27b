//! The use of the ledger in a run: the records of `--changed-only`, and the last run that wrote to the account.
//!
//! Before a run sends anything, the records of the contacts that it will write are removed; after it ends,
//! successfully sent contacts are recorded. This is done whenever the profile has records, so a run without
//! `--changed-only` can't leave stale ones behind.

use super::Session;
use crate::{
    error::Error,
    ledger::ContactRecords,
    paths::absolute,
    plan::{
        Mode, PlanOptions,
        gate::GateVerdict,
        incremental::{self, ComparedWith},
    },
    run::{RunError, RunFile, batches},
};

/// The reference with which a plan is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparison {
    /// The account.
    #[default]
    Account,
    /// The result of earlier runs, and periodically the account (`--changed-only`, `--full-every`).
    Ledger {
        /// Number of runs after which the account is read again.
        full_every: Option<u32>,
    },
    /// The account; results of earlier runs are discarded (`--changed-only=reset`).
    Reset,
}

/// The name of a run among those that write to an account.
fn writer(run: &RunFile) -> String {
    absolute(run.path()).display().to_string()
}

fn records(session: &Session) -> ContactRecords {
    ContactRecords::open(&session.state_directory, &session.account, &session.profile)
}

/// Chooses the reference with which a plan is compared.
pub(super) fn compared(
    session: &Session,
    comparison: Comparison,
    mode: Mode,
) -> Result<(ComparedWith, Option<ContactRecords>), Error> {
    if comparison == Comparison::Account {
        return Ok((ComparedWith::Account, None));
    }
    if !matches!(mode, Mode::Upsert | Mode::Update) {
        return Err(Error::usage(
            format!(
                "--changed-only can't be combined with --mode {}",
                mode.as_str()
            ),
            Some(
                "it works with --mode upsert and update; a mirror must read the whole account"
                    .to_owned(),
            ),
        ));
    }
    let Comparison::Ledger { full_every } = comparison else {
        return Ok((ComparedWith::Reset, None));
    };
    let records = records(session);
    let is_due = full_every.is_some_and(|every| records.runs_since_full + 1 >= every);
    if is_due || !records.is_found() || session.is_sandbox {
        return Ok((ComparedWith::Afresh, None));
    }
    Ok((ComparedWith::Records, Some(records)))
}

/// Stops a mirror of an account other than the one that the profile last used.
pub(super) fn check_last_account(
    session: &Session,
    mode: Mode,
    other_account: bool,
) -> Result<(), Error> {
    if session.is_sandbox
        || mode != Mode::Mirror
        || other_account
        || !session.ledger().may_differ(&session.profile)
    {
        return Ok(());
    }
    let advice = format!(
        "the profile `{}` used another account last time, or its last account is unknown; to mirror this one, add --other-account",
        session.profile
    );
    Err(Error::Gate(GateVerdict::AnotherAccount { advice }))
}

/// Removes the records of contacts that the run will write. Must be called before it sends anything.
pub(super) fn forget_written(
    session: &Session,
    run: &RunFile,
    compared: ComparedWith,
) -> Result<(), Error> {
    if session.is_sandbox {
        return Ok(());
    }
    if batches::open_count(run)? == 0 {
        session.ledger().record_use(&session.profile)?;
    } else {
        record_writer(session, &writer(run))?;
    }
    if !ContactRecords::are_in(&session.ledger(), &session.profile) {
        return Ok(());
    }
    let mut records = records(session);
    if compared == ComparedWith::Reset {
        records.reset()?;
    }
    Ok(incremental::forget_written(&mut records, run)?)
}

/// Removes the records of contacts that are about to be deleted individually.
pub(crate) fn forget(session: &Session, ids: &[String]) -> Result<(), Error> {
    if session.is_sandbox {
        return Ok(());
    }
    record_writer(session, "delete")?;
    Ok(incremental::forget(&mut records(session), ids)?)
}

fn record_writer(session: &Session, writer: &str) -> Result<(), Error> {
    Ok(session.ledger().record_writer(&session.profile, writer)?)
}

/// True if another run has written to the account since this one was planned. The result is stored in the run
/// file, because the run may be interrupted and continued.
pub(super) fn is_overtaken(
    session: &Session,
    run: &RunFile,
    writes_before: u64,
) -> Result<bool, RunError> {
    if run.find_fact("overtaken")?.unwrap_or(false) {
        return Ok(true);
    }
    let is_overtaken = session
        .ledger()
        .may_be_written_since(writes_before, &writer(run));
    if is_overtaken {
        run.set_fact("overtaken", &true)?;
    }
    Ok(is_overtaken)
}

/// Records what a complete run left in the account. `held`: the account has been locked since the plan was
/// made.
pub(super) fn record_written(
    session: &Session,
    run: &RunFile,
    compared: ComparedWith,
    options: &PlanOptions,
    held: bool,
) -> Result<(), Error> {
    // An undo writes values that no source contains.
    if session.is_sandbox || options.mode == Mode::Undo {
        return Ok(());
    }
    if compared == ComparedWith::Account
        && !ContactRecords::are_in(&session.ledger(), &session.profile)
    {
        return Ok(());
    }
    let mut records = records(session);
    if compared == ComparedWith::Account && !records.is_found() {
        return Ok(());
    }
    match compared {
        ComparedWith::Account => {}
        ComparedWith::Afresh | ComparedWith::Reset => records.runs_since_full = 0,
        ComparedWith::Records => records.runs_since_full += 1,
    }
    Ok(incremental::record(&mut records, run, options, held)?)
}
