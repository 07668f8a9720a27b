//! What a run wrote, contact by contact, with what was there before: what undo works from.

use crate::contact::Action;

use super::{BatchReader, Fate, RunError, RunFile};

/// A contact of a batch that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// The contact's id.
    pub id: String,
    /// What was done with it, as far as is known; nothing where it was refused or left out.
    pub fate: Option<Fate>,
    /// What the account showed before, where the run looked.
    pub before: Option<String>,
    /// What was sent; nothing for deletes.
    pub after: Option<String>,
}

impl RunFile {
    /// How many contacts are in batches that were sent, answered or not.
    pub(crate) fn written_count(&self) -> Result<u64, RunError> {
        self.with(|connection| {
            connection.query_row(
                "SELECT coalesce(sum(count), 0) FROM batch WHERE state <> 'planned'",
                [],
                |row| row.get(0),
            )
        })
    }

    /// The contacts of the next batch from number `from` on that was sent, and that batch's number. The reader is one
    /// of this run.
    pub(crate) fn written(
        &self,
        reader: &mut BatchReader<'_>,
        from: u64,
    ) -> Result<Option<(u64, Vec<Written>)>, RunError> {
        let Some(batch) = self.sent_batch(from)? else {
            return Ok(None);
        };
        let fates = self.fates(batch.no)?;
        let fate = |seq: u64| match fates.get(&seq) {
            None => Some(Fate::expected(batch.action)),
            Some(Fate::Failed | Fate::Stale) => None,
            Some(&fate) => Some(fate),
        };
        let mut written = Vec::with_capacity(batch.count);
        reader.each(&batch, |item| {
            let remote = item.remote.map(|remote| self.remote_json(remote));
            let is_sent = batch.action != Action::Delete;
            written.push(Written {
                id: batch.id_of(self, &item)?,
                fate: fate(item.seq),
                before: remote.transpose()?.flatten(),
                after: is_sent.then(|| String::from_utf8_lossy(item.json).into_owned()),
            });
            Ok::<_, RunError>(())
        })?;
        Ok(Some((batch.no, written)))
    }
}
