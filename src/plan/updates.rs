//! The updates of a plan with their changed fields, including updates that were planned without reading the
//! account (`--changed-only`, `--mode update`).

use super::diff;
use crate::run::{Contacts, Decision, FieldChange, RunError, RunFile, blocks, changes, contacts};

/// Calls `each` with the id and the changed fields of at most `limit` updates, in order.
pub(crate) fn for_each<E: From<RunError>>(
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
