//! Saves the account: naming of the backup, the guard against a shrunk account, and rotation.

use std::{
    fs::Metadata,
    io::Write,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Zoned;

use super::{Session, StagedFiles};
use crate::{
    employees::OwnerRule,
    error::Error,
    export::{
        BackupForm, Exported, export,
        name::{BackupName, ExportFacts},
        rotation::{Rotated, ShrinkGuard, rotate},
    },
    ledger::{ExportRecord, Ledger, export_at, last_export, record_export},
    mapping::BackupLayout,
    output::unlinked,
    paths::shown_path,
    plan::{Mode, duplicates::OnDuplicate, gate::Bound},
    progress::Monitor,
    requested::RequestedFile,
    run::Tally,
    source::{SheetChoice, SourceErrorKind as Kind},
    stage::ReadRequest,
    streams::is_special,
};

pub(crate) struct ExportRequest<'a> {
    /// The name of the file, if there is one.
    pub name: Option<BackupName>,
    pub form: &'a BackupForm,
    /// The allowed decrease compared with the last backup.
    pub max_shrink: Bound,
    /// Number of backups with this name to keep; `None` keeps all.
    pub keep: Option<NonZeroU32>,
    pub now: Zoned,
}

pub(crate) struct Backup {
    pub exported: Exported,
    /// The file, if there is one.
    pub path: Option<PathBuf>,
    /// The older backups that were removed or should have been.
    pub rotated: Rotated,
}

impl ExportRequest<'_> {
    /// Writes the backup. Older ones are removed only afterwards, and only if the new one has every contact.
    /// Without a name, it goes to `stream`.
    pub(crate) fn export(
        &self,
        session: &Session,
        stream: &mut (dyn Write + Send),
    ) -> Result<Backup, Error> {
        let facts = ExportFacts {
            now: &self.now,
            account: &session.account,
            profile: &session.profile,
        };
        let path = self.name.as_ref().map(|name| name.path(&facts));
        let file = path.as_deref().filter(|path| !is_special(path));
        let guard = match file {
            Some(file) => self.guard(session, file)?,
            None => None,
        };
        let exported = export(session.reader(), path.as_deref(), stream, self.form, guard)?;
        let mut backup = Backup {
            exported,
            path: path.clone(),
            rotated: Rotated::default(),
        };
        if let (Some(name), Some(file)) = (&self.name, file)
            && !session.is_sandbox
        {
            let pattern = name.pattern(&facts);
            if let Err(error) = self.remember(session, &pattern, file, &mut backup) {
                session.notice(format!(
                    "the backup is complete, but it can't be recorded, or older ones can't be removed: {error}"
                ));
            }
        }
        Ok(backup)
    }

    fn remember(
        &self,
        session: &Session,
        pattern: &str,
        file: &Path,
        backup: &mut Backup,
    ) -> Result<(), Error> {
        let mut ledger = session.ledger();
        record_export(
            &mut ledger,
            pattern,
            &unlinked(file),
            backup.exported.contacts,
        )?;
        if let Some(keep) = self.keep
            && backup.exported.unreadable.is_empty()
        {
            let keep = usize::try_from(keep.get()).unwrap_or(usize::MAX);
            backup.rotated = rotate(&mut ledger, pattern, keep)?;
        }
        Ok(())
    }

    /// The guard, if there is a backup to compare with: the file to be replaced if it is readable, otherwise the
    /// last backup.
    fn guard(&self, session: &Session, file: &Path) -> Result<Option<ShrinkGuard>, Error> {
        // An unreadable ledger counts as empty.
        let ledger = (!session.is_sandbox).then(|| session.ledger());
        let at_path = |ledger: &Ledger| export_at(ledger, &unlinked(file)).ok().flatten();
        let written = ledger.as_deref().and_then(at_path);
        let is_known = written.is_some();
        let replaced = match written.filter(ExportRecord::is_untouched) {
            // The ledger is consulted first, because reading a backup takes longer than making one.
            Some(written) => Some(written.contacts),
            None if holds(file, is_backup, is_known, &session.monitor) => count(session, file)?,
            None => return Err(RequestedFile::Backup.foreign(file).into()),
        };
        let before = match (replaced, ledger) {
            (Some(contacts), _) => {
                let name = format!("{}, which would be replaced,", shown_path(file));
                Some((contacts, name))
            }
            (None, Some(ledger)) => last_export(&ledger).ok().flatten().map(|last| {
                let path = shown_path(&last.path);
                let name = format!("the last backup of this account, {path},");
                (last.contacts, name)
            }),
            (None, None) => None,
        };
        Ok(before.map(|(contacts, name)| ShrinkGuard {
            contacts,
            name,
            bound: self.max_shrink,
        }))
    }
}

fn is_backup(columns: &[String]) -> bool {
    BackupLayout::of(columns).is_some()
}

/// True if the file may be replaced: it does not exist, is empty, or all of its tables have such columns. `otherwise`: the
/// result if it can't be read.
pub(crate) fn holds(
    file: &Path,
    is_ours: impl Fn(&[String]) -> bool,
    otherwise: bool,
    monitor: &Arc<dyn Monitor>,
) -> bool {
    let has_content = |data: Metadata| data.is_file() && data.len() > 0;
    if is_special(file) || !file.metadata().is_ok_and(has_content) {
        return true;
    }
    let reading = ReadRequest {
        sheet: SheetChoice::All,
        ..ReadRequest::new([file])
    };
    match reading.open_all(monitor) {
        Ok(tables) => tables.iter().all(|table| is_ours(&table.columns)),
        Err(error) => otherwise || matches!(error.kind, Kind::Empty | Kind::NoHeader),
    }
}

/// Number of contacts in a backup; `None` if it is unreadable.
fn count(session: &Session, file: &Path) -> Result<Option<u64>, Error> {
    if !file.is_file() {
        return Ok(None);
    }
    let reading = ReadRequest {
        sheet: SheetChoice::All,
        ..ReadRequest::new([file])
    };
    let StagedFiles { run, .. } = match StagedFiles::new(
        &session.state_directory,
        Mode::Upsert,
        &reading,
        OnDuplicate::Merge,
        &OwnerRule::default(),
        &session.monitor,
    ) {
        Ok(staged) => staged,
        Err(error @ (Error::Interrupted(_) | Error::Run(_))) => return Err(error),
        Err(_) => return Ok(None),
    };
    let rows = Tally::of(&run)?.rows;
    Ok(Some(rows.contacts + rows.rejected))
}
