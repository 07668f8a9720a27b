//! Reads back the staged contacts of a block, with the decision on each.

use std::{collections::HashMap, ops::Range, sync::Arc};

use memchr::memchr_iter;
use rusqlite::params;

use super::{Change, RunError, RunFile, changes, column};
use crate::{
    contact::{Contact, Operation},
    reject::{Problem, RejectedAt, RejectedRow},
};

/// The decision on a contact of the source. The value is its code in `decision.codes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::FromRepr, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
#[repr(u8)]
pub(crate) enum Decision {
    /// Not decided yet; the contact has all required fields.
    Complete = b'.',
    /// Not decided yet; the contact lacks required fields.
    Partial = b'p',
    /// Not decided yet; a chat of the row could not be read, so none of the account's chats is removed.
    Lossy = b'l',
    Create = b'c',
    Update = b'u',
    Unchanged = b'=',
    /// Its row was merged into another row's contact.
    Merged = b'm',
    Rejected = b'x',
}

impl Decision {
    /// The decision on a contact until it is compared with the account.
    pub(crate) fn undecided(contact: &Contact<'_>) -> Self {
        if contact.is_complete() {
            Self::Complete
        } else {
            Self::Partial
        }
    }

    /// The decision on the contacts of a batch; `None` for deletes, which are not contacts of the source.
    pub(super) const fn of(operation: Operation) -> Option<Self> {
        match operation {
            Operation::Create => Some(Self::Create),
            Operation::Update => Some(Self::Update),
            Operation::Delete => None,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        if self.is_undecided() {
            "undecided"
        } else {
            self.into()
        }
    }

    pub(crate) const fn is_undecided(self) -> bool {
        matches!(self, Self::Complete | Self::Partial | Self::Lossy)
    }
}

#[derive(Debug)]
pub(crate) struct Contacts {
    pub block: u32,
    pub first_seq: u64,
    pub source: u32,
    /// One JSON contact per line, within brackets.
    text: Arc<Vec<u8>>,
    /// Start and end of each line in `text`.
    lines: Vec<(u32, u32)>,
    pub decisions: Vec<Decision>,
    rows: Vec<(u64, u64)>,
}

impl Contacts {
    pub(crate) fn read(run: &RunFile, block: u32) -> Result<Self, RunError> {
        let altered = || run.damaged(format!("the contacts of block {block} were altered"));
        let held = run.held.borrow();
        let held = held.get(&block).map(|texts| Arc::clone(&texts.contacts));
        let read = run.database.row(
            "SELECT b.first_seq, b.source, b.rows, b.contacts, b.contact_count, b.hash, d.codes, d.hash
               FROM block b JOIN decision d ON d.block = b.no WHERE b.no = ?1",
            [block],
            |row| {
                let contacts = Self {
                    block,
                    first_seq: row.get(0)?,
                    source: row.get(1)?,
                    text: Arc::default(),
                    lines: Vec::new(),
                    decisions: Vec::new(),
                    rows: column::json(row, 2)?,
                };
                let packed = row.get_ref(3)?.as_blob()?;
                let is_as_stored = column::text_hash(block.into(), packed) == row.get::<_, i64>(5)?;
                let unpack = || is_as_stored.then(|| column::unpack(packed).ok().map(Arc::new));
                let text = held.or_else(|| unpack().flatten());
                let codes = row.get_ref(6)?.as_bytes()?.to_vec();
                Ok((contacts, text, codes, row.get::<_, usize>(4)?, row.get(7)?))
            },
        )?;
        let (mut contacts, text, codes, count, codes_hash) =
            read.ok_or_else(|| run.damaged(format!("block {block} is missing")))?;
        contacts.text = text.ok_or_else(altered)?;
        contacts.lines = lines_of(&contacts.text);
        contacts.decisions = decode(run, block, &codes, codes_hash)?;
        if contacts.len() != count || contacts.decisions.len() != count {
            return Err(run.damaged(format!(
                "block {block} should have {count} contacts and has {}",
                contacts.len()
            )));
        }
        Ok(contacts)
    }

    /// The block that contains a contact; returns `at_hand` if it is that block.
    pub(crate) fn around(run: &RunFile, at_hand: Option<Self>, seq: u64) -> Result<Self, RunError> {
        if let Some(contacts) = at_hand
            && contacts.seqs().contains(&seq)
        {
            return Ok(contacts);
        }
        let contacts = Self::read(run, last_block(run, |first_seq, _| first_seq <= seq)?)?;
        if contacts.seqs().contains(&seq) {
            Ok(contacts)
        } else {
            Err(run.damaged(format!("contact {seq} is missing")))
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn seqs(&self) -> Range<u64> {
        self.first_seq..self.first_seq + self.len() as u64
    }

    pub(crate) const fn seq(&self, index: usize) -> u64 {
        self.first_seq + index as u64
    }

    pub(crate) fn index(&self, seq: u64) -> usize {
        usize::try_from(seq.saturating_sub(self.first_seq)).unwrap_or(usize::MAX)
    }

    pub(crate) fn json(&self, index: usize) -> &[u8] {
        let (start, end) = self.lines[index];
        &self.text[start as usize..end as usize]
    }

    /// The JSON of the `index`-th contact as planned: that of its change, if it has one.
    pub(crate) fn json_with<'a>(
        &'a self,
        index: usize,
        changes: &'a HashMap<u64, Change>,
    ) -> &'a [u8] {
        let change = changes.get(&self.seq(index));
        let json = change.and_then(|change| change.json.as_deref());
        json.map_or_else(|| self.json(index), str::as_bytes)
    }

    /// The row of the `index`-th contact, as a spreadsheet numbers it.
    pub(crate) fn row(&self, index: usize) -> u64 {
        let index = index as u64;
        let run = self.rows.partition_point(|&(first, _)| first <= index);
        self.rows
            .get(run.wrapping_sub(1))
            .map_or(0, |&(first, row)| {
                row.saturating_add(index.saturating_sub(first))
            })
    }

    /// The reject of the `index`-th contact.
    pub(crate) fn rejected<'a>(
        &self,
        index: usize,
        id: &'a str,
        at: RejectedAt,
        problems: &'a [Problem],
    ) -> RejectedRow<'a> {
        RejectedRow {
            source: self.source,
            row: self.row(index),
            seq: Some(self.seq(index)),
            id: Some(id.into()),
            at,
            problems: problems.into(),
        }
    }

    /// The indexes of the contacts with these numbers and this decision.
    pub(crate) fn select(
        &self,
        seqs: Range<u64>,
        decision: Decision,
    ) -> impl Iterator<Item = usize> {
        let from = self.index(seqs.start).min(self.len());
        let to = self.index(seqs.end).clamp(from, self.len());
        (from..to).filter(move |&index| self.decisions[index] == decision)
    }
}

/// Finds the last block for which `is_reached(first_seq, (source, first_row))` is true; both ascend from block to
/// block. A linear search would read a page of every block, which is quadratic for a large source.
pub(super) fn last_block(
    run: &RunFile,
    is_reached: impl Fn(u64, (u32, u64)) -> bool,
) -> Result<u32, RunError> {
    let (mut last, mut end) = (0_u32, block_count(run)?);
    while end - last > 1 {
        let middle = last.midpoint(end);
        let start = run.database.row(
            "SELECT first_seq, source, first_row FROM block WHERE no = ?1",
            [middle],
            |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))),
        )?;
        let (first_seq, first_row) =
            start.ok_or_else(|| run.damaged(format!("block {middle} is missing")))?;
        if is_reached(first_seq, first_row) {
            last = middle;
        } else {
            end = middle;
        }
    }
    Ok(last)
}

pub(crate) fn block_count(run: &RunFile) -> Result<u32, RunError> {
    // Unlike the count of the rows, the largest number is found without reading all of them.
    run.database
        .value("SELECT coalesce(max(block) + 1, 0) FROM decision", [])
}

/// Splits `[` line `,\n` line `]` into its lines.
pub(super) fn lines_of(text: &[u8]) -> Vec<(u32, u32)> {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let mut lines = Vec::new();
    let mut start = 1;
    for newline in memchr_iter(b'\n', text) {
        // In a file of another author, a line end may be anywhere.
        let end = newline.saturating_sub(1).max(start);
        lines.push((offset(start), offset(end)));
        start = newline + 1;
    }
    if text.len() > start + 1 {
        lines.push((offset(start), offset(text.len() - 1)));
    }
    lines
}

/// The number of a block's first contact, and the decision on each.
pub(crate) fn decisions(run: &RunFile, block: u32) -> Result<(u64, Vec<Decision>), RunError> {
    let read = run.database.row(
        "SELECT b.first_seq, d.codes, d.hash FROM block b JOIN decision d ON d.block = b.no WHERE b.no = ?1",
        [block],
        |row| Ok((row.get(0)?, row.get_ref(1)?.as_bytes()?.to_vec(), row.get(2)?)),
    )?;
    let (first_seq, codes, hash) =
        read.ok_or_else(|| run.damaged(format!("block {block} is missing")))?;
    Ok((first_seq, decode(run, block, &codes, hash)?))
}

fn decode(run: &RunFile, block: u32, codes: &[u8], hash: i64) -> Result<Vec<Decision>, RunError> {
    let mut decisions = Vec::with_capacity(codes.len());
    decisions.extend(codes.iter().map_while(|&code| Decision::from_repr(code)));
    Some(decisions)
        .filter(|decisions| decisions.len() == codes.len())
        .filter(|_| column::text_hash(block.into(), codes) == hash)
        .ok_or_else(|| run.damaged(format!("the decisions of block {block} were altered")))
}

pub(crate) fn set_decisions(
    run: &RunFile,
    block: u32,
    decisions: &[Decision],
) -> Result<(), RunError> {
    let codes: String = decisions.iter().map(|&it| char::from(it as u8)).collect();
    run.database.execute(
        "INSERT OR REPLACE INTO decision VALUES (?1, ?2, ?3)",
        params![
            block,
            codes,
            column::text_hash(block.into(), codes.as_bytes())
        ],
    )
}

/// The JSON that each contact of a block should have in the account. Rejected and merged contacts are skipped, and
/// so are unchanged ones that were not compared.
pub(crate) fn expected(
    run: &RunFile,
    block: u32,
    are_compared: bool,
) -> Result<Vec<(String, Decision)>, RunError> {
    let contacts = Contacts::read(run, block)?;
    let changes = changes::of(run, contacts.seqs())?;
    let wanted = (0..contacts.len()).filter(|&index| match contacts.decisions[index] {
        Decision::Merged | Decision::Rejected => false,
        Decision::Unchanged => are_compared,
        _ => true,
    });
    Ok(wanted
        .map(|index| {
            let json = String::from_utf8_lossy(contacts.json_with(index, &changes));
            (json.into_owned(), contacts.decisions[index])
        })
        .collect())
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
        use Decision::{Create, Update};
        let contacts = Contacts {
            block: 0,
            first_seq: 10,
            source: 0,
            text: Arc::default(),
            lines: vec![(0, 0); 5],
            decisions: vec![Create, Update, Create, Update, Create],
            rows: vec![(0, 2), (3, 9)],
        };
        assert_eq!(
            (0..5).map(|index| contacts.row(index)).collect::<Vec<_>>(),
            [2, 3, 4, 9, 10]
        );
        assert_eq!(contacts.select(11..15, Create).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(contacts.select(0..11, Create).collect::<Vec<_>>(), [0]);
    }
}
