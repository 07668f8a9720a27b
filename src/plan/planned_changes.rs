//! The updates and deletions of a plan in the form in which people see them.

use super::{chats::describe, diff};
use crate::run::{
    Contacts, Decision, FieldChange, RunError, RunFile, blocks, changes, contacts, snapshot,
};

pub(crate) struct PlannedDeletion {
    pub id: String,
    /// Its name and its chats, if it was read.
    pub name_and_chats: Option<(String, String)>,
}

/// At most `limit` contacts to be deleted, in order.
pub(crate) fn deletions(run: &RunFile, limit: u32) -> Result<Vec<PlannedDeletion>, RunError> {
    let mut deletions = Vec::new();
    changes::for_each_deletion(run, 0..limit.into(), |deletion| {
        let read = |seq| {
            let json = snapshot::json(run, seq)?;
            let contact = run.contact(json.as_bytes())?;
            Ok::<_, RunError>((contact.name.to_string(), describe(&contact.contact_data)))
        };
        deletions.push(PlannedDeletion {
            id: deletion.id,
            name_and_chats: deletion.snapshot.map(read).transpose()?,
        });
        Ok::<_, RunError>(())
    })?;
    Ok(deletions)
}

/// Calls `each` with the id and the changed fields of at most `limit` updates, in order. Includes updates that were
/// planned without reading the account (`--changed-only`, `--mode update`).
pub(crate) fn for_each_update<E: From<RunError>>(
    run: &RunFile,
    limit: u32,
    mut each: impl FnMut(&str, Vec<FieldChange>) -> Result<(), E>,
) -> Result<(), E> {
    let mut left = limit;
    for block in 0..blocks::count(run)? {
        if left == 0 {
            break;
        }
        let (first_seq, decisions) = contacts::decisions(run, block)?;
        if !decisions.contains(&Decision::Update) {
            continue;
        }
        let mut changes = changes::of(run, first_seq..first_seq + decisions.len() as u64)?;
        let mut staged = None;
        let updates = decisions.iter().enumerate();
        let updates = updates.filter(|(_, decision)| **decision == Decision::Update);
        for (index, _) in updates.take(left as usize) {
            left -= 1;
            let change = changes.remove(&(first_seq + index as u64));
            let (json, fields) = change.map_or((None, Vec::new()), |it| (it.json, it.fields));
            if let Some(json) = &json
                && !fields.is_empty()
            {
                each(&run.id_of(json.as_bytes())?, fields)?;
                continue;
            }
            let contacts = match &staged {
                Some(contacts) => contacts,
                None => staged.insert(Contacts::read(run, block)?),
            };
            let json = json.as_deref().map_or(contacts.json(index), str::as_bytes);
            let contact = run.contact(json)?;
            each(&contact.id, diff::unread(&contact))?;
        }
    }
    Ok(())
}
