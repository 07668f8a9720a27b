//! The steps of an import in calling order, without a command line.
//!
//! ```text
//! AccountOptions ─► Session ─► PlanRequest ─► PlannedRun ─► SealedRun ─► SentRun
//!                              UndoRequest ─┘                │
//!                              a run of the past ────────────┘
//! ```
//!
//! Nothing here prints: notices go to the session's [`Monitor`], and results are returned.

mod contact_records;
mod delete;
mod diff;
mod export;
mod history;
mod meta;
mod plan;
mod planned;
mod report;
mod run_record;
mod sealed;
mod send;
mod session;
mod undo;
mod verify;

pub use crate::employees::Owners;
pub use contact_records::Comparison;
pub(crate) use delete::ContactsToDelete;
pub(crate) use diff::ReadState;
pub(crate) use export::{Backup, ExportRequest, holds};
pub(crate) use history::{NamedRun, RunHistory, prune_runs, record_stop, record_without_account};
pub(crate) use meta::{RunMeta, joined};
#[cfg(test)]
pub(crate) use planned::STALE_AFTER;
pub(crate) use report::{PastRun, save_check_page};
pub(crate) use run_record::new_entry;
pub(crate) use sealed::{RunLocks, SealedRun};
pub use send::SentRun;
pub(crate) use send::send;
pub(crate) use session::SANDBOX;
pub use session::Session;
pub(crate) use undo::UndoRequest;
pub(crate) use verify::{Expected, is_run_file};
pub use {plan::OnDoubt, plan::PlanRequest, planned::PlannedRun};

use std::{collections::BTreeSet, path::Path, sync::Arc};

use crate::{
    contact::ChatType,
    employees::OwnerRule,
    error::Error,
    plan::{
        Mode,
        duplicates::{self, OnDuplicate},
    },
    private,
    progress::Monitor,
    run::{RunFile, RunSources},
    stage::{ReadRequest, stage_files},
};

/// A temporary run file, in a directory that is removed with it.
fn scratch_run(parent: &Path) -> Result<RunFile, Error> {
    let scratch = private::scratch_directory(parent).map_err(Error::io(parent))?;
    Ok(RunFile::create_in(scratch)?)
}

/// Files as contacts, in a temporary run file.
pub(crate) struct StagedFiles {
    pub run: RunFile,
    /// The chat types that have columns.
    chat_types: BTreeSet<ChatType>,
    has_all_fields: bool,
    warnings: Vec<String>,
    /// True if all files are backups, which have all chats of each contact.
    are_backups: bool,
    /// The hint about owners that look like names.
    owner_hint: Option<String>,
}

impl StagedFiles {
    /// `parent`: the directory of the run file. `mode`: decides which fields are required.
    pub(crate) fn new(
        parent: &Path,
        mode: Mode,
        reading: &ReadRequest,
        on_duplicate: OnDuplicate,
        owners: &OwnerRule,
        monitor: &Arc<dyn Monitor>,
    ) -> Result<Self, Error> {
        let run = scratch_run(parent)?;
        let staged = stage_files(&run, reading, mode, owners, None, monitor)?;
        duplicates::settle(&run, staged.duplicates, on_duplicate)?;
        Ok(Self {
            are_backups: RunSources::of(&run)?.are_backups(),
            run,
            chat_types: staged.chat_types,
            has_all_fields: staged.has_all_fields,
            warnings: staged.warnings,
            owner_hint: staged.notes.owners.hint(),
        })
    }
}
