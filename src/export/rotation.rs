//! Earlier backups: `--max-shrink` refuses to write a backup that is far smaller, and `--keep` removes older ones,
//! but only files that certainly were written by this tool.

use std::{fs, io, path::PathBuf};

use crate::{
    ledger::{ExportRecord, Ledger, exports_to, forget_export},
    output::{IoError, unlinked},
    plan::gate::Bound,
    wording::{counted, grouped},
};

/// Refuses a backup that is far smaller than the previous one.
#[derive(Debug)]
pub(crate) struct ShrinkGuard {
    /// Number of contacts in the previous backup.
    pub contacts: u64,
    /// Its name in messages.
    pub name: String,
    /// The allowed decrease.
    pub bound: Bound,
}

/// The account has far fewer contacts than the previous backup.
#[derive(Debug, thiserror::Error)]
#[error(
    "nothing was written: the account has {}, and {} has {}, and at most {} of them may be missing (--max-shrink)",
    counted(*.contacts, "contact"), .before.name, grouped(.before.contacts), .before.bound
)]
pub struct ShrinkError {
    contacts: u64,
    before: ShrinkGuard,
}

impl ShrinkGuard {
    /// Checks the number of contacts to be written.
    pub(super) fn check(self, contacts: u64) -> Result<(), ShrinkError> {
        let missing = self.contacts.saturating_sub(contacts);
        if self.bound.is_exceeded(missing, self.contacts) {
            return Err(ShrinkError {
                contacts,
                before: self,
            });
        }
        Ok(())
    }
}

/// The older backups that a rotation processed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rotated {
    pub removed: Vec<PathBuf>,
    /// Files that were not removed, with the reason. They are not counted in future.
    pub left_alone: Vec<(PathBuf, String)>,
}

/// Removes the backups with this name pattern that are unchanged, except the newest `keep`. A file that was
/// changed or replaced by a link is left alone.
pub(crate) fn rotate(ledger: &mut Ledger, pattern: &str, keep: usize) -> Result<Rotated, IoError> {
    let mut rotated = Rotated::default();
    let mut kept = 0;
    for export in exports_to(ledger, pattern)? {
        if kept < keep {
            kept += usize::from(is_ours(&export));
            continue;
        }
        let path = export.path.clone();
        if is_ours(&export) {
            if let Err(error) = fs::remove_file(&path) {
                let reason = format!("can't be removed: {error}");
                rotated.left_alone.push((path, reason));
                continue;
            }
            rotated.removed.push(path.clone());
        } else if !path
            .symlink_metadata()
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            let reason = "was changed since it was written, so it was left alone".to_owned();
            rotated.left_alone.push((path.clone(), reason));
        }
        forget_export(ledger, &path)?;
    }
    Ok(rotated)
}

/// True if the file is unchanged and not a link.
fn is_ours(export: &ExportRecord) -> bool {
    export.is_untouched() && unlinked(&export.path) == export.path
}
