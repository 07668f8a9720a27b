//! What the rows of all tables say: counted table by table, and held against each other across them, as `import` does.

use std::{collections::BTreeMap, env, io};

use super::super::examples::{At, Examples};
use crate::{
    error::Error,
    plan::index::{IdIndex, PhoneIndex, SharedPhones},
    reject::RejectCode,
    run::{Position, Rows, StagedBlock, StagedReject},
    stage::Sink,
};

/// Contacts that are kept beyond those to show: some of the first may turn out not to be sent.
const SPARE: usize = 20;

/// Looks at every block of every table.
pub(super) struct Look {
    /// Contacts to keep of each table.
    pub kept: usize,
    tables: Vec<Found>,
    ids: IdIndex,
    phones: PhoneIndex,
}

/// What was found in the rows of a table.
#[derive(Default)]
pub(super) struct Found {
    pub rows: Rows,
    /// How many problems there are of each kind.
    pub codes: BTreeMap<String, u64>,
    /// The first contacts, with their rows.
    contacts: Vec<(u64, String)>,
    /// Rows that are rejected for what they are themselves, not for what others say.
    examples: Examples,
    /// Where its row 0 is when the rows of all tables are counted through, and where the next table's is.
    first: u64,
    end: u64,
}

/// Rows that have something in common.
pub(super) struct Repeated {
    /// Rows of one id that contradict each other: all of them are rejected.
    pub contradicting: Vec<Vec<At>>,
    /// Rows of one id that say the same: they are one contact.
    pub same: Vec<Vec<At>>,
    /// Rows with one phone and different ids.
    pub phones: SharedPhones,
}

impl Look {
    pub(super) fn new(show: usize) -> Self {
        Self {
            kept: show.saturating_add(if show == 0 { 0 } else { SPARE }),
            tables: Vec::new(),
            ids: IdIndex::new(None),
            phones: PhoneIndex::new(None),
        }
    }

    /// What comes next is of another table.
    pub(super) fn begin_table(&mut self) {
        let first = self.tables.last().map_or(0, |table| table.end);
        self.tables.push(Found {
            first,
            end: first,
            ..Found::default()
        });
    }

    fn note(&mut self, at: Position, block: &StagedBlock) -> io::Result<()> {
        let first = self.tables.last().map_or(0, |table| table.first);
        let hashes = block.id_hashes.iter().zip(&block.content_hashes);
        for (&row, (&hash, &content)) in block.rows.iter().zip(hashes) {
            let place = first + at.first_row + u64::from(row);
            self.ids.add_content(place, hash, content)?;
        }
        self.phones.add(at, block)
    }

    /// Counts every row where it ends: what contradicts another row is rejected, what says the same is merged.
    pub(super) fn finish(self) -> Result<(Vec<Found>, Repeated), Error> {
        let Self {
            mut tables,
            ids,
            phones,
            ..
        } = self;
        let named = Error::io(env::temp_dir());
        let indexes = ids
            .into_repeats()
            .and_then(|ids| Ok((ids, phones.into_groups()?)));
        let (repeats, phones) = indexes.map_err(named)?;
        let mut repeated = Repeated {
            contradicting: Vec::new(),
            same: Vec::new(),
            phones,
        };
        for (places, is_same) in repeats {
            let rows: Vec<At> = places.iter().map(|&place| locate(&tables, place)).collect();
            if is_same {
                for &(table, row) in &rows[1..] {
                    tables[table].merge(row);
                }
                repeated.same.push(rows);
            } else {
                for &(table, row) in &rows {
                    tables[table].reject(row);
                }
                repeated.contradicting.push(rows);
            }
        }
        Ok((tables, repeated))
    }
}

/// The table and the row of a place.
fn locate(tables: &[Found], place: u64) -> At {
    let behind = tables.partition_point(|table| table.first <= place);
    // An empty table begins where the next one does; the last of them has the rows.
    let table = behind.saturating_sub(1);
    (table, place - tables[table].first)
}

impl Sink for Look {
    type Error = Error;

    fn take(&mut self, at: Position, block: StagedBlock) -> Result<(), Error> {
        self.note(at, &block).map_err(Error::io(env::temp_dir()))?;
        let kept = self.kept;
        if let Some(table) = self.tables.last_mut() {
            table.add(at, block, kept);
        }
        Ok(())
    }
}

impl Found {
    fn add(&mut self, at: Position, block: StagedBlock, kept: usize) {
        self.end = self.first + at.first_row + u64::from(block.row_count);
        self.rows.read += u64::from(block.row_count);
        self.rows.blank += u64::from(block.blank);
        self.rows.contacts += block.letters.len() as u64;
        self.rows.rejected += block.rejects.len() as u64;
        let wanted = kept - self.contacts.len();
        if wanted > 0 {
            let lines = block.json().map(String::from);
            let rows = block.rows.iter().map(|&row| at.first_row + u64::from(row));
            self.contacts.extend(rows.zip(lines).take(wanted));
        }
        for StagedReject { row, problems, .. } in block.rejects {
            for problem in problems {
                *self.codes.entry(problem.code.to_string()).or_default() += 1;
                self.examples
                    .add((0, at.first_row + u64::from(row)), problem);
            }
        }
    }

    fn merge(&mut self, row: u64) {
        self.rows.contacts -= 1;
        self.rows.merged += 1;
        self.forget(row);
    }

    fn reject(&mut self, row: u64) {
        self.rows.contacts -= 1;
        self.rows.rejected += 1;
        let code = RejectCode::DuplicateId.to_string();
        *self.codes.entry(code).or_default() += 1;
        self.forget(row);
    }

    /// It is not sent, so it is not shown as what would be.
    fn forget(&mut self, row: u64) {
        if let Ok(at) = self.contacts.binary_search_by_key(&row, |(row, _)| *row) {
            self.contacts.remove(at);
        }
    }

    /// The first contacts as they would be sent.
    pub(super) fn contacts_shown(&self, show: usize) -> Vec<String> {
        let contacts = self.contacts.iter().take(show);
        contacts.map(|(_, json)| json.clone()).collect()
    }

    /// The first rows that are wrong by themselves, and how many more there are.
    pub(super) fn rejects_shown(&self) -> Vec<String> {
        self.examples.lines(|(_, row)| row.to_string())
    }
}
