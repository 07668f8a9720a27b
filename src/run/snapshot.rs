//! The snapshot: the contacts of the account as they were read, in order.

use std::{
    collections::{BTreeMap, HashMap},
    io,
};

use rusqlite::Row;

use super::{
    RunError, RunFile, SnapshotContact,
    planning::{PlanningSnapshot, SnapshotRecord},
    schema,
};
use crate::contact::reading::UnreadableContact;

const OWNERS: &str = "owners_before";
/// The fact with the unreadable contacts of the account.
const UNREADABLE: &str = "unreadable";

/// A contact of the snapshot that the run file keeps.
fn kept(row: &Row<'_>) -> rusqlite::Result<SnapshotContact> {
    Ok(SnapshotContact {
        seq: row.get(0)?,
        id: row.get(1)?,
        json: row.get(2)?,
    })
}

/// True if the run read the account before it decided. The snapshot of an empty account has no rows, but has its
/// index.
pub(crate) fn exists(run: &RunFile) -> Result<bool, RunError> {
    let query = "SELECT count(*) > 0 FROM pragma_index_list('snapshot')";
    Ok(run.planning.borrow().is_some() || run.database.value(query, [])?)
}

pub(crate) struct SnapshotWriter<'a> {
    run: &'a RunFile,
    /// The number of contacts of each owner.
    owners: HashMap<String, u64>,
}

impl<'a> SnapshotWriter<'a> {
    /// Starts a new snapshot, discarding an existing one.
    pub(crate) fn anew(run: &'a RunFile) -> Result<Self, RunError> {
        if run.held_max > 0 {
            // A new index prepares all statements again, and few are prepared now. Later, it takes less time for each
            // contact.
            run.database.execute_all(schema::SNAPSHOT_INDEX)?;
        }
        *run.planning.borrow_mut() = Some(PlanningSnapshot::new(run.path()));
        Ok(Self {
            run,
            owners: HashMap::new(),
        })
    }

    /// Continues the existing snapshot.
    pub(crate) fn resume(run: &'a RunFile) -> Result<Self, RunError> {
        run.planning
            .borrow_mut()
            .get_or_insert_with(|| PlanningSnapshot::new(run.path()));
        let owners = owners(run)?.unwrap_or_default().into_iter().collect();
        Ok(Self { run, owners })
    }

    pub(crate) fn add(&mut self, record: &SnapshotRecord) -> Result<(), RunError> {
        let owner = record.owner();
        if let Some(count) = self.owners.get_mut(&*owner) {
            *count += 1;
        } else {
            self.owners.insert(owner.into_owned(), 1);
        }
        let mut planning = self.run.planning.borrow_mut();
        let added = planning.as_mut().map(|snapshot| snapshot.add(record));
        added
            .transpose()
            .map_err(|error| self.run.io(error))
            .map(drop)
    }

    /// Makes the filled snapshot searchable by id. If an id was listed several times, only the last reading is kept;
    /// returns the number of dropped ones.
    pub(crate) fn finish(mut self, unreadable: &[UnreadableContact]) -> Result<usize, RunError> {
        let run = self.run;
        let dropped = run
            .planning
            .borrow_mut()
            .as_mut()
            .map(PlanningSnapshot::sort);
        let dropped = dropped.transpose().map_err(|error| run.io(error))?;
        let dropped = dropped.unwrap_or_default();
        for contact in &dropped {
            let owner = run.contact(contact.json.as_bytes())?.responsible_user_id;
            if let Some(count) = self.owners.get_mut(&*owner) {
                *count -= 1;
            }
        }
        run.set_fact(OWNERS, &self.owners.iter().collect::<BTreeMap<_, _>>())?;
        run.set_fact(UNREADABLE, unreadable)?;
        Ok(dropped.len())
    }
}

/// The number of contacts of each owner, if there is a snapshot.
pub(super) fn owners(run: &RunFile) -> Result<Option<BTreeMap<String, u64>>, RunError> {
    run.find_fact(OWNERS)
}

pub(crate) fn unreadable(run: &RunFile) -> Result<Vec<UnreadableContact>, RunError> {
    Ok(run.find_fact(UNREADABLE)?.unwrap_or_default())
}

/// Reads from the snapshot during planning; `None` if the run is sealed.
fn planning<T>(
    run: &RunFile,
    read: impl FnOnce(&PlanningSnapshot) -> io::Result<T>,
) -> Result<Option<T>, RunError> {
    let read = run.planning.borrow().as_ref().map(read);
    read.transpose().map_err(|error| run.io(error))
}

/// A contact of the snapshot by its id; requires [`SnapshotWriter::finish`].
pub(crate) fn find(run: &RunFile, id: &str) -> Result<Option<SnapshotContact>, RunError> {
    match planning(run, |snapshot| snapshot.find(id))? {
        Some(found) => Ok(found),
        None => run.database.row(
            "SELECT seq, id, json FROM snapshot WHERE id = ?1",
            [id],
            kept,
        ),
    }
}

/// The number of the contact with this id and exactly this JSON in the snapshot, during planning.
pub(crate) fn find_equal(run: &RunFile, id: &str, json: &[u8]) -> Result<Option<u64>, RunError> {
    Ok(planning(run, |snapshot| snapshot.find_equal(id, json))?.flatten())
}

pub(crate) fn by_seq(run: &RunFile, seq: u64) -> Result<SnapshotContact, RunError> {
    let found = match planning(run, |snapshot| snapshot.by_seq(seq))? {
        Some(found) => found,
        None => run.database.row(
            "SELECT seq, id, json FROM snapshot WHERE seq = ?1",
            [seq],
            kept,
        )?,
    };
    found.ok_or_else(|| run.damaged(format!("contact {seq} of the snapshot is missing")))
}

pub(crate) fn json(run: &RunFile, seq: u64) -> Result<String, RunError> {
    Ok(by_seq(run, seq)?.json)
}

pub(crate) fn count(run: &RunFile) -> Result<u64, RunError> {
    match &*run.planning.borrow() {
        Some(snapshot) => Ok(snapshot.count()),
        None => run.database.value("SELECT count(*) FROM snapshot", []),
    }
}

/// Calls `each` with every contact of the snapshot in order, during planning.
pub(crate) fn for_each<E: From<RunError>>(
    run: &RunFile,
    mut each: impl FnMut(SnapshotContact) -> Result<(), E>,
) -> Result<(), E> {
    let seqs = planning(run, |snapshot| Ok(snapshot.seqs()))?;
    for seq in seqs.into_iter().flatten() {
        each(by_seq(run, seq)?)?;
    }
    Ok(())
}
