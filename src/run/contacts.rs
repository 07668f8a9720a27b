//! The staged contacts: blocks of JSON lines, read back in order.

use std::collections::HashMap;

use memchr::memchr_iter;
use rusqlite::{OptionalExtension, params};

use super::{RunError, RunFile, digest};
use crate::contact::{Action, Contact};

impl Action {
    /// The letter in `action.actions`; deletes are not among the contacts of the source.
    #[must_use]
    pub const fn letter(self) -> Option<u8> {
        match self {
            Self::Create => Some(letter::CREATE),
            Self::Update => Some(letter::UPDATE),
            Self::Delete => None,
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }
}

/// The letters of `action.actions`; see [`super::schema`].
pub mod letter {
    use crate::contact::Contact;

    /// The letter of a contact that nobody has decided on.
    #[must_use]
    pub fn undecided(contact: &Contact<'_>) -> u8 {
        match contact.missing().next() {
            None => COMPLETE,
            Some(_) => PARTIAL,
        }
    }

    /// Complete, not decided.
    pub(crate) const COMPLETE: u8 = b'.';
    /// Partial, not decided.
    pub(crate) const PARTIAL: u8 = b'p';
    /// To be created.
    pub(crate) const CREATE: u8 = b'c';
    /// To be updated.
    pub(crate) const UPDATE: u8 = b'u';
    /// As it is at the API already.
    pub(crate) const UNCHANGED: u8 = b'=';
    /// Its row was merged into another row's contact.
    pub(crate) const MERGED: u8 = b'm';
    /// Rejected while planning.
    pub(crate) const REJECTED: u8 = b'x';
}

/// The contacts of one block, with a letter each.
#[derive(Debug)]
pub struct Contacts {
    /// Number of the block.
    pub block: u32,
    /// Number of the first contact.
    pub first_seq: u64,
    /// The source that they come from.
    pub source: u32,
    /// JSON, a contact a line, between brackets.
    text: Vec<u8>,
    /// Where each line begins and ends in `text`.
    lines: Vec<(u32, u32)>,
    /// What is to be done with each.
    pub letters: Vec<u8>,
    rows: Vec<(u64, u64)>,
}

impl Contacts {
    /// How many contacts the block holds.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The JSON of the `index`-th contact.
    #[must_use]
    pub(crate) fn json(&self, index: usize) -> &[u8] {
        let (start, end) = self.lines[index];
        &self.text[start as usize..end as usize]
    }

    /// The row of the `index`-th contact, as a spreadsheet counts.
    #[must_use]
    pub(crate) fn row(&self, index: usize) -> u64 {
        let index = index as u64;
        let run = self.rows.partition_point(|&(first, _)| first <= index);
        self.rows
            .get(run.wrapping_sub(1))
            .map_or(0, |&(first, row)| row + index - first)
    }

    /// The indexes of the contacts with numbers from `first_seq` to `last_seq` and that letter.
    pub(crate) fn select(
        &self,
        first_seq: u64,
        last_seq: u64,
        letter: u8,
    ) -> impl Iterator<Item = usize> {
        let from = usize::try_from(first_seq.saturating_sub(self.first_seq)).unwrap_or(usize::MAX);
        let to =
            usize::try_from((last_seq + 1).saturating_sub(self.first_seq)).unwrap_or(usize::MAX);
        let (from, to) = (from.min(self.len()), to.min(self.len()));
        (from..to.max(from)).filter(move |&index| self.letters[index] == letter)
    }
}

/// Cuts `[` line `,\n` line `]` into its lines.
pub(super) fn lines_of(text: &[u8]) -> Vec<(u32, u32)> {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let mut lines = Vec::new();
    let mut start = 1;
    for newline in memchr_iter(b'\n', text) {
        lines.push((offset(start), offset(newline - 1)));
        start = newline + 1;
    }
    if text.len() > start + 1 {
        lines.push((offset(start), offset(text.len() - 1)));
    }
    lines
}

impl RunFile {
    /// Reads a contact that was staged or seen at the API.
    pub(crate) fn contact<'a>(&self, json: &'a [u8]) -> Result<Contact<'a>, RunError> {
        serde_json::from_slice(json)
            .map_err(|error| self.damaged(format!("a contact can't be read: {error}")))
    }

    /// Writes a contact as it is staged and sent.
    pub(crate) fn json(&self, contact: &Contact<'_>) -> Result<String, RunError> {
        serde_json::to_string(contact).map_err(|error| self.damaged(error.to_string()))
    }

    /// How many blocks the run has.
    pub fn block_count(&self) -> Result<u32, RunError> {
        self.with(|connection| {
            connection.query_row("SELECT count(*) FROM action", [], |row| row.get(0))
        })
    }

    /// The contacts of a block.
    pub(crate) fn contacts(&self, block: u32) -> Result<Contacts, RunError> {
        let contacts = self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT b.first_seq, b.source, b.rows, b.contacts, a.actions, b.contact_count, b.digest, a.digest
                       FROM block b JOIN action a ON a.block = b.no WHERE b.no = ?1",
                )?
                .query_row([block], |row| {
                    let text = row.get_ref(3)?.as_bytes()?.to_vec();
                    let contacts = Contacts {
                        block,
                        first_seq: row.get(0)?,
                        source: row.get(1)?,
                        lines: lines_of(&text),
                        text,
                        letters: row.get_ref(4)?.as_bytes()?.to_vec(),
                        rows: serde_json::from_str(row.get_ref(2)?.as_str()?).unwrap_or_default(),
                    };
                    let digests: (i64, i64) = (row.get(6)?, row.get(7)?);
                    Ok((contacts, row.get::<_, usize>(5)?, digests))
                })
                .optional()
        })?;
        let (contacts, count, digests) =
            contacts.ok_or_else(|| self.damaged(format!("block {block} is missing")))?;
        let seed = u64::from(block);
        if digests
            != (
                digest(seed, &contacts.text),
                digest(seed, &contacts.letters),
            )
        {
            return Err(self.damaged(format!("the contacts of block {block} were altered")));
        }
        if contacts.len() != count || contacts.letters.len() != count {
            return Err(self.damaged(format!(
                "block {block} says {count} contacts and holds {}",
                contacts.len()
            )));
        }
        Ok(contacts)
    }

    /// The block that holds a contact.
    pub(crate) fn block_of(&self, seq: u64) -> Result<u32, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT no FROM block WHERE first_seq <= ?1 AND contact_count > 0 ORDER BY first_seq DESC, no DESC LIMIT 1",
                )?
                .query_row([seq], |row| row.get(0))
                .optional()
        })?
        .ok_or_else(|| self.damaged(format!("contact {seq} is missing")))
    }

    /// The number of a block's first contact, and what is to be done with each.
    pub fn letters(&self, block: u32) -> Result<(u64, Vec<u8>), RunError> {
        let (first_seq, letters, sum): (u64, Vec<u8>, i64) = self.with(|connection| {
            connection
                .prepare_cached("SELECT b.first_seq, a.actions, a.digest FROM block b JOIN action a ON a.block = b.no WHERE b.no = ?1")?
                .query_row([block], |row| {
                    Ok((row.get(0)?, row.get_ref(1)?.as_bytes()?.to_vec(), row.get(2)?))
                })
        })?;
        if digest(block.into(), &letters) != sum {
            return Err(self.damaged(format!("the letters of block {block} were altered")));
        }
        Ok((first_seq, letters))
    }

    /// Writes what is to be done with each contact of a block.
    pub(crate) fn set_letters(&self, block: u32, letters: &[u8]) -> Result<(), RunError> {
        let text = str::from_utf8(letters).map_err(|error| self.damaged(error.to_string()))?;
        self.with(|connection| {
            connection
                .prepare_cached("UPDATE action SET actions = ?2, digest = ?3 WHERE block = ?1")?
                .execute(params![block, text, digest(block.into(), letters)])
                .map(drop)
        })
    }

    /// The JSON that a contact of the source was to have in the account, where it is not rejected or merged.
    pub fn expected(&self, block: u32) -> Result<Vec<String>, RunError> {
        let contacts = self.contacts(block)?;
        let last_seq = (contacts.first_seq + contacts.len() as u64).saturating_sub(1);
        let changes = self.changes(contacts.first_seq, last_seq)?;
        let mut changes: HashMap<_, _> = changes.into_iter().collect();
        Ok((0..contacts.len())
            .filter(|&index| !matches!(contacts.letters[index], letter::MERGED | letter::REJECTED))
            .map(|index| {
                let change = changes.remove(&(contacts.first_seq + index as u64));
                change
                    .and_then(|change| change.json)
                    .unwrap_or_else(|| String::from_utf8_lossy(contacts.json(index)).into_owned())
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_between_the_brackets() {
        let cut = |text: &'static str| -> Vec<&str> {
            lines_of(text.as_bytes())
                .into_iter()
                .map(|(start, end)| &text[start as usize..end as usize])
                .collect()
        };
        assert_eq!(cut("[]"), Vec::<&str>::new());
        assert_eq!(cut("[{\"a\":1}]"), ["{\"a\":1}"]);
        assert_eq!(cut("[{\"a\":1},\n{\"a\":2}]"), ["{\"a\":1}", "{\"a\":2}"]);
    }

    #[test]
    fn rows_are_counted_from_the_run_that_a_contact_is_in() {
        let contacts = Contacts {
            block: 0,
            first_seq: 10,
            source: 0,
            text: Vec::new(),
            lines: vec![(0, 0); 5],
            letters: b"cucuc".to_vec(),
            rows: vec![(0, 2), (3, 9)],
        };
        assert_eq!(
            (0..5).map(|index| contacts.row(index)).collect::<Vec<_>>(),
            [2, 3, 4, 9, 10]
        );
        assert_eq!(contacts.select(11, 14, b'c').collect::<Vec<_>>(), [2, 4]);
        assert_eq!(contacts.select(0, 10, b'c').collect::<Vec<_>>(), [0]);
    }
}
