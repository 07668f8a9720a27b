//! Batches of the plan, one after the other, as parcels.

use crate::{
    apply::{parcel::Parcel, suspects::Since},
    run::{Action, Contacts, RunError, RunFile, journal::Batch},
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
    block: Option<Contacts>,
    with_expected: bool,
}

impl<'a> Feed<'a> {
    /// A feed of all open batches of a run.
    #[must_use]
    pub(super) fn new(run: &'a RunFile, with_expected: bool) -> Self {
        Self {
            run,
            next_no: 0,
            block: None,
            with_expected,
        }
    }

    /// The next batches, at most `limit`; none when all have been handed out.
    ///
    /// # Errors
    /// Where the run file can't be read.
    pub(super) fn next(&mut self, limit: usize) -> Result<Vec<Job>, RunError> {
        let batches = self.run.open_batches(self.next_no, limit)?;
        if let Some(last) = batches.last() {
            self.next_no = last.no + 1;
        }
        batches.into_iter().map(|batch| self.job(batch)).collect()
    }

    fn job(&mut self, batch: Batch) -> Result<Job, RunError> {
        let mut parcel = Parcel::new(batch.action, batch.count);
        let mut expected = Vec::new();
        match batch.action.letter() {
            Some(letter) => self.add_contacts(&batch, letter, &mut parcel, &mut expected)?,
            None => self.add_removals(&batch, &mut parcel, &mut expected)?,
        }
        if parcel.len() != batch.count {
            return Err(self.run.damaged(format!(
                "batch {} says {} contacts and has {}",
                batch.no,
                batch.count,
                parcel.len()
            )));
        }
        Ok(Job {
            batch,
            parcel,
            expected,
            since: Since::default(),
            is_retrial: false,
        })
    }

    fn add_contacts(
        &mut self,
        batch: &Batch,
        letter: u8,
        parcel: &mut Parcel,
        expected: &mut Vec<Expected>,
    ) -> Result<(), RunError> {
        let run = self.run;
        let with_expected = self.with_expected;
        let looked = with_expected && batch.action == Action::Create && run.has_snapshot()?;
        let unseen = || {
            if looked {
                Expected::Absent
            } else {
                Expected::Anything
            }
        };
        let mut changes = run
            .changes(batch.first_seq, batch.last_seq)?
            .into_iter()
            .peekable();
        let mut seq = batch.first_seq;
        while seq <= batch.last_seq {
            let contacts = self.block(seq)?;
            for index in contacts.select(seq, batch.last_seq, letter) {
                let seq = contacts.first_seq + index as u64;
                while changes.next_if(|(changed, _)| *changed < seq).is_some() {}
                let change = changes
                    .next_if(|(changed, _)| *changed == seq)
                    .map(|(_, change)| change);
                let (remote, json) =
                    change.map_or((None, None), |change| (change.remote, change.json));
                parcel.push(
                    seq,
                    json.as_ref()
                        .map_or_else(|| contacts.json(index), String::as_bytes),
                );
                if with_expected {
                    expected.push(seen(run, remote)?.unwrap_or_else(unseen));
                }
            }
            seq = contacts.first_seq + contacts.len() as u64;
        }
        Ok(())
    }

    fn add_removals(
        &self,
        batch: &Batch,
        parcel: &mut Parcel,
        expected: &mut Vec<Expected>,
    ) -> Result<(), RunError> {
        for removal in self.run.removals(batch.first_seq, batch.last_seq)? {
            parcel.push(
                removal.seq,
                serde_json::Value::from(removal.id).to_string().as_bytes(),
            );
            if self.with_expected {
                expected.push(seen(self.run, removal.remote)?.unwrap_or(Expected::Anything));
            }
        }
        Ok(())
    }

    /// The block that holds a contact; batches walk forward, so it is usually the one that is at hand.
    fn block(&mut self, seq: u64) -> Result<&Contacts, RunError> {
        let at_hand = self
            .block
            .take()
            .filter(|block| (block.first_seq..block.first_seq + block.len() as u64).contains(&seq));
        let block = match at_hand {
            Some(block) => block,
            None => self.run.contacts(self.run.block_of(seq)?)?,
        };
        Ok(self.block.insert(block))
    }
}

/// A contact of the snapshot.
fn seen(run: &RunFile, remote: Option<u64>) -> Result<Option<Expected>, RunError> {
    let json = remote.map(|remote| run.remote_json(remote)).transpose()?;
    Ok(json.flatten().map(Expected::Contact))
}
