//! Batches of the plan, one after the other, as parcels.

use crate::{
    apply::{parcel::Parcel, suspects::Since},
    contact::Action,
    run::{Batch, BatchReader, RunError, RunFile},
};

/// A batch that is ready to be sent.
#[derive(Debug)]
pub(super) struct Job {
    /// The batch.
    pub(super) batch: Batch,
    /// Its contacts.
    pub(super) parcel: Parcel,
    /// What the plan was made against, for each contact: only where that is to be checked before sending.
    pub(super) expected: Vec<Expected>,
    /// Since when it has been failing, if it was sent before in this run.
    pub(super) since: Since,
    /// Is it sent once more because nobody could say whose fault it was?
    pub(super) is_retrial: bool,
}

/// What the plan saw of a contact in the account.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// It did not look.
    Anything,
    /// There was none with this id.
    Absent,
    /// This.
    Contact(String),
}

/// Reads the batches that are not done, in order.
#[derive(Debug)]
pub(super) struct Feed<'a> {
    run: &'a RunFile,
    next_no: u64,
    reader: BatchReader<'a>,
    with_expected: bool,
}

impl<'a> Feed<'a> {
    /// A feed of all open batches of a run.
    #[must_use]
    pub(super) fn new(run: &'a RunFile, with_expected: bool) -> Self {
        Self {
            run,
            next_no: 0,
            reader: BatchReader::new(run),
            with_expected,
        }
    }

    /// The next batches, at most `limit`; none when all have been handed out.
    pub(super) fn next(&mut self, limit: usize) -> Result<Vec<Job>, RunError> {
        let batches = self.run.open_batches(self.next_no, limit)?;
        if let Some(last) = batches.last() {
            self.next_no = last.no + 1;
        }
        batches.into_iter().map(|batch| self.job(batch)).collect()
    }

    fn job(&mut self, batch: Batch) -> Result<Job, RunError> {
        let (run, with_expected) = (self.run, self.with_expected);
        let looked = with_expected && batch.action == Action::Create && run.has_snapshot()?;
        let unseen = || {
            if looked {
                Expected::Absent
            } else {
                Expected::Anything
            }
        };
        let mut parcel = Parcel::new(batch.action, batch.count);
        let mut expected = Vec::new();
        self.reader.each(&batch, |item| {
            parcel.push(item.seq, item.json);
            if with_expected {
                expected.push(seen(run, item.remote)?.unwrap_or_else(unseen));
            }
            Ok::<_, RunError>(())
        })?;
        Ok(Job {
            batch,
            parcel,
            expected,
            since: Since::default(),
            is_retrial: false,
        })
    }
}

/// A contact of the snapshot.
fn seen(run: &RunFile, remote: Option<u64>) -> Result<Option<Expected>, RunError> {
    let json = remote.map(|remote| run.remote_json(remote)).transpose()?;
    Ok(json.flatten().map(Expected::Contact))
}
