//! The number of contacts of each owner, before and after the run.

use std::collections::{BTreeMap, HashMap};

use super::{BatchReader, RunError, RunFile, SentBatches, batches, snapshot};
use crate::contact::Operation;

/// The fact with the names of the account's employees by id, if they were requested.
const EMPLOYEES: &str = "employees";

/// The number of an owner's contacts before and after the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnedContacts {
    pub(crate) owner: String,
    pub(crate) before: u64,
    pub(crate) after: u64,
}

pub(crate) fn set_names(run: &RunFile, names: &BTreeMap<&str, &str>) -> Result<(), RunError> {
    run.set_fact(EMPLOYEES, names)
}

/// The known names of employees, by id.
pub(crate) fn names(run: &RunFile) -> Result<BTreeMap<String, String>, RunError> {
    Ok(run.find_fact(EMPLOYEES)?.unwrap_or_default())
}

/// The owners of the contacts that the run read or wrote, in descending order of contacts; empty if the account
/// was not read. `is_sent`: counts contacts that were sent and not refused, answered or not; otherwise the whole
/// plan.
pub(crate) fn of(run: &RunFile, is_sent: bool) -> Result<Vec<OwnedContacts>, RunError> {
    let Some(before) = snapshot::owners(run)? else {
        return Ok(Vec::new());
    };
    let counts = |count| (count, i64::try_from(count).unwrap_or(i64::MAX));
    let mut counter = OwnerCounter {
        run,
        owners: before
            .into_iter()
            .map(|(owner, count)| (owner, counts(count)))
            .collect(),
    };
    if is_sent {
        counter.count_sent()?;
    } else {
        counter.count_planned()?;
    }
    let owned = |(owner, (before, after)): (String, (u64, i64))| OwnedContacts {
        owner,
        before,
        after: u64::try_from(after).unwrap_or_default(),
    };
    let mut owners: Vec<_> = counter.owners.into_iter().map(owned).collect();
    owners.sort_by(|a, b| {
        let most = |it: &OwnedContacts| it.before.max(it.after);
        most(b).cmp(&most(a)).then_with(|| a.owner.cmp(&b.owner))
    });
    Ok(owners)
}

struct OwnerCounter<'a> {
    run: &'a RunFile,
    /// The number of contacts before the run, and the difference after it.
    owners: HashMap<String, (u64, i64)>,
}

impl OwnerCounter<'_> {
    fn count_sent(&mut self) -> Result<(), RunError> {
        for batch in SentBatches::new(self.run) {
            for sent in batch?.into_iter().filter(|sent| sent.outcome.is_some()) {
                self.add(sent.before.as_deref().map(str::as_bytes), -1)?;
                self.add(sent.after.as_deref().map(str::as_bytes), 1)?;
            }
        }
        Ok(())
    }

    fn count_planned(&mut self) -> Result<(), RunError> {
        let run = self.run;
        let mut reader = BatchReader::new(run);
        for batch in batches::open(run, 0, usize::MAX)? {
            reader.each(&batch, |item| {
                let before = item.snapshot.map(|seq| snapshot::json(run, seq));
                let before = before.transpose()?;
                let after = (batch.operation != Operation::Delete).then_some(item.json);
                self.add(before.as_deref().map(str::as_bytes), -1)?;
                self.add(after, 1)
            })?;
        }
        Ok(())
    }

    /// Counts a contact, or subtracts it.
    fn add(&mut self, json: Option<&[u8]>, count: i64) -> Result<(), RunError> {
        if let Some(json) = json {
            let owner = self.run.contact(json)?.responsible_user_id;
            if let Some((_, after)) = self.owners.get_mut(&*owner) {
                *after += count;
            } else {
                self.owners.insert(owner.into_owned(), (0, count));
            }
        }
        Ok(())
    }
}
