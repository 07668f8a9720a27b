//! Rejected rows without a readable id. If a contact has a row for each chat, such a row may be a chat of the contact
//! before or after it: without the chat, the contact would lose it.

use crate::run::StagedBlock;

/// Pairs the rejected rows without a readable id with the ids of the rows before and after them.
#[derive(Debug, Default)]
pub(super) struct NamelessRows {
    /// The hash of the last readable id.
    last: Option<u64>,
    /// The number of a nameless row after it.
    open: Option<u64>,
}

impl NamelessRows {
    /// The numbers of nameless rows, each with the hash of an id beside it. Blocks are passed in file order; `first` is
    /// the number of their first row.
    pub(super) fn beside(&mut self, block: &StagedBlock, first: u64) -> Vec<(u64, u64)> {
        let mut found = Vec::new();
        if block.rejects.is_empty() && self.open.is_none() {
            self.last = block.id_hashes.last().copied().or(self.last);
            return found;
        }
        for (row, id) in rows(block) {
            let number = first + row;
            if id.is_some() {
                found.extend(self.open.take().zip(id));
                self.last = id;
            } else {
                // The first of several such rows is enough, and a file may have millions.
                let before = self.last.filter(|_| self.open.is_none());
                found.extend(before.map(|id| (number, id)));
                self.open = Some(number);
            }
        }
        found
    }
}

/// The rows of a block in file order, with the hashes of their ids.
fn rows(block: &StagedBlock) -> Vec<(u64, Option<u64>)> {
    let contacts = block.rows.iter().zip(&block.id_hashes);
    let contacts = contacts.map(|(&row, &id)| (row.into(), Some(id)));
    let rejects = block.rejects.iter().map(|rejected| {
        let ids = &block.rejected_ids;
        let at = ids.binary_search_by_key(&rejected.row, |(row, _)| (*row).into());
        (rejected.row, at.ok().map(|at| ids[at].1))
    });
    let mut rows: Vec<_> = contacts.chain(rejects).collect();
    rows.sort_unstable();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reject::RejectedRow;

    /// A block of rows with these ids: 0 for a nameless reject, odd for a rejected row.
    fn block(ids: &[u64]) -> StagedBlock {
        let mut block = StagedBlock::default();
        for (row, &id) in (0..).zip(ids) {
            if id > 0 && id % 2 == 0 {
                block.rows.push(row);
                block.id_hashes.push(id);
                continue;
            }
            block
                .rejects
                .push(RejectedRow::of_block(row, None, Vec::new()));
            if id > 0 {
                block.rejected_ids.push((row, id));
            }
        }
        block
    }

    #[test]
    fn the_ids_before_and_after_a_nameless_row_are_found_across_blocks() {
        let mut nameless = NamelessRows::default();
        let mut beside = |ids: &[u64], first| nameless.beside(&block(ids), first);
        assert_eq!(beside(&[0, 2, 4], 10), [(10, 2)]);
        assert_eq!(beside(&[0, 0], 20), [(20, 4)]);
        assert_eq!(beside(&[6, 3, 0], 30), [(21, 6), (32, 3)]);
        assert_eq!(beside(&[8, 10], 40), [(32, 8)]);
        assert_eq!(beside(&[8, 10], 50), []);
    }
}
